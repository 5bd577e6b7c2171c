//! The addresses of the paths that a guest gave to calls.
//!
//! wasi-libc keeps the address of the last path in a static of its own, for its next call. It points into whatever holds
//! the path, and nobody means to keep that alive by it.

use std::collections::VecDeque;

/// Addresses that are remembered: many more than wasi-libc keeps.
const REMEMBERED: usize = 64;

/// The last addresses, each once.
#[derive(Debug, Clone, Default)]
pub struct GivenPaths(VecDeque<u32>);

impl GivenPaths {
    /// A path that begins at this address was given to a call.
    pub fn note(&mut self, address: u32) {
        if let Some(at) = self.0.iter().position(|known| *known == address) {
            self.0.remove(at);
        } else if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(address);
    }

    /// Whether one of the last paths begins at this address.
    pub fn contains(&self, address: u32) -> bool {
        self.0.contains(&address)
    }

    /// Whether no path was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered() {
        let mut given = GivenPaths::default();
        assert!(given.is_empty());
        given.note(7);
        let others = 100..100 + REMEMBERED as u32;
        for other in others.clone().skip(1) {
            given.note(other);
        }
        given.note(7);
        assert!(given.contains(7) && given.contains(101), "nothing was forgotten");
        given.note(8);
        assert!(given.contains(7) && !given.contains(101), "the one that was given longest ago was");
        assert_eq!(given.0.len(), REMEMBERED);
    }
}
