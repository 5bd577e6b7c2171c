//! Changes of a module's bytes, put together in one copy.

use crate::catalogue::sections::{HEADER_LEN, Section};
use std::borrow::Cow;
use std::ops::Range;
use wasm_encoder::Encode;
use wasmparser::BinaryReaderError;

/// Bytes in the place of others.
#[derive(Debug)]
pub(super) struct Edit {
    /// What they replace, in the original; empty where they are only put in.
    pub(super) at: Range<usize>,
    pub(super) with: Vec<u8>,
}

/// Edits that do not overlap.
#[derive(Debug, Default)]
pub(super) struct Splice(Vec<Edit>);

impl Splice {
    pub(super) fn extend(&mut self, edits: impl IntoIterator<Item = Edit>) {
        self.0.extend(edits);
    }

    /// Where the contents of the code section start, given where they did; without what the function count grew by,
    /// so that every offset from here is the original's.
    pub(super) fn code_start(&self, start: usize) -> usize {
        // The section's own size and count are replaced in one edit, which begins before the contents.
        let before = self.0.iter().filter(|edit| edit.at.start < start || edit.at.end <= start);
        let (added, removed) =
            before.fold((0, 0), |(added, removed), edit| (added + edit.with.len(), removed + edit.at.len()));
        start + added - removed
    }

    /// The module with the edits; borrowed where there are none.
    pub(super) fn apply(mut self, bytes: &[u8]) -> Cow<'_, [u8]> {
        if self.0.is_empty() {
            return Cow::Borrowed(bytes);
        }
        // What is put in comes before what replaces the bytes behind it; at one place it keeps its order.
        self.0.sort_by_key(|edit| (edit.at.start, edit.at.end));
        let added: usize = self.0.iter().map(|edit| edit.with.len()).sum();
        let mut done = Vec::with_capacity(bytes.len() + added);
        let mut copied = 0;
        for edit in &self.0 {
            done.extend_from_slice(&bytes[copied..edit.at.start]);
            done.extend_from_slice(&edit.with);
            copied = edit.at.end;
        }
        done.extend_from_slice(&bytes[copied..]);
        Cow::Owned(done)
    }
}

/// The entries of a section that is a vector: its count, and the bytes behind it.
pub(super) fn entries<'a>(bytes: &'a [u8], section: Option<&Section>) -> Result<(u32, &'a [u8]), BinaryReaderError> {
    let Some(section) = section else { return Ok((0, &[])) };
    let mut reader = section.reader(bytes);
    let count = reader.read_var_u32()?;
    Ok((count, &bytes[reader.original_position()..section.contents.end]))
}

/// A section with more entries at its end; a new one behind those with ids in `after` where there is none.
pub(super) fn grown(
    bytes: &[u8],
    sections: &[Section],
    id: u8,
    after: &[u8],
    count: u32,
    added: &[u8],
) -> Result<Edit, BinaryReaderError> {
    let section = sections.iter().find(|section| section.id == id);
    let (old, entries) = entries(bytes, section)?;
    let at = section.map_or_else(|| place(sections, after), |section| section.whole.clone());
    Ok(Edit { at, with: whole(id, old.saturating_add(count), &[entries, added]) })
}

/// A section without these entries at its end, if they are there.
pub(super) fn shrunk(bytes: &[u8], sections: &[Section], id: u8, count: u32, removed: &[u8]) -> Option<Edit> {
    let section = sections.iter().find(|section| section.id == id)?;
    let (old, entries) = entries(bytes, Some(section)).ok()?;
    let left = entries.strip_suffix(removed)?;
    Some(Edit { at: section.whole.clone(), with: whole(id, old.checked_sub(count)?, &[left]) })
}

/// A section of these entries.
pub(super) fn whole(id: u8, count: u32, entries: &[&[u8]]) -> Vec<u8> {
    let mut data = leb(count);
    entries.iter().for_each(|entries| data.extend_from_slice(entries));
    let mut section = vec![id];
    data.as_slice().encode(&mut section);
    section
}

/// A number in at least so many bytes.
pub(super) fn padded(value: u32, least: usize) -> Vec<u8> {
    let mut bytes = leb(value);
    while bytes.len() < least {
        *bytes.last_mut().unwrap_or(&mut 0) |= 0x80;
        bytes.push(0);
    }
    bytes
}

pub(super) fn leb(value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

fn place(sections: &[Section], after: &[u8]) -> Range<usize> {
    let last = sections.iter().rev().find(|section| after.contains(&section.id));
    let place = last.map_or(HEADER_LEN, |section| section.whole.end);
    place..place
}
