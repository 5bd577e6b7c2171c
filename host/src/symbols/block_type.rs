//! For which type of Rust's library a block was allocated, by the functions of the library that allocated it and the type
//! arguments with which the debug information names them: `Rc<Section>`, `Vec<String>`, `HashMap<u32, String>`.

use super::counted::PASSES_ON;
use super::type_names::{arguments, short, split};

/// One call of Rust's library.
#[derive(Debug, Clone, Copy)]
pub(super) struct LibraryCall<'a> {
    /// The readable path of the function: `alloc::rc::Rc<T>::new`.
    pub(super) path: &'a str,
    /// The name of the function with its type arguments: `new<demo::Section>`. `None` if it has none, or if they are not
    /// known.
    pub(super) generic: Option<&'a str>,
}

/// The type for which a block was allocated, from the calls of the library that led to the allocator, innermost first. `None` if
/// they do not tell.
pub(super) fn block_type<'a>(calls: impl Iterator<Item = LibraryCall<'a>>) -> Option<String> {
    let mut calls = calls.filter(|call| call.path.contains("::"));
    let mut boxed = None;
    while let Some(call) = calls.next() {
        if let Some(owner) = Owner::new(call) {
            return Some(owner.name(calls));
        }
        if let Some(contents) = boxed_by(call) {
            boxed.get_or_insert(contents);
        } else if let Some(node) = listed_by(call).filter(|_| boxed.is_some()) {
            return Some(format!("LinkedList<{node}>"));
        } else if !passes_on(call.path) {
            break;
        }
    }
    boxed.map(|contents| format!("Box<{contents}>"))
}

/// The owner of a block, as far as one function tells.
enum Owner {
    /// It is this one.
    Known(String),
    /// A vector of these elements, or what has such a vector inside.
    Elements(String),
}

impl Owner {
    fn new(call: LibraryCall<'_>) -> Option<Self> {
        let all = arguments(call.generic?);
        let first = || all.first().copied();
        let known = |name: &str, contents: String| Some(Self::Known(format!("{name}<{contents}>")));
        for (start, name) in [("alloc::rc::Rc", "Rc"), ("alloc::sync::Arc", "Arc")] {
            if is_inherent(call.path, start) {
                return known(name, contents(call.path, start, first()?));
            }
        }
        if is_inherent(call.path, "alloc::raw_vec::RawVec") {
            return Some(Self::Elements(short(first()?)));
        }
        if is_inherent(call.path, "hashbrown::raw::RawTable") {
            let pair = first()?.strip_prefix('(').and_then(|pair| pair.strip_suffix(')'));
            return match pair.map(split).as_deref() {
                Some([key, value]) if *value == "()" => known("HashSet", short(key)),
                Some([key, value]) => known("HashMap", format!("{}, {}", short(key), short(value))),
                _ => known("RawTable", short(first()?)),
            };
        }
        let node = ["LeafNode", "InternalNode"]
            .iter()
            .any(|node| is_inherent(call.path, &format!("alloc::collections::btree::node::{node}")));
        if let (true, [key, value, ..]) = (node, &all[..]) {
            return match value.ends_with("::SetValZST") {
                true => known("BTreeSet", short(key)),
                false => known("BTreeMap", format!("{}, {}", short(key), short(value))),
            };
        }
        None
    }

    /// The name of the owner. `outer` are the calls outward from the one that told of it.
    fn name<'a>(self, outer: impl Iterator<Item = LibraryCall<'a>>) -> String {
        let elements = match self {
            Self::Known(name) => return name,
            Self::Elements(elements) => elements,
        };
        for call in outer {
            let path = call.path.trim_start_matches('<');
            let text = ["alloc::string::", "alloc::str::", "alloc::fmt::format", "str as "];
            let makes_text = |path: &str| text.iter().any(|start| path.starts_with(start));
            if elements == "u8" && (makes_text(path) || path.contains(" as alloc::string::")) {
                return "String".to_owned();
            }
            for (start, name) in [
                ("alloc::collections::vec_deque::VecDeque", "VecDeque"),
                ("alloc::collections::binary_heap::BinaryHeap", "BinaryHeap"),
            ] {
                if names(path, start) {
                    return format!("{name}<{elements}>");
                }
            }
            if path.strip_prefix("alloc::boxed::Box").is_some_and(is_of_slice) {
                return format!("Box<[{elements}]>");
            }
        }
        format!("Vec<{elements}>")
    }
}

/// What a box holds, if a function of `Box` allocated it.
fn boxed_by(call: LibraryCall<'_>) -> Option<String> {
    const BOX: &str = "alloc::boxed::Box";
    let first = *arguments(call.generic?).first()?;
    is_inherent(call.path, BOX).then(|| contents(call.path, BOX, first))
}

/// The elements of a linked list, if it is what calls.
fn listed_by(call: LibraryCall<'_>) -> Option<String> {
    let list = is_inherent(call.path, "alloc::collections::linked_list::LinkedList");
    Some(short(arguments(call.generic.filter(|_| list)?).first()?))
}

/// `T`, or `[T]` if the function belongs to the type's slices.
fn contents(path: &str, start: &str, first: &str) -> String {
    let rest = path.trim_start_matches('<').strip_prefix(start).unwrap_or_default();
    let is_slice = is_of_slice(rest) && !first.starts_with('[');
    if is_slice { format!("[{}]", short(first)) } else { short(first) }
}

/// Whether type arguments begin with a slice: `<[T]>::new_uninit_slice`, not `<[u8; 30]>::new`.
fn is_of_slice(rest: &str) -> bool {
    let Some(inner) = rest.strip_prefix("<[") else { return false };
    let mut depth = 1_usize;
    for byte in inner.bytes() {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 1 => return true,
            b']' => depth -= 1,
            b';' if depth == 1 => return false,
            _ => {}
        }
    }
    false
}

/// Whether a function belongs to a type itself, and not to a trait that is implemented for it. The type arguments of a trait's
/// function need not begin with those of the type.
fn is_inherent(path: &str, start: &str) -> bool {
    names(path.trim_start_matches('<'), start) && !is_of_trait(path)
}

/// Whether a path that begins with `<` is that of a trait's function: `<Type as Trait>::function`.
fn is_of_trait(path: &str) -> bool {
    let mut depth = 0_usize;
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if path[..at].ends_with('-') => {}
            b'>' => depth = depth.saturating_sub(1),
            b' ' if depth == 1 && path[at..].starts_with(" as ") => return true,
            _ => {}
        }
        if depth == 0 {
            return false;
        }
    }
    false
}

/// Whether a path is that of this type, or goes on from it.
fn names(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.starts_with(['<', ':', '>']))
}

/// Whether a function only allocates on behalf of its caller.
fn passes_on(path: &str) -> bool {
    let path = path.trim_start_matches('<');
    let inner = ["alloc::raw_vec::", "hashbrown::raw::", "alloc::collections::btree::node::"];
    PASSES_ON.iter().chain(&inner).any(|start| path.starts_with(start)) || path.contains(" as core::alloc::")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(calls: &[(&'static str, &'static str)]) -> Option<String> {
        let inner = [("dlmalloc", ""), ("__rustc::__rust_alloc", ""), ("alloc::alloc::exchange_malloc", "")];
        let call = |(path, generic): (&'static str, &'static str)| LibraryCall {
            path,
            generic: Some(generic).filter(|generic| !generic.is_empty()),
        };
        block_type([&inner[..], calls].concat().into_iter().map(call))
    }

    #[test]
    fn the_type_that_asked_for_the_block_is_told_with_its_arguments() {
        let boxed = ("alloc::boxed::Box<T>::new", "new<alloc::rc::RcInner<demo::Section>>");
        assert_eq!(told(&[boxed, ("alloc::rc::Rc<T>::new", "new<demo::Section>")]).unwrap(), "Rc<Section>");
        assert_eq!(told(&[("<alloc::sync::Arc<demo::Peer>>::new", "new<demo::Peer>")]).unwrap(), "Arc<Peer>");
        assert_eq!(told(&[("alloc::boxed::Box<T>::new", "new<[u8; 10]>")]).unwrap(), "Box<[u8; 10]>");
        assert_eq!(
            told(&[("alloc::rc::Rc<T>::allocate_for_layout", "allocate_for_layout<[u8], F, G>")]).unwrap(),
            "Rc<[u8]>"
        );
        assert_eq!(told(&[("alloc::rc::Rc<[T]>::allocate_for_slice", "allocate_for_slice<u8>")]).unwrap(), "Rc<[u8]>");
        assert_eq!(told(&[("<alloc::rc::Rc<[u8; 3]>>::new", "new<[u8; 3]>")]).unwrap(), "Rc<[u8; 3]>");
    }

    #[test]
    fn what_has_a_vector_inside_is_told_from_a_vector() {
        let inner = ("alloc::raw_vec::RawVecInner<A>::with_capacity_in", "with_capacity_in<alloc::alloc::Global>");
        let vec = |of| ("alloc::raw_vec::RawVec<T,A>::with_capacity_in", of);
        let bytes = vec("with_capacity_in<u8, alloc::alloc::Global>");
        let grows = ("alloc::vec::Vec<T,A>::push", "push<u8, alloc::alloc::Global>");
        assert_eq!(told(&[inner, bytes, grows]).unwrap(), "Vec<u8>");
        let to_owned = "alloc::str::<impl alloc::borrow::ToOwned for str>::to_owned";
        assert_eq!(told(&[inner, bytes, grows, (to_owned, "")]).unwrap(), "String");
        assert_eq!(told(&[bytes, ("<T as alloc::string::ToString>::to_string", "to_string<u8>")]).unwrap(), "String");
        let texts = vec("with_capacity_in<alloc::string::String, alloc::alloc::Global>");
        assert_eq!(told(&[inner, texts, (to_owned, "")]).unwrap(), "Vec<String>");
        let queue = "alloc::collections::vec_deque::VecDeque<T,A>::grow";
        assert_eq!(told(&[texts, (queue, "")]).unwrap(), "VecDeque<String>");
        assert_eq!(told(&[texts, ("alloc::boxed::Box<[T]>::new_uninit_slice", "")]).unwrap(), "Box<[String]>");
        assert_eq!(told(&[inner]), None, "the bare buffer does not know its elements");
    }

    #[test]
    fn tables_nodes_and_lists_are_told_by_what_they_hold() {
        let table = |of| told(&[("hashbrown::raw::RawTable<T,A>::reserve_rehash", of)]);
        let global = "alloc::alloc::Global";
        assert_eq!(table("f<(u64, alloc::string::String), alloc::alloc::Global>").unwrap(), "HashMap<u64, String>");
        assert_eq!(table("f<(demo::Key<u8, u16>, ()), alloc::alloc::Global>").unwrap(), "HashSet<Key<u8, u16>>");
        assert_eq!(table("f<usize>").unwrap(), "RawTable<usize>");
        let node = ("alloc::collections::btree::node::LeafNode<K,V>::new", "new<u8, &str, alloc::alloc::Global>");
        assert_eq!(told(&[node]).unwrap(), "BTreeMap<u8, &str>");
        let list = "alloc::collections::linked_list::LinkedList<T,A>::push_back";
        let boxed = ("alloc::boxed::Box<T,A>::new_in", "new_in<alloc::collections::linked_list::Node<u32>>");
        let by_reference = ("<&A as core::alloc::Allocator>::allocate", "allocate<alloc::alloc::Global>");
        assert_eq!(told(&[by_reference, boxed, (list, "push_back<u32>")]).unwrap(), "LinkedList<u32>");
        assert_eq!(told(&[("alloc::boxed::Box<T,A>::new_in", global)]), None, "it has no arguments");
    }

    #[test]
    fn another_function_of_the_library_ends_the_search() {
        let boxed = ("alloc::boxed::Box<T>::new", "new<demo::Page>");
        let rc = ("alloc::rc::Rc<T>::new", "new<demo::Section>");
        assert_eq!(told(&[boxed, ("std::thread::spawn", "spawn<F, T>"), rc]).unwrap(), "Box<Page>");
        assert_eq!(told(&[("std::io::read", ""), rc]), None);
        // The arguments of a trait's function need not begin with those of the type.
        assert_eq!(told(&[("<alloc::rc::Rc<T> as core::convert::From<E>>::from", "from<demo::Error>")]), None);
    }
}
