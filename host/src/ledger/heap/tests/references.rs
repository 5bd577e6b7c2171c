use crate::ledger::ScopeId;
use crate::ledger::heap::keepers::{KeptBlocks, kept};
use crate::ledger::heap::reach::{Lookout, MemoryComparison, Picture, References};
use crate::ledger::heap::sites::PlacedBlock;
use crate::ledger::heap::{Block, Parts, Trace, Trail};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::ops::Range;

const ROOTS: [Range<u32>; 1] = [16..48];
const DISTANCE: u32 = 500;

/// One of two runs that ended with the same blocks.
#[derive(Debug, Clone)]
struct RunEnd {
    memory: Vec<u8>,
    blocks: Vec<Block>,
    globals: Vec<u32>,
}

impl RunEnd {
    fn picture(&self) -> Picture<'_> {
        Picture {
            memory: Parts::whole(&self.memory),
            blocks: &self.blocks,
            roots: &ROOTS,
            stack: 0..0,
            stacks: &[],
            only_live: true,
            globals: &self.globals,
            foundation: 0,
        }
    }
}

/// What a word holds.
#[derive(Debug, Clone, Copy)]
enum Word {
    Nothing,
    /// A pointer to this block, so far into it.
    Pointer(usize, u32),
    /// The address that the block has in the first run, as a number.
    Number(usize),
    /// A pointer in the first run, and nothing in the second.
    OnceAPointer(usize),
}

/// Blocks of so many words, whether each is the test's own, and what is in the words of the roots and of the blocks.
type World = (Vec<(u32, bool)>, Vec<Word>);

fn world() -> impl Strategy<Value = World> {
    let blocks = prop::collection::vec((1_u32..4, any::<bool>()), 1..6);
    blocks.prop_flat_map(|blocks| {
        let count = blocks.len();
        let words = 8 + blocks.iter().map(|(words, _)| *words as usize).sum::<usize>();
        let word = prop_oneof![
            8 => Just(Word::Nothing),
            8 => (0..count, 0_u32..9).prop_map(|(block, offset)| Word::Pointer(block, offset)),
            1 => (0..count).prop_map(Word::Number),
            1 => (0..count).prop_map(Word::OnceAPointer),
        ];
        (Just(blocks), prop::collection::vec(word, words))
    })
}

/// The ends of both runs.
fn ends((blocks, words): &World) -> [RunEnd; 2] {
    [0, DISTANCE].map(|moved| {
        let mut at = 100 + moved;
        let mut all = Vec::new();
        for (number, (words, own)) in (1..).zip(blocks) {
            all.push(Block { ptr: at, size: words * 4, number, own: *own });
            // Some blocks meet.
            at += words * 4 + 8 * u32::from(number % 2 == 0);
        }
        let mut memory = vec![0; 1024];
        let of_blocks = all.iter().flat_map(|block| (0..block.size / 4).map(|nth| block.ptr + 4 * nth));
        let places: Vec<u32> = (16..48).step_by(4).chain(of_blocks).collect();
        for (place, word) in places.into_iter().zip(words) {
            let word = match *word {
                Word::Nothing => 0,
                Word::Pointer(block, offset) => all[block].ptr + offset.min(all[block].size),
                Word::Number(block) => all[block].ptr - moved,
                Word::OnceAPointer(block) => {
                    if moved == 0 {
                        all[block].ptr
                    } else {
                        0
                    }
                }
            };
            memory[place as usize..][..4].copy_from_slice(&word.to_le_bytes());
        }
        RunEnd { memory, blocks: all, globals: Vec::new() }
    })
}

/// What a report says of retained blocks: for each word of static data, which blocks it keeps.
fn told(comparison: &MemoryComparison<'_, '_>, first: &RunEnd) -> Vec<KeptBlocks> {
    let reached = comparison.reached();
    let among: Vec<usize> = (0..reached.len()).filter(|index| reached[*index]).collect();
    let placed = |index: &usize| {
        let block = first.blocks[*index];
        block.own.then_some(PlacedBlock { block, place: *index as u32, depth: None, scope: ScopeId::TEST })
    };
    let placed: Vec<_> = among.iter().map(placed).collect();
    kept(&placed, &comparison.holding(&among), &comparison.root_words(&among))
}

fn trail(points: impl IntoIterator<Item = Trace>) -> Trail {
    let mut trail = Trail::default();
    points.into_iter().for_each(|point| trail.add(point));
    trail
}

fn has_seen_all(first: &RunEnd, second: &RunEnd) -> Option<bool> {
    let now = Trace { events: 1, hash: 7 };
    let mut lookout = Lookout::new(References::of_retained(&first.picture())?, &trail([now]));
    let live = || second.blocks.iter().copied();
    Some(lookout.has_seen_all(now, second.blocks.len() as u64, live, &second.memory))
}

/// Where the lookout says that all was seen, the first run compared with itself tells the same as both runs compared.
#[test]
fn what_is_told_early_is_what_both_runs_tell() {
    let (mut runner, strategy) = (TestRunner::deterministic(), world());
    let (mut seen, mut not_seen) = (0, 0);
    for _ in 0..20_000 {
        let world = strategy.new_tree(&mut runner).unwrap().current();
        let [first, second] = ends(&world);
        let (here, there) = (first.picture(), second.picture());
        let both = MemoryComparison::new(&here, &there).unwrap();
        let own_reached =
            first.blocks.iter().zip(both.reached()).filter(|(block, _)| block.own).all(|(_, reached)| reached);
        if has_seen_all(&first, &second) == Some(true) {
            seen += u32::from(first.blocks.iter().any(|block| block.own));
            assert!(own_reached, "{world:?}");
            let alone = MemoryComparison::new(&here, &here).unwrap();
            assert_eq!(told(&alone, &first), told(&both, &first), "{world:?}");
        } else {
            not_seen += u32::from(own_reached);
        }
    }
    assert!(seen > 500 && not_seen > 500, "{seen} {not_seen}");
}

fn retained() -> [RunEnd; 2] {
    // A static word points to the first block, and that to the second.
    let words = [Word::Nothing, Word::Pointer(0, 4)].into_iter().chain([Word::Nothing; 6]);
    let words = words.chain([Word::Nothing, Word::Pointer(1, 0), Word::Nothing]);
    ends(&(vec![(2, true), (1, true)], words.collect()))
}

#[test]
fn all_is_seen_once_each_word_is_a_pointer() {
    let [first, second] = retained();
    assert_eq!(has_seen_all(&first, &second), Some(true));
    for word in [20, 100 + DISTANCE + 4] {
        let mut later = second.clone();
        later.memory[word as usize..][..4].fill(0);
        assert_eq!(has_seen_all(&first, &later), Some(false), "{word}");
    }
    let mut without = second.clone();
    without.blocks.pop();
    assert_eq!(has_seen_all(&first, &without), Some(false), "a block is not there yet");
    let mut others = second.clone();
    others.blocks[1].size += 1;
    assert_eq!(has_seen_all(&first, &others), Some(false), "it is another block");
}

#[test]
fn what_is_lost_or_reached_otherwise_needs_the_end() {
    let [first, second] = retained();
    let mut lost = first.clone();
    lost.memory[20..24].fill(0);
    assert_eq!(has_seen_all(&lost, &second), None);
    let mut by_global = first.clone();
    by_global.globals.push(first.blocks[1].ptr);
    assert_eq!(has_seen_all(&by_global, &second), None);
    let picture = first.picture();
    for other in [
        Picture { only_live: false, ..picture.clone() },
        Picture { stack: 200..204, ..picture.clone() },
        Picture { foundation: 1, ..picture.clone() },
    ] {
        assert_eq!(References::of_retained(&other), None);
    }
}

#[test]
fn it_is_looked_only_where_both_runs_are_known_to_have_done_the_same() {
    let [first, second] = retained();
    let at = |events, hash| Trace { events, hash };
    let references = References::of_retained(&first.picture()).unwrap();
    let new = || Lookout::new(references.clone(), &trail([at(1, 10), at(2, 20), at(3, 30)]));
    let look =
        |lookout: &mut Lookout, now| lookout.has_seen_all(now, 2, || second.blocks.iter().copied(), &second.memory);
    assert!(look(&mut new(), at(1, 10)) && look(&mut new(), at(3, 30)));
    assert!(!look(&mut new(), at(4, 40)), "the first run was over");
    let mut other_way = new();
    assert!(!look(&mut other_way, at(2, 21)) && !look(&mut other_way, at(3, 30)), "it went another way");
    let mut waits = new();
    assert!(!waits.has_seen_all(at(1, 10), 1, || second.blocks.iter().copied(), &second.memory), "not all are made");
    assert!(look(&mut waits, at(2, 20)));
}

/// A look goes through all live blocks: with many, it is looked less often.
#[test]
fn looks_in_vain_do_not_add_up() {
    let [first, second] = retained();
    let references = References::of_retained(&first.picture()).unwrap();
    let at = |events| Trace { events, hash: events };
    let looks = |others: u64| {
        let mut lookout = Lookout::new(references.clone(), &trail((1..=200).map(at)));
        let mut looks = 0;
        for events in 1..=200 {
            let live = || {
                looks += 1;
                (0..others).map(|nth| Block { ptr: 4096, size: 8, number: 100 + nth, own: true })
            };
            assert!(!lookout.has_seen_all(at(events), 2, live, &second.memory));
        }
        looks
    };
    assert_eq!([looks(0), looks(40), looks(4000)], [200, 20, 1]);
}

/// A heap full of pointers is not looked through again and again.
#[test]
fn too_many_words_are_not_kept() {
    let words = 70_000_u32;
    let block = Block { ptr: 64, size: words * 4, number: 1, own: true };
    let mut memory = vec![0; 64 + block.size as usize];
    memory[16..].chunks_exact_mut(4).for_each(|word| word.copy_from_slice(&64_u32.to_le_bytes()));
    let end = RunEnd { memory, blocks: vec![block], globals: Vec::new() };
    assert_eq!(References::of_retained(&end.picture()), None);
}
