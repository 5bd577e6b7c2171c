//! Where handles were acquired, and whether each was released by the end of its scope.

use super::{Handle, Kind, Ledger, Stack, short};
use std::collections::BTreeMap;

/// How many places are told apart at most.
const MAX_SITES: usize = 4096;

/// The places where one test acquired handles.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AcquisitionSites {
    sites: BTreeMap<(Kind, Option<Stack>), SiteUse>,
    /// Acquisitions that were not counted at a place, because there were too many places.
    pub untold: u64,
}

/// How many handles were acquired at one place, and how many of them were still open too late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteUse {
    /// How many handles were acquired.
    pub acquired: u64,
    /// How many of them were open when their scope ended.
    pub missed: u64,
}

impl AcquisitionSites {
    /// Each place, with the counts of its handles.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, Option<&Stack>, SiteUse)> {
        self.sites.iter().map(|((kind, stack), used)| (*kind, stack.as_ref(), *used))
    }

    /// Counts a handle that was acquired.
    pub(super) fn acquired(&mut self, kind: Kind, stack: Option<&Stack>) {
        let site = (kind, stack.map(short));
        if self.sites.len() >= MAX_SITES && !self.sites.contains_key(&site) {
            self.untold += 1;
            return;
        }
        self.sites.entry(site).or_default().acquired += 1;
    }

    /// Counts a handle that is open although its scope has ended.
    pub(super) fn missed(&mut self, handle: &Handle) {
        if let Some(used) = self.sites.get_mut(&(handle.kind, handle.stack.as_ref().map(short))) {
            used.missed += 1;
        }
    }
}

impl Ledger {
    /// From now on, notes where handles are acquired.
    pub fn note_sites(&mut self) {
        self.sites = Some(AcquisitionSites::default());
    }

    /// The places where handles were acquired, if they were noted. To be called when the test has ended: handles that are then
    /// still open count as missed.
    pub fn take_sites(&mut self) -> Option<AcquisitionSites> {
        let mut sites = self.sites.take()?;
        let left = self.open.values().filter(|handle| handle.is_left());
        left.filter(|handle| !handle.outlives).for_each(|handle| sites.missed(handle));
        Some(sites)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Access, Acquisition, HandleId, Origin, RawFrame, ScopeId};
    use super::*;

    fn open(ledger: &mut Ledger, at: u32) -> HandleId {
        let stack: Stack = [RawFrame { function: at, offset: None }].into();
        ledger.acquire(Acquisition {
            kind: Kind::File,
            path: None,
            fd: 5,
            access: Access::Read,
            origin: Origin::Test,
            stack: Some(stack),
        })
    }

    #[test]
    fn each_handle_is_missed_once_at_the_end_of_its_own_scope() {
        let mut ledger = Ledger::default();
        ledger.note_sites();
        let in_time = open(&mut ledger, 1);
        let began = ledger.begin_scope(ScopeId(1));
        let late = open(&mut ledger, 2);
        open(&mut ledger, 3);
        let closed = open(&mut ledger, 2);
        ledger.release(closed, None);
        ledger.end_scope(began);
        ledger.release(late, None);
        ledger.release(in_time, None);
        open(&mut ledger, 4);
        let sites = ledger.take_sites().unwrap();
        let used: Vec<_> = sites.iter().map(|(_, _, used)| (used.acquired, used.missed)).collect();
        assert_eq!(used, [(1, 0), (2, 1), (1, 1), (1, 1)]);
        assert_eq!(Ledger::default().take_sites(), None);
    }

    #[test]
    fn places_are_bounded() {
        let mut sites = AcquisitionSites::default();
        for at in 0..=MAX_SITES as u32 {
            let stack: Stack = [RawFrame { function: at, offset: None }].into();
            sites.acquired(Kind::File, Some(&stack));
            sites.acquired(Kind::File, Some(&stack));
        }
        assert_eq!((sites.iter().count(), sites.untold), (MAX_SITES, 2));
    }
}
