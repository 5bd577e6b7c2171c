//! Generated sequences of WASI calls, against a model of what the ledger must say at the end.
//!
//! A case is a module that opens, closes, renumbers, reads, writes, removes and renames at random, through descriptors good
//! and bad, in the scratch file system and in a host directory, and ends in one of the ways a test can end. The model in
//! `model.rs` is a map of descriptors and a tree of names; it predicts the answer to every call, and what is open at the end:
//! kinds, descriptors, paths, modes, bytes and order, and the most handles at once.
//!
//! `cargo test` runs a few hundred cases, the same ones every time. For a long run, of any length and with other cases:
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

use case::Bench;
use model::Flaw;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// Cases of a run that nobody asked to be longer.
const SMOKE: u32 = 300;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}

/// A runner of properties whose cases depend on the seed alone.
fn properties(cases: u32, seed: u64) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

#[test]
fn the_ledger_says_what_a_model_predicts() {
    let cases = number("AIRTIGHT_FUZZ_CASES").map_or(SMOKE, |cases| u32::try_from(cases).unwrap_or(u32::MAX));
    let bench = Bench::new();
    let mut properties = properties(cases, number("AIRTIGHT_FUZZ_SEED").unwrap_or(0));
    if let Err(error) = properties.run(&steps::cases(), |case| bench.check(&case, None)) {
        panic!("{error}");
    }
}

/// The oracle is awake: a model that is wrong in one way is found out, whichever it is.
#[test]
fn a_wrong_model_is_found_out() {
    let bench = Bench::new();
    for flaw in Flaw::ALL {
        let found = properties(5_000, 0).run(&steps::cases(), |case| bench.check(&case, Some(flaw)));
        assert!(matches!(found, Err(TestError::Fail(..))), "nothing contradicts a model with the flaw {flaw:?}");
    }
}
