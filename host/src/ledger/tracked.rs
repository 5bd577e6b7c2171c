//! Resources of the user's own kinds. In the books they are handles without a descriptor.

use super::{Access, Handle, HandleId, Kind, Ledger, Origin, ScopeId, Stack};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The counts of all kinds of one test, by name.
pub type TrackedCounts = BTreeMap<Arc<str>, TrackedCount>;

/// The counts of one kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrackedCount {
    /// How many are held now.
    pub open: u64,
    /// How many of these the set-up of the module acquired.
    pub found: u64,
    /// The most that were held at once.
    pub peak: u64,
    /// How many were acquired in all.
    pub total: u64,
    /// The most that may be held at once.
    pub limit: Option<u64>,
    /// Where the limit was exceeded first: the guest's stack.
    pub crossed: Option<Stack>,
}

/// The counts of one kind while a scope and the scopes in it ran. A kind of which nothing changed meanwhile has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeTracked {
    /// How many were held when the scope began.
    began_with: u64,
    /// The most that were held at once.
    pub peak: u64,
    /// How many were acquired.
    pub total: u64,
}

impl ScopeTracked {
    /// For a scope that began when so many were held.
    fn begun_with(held: u64) -> Self {
        Self { began_with: held, peak: held, total: 0 }
    }
}

impl Ledger {
    /// Sets the most of a kind that may be held at once.
    pub fn limit_tracked(&mut self, kind: &str, most: u64) {
        let count = TrackedCount { limit: Some(most), ..TrackedCount::default() };
        self.tracked.insert(kind.into(), count);
    }

    /// Whether resources of this kind were tracked before.
    pub fn knows_tracked(&self, kind: &str) -> bool {
        self.tracked.contains_key(kind)
    }

    /// How many kinds are known.
    pub fn tracked_kinds(&self) -> usize {
        self.tracked.len()
    }

    /// Enters a resource of the user's own.
    pub fn track(&mut self, kind: Arc<str>, label: Arc<str>, stack: Option<Stack>) -> HandleId {
        let id = HandleId(self.next);
        self.next += 1;
        let count = self.tracked.entry(Arc::clone(&kind)).or_default();
        if let Some(scope) = self.tracked_in_scopes.last_mut() {
            let counts = scope.entry(Arc::clone(&kind)).or_insert(ScopeTracked::begun_with(count.open));
            counts.total += 1;
            counts.peak = counts.peak.max(count.open + 1);
        }
        count.open += 1;
        count.total += 1;
        count.peak = count.peak.max(count.open);
        if count.limit.is_some_and(|most| count.open > most) && count.crossed.is_none() {
            count.crossed = Some(stack.clone().unwrap_or_default());
        }
        let handle = Handle {
            kind: Kind::Tracked,
            tracked: Some(kind),
            path: Some(label).filter(|label| !label.is_empty()),
            scope: self.scope,
            stack,
            ..Handle::unnamed()
        };
        if let Some(sites) = &mut self.sites {
            sites.acquired(Kind::Tracked, handle.stack.as_ref());
        }
        self.open.insert(id, handle);
        id
    }

    /// Begins a test: it has acquired none of the resources that are held now, but they count among those that are held at
    /// once.
    pub fn begin_tracked(&mut self) {
        for count in self.tracked.values_mut() {
            (count.peak, count.total, count.crossed) = (count.open, 0, None);
        }
        self.tracked_in_scopes.clear();
    }

    /// Ends the innermost scope. Returns its counts of every kind of which it acquired any, by name.
    pub(super) fn end_tracked_scope(&mut self) -> Vec<(Arc<str>, ScopeTracked)> {
        let Some(ended) = self.tracked_in_scopes.pop() else { return Vec::new() };
        if let Some(around) = self.tracked_in_scopes.last_mut() {
            for (kind, counts) in &ended {
                // What changed first since the scope around it began has changed in this one.
                let begun = ScopeTracked::begun_with(counts.began_with);
                let sum = around.entry(Arc::clone(kind)).or_insert(begun);
                sum.total += counts.total;
                sum.peak = sum.peak.max(counts.peak);
            }
        }
        ended.into_iter().filter(|(_, counts)| counts.total > 0).collect()
    }

    /// Sets the limits of all kinds: the most that may be held at once. Kinds that are not named have no limit.
    pub fn limit_all_tracked<'k>(&mut self, limits: impl IntoIterator<Item = (&'k str, u64)>) {
        self.tracked.values_mut().for_each(|count| count.limit = None);
        for (kind, most) in limits {
            match self.tracked.get_mut(kind) {
                Some(count) => count.limit = Some(most),
                None => self.limit_tracked(kind, most),
            }
        }
    }

    /// Takes the counts of every kind of which the test acquired any. To be called when the test has ended.
    pub fn take_tracked(&mut self) -> TrackedCounts {
        let mut counts = std::mem::take(&mut self.tracked);
        counts.retain(|_, count| count.total > 0);
        counts
    }

    /// Notes that a resource of a kind is no longer held.
    pub(super) fn untracked(&mut self, kind: &Arc<str>, origin: Origin) {
        if let Some(count) = self.tracked.get_mut(kind) {
            if let Some(scope) = self.tracked_in_scopes.last_mut() {
                scope.entry(Arc::clone(kind)).or_insert(ScopeTracked::begun_with(count.open));
            }
            count.open -= 1;
            count.found -= u64::from(origin == Origin::SetUp);
        }
    }
}

impl Handle {
    /// A handle of the test of which nothing is known; the caller sets what it knows.
    pub(super) fn unnamed() -> Self {
        Self {
            waits: None,
            kind: Kind::Tracked,
            tracked: None,
            path: None,
            fd: 0,
            access: Access::None,
            origin: Origin::Test,
            stack: None,
            bytes_read: 0,
            bytes_written: 0,
            socket: None,
            scope: ScopeId::TEST,
            thread: None,
            outlives: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::EndedScope;
    use super::*;

    #[test]
    fn what_a_set_up_tracks_is_there_and_no_leak_of_the_test() {
        let mut ledger = Ledger::default();
        let first = ledger.track("mock".into(), "a".into(), None);
        ledger.track("mock".into(), "b".into(), None);
        ledger.begin_test();
        ledger.limit_all_tracked([("mock", 2)]);
        assert!(ledger.release(first, None), "the test may release it");
        ledger.track("mock".into(), "c".into(), None);
        ledger.track("mock".into(), "d".into(), Some([].into()));
        let count = ledger.take_tracked().remove("mock").unwrap();
        assert_eq!((count.open, count.found, count.peak, count.total), (3, 1, 3, 2));
        assert!(count.crossed.is_some());
        let left: Vec<_> = ledger.balance().into_iter().filter_map(|handle| handle.path).collect();
        assert_eq!(left, ["c".into(), "d".into()]);
    }

    #[test]
    fn scopes_have_counts_of_their_own() {
        let mut ledger = Ledger::default();
        let mock = |ledger: &mut Ledger| ledger.track("mock".into(), "".into(), None);
        let held = [mock(&mut ledger), mock(&mut ledger), mock(&mut ledger)];
        let outer = ledger.begin_scope(ScopeId(1));
        let inner = ledger.begin_scope(ScopeId(2));
        assert!(held.into_iter().all(|id| ledger.release(id, None)));
        mock(&mut ledger);
        let counts = |ended: EndedScope| {
            ended.tracked.into_iter().map(|(kind, counts)| (kind, counts.peak, counts.total)).collect::<Vec<_>>()
        };
        assert_eq!(counts(ledger.end_scope(inner)), [("mock".into(), 3, 1)], "three were held when it began");
        let empty = ledger.begin_scope(ScopeId(3));
        assert_eq!(counts(ledger.end_scope(empty)), []);
        mock(&mut ledger);
        assert_eq!(counts(ledger.end_scope(outer)), [("mock".into(), 3, 2)]);
        let after = ledger.begin_scope(ScopeId(4));
        ledger.track("other".into(), "".into(), None);
        mock(&mut ledger);
        assert_eq!(counts(ledger.end_scope(after)), [("mock".into(), 3, 1), ("other".into(), 1, 1)]);
    }

    #[test]
    fn kinds_are_counted_and_no_descriptors() {
        let mut ledger = Ledger::default();
        ledger.limit_tracked("mock", 1);
        ledger.limit_tracked("never", 1);
        let mock = |ledger: &mut Ledger, label: &str| ledger.track("mock".into(), label.into(), Some([].into()));
        let first = mock(&mut ledger, "a");
        assert!(ledger.release(first, None));
        let began = ledger.begin_scope(ScopeId(1));
        let second = mock(&mut ledger, "");
        mock(&mut ledger, "c");
        assert_eq!(ledger.end_scope(began).handles_peak, 0, "they are no descriptors");
        ledger.release(second, None);
        assert_eq!((ledger.open_by_test(), ledger.peak()), (0, 0));
        let counts = ledger.take_tracked();
        let [(name, count)] = &counts.iter().collect::<Vec<_>>()[..] else { panic!("{counts:?}") };
        assert_eq!((&***name, count.open, count.peak, count.total), ("mock", 1, 2, 3));
        assert!(count.crossed.is_some());
        let outlived = ledger.outlived();
        assert_eq!((outlived.listed.len(), outlived.listed[0].first.path.as_deref()), (1, None));
        let left = ledger.balance();
        assert_eq!((left.len(), left[0].path.as_deref(), left[0].scope), (1, Some("c"), ScopeId(1)));
    }
}
