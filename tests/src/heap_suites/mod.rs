//! Heap accounting over the unmodified suites of published crates.
//!
//! Each suite is run by the program as a user would run it. Its report tells how many tests had a tracked heap, and what
//! they lost. A lost block has to be on the list of confirmed leaks. Then statements that forget blocks are planted into
//! copies of the suites, and each has to be found. The folder holds `plain/` and `planted/`, two workspaces of the same
//! crates; `target/`; and `logs/`.

mod confirmed;
pub(crate) mod fetch;
mod figures;
mod options;
mod plants;
pub(crate) mod suite;
mod timing;

pub use options::{Options, USAGE};

use figures::SuiteFigures;
use std::process::ExitCode;

/// Runs what the options say, tells the lines of its account, and returns whether all is as it should be.
pub type SuiteRun = fn(&Options, &mut dyn FnMut(&str)) -> anyhow::Result<bool>;

/// What the program of a comparison is: it reads its arguments, calls `run`, and prints the lines that are told.
///
/// Its exit status is 0 where all is as it should be, 1 where not, and 2 after an error.
pub fn main(usage: &'static str, run: SuiteRun) -> ExitCode {
    let options = Options::from_args(std::env::args().skip(1), usage);
    match options.and_then(|options| run(&options, &mut |line| println!("{line}"))) {
        Ok(as_it_should_be) => ExitCode::from(u8::from(!as_it_should_be)),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs the chosen suites, tells the lines of the account, and returns whether all is as it should be.
///
/// # Errors
/// A suite cannot be fetched, built or run; a crate is not on the list.
pub fn run(options: &Options, tell: &mut dyn FnMut(&str)) -> anyhow::Result<bool> {
    let suites = fetch::chosen(options)?;
    fetch::fetch(options)?;
    let (mut total, mut reports) = (SuiteFigures::default(), Vec::new());
    tell(&SuiteFigures::head());
    for suite in suites.iter().cloned() {
        let report = suite::run(options, &options.plain(), &suite.folder(), &[])?;
        let figures = SuiteFigures::of_suite(&suite, &report);
        tell(&figures.row(&suite.folder()));
        total.add(&figures);
        reports.push((suite, report));
    }
    tell(&total.row("together"));
    let mut good = account(&suites, &total, tell);
    if options.plants > 0 {
        let outcome = plants::run(options, &reports)?;
        for missed in &outcome.missed {
            tell(&format!("missed: {missed}"));
        }
        let plants::PlantTally { planted, found, exact, .. } = outcome;
        tell(&format!("planted: found {found} of {planted}, {exact} to the byte (seed {})", options.seed));
        good &= found == planted;
    }
    if options.timing {
        timing::run(options, &suites, tell)?;
    }
    Ok(good)
}

/// What the figures come to; whether they are good.
fn account(suites: &[fetch::PublishedCrate], total: &SuiteFigures, tell: &mut dyn FnMut(&str)) -> bool {
    for (why, tests) in &total.untracked {
        tell(&format!("not tracked: {tests} tests: {why}"));
    }
    for doubt in &total.doubts {
        tell(&format!("in doubt: {doubt}"));
    }
    for lost in &total.lost {
        tell(&format!("lost: {lost}"));
    }
    let found: Vec<_> = total.lost.iter().filter_map(|lost| lost.confirmed).collect();
    let stale = confirmed::stale(suites, &found);
    for confirmed in &stale {
        tell(&format!("no longer lost, take it off the list: {confirmed:?}"));
    }
    let (real, unknown) = (found.len(), total.unconfirmed().count());
    tell(&format!("lost: {real} places of confirmed leaks, {unknown} others"));
    let share = total.share();
    tell(&format!("tracked: {} of {} ({share:.1} %), of which {} finished", total.tracked, total.tests, total.judged));
    total.good() && stale.is_empty()
}
