//! Whether a second run of a test is wanted, and whether it is possible.

use super::{Clock, LeakAction, LeakSetting, Limit, Mode, Policy};
use crate::model::HeapKind;

impl Policy {
    /// Whether tests could disturb each other: they share directories of the host that they may write to, and the host's
    /// network. Of everything else, each test has its own.
    pub fn shares(&self) -> bool {
        let writes = self.dirs.iter().any(|dir| dir.mode == Mode::ReadWrite);
        writes || !self.sockets.is_empty() || !self.outbound.is_empty()
    }

    /// Whether the policy needs to know which heap blocks are lost and which are retained.
    #[must_use]
    pub fn asks_for_blocks(&self) -> bool {
        let of_blocks = [LeakSetting::Heap, LeakSetting::Retained];
        of_blocks.into_iter().any(|setting| self.leaks.get(setting) != LeakAction::Ignore)
            || self.limits.values().iter().any(|(limit, _)| is_of_leftovers(limit))
    }

    /// A grant, in words, because of which a second run might differ from the first or would change something on the host
    /// again. `None` if a second run does no harm and is the same.
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
