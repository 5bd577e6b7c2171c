//! The last lines of a run: how many tests came to which verdict, and what else is worth a line.

use super::baseline::BaselineText;
use super::coverage::CoverageText;
use super::gates::GateText;
use super::heap_summary::HeapSummary;
use super::reasons::Reasons;
use super::sanitise::{OneLine, QuotedText};
use super::style::Styles;
use super::tracked::TrackedText;
use super::units::plural;
use crate::model::Report;
use crate::model::counts::Counts;
use crate::model::profile::HeapProfile;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// The summary, the reasons for skipping, the notes and the digest.
pub(super) struct Summary<'a> {
    pub report: &'a Report,
    pub counts: Counts,
    /// How many tests were selected; skipped ones count.
    pub selected: usize,
    pub elapsed: Duration,
    pub notes: &'a [String],
    pub styles: &'a Styles,
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.tallies(f)?;
        if self.counts.skip > 0 {
            writeln!(f, "{:>12} {}", "Skipped", Reasons(&self.counts.skip_reasons))?;
        }
        write!(f, "{}", HeapSummary::new(self.report))?;
        write!(f, "{}", TrackedText(self.report))?;
        if let Some(coverage) = &self.report.canonical.cleanup_coverage {
            write!(f, "{}", CoverageText(coverage))?;
        }
        self.report.canonical.gates.iter().try_for_each(|gate| write!(f, "{}", GateText(gate)))?;
        if let Some(usage) = &self.report.volatile.baseline {
            write!(f, "{}", BaselineText { usage, report: self.report })?;
        }
        self.changed(f)?;
        let not_run = self.not_run();
        let tests = plural(not_run as u64, "test was", "tests were");
        if self.report.volatile.interrupted {
            self.note(f, &format!("interrupted: {not_run} {tests} not run to the end"))?;
        } else if not_run > 0 {
            self.note(f, &format!("{not_run} {tests} not run"))?;
        }
        for refused in &self.report.canonical.refused {
            self.note(f, &format!("not tested: {refused}"))?;
        }
        for doubt in &self.report.canonical.doubts {
            self.note(f, &format!("not reproducible: {doubt}"))?;
        }
        self.notes.iter().try_for_each(|note| self.note(f, note))?;
        let of_profile = self.report.profile.as_ref().map(HeapProfile::notes).unwrap_or_default();
        of_profile.iter().try_for_each(|note| writeln!(f, "{:>12} {}", "Note", OneLine(note)))?;
        self.codes(f)?;
        writeln!(f, "{:>12} {}", "Digest", OneLine(&self.report.digest))
    }
}

impl Summary<'_> {
    fn not_run(&self) -> usize {
        self.selected.saturating_sub(self.counts.run() + self.counts.skip)
    }

    fn tallies(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Styles { pass, fail, leak, skip, count, .. } = self.styles;
        let Counts { skip: skipped, .. } = self.counts;
        let style = if self.counts.unsuccessful() == 0 { pass } else { fail };
        let run = self.counts.run();
        write!(f, "{style}{:>12}{style:#} [{:>8.3}s] {count}{run}", "Summary", self.elapsed.as_secs_f64())?;
        if self.not_run() > 0 {
            write!(f, "/{}", run + self.not_run())?;
        }
        write!(f, "{count:#} {} run", plural(run as u64, "test", "tests"))?;
        let tallies = [
            (self.counts.pass, "passed", pass, true),
            (self.counts.leak, "leaked", leak, false),
            (self.counts.fail, "failed", fail, false),
            (self.counts.memory, "over memory", fail, false),
            (self.counts.timeout, "timed out", fail, false),
            (self.counts.exit, "exited", fail, false),
            (skipped, "skipped", skip, true),
        ];
        let tests = self.report.canonical.modules.iter().flat_map(|module| &module.tests);
        let flaky = tests.filter(|test| test.is_flaky()).count();
        let shown = tallies.into_iter().filter(|(number, .., always)| *always || *number > 0);
        for (i, (number, what, style, _)) in shown.enumerate() {
            let separator = if i == 0 { ":" } else { "," };
            write!(f, "{separator} {count}{number}{count:#} {style}{what}{style:#}")?;
            if flaky > 0 && what == "passed" {
                write!(f, " ({count}{flaky}{count:#} {skip}flaky{skip:#})")?;
            }
        }
        writeln!(f)
    }

    /// The codes of what did not pass, each with its title.
    fn codes(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const NAMED: usize = 5;
        let topics = if self.styles.codes { self.report.topics() } else { Vec::new() };
        let Some(first) = topics.first() else { return Ok(()) };
        let named = topics.iter().take(NAMED).map(|topic| format!("{} ({})", topic.code(), topic.name()));
        let mut named: Vec<_> = named.collect();
        if topics.len() > NAMED {
            named.push("…".to_owned());
        }
        writeln!(f, "{:>12} {}: `airtight explain {}`", "Codes", named.join(", "), first.code())
    }

    /// Says what tests changed in their packages and elsewhere, and that these changes are gone.
    fn changed(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const NAMED: usize = 3;
        let tests = self.report.canonical.modules.iter().flat_map(|module| &module.tests);
        let changes = tests.flat_map(|test| &test.details).flat_map(|details| &details.changed);
        let paths: BTreeSet<&str> = changes.map(|change| &*change.path).collect();
        if paths.is_empty() || !self.report.kept.is_empty() {
            return Ok(());
        }
        let mut named: Vec<String> = paths.iter().take(NAMED).map(|path| OneLine(path).to_string()).collect();
        if paths.len() > NAMED {
            named.push("…".to_owned());
        }
        let files = plural(paths.len() as u64, "file", "files");
        let named = named.join(", ");
        self.note(
            f,
            &format!("{} {files} that tests changed are as before ({named}); --write-back keeps them", paths.len()),
        )
    }

    fn note(&self, f: &mut Formatter<'_>, note: &str) -> fmt::Result {
        let (first, rest) = note.trim_end().split_once('\n').unwrap_or((note.trim_end(), ""));
        writeln!(f, "{:>12} {}", "Note", OneLine(first.trim_end()))?;
        write!(f, "{}", QuotedText { indent: "         ", text: rest.as_bytes(), styles: self.styles })
    }
}
