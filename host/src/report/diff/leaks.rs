//! Leaks that are compared entry by entry, such as files and sockets. Heap blocks are compared by function instead: see
//! `heap.rs`.

use super::{Side, TestPair};
use crate::model::doubt::TestId;
use crate::model::resource::Fingerprint;
use crate::model::{Frame, ResourceKind, TestRecord, Verdict};
use std::collections::BTreeMap;

/// The leaks that changed, in the order of the reports, and how many are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeakDiff {
    /// Leaks that are new or gone, or of which there are more or fewer.
    pub changed: Vec<LeakChange>,
    /// How many leaks have the same count in both reports.
    pub same: usize,
}

/// The leaks of one test that are of one kind and have the same path and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeakChange {
    /// The test.
    pub test: TestId,
    /// What leaked.
    pub kind: ResourceKind,
    /// The path in the guest; `None` if the resource has no path.
    pub path: Option<String>,
    /// The innermost of the user's own frames, from the newer of the reports that have the leak.
    pub place: Option<Frame>,
    /// How many there are in the base: 0 where the leak is new.
    pub old: u64,
    /// How many there are now: 0 where the leak is gone.
    pub new: u64,
    /// The report in which the test did not finish normally, and so could not leak, with its verdict there.
    pub unfinished: Option<(Side, Verdict)>,
}

pub(super) fn compare(pairs: &[TestPair<'_>]) -> LeakDiff {
    let mut diff = LeakDiff::default();
    for pair in pairs {
        let mut found: BTreeMap<Fingerprint<'_>, (Option<&Frame>, [u64; 2])> = BTreeMap::new();
        for (side, test) in [pair.old, pair.new].into_iter().enumerate() {
            let leaks = test.and_then(|test| test.details.as_deref()).map_or(&[][..], |details| &details.leaks);
            for leak in leaks.iter().filter(|leak| !leak.kind.is_known_by_function()) {
                let (newest, counts) = found.entry(leak.fingerprint()).or_default();
                counts[side] = counts[side].saturating_add(leak.count);
                *newest = Frame::innermost_own(&leak.stack);
            }
        }
        for (Fingerprint { kind, path, .. }, (place, [old, new])) in found {
            if old == new {
                diff.same += 1;
                continue;
            }
            let unfinished = match (old, new) {
                (0, _) => unfinished(pair.old).map(|verdict| (Side::Old, verdict)),
                (_, 0) => unfinished(pair.new).map(|verdict| (Side::New, verdict)),
                _ => None,
            };
            let (path, place) = (path.map(str::to_owned), place.cloned());
            diff.changed.push(LeakChange { test: pair.id.clone(), kind, path, place, old, new, unfinished });
        }
    }
    diff
}

/// The verdict of a test that is not known to have finished normally. What such a test held was taken back, and is not a
/// leak.
fn unfinished(test: Option<&TestRecord>) -> Option<Verdict> {
    let verdict = test?.verdict;
    (!matches!(verdict, Verdict::Pass | Verdict::Leak)).then_some(verdict)
}
