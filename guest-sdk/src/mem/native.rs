//! Nobody to ask.

use airtight_abi::mem::MemStats;

pub(super) fn stats() -> Option<MemStats> {
    None
}

pub(super) fn mark() -> Option<MemStats> {
    None
}
