//! The parts of a linear memory that are kept when a test has ended: live blocks and static data.

use std::ops::Range;

/// Parts of a linear memory, by address.
#[derive(Debug, Clone, Default)]
pub struct Parts<'m>(Vec<(u64, &'m [u8])>);

impl<'m> Parts<'m> {
    /// A whole memory, which starts at address 0.
    #[cfg(test)]
    pub fn whole(memory: &'m [u8]) -> Self {
        Self(vec![(0, memory)])
    }

    /// The parts at these ranges of addresses. `bytes` are their contents, one part after another.
    pub fn copied(ranges: &[Range<u64>], bytes: &'m [u8]) -> Self {
        let mut left = bytes;
        let part = |range: &Range<u64>| {
            let (part, rest) = left.split_at(left.len().min((range.end - range.start) as usize));
            left = rest;
            (range.start, part)
        };
        Self(ranges.iter().map(part).collect())
    }

    /// The bytes from an address to the end of the part that it lies in; none where it lies in no part.
    pub fn from(&self, address: u64) -> &'m [u8] {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        let Some((start, bytes)) = after.checked_sub(1).map(|last| self.0[last]) else {
            return &[];
        };
        bytes.get((address - start) as usize..).unwrap_or_default()
    }
}

/// The 4-byte word that starts `at` bytes into a part of memory; `None` where it does not end within the part.
#[inline]
pub(super) fn word_at(part: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*part.get(at..)?.first_chunk()?))
}
