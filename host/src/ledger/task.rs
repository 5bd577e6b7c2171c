//! Asynchronous tasks that are not done. In the books they are handles without a descriptor.

use super::{Handle, HandleId, Kind, Ledger, Stack};
use std::sync::Arc;

impl Ledger {
    /// Enters a task that was just spawned.
    pub fn begin_task(&mut self, name: Arc<str>, stack: Option<Stack>) -> HandleId {
        let id = HandleId(self.next);
        self.next += 1;
        let path = Some(name).filter(|name| !name.is_empty());
        let task = Handle { kind: Kind::Task, path, scope: self.scope, stack, ..Handle::unnamed() };
        self.open.insert(id, task);
        id
    }

    /// Gives a task another name. Returns the name that it had.
    pub fn name_task(&mut self, id: HandleId, name: Arc<str>) -> Option<Arc<str>> {
        let task = self.open.get_mut(&id)?;
        std::mem::replace(&mut task.path, Some(name).filter(|name| !name.is_empty()))
    }

    /// Notes that a task waits at this stack now. If it had waited before, returns how many frames that stack had.
    pub fn task_waits(&mut self, id: HandleId, stack: Option<Stack>) -> Option<usize> {
        let task = self.open.get_mut(&id)?;
        std::mem::replace(&mut task.waits, stack).map(|before| before.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::ScopeId;

    #[test]
    fn a_task_that_is_not_done_is_left_and_no_descriptor() {
        let mut ledger = Ledger::default();
        let done = ledger.begin_task("done".into(), None);
        let began = ledger.begin_scope(ScopeId(1));
        let left = ledger.begin_task("".into(), Some([].into()));
        assert_eq!(ledger.task_waits(left, Some([].into())), None);
        assert_eq!(ledger.task_waits(left, Some([].into())), Some(0));
        ledger.name_task(left, "poller".into());
        assert_eq!(ledger.end_scope(began).handles_peak, 0);
        assert!(ledger.release(done, None));
        assert_eq!((ledger.open_by_test(), ledger.peak()), (0, 0));
        let [task] = &ledger.balance()[..] else { panic!("one is left") };
        assert_eq!((task.path.as_deref(), task.scope, task.waits.is_some()), (Some("poller"), ScopeId(1), true));
    }
}
