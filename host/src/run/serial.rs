//! Groups of tests of which no two run at once. The tests of a group run in the order in which one worker would start them.

use super::planned::PlannedTest;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

/// Whose turn it is in each group.
pub struct SerialGroups {
    /// For each entry of the plan that is in a group: the group, and the entry's turn there.
    places: BTreeMap<usize, (usize, usize)>,
    /// How many entries of each group have ended.
    ended: Mutex<Vec<usize>>,
    next: Condvar,
}

/// The turn of a test. It ends when this is dropped.
pub struct SerialTurn<'a> {
    groups: &'a SerialGroups,
    group: usize,
}

impl SerialGroups {
    /// The groups of tests that are started in this order.
    pub fn new<'t>(order: &[usize], test: impl Fn(usize) -> &'t PlannedTest) -> Self {
        let (mut places, mut groups) = (BTreeMap::new(), BTreeMap::new());
        let mut sizes: Vec<usize> = Vec::new();
        for index in order {
            let Some(name) = &test(*index).serial else { continue };
            let group = *groups.entry(name).or_insert_with(|| {
                sizes.push(0);
                sizes.len() - 1
            });
            places.insert(*index, (group, sizes[group]));
            sizes[group] += 1;
        }
        Self { places, ended: Mutex::new(vec![0; sizes.len()]), next: Condvar::new() }
    }

    /// Waits for the turn of an entry of the plan; `None` if it is in no group. The turn comes: the entries before it have
    /// ended, or other workers are running them.
    pub fn wait(&self, index: usize) -> Option<SerialTurn<'_>> {
        let (group, place) = *self.places.get(&index)?;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while ended[group] < place {
            ended = self.next.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
        Some(SerialTurn { groups: self, group })
    }
}

impl Drop for SerialTurn<'_> {
    fn drop(&mut self) {
        self.groups.ended.lock().unwrap_or_else(PoisonError::into_inner)[self.group] += 1;
        self.groups.next.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Role;
    use crate::model::Harness;
    use crate::run::planned::Decision;
    use std::time::Duration;

    #[test]
    fn one_of_a_group_runs_at_a_time_and_in_their_order() {
        let test = |group: Option<&str>| PlannedTest {
            wants_faults: false,
            name: "test".into(),
            part_of: None,
            harness: Harness::Sdk,
            role: Role::Test,
            serial: group.map(Into::into),
            decision: Decision::Skip("".into()),
        };
        let tests = [test(Some("db")), test(None), test(Some("")), test(Some("db")), test(Some("db"))];
        let groups = SerialGroups::new(&[4, 1, 2, 0, 3], |index| &tests[index]);
        assert!(groups.wait(1).is_none());
        drop(groups.wait(2).unwrap());
        let ran = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for index in [3, 0, 4] {
                let (groups, ran) = (&groups, &ran);
                scope.spawn(move || {
                    let _turn = groups.wait(index).unwrap();
                    ran.lock().unwrap().push(index);
                    std::thread::sleep(Duration::from_millis(5));
                    ran.lock().unwrap().push(index);
                });
            }
        });
        assert_eq!(*ran.lock().unwrap(), [4, 4, 0, 0, 3, 3]);
    }
}
