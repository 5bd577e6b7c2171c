//! One frame of a stack, and to whom it belongs.

use super::harness_frames::HarnessFrames;
use super::owner::{GO, Owner, go_library};
use super::paths::Source;
use crate::model::Frame;
use crate::model::shorten::{MAX_NAME, shortened};

/// The words in a stack for calls of a function by itself that are left out.
pub(super) const RECURSION: &str = "… calls of itself";

/// The longest name with type arguments that is kept, in bytes.
const MAX_GENERIC: usize = 4 << 10;

/// One frame, with its owner, which decides whether it is reported.
#[derive(Debug, Clone)]
pub(super) struct Symbol {
    pub(super) frame: Frame,
    pub(super) owner: Owner,
    /// The name of a library's function with its type arguments: `new<demo::Section>`; `None` if they are not known, or not
    /// of use.
    pub(super) generic: Option<Box<str>>,
}

impl Symbol {
    pub(super) fn new(
        function: String,
        source: Option<Source>,
        line: Option<u32>,
        harnesses: &[HarnessFrames],
    ) -> Self {
        let owner = Owner::new(&function, source.as_ref(), harnesses);
        let short = |name| shortened(name, MAX_NAME);
        let library = owner.library().map(str::to_owned).map(short);
        let file = source.map(|source| short(source.path));
        let frame = Frame { function: short(function), file, line, library, folded: false };
        Self { frame, owner, generic: None }
    }

    /// The same frame, with the function's name as the debug information writes it with type arguments.
    pub(super) fn with_generic(self, name: Option<String>) -> Self {
        let generic = name.filter(|name| self.owner.is_foreign() && name.len() <= MAX_GENERIC).map(Into::into);
        Self { generic, ..self }
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        let [file, library] = [&self.frame.file, &self.frame.library].map(|text| text.as_ref().map_or(0, String::len));
        let generic = self.generic.as_ref().map_or(0, |name| name.len());
        size_of::<Self>() + self.frame.function.len() + file + library + generic
    }

    /// A frame from Go's tables. Its owner follows from the frame's library.
    pub(super) fn of_go(frame: Frame) -> Self {
        let owner =
            frame.library.as_ref().map_or(Owner::User, |_| Owner::Library(go_library(&frame.function).unwrap_or(GO)));
        Self { frame, owner, generic: None }
    }

    /// The mark for calls of a function by itself that are left out.
    pub(super) fn recursion() -> Self {
        Self { frame: Frame::folding(RECURSION), owner: Owner::LeftOut, generic: None }
    }

    /// The entry for frames that were not kept.
    pub(super) fn left_out() -> Self {
        Self { frame: Frame::folding("… more calls"), owner: Owner::LeftOut, generic: None }
    }
}
