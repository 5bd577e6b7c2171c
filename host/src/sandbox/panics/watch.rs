//! Keeps what the hooks tell of panics while a test runs.

use crate::instrument::HookKind;
use crate::ledger::RawFrame;
use crate::symbols::Symbols;
use std::sync::Arc;

/// Where a panic's payload is in the guest's memory: a `&mut dyn PanicPayload`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// The address of the payload itself.
    pub data: u32,
    /// The address of the payload's vtable.
    pub vtable: u32,
}

/// The panics of one test, as far as the hooks tell of them.
#[derive(Debug, Default)]
pub struct PanicWatch {
    announced: Option<Payload>,
    raised: Option<Option<Payload>>,
    is_read: bool,
    /// The functions of the module, if a panic that the test does not catch ends it.
    ends: Option<Arc<Symbols>>,
}

/// A panic ended the test where it was raised, as it would if panics did not unwind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a panic that the test does not catch")]
pub struct Uncaught;

impl PanicWatch {
    /// Notes that a hooked function is called. `a` and `b` are the payload, if the function tells of one.
    pub fn enter(&mut self, kind: HookKind, a: u32, b: u32) {
        let payload = Payload { data: a, vtable: b };
        match kind {
            HookKind::Announce => self.announced = Some(payload),
            HookKind::Raise => self.raised = Some(Some(payload)),
            // A panic that goes on (`resume_unwind`) is raised without an announcement.
            HookKind::RaiseUntold => self.raised = Some(self.announced.take()),
            _ => {}
        }
    }

    /// From now on, a panic that the test does not catch ends it, although it would unwind. The host does not need what the
    /// harness would do then, and the payload is still where the panic was raised.
    pub(in crate::sandbox) fn end_by_uncaught(&mut self, symbols: Arc<Symbols>) {
        self.ends = Some(symbols);
    }

    /// Whether this call of a hook ends the test, by the stack of the call.
    ///
    /// # Errors
    /// [`Uncaught`], if the call ends the test.
    pub fn check(&self, kind: HookKind, stack: impl FnOnce() -> Arc<[RawFrame]>) -> Result<(), Uncaught> {
        let is_raised = matches!(kind, HookKind::Raise | HookKind::RaiseUntold);
        match self.ends.as_ref().filter(|_| is_raised) {
            Some(symbols) if !symbols.catches_panics(&stack()) => Err(Uncaught),
            _ => Ok(()),
        }
    }

    /// From now on, the guest only answers what the host asks about a panic.
    pub(super) fn begin_reading(&mut self) {
        self.is_read = true;
    }

    /// Whether the guest only answers what the host asks about a panic.
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// The last panic that was raised, and its payload if that is known.
    pub(super) fn raised(&self) -> Option<Option<Payload>> {
        self.raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_is_not_told_is_the_one_announced_last() {
        let mut watch = PanicWatch::default();
        assert_eq!(watch.raised(), None);
        watch.enter(HookKind::Announce, 1, 2);
        watch.enter(HookKind::Announce, 3, 4);
        assert_eq!(watch.raised(), None, "a panic hook may panic, and nothing is raised");
        watch.enter(HookKind::RaiseUntold, 0, 0);
        assert_eq!(watch.raised(), Some(Some(Payload { data: 3, vtable: 4 })));
        watch.enter(HookKind::RaiseUntold, 0, 0);
        assert_eq!(watch.raised(), Some(None));
        watch.enter(HookKind::Raise, 5, 6);
        assert_eq!(watch.raised(), Some(Some(Payload { data: 5, vtable: 6 })));
    }
}
