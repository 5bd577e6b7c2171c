//! All there is to say of one test, and a short form of it.

use super::certainty::{NotCertain, is_certain};
use super::go::GoText;
use super::growth::GrowthTable;
use super::injected::InjectedText;
use super::leftovers::Leftovers;
use super::limits::{Advice, LimitLine, RefusalText, is_of_heap};
use super::resources::ReclaimedText;
use super::sanitise::{OneLine, QuotedText, short};
use super::stack::StackLines;
use super::status::{self, TestName};
use super::style::Styles;
use super::subtests::{OutlivedText, SubtestsText};
use super::units::{Bytes, GroupedDigits, plural};
use crate::model::{AttemptsRecord, CleanupRecord, Details, Heap, Omitted, RefusedGrowth, TestRecord, Verdict};
use std::fmt::{self, Display, Formatter};

/// All there is to say of a test, without times and captured output.
pub(super) struct Full<'a> {
    pub test: &'a TestRecord,
    /// Whether to show also the growth that a passing test was refused, and the blocks that it retained.
    pub all: bool,
    pub styles: &'a Styles,
}

impl Display for Full<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (verdict, styles) = (self.test.verdict, self.styles);
        let heap = heap(self.test);
        let Some(details) = self.test.details.as_deref() else {
            let told = heap.filter(|heap| self.all || heap.lost_track().is_some());
            return told.map_or(Ok(()), |heap| write!(f, "{}", NotCertain(heap)));
        };
        let left = details.message.as_deref().filter(|_| verdict == Verdict::Exit && details.exit_status.is_some());
        if let Some(left) = left {
            writeln!(f, "    {}", OneLine(left))?;
        }
        if let Some(limit) = &details.limit {
            write!(f, "{}", LimitLine(limit))?;
        }
        if let Some(refused) = details.refused.as_ref().filter(|_| self.all || !verdict.is_success()) {
            let is_told = details.limit.as_ref().is_some_and(|limit| refused.is_limit(limit));
            write!(f, "{}", RefusalText { growth: refused, is_told })?;
        }
        if details.refused_threads > 0 && (self.all || !verdict.is_success()) {
            let threads = plural(details.refused_threads, "thread", "threads");
            let count = GroupedDigits(details.refused_threads);
            writeln!(f, "    refused: {count} {threads}, for there were as many as `live-threads` allows")?;
        }
        if left.is_none() {
            write_messages(f, details, styles)?;
        }
        let label = place_label(verdict, details);
        write!(f, "{}", StackLines { indent: "    ", label, stack: &details.stack, styles })?;
        write!(f, "{}", InjectedText { injected: &details.injected, styles })?;
        if let Some(hint) = &details.hint {
            writeln!(f, "    hint: {}", OneLine(hint))?;
        }
        if let Some(limit) = &details.limit {
            write!(f, "{}", Advice(limit))?;
        }
        write!(f, "{}", SubtestsText { test: self.test, all: self.all, styles })?;
        let left = Leftovers { test: &self.test.name, verdict, details, heap, all: self.all, styles };
        write!(f, "{left}")?;
        if let Some(growth) = &details.growth {
            let why_unknown = is_certain(heap);
            write!(f, "{}", GrowthTable { test: &self.test.name, growth, why_unknown, styles })?;
        }
        if let Some(go) = &details.go {
            write!(f, "{}", GoText { go, all: self.all, styles })?;
        }
        write!(f, "{}", OutlivedText { details, styles })?;
        details.cleanups.iter().try_for_each(|cleanup| write_cleanup(f, cleanup, styles))?;
        write!(f, "{}", ReclaimedText { resources: &details.reclaimed, styles })?;
        write!(f, "{}", OmittedText(&details.omitted))?;
        details.attempts.as_ref().map_or(Ok(()), |attempts| write_attempts(f, attempts))
    }
}

/// The line that says what a report leaves out of the lists of a test.
struct OmittedText<'a>(&'a Omitted);

impl Display for OmittedText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Omitted { failures, suppressed, cleanups, subtests, tracked, resources } = *self.0;
        let kinds = [
            (failures, "failure", "failures"),
            (suppressed, "later failure", "later failures"),
            (cleanups, "failed clean-up", "failed clean-ups"),
            (subtests, "subtest", "subtests"),
            (tracked, "kind of tracked resource", "kinds of tracked resources"),
            (resources, "entry of what it left", "entries of what it left"),
        ];
        let mut separator = "    too much to be reported, left out: ";
        for (count, one, many) in kinds.into_iter().filter(|(count, ..)| *count > 0) {
            write!(f, "{separator}{} {}", GroupedDigits(count), plural(count, one, many))?;
            separator = ", ";
        }
        if self.0.is_nothing() { Ok(()) } else { writeln!(f) }
    }
}

/// How the attempts before the last one ended.
fn write_attempts(f: &mut Formatter<'_>, attempts: &AttemptsRecord) -> fmt::Result {
    for (nth, failed) in attempts.failed.iter().enumerate() {
        write!(f, "    time {} of {}: {}", nth + 1, attempts.tried, status::word(failed.verdict).to_lowercase())?;
        let first = failed.message.as_deref().and_then(|message| message.lines().next());
        first.map_or(Ok(()), |line| write!(f, ": {}", OneLine(&short(line))))?;
        writeln!(f)?;
    }
    Ok(())
}

fn heap(test: &TestRecord) -> Option<&Heap> {
    test.usage.as_ref().map(|usage| &usage.heap)
}

/// A few lines under a test; the end of the run says more.
pub(super) struct Short<'a> {
    pub test: &'a TestRecord,
    pub styles: &'a Styles,
}

impl Display for Short<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (verdict, styles) = (self.test.verdict, self.styles);
        let Some(details) = self.test.details.as_deref() else {
            return Ok(());
        };
        let left = Leftovers { test: &self.test.name, verdict, details, heap: heap(self.test), all: false, styles };
        let limit = details.limit.as_ref().filter(|limit| is_of_heap(limit));
        match limit {
            Some(limit) => write!(f, "{}", LimitLine(limit))?,
            None if left.is_cause() => return left.write_short(f),
            None => {}
        }
        let message = details.message.as_ref().or(details.failures.first());
        if let Some(line) = message.and_then(|message| message.lines().next()) {
            write!(f, "{}", QuotedText { indent: "", text: short(line).as_bytes(), styles })?;
        }
        let label = place_label(verdict, details);
        write!(f, "{}", StackLines { indent: "    ", label, stack: &details.stack, styles }.top())
    }
}

/// Captured output, in a section for each stream.
pub(super) struct CapturedOutput<'a> {
    pub module: &'a str,
    pub test: &'a TestRecord,
    pub styles: &'a Styles,
}

impl Display for CapturedOutput<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(details) = self.test.details.as_deref() else {
            return Ok(());
        };
        let output = &details.output;
        for (stream, text) in [("STDOUT", &output.stdout), ("STDERR", &output.stderr)] {
            if !text.is_empty() {
                let style = self.styles.verdict(self.test.verdict);
                let name = TestName { module: self.module, test: &self.test.name, styles: self.styles };
                writeln!(f, "{style}--- {stream}:{style:#} {name} {style}---{style:#}")?;
                write!(f, "{}", QuotedText { indent: "", text, styles: self.styles })?;
            }
        }
        if output.dropped > 0 {
            writeln!(f, "    output over the cap was dropped: {}", Bytes(output.dropped))?;
        }
        Ok(())
    }
}

fn write_messages(f: &mut Formatter<'_>, details: &Details, styles: &Styles) -> fmt::Result {
    // The growth that was refused is shown already, with units.
    let refused = details.refused.as_ref().map(RefusedGrowth::before_the_end).unwrap_or_default();
    let message = details.message.iter().map(|message| message.strip_prefix(&*refused).unwrap_or(message));
    // The first reported failure may serve as the message.
    let failures = details.failures.iter().filter(|failure| Some(*failure) != details.message.as_ref());
    // Later failures, without those of clean-ups, which have lines of their own.
    let later = details.suppressed.iter().filter(|later| later.cleanup.is_none()).map(|later| &later.message);
    let later = later.filter(|message| !details.failures.contains(message));
    let failures = failures.chain(later).map(String::as_str);
    for (i, text) in message.chain(failures).enumerate() {
        if i > 0 {
            writeln!(f, "    and")?;
        }
        write!(f, "{}", QuotedText { indent: "", text: short(text).as_bytes(), styles })?;
    }
    Ok(())
}

fn write_cleanup(f: &mut Formatter<'_>, cleanup: &CleanupRecord, styles: &Styles) -> fmt::Result {
    let indent = "        ";
    let name = cleanup.name.as_ref().map(|name| format!(" `{}`", OneLine(name))).unwrap_or_default();
    let subtest = cleanup.subtest.as_ref().map(|subtest| format!(" of subtest {}", OneLine(subtest)));
    let subtest = subtest.unwrap_or_default();
    writeln!(f, "    clean-up {}{name}{subtest} (in the order of running) failed:", cleanup.ordinal)?;
    write!(f, "{}", QuotedText { indent: "    ", text: short(&cleanup.message).as_bytes(), styles })?;
    if let Some(registered) = &cleanup.registered {
        writeln!(f, "{indent}registered at {}", OneLine(registered))?;
    }
    write!(f, "{}", StackLines { indent, label: "at", stack: &cleanup.stack, styles })
}

fn place_label(verdict: Verdict, details: &Details) -> &'static str {
    match verdict {
        Verdict::Memory if details.limit.as_ref().is_some_and(is_of_heap) => "crossed at",
        Verdict::Fail => "failed at",
        Verdict::Timeout => "stopped at",
        Verdict::Exit => "left at",
        Verdict::Memory | Verdict::Pass | Verdict::Leak | Verdict::Skip => "at",
    }
}
