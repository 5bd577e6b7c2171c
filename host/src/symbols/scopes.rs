//! The scopes around an entry of the debug information: modules, types and functions, one within the other.

use crate::model::shorten::{MAX_NAME, shortened};
use std::cell::OnceCell;

/// The scopes around the current entry, innermost last. Most are around nothing that is looked for: their names, `N`, are not read
/// before.
pub(super) struct Scopes<N> {
    scopes: Vec<Scope<N>>,
    /// The path of what has a name, in the scope with a path, which is empty outside of all.
    join: fn(&str, &str) -> String,
}

struct Scope<N> {
    /// How deep its entry is in the tree of entries.
    depth: isize,
    name: N,
    /// `None` if a name cannot be read.
    path: OnceCell<Option<String>>,
}

impl<N> Scopes<N> {
    pub(super) fn new(join: fn(&str, &str) -> String) -> Self {
        Self { scopes: Vec::new(), join }
    }

    /// To be called before an entry of this depth: ends the scopes that the entry is not in.
    pub(super) fn leave(&mut self, depth: isize) {
        while self.scopes.last().is_some_and(|scope| scope.depth >= depth) {
            self.scopes.pop();
        }
    }

    /// Begins a scope at this depth: the entries that follow are in it.
    pub(super) fn enter(&mut self, depth: isize, name: N) {
        self.scopes.push(Scope { depth, name, path: OnceCell::new() });
    }

    /// The path of an entry with this name in the innermost scope; `None` if the name of a scope cannot be read. Each is read once.
    pub(super) fn within(&self, name: &str, read: impl Fn(&N) -> Option<String>) -> Option<String> {
        let mut around = "";
        for scope in &self.scopes {
            around = scope.path.get_or_init(|| Some((self.join)(around, &read(&scope.name)?))).as_deref()?;
        }
        Some((self.join)(around, name))
    }
}

/// A path and a name behind it. Long paths are shortened, so that many entries within one scope with a long name cost the host no more
/// than others.
pub(super) fn join(around: &str, name: &str) -> String {
    let path = if around.is_empty() { name.to_owned() } else { format!("{around}::{name}") };
    shortened(path, MAX_NAME)
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
        let mut scopes = Scopes::new(join);
        let within = |scopes: &Scopes<String>, name: &str| scopes.within(name, |name| Some(name.clone())).unwrap();
        assert_eq!(within(&scopes, "a"), "a");
        scopes.enter(1, "a".to_owned());
        scopes.enter(2, "b".to_owned());
        assert_eq!(within(&scopes, "c"), "a::b::c");
        scopes.leave(2);
        assert_eq!(within(&scopes, "d"), "a::d");
        scopes.enter(2, "x".repeat(3 * MAX_NAME));
        assert!(within(&scopes, "y").len() < 2 * MAX_NAME, "a path has an end");
    }

    #[test]
    fn a_name_is_read_once_and_only_where_something_is_within() {
        let reads = std::cell::RefCell::new(String::new());
        let read = |name: &char| {
            reads.borrow_mut().push(*name);
            (*name != '?').then(|| name.to_string())
        };
        let mut scopes = Scopes::new(join);
        scopes.enter(1, 'a');
        scopes.enter(2, 'b');
        scopes.leave(2);
        scopes.enter(2, 'c');
        assert_eq!(
            (scopes.within("x", read), scopes.within("y", read)),
            (Some("a::c::x".into()), Some("a::c::y".into()))
        );
        scopes.enter(3, '?');
        assert_eq!((scopes.within("x", read), scopes.within("x", read)), (None, None));
        assert_eq!(*reads.borrow(), "ac?");
    }
}
