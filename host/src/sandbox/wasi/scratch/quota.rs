use crate::model::Limit;
use crate::sandbox::wasi::resolve::{FsError, Result};

/// How much of its quota a file system uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaUsage {
    /// Bytes of file contents (blocks that were written or reserved), names and targets of symbolic links.
    pub bytes: u64,
    /// Names, plus open files without a name. The root is not counted.
    pub entries: u64,
}

/// The limits, and the amounts charged against them.
#[derive(Debug, Clone)]
pub(super) struct Quota {
    pub(super) max: QuotaUsage,
    pub(super) used: QuotaUsage,
    /// The first limit because of which something was refused.
    pub(super) refused: Option<Limit>,
}

impl Quota {
    pub(super) const fn new(bytes: u64, entries: u64) -> Self {
        Self { max: QuotaUsage { bytes, entries }, used: QuotaUsage { bytes: 0, entries: 0 }, refused: None }
    }

    /// Charges both amounts, or neither.
    pub(super) fn charge(&mut self, bytes: u64, entries: u64) -> Result<()> {
        let entries = self.used.entries.checked_add(entries).filter(|sum| *sum <= self.max.entries);
        let bytes = self.used.bytes.checked_add(bytes).filter(|sum| *sum <= self.max.bytes);
        match (bytes, entries) {
            (Some(bytes), Some(entries)) => {
                self.used = QuotaUsage { bytes, entries };
                Ok(())
            }
            (None, _) => Err(self.refuse(Limit::Scratch)),
            (_, None) => Err(self.refuse(Limit::ScratchEntries)),
        }
    }

    /// Notes that a call is refused for lack of room.
    pub(super) fn refuse(&mut self, limit: Limit) -> FsError {
        self.refused.get_or_insert(limit);
        FsError::Nospc
    }

    /// Gives back an amount that was charged.
    pub(super) fn refund(&mut self, bytes: u64, entries: u64) {
        debug_assert!(bytes <= self.used.bytes && entries <= self.used.entries);
        self.used.bytes = self.used.bytes.saturating_sub(bytes);
        self.used.entries = self.used.entries.saturating_sub(entries);
    }

    /// How many bytes can still be charged.
    pub(super) fn free_bytes(&self) -> u64 {
        self.max.bytes.saturating_sub(self.used.bytes)
    }
}
