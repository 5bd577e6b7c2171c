//! Why it is not certain which blocks a test lost, and where they were allocated.

use crate::ledger::heap::reach::Mismatch;
use crate::sandbox::heap::NotTracked;

/// Why there is no second run, or why it did not do the same as the first: only a second run shows these things.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HeapDoubt {
    /// The test is granted something that a second run would change, or would find changed.
    #[error("a second run cannot be done: the test is granted {0}")]
    Unrepeatable(&'static str),
    /// The wall clock or the user ended the first run.
    #[error("a second run would end elsewhere: the first ran out of time")]
    OutOfTime,
    /// The user ended the second run.
    #[error("the second run was interrupted")]
    Interrupted,
    /// The heap of the second run was not tracked, so there is nothing to compare.
    #[error("in a second run, its heap was not tracked: {0}")]
    NotTracked(NotTracked),
    /// The second run ended differently. Says how, in words.
    #[error("a second run differed: {0}")]
    Ending(String),
    /// The second run called its allocator differently.
    #[error("a second run differed: it allocated otherwise")]
    Allocations,
    /// Functions were still running, and the host does not see their locals: the program left through `exit` within them,
    /// or threads had not ended.
    #[error("functions were still running when it ended, and a local of theirs may hold it")]
    Running,
    /// The second run left no blocks, but the first one did.
    #[error("a second run differed: it left nothing")]
    NothingLeft,
    /// The second run left other blocks. The message includes which, so that is not the error's source.
    #[error("a second run differed: {0}")]
    Blocks(Mismatch),
}

impl From<Mismatch> for HeapDoubt {
    fn from(mismatch: Mismatch) -> Self {
        Self::Blocks(mismatch)
    }
}

impl HeapDoubt {
    /// The reason's stable name in reports: see `doubt_code` of [`crate::model::Heap`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unrepeatable(_) => "unrepeatable",
            Self::OutOfTime => "out-of-time",
            Self::Interrupted => "interrupted",
            Self::NotTracked(_) => "not-tracked",
            Self::Ending(_) => "other-ending",
            Self::Allocations => "other-allocations",
            Self::Running => "running-functions",
            Self::NothingLeft => "nothing-left",
            Self::Blocks(_) => "other-blocks",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::heap::HeapError;
    use std::error::Error;

    #[test]
    fn what_differs_is_said_once() {
        let doubt = HeapDoubt::from(Mismatch::Static);
        assert!(doubt.to_string().contains(&Mismatch::Static.to_string()) && doubt.source().is_none(), "{doubt}");
    }

    /// Programs read these codes: a code stays, and keeps its meaning.
    #[test]
    fn codes_are_stable() {
        use HeapDoubt as D;
        let codes = [
            D::Unrepeatable("a socket"),
            D::OutOfTime,
            D::Interrupted,
            D::NotTracked(HeapError::ZeroRealloc.into()),
            D::Ending("out of fuel".to_owned()),
            D::Allocations,
            D::Running,
            D::NothingLeft,
            D::Blocks(Mismatch::Count { first: 1, second: 2 }),
        ]
        .map(|doubt| doubt.code());
        let expected = [
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
        assert_eq!(codes, expected);
        assert_eq!(codes, crate::model::codes::HEAP_DOUBTS, "each has a page");
    }
}
