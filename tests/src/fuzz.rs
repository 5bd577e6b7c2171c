//! Runners of generated cases: a few cases, the same every time, unless the environment asks for more or for others.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// How many cases to run.
pub const CASES: &str = "AIRTIGHT_FUZZ_CASES";

/// A number that decides which.
pub const SEED: &str = "AIRTIGHT_FUZZ_SEED";

/// The cases that the environment asks for, or the first `smoke` of those of seed 0.
///
/// # Panics
/// If the environment does not ask in numbers.
pub fn asked_for(smoke: u32) -> TestRunner {
    properties(number(CASES).unwrap_or(smoke), number(SEED).unwrap_or(0))
}

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number that can be used")))
}

/// So many cases, which the seed alone decides.
pub fn properties(cases: u32, seed: u64) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}
