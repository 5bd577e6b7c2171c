//! Clean-up coverage in the summary of a run.

use super::sanitise::OneLine;
use super::units::{GroupedDigits, plural};
use crate::model::{CleanupCoverage, MissedSite, Percent, UnfinishedCleanup};
use std::fmt::{self, Display, Formatter};

/// The most places, and the most clean-ups, that are listed. The JSON report has all of them.
const LISTED: usize = 20;

/// A line of figures, and one for each place and clean-up that missed.
pub(super) struct CoverageText<'a>(pub &'a CleanupCoverage);

impl Display for CoverageText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let CleanupCoverage { sites, released, missed, untold, cleanups, finished, unfinished, gate } = self.0;
        let label = if self.0.passes() { "Coverage" } else { "COVERAGE" };
        let places = plural(*sites, "place", "places");
        let of = plural(*cleanups, "clean-up", "clean-ups");
        write!(
            f,
            "{label:>12} clean-ups: {} of {} {places} released in time",
            Percent::from_part(*released, *sites),
            GroupedDigits(*sites)
        )?;
        write!(f, ", {} of {} {of} finished", Percent::from_part(*finished, *cleanups), GroupedDigits(*cleanups))?;
        if let Some(gate) = gate {
            let asked = if self.0.passes() { "is asked for" } else { "is asked for, and not reached" };
            write!(f, " ({gate} {asked})")?;
        }
        writeln!(f)?;
        missed.iter().take(LISTED).try_for_each(|site| write_site(f, site))?;
        unfinished.iter().take(LISTED).try_for_each(|cleanup| write_cleanup(f, cleanup))?;
        let more = missed.len().saturating_sub(LISTED) + unfinished.len().saturating_sub(LISTED);
        if more > 0 {
            writeln!(f, "{:>12} and {} more, listed in the JSON report", "", GroupedDigits(more as u64))?;
        }
        if *untold > 0 {
            let acquisitions = plural(*untold, "acquisition", "acquisitions");
            writeln!(
                f,
                "{:>12} not counted: {} {acquisitions} at too many places to tell apart",
                "",
                GroupedDigits(*untold)
            )?;
        }
        Ok(())
    }
}

fn write_site(f: &mut Formatter<'_>, site: &MissedSite) -> fmt::Result {
    let MissedSite { module, kind, place, acquired, missed, test } = site;
    write!(
        f,
        "{:>12} {} of {} {} not released in time, ",
        "",
        GroupedDigits(*missed),
        GroupedDigits(*acquired),
        kind.noun(*acquired)
    )?;
    match place {
        Some(frame) => match (&frame.file, frame.line) {
            (Some(file), Some(line)) => write!(f, "acquired at {}:{line}", OneLine(file))?,
            _ => write!(f, "acquired in {}", OneLine(&frame.function))?,
        },
        None => write!(f, "acquired at a place that is not known")?,
    }
    writeln!(f, " ({} {})", OneLine(module), OneLine(test))
}

fn write_cleanup(f: &mut Formatter<'_>, cleanup: &UnfinishedCleanup) -> fmt::Result {
    let UnfinishedCleanup { module, test, name, registered } = cleanup;
    let name = name.as_ref().map(|name| format!(" `{}`", OneLine(name))).unwrap_or_default();
    let at = registered.as_ref().map(|at| format!(", registered at {}", OneLine(at))).unwrap_or_default();
    writeln!(f, "{:>12} clean-up{name} not finished{at} ({} {})", "", OneLine(module), OneLine(test))
}
