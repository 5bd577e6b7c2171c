//! When a test is run a second time, and when it may be.

use super::{Clock, LeakAction, LeakSetting, Limit, Mode, Policy};
use crate::model::HeapKind;

impl Policy {
    /// Whether a test could meet another one: in what the host has once. Whatever else there is, each test has of its own.
    pub fn shares(&self) -> bool {
        let writes = self.dirs.iter().any(|dir| dir.mode == Mode::ReadWrite);
        writes || !self.sockets.is_empty() || !self.outbound.is_empty()
    }

    /// Whether anybody asks which blocks of the heap are left, lost or retained.
    #[must_use]
    pub fn asks_for_blocks(&self) -> bool {
        let of_blocks = [LeakSetting::Heap, LeakSetting::Retained];
        of_blocks.into_iter().any(|setting| self.leaks.get(setting) != LeakAction::Ignore)
            || self.limits.values().iter().any(|(limit, _)| is_of_leftovers(limit))
    }

    /// What a test is granted that makes a second run of it another one, or that a second run would change once more: in
    /// words. `None` where a second run does no harm and is the same.
    #[must_use]
    pub fn unrepeatable(&self) -> Option<&'static str> {
        if self.clock == Clock::Real {
            return Some("the real clock");
        }
        if self.dirs.iter().any(|dir| dir.mode == Mode::ReadWrite) {
            return Some("a directory that it may write to");
        }
        if !self.sockets.is_empty() {
            return Some("a socket");
        }
        (!self.outbound.is_empty()).then_some("addresses to connect to")
    }
}

/// Whether a limit is on blocks that are left at the end.
fn is_of_leftovers(limit: Limit) -> bool {
    limit.row().heap.is_some_and(|figure| matches!(figure.kind, HeapKind::Leftover(_)))
}
