//! The subtests of a test, and the resources that outlived them.

use super::sanitise::{OneLine, QuotedText, short};
use super::stack::StackLines;
use super::status::word;
use super::style::Styles;
use super::units::{GroupedDigits, plural};
use crate::model::{Details, OutlivedRecord, SubtestRecord, TestRecord, Verdict};
use std::fmt::{self, Display, Formatter};

/// Most subtests, and most places, that one list shows. The JSON report has all of them.
const LISTED: usize = 20;

/// How many subtests came to each verdict, and what there is to say of those that did not pass.
pub(super) struct SubtestsText<'a> {
    pub test: &'a TestRecord,
    /// Whether subtests that passed are listed, too.
    pub all: bool,
    pub styles: &'a Styles,
}

impl Display for SubtestsText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let subtests = self.test.details.as_ref().map_or(&[][..], |details| &details.subtests);
        let told = |subtest: &&SubtestRecord| self.all || !matches!(subtest.verdict, Verdict::Pass | Verdict::Skip);
        if subtests.is_empty()
            || (!self.all && self.test.verdict.is_success() && !subtests.iter().any(|one| told(&one)))
        {
            return Ok(());
        }
        write!(f, "    subtests: ")?;
        for (nth, (count, verdict)) in tallies(subtests).into_iter().enumerate() {
            let separator = if nth == 0 { "" } else { ", " };
            write!(f, "{separator}{} {}", GroupedDigits(count), words(verdict))?;
        }
        writeln!(f)?;
        let told: Vec<_> = subtests.iter().filter(told).collect();
        for subtest in told.iter().take(LISTED) {
            write!(f, "{}", SubtestText { subtest, styles: self.styles })?;
        }
        let more = told.len().saturating_sub(LISTED) as u64;
        if more > 0 {
            writeln!(
                f,
                "    - and {} more {}, listed in the JSON report",
                GroupedDigits(more),
                plural(more, "subtest", "subtests")
            )?;
        }
        Ok(())
    }
}

/// How many subtests came to each verdict, in the order of the verdicts.
fn tallies(subtests: &[SubtestRecord]) -> Vec<(u64, Verdict)> {
    let mut tallies = std::collections::BTreeMap::new();
    subtests.iter().for_each(|subtest| *tallies.entry(subtest.verdict).or_insert(0) += 1);
    tallies.into_iter().map(|(verdict, count)| (count, verdict)).collect()
}

/// The word for a verdict in the last line of a run.
fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Leak => "leaked",
        Verdict::Fail => "failed",
        Verdict::Memory => "over memory",
        Verdict::Timeout => "timed out",
        Verdict::Exit => "exited",
        Verdict::Skip => "skipped",
    }
}

/// The lines of one subtest.
struct SubtestText<'a> {
    subtest: &'a SubtestRecord,
    styles: &'a Styles,
}

impl Display for SubtestText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { subtest, styles } = *self;
        let style = styles.verdict(subtest.verdict);
        write!(f, "    - {style}{}{style:#} {}", word(subtest.verdict), OneLine(&subtest.name))?;
        if let Some(reason) = &subtest.reason {
            write!(f, ": {}", OneLine(reason))?;
        }
        if subtest.leaks > 0 {
            let left = plural(subtest.leaks, "resource", "resources");
            write!(f, ", which left {} {left}", GroupedDigits(subtest.leaks))?;
        }
        writeln!(f)?;
        if let Some(message) = &subtest.message {
            write!(f, "{}", QuotedText { indent: "    ", text: short(message).as_bytes(), styles })?;
        }
        write!(f, "{}", StackLines { indent: "        ", label: "failed at", stack: &subtest.stack, styles })?;
        for later in subtest.suppressed.iter().filter(|later| later.cleanup.is_none()) {
            writeln!(f, "        and")?;
            write!(f, "{}", QuotedText { indent: "    ", text: short(&later.message).as_bytes(), styles })?;
        }
        Ok(())
    }
}

/// Resources that were released only after the subtest that acquired them had ended.
pub(super) struct OutlivedText<'a> {
    pub details: &'a Details,
    pub styles: &'a Styles,
}

impl Display for OutlivedText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Details { outlived, outlived_omitted, .. } = self.details;
        for record in outlived.iter().take(LISTED) {
            self.write_one(f, record)?;
        }
        let more = outlived.len().saturating_sub(LISTED) as u64;
        if more > 0 {
            let places = plural(more, "place", "places");
            writeln!(f, "    and at {} more {places}, listed in the JSON report", GroupedDigits(more))?;
        }
        if *outlived_omitted > 0 {
            let more = plural(*outlived_omitted, "resource", "resources");
            writeln!(
                f,
                "    outlived its subtest: {} more {more} at places that are not listed",
                GroupedDigits(*outlived_omitted)
            )?;
        }
        Ok(())
    }
}

impl OutlivedText<'_> {
    fn write_one(&self, f: &mut Formatter<'_>, record: &OutlivedRecord) -> fmt::Result {
        let OutlivedRecord { kind, tracked, count, peak, path, scope, stack, released } = record;
        let (indent, styles) = ("        ", self.styles);
        let (whose, first) = if *count == 1 { ("its subtest", "") } else { ("their subtests", ", the first") };
        let what = tracked.as_deref().unwrap_or(kind.noun(*count));
        write!(f, "    outlived {whose}: {} {}", GroupedDigits(*count), OneLine(what))?;
        if let Some(path) = path {
            write!(f, " ({}{first})", OneLine(path))?;
        }
        if *count > 1 {
            write!(f, ", {} of them open at once", GroupedDigits(*peak))?;
        }
        writeln!(f)?;
        writeln!(f, "{indent}in subtest {}{first}", OneLine(scope))?;
        if let Some(label) = kind.acquired() {
            write!(f, "{}", StackLines { indent, label, stack, styles })?;
        }
        write!(f, "{}", StackLines { indent, label: "released at", stack: released, styles })?;
        let it = if *count == 1 { "it" } else { "each" };
        writeln!(f, "{indent}to fix: release {it} before the subtest ends, or acquire {it} in the test itself")
    }
}
