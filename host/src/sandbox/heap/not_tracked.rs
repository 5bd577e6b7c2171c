//! Why the heap of a test is not tracked: because of its module, or of the test itself.

use super::layout::MAX_ALLOCATOR_PLACES;
use crate::instrument::NoHooks;
use crate::ledger::heap::HeapError;

/// Why the heap of no test of a module is tracked. Each text completes "heap: not tracked (…)".
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoHeap {
    /// Tracking is turned off.
    #[error("turned off by `heap-accounting`")]
    TurnedOff,
    /// Its allocator cannot be hooked.
    #[error(transparent)]
    NoHooks(#[from] NoHooks),
    /// The rewritten module has lost what was added to it.
    #[error("its hooks are not where they were put")]
    Gone,
}

impl NoHeap {
    /// The reason's stable name in reports: see `why_code` of [`crate::model::Heap`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TurnedOff => "turned-off",
            Self::NoHooks(why) => why.code(),
            Self::Gone => "hooks-gone",
        }
    }
}

/// Why the heap of a test is not tracked. Each text completes "heap: not tracked (…)".
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotTracked {
    /// The heap of no test of the module is tracked.
    #[error(transparent)]
    Module(#[from] NoHeap),
    /// The allocator cannot be called, or does not call its hooks.
    #[error("its allocator does not answer: {0}")]
    NoAnswer(String),
    /// The allocator's own static data cannot be told from the program's.
    #[error("its allocator changes static data in more than {} places", MAX_ALLOCATOR_PLACES)]
    Scattered,
    /// The allocator did not answer in time. How far it comes in that time differs between machines.
    #[error("its allocator did not answer in time")]
    NoAnswerInTime,
    /// There never was an instance.
    #[error("it could not be started")]
    NotStarted,
    /// There was an instance, and it ended before the test could begin.
    #[error("it ended before its heap was there")]
    EndedBefore,
    /// The fuel ended in a call of the allocator. A few units of it are the hooks', and the engine does not say how many.
    #[error("its fuel ended in a call of the allocator, a few units early at most")]
    FuelEnded,
    /// The books of the heap were given up.
    #[error(transparent)]
    Books(#[from] HeapError),
}

impl NotTracked {
    /// The reason's stable name in reports: see `why_code` of [`crate::model::Heap`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Module(why) => why.code(),
            Self::NoAnswer(_) => "no-answer",
            Self::Scattered => "scattered-allocator",
            Self::NoAnswerInTime => "no-answer-in-time",
            Self::NotStarted => "not-started",
            Self::EndedBefore => "ended-before",
            Self::FuelEnded => "fuel-ended",
            Self::Books(why) => why.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes<T: Into<NotTracked>>(reasons: impl IntoIterator<Item = T>) -> String {
        let codes: Vec<_> = reasons.into_iter().map(|reason| reason.into().code()).collect();
        codes.join(" ")
    }

    /// Programs read these codes: a code stays, and keeps its meaning.
    #[test]
    fn codes_are_stable() {
        let name = String::new;
        let hooks = [
            NoHooks::Off,
            NoHooks::NoNames,
            NoHooks::BadNames,
            NoHooks::NoMalloc,
            NoHooks::Runtime { language: "Go" },
            NoHooks::GlobalAllocator,
            NoHooks::Signature { name: name(), found: name(), expected: name() },
            NoHooks::Ambiguous { name: name() },
            NoHooks::TwoNames { function: 1 },
            NoHooks::Imported { name: name() },
            NoHooks::StartFunction,
            NoHooks::NoMemory,
            NoHooks::ImportedMemory,
            NoHooks::TooShort { name: name() },
            NoHooks::NoWindow { function: "f", purpose: "in which a test is called" },
            NoHooks::NoMain,
            NoHooks::MainInlined,
            NoHooks::TooLarge,
            NoHooks::UnusualCode,
        ];
        let expected = "not-asked-for no-names bad-names no-malloc own-runtime global-allocator other-signature \
             ambiguous-name two-names imported-function start-function no-memory imported-memory too-short no-window \
             no-main main-inlined too-large unusual-code";
        assert_eq!(codes(hooks.map(NoHeap::from)), expected);
        assert_eq!(codes([NoHeap::TurnedOff, NoHeap::Gone]), "turned-off hooks-gone");
        let books = [
            HeapError::GrewOutside,
            HeapError::Overlapping,
            HeapError::OutsideMemory,
            HeapError::OnStack,
            HeapError::InStaticData,
            HeapError::Misaligned,
            HeapError::TooManyBlocks,
            HeapError::AllocatorWaited,
            HeapError::ZeroRealloc,
        ];
        let expected = "grew-outside overlapping-blocks block-outside-memory block-on-stack block-in-static-data \
             misaligned-block too-many-blocks allocator-waited zero-realloc";
        assert_eq!(codes(books), expected);
        let run =
            [NotTracked::NoAnswer(name()), NotTracked::NotStarted, NotTracked::EndedBefore, NotTracked::FuelEnded];
        assert_eq!(codes(run), "no-answer not-started ended-before fuel-ended");
        assert_eq!(codes([NotTracked::Scattered, NotTracked::NoAnswerInTime]), "scattered-allocator no-answer-in-time");
    }
}
