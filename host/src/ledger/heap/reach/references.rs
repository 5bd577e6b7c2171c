//! Whether a second run has shown all that it was done for before it ends.
//!
//! A second run tells pointers from integers, and it shows where blocks were allocated. Where the first run ended with retained
//! blocks alone, and every word that seems to hold one of them is known to be a pointer, the end of the second run has nothing to
//! add: the words still hold the addresses that these pointers had.

use super::{Picture, end, plain};
use crate::ledger::heap::parts::word_at;
use crate::ledger::heap::{Block, Trace, Trail};

/// Most words that are looked at.
const MOST_WORDS: usize = 1 << 16;

/// The words through which a test's own blocks are reached at the end of a run, if every word that may be a pointer is taken
/// for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct References {
    /// The test's own blocks, and those through which they are reached, by their numbers: number and size.
    blocks: Vec<(u64, u32)>,
    words: Vec<Reference>,
}

/// A word that points to a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reference {
    /// The block that the word lies in, as an index into the blocks; `None` if it lies in static memory.
    from: Option<usize>,
    /// The word's offset in that block, or its address.
    at: u32,
    /// The block that it points to.
    to: usize,
    /// How far into that block it points.
    offset: u32,
}

/// A word that points to a block, while both blocks are indices into all blocks.
type Edge = (Option<usize>, u32, usize, u32);

impl References {
    /// The references at the end of a first run. `None` if not all of the test's own blocks are reached, or if some of them are
    /// reached from anything but static memory and other blocks: then the second run is needed up to its end. So it is if
    /// there are too many words to be looked at again and again.
    pub fn of_retained(picture: &Picture) -> Option<Self> {
        let is_plain = picture.only_live && picture.stack.is_empty() && picture.stacks.is_empty();
        if !is_plain || picture.foundation != 0 {
            return None;
        }
        let reached = plain(picture);
        if picture.blocks.iter().zip(&reached).any(|(block, reached)| block.own && !reached) {
            return None;
        }
        let edges = edges(picture, &reached)?;
        let holds = leading_to_own(picture.blocks, &edges);
        let from_globals = picture.globals.iter().flat_map(|&word| targets(picture.blocks, word));
        if from_globals.into_iter().any(|(index, _)| holds[index]) {
            return None;
        }
        let mut chosen: Vec<usize> = (0..picture.blocks.len()).filter(|index| holds[*index]).collect();
        chosen.sort_unstable_by_key(|index| picture.blocks[*index].number);
        let mut position = vec![0; picture.blocks.len()];
        chosen.iter().enumerate().for_each(|(at, index)| position[*index] = at);
        let words = edges.into_iter().filter(|(_, _, to, _)| holds[*to]).map(|(from, at, to, offset)| Reference {
            from: from.map(|index| position[index]),
            at,
            to: position[to],
            offset,
        });
        let block = |index: &usize| (picture.blocks[*index].number, picture.blocks[*index].size);
        Some(Self { words: words.collect(), blocks: chosen.iter().map(block).collect() })
    }

    /// Whether another run has all of these blocks now, and each of the words points to the same place of the same block.
    fn are_in(&self, live: impl Iterator<Item = Block>, memory: &[u8]) -> bool {
        let mut starts = vec![None; self.blocks.len()];
        for block in live {
            if let Ok(at) = self.blocks.binary_search(&(block.number, block.size)) {
                starts[at] = Some(block.ptr);
            }
        }
        let Some(starts) = starts.into_iter().collect::<Option<Vec<u32>>>() else { return false };
        self.words.iter().all(|word| {
            let at = u64::from(word.from.map_or(0, |from| starts[from])) + u64::from(word.at);
            let target = u64::from(starts[word.to]) + u64::from(word.offset);
            word_at(memory, at as usize).is_some_and(|word| u64::from(word) == target)
        })
    }

    /// The number of the last of the blocks.
    fn last(&self) -> u64 {
        self.blocks.last().map_or(0, |(number, _)| *number)
    }
}

/// All words of roots and of reached blocks that point to a block; `None` if there are too many.
fn edges(picture: &Picture, reached: &[bool]) -> Option<Vec<Edge>> {
    let roots = picture.roots.iter().map(|root| (None, root.start, u64::from(root.end)));
    let blocks = picture.blocks.iter().enumerate().filter(|(index, _)| reached[*index]);
    let blocks = blocks.map(|(index, block)| (Some(index), block.ptr, end(block)));
    let (lowest, highest) = (picture.blocks.first()?.ptr, picture.blocks.last().map_or(0, end));
    let mut edges = Vec::new();
    for (from, start, end) in roots.chain(blocks) {
        let first = u64::from(start).next_multiple_of(4);
        let bytes = picture.memory.from(first);
        let bytes = &bytes[..bytes.len().min(end.saturating_sub(first) as usize)];
        for (nth, bytes) in bytes.chunks_exact(4).enumerate() {
            let Some(word) = word_at(bytes, 0).filter(|word| *word >= lowest && u64::from(*word) <= highest) else {
                continue;
            };
            let at = (first + 4 * nth as u64 - if from.is_some() { u64::from(start) } else { 0 }) as u32;
            edges.extend(targets(picture.blocks, word).map(|(to, offset)| (from, at, to, offset)));
            if edges.len() > MOST_WORDS {
                return None;
            }
        }
    }
    Some(edges)
}

/// The blocks that a word points to, and how far into each.
fn targets(blocks: &[Block], word: u32) -> impl Iterator<Item = (usize, u32)> {
    let after = blocks.partition_point(|block| block.ptr <= word);
    let nearest = [after.checked_sub(1), after.checked_sub(2)].into_iter().flatten();
    nearest.map(move |index| (index, word - blocks[index].ptr)).filter(|(index, offset)| *offset <= blocks[*index].size)
}

/// For each block, whether it is the test's own, or leads to one that is.
fn leading_to_own(blocks: &[Block], edges: &[Edge]) -> Vec<bool> {
    let mut holders: Vec<(usize, usize)> = edges.iter().filter_map(|(from, _, to, _)| Some((*to, (*from)?))).collect();
    holders.sort_unstable();
    holders.dedup();
    let mut leads: Vec<bool> = blocks.iter().map(|block| block.own).collect();
    let mut pending: Vec<usize> = (0..blocks.len()).filter(|index| leads[*index]).collect();
    while let Some(held) = pending.pop() {
        let first = holders.partition_point(|(to, _)| *to < held);
        for (_, holder) in holders[first..].iter().take_while(|(to, _)| *to == held) {
            if !std::mem::replace(&mut leads[*holder], true) {
                pending.push(*holder);
            }
        }
    }
    leads
}

/// Looks, at some of the allocator calls of a second run, whether it has shown all that it was done for.
#[derive(Debug, Clone)]
pub struct Lookout {
    references: References,
    /// The points of the first run at which is looked.
    points: Vec<Trace>,
    /// How many of them are over.
    passed: usize,
    /// Up to so many allocator calls it is not looked again.
    rests_until: u64,
}

/// A look goes through all live blocks. So after one that was in vain, as many allocator calls have to come as there are
/// blocks and words, divided by this: what all looks cost stays a part of what the calls cost.
const LOOKED_AT_PER_CALL: usize = 4;

impl Lookout {
    /// A lookout for a second run. `trail` is the first run's.
    pub fn new(references: References, trail: &Trail) -> Self {
        Self { references, points: trail.points().to_vec(), passed: 0, rests_until: 0 }
    }

    /// Whether the second run, which did what `now` says, has shown all: at the same call it did the same as the first, and
    /// each of the references is a pointer in it. `numbered` is how many blocks it allocated, `live` are those that are live,
    /// and `memory` is its memory.
    pub fn has_seen_all<I: Iterator<Item = Block>>(
        &mut self,
        now: Trace,
        numbered: u64,
        live: impl FnOnce() -> I,
        memory: &[u8],
    ) -> bool {
        let Some(next) = self.points[self.passed..].iter().position(|point| point.events >= now.events) else {
            return false;
        };
        self.passed += next;
        let point = self.points[self.passed];
        if point.events != now.events {
            return false;
        }
        self.passed += 1;
        if point != now {
            // It went another way. Only its end can say how.
            self.passed = self.points.len();
            return false;
        }
        if numbered < self.references.last() || now.events < self.rests_until {
            return false;
        }
        let mut looked_at = self.references.words.len();
        let seen = self.references.are_in(live().inspect(|_| looked_at += 1), memory);
        self.rests_until = now.events + (looked_at / LOOKED_AT_PER_CALL) as u64;
        seen
    }
}
