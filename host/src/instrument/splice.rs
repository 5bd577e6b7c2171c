//! Edits of a module's bytes, which are applied in one copy.

use crate::catalogue::sections::{HEADER_LEN, Section};
use std::borrow::Cow;
use std::ops::Range;
use wasm_encoder::Encode;
use wasmparser::BinaryReaderError;

/// Bytes that replace others.
#[derive(Debug)]
pub(super) struct Edit {
    /// The range of the original that they replace; empty if they are only inserted.
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

    /// Where offsets in the code section are counted from after the edits, given where its contents start before. The bytes by
    /// which the function count grows come before that place, so that every offset is the original's.
    pub(super) fn code_start(&self, start: usize) -> usize {
        // The section's size and count are replaced by one edit, which begins before the contents.
        let before = self.0.iter().filter(|edit| edit.at.start < start || edit.at.end <= start);
        let (added, removed) =
            before.fold((0, 0), |(added, removed), edit| (added + edit.with.len(), removed + edit.at.len()));
        start + added - removed
    }

    /// The module with the edits; borrowed if there are none.
    pub(super) fn apply(mut self, bytes: &[u8]) -> Cow<'_, [u8]> {
        if self.0.is_empty() {
            return Cow::Borrowed(bytes);
        }
        // An insertion comes before an edit that replaces the bytes behind it. Insertions at one place keep their order.
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

/// The entries of a section: their count, and their bytes.
pub(super) fn entries<'a>(bytes: &'a [u8], section: Option<&Section>) -> Result<(u32, &'a [u8]), BinaryReaderError> {
    let Some(section) = section else { return Ok((0, &[])) };
    let mut reader = section.reader(bytes);
    let count = reader.read_var_u32()?;
    Ok((count, &bytes[reader.original_position()..section.contents.end]))
}

/// Adds entries at the end of a section. If there is no such section, a new one is put behind those with ids in `after`.
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

/// Removes entries from the end of a section; `None` if they are not there.
pub(super) fn shrunk(bytes: &[u8], sections: &[Section], id: u8, count: u32, removed: &[u8]) -> Option<Edit> {
    let section = sections.iter().find(|section| section.id == id)?;
    let (old, entries) = entries(bytes, Some(section)).ok()?;
    let left = entries.strip_suffix(removed)?;
    Some(Edit { at: section.whole.clone(), with: whole(id, old.checked_sub(count)?, &[left]) })
}

/// A whole section with these entries.
pub(super) fn whole(id: u8, count: u32, entries: &[&[u8]]) -> Vec<u8> {
    let mut data = leb(count);
    entries.iter().for_each(|entries| data.extend_from_slice(entries));
    let mut section = vec![id];
    data.as_slice().encode(&mut section);
    section
}

/// A number in LEB128, written in at least so many bytes.
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
