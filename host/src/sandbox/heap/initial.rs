//! The memory of a fresh instance. It is mostly zeros, of which no copy is kept.

use crate::ledger::heap::reach::changed;
use std::collections::BTreeMap;
use std::ops::Range;

/// The size of a piece: all its bytes are kept, or all are zero.
const PIECE: usize = 4096;

/// A copy of a memory that only keeps the pieces with something in them.
#[derive(Debug, Default)]
pub(super) struct InitialMemory {
    len: usize,
    /// The pieces by number.
    pieces: BTreeMap<usize, Box<[u8]>>,
}

impl InitialMemory {
    pub(super) fn copy(memory: &[u8]) -> Self {
        let filled = memory.chunks(PIECE).enumerate().filter(|(_, piece)| piece.iter().any(|byte| *byte != 0));
        Self { len: memory.len(), pieces: filled.map(|(nth, piece)| (nth, piece.into())).collect() }
    }

    /// The words between the addresses `from` and `to` that differ between this copy and `now`. `None` if they form more
    /// than `most` separate ranges.
    pub(super) fn changed(&self, now: &[u8], (from, to): (u32, u32), most: usize) -> Option<Vec<Range<u32>>> {
        let (from, to) = (from as usize, (to as usize).min(self.len).min(now.len()));
        let mut ranges: Vec<Range<u32>> = Vec::new();
        let mut at = from;
        while at < to {
            let end = (at / PIECE + 1).saturating_mul(PIECE).min(to);
            let old =
                self.pieces.get(&(at / PIECE)).map_or(&ZEROS[..end - at], |piece| &piece[at % PIECE..][..end - at]);
            if old != &now[at..end] {
                for range in changed(old, &now[at..end], u32::try_from(at).ok()?, most)? {
                    match ranges.last_mut() {
                        Some(last) if last.end == range.start => last.end = range.end,
                        _ => ranges.push(range),
                    }
                }
            }
            if ranges.len() > most {
                return None;
            }
            at = end;
        }
        Some(ranges)
    }
}

/// A piece of zeros.
static ZEROS: [u8; PIECE] = [0; PIECE];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zeros_are_not_kept() {
        let mut memory = vec![0; 100 * PIECE];
        memory[7 * PIECE + 5] = 1;
        let copy = InitialMemory::copy(&memory);
        assert_eq!(copy.pieces.keys().collect::<Vec<_>>(), [&7]);
    }

    proptest! {
        /// Compared with a copy that keeps every piece.
        #[test]
        fn what_changed_is_what_differs(
            writes in prop::collection::vec((0..6 * PIECE, any::<u8>(), any::<bool>()), 0..60),
            from in 0..3_u32, to in 0..7_u32, grown in any::<bool>(), most in 0..20_usize,
        ) {
            let (mut before, mut now) = (vec![0; 6 * PIECE], vec![0; if grown { 8 } else { 6 } * PIECE]);
            for (at, byte, early) in writes {
                now[at] = byte;
                if early {
                    before[at] = byte;
                }
            }
            let (from, to) = (from * 2000, to * 4000);
            let end = (to as usize).min(before.len()).max(from as usize);
            let expected = changed(&before[from as usize..end], &now[from as usize..end], from, most);
            prop_assert_eq!(InitialMemory::copy(&before).changed(&now, (from, to), most), expected);
        }
    }
}
