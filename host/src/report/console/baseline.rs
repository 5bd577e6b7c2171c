//! What is said of the baseline: what it accepts of a test, how a run used it, and what it could accept.

use super::sanitise::OneLine;
use super::units::{GroupedDigits, PlainBytes, plural};
use crate::config::suppression_text;
use crate::model::{AcceptedRecord, BaselineEntry, BaselineUse, Report, Resource};
use std::fmt::{self, Display, Formatter};

/// The most entries of each list that are shown. The JSON report has all of them.
const LISTED: usize = 20;

/// A line for each rule that accepts something that a test left.
pub(super) struct AcceptedText<'a>(pub &'a [AcceptedRecord]);

impl Display for AcceptedText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for AcceptedRecord { by, by_pattern, reason, count, bytes } in self.0.iter().take(LISTED) {
            let by = if *by_pattern { format!("suppression `{}`", OneLine(by)) } else { OneLine(by).to_string() };
            write!(f, "    accepted by the baseline: {by}, {}", GroupedDigits(*count))?;
            if *bytes > 0 {
                write!(f, " ({})", PlainBytes(*bytes))?;
            }
            reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {}", OneLine(reason)))?;
            writeln!(f)?;
        }
        match self.0.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => writeln!(f, "    and {more} more, listed in the JSON report"),
        }
    }
}

/// The suppression of a leak, ready to be pasted.
pub(super) struct PasteText<'a> {
    pub leak: &'a Resource,
    pub retained: bool,
}

impl Display for PasteText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "        to accept it, paste this into the baseline, with a reason:")?;
        let text = suppression_text(self.leak, self.retained);
        text.trim().lines().try_for_each(|line| writeln!(f, "          {}", OneLine(line)))
    }
}

/// How the run used the baseline.
pub(super) struct BaselineText<'a> {
    pub usage: &'a BaselineUse,
    pub report: &'a Report,
}

impl Display for BaselineText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let BaselineUse { file, date: _, entries, judged, gone: _, expired: _, unused } = self.usage;
        let tests = self.report.canonical.modules.iter().flat_map(|module| &module.tests);
        let of_tests = tests.flat_map(|test| &test.details).map(|details| &details.accepted);
        let of_tests: Vec<_> = of_tests.filter(|accepted| !accepted.is_empty()).collect();
        let leaks = of_tests.iter().copied().flatten().map(|record| record.count).fold(0, u64::saturating_add);
        let (leak, test) = (plural(leaks, "leak", "leaks"), plural(of_tests.len() as u64, "test", "tests"));
        let label = if self.usage.passes() { "Baseline" } else { "BASELINE" };
        write!(
            f,
            "{label:>12} {}: {} {leak} of {} {test} accepted",
            OneLine(file),
            GroupedDigits(leaks),
            of_tests.len()
        )?;
        match entries - judged.min(entries) {
            0 => writeln!(f)?,
            others => {
                let (entry, is) = (plural(others as u64, "entry", "entries"), plural(others as u64, "is", "are"));
                writeln!(f, "; {others} {entry} {is} of tests that did not come to their end here")?;
            }
        }
        write_entries(f, self.usage, "airtight baseline")?;
        match &unused[..] {
            [] => Ok(()),
            names => {
                let named: Vec<_> = names.iter().take(LISTED).map(|name| format!("`{}`", OneLine(name))).collect();
                let more = if names.len() > LISTED { ", …" } else { "" };
                writeln!(f, "{:>12} suppressions that nothing matched: {}{more}", "", named.join(", "))
            }
        }
    }
}

/// The entries that have expired or are gone. `command` is what removes them.
pub(super) fn write_entries(f: &mut Formatter<'_>, usage: &BaselineUse, command: &str) -> fmt::Result {
    let BaselineUse { date, gone, expired, .. } = usage;
    list(f, expired, |f, entry| {
        let (day, today) = (entry.expires.map(String::from), date.map(String::from));
        let (day, today) = (day.unwrap_or_default(), today.unwrap_or_default());
        write!(f, "expired on {day} (today is {today}), and still there: {}", EntryName(entry))?;
        entry.reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {}", OneLine(reason)))
    })?;
    list(f, gone, |f, entry| write!(f, "gone: {}", EntryName(entry)))?;
    if !gone.is_empty() {
        let it = if gone.len() == 1 { "it" } else { "them" };
        writeln!(f, "{:>12} `{command}` takes {it} out", "")?;
    }
    Ok(())
}

/// A line for each of the first entries.
fn list(
    f: &mut Formatter<'_>,
    entries: &[BaselineEntry],
    write: impl Fn(&mut Formatter<'_>, &BaselineEntry) -> fmt::Result,
) -> fmt::Result {
    for entry in entries.iter().take(LISTED) {
        write!(f, "{:>12} ", "")?;
        write(f, entry)?;
        writeln!(f)?;
    }
    match entries.len().saturating_sub(LISTED) {
        0 => Ok(()),
        more => writeln!(f, "{:>12} and {more} more, listed in the JSON report", ""),
    }
}

/// `semver/tests/io tests::reads_all: file fixtures/a.txt`, or the name of a suppression.
struct EntryName<'a>(&'a BaselineEntry);

impl Display for EntryName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let BaselineEntry { module, test, what, .. } = self.0;
        match (module, test) {
            (Some(module), Some(test)) => write!(f, "{} {}: {}", OneLine(module), OneLine(test), OneLine(what)),
            _ => write!(f, "suppression `{}`", OneLine(what)),
        }
    }
}
