//! Generated sequences of WASI calls, compared with a model of what the ledger must say at the end.
//!
//! A case is a module that opens, closes, renumbers, reads, writes, removes and renames at random, through valid and
//! invalid descriptors, in the scratch file system, in a directory of the host and in an overlay of one. It ends in one of
//! the ways in which a test can end. The model in `model.rs` is a map of descriptors and a tree of names. It predicts the
//! answer to every call, and the handles open at the end: kinds, descriptors, paths, modes, bytes and order, and the most
//! handles at once.
//!
//! `cargo test` runs a few hundred cases, the same every time. For a run of any length with other cases:
//!
//! ```console
//! $ AIRTIGHT_FUZZ_CASES=1000000 AIRTIGHT_FUZZ_SEED=7 cargo test --release -p airtight-tests --test fuzz_ledger -- --nocapture
//! ```
//!
//! A counterexample is shrunk and printed; the same number and seed find it again.

mod case;
mod model;
mod steps;
mod tree;

use airtight_tests::fuzz;
use case::Bench;
use model::Flaw;
use proptest::test_runner::TestError;

/// Cases of a run that nobody asked to be longer.
const SMOKE: u32 = 300;

#[test]
fn the_ledger_says_what_a_model_predicts() {
    let bench = Bench::new();
    if let Err(error) = fuzz::asked_for(SMOKE).run(&steps::cases(), |case| bench.check(&case, None)) {
        panic!("{error}");
    }
}

/// The oracle is awake: a model that is wrong in one way is found out, whichever it is.
#[test]
fn a_wrong_model_is_found_out() {
    let bench = Bench::new();
    for flaw in Flaw::ALL {
        let found = fuzz::properties(5_000, 0).run(&steps::cases(), |case| bench.check(&case, Some(flaw)));
        assert!(matches!(found, Err(TestError::Fail(..))), "nothing contradicts a model with the flaw {flaw:?}");
    }
}
