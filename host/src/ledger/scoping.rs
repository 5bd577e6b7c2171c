//! The beginning and the end of scopes, and the handles that outlive them.

use super::Ledger;
use super::handle::{HandleId, Origin};
use super::outlived::{OutlivedBook, OutlivedHandles};
use super::scope::ScopeId;
use super::tracked::ScopeTracked;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The state of the books when a scope began.
#[derive(Debug, Clone, Copy)]
pub struct ScopeHandles {
    /// The scope around it.
    around: ScopeId,
    /// The first handle that the scope could acquire.
    first: HandleId,
    /// The peak of the scope around it, up to that moment.
    peak: u32,
}

/// The figures of a scope that has ended, the scopes in it included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedScope {
    /// The most handles that were open at once.
    pub handles_peak: u32,
    /// The counts of every kind of the user's own of which it acquired any, by name.
    pub tracked: Vec<(Arc<str>, ScopeTracked)>,
}

impl Ledger {
    /// Begins a scope: handles that are acquired from now on belong to it.
    pub fn begin_scope(&mut self, scope: ScopeId) -> ScopeHandles {
        let began = ScopeHandles { around: self.scope, first: HandleId(self.next), peak: self.peak };
        self.scope = scope;
        self.peak_before = self.peak_before.max(self.peak);
        self.peak = self.open_by_test;
        self.tracked_in_scopes.push(BTreeMap::new());
        began
    }

    /// Ends the running scope. Returns its figures. Handles that it acquired and leaves open are watched from now on.
    pub fn end_scope(&mut self, began: ScopeHandles) -> EndedScope {
        let handles_peak = self.peak;
        for handle in self.open.range_mut(began.first..).map(|(_, handle)| handle) {
            if handle.scope == self.scope && handle.origin == Origin::Test {
                handle.outlives = true;
                self.outlived.began(handle);
                if let Some(sites) = &mut self.sites {
                    sites.missed(handle);
                }
            }
        }
        self.scope = began.around;
        self.peak = self.peak.max(began.peak);
        EndedScope { handles_peak, tracked: self.end_tracked_scope() }
    }

    /// Whether the stack of a release is of use: a handle is open that outlived its scope.
    pub fn wants_release(&self) -> bool {
        self.outlived.are_open()
    }

    /// Takes the handles that outlived their scopes and were released later.
    pub fn outlived(&mut self) -> OutlivedHandles {
        let OutlivedBook { listed, omitted, .. } = std::mem::take(&mut self.outlived);
        OutlivedHandles { listed, omitted }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Access, Acquisition, Kind, RawFrame, Stack};
    use super::*;

    fn stack(function: u32) -> Stack {
        [RawFrame { function, offset: None }].into()
    }

    fn open(ledger: &mut Ledger, at: u32) -> HandleId {
        ledger.acquire(Acquisition {
            kind: Kind::File,
            path: Some("/tmp/a".into()),
            fd: 5,
            access: Access::Read,
            origin: Origin::Test,
            stack: Some(stack(at)),
        })
    }

    #[test]
    fn what_a_loop_defers_piles_up() {
        let mut ledger = Ledger::default();
        let mut open_ones = Vec::new();
        for n in 1..=3 {
            let began = ledger.begin_scope(ScopeId(n));
            let closed = open(&mut ledger, 1);
            open_ones.push(open(&mut ledger, 2));
            ledger.release(closed, None);
            assert_eq!(ledger.end_scope(began).handles_peak, n + 1);
        }
        assert!(ledger.wants_release());
        for id in open_ones.drain(..) {
            ledger.release(id, Some(&stack(9)));
        }
        assert!(!ledger.wants_release());
        let [only] = ledger.outlived().listed.try_into().unwrap();
        assert_eq!((only.count, only.peak, only.first.scope, only.released), (3, 3, ScopeId(1), Some(stack(9))));
        assert_eq!((ledger.peak(), ledger.balance().len()), (4, 0));
    }

    #[test]
    fn what_is_never_released_is_a_leak_of_its_scope() {
        let mut ledger = Ledger::default();
        let outer = ledger.begin_scope(ScopeId(1));
        let inner = ledger.begin_scope(ScopeId(2));
        open(&mut ledger, 2);
        ledger.end_scope(inner);
        open(&mut ledger, 1);
        assert_eq!(ledger.end_scope(outer).handles_peak, 2);
        open(&mut ledger, 0);
        assert_eq!(ledger.peak(), 3);
        assert!(ledger.outlived().listed.is_empty());
        let scopes: Vec<_> = ledger.balance().iter().map(|handle| handle.scope.0).collect();
        assert_eq!(scopes, [2, 1, 0]);
    }

    #[test]
    fn a_peak_is_of_its_scope() {
        let mut ledger = Ledger::default();
        let all: Vec<_> = (0..5).map(|_| open(&mut ledger, 0)).collect();
        all.into_iter().for_each(|id| {
            ledger.release(id, None);
        });
        let began = ledger.begin_scope(ScopeId(1));
        let id = open(&mut ledger, 0);
        ledger.release(id, None);
        assert_eq!((ledger.end_scope(began).handles_peak, ledger.peak()), (1, 5));
    }
}
