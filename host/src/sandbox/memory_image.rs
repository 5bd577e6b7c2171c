//! The linear memory of an instance as it stood, to be put into another. Images of one instance that are taken one after another share
//! what did not change between them.

use std::sync::Arc;

/// Bytes that are shared or not shared as one.
const PIECE: usize = 1 << 12;

/// Pieces of a page of linear memory.
const PIECES: usize = PAGE / PIECE;

/// Bytes of a page of linear memory, which the size of every memory is a multiple of.
const PAGE: usize = 1 << 16;

/// A piece; `None` where all of its bytes are zero.
type Piece = Option<Arc<[u8]>>;

/// The memory of an instance as it stood.
#[derive(Debug, Clone, Default)]
pub struct MemoryImage {
    pages: Vec<Arc<[Piece; PIECES]>>,
}

impl MemoryImage {
    /// The image of this memory, and how many bytes it holds that the image `before` it does not.
    pub fn take(memory: &[u8], before: Option<&Self>) -> (Self, u64) {
        let mut held = 0;
        let known = before.map_or(&[][..], |before| &before.pages);
        let page = |(number, bytes): (usize, &[u8])| {
            let known = known.get(number);
            if let Some(page) = known.filter(|page| is_same(page, bytes)) {
                return Arc::clone(page);
            }
            held += size_of::<[Piece; PIECES]>();
            let mut pieces = [const { None }; PIECES];
            for (nth, (piece, bytes)) in pieces.iter_mut().zip(bytes.chunks(PIECE)).enumerate() {
                *piece = match known.and_then(|page| page[nth].as_ref()) {
                    Some(same) if **same == *bytes => Some(Arc::clone(same)),
                    _ if is_zero(bytes) => None,
                    _ => {
                        held += bytes.len();
                        Some(bytes.into())
                    }
                };
            }
            Arc::new(pieces)
        };
        let pages = memory.chunks(PAGE).enumerate().map(page).collect();
        (Self { pages }, held as u64)
    }

    /// How many pages the memory has.
    pub fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        self.pages.len() * PAGE
    }

    /// How many of them are held: those of pieces that are not all zero.
    pub fn held(&self) -> u64 {
        let pieces = self.pages.iter().flat_map(|page| page.iter().flatten());
        pieces.map(|piece| piece.len() as u64).sum()
    }

    /// Makes a memory of the same size hold what the image does. What it holds already is not written, so that an engine which maps
    /// memory copy on write copies what differs. Nor is that looked at which `now` shares, if that is what the memory holds.
    pub fn write_to(&self, memory: &mut [u8], now: Option<&Self>) {
        let now = now.map_or(&[][..], |now| &now.pages);
        for (number, (page, bytes)) in self.pages.iter().zip(memory.chunks_mut(PAGE)).enumerate() {
            let now = now.get(number);
            if now.is_some_and(|now| Arc::ptr_eq(now, page)) {
                continue;
            }
            for (nth, (piece, bytes)) in page.iter().zip(bytes.chunks_mut(PIECE)).enumerate() {
                if now.is_some_and(|now| is_shared(&now[nth], piece)) {
                    continue;
                }
                match piece {
                    Some(piece) if **piece != *bytes => bytes.copy_from_slice(piece),
                    None if !is_zero(bytes) => bytes.fill(0),
                    _ => {}
                }
            }
        }
    }
}

fn is_same(page: &[Piece; PIECES], bytes: &[u8]) -> bool {
    page.iter().zip(bytes.chunks(PIECE)).all(|(piece, bytes)| match piece {
        Some(piece) => **piece == *bytes,
        None => is_zero(bytes),
    })
}

fn is_shared(one: &Piece, other: &Piece) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    // In words, which is many times faster where nothing is optimised.
    let (words, rest) = bytes.as_chunks::<16>();
    words.iter().all(|word| u128::from_ne_bytes(*word) == 0) && rest.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_taken_is_put_into_any_memory(
            writes in prop::collection::vec((0..3 * PAGE, any::<u8>(), any::<bool>()), 0..40),
            other in prop::collection::vec((0..3 * PAGE, any::<u8>()), 0..40),
        ) {
            let mut memory = vec![0; 3 * PAGE];
            let mut before: Option<MemoryImage> = None;
            let mut taken = Vec::new();
            for (at, byte, takes) in writes {
                memory[at] = byte;
                if takes {
                    let (image, _) = MemoryImage::take(&memory, before.as_ref());
                    taken.push((image.clone(), memory.clone()));
                    before = Some(image);
                }
            }
            for (image, expected) in &taken {
                let mut found = vec![0; 3 * PAGE];
                other.iter().for_each(|(at, byte)| found[*at] = *byte);
                image.write_to(&mut found, None);
                prop_assert!(found == *expected);
                // In an instance that holds what another image does.
                if let Some((first, held)) = taken.first() {
                    found.copy_from_slice(held);
                    image.write_to(&mut found, Some(first));
                    prop_assert!(found == *expected);
                }
            }
        }
    }

    #[test]
    fn what_did_not_change_is_held_once() {
        let mut memory = vec![7; 4 * PAGE];
        memory[PAGE..2 * PAGE].fill(0);
        let (first, held) = MemoryImage::take(&memory, None);
        assert!((3 * PAGE..4 * PAGE).contains(&(held as usize)), "{held}: what is zero is not held");
        let (same, held) = MemoryImage::take(&memory, Some(&first));
        assert_eq!((held, same.pages()), (0, 4));
        memory[PAGE + 1] = 1;
        memory.extend([0; PAGE]);
        let (changed, held) = MemoryImage::take(&memory, Some(&first));
        assert!(held < 2 * PIECE as u64, "{held}");
        assert_eq!((first.held(), changed.bytes()), (3 * PAGE as u64, 5 * PAGE));
        // Of what is shared nothing is looked at, so that the engine maps no page of it.
        let mut found = vec![9; 5 * PAGE];
        changed.write_to(&mut found, Some(&first));
        assert!(found[2 * PAGE..4 * PAGE].iter().all(|byte| *byte == 9));
        assert_eq!((found[PAGE + 1], found[PAGE + PIECE], found[4 * PAGE]), (1, 9, 0));
    }
}
