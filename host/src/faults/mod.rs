//! Lets the calls of tests fail, one after the other, and finds the failures after which something is not given back.
//!
//! Each test is run once as it is, and its calls that can fail are noted. Then it is run again for each failure that each of the calls
//! can have; what it leaves then, and did not leave before, is what the way out of that failure does not give back. Where that way makes
//! calls of its own, these fail, too.
//!
//! ```text
//! plain    open  write  write  rename  close                nothing is left
//! write:1  open  write! close  unlink                       nothing is left
//! write:2  open  write  write! unlink                       the file is open        -> leaks 1 file
//! write:1  open  write! close  unlink!                      a failure on the way out of another
//! ```

mod journal;
mod judge;
mod options;
mod own_code;
mod search;
mod sweep;
mod table;
mod way_out;

pub use options::FaultOptions;

pub use crate::report::faults::{
    CanonicalFaults, FAULTS_JSON_SCHEMA, FAULTS_SCHEMA, FaultFinding, FaultPath, Faults, FindingKind, ModuleFaults,
    NotJudged, NotTried, SweptTest, UnsweptTest,
};

use crate::model::events::Listener;
use crate::model::{GateKind, Report};
use crate::run::{Plan, PlannedTest, Runner, SearchError};
use search::Search;
use std::time::Instant;

/// Runs the tests of a plan as they are, and then with their calls failing. Gives what was found beside the report of the plain runs.
///
/// ```no_run
/// use airtight::faults::{self, FaultOptions};
/// use airtight::{LoadOptions, Runner, Selection, Subject, config::Config};
///
/// let runner = Runner::builder(&Config::default(), "default")?.build()?;
/// let module = runner.load(std::fs::read("tests.wasm")?, LoadOptions::named("tests"))?;
/// let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
/// let (found, _) = faults::find(&runner, &plan, FaultOptions::default(), &mut ())?;
/// for (module, finding) in found.found() {
///     println!("{module}: {} ({})", finding.what, finding.paths[0].faults.join(", "));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// See [`SearchError`].
pub fn find(
    runner: &Runner,
    plan: &Plan,
    options: FaultOptions,
    listener: &mut dyn Listener,
) -> Result<(Faults, Report), SearchError> {
    let plain = runner.run(plan, listener)?;
    let found = sweep(runner, plan, &plain, options, (&|_| true, listener))?;
    Ok((found, plain))
}

/// The same for those tests of a plan that ask for it, after a run of it as it is: tests of the SDK with `faults` in their attribute.
/// `None` where no test asks for it, and where the plan lets calls fail itself.
///
/// # Errors
/// See [`SearchError`].
pub fn find_declared(
    runner: &Runner,
    plan: &Plan,
    plain: &Report,
    options: FaultOptions,
) -> Result<Option<Faults>, SearchError> {
    let mut tests = plan.modules().iter().flat_map(|module| &module.tests);
    if !plan.policy().faults.is_empty() || !tests.any(|test| test.wants_faults) {
        return Ok(None);
    }
    sweep(runner, plan, plain, options, (&|test| test.wants_faults, &mut ())).map(Some)
}

/// Which tests are searched.
type Choice<'a> = &'a dyn Fn(&PlannedTest) -> bool;

/// Lets the calls of these tests fail.
fn sweep(
    runner: &Runner,
    plan: &Plan,
    plain: &Report,
    options: FaultOptions,
    (chooses, listener): (Choice<'_>, &mut dyn Listener),
) -> Result<Faults, SearchError> {
    let began = Instant::now();
    if plain.volatile.interrupted {
        return Err(SearchError::Interrupted);
    }
    let (mut canonical, is_kept) = Search::new(runner, options, began).run(plan, plain, chooses, listener)?;
    let baseline = runner.baseline().map(|(baseline, date)| canonical.accept(baseline, date));
    if let Some(most) = runner.profile().gate().limits.most.get(&GateKind::FaultLeaks) {
        canonical.judge(*most);
    }
    let wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Faults { is_kept, ..Faults::new(canonical, baseline, wall_ms) })
}
