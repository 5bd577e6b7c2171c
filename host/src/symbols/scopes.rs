//! The scopes around an entry of the debug information: modules, types and functions, one within the other.

use crate::model::shorten::{MAX_NAME, shortened};

/// The scopes around the current entry, innermost last: the depth of each in the tree of entries, and its path. Long paths are
/// shortened, so that many entries within one scope with a long name cost the host no more than others.
#[derive(Default)]
pub(super) struct Scopes(Vec<(isize, String)>);

impl Scopes {
    /// To be called before an entry of this depth: ends the scopes that the entry is not in.
    pub(super) fn leave(&mut self, depth: isize) {
        while self.0.last().is_some_and(|(scope, _)| *scope >= depth) {
            self.0.pop();
        }
    }

    /// Begins a scope at this depth: the entries that follow are in it.
    pub(super) fn enter(&mut self, depth: isize, path: String) {
        self.0.push((depth, path));
    }

    /// The path of the innermost scope; `None` outside of all scopes.
    pub(super) fn path(&self) -> Option<&str> {
        self.0.last().map(|(_, path)| path.as_str())
    }

    /// The path of an entry with this name in the innermost scope.
    pub(super) fn within(&self, name: &str) -> String {
        let path = self.path().map_or_else(|| name.to_owned(), |around| format!("{around}::{name}"));
        shortened(path, MAX_NAME)
    }
}

/// Whether an entry of this kind is a module or a type, and so a segment of paths.
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
