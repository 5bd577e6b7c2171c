//! What a test said, in order: a sequence of entries in its memory.
//!
//! An entry is its kind (one byte), the length of the rest (`u32`, little endian), and UTF-8: where it was said
//! (`file:line:column`, or nothing), a NUL, and the text.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// Longest journal that the SDK writes, in bytes: what a host needs to copy at most.
pub const CAP: usize = 1 << 20;

/// Bytes before an entry's text: its kind and length.
pub const HEADER: usize = 5;

/// What an entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `F`: a failure.
    Failure,
    /// `S`: why the test skipped itself.
    Skip,
    /// `P`: the message of a panic.
    Panic,
    /// Something that a newer SDK says.
    Other(u8),
}

impl Kind {
    /// The byte that stands for it.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Failure => b'F',
            Self::Skip => b'S',
            Self::Panic => b'P',
            Self::Other(byte) => byte,
        }
    }

    fn from_byte(byte: u8) -> Self {
        match byte {
            b'F' => Self::Failure,
            b'S' => Self::Skip,
            b'P' => Self::Panic,
            other => Self::Other(other),
        }
    }
}

/// One thing that a test said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry<'a> {
    /// What it tells.
    pub kind: Kind,
    /// Where it was said, as `file:line:column`; bytes that are not UTF-8 are replaced.
    pub at: Option<Cow<'a, str>>,
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: Cow<'a, str>,
}

/// The first bytes of an entry whose text, with its place and the NUL, has `len` bytes.
pub const fn header(kind: Kind, len: u32) -> [u8; HEADER] {
    let [a, b, c, d] = len.to_le_bytes();
    [kind.byte(), a, b, c, d]
}

/// Reads a journal. The iterator ends after the first error.
pub fn entries(journal: &[u8]) -> Entries<'_> {
    Entries { rest: journal, at: 0 }
}

/// The entries of a journal, in order.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<JournalEntry<'a>, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((entry, rest)) = split_entry(self.rest) else {
            self.rest = &[];
            return Some(Err(JournalError { at: self.at }));
        };
        self.at += self.rest.len() - rest.len();
        self.rest = rest;
        Some(Ok(entry))
    }
}

fn split_entry(bytes: &[u8]) -> Option<(JournalEntry<'_>, &[u8])> {
    let ([kind, len @ ..], rest) = bytes.split_first_chunk::<HEADER>()?;
    let (said, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
    let (at, text) = match said.iter().position(|byte| *byte == 0) {
        Some(nul) => (&said[..nul], &said[nul + 1..]),
        None => (&[][..], said),
    };
    let at = (!at.is_empty()).then(|| String::from_utf8_lossy(at));
    Some((JournalEntry { kind: Kind::from_byte(*kind), at, text: String::from_utf8_lossy(text) }, rest))
}

/// A journal that ends within an entry: the guest overwrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalError {
    /// Offset of the entry.
    pub at: usize,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the test's journal is broken from byte {} on: the test overwrote its own memory", self.at)
    }
}

impl core::error::Error for JournalError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn write(kind: Kind, at: &str, text: &str) -> Vec<u8> {
        let len = u32::try_from(at.len() + 1 + text.len()).unwrap();
        [&header(kind, len)[..], at.as_bytes(), b"\0", text.as_bytes()].concat()
    }

    #[test]
    fn a_cut_journal_yields_what_is_whole_and_one_error() {
        let mut bytes = write(Kind::Failure, "src/lib.rs:3:5", "one");
        let whole = bytes.len();
        bytes.extend(&write(Kind::Skip, "", "two")[..7]);
        let read: Vec<_> = entries(&bytes).collect();
        assert_eq!(read.len(), 2);
        let first = read[0].clone().unwrap();
        assert_eq!((first.kind, first.at.as_deref(), &*first.text), (Kind::Failure, Some("src/lib.rs:3:5"), "one"));
        assert_eq!(read[1], Err(JournalError { at: whole }));
    }

    #[test]
    fn text_without_a_place_and_a_nul_in_a_text() {
        let bytes = [&header(Kind::Other(b'X'), 2)[..], b"hi", &write(Kind::Panic, "a:1:1", "x\0y")].concat();
        let read: Vec<_> = entries(&bytes).map(Result::unwrap).collect();
        assert_eq!((read[0].kind, &read[0].at, &*read[0].text), (Kind::Other(b'X'), &None, "hi"));
        assert_eq!((read[1].kind, &*read[1].text), (Kind::Panic, "x\0y"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(said in prop::collection::vec(("[FSPX]", "[a-z/.]{0,8}", any::<String>()), 0..8)) {
            let bytes: Vec<u8> =
                said.iter().flat_map(|(kind, at, text)| write(Kind::from_byte(kind.as_bytes()[0]), at, text)).collect();
            let read: Vec<_> = entries(&bytes).map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), said.len());
            for (entry, (kind, at, text)) in read.iter().zip(&said) {
                prop_assert_eq!(entry.kind.byte(), kind.as_bytes()[0]);
                prop_assert_eq!(entry.at.as_deref().unwrap_or_default(), at);
                prop_assert_eq!(&*entry.text, text);
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(entries(&bytes).count() <= bytes.len());
        }
    }
}
