//! The seed of a run, as a person asks for it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;

/// `7`, or `random` for one that nobody chose.
///
/// ```
/// use airtight::Seed;
///
/// assert_eq!("7".parse(), Ok(Seed::Number(7)));
/// assert_eq!("random".parse(), Ok(Seed::Random));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seed {
    /// This one.
    Number(u64),
    /// Another seed in each run: a test that depends on the order of a hash map then fails sooner or later.
    Random,
}

/// Text that is not a seed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a seed; write a whole number below 2^64, or `random`")]
pub struct SeedError(String);

impl FromStr for Seed {
    type Err = SeedError;

    fn from_str(text: &str) -> Result<Self, SeedError> {
        match text {
            "random" => Ok(Self::Random),
            _ => text.parse().map(Self::Number).map_err(|_| SeedError(text.to_owned())),
        }
    }
}

impl Seed {
    /// The number. A random one comes from the operating system, and is short enough to be typed.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Random => u64::from(RandomState::new().build_hasher().finish() as u32),
        }
    }
}

/// An order of `tests` tests: the one that this number stands for.
pub(crate) fn order(tests: usize, number: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tests).collect();
    let mut random = ChaCha8Rng::seed_from_u64(number);
    // Fisher-Yates by hand: any minor version of `rand` may change the order that its own shuffle makes of a seed, and a
    // seed has to stand for one order. The bias of the remainder does not matter for an order.
    for at in (1..tests).rev() {
        order.swap(at, (random.next_u64() % (at as u64 + 1)) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_random() {
        assert_eq!("18446744073709551615".parse(), Ok(Seed::Number(u64::MAX)));
        assert_eq!("random".parse(), Ok(Seed::Random));
        for wrong in ["", "-1", "0x7", "Random", "18446744073709551616"] {
            assert!(wrong.parse::<Seed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_random_seed_is_another_each_time() {
        assert_eq!(Seed::Number(7).number(), 7);
        let drawn: std::collections::HashSet<u64> = (0..8).map(|_| Seed::Random.number()).collect();
        assert!(drawn.len() > 4, "{drawn:?}");
    }
}
