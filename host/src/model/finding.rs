//! What can be wrong with a way out of a failure, and by what such a finding is known again.

use super::Frame;
use serde::{Deserialize, Serialize};

/// What is wrong after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FindingKind {
    /// Something was not given back.
    Leak,
    /// A file is left that is not left otherwise.
    Residue,
    /// A file is left that was written by half.
    HalfWritten,
    /// A descriptor is closed twice.
    DoubleClose,
    /// A descriptor is used that is closed.
    UseAfterClose,
    /// The test goes on for ever.
    Hang,
    /// Code under test was ended by a trap, other than by a panic.
    Crash,
    /// Code under test panicked. A note: it may be meant.
    Panic,
    /// Code under test panicked because it demanded that there is no error. A note, too.
    UnwrapPanic,
    /// A file is written on after a write to it failed. A note: it may be right.
    WriteAfterFailure,
    /// The test passes, and the call was not tried again. A note: its result may not matter.
    Lie,
}

impl FindingKind {
    /// All of them, with those first that fail a search.
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

    /// Whether it fails the search. What does not is told.
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

/// What a finding is known by from report to report: neither a line nor a count is part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FindingId<'a> {
    pub module: &'a str,
    pub kind: FindingKind,
    /// What it is about: a path, or the kind of what leaks.
    pub object: &'a str,
    /// Where the call fails.
    pub function: Option<&'a str>,
    pub file: Option<&'a str>,
    /// In which function the resource was acquired, or it panicked.
    pub place: Option<&'a str>,
}

impl<'a> FindingId<'a> {
    /// That of a finding at this place, by the innermost of the user's own frames.
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

    /// It in words: `leak of file /tmp/a in store::save (src/store.rs)`.
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
