//! What the hooks tell of panics while a test runs.

use crate::instrument::HookKind;
use crate::ledger::RawFrame;
use crate::symbols::Symbols;
use std::sync::Arc;

/// Where a panic's payload is in the guest's memory, as a `&mut dyn PanicPayload`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// The address of what it is.
    pub data: u32,
    /// The address of its vtable.
    pub vtable: u32,
}

/// The panics of one test, as far as its module's hooks tell of them.
#[derive(Debug, Default)]
pub struct PanicWatch {
    announced: Option<Payload>,
    raised: Option<Option<Payload>>,
    is_read: bool,
    /// The functions of the module, where a panic that the test does not catch is to end it.
    ends: Option<Arc<Symbols>>,
}

/// A panic ended the test where it was raised, as every panic does where none unwinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a panic that the test does not catch")]
pub struct Uncaught;

impl PanicWatch {
    /// A hooked function is called: with `a` and `b`, where it is told what is raised.
    pub fn enter(&mut self, kind: HookKind, a: u32, b: u32) {
        let payload = Payload { data: a, vtable: b };
        match kind {
            HookKind::Announce => self.announced = Some(payload),
            HookKind::Raise => self.raised = Some(Some(payload)),
            // A panic that goes on (`resume_unwind`) is raised without having been announced.
            HookKind::RaiseUntold => self.raised = Some(self.announced.take()),
            _ => {}
        }
    }

    /// A panic that the test does not catch is to end it, although it would unwind: what its harness would do then is nothing that
    /// the host waits for, and its payload is where it was raised.
    pub(in crate::sandbox) fn end_by_uncaught(&mut self, symbols: Arc<Symbols>) {
        self.ends = Some(symbols);
    }

    /// Whether a call of this hook is to end the test, by the stack that it has.
    ///
    /// # Errors
    /// [`Uncaught`], if it is.
    pub fn check(&self, kind: HookKind, stack: impl FnOnce() -> Arc<[RawFrame]>) -> Result<(), Uncaught> {
        let is_raised = matches!(kind, HookKind::Raise | HookKind::RaiseUntold);
        match self.ends.as_ref().filter(|_| is_raised) {
            Some(symbols) if !symbols.catches_panics(&stack()) => Err(Uncaught),
            _ => Ok(()),
        }
    }

    /// From here on the guest only answers what the host asks of a panic.
    pub(super) fn begin_reading(&mut self) {
        self.is_read = true;
    }

    /// Whether the guest only answers what the host asks of a panic.
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// The last panic that was raised, with its payload where that is known.
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
