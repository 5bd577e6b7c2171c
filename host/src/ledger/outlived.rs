//! Handles that were released only after the scope that acquired them had ended.

use super::handle::{Handle, Kind};
use super::stack::{Stack, short};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many places are listed at most. Handles of further places are only counted.
const MAX_LISTED: usize = 1000;

/// What the handles of one place have in common: their kind, the user's kind if they are tracked resources, and the stack of
/// their acquisition.
type HandleOrigin = (Kind, Option<Arc<str>>, Option<Stack>);

/// The handles of one test that outlived their scopes.
#[derive(Debug, Clone, Default)]
pub struct OutlivedBook {
    /// For each place of acquisition, how many of them are open now, and the most that were open at once.
    open: BTreeMap<HandleOrigin, (u32, u32)>,
    pub(super) listed: Vec<Outliving>,
    /// The index in `listed` for each pair of a place of acquisition and a place of release.
    index: BTreeMap<(HandleOrigin, Option<Stack>), usize>,
    pub(super) omitted: u64,
}

/// Handles that outlived their scopes, were acquired at one place and released at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Outliving {
    /// The first of them that was released.
    pub first: Handle,
    /// Where they were released; `None` where that is not known.
    pub released: Option<Stack>,
    /// How many handles these are.
    pub count: u64,
    /// The most handles of that place of acquisition that were open at once after their scopes had ended.
    pub peak: u32,
}

/// The handles that outlived their scopes and were released later.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutlivedHandles {
    /// In the order of the first release of each entry.
    pub listed: Vec<Outliving>,
    /// How many more were released at places that are not listed.
    pub omitted: u64,
}

impl OutlivedBook {
    /// Notes that a handle is open although its scope has ended.
    pub(super) fn began(&mut self, handle: &Handle) {
        let (open, peak) = self.open.entry(site(handle)).or_default();
        *open += 1;
        *peak = (*peak).max(*open);
    }

    /// Notes that such a handle was released, by a call with this stack.
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

fn site(handle: &Handle) -> HandleOrigin {
    (handle.kind, handle.tracked.clone(), handle.stack.as_ref().map(short))
}
