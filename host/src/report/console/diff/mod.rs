//! What changed between two reports, for a person.

mod fuel;
mod growth;
mod table;
#[cfg(test)]
mod tests;

pub use growth::GrowthText;

use super::super::diff::{LeakChange, LeakDiff, OneSided, OnlyTest, ReportDiff, Side, UnknownFigure};
use super::reporter::SEPARATOR;
use super::sanitise::OneLine;
use super::stack::FrameLabel;
use super::status::{TestName, word};
use super::style::Styles;
use super::units::{GroupedDigits, plural};
use crate::model::doubt::TestId;
use std::fmt::{self, Display, Formatter};
use table::{DiffTable, TableRow};

/// Most entries of a list that are shown, unless all are asked for. Entries that became worse or better are always shown.
const LISTED: usize = 20;

/// How a [`ReportDiff`] is shown.
#[derive(Debug, Clone, Copy)]
pub struct DiffOptions<'a> {
    /// The base's name in the text: its path.
    pub old: &'a str,
    /// The other report's name in the text: its path.
    pub new: &'a str,
    /// Whether long lists are shown whole.
    pub all: bool,
    /// Whether there are colours.
    pub colours: bool,
}

/// All that changed, as text. It is the same for the same two reports.
#[derive(Debug)]
pub struct DiffText<'a> {
    diff: &'a ReportDiff,
    options: DiffOptions<'a>,
    styles: Styles,
}

impl<'a> DiffText<'a> {
    /// The text for a comparison.
    pub fn new(diff: &'a ReportDiff, options: DiffOptions<'a>) -> Self {
        Self { diff, options, styles: Styles::new(options.colours) }
    }
}

impl Display for DiffText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let DiffOptions { old, new, .. } = self.options;
        writeln!(f, "{:>12} {} (base) with {} (new)", "Compared", OneLine(old), OneLine(new))?;
        self.notes(f)?;
        if self.diff.same {
            return writeln!(f, "{:>12} in both reports: policy, modules, tests, figures, leaks", "All the same");
        }
        let sections = [
            self.tests(),
            self.functions(),
            self.figures(),
            self.bounded(),
            self.not_compared(),
            self.leaks(),
            self.fuel(),
        ];
        for section in sections.iter().filter(|section| !section.is_empty()) {
            write!(f, "{SEPARATOR}\n{section}")?;
        }
        Ok(())
    }
}

/// Each section is a text; it is empty if it has nothing to say.
impl DiffText<'_> {
    fn notes(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.diff.policies_differ {
            writeln!(f, "{:>12} the policies of the two runs differ, which can be why other figures do", "Note")?;
        }
        self.diff.doubts.iter().try_for_each(|(side, doubt)| {
            let doubt = doubt.to_string();
            writeln!(f, "{:>12} {} is not reproducible: {}", "Note", named(*side), OneLine(&doubt))
        })
    }

    fn tests(&self) -> String {
        let tests = &self.diff.tests;
        let changed = tests.verdicts.iter().map(|change| {
            let [(old, old_style), (new, new_style)] =
                [change.old, change.new].map(|verdict| (word(verdict), self.styles.verdict(verdict)));
            let name = self.name(&change.test);
            line("VERDICT", format_args!("{name}: {old_style}{old}{old_style:#} -> {new_style}{new}{new_style:#}"))
        });
        let only = |label: &'static str| {
            move |test: &OnlyTest| {
                let (name, style) = (self.name(&test.test), self.styles.verdict(test.verdict));
                let why = test.heap.as_ref().filter(|why| **why != UnknownFigure::NotRun);
                let heap = why.map(|why| format!("; its heap: {}", Why(why))).unwrap_or_default();
                line(label, format_args!("{name}: {style}{}{style:#}{heap}", word(test.verdict)))
            }
        };
        let (new, gone) = (tests.new.iter().map(only("NEW TEST")), tests.gone.iter().map(only("GONE TEST")));
        let same = (tests.same > 0).then(|| {
            let tests_have = plural(tests.same as u64, "test has the same verdict", "tests have the same verdicts");
            line("", format_args!("{} {tests_have}", GroupedDigits(tests.same as u64)))
        });
        changed.collect::<String>() + &self.folded(new) + &self.folded(gone) + &same.unwrap_or_default()
    }

    fn functions(&self) -> String {
        let heap = &self.diff.heap;
        let title = line("Heap", format_args!("what was left, by the function that allocated it: bytes (blocks)"));
        let row = |site: &super::super::diff::SiteChange| {
            let function = site.function.as_ref().map(|function| OneLine(function).to_string());
            let function = function.unwrap_or_else(|| "(no stack was recorded)".to_owned());
            TableRow::new(site.figure, function, site.old, site.new)
        };
        let rows: Vec<_> = heap.sites.iter().map(row).collect();
        let table = (!rows.is_empty()).then(|| title + &DiffTable { of: "function", rows }.to_string());
        let same = heap.sites_same as u64;
        let unchanged = (same > 0).then(|| {
            let functions = plural(same, "function left", "functions left");
            line("", format_args!("{} {functions} the same on the heap", GroupedDigits(same)))
        });
        table.unwrap_or_default() + &unchanged.unwrap_or_default()
    }

    fn figures(&self) -> String {
        let heap = &self.diff.heap;
        let title = line("Heap", format_args!("by test: bytes (blocks)"));
        let shown = if self.options.all { heap.tests.len() } else { heap.tests.len().min(LISTED) };
        let (listed, more) = heap.tests.split_at(shown);
        let row = |test: &super::super::diff::TestChange| {
            let TestId { module, test: name } = &test.test;
            let name = format!("{} {}", OneLine(module), OneLine(name));
            TableRow::new(test.figure, name, test.old, test.new)
        };
        let rows: Vec<_> = listed.iter().map(row).collect();
        let table = (!rows.is_empty()).then(|| title + &DiffTable { of: "test", rows }.to_string());
        let same = heap.tests_same as u64;
        let unchanged = (same > 0).then(|| {
            let figures = plural(same, "figure of a test is", "figures of tests are");
            line("", format_args!("{} {figures} the same", GroupedDigits(same)))
        });
        table.unwrap_or_default() + &folded_line(more.len()) + &unchanged.unwrap_or_default()
    }

    /// What the signs in the tables mean.
    fn bounded(&self) -> String {
        let tests = self.diff.heap.bounded as u64;
        if tests == 0 {
            return String::new();
        }
        let left = plural(tests, "test left", "tests left");
        line(
            "Not certain",
            format_args!(
                "what {} {left} on the heap: ≥ is at least, ≤ at most; equal bounds count as the same",
                GroupedDigits(tests)
            ),
        )
    }

    fn not_compared(&self) -> String {
        let entry = |test: &OneSided| {
            let other = if test.known == Side::Old { Side::New } else { Side::Old };
            let all = test.figures.len() == 3;
            let figures: Vec<_> =
                test.figures.iter().map(|figure_of| table::label(*figure_of).to_lowercase()).collect();
            let what = if all { "its heap".to_owned() } else { figures.join(", ") };
            let (name, known) = (self.name(&test.test), named(test.known));
            line(
                "NOT COMPARED",
                format_args!("{name}: {what} in {known} only; in {}: {}", named(other), Why(&test.why)),
            )
        };
        let neither = self.diff.heap.unknown as u64;
        let unknown = (neither > 0).then(|| {
            let tests = plural(neither, "test left on the heap", "tests left on the heap");
            line("", format_args!("what {} {tests} is known in neither report", GroupedDigits(neither)))
        });
        self.folded(self.diff.heap.one_sided.iter().map(entry)) + &unknown.unwrap_or_default()
    }

    fn leaks(&self) -> String {
        let LeakDiff { changed, same } = &self.diff.leaks;
        let listed: String = changed.iter().map(|leak| self.leak(leak)).collect();
        let unchanged = (*same > 0).then(|| {
            let leaks = plural(*same as u64, "other leak is", "other leaks are");
            line("", format_args!("{} {leaks} the same", GroupedDigits(*same as u64)))
        });
        listed + &unchanged.unwrap_or_default()
    }

    fn leak(&self, leak: &LeakChange) -> String {
        let (label, count) = match (leak.old, leak.new) {
            (0, new) => ("NEW LEAK", new),
            (old, 0) => ("GONE LEAK", old),
            (old, new) => (if old < new { "MORE LEAKS" } else { "FEWER LEAKS" }, new),
        };
        let number = match (leak.old, leak.new) {
            (0, 1) | (1, 0) => String::new(),
            (0, count) | (count, 0) => format!("{} ", GroupedDigits(count)),
            (old, new) => format!("{} -> {} ", GroupedDigits(old), GroupedDigits(new)),
        };
        let path = leak.path.as_ref().map(|path| format!(" {}", OneLine(path))).unwrap_or_default();
        let styles = &self.styles;
        let place =
            leak.place.as_ref().map(|frame| format!(" at {}", FrameLabel { frame, styles })).unwrap_or_default();
        let unfinished = leak
            .unfinished
            .map(|(side, verdict)| format!(" (in {} the test did not return: {})", named(side), word(verdict)));
        let name = self.name(&leak.test);
        let what = leak.kind.noun(count);
        line(label, format_args!("{name}: {number}{what}{path}{place}{}", unfinished.unwrap_or_default()))
    }

    fn name<'t>(&'t self, id: &'t TestId) -> TestName<'t> {
        TestName { module: &id.module, test: &id.test, styles: &self.styles }
    }

    /// The first of the lines, and how many more there are.
    fn folded(&self, lines: impl ExactSizeIterator<Item = String>) -> String {
        let all = lines.len();
        let shown = if self.options.all { all } else { all.min(LISTED) };
        lines.take(shown).collect::<String>() + &folded_line(all - shown)
    }
}

fn line(label: &str, text: fmt::Arguments<'_>) -> String {
    format!("{label:>12} {text}\n")
}

fn folded_line(more: usize) -> String {
    if more == 0 { String::new() } else { line("…", format_args!("and {more} more; --all lists them")) }
}

fn named(side: Side) -> &'static str {
    match side {
        Side::Old => "the base",
        Side::New => "the new report",
    }
}

/// Why a figure is not known.
struct Why<'a>(&'a UnknownFigure);

impl Display for Why<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            UnknownFigure::NotRun => f.write_str("the test was not run"),
            UnknownFigure::NotTracked(Some(why)) => write!(f, "not tracked ({})", OneLine(why)),
            UnknownFigure::NotTracked(None) => f.write_str("not tracked"),
            UnknownFigure::Ended(verdict) => write!(f, "the test ended without these figures ({})", word(*verdict)),
        }
    }
}
