//! What an entry of the debug information is in: modules, types and functions, one within the other.

use crate::model::shorten::{MAX_NAME, shortened};

/// The scopes around the current entry, innermost last: the depth of each in the tree of entries, and its path. A path is cut where it
/// is long, so that many entries in one scope with a long name cost the host no more than others.
#[derive(Default)]
pub(super) struct Scopes(Vec<(isize, String)>);

impl Scopes {
    /// An entry of this depth follows: scopes that it is not in have ended.
    pub(super) fn leave(&mut self, depth: isize) {
        while self.0.last().is_some_and(|(scope, _)| *scope >= depth) {
            self.0.pop();
        }
    }

    /// What follows is in a scope that begins at this depth.
    pub(super) fn enter(&mut self, depth: isize, path: String) {
        self.0.push((depth, path));
    }

    /// The path of the innermost one; `None` outside of all.
    pub(super) fn path(&self) -> Option<&str> {
        self.0.last().map(|(_, path)| path.as_str())
    }

    /// The path of what has this name and is in the innermost one.
    pub(super) fn within(&self, name: &str) -> String {
        let path = self.path().map_or_else(|| name.to_owned(), |around| format!("{around}::{name}"));
        shortened(path, MAX_NAME)
    }
}

/// Whether entries of this kind are the modules and types that paths go through.
pub(super) fn is_module_or_type(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_namespace
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type
            | gimli::DW_TAG_class_type
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_through_the_scopes_that_have_not_ended() {
        let mut scopes = Scopes::default();
        assert_eq!((scopes.path(), scopes.within("a")), (None, "a".to_owned()));
        scopes.enter(1, scopes.within("a"));
        scopes.enter(2, scopes.within("b"));
        assert_eq!(scopes.within("c"), "a::b::c");
        scopes.leave(3);
        assert_eq!(scopes.path(), Some("a::b"));
        scopes.leave(2);
        assert_eq!(scopes.within("d"), "a::d");
        scopes.enter(2, scopes.within(&"x".repeat(3 * MAX_NAME)));
        assert!(scopes.within("y").len() < 2 * MAX_NAME, "a path has an end");
    }
}
