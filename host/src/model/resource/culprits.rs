//! What is usually behind a leak whose owner seems to be gone, in the words of the guest's language.

use super::ResourceKind;
use crate::model::language::Language;

/// One usual culprit.
struct Culprit {
    /// What to look for.
    words: &'static str,
    /// Other words for when resources of several sorts leaked: an `it` in `words` would not say which one is meant.
    among_others: Option<&'static str>,
    /// The sorts of resources that it leaves behind.
    leaves: &'static [Sort],
    /// Whether the culprit is a cycle of references.
    is_cycle: bool,
}

/// Whether cycles of references are worth a mention among the culprits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cycles {
    /// There may be cycles that the report has not shown.
    Possible,
    /// The report has shown every cycle already.
    Told,
}

/// Kinds of resources that have the same culprits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Handle,
    Block,
}

impl Sort {
    const ALL: [Self; 2] = [Self::Handle, Self::Block];

    /// The sort of a kind; `None` for a kind without usual culprits.
    fn from_kind(kind: ResourceKind) -> Option<Self> {
        match kind {
            ResourceKind::File | ResourceKind::Dir | ResourceKind::Socket => Some(Self::Handle),
            ResourceKind::Residue
            | ResourceKind::ResidueDir
            | ResourceKind::Tracked
            | ResourceKind::Thread
            | ResourceKind::Task
            | ResourceKind::AsyncTask => None,
            ResourceKind::Heap => Some(Self::Block),
        }
    }
}

const fn any(words: &'static str) -> Culprit {
    Culprit { words, among_others: None, leaves: &Sort::ALL, is_cycle: false }
}

const fn cycle(words: &'static str) -> Culprit {
    Culprit { is_cycle: true, ..any(words) }
}

const fn of_handles(words: &'static str) -> Culprit {
    Culprit { leaves: &[Sort::Handle], ..any(words) }
}

const fn of_blocks(words: &'static str) -> Culprit {
    Culprit { leaves: &[Sort::Block], ..any(words) }
}

/// A handle that static data keeps. There is no such culprit for blocks: a block that static data keeps is not lost.
const STATIC: Culprit =
    Culprit { among_others: Some("a static that keeps a handle"), ..of_handles("a static that keeps it") };

const RUST: &[Culprit] = &[
    any("`mem::forget`"),
    of_blocks("`Box::leak`"),
    of_blocks("`into_raw`"),
    of_handles("`into_raw_fd`"),
    STATIC,
    cycle("a reference cycle"),
];

const C: &[Culprit] = &[
    of_blocks("a return before `free`"),
    of_handles("a return before `close` or `fclose`"),
    of_blocks("a pointer that was overwritten"),
    of_handles("a descriptor that was overwritten"),
    of_blocks("a struct that was freed before what it pointed to"),
    STATIC,
];

const CPP: &[Culprit] = &[
    any("`release()` on a smart pointer"),
    of_blocks("`new` without `delete`"),
    of_handles("a descriptor without a class that closes it"),
    STATIC,
    cycle("a cycle of `shared_ptr`"),
];

const GO: &[Culprit] = &[
    of_handles("a return before `defer f.Close()`"),
    of_handles("a response whose `Body` is not closed"),
    of_blocks("`C.malloc` or `C.CString` without `C.free`"),
    Culprit {
        among_others: Some("a package variable that keeps a handle"),
        ..of_handles("a package variable that keeps it")
    },
];

const ANY_LANGUAGE: &[Culprit] =
    &[any("a way out of a function that skips the clean-up"), STATIC, cycle("a cycle of references")];

/// The usual culprits behind leaks of these kinds, as a list in one line; `None` where there are none.
pub fn culprits(
    language: Option<Language>,
    kinds: impl IntoIterator<Item = ResourceKind>,
    cycles: Cycles,
) -> Option<String> {
    let mut sorts: Vec<Sort> = Vec::new();
    for sort in kinds.into_iter().filter_map(Sort::from_kind) {
        if !sorts.contains(&sort) {
            sorts.push(sort);
        }
    }
    let all = match language {
        Some(Language::Rust) => RUST,
        Some(Language::C) => C,
        Some(Language::Cpp) => CPP,
        Some(Language::Go) => GO,
        None => ANY_LANGUAGE,
    };
    let all = all.iter().filter(|culprit| !culprit.is_cycle || cycles == Cycles::Possible);
    let found = all.filter(|culprit| culprit.leaves.iter().any(|sort| sorts.contains(sort)));
    let words: Vec<_> =
        found.map(|culprit| culprit.among_others.filter(|_| sorts.len() > 1).unwrap_or(culprit.words)).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rusts_culprits_are_those_of_what_leaked() {
        let words = |kinds: &[ResourceKind]| culprits(Some(Language::Rust), kinds.iter().copied(), Cycles::Possible);
        assert_eq!(
            words(&[ResourceKind::File, ResourceKind::Socket]).unwrap(),
            "`mem::forget`, `into_raw_fd`, a static that keeps it, a reference cycle"
        );
        assert_eq!(words(&[ResourceKind::Heap]).unwrap(), "`mem::forget`, `Box::leak`, `into_raw`, a reference cycle");
        assert_eq!(
            words(&[ResourceKind::Heap, ResourceKind::Dir]).unwrap(),
            "`mem::forget`, `Box::leak`, `into_raw`, `into_raw_fd`, a static that keeps a handle, a reference cycle"
        );
        assert_eq!(
            culprits(Some(Language::Rust), [ResourceKind::Heap], Cycles::Told).unwrap(),
            "`mem::forget`, `Box::leak`, `into_raw`"
        );
        assert_eq!(words(&[ResourceKind::Residue]), None);
        assert_eq!(words(&[]), None);
    }

    #[test]
    fn every_language_has_its_own() {
        for language in [None, Some(Language::C), Some(Language::Cpp), Some(Language::Go)] {
            for kind in [ResourceKind::File, ResourceKind::Heap] {
                let words = culprits(language, [kind], Cycles::Possible).unwrap();
                assert!(!words.contains("mem::forget") && !words.contains("Box"), "{language:?}: {words}");
            }
        }
    }
}
