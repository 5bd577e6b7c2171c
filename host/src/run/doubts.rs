//! Why another run of the same plan need not give the same report.

use super::plan::PlannedModule;
use super::planned::{Decision, PlannedTest};
use crate::model::doubt::{Cause, Doubt, TestId};
use crate::policy::{Clock, Policy};
use crate::sandbox::wasi::Streams;

/// The doubts about a run of these modules. `by_wall_clock` holds the indices in the plan of the tests that the wall clock
/// ended.
pub fn doubts_about(
    modules: &[PlannedModule],
    profile: &Policy,
    by_wall_clock: &[usize],
    interrupted: bool,
    streams: Streams,
) -> Vec<Doubt> {
    let tests: Vec<(&PlannedModule, &PlannedTest)> =
        modules.iter().flat_map(|module| module.tests.iter().map(move |test| (module, test))).collect();
    let mut doubts: Vec<Doubt> = real_clock(&tests, profile).into_iter().collect();
    let ended = by_wall_clock.iter().filter_map(|index| tests.get(*index)).map(|(module, test)| id(module, test));
    doubts.extend(Doubt::of_tests(Cause::WallClock, ended.collect()));
    doubts.extend(interrupted.then(|| Doubt::of_run(Cause::Interrupted)));
    doubts.extend((streams == Streams::Inherited).then(|| Doubt::of_run(Cause::InheritedStreams)));
    doubts
}

/// The doubt about real time. If the profile grants it to all tests, this is said once; if only overrides grant it, their
/// tests are named.
fn real_clock(tests: &[(&PlannedModule, &PlannedTest)], profile: &Policy) -> Option<Doubt> {
    let clocks = || tests.iter().filter_map(|(module, test)| Some((clock(test)?, module, test)));
    if profile.clock == Clock::Real && clocks().all(|(clock, ..)| clock == Clock::Real) {
        return Some(Doubt::of_run(Cause::RealClock));
    }
    let granted = clocks().filter(|(clock, ..)| *clock == Clock::Real).map(|(_, module, test)| id(module, test));
    Doubt::of_tests(Cause::RealClock, granted.collect())
}

/// The clock of a test; `None` if the test is not run.
fn clock(test: &PlannedTest) -> Option<Clock> {
    match &test.decision {
        Decision::Run { grants, .. } => Some(grants.policy().clock),
        Decision::Skip(_) | Decision::Refuse(_) => None,
    }
}

fn id(module: &PlannedModule, test: &PlannedTest) -> TestId {
    TestId { module: module.module.name.to_string(), test: test.name.to_string() }
}
