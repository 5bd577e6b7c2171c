//! Recognises blocks with counted references, by the functions of Rust's library that allocated them.

/// A type of Rust's library whose values own a block together and count their references in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CountedPointer {
    /// `std::rc::Rc`.
    Rc,
    /// `std::sync::Arc`.
    Arc,
}

impl CountedPointer {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rc => "Rc",
            Self::Arc => "Arc",
        }
    }
}

/// Beginnings of the paths of functions that only allocate on behalf of their caller.
pub(super) const PASSES_ON: [&str; 5] = ["alloc::alloc::", "alloc::boxed::", "__rustc::", "core::", "std::alloc::"];

/// Which of these types allocated a block, from the calls that led to the allocator, innermost first. `None` if it was another
/// type of the library.
pub(super) fn counted<'f>(calls: impl Iterator<Item = &'f str>) -> Option<CountedPointer> {
    let path = |function: &'f str| function.trim_start_matches('<');
    let types = calls.map(path).filter(|path| path.contains("::"));
    let first = types.into_iter().find(|path| !PASSES_ON.iter().any(|start| path.starts_with(start)))?;
    let of = |start: &str| first.strip_prefix(start).is_some_and(|rest| rest.starts_with(['<', ':']));
    if of("alloc::rc::Rc") {
        Some(CountedPointer::Rc)
    } else if of("alloc::sync::Arc") {
        Some(CountedPointer::Arc)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_that_asked_for_the_block_is_the_one() {
        let of = |calls: &[&str]| counted(calls.iter().copied());
        let inner = [
            "dlmalloc",
            "malloc",
            "__rustc::__rust_alloc",
            "alloc::alloc::exchange_malloc",
            "alloc::boxed::Box<T>::new",
        ];
        let with = |outer: &[&'static str]| of(&[&inner[..], outer].concat());
        assert_eq!(with(&["alloc::rc::Rc<T>::new"]), Some(CountedPointer::Rc));
        assert_eq!(with(&["<alloc::sync::Arc<demo::Node>>::new"]), Some(CountedPointer::Arc));
        assert_eq!(with(&["<alloc::rc::Rc<T> as core::convert::From<T>>::from"]), Some(CountedPointer::Rc));
        assert_eq!(with(&[]), None, "a box");
        assert_eq!(with(&["<alloc::vec::Vec<alloc::rc::Rc<T>>>::push", "alloc::rc::Rc<T>::new"]), None);
        assert_eq!(with(&["alloc::rc::RcInner<T>::new"]), None);
        assert_eq!(of(&["malloc"]), None);
    }
}
