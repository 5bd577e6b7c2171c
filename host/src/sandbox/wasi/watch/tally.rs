//! How many things there are, by where they were made.

use crate::ledger::Stack;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// More of one place are the same as so many: a loop comes to the same after its second round.
const MANY: u32 = 2;

/// A place as a number.
pub fn place(stack: &Stack) -> u64 {
    hashed(stack)
}

fn hashed(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// How many things there are of each place: none, one or several.
#[derive(Debug, Default)]
pub struct Tally {
    counts: HashMap<u64, u32>,
    /// The sum of a number for each place and count.
    figure: u64,
}

impl Tally {
    /// A figure that is the same where there is the same of each place.
    pub fn figure(&self) -> u64 {
        self.figure
    }

    pub fn add(&mut self, place: u64) {
        let count = self.counts.entry(place).or_default();
        let before = *count;
        *count += 1;
        self.changed(place, before, before + 1);
    }

    pub fn take(&mut self, place: u64) {
        let Some(before) = self.counts.get(&place).copied() else { return };
        match before {
            0 | 1 => drop(self.counts.remove(&place)),
            _ => drop(self.counts.insert(place, before - 1)),
        }
        self.changed(place, before, before.saturating_sub(1));
    }

    fn changed(&mut self, place: u64, before: u32, after: u32) {
        let of = |count: u32| if count == 0 { 0 } else { hashed((place, count.min(MANY))) };
        self.figure = self.figure.wrapping_sub(of(before)).wrapping_add(of(after));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_none_and_one_and_several_apart_by_place() {
        let mut tally = Tally::default();
        let mut figures = vec![tally.figure()];
        for place in [7, 8, 7] {
            tally.add(place);
            figures.push(tally.figure());
        }
        let different: std::collections::HashSet<_> = figures.iter().collect();
        assert_eq!(different.len(), 4);
        tally.add(7);
        assert_eq!(tally.figure(), figures[3], "three are as many as two");
        for (place, expected) in [(7, 3), (7, 2)] {
            tally.take(place);
            assert_eq!(tally.figure(), figures[expected]);
        }
        tally.take(8);
        assert_eq!(tally.figure(), figures[1], "in whatever order");
        tally.take(7);
        tally.take(7);
        assert_eq!(tally.figure(), figures[0]);
    }
}
