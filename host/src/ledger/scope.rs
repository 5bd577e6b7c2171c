//! Scopes: the test itself and its subtests, each of which is within another one.

/// The key of a scope within its test: 0 is the test itself, and subtests count up from 1 in the order in which they begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(pub u32);

impl ScopeId {
    /// The test itself.
    pub const TEST: Self = Self(0);
}
