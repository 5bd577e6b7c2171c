//! Stable codes of what a report tells of, and the page of each.
//!
//! A code is not written into the canonical part of a report. It follows from what stands there already, and with it a report's
//! digest would change whenever a new code is given.

use super::doubt::Cause;
use super::gates::GateKind;
use super::{CleanupCoverage, Limit, Report, ResourceKind, Verdict, exit_status};
use std::collections::BTreeSet;
use std::fmt;

/// All pages in one text. Each page is a section that begins with `## AT0001: title`.
const PAGES: &str = include_str!("../../docs/guide/codes.md");

/// Something that has a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Topic {
    /// A kind of leak.
    Leak(ResourceKind),
    /// Heap blocks that static data reaches.
    Retained,
    /// Resources that outlived their subtest.
    Outlived,
    /// Growth from round to round.
    Growth,
    /// A verdict.
    Verdict(Verdict),
    /// A limit.
    Limit(Limit),
    /// Why another run may differ.
    Doubt(Cause),
    /// Why it is not certain which blocks were lost: an index into `HEAP_DOUBTS`.
    HeapDoubt(usize),
    /// A heap that is not tracked.
    HeapNotTracked,
    /// Clean-up coverage.
    CleanupCoverage,
    /// A gate.
    Gate(GateKind),
    /// An accepted leak that has expired.
    Expired,
    /// An exit status: an index into `STATUSES`.
    Status(usize),
}

/// The values of [`Heap::doubt_code`](super::Heap::doubt_code), in the order of their codes.
pub const HEAP_DOUBTS: [&str; 9] = [
    "unrepeatable",
    "out-of-time",
    "interrupted",
    "not-tracked",
    "other-ending",
    "other-allocations",
    "running-functions",
    "nothing-left",
    "other-blocks",
];

/// The exit statuses other than success, in the order of their codes.
pub const STATUSES: [u8; 8] = [
    exit_status::USAGE,
    exit_status::NO_TESTS,
    exit_status::BUG,
    exit_status::SETUP,
    exit_status::TEST_FAILED,
    exit_status::BUILD_FAILED,
    exit_status::MODULE_UNUSABLE,
    exit_status::INTERRUPTED,
];

const VERDICTS: [Verdict; 7] =
    [Verdict::Pass, Verdict::Leak, Verdict::Fail, Verdict::Memory, Verdict::Timeout, Verdict::Exit, Verdict::Skip];

const CAUSES: [Cause; 6] = [
    Cause::RealClock,
    Cause::WallClock,
    Cause::Interrupted,
    Cause::InheritedStreams,
    Cause::Flaky,
    Cause::CompileBudget,
];

/// A stable code: `AT0001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AT{:04}", self.0)
    }
}

impl Topic {
    /// Everything that has a code, in the order of the codes.
    pub fn all() -> Vec<Self> {
        let mut all = ResourceKind::ALL.map(Self::Leak).to_vec();
        all.extend([
            Self::Retained,
            Self::Outlived,
            Self::Growth,
            Self::HeapNotTracked,
            Self::CleanupCoverage,
            Self::Expired,
        ]);
        all.extend(VERDICTS.map(Self::Verdict));
        all.extend(Limit::ALL.map(Self::Limit));
        all.extend(CAUSES.map(Self::Doubt));
        all.extend((0..HEAP_DOUBTS.len()).map(Self::HeapDoubt));
        all.extend(GateKind::ALL.map(Self::Gate));
        all.extend((0..STATUSES.len()).map(Self::Status));
        all.sort_by_key(|topic| topic.code());
        all
    }

    /// Its code. A code that was once given is never given to another topic.
    pub fn code(self) -> Code {
        Code(match self {
            Self::Leak(kind) => match kind {
                ResourceKind::File => 1,
                ResourceKind::Dir => 2,
                ResourceKind::Socket => 3,
                ResourceKind::Residue => 4,
                ResourceKind::ResidueDir => 5,
                ResourceKind::Tracked => 6,
                ResourceKind::Heap => 7,
                ResourceKind::Thread => 8,
                ResourceKind::Task => 9,
                ResourceKind::AsyncTask => 13,
            },
            Self::Retained => 10,
            Self::Outlived => 11,
            Self::Growth => 12,
            Self::Verdict(verdict) => match verdict {
                Verdict::Pass => 100,
                Verdict::Leak => 101,
                Verdict::Fail => 102,
                Verdict::Memory => 103,
                Verdict::Timeout => 104,
                Verdict::Exit => 105,
                Verdict::Skip => 106,
            },
            Self::Limit(limit) => match limit {
                Limit::Memory => 201,
                Limit::Fuel => 202,
                Limit::Timeout => 203,
                Limit::SlowTimeout => 204,
                Limit::Stack => 205,
                Limit::Output => 206,
                Limit::Handles => 207,
                Limit::LiveThreads => 208,
                Limit::Scratch => 209,
                Limit::ScratchEntries => 210,
                Limit::Io => 211,
                Limit::HostMemory => 212,
                Limit::PeakHeap => 213,
                Limit::Lost => 214,
                Limit::Retained => 215,
                Limit::Allocations => 216,
                Limit::LargestAllocation => 217,
            },
            Self::Doubt(cause) => match cause {
                Cause::RealClock => 301,
                Cause::WallClock => 302,
                Cause::Interrupted => 303,
                Cause::InheritedStreams => 304,
                Cause::Flaky => 305,
                Cause::CompileBudget => 306,
            },
            Self::HeapDoubt(nth) => 401 + small(nth),
            Self::HeapNotTracked => 410,
            Self::CleanupCoverage => 500,
            Self::Gate(gate) => match gate {
                GateKind::Lost => 501,
                GateKind::Retained => 502,
                GateKind::Handles => 503,
                GateKind::Threads => 504,
                GateKind::TasksDelta => 505,
                GateKind::Growth => 506,
                GateKind::Fuel => 507,
                GateKind::FaultLeaks => 509,
            },
            Self::Expired => 508,
            Self::Status(nth) => 601 + small(nth),
        })
    }

    /// The topic's name in reports and settings.
    pub fn name(self) -> String {
        match self {
            Self::Leak(kind) => kind.name().to_owned(),
            Self::Retained => "retained".to_owned(),
            Self::Outlived => "outlived".to_owned(),
            Self::Growth => "growth".to_owned(),
            Self::Verdict(verdict) => verdict.name().to_owned(),
            Self::Limit(limit) => limit.name().to_owned(),
            Self::Doubt(cause) => word(&cause),
            Self::HeapDoubt(nth) => HEAP_DOUBTS[nth].to_owned(),
            Self::HeapNotTracked => "not-tracked".to_owned(),
            Self::CleanupCoverage => "cleanup-coverage".to_owned(),
            Self::Gate(gate) => gate.name().to_owned(),
            Self::Expired => "expired".to_owned(),
            Self::Status(nth) => STATUSES[nth].to_string(),
        }
    }

    /// The title of its page, and the page itself.
    pub fn page(self) -> (&'static str, &'static str) {
        let code = self.code();
        sections().find(|section| section.0 == code.to_string()).map_or(("", ""), |(_, title, text)| (title, text))
    }

    /// The topic of a doubt by its name in reports.
    pub fn heap_doubt(code: &str) -> Option<Self> {
        HEAP_DOUBTS.iter().position(|doubt| *doubt == code).map(Self::HeapDoubt)
    }

    /// The topics that a word means. The word is a code, in upper or lower case, or a name, which several topics may share.
    pub fn named(word: &str) -> Vec<Self> {
        let is = |topic: &Self| topic.code().to_string().eq_ignore_ascii_case(word) || topic.name() == word;
        Self::all().into_iter().filter(is).collect()
    }
}

/// The word for a value in a report: what serde writes.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn small(nth: usize) -> u16 {
    u16::try_from(nth).unwrap_or(u16::MAX)
}

/// Code, title and text of each section of the pages.
fn sections() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    PAGES.split("\n## ").skip(1).filter_map(|section| {
        let (head, text) = section.split_once('\n')?;
        let (code, title) = head.split_once(": ")?;
        Some((code, title, text.trim()))
    })
}

impl Report {
    /// The same report, with the codes in its volatile part.
    #[must_use]
    pub(crate) fn with_codes(mut self) -> Self {
        let codes = self.topics().into_iter().map(|topic| (topic.code().to_string(), topic.name()));
        self.volatile.codes = codes.collect();
        self
    }

    /// The topics of everything that did not pass, in the order of their codes. For each test: the kinds of its leaks, growth,
    /// resources that outlived a subtest, the limit it broke; and its verdict, unless that is `leak` and one of these explains
    /// it. For all tests: why nothing is known of Go's heap. For the run: doubts, gates, clean-up coverage and expired leaks.
    #[must_use]
    pub(crate) fn topics(&self) -> Vec<Topic> {
        let mut topics = BTreeSet::new();
        for test in
            self.canonical.modules.iter().flat_map(|module| &module.tests).filter(|test| !test.verdict.is_success())
        {
            let mut own = BTreeSet::new();
            if let Some(details) = &test.details {
                own.extend(details.open_leaks().map(|leak| Topic::Leak(leak.kind)));
                own.extend(details.growth.as_ref().filter(|growth| growth.grows()).map(|_| Topic::Growth));
                own.extend((!details.outlived.is_empty()).then_some(Topic::Outlived));
                let limit = details.limit.as_ref().and_then(|limit| Limit::from_name(&limit.name.to_string()));
                own.extend(limit.map(Topic::Limit));
            }
            if own.is_empty() || test.verdict != Verdict::Leak {
                own.insert(Topic::Verdict(test.verdict));
            }
            topics.extend(own);
        }
        // What was asked for and is not known is told of tests that passed, too.
        let details =
            self.canonical.modules.iter().flat_map(|module| &module.tests).filter_map(|test| test.details.as_ref());
        let doubts = details.filter_map(|details| details.go.as_ref()?.heap_doubt.as_ref());
        topics.extend(doubts.filter_map(|doubt| Topic::heap_doubt(&doubt.code)));
        topics.extend(self.canonical.doubts.iter().map(|doubt| Topic::Doubt(doubt.cause)));
        let coverage = self.canonical.cleanup_coverage.as_ref();
        topics.extend(coverage.filter(|coverage| !CleanupCoverage::passes(coverage)).map(|_| Topic::CleanupCoverage));
        topics.extend(self.canonical.gates.iter().filter(|gate| !gate.passed).map(|gate| Topic::Gate(gate.gate)));
        let expired = self.volatile.baseline.as_ref().is_some_and(|usage| !usage.passes());
        topics.extend(expired.then_some(Topic::Expired));
        let mut topics: Vec<_> = topics.into_iter().collect();
        topics.sort_by_key(|topic| topic.code());
        topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples;

    #[test]
    fn everything_has_one_code_and_one_page_and_no_page_is_of_nothing() {
        let all = Topic::all();
        let codes: BTreeSet<_> = all.iter().map(|topic| topic.code()).collect();
        assert_eq!(codes.len(), all.len(), "no code is of two things");
        let pages: Vec<_> = sections().map(|(code, ..)| code.to_owned()).collect();
        assert_eq!(pages, codes.iter().map(ToString::to_string).collect::<Vec<_>>());
        for topic in all {
            let (title, text) = topic.page();
            assert!(!title.is_empty() && text.contains("\nExample: ") && text.contains("\nMend: "), "{}", topic.code());
            let names = match topic {
                Topic::Status(_) => text.starts_with(&format!("Status {}. ", topic.name())),
                _ => text.starts_with(&format!("`{}`", topic.name())),
            };
            assert!(names, "{} begins with what it is called", topic.code());
        }
    }

    #[test]
    fn every_verdict_and_doubt_is_listed() {
        for test in samples::one_of_each() {
            assert!(VERDICTS.contains(&test.verdict));
        }
        assert!(VERDICTS.is_sorted() && CAUSES.is_sorted());
    }

    #[test]
    fn codes_are_stable() {
        let codes: Vec<_> = Topic::all().iter().map(|topic| format!("{} {}", topic.code(), topic.name())).collect();
        insta::assert_snapshot!(codes.join("\n"));
    }

    #[test]
    fn a_word_may_mean_several() {
        assert_eq!(Topic::named("at0001"), [Topic::Leak(ResourceKind::File)]);
        assert_eq!(Topic::named("file"), [Topic::Leak(ResourceKind::File)]);
        assert_eq!(Topic::named("retained").len(), 3);
        assert_eq!(Topic::named("100"), [Topic::Status(4)]);
        assert!(Topic::named("AT9999").is_empty() && Topic::named("").is_empty());
    }

    #[test]
    fn a_report_has_the_topics_of_what_did_not_pass() {
        let report = samples::report(vec![samples::module("m", samples::one_of_each())]);
        let topics = report.topics();
        assert!(topics.contains(&Topic::Leak(ResourceKind::File)) && topics.contains(&Topic::Verdict(Verdict::Fail)));
        assert!(!topics.contains(&Topic::Verdict(Verdict::Pass)) && !topics.contains(&Topic::Verdict(Verdict::Leak)));
        assert!(samples::report(vec![samples::module("m", vec![samples::passed("a")])]).topics().is_empty());
        let alike = samples::report(vec![samples::module("m", vec![samples::leaked(), samples::leaked()])]);
        assert!(!alike.topics().contains(&Topic::Verdict(Verdict::Leak)), "each has leaks that explain its verdict");
    }
}
