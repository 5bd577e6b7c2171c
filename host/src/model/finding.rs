//! What can be wrong with a way out of a failure, and what identifies such a finding in another report.

use super::Frame;
use serde::{Deserialize, Serialize};

/// What is wrong after a call of the test has failed on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A resource was not released.
    Leak,
    /// A file or a directory is left that the test does not leave when no call fails.
    Residue,
    /// A file is left that was only partly written.
    HalfWritten,
    /// A descriptor is closed twice.
    DoubleClose,
    /// A descriptor is used after it was closed.
    UseAfterClose,
    /// The test does not come to an end.
    Hang,
    /// Code under test was ended by a trap that is not a panic.
    Crash,
    /// Code under test panicked. This is a note only: the panic may be intended.
    Panic,
    /// Code under test panicked, and the panic's message contains the error, as that of an `unwrap` does. This is a note only.
    UnwrapPanic,
    /// Code under test goes on writing to a file after a write to it failed. This is a note only: it may be right.
    WriteAfterFailure,
    /// The test passes although the call failed and was not tried again. This is a note only: the call's result may not matter.
    Lie,
}

impl FindingKind {
    /// All kinds; those that fail a search come first.
    pub const ALL: [Self; 11] = [
        Self::Leak,
        Self::Residue,
        Self::HalfWritten,
        Self::DoubleClose,
        Self::UseAfterClose,
        Self::Hang,
        Self::Crash,
        Self::Panic,
        Self::UnwrapPanic,
        Self::WriteAfterFailure,
        Self::Lie,
    ];

    /// Its word in reports and baselines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::Residue => "residue",
            Self::HalfWritten => "half-written",
            Self::DoubleClose => "double-close",
            Self::UseAfterClose => "use-after-close",
            Self::Hang => "hang",
            Self::Crash => "crash",
            Self::Panic => "panic",
            Self::UnwrapPanic => "unwrap-panic",
            Self::WriteAfterFailure => "write-after-failure",
            Self::Lie => "lie",
        }
    }

    /// Whether a finding of this kind fails the search. One that does not is shown as a note.
    #[must_use]
    pub fn fails(self) -> bool {
        match self {
            Self::Leak
            | Self::Residue
            | Self::HalfWritten
            | Self::DoubleClose
            | Self::UseAfterClose
            | Self::Hang
            | Self::Crash => true,
            Self::Panic | Self::UnwrapPanic | Self::WriteAfterFailure | Self::Lie => false,
        }
    }
}

/// What identifies a finding from report to report. Neither a line nor a count is part of it, so that edits elsewhere do not
/// change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FindingId<'a> {
    pub module: &'a str,
    pub kind: FindingKind,
    /// What the finding is about: a path, or the kind of the leaking resource.
    pub object: &'a str,
    /// The function in which the call fails.
    pub function: Option<&'a str>,
    pub file: Option<&'a str>,
    /// The function in which the leaking resource was acquired, or in which the code panicked.
    pub place: Option<&'a str>,
}

impl<'a> FindingId<'a> {
    /// The identity of a finding: of `stack`, at which the call fails, and of `place`, the innermost of the user's own frames
    /// count.
    pub fn new(
        (module, kind, object): (&'a str, FindingKind, &'a str),
        stack: &'a [Frame],
        place: &'a [Frame],
    ) -> Self {
        let at = Frame::innermost_own(stack);
        let place = Frame::innermost_own(place).map(|frame| &*frame.function);
        let (function, file) = (at.map(|frame| &*frame.function), at.and_then(|frame| frame.file.as_deref()));
        Self { module, kind, object, function, file, place }
    }

    /// The identity in words: `leak of file /tmp/a in store::save (src/store.rs)`.
    pub fn title(&self) -> String {
        let Self { kind, object, function, file, .. } = *self;
        let of = if object.is_empty() { String::new() } else { format!(" of {object}") };
        let at = match (function, file) {
            (Some(function), Some(file)) => format!(" in {function} ({file})"),
            (Some(function), None) => format!(" in {function}"),
            (None, _) => String::new(),
        };
        format!("{}{of}{at}", kind.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_the_word_that_reports_have_of_it() {
        for (place, kind) in FindingKind::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(kind as usize, place);
        }
    }

    #[test]
    fn a_finding_is_known_again_when_lines_move() {
        let frames =
            |line| [Frame::new("std::fs::write").of_library("std"), Frame::new("save").at("src/store.rs", line)];
        let (one, other) = (frames(7), frames(41));
        let id = |stack| FindingId::new(("m", FindingKind::Leak, "file /tmp/a"), stack, &[]);
        assert_eq!(id(&one), id(&other));
        assert_eq!(id(&one).title(), "leak of file /tmp/a in save (src/store.rs)");
    }
}
