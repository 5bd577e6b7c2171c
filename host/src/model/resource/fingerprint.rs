//! What makes two entries the same leak. Most often they are entries of two reports.

use super::{Resource, ResourceKind};
use crate::model::Frame;

/// Two entries with the same fingerprint are the same leak. Neither the line nor the count is part of it: code above the
/// place may have changed, and more of the same leak is not another leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint<'a> {
    /// What was left.
    pub kind: ResourceKind,
    /// The user's kind, of a resource of the user's own.
    pub tracked: Option<&'a str>,
    /// The guest's path; `None` where there is none.
    pub path: Option<&'a str>,
    /// The innermost of the user's own functions on the stack; `None` where no stack was recorded.
    pub function: Option<&'a str>,
    /// The function's source file; always `None` for kinds that are compared by their function alone.
    pub file: Option<&'a str>,
}

impl Resource {
    /// What makes another entry the same leak.
    pub fn fingerprint(&self) -> Fingerprint<'_> {
        let place = Frame::innermost_own(&self.stack);
        let file = place.filter(|_| !self.kind.is_known_by_function()).and_then(|frame| frame.file.as_deref());
        let function = place.map(|frame| frame.function.as_str());
        let tracked = self.tracked.as_deref();
        Fingerprint { kind: self.kind, tracked, path: self.path.as_deref(), function, file }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::samples;

    #[test]
    fn another_line_or_count_is_the_same_leak() {
        let mut moved = samples::file("a.txt", 2);
        let file = moved.clone();
        (moved.count, moved.stack[0].line) = (7, Some(1));
        moved.stack.truncate(1);
        assert_eq!(file.fingerprint(), moved.fingerprint());
        moved.stack[0].file = Some("src/other.rs".to_owned());
        assert_ne!(file.fingerprint(), moved.fingerprint());
        assert_ne!(file.fingerprint(), samples::file("b.txt", 2).fingerprint());
    }

    #[test]
    fn a_leak_within_a_library_is_known_by_who_called_it() {
        let mut moved = samples::file("a.txt", 2);
        let file = moved.clone();
        moved
            .stack
            .insert(0, samples::frame("serde_json::read", "serde_json-1.0.2/src/de.rs", 7).of_library("serde_json"));
        assert_eq!(file.fingerprint(), moved.fingerprint());
        moved.stack.truncate(1);
        assert_eq!(moved.fingerprint().function, Some("serde_json::read"), "nothing else is known");
    }

    #[test]
    fn heap_blocks_are_known_by_their_function() {
        let mut moved = samples::blocks(1, 8);
        moved.stack[0].file = Some("src/other.rs".to_owned());
        assert_eq!(samples::blocks(2, 1024).fingerprint(), moved.fingerprint());
        moved.stack[0].function = "other".to_owned();
        assert_ne!(samples::blocks(2, 1024).fingerprint(), moved.fingerprint());
    }
}
