//! What a test or a subtest said through the SDK.

use airtight_abi::journal;
use std::borrow::Cow;

/// What a test, or a subtest, said of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// Failures it recorded, in order.
    pub failures: Vec<Failure>,
    /// Why it skipped itself.
    pub skipped: Option<String>,
    /// Its panic, recorded where one is expected, or where panics unwind.
    pub panic: Option<Failure>,
}

/// A failure, or a panic, that a test recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Where, as the compiler wrote it: `file:line:column`.
    pub at: Option<String>,
    /// What it said.
    pub text: String,
}

impl Said {
    /// The bytes that are kept of it.
    pub fn bytes(&self) -> u64 {
        let failure =
            |failure: &Failure| size_of::<Failure>() + failure.text.len() + failure.at.as_ref().map_or(0, String::len);
        let failures = self.failures.iter().chain(&self.panic).map(failure);
        (failures.sum::<usize>() + self.skipped.as_ref().map_or(0, String::len)) as u64
    }

    /// Adds what an entry of the journal says.
    pub(super) fn add(&mut self, entry: journal::Entry<'_>) {
        let (at, text) = (entry.at.map(Cow::into_owned), entry.text.into_owned());
        match entry.kind {
            journal::Kind::Failure => self.failures.push(Failure { at, text }),
            journal::Kind::Skip => self.skipped = self.skipped.take().or(Some(text)),
            journal::Kind::Panic => self.panic = self.panic.take().or(Some(Failure { at, text })),
            _ => {}
        }
    }
}

/// The parts of the journal that one scope wrote. Those between are of its subtests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanReader {
    /// Where each begins and ends.
    pub(super) spans: Vec<(u32, u32)>,
    /// Where the part begins that it is writing.
    from: u32,
}

impl SpanReader {
    /// Of a scope that begins when the journal has so many bytes.
    pub fn from(len: u32) -> Self {
        Self { spans: Vec::new(), from: len }
    }

    /// The scope writes no more, for now or ever.
    pub fn end(&mut self, len: u32) {
        if self.from < len {
            self.spans.push((self.from, len));
        }
        self.from = u32::MAX;
    }

    /// It writes on.
    pub fn resume(&mut self, len: u32) {
        self.from = len;
    }
}
