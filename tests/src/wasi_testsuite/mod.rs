//! The public wasi-testsuite, run with the library. Its cases are found in a given folder, run by their specifications, and
//! judged as the suite's own runner judges them (`doc/specification.md` there).
//!
//! The folder is only read: a case that is granted a directory gets a copy of it.

mod case;
mod find;
mod options;
mod spec;
#[cfg(test)]
mod tests;

pub use options::Options;

use airtight::Runner;
use airtight::policy::Policy;
use anyhow::Context;
use std::fmt;

/// How one case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// The suite's name and the case's.
    pub name: String,
    /// Why it failed, if it did.
    pub problem: Option<String>,
}

/// How many cases went how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Cases that met their specification.
    pub passed: usize,
    /// The others.
    pub failed: usize,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs every preview-1 case of the folder, in the order of their names, and tells of each as it ends.
///
/// # Errors
/// The folder holds no case, or cannot be read.
pub fn run(options: &Options, tell: &mut dyn FnMut(&CaseResult)) -> anyhow::Result<Totals> {
    let cases = find::cases(&options.folder)?;
    let builder = Runner::for_policy(Policy::default()).jobs(1).compiler(options.compiler).keep_output(true);
    let runner = builder.build().context("the runner cannot be made")?;
    let mut totals = Totals::default();
    for case in cases {
        let problem = case::run(&runner, &case, options.mode).err().map(|error| format!("{error:#}"));
        match problem {
            None => totals.passed += 1,
            Some(_) => totals.failed += 1,
        }
        tell(&CaseResult { name: case.name, problem });
    }
    Ok(totals)
}
