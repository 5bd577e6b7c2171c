//! The room in a heap profile. Every allocation of every test with its stack may be too much to hold.
//!
//! As in a report, the tests keep theirs from the first of the plan on, in whatever order they end: see [`super::report_room`].

use super::bounds::bytes_of_stack;
use crate::model::profile::{HeapProfile, Missing, ProfileSite};
use std::collections::BTreeMap;

/// Most bytes of all profiles of a run together: 256 MiB.
const MAX_PROFILE: usize = 256 << 20;

/// Most bytes of the profile of one test: 32 MiB.
const MAX_TEST: usize = 32 << 20;

/// The profiles of a run, by the places of their tests in the plan.
pub struct ProfileRoom<'a> {
    most: usize,
    /// In which order they have room.
    order: &'a [usize],
    /// With the size that each has or had.
    profiles: BTreeMap<usize, (usize, HeapProfile)>,
    held: usize,
}

impl<'a> ProfileRoom<'a> {
    /// For tests that have room in this order: the place of each in the plan.
    pub fn new(order: &'a [usize]) -> Self {
        Self { most: MAX_PROFILE, order, profiles: BTreeMap::new(), held: 0 }
    }

    /// Takes the profile of the test at `index`.
    pub fn add(&mut self, index: usize, profile: HeapProfile) {
        if profile == HeapProfile::default() {
            return;
        }
        let size = profile.sites.iter().map(bytes_of_site).sum();
        self.held += size;
        self.profiles.insert(index, (size, profile));
        if self.held > self.most + self.most / 2 {
            self.leave_out();
        }
    }

    /// The profiles of all tests that count, in the order of the plan.
    pub fn finish(mut self, counts: impl Fn(usize) -> bool) -> HeapProfile {
        // This comes first: which profiles have room must not depend on when room was needed.
        self.leave_out();
        self.profiles.retain(|index, _| counts(*index));
        let mut whole = HeapProfile::default();
        for (_, HeapProfile { sites, missing }) in self.profiles.into_values() {
            whole.sites.extend(sites);
            whole.missing.extend(missing);
        }
        whole
    }

    /// Leaves out each profile that has no room after those of the tests before it.
    fn leave_out(&mut self) {
        let mut before = 0;
        self.held = 0;
        for index in self.order {
            let Some((size, profile)) = self.profiles.get_mut(index) else { continue };
            before += *size;
            if before <= self.most {
                self.held += *size;
            } else if let Some(site) = std::mem::take(&mut profile.sites).into_iter().next() {
                let why = format!("the profiles of the tests before it have {} bytes, and no more are kept", self.most);
                profile.missing = vec![Missing::new(site.module, site.test, true, why)];
            }
        }
    }
}

/// Keeps as many of a test's sites as have room. Returns how many others there are; those are not made.
pub fn keep(sites: impl IntoIterator<Item = ProfileSite>) -> (Vec<ProfileSite>, usize) {
    let (mut kept, mut bytes) = (Vec::new(), 0);
    let mut sites = sites.into_iter();
    for site in sites.by_ref() {
        bytes += bytes_of_site(&site);
        kept.push(site);
        if bytes > MAX_TEST {
            break;
        }
    }
    // The iterator knows how many sites are left.
    let others = sites.size_hint().0;
    (kept, others)
}

fn bytes_of_site(site: &ProfileSite) -> usize {
    size_of::<ProfileSite>() + site.module.len() + site.test.len() + bytes_of_stack(&site.stack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Frame;

    fn profile(test: &str, sites: usize) -> HeapProfile {
        let site = |nth| ProfileSite::new("m", test, vec![Frame::new(format!("f{nth}"))]);
        HeapProfile { sites: (0..sites).map(site).collect(), ..HeapProfile::default() }
    }

    #[test]
    fn which_tests_are_left_out_depends_on_no_order() {
        let one = bytes_of_site(&profile("t0", 1).sites[0]);
        let wholes = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]].map(|order| {
            let mut room = ProfileRoom { most: 25 * one, ..ProfileRoom::new(&[0, 1, 2, 3]) };
            for index in order {
                room.add(index, profile(&format!("t{index}"), 10));
                assert!(room.held <= 40 * one, "{}", room.held);
            }
            room.finish(|index| index != 0)
        });
        let tests: Vec<&str> = wholes[0].missing.iter().map(|missing| &*missing.test).collect();
        assert_eq!((wholes[0].sites.len(), tests), (10, vec!["t2", "t3"]));
        assert!(wholes.iter().all(|whole| *whole == wholes[0]));
    }

    #[test]
    fn what_does_not_count_takes_no_room() {
        let one = bytes_of_site(&profile("t0", 1).sites[0]);
        let mut room = ProfileRoom { most: 25 * one, ..ProfileRoom::new(&[0, 3, 1, 2]) };
        for index in [2, 1, 0, 3] {
            room.add(index, profile(&format!("t{index}"), 10));
        }
        let whole = room.finish(|index| index == 0 || index == 3);
        assert_eq!((whole.sites.len(), whole.missing.len()), (20, 0));
    }

    #[test]
    fn of_too_many_stacks_the_first_are_kept() {
        let long = || profile("t", 1).sites.remove(0);
        let sites = vec![ProfileSite { stack: vec![Frame::new("f".repeat(1 << 20)); 2], ..long() }; 40];
        let (kept, others) = keep(sites);
        assert_eq!((kept.len(), others), (16, 24));
    }
}
