//! What showed a bug of airtight's own while a guest ran.

use super::entry::panic_message;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A bug of airtight's own that a run showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostBug(pub String);

impl HostBug {
    /// The bug that host descriptors are still open, if some are.
    pub fn of_descriptors(open: u64) -> Result<(), Self> {
        match open {
            0 => Ok(()),
            open => Err(Self(format!("host descriptors that were opened for them and are still open: {open}"))),
        }
    }
}

/// Does what runs a guest. That the host panics there is no end of the others.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, HostBug> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|panic| HostBug(format!("the host panicked: {}", panic_message(&*panic))))
}
