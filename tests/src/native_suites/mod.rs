//! Unmodified suites of published crates, here and natively: every test's verdict is compared with that of `cargo test`.
//!
//! A test that passes natively has to pass here. Where it does not, the reason has to be a limit of the platform that the
//! report itself states (it was skipped for one, or failed with a hint on one), or to be on the list in `known`. Anything else
//! is a failure of the run. Tests that are only built for one of the two targets are counted. The times are those of the test binaries,
//! one test after the other, and of `airtight test` without cargo's part; with `--timing` of a second run, in which nothing is compiled.

mod compare;
mod known;
mod native;

use crate::heap_suites::{Options, fetch, suite};
use compare::{Comparison, Difference};

/// How this is called.
pub const USAGE: &str = "usage: native-suites.sh FOLDER [--threads] [--timing] [CRATE…]";

/// Compares the chosen suites, tells the lines of the table, and returns whether every difference is explained.
///
/// # Errors
/// A suite cannot be fetched, built or run; a crate is not on the list.
pub fn run(options: &Options, tell: &mut dyn FnMut(&str)) -> anyhow::Result<bool> {
    let suites = fetch::chosen(options)?;
    fetch::fetch(options)?;
    tell(&Comparison::head());
    let (mut total, mut unexplained) = (Comparison::default(), Vec::new());
    for suite in &suites {
        let folder = suite.folder();
        let (native, took) = native::run(options, suite)?;
        let again = || suite::run(options, &options.plain(), &folder, &[]);
        let report = again()?;
        let mut comparison = Comparison::new(suite, &native, &report);
        comparison.took_natively = took.as_secs_f64();
        // The second time, all is compiled.
        comparison.took = if options.timing { again()? } else { report }.volatile.wall_ms as f64 / 1e3;
        tell(&comparison.row(&folder));
        for (reason, tests) in &comparison.explained {
            tell(&format!("    {tests:>5} {reason}"));
        }
        unexplained.extend(comparison.unexplained.iter().map(|difference| (folder.clone(), difference.clone())));
        total.add(comparison);
    }
    tell(&total.row("together"));
    for (reason, tests) in &total.explained {
        tell(&format!("    {tests:>5} {reason}"));
    }
    for (folder, Difference { test, native, here, why }) in &unexplained {
        tell(&format!("not explained: {folder} {test}: natively {native}, here {here}: {why}"));
    }
    for known in known::stale(&suites, &total.known) {
        tell(&format!("no longer so, take it off the list: {known:?}"));
    }
    Ok(unexplained.is_empty() && known::stale(&suites, &total.known).is_empty())
}
