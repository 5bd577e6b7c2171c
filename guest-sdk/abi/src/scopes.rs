//! Subtests: how a test runs a part of itself as a test of its own, within the same instance.
//!
//! | | name | type | |
//! | --- | --- | --- | --- |
//! | import of [`MODULE`] | [`RUN`] | `(state, name, len, function, data: i32) -> i32` | runs a subtest |
//! | import of [`MODULE`] | [`FORK`] | `(state, name, len, function, data: i32) -> i32` | forks a subtest |
//! | export | [`ENTER_EXPORT`] | `(function, data: i32) -> i32` | calls the function with the data |
//! | export | [`NEXT_CLEANUP_EXPORT`] | `(depth: i32) -> i32` | tells which clean-up is the next |
//!
//! # Running a subtest
//! 1. The test calls [`RUN`] with the address of its [`State`](crate::State), the name that it gives the subtest, and a function
//!    with its data. The host names the subtest ([`SubtestNames`]), and answers [`NOT_SELECTED`] at once where it is not to run.
//! 2. The host calls [`ENTER_EXPORT`] with function and data. It returns whether the subtest has failed: 0 or 1. What it says is
//!    in the journal.
//! 3. When that has returned, or ended in `unreachable` as a panic does, the host runs the clean-ups that were registered in
//!    the subtest: as long as [`NEXT_CLEANUP_EXPORT`] answers with the address of a [`NextCleanup`], it calls
//!    [`CLEANUP_EXPORT`](crate::CLEANUP_EXPORT). The depth is 1 for a subtest of the test itself, 2 within one of these.
//! 4. [`RUN`] returns [`PASSED`], [`FAILED`] or [`SKIPPED`], and the test goes on.
//!
//! Any other ending, such as `proc_exit` or the end of fuel, ends the whole test; the clean-ups of all its scopes run then.
//!
//! # Forking a subtest
//! [`FORK`] takes what [`RUN`] takes, and returns at once: [`FORKED`], or [`NOT_SELECTED`]. When the test has ended, the host calls
//! [`ENTER_EXPORT`] with function and data in another instance, whose memory and globals are what they were during the call of
//! [`FORK`]; the functions that were running then do not go on there. The clean-ups of that instance that are run are those of the
//! subtest: its depth is one more than that of the scope that forked it, and that the state says so is up to the caller of [`FORK`].
//!
//! At the end of a test the host asks [`NEXT_CLEANUP_EXPORT`] with the depth 0, where the module has that export.

pub use crate::net::MODULE;
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

/// The import that runs a subtest.
pub const RUN: &str = "scope_run";

/// The import that forks one.
pub const FORK: &str = "scope_fork";

/// Every import with the number of its parameters, by name.
pub const IMPORTS: [(&str, usize); 2] = [(FORK, 5), (RUN, 5)];

/// The export through which the host calls a subtest's function.
pub const ENTER_EXPORT: &str = "airtight:subtest";

/// The export that tells which clean-up would be run next.
pub const NEXT_CLEANUP_EXPORT: &str = "airtight:next-cleanup";

/// [`RUN`]'s answer for a subtest that passed.
pub const PASSED: i32 = 0;
/// [`RUN`]'s answer for a subtest that failed.
pub const FAILED: i32 = 1;
/// [`RUN`]'s answer for a subtest that skipped itself.
pub const SKIPPED: i32 = 2;
/// The answer of [`RUN`] and [`FORK`] for a subtest that the filter leaves out.
pub const NOT_SELECTED: i32 = 3;
/// [`FORK`]'s answer for a subtest that is run later, or was refused.
pub const FORKED: i32 = 4;

/// Longest name of a subtest, in bytes, without those of the tests that it is in.
pub const MAX_NAME: usize = 4096;

/// Deepest nesting of subtests.
pub const MAX_DEPTH: u32 = 64;

/// Most forks of one test, those that its forks fork among them.
pub const MAX_FORKS: usize = 10_000;

/// Most subtests of one test.
pub const MAX_SUBTESTS: usize = 100_000;

/// Longest name of a clean-up, and of its source file, that a host reads: what is longer is cut.
pub const MAX_CLEANUP_TEXT: usize = 256;

/// The clean-up that the next call of [`CLEANUP_EXPORT`](crate::CLEANUP_EXPORT) runs: eight `u32`, little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct NextCleanup {
    /// Address and length of its name; a length of 0 means that it has none.
    pub name: [u32; 2],
    /// Address and length of the source file in which it was registered.
    pub file: [u32; 2],
    /// Line and column there, from 1.
    pub place: [u32; 2],
    /// Its priority, as an `i32`.
    pub priority: u32,
    /// How deep the scope is that it was registered in.
    pub depth: u32,
}

impl NextCleanup {
    /// Bytes of the record.
    pub const SIZE: usize = size_of::<Self>();

    /// Decodes the record.
    pub fn read(bytes: &[u8; Self::SIZE]) -> Self {
        let mut words = [0; Self::SIZE / 4];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        }
        let [name, name_len, file, file_len, line, column, priority, depth] = words;
        Self { name: [name, name_len], file: [file, file_len], place: [line, column], priority, depth }
    }
}

/// The names of all subtests of one test: unique, as Go's testing package makes them.
///
/// ```
/// use airtight_abi::scopes::SubtestNames;
///
/// let mut names = SubtestNames::default();
/// assert_eq!(names.unique("", "two words"), "two_words");
/// assert_eq!(names.unique("", "two words"), "two_words#01");
/// assert_eq!(names.unique("two_words", ""), "two_words/#00");
/// ```
#[derive(Debug, Default, Clone)]
pub struct SubtestNames(BTreeMap<String, u32>);

impl SubtestNames {
    /// The path of the next subtest that is called `name`, within the subtest of the path `parent`; that is empty for subtests
    /// of the test itself.
    pub fn unique(&mut self, parent: &str, name: &str) -> String {
        self.unique_after(&|_| None, parent, name)
    }

    /// The same where others were given names before, which are not among these: `before` tells of them what [`SubtestNames::used`] does.
    pub fn unique_after(&mut self, before: &dyn Fn(&str) -> Option<u32>, parent: &str, name: &str) -> String {
        let base = if parent.is_empty() { rewrite(name).into_owned() } else { format!("{parent}/{}", rewrite(name)) };
        loop {
            let known = |name: &str| self.used(name).or_else(|| before(name));
            let nth = known(&base).unwrap_or(0);
            self.0.insert(base.clone(), nth.saturating_add(1));
            if nth == 0 && !name.is_empty() {
                // It may be called as an earlier one was made to be called: `a#01`, after two of `a`.
                let known = |name: &str| self.used(name).or_else(|| before(name));
                let used = |(of, number)| known(of).is_some_and(|used| number < used);
                if numbered(&base).is_some_and(used) {
                    continue;
                }
                return base;
            }
            let path = format!("{base}#{nth:02}");
            if self.used(&path).or_else(|| before(&path)).is_none() {
                return path;
            }
        }
    }

    /// How often a subtest was given this name; `None` if none was.
    #[must_use]
    pub fn used(&self, name: &str) -> Option<u32> {
        self.0.get(name).copied()
    }
}

/// Bytes that a name takes beside its own.
const NAMED: u64 = 64;

impl SubtestNames {
    /// The bytes that all names take, nearly.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.0.keys().map(|name| name.len() as u64 + NAMED).sum()
    }
}

/// `("a", 1)` of `a#01`: only as [`SubtestNames`] writes numbers.
fn numbered(name: &str) -> Option<(&str, u32)> {
    let (of, digits) = name.rsplit_once('#')?;
    let number: u32 = digits.parse().ok()?;
    let unnamed = of.is_empty() || of.ends_with('/');
    (format!("{number:02}") == digits && (unnamed || number > 0)).then_some((of, number))
}

/// The name as it is shown and filtered: `_` for white space, an escape for what cannot be printed.
fn rewrite(name: &str) -> Cow<'_, str> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c.escape_debug().len() == 1;
    if name.chars().all(|c| plain(c) || matches!(c, '\'' | '"' | '\\')) {
        return Cow::Borrowed(name);
    }
    let mut rewritten = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        match c {
            c if c.is_whitespace() => rewritten.push('_'),
            '\'' | '"' | '\\' => rewritten.push(c),
            c => rewritten.extend(c.escape_debug()),
        }
    }
    Cow::Owned(rewritten)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn named<const N: usize>(names: [&str; N]) -> [String; N] {
        let mut made = SubtestNames::default();
        names.map(|name| made.unique("", name))
    }

    #[test]
    fn names_are_those_of_go() {
        assert_eq!(named(["a", "a", "a"]), ["a", "a#01", "a#02"]);
        assert_eq!(named(["", "", "x"]), ["#00", "#01", "x"]);
        assert_eq!(named(["a b\tc", "a_b_c"]), ["a_b_c", "a_b_c#01"]);
        assert_eq!(named(["line\nfeed", "\u{7}", "ä/é\\'\""]), ["line_feed", "\\u{7}", "ä/é\\'\""]);
        // What is called as another was made to be called.
        assert_eq!(named(["a", "a", "a#01"]), ["a", "a#01", "a#01#01"]);
        assert_eq!(named(["a#01", "a", "a"]), ["a#01", "a", "a#02"]);
        assert_eq!(named(["a#1", "a#001", "#"]), ["a#1", "a#001", "#"]);
        let mut made = SubtestNames::default();
        let nested =
            [("", "a"), ("a", "b"), ("", "a/b"), ("a", ""), ("a", "#00")].map(|(of, name)| made.unique(of, name));
        assert_eq!(nested, ["a", "a/b", "a/b#01", "a/#00", "a/#00#01"]);
    }

    #[test]
    fn words_of_a_record_are_little_endian() {
        let mut bytes = [0; NextCleanup::SIZE];
        (bytes[0], bytes[5], bytes[16], bytes[24]) = (1, 2, 7, 0xff);
        let read = NextCleanup::read(&bytes);
        assert_eq!((read.name, read.place, read.priority), ([1, 512], [7, 0], 255));
    }

    proptest! {
        #[test]
        fn it_is_the_same_whether_they_are_kept_together(
            names in prop::collection::vec("(a|b|#|0|1|2| |\n|/){0,5}", 0..40), first in 0..40_usize
        ) {
            let (mut together, mut before, mut after) = (SubtestNames::default(), SubtestNames::default(), SubtestNames::default());
            for (nth, name) in names.iter().enumerate() {
                let apart = match nth < first {
                    true => before.unique("", name),
                    false => after.unique_after(&|name| before.used(name), "", name),
                };
                prop_assert_eq!(apart, together.unique("", name));
            }
        }

        #[test]
        fn no_two_are_the_same_and_none_hides_anything(names in prop::collection::vec("(a|b|#|0|1|2| |\n|/){0,5}", 0..40)) {
            let mut made = SubtestNames::default();
            let unique: Vec<String> = names.iter().map(|name| made.unique("", name)).collect();
            prop_assert_eq!(unique.iter().collect::<BTreeSet<_>>().len(), unique.len());
            prop_assert!(unique.iter().all(|name| !name.is_empty() && !name.contains(char::is_whitespace)));
        }
    }
}
