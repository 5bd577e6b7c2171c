//! Handles that outlived the scope which acquired them, and were released later.

use super::handle::{Handle, Kind};
use super::stack::{Stack, short};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Places that are told apart at most. Those of more are counted.
const MAX_LISTED: usize = 1000;

/// Of which kind handles are, the user's kind of those that are the user's own, and where they were acquired.
type Site = (Kind, Option<Arc<str>>, Option<Stack>);

/// All of them in one test.
#[derive(Debug, Clone, Default)]
pub struct Outlived {
    /// How many are open now, and the most that were, by where they were acquired.
    open: BTreeMap<Site, (u32, u32)>,
    pub(super) listed: Vec<Outliving>,
    /// Where those of a place are listed: by where they were acquired and released.
    index: BTreeMap<(Site, Option<Stack>), usize>,
    pub(super) omitted: u64,
}

/// Those that were acquired at one place and released at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Outliving {
    /// The first of them that was released.
    pub first: Handle,
    /// Where they were released; `None` where that is not known.
    pub released: Option<Stack>,
    /// How many they are.
    pub count: u64,
    /// The most handles of that place that were open at once after their scope had ended.
    pub peak: u32,
}

/// All that outlived their scopes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutlivedHandles {
    /// In the order of the first release at each place.
    pub listed: Vec<Outliving>,
    /// How many more were released at places that are not listed.
    pub omitted: u64,
}

impl Outlived {
    /// A handle's scope has ended, and it is open.
    pub(super) fn began(&mut self, handle: &Handle) {
        let (open, peak) = self.open.entry(site(handle)).or_default();
        *open += 1;
        *peak = (*peak).max(*open);
    }

    /// Such a handle was released, by a call with this stack.
    pub(super) fn released(&mut self, handle: &Handle, stack: Option<&Stack>) {
        let (site, released) = (site(handle), stack.map(short));
        let Some((open, peak)) = self.open.get_mut(&site) else { return };
        *open -= 1;
        let peak = *peak;
        if *open == 0 {
            self.open.remove(&site);
        }
        let full = self.listed.len() >= MAX_LISTED;
        match self.index.get(&(site.clone(), released.clone())) {
            Some(&known) => {
                let known = &mut self.listed[known];
                known.count += 1;
                known.peak = known.peak.max(peak);
            }
            None if full => self.omitted += 1,
            None => {
                let first = Handle { stack: site.2.clone(), ..handle.clone() };
                self.index.insert((site, released.clone()), self.listed.len());
                self.listed.push(Outliving { first, released, count: 1, peak });
            }
        }
    }

    pub(super) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }
}

fn site(handle: &Handle) -> Site {
    (handle.kind, handle.tracked.clone(), handle.stack.as_ref().map(short))
}
