//! What a test or a subtest said through the SDK.

use airtight_abi::journal;
use std::borrow::Cow;

/// What a test or a subtest said about itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// The failures that it recorded, in order.
    pub failures: Vec<Failure>,
    /// Why it skipped itself.
    pub skipped: Option<String>,
    /// Its panic. It is recorded if one is expected, or if panics unwind.
    pub panic: Option<Failure>,
}

/// A failure or a panic that a test recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Where it happened, as the compiler wrote it: `file:line:column`.
    pub at: Option<String>,
    /// The message.
    pub text: String,
}

impl Said {
    /// How many bytes of it are kept.
    pub fn bytes(&self) -> u64 {
        let failure =
            |failure: &Failure| size_of::<Failure>() + failure.text.len() + failure.at.as_ref().map_or(0, String::len);
        let failures = self.failures.iter().chain(&self.panic).map(failure);
        (failures.sum::<usize>() + self.skipped.as_ref().map_or(0, String::len)) as u64
    }

    /// Adds an entry of the journal.
    pub(super) fn add(&mut self, entry: journal::JournalEntry<'_>) {
        let (at, text) = (entry.at.map(Cow::into_owned), entry.text.into_owned());
        match entry.kind {
            journal::Kind::Failure => self.failures.push(Failure { at, text }),
            journal::Kind::Skip => self.skipped = self.skipped.take().or(Some(text)),
            journal::Kind::Panic => self.panic = self.panic.take().or(Some(Failure { at, text })),
            _ => {}
        }
    }
}

/// The parts of the journal that one scope wrote. The parts in between belong to its subtests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanReader {
    /// The beginning and end of each part.
    pub(super) spans: Vec<(u32, u32)>,
    /// The beginning of the part that the scope is writing.
    from: u32,
}

impl SpanReader {
    /// A reader for a scope that begins when the journal has `len` bytes.
    pub fn from(len: u32) -> Self {
        Self { spans: Vec::new(), from: len }
    }

    /// Notes that the scope writes no more: because a subtest begins, or because the scope ends.
    pub fn end(&mut self, len: u32) {
        if self.from < len {
            self.spans.push((self.from, len));
        }
        self.from = u32::MAX;
    }

    /// Notes that the scope goes on writing.
    pub fn resume(&mut self, len: u32) {
        self.from = len;
    }
}
