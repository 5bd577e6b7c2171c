//! Seeded randomness: the same bytes for the same test and seed, on every machine.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The generator of one test, made at the test's first request.
#[derive(Clone)]
pub struct Random {
    seed: u64,
    test: Arc<str>,
    generator: Option<ChaCha12Rng>,
}

impl Random {
    /// The generator of the test with this name, in a run with this seed.
    pub fn new(seed: u64, test: Arc<str>) -> Self {
        Self { seed, test, generator: None }
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        let generator = self.generator.get_or_insert_with(|| {
            let mut hash = Sha256::new();
            hash.update(self.seed.to_le_bytes());
            hash.update(self.test.as_bytes());
            ChaCha12Rng::from_seed(hash.finalize().into())
        });
        generator.fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    fn first(seed: u64, test: &str) -> [u8; 16] {
        let mut bytes = [0; 16];
        Random::new(seed, test.into()).fill(&mut bytes);
        bytes
    }

    #[test]
    fn depends_on_seed_and_test_alone() {
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }
}
