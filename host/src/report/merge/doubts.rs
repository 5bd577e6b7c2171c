//! Why another run may differ, for all parts together.

use super::{MergeError, Part};
use crate::model::doubt::{Cause, Doubt, TestId};

/// The joined doubts. Tests are named in the order of the report. A doubt about the whole run is said once for each cause.
pub fn joined(parts: &[Part]) -> Result<Vec<Doubt>, MergeError> {
    clocks(parts)?;
    let all = || parts.iter().flat_map(|part| &part.report.canonical.doubts);
    let tests = |cause| {
        let mut tests: Vec<TestId> =
            all().filter(|doubt| doubt.cause == cause).flat_map(|doubt| doubt.tests.clone()).collect();
        // A set-up that several parts ran is named in the doubts of each of them.
        tests.sort();
        tests.dedup();
        tests
    };
    let mut joined = Vec::new();
    for cause in [Cause::RealClock, Cause::WallClock, Cause::Interrupted, Cause::InheritedStreams] {
        joined.extend(Doubt::of_tests(cause, tests(cause)));
        // If the wall clock kept a module from listing its tests, that is said last.
        if cause != Cause::WallClock && all().any(|doubt| doubt.cause == cause && doubt.tests.is_empty()) {
            joined.push(Doubt::of_run(cause));
        }
    }
    let unlisted = all().any(|doubt| doubt.cause == Cause::WallClock && doubt.tests.is_empty());
    joined.extend(unlisted.then(|| Doubt::of_run(Cause::WallClock)));
    let over = all().any(|doubt| doubt.cause == Cause::CompileBudget);
    joined.extend(over.then(|| Doubt::of_run(Cause::CompileBudget)));
    joined.extend(Doubt::of_tests(Cause::Flaky, tests(Cause::Flaky)));
    Ok(joined)
}

/// Refuses parts whose doubts about the real clock do not fit: one run either says that all its tests have it, or names
/// those that do.
fn clocks(parts: &[Part]) -> Result<(), MergeError> {
    let of = |part: &Part, whole: bool| {
        let mut doubts = part.report.canonical.doubts.iter();
        doubts.any(|doubt| doubt.cause == Cause::RealClock && doubt.tests.is_empty() == whole)
    };
    let all = parts.iter().find(|part| of(part, true));
    let some = parts.iter().find(|part| !of(part, true) && !part.report.canonical.modules.is_empty());
    match (all, some) {
        (Some(first), Some(other)) => Err(MergeError::Doubts { first: first.name.clone(), other: other.name.clone() }),
        _ => Ok(()),
    }
}
