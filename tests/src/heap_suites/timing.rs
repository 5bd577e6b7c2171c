//! What heap accounting costs over the suites.

use super::fetch::PublishedCrate;
use super::{Options, suite};
use anyhow::Context;
use std::fs;

/// Runs of each suite each way, in turn; the quickest of them counts, for it was disturbed the least.
const ROUNDS: usize = 3;

/// Tells the time of each suite with heap accounting and without, and of all together. The suites were built and compiled
/// before.
///
/// # Errors
/// A suite cannot be run.
pub fn run(options: &Options, suites: &[PublishedCrate], tell: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
    tell(&format!("{:28}{:>10}{:>10}{:>8}", "milliseconds", "with", "without", "times"));
    let configuration = options.plain().join("airtight.toml");
    let (mut all_with, mut all_without) = (0, 0);
    for suite in suites {
        let (mut with, mut without) = (u64::MAX, u64::MAX);
        for _ in 0..ROUNDS {
            with = with.min(timed(options, suite)?);
            fs::write(&configuration, "[profile.default]\nheap-accounting = false\n")
                .with_context(|| format!("cannot write `{}`", configuration.display()))?;
            let timed = timed(options, suite);
            fs::remove_file(&configuration)?;
            without = without.min(timed?);
        }
        tell(&row(&suite.folder(), with, without));
        all_with += with;
        all_without += without;
    }
    tell(&row("together", all_with, all_without));
    Ok(())
}

fn timed(options: &Options, suite: &PublishedCrate) -> anyhow::Result<u64> {
    Ok(suite::run(options, &options.plain(), &suite.folder(), &[])?.volatile.wall_ms)
}

fn row(name: &str, with: u64, without: u64) -> String {
    format!("{name:28}{with:>10}{without:>10}{:>8.2}", with as f64 / without.max(1) as f64)
}
