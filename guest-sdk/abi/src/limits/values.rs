//! Values of limits, by limit.

use super::Limit;

/// A value for each limit that is set. A limit that is not set is left as it is by whoever applies the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitValues([Option<u64>; Limit::COUNT]);

impl LimitValues {
    /// No value at all.
    pub const NONE: Self = Self([None; Limit::COUNT]);

    /// The value of a limit: bytes, fuel, a count or milliseconds.
    pub const fn get(&self, limit: Limit) -> Option<u64> {
        self.0[limit as usize]
    }

    /// Sets a limit, or takes its value away.
    pub const fn set(&mut self, limit: Limit, value: Option<u64>) {
        self.0[limit as usize] = value;
    }

    /// The same values with one more.
    #[must_use]
    pub const fn with(mut self, limit: Limit, value: u64) -> Self {
        self.set(limit, Some(value));
        self
    }

    /// These values, and `weaker` ones for limits that they do not set.
    #[must_use]
    pub fn or(&self, weaker: &Self) -> Self {
        let mut both = *self;
        for limit in Limit::ALL {
            both.set(limit, self.get(limit).or(weaker.get(limit)));
        }
        both
    }

    /// The limits that are set, in the order of the table, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (Limit, u64)> + '_ {
        Limit::ALL.into_iter().filter_map(|limit| Some((limit, self.get(limit)?)))
    }
}

impl Default for LimitValues {
    fn default() -> Self {
        Self::NONE
    }
}

impl FromIterator<(Limit, u64)> for LimitValues {
    fn from_iter<I: IntoIterator<Item = (Limit, u64)>>(values: I) -> Self {
        values.into_iter().fold(Self::NONE, |set, (limit, value)| set.with(limit, value))
    }
}
