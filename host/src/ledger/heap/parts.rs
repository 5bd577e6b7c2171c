//! The parts of a linear memory that are looked at when a test has ended.

use std::ops::Range;

/// Parts of a linear memory, by address.
#[derive(Debug, Clone, Default)]
pub struct Parts<'m>(Vec<(u64, &'m [u8])>);

impl<'m> Parts<'m> {
    /// All of it, from address 0.
    #[cfg(test)]
    pub fn whole(memory: &'m [u8]) -> Self {
        Self(vec![(0, memory)])
    }

    /// Bytes that were copied, one part after another, from these ranges of addresses.
    pub fn copied(ranges: &[Range<u64>], bytes: &'m [u8]) -> Self {
        let mut left = bytes;
        let part = |range: &Range<u64>| {
            let (part, rest) = left.split_at(left.len().min((range.end - range.start) as usize));
            left = rest;
            (range.start, part)
        };
        Self(ranges.iter().map(part).collect())
    }

    /// What there is from an address on, to the end of the part that it lies in.
    pub fn from(&self, address: u64) -> &'m [u8] {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        let Some((start, bytes)) = after.checked_sub(1).map(|last| self.0[last]) else {
            return &[];
        };
        bytes.get((address - start) as usize..).unwrap_or_default()
    }
}

/// The word at this place in a part of memory.
#[inline]
pub(super) fn word_at(part: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*part.get(at..)?.first_chunk()?))
}
