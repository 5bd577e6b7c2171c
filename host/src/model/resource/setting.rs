//! The settings of `leaks` in `airtight.toml`: which of them decides about what.

/// A key of the table `leaks`: what it governs has one action (`fail`, `show`, `ignore`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeakSetting {
    /// Files, directories and sockets.
    Handles,
    /// Lost heap blocks: those that nothing reaches at the end.
    Heap,
    /// Retained heap blocks: those that static data still reaches at the end.
    Retained,
    /// Files left in the scratch file system.
    Residue,
}

impl LeakSetting {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Handles, Self::Heap, Self::Retained, Self::Residue];

    /// The setting of this key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.key() == key)
    }

    /// The key in `airtight.toml`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Handles => "handles",
            Self::Heap => "heap",
            Self::Retained => "retained",
            Self::Residue => "residue",
        }
    }
}
