use crate::ledger::heap::reach::{MemoryComparison, Mismatch, Picture, changed, joined, plain, without};
use crate::ledger::heap::{Block, Parts};
use proptest::prelude::*;
use std::ops::Range;

const ROOTS: [Range<u32>; 1] = [16..48];

/// A memory with blocks in it.
#[derive(Debug, Clone, Default)]
struct TestHeap {
    memory: Vec<u8>,
    blocks: Vec<Block>,
    globals: Vec<u32>,
}

impl TestHeap {
    /// Blocks at addresses, numbered from 1 by their place in the list.
    fn new(blocks: &[(u32, u32)]) -> Self {
        let block = |(&(ptr, size), number)| Block { ptr, size, number, own: true };
        Self { memory: vec![0; 1024], blocks: blocks.iter().zip(1..).map(block).collect(), globals: Vec::new() }
    }

    fn put(mut self, at: u32, word: u32) -> Self {
        self.memory[at as usize..][..4].copy_from_slice(&word.to_le_bytes());
        self
    }

    fn picture<'m>(&'m self, roots: &'m [Range<u32>]) -> Picture<'m> {
        Picture {
            stacks: &[],
            memory: Parts::whole(&self.memory),
            blocks: &self.blocks,
            roots,
            stack: 0..0,
            only_live: false,
            globals: &self.globals,
            foundation: 0,
        }
    }

    fn plain(&self) -> Vec<bool> {
        let reached = plain(&self.picture(&ROOTS));
        assert_eq!(agreed(&self.picture(&ROOTS), &self.picture(&ROOTS)), Ok(reached.clone()), "with itself");
        reached
    }

    fn agreed(&self, second: &TestHeap) -> Result<Vec<bool>, Mismatch> {
        agreed(&self.picture(&ROOTS), &second.picture(&ROOTS))
    }
}

fn agreed(first: &Picture, second: &Picture) -> Result<Vec<bool>, Mismatch> {
    Ok(MemoryComparison::new(first, second)?.reached())
}

/// For each block, which blocks it holds.
fn held(first: &TestHeap, second: &TestHeap) -> Vec<Vec<u32>> {
    let (first, second) = (first.picture(&ROOTS), second.picture(&ROOTS));
    let among: Vec<usize> = (0..first.blocks.len()).collect();
    let holding = MemoryComparison::new(&first, &second).unwrap().holding(&among);
    among.iter().map(|block| holding.targets(*block).to_vec()).collect()
}

#[test]
fn a_block_is_reached_from_start_to_one_past_its_end() {
    for (word, reached) in [(99, false), (100, true), (105, true), (110, true), (111, false), (u32::MAX, false)] {
        assert_eq!(TestHeap::new(&[(100, 10)]).put(16, word).plain(), [reached], "{word}");
    }
    for (word, reached) in [(99, false), (100, true), (101, false)] {
        assert_eq!(TestHeap::new(&[(100, 0)]).put(16, word).plain(), [reached], "{word}, of no bytes");
    }
}

#[test]
fn the_stack_of_running_functions_is_a_root_wherever_it_lies() {
    let here = TestHeap::new(&[(500, 10), (600, 10)]).put(200, 500).put(204, 600);
    let there = TestHeap::new(&[(700, 10), (800, 10)]).put(304, 700).put(308, 600);
    let (here, there) = (here.picture(&[]), there.picture(&[]));
    assert_eq!(plain(&here), [false, false]);
    let [here, there] = [(here, 200..208), (there, 304..312)].map(|(picture, stack)| Picture { stack, ..picture });
    assert_eq!(plain(&here), [true, true]);
    assert_eq!(agreed(&here, &there), Ok(vec![true, false]), "an integer is the same");
    let deeper = Picture { stack: 300..312, ..there };
    assert_eq!(agreed(&here, &deeper), Err(Mismatch::Stack { first: 8, second: 12 }));
}

#[test]
fn where_two_blocks_meet_both_are_reached() {
    let world = TestHeap::new(&[(100, 8), (108, 8), (116, 8)]);
    assert_eq!(world.clone().put(16, 108).plain(), [true, true, false]);
    assert_eq!(world.put(16, 109).plain(), [false, true, false]);
}

#[test]
fn only_aligned_words_of_the_roots_count() {
    let world = TestHeap::new(&[(100, 8)]);
    assert_eq!(world.clone().put(44, 100).plain(), [true]);
    assert_eq!(world.clone().put(48, 100).plain(), [false], "past the root");
    assert_eq!(world.clone().put(12, 100).plain(), [false], "before it");
    assert_eq!(world.clone().put(18, 100).plain(), [false], "unaligned");
    let world = world.put(16, 100);
    assert_eq!(plain(&world.picture(&[17..48])), [false], "begins within the word");
    assert_eq!(plain(&world.picture(&[0..19])), [false], "ends within the word");
}

#[test]
fn globals_are_roots() {
    let world = TestHeap { globals: vec![7, 104], ..TestHeap::new(&[(100, 8)]) };
    assert_eq!(world.plain(), [true]);
    let moved = TestHeap { globals: vec![104, 7], ..world.clone() };
    assert_eq!(world.agreed(&moved), Ok(vec![false]), "by its place");
    let fewer = TestHeap { globals: vec![7], ..world.clone() };
    assert_eq!(world.agreed(&fewer), Err(Mismatch::Globals { first: 2, second: 1 }));
}

#[test]
fn chains_are_reached_and_cycles_are_lost() {
    let world = TestHeap::new(&[(100, 8), (120, 8), (140, 8), (160, 8), (180, 8)]);
    let world = world.put(20, 104).put(100, 144).put(140, 100);
    let world = world.put(120, 160).put(160, 120).put(164, 180);
    assert_eq!(world.plain(), [true, false, true, false, false]);
}

#[test]
fn a_pointer_at_the_last_bytes_of_a_block_counts_only_if_it_is_whole() {
    let world = TestHeap::new(&[(102, 10), (200, 8)]).put(16, 102);
    assert_eq!(world.clone().put(108, 200).plain(), [true, true]);
    assert_eq!(world.clone().put(100, 200).plain(), [true, false], "begins before the block");
    let short = TestHeap { blocks: vec![Block { size: 9, ..world.blocks[0] }, world.blocks[1]], ..world };
    assert_eq!(short.put(108, 200).plain(), [true, false], "ends after the block");
}

#[test]
fn freed_memory_is_not_looked_at() {
    let world = TestHeap::new(&[(100, 8), (200, 8)]).put(16, 100).put(16 + 4, 300).put(300, 200);
    assert_eq!(world.plain(), [true, false]);
}

#[test]
fn an_integer_does_not_move_with_the_heap() {
    let first = TestHeap::new(&[(100, 400), (600, 8)]).put(16, 300).put(20, 600);
    let second = TestHeap::new(&[(132, 400), (632, 8)]).put(16, 300).put(20, 632);
    assert_eq!(first.plain(), [true, true]);
    assert_eq!(first.agreed(&second), Ok(vec![false, true]));
    let second = second.put(16, 331);
    assert_eq!(first.agreed(&second), Ok(vec![false, true]), "another offset");
    let second = second.put(16, 332);
    assert_eq!(first.agreed(&second), Ok(vec![true, true]), "the same offset");
}

#[test]
fn words_within_blocks_are_compared_too() {
    let first = TestHeap::new(&[(100, 8), (200, 8), (300, 8)]).put(16, 100).put(100, 200).put(104, 300);
    let second = TestHeap::new(&[(150, 8), (250, 8), (350, 8)]).put(16, 150).put(150, 250).put(154, 300);
    assert_eq!(first.agreed(&second), Ok(vec![true, true, false]));
}

/// Pointers move within a block from run to run, as in a table that is keyed by addresses.
#[test]
fn a_pointer_may_be_elsewhere_in_the_second_run() {
    let blocks = [(100, 16), (200, 8), (300, 8)];
    let moved = blocks.map(|(ptr, size)| (ptr + 32, size));
    let (first, second) = (TestHeap::new(&blocks).put(16, 100), TestHeap::new(&moved).put(16, 132));
    let first = first.put(100, 200).put(204, 300);
    assert_eq!(first.agreed(&second.clone().put(140, 232).put(236, 332)), Ok(vec![true; 3]));
    assert_eq!(first.agreed(&second.clone().put(140, 232).put(144, 332)), Ok(vec![true; 3]), "in another block");
    let integers = second.clone().put(132, 200).put(140, 232);
    assert_eq!(first.agreed(&integers), Ok(vec![true, false, false]), "what stays in its place is no pointer");
    assert_eq!(first.agreed(&second.put(140, 231)), Ok(vec![true, false, false]), "another offset");
    let (lost, moved) = (TestHeap::new(&blocks).put(100, 200), TestHeap::new(&moved).put(140, 232));
    assert_eq!(lost.agreed(&moved), Ok(vec![false; 3]), "nothing reaches it");
    assert_eq!(lost.put(16, 200).agreed(&moved.put(20, 232)), Ok(vec![false; 3]), "in static data");
}

#[test]
fn what_is_left_of_freed_blocks_reaches_nothing() {
    // A ring of two; in the first run, a block that is in use holds an old pointer to one of them.
    let first = TestHeap::new(&[(100, 16), (200, 8), (300, 8)]).put(16, 100).put(200, 300).put(300, 200);
    let second = TestHeap::new(&[(132, 16), (232, 8), (332, 8)]).put(16, 132).put(232, 332).put(332, 232);
    assert_eq!(first.clone().put(104, 200).agreed(&second), Ok(vec![true, false, false]));
    assert_eq!(
        first.clone().agreed(&second.clone().put(136, 232)),
        Ok(vec![true, false, false]),
        "nor in the second run"
    );
    assert_eq!(first.put(104, 200).agreed(&second.put(140, 332)), Ok(vec![true; 3]), "a pointer to either holds both");
}

#[test]
fn a_block_holds_what_it_points_to_in_both_runs() {
    let blocks = [(100, 16), (200, 8), (300, 8)];
    let moved = blocks.map(|(ptr, size)| (ptr + 32, size));
    let (first, second) = (TestHeap::new(&blocks), TestHeap::new(&moved));
    let first = first.put(100, 204).put(104, 300).put(200, 100).put(304, 7);
    let second = second.put(132, 236).put(136, 300).put(232, 132).put(336, 7);
    assert_eq!(held(&first, &second), [vec![1], vec![0], vec![]], "an integer is the same");
    // As in a table that is keyed by addresses.
    let (first, second) = (first.put(108, 308).put(112, 0), second.put(140, 0).put(144, 340));
    assert_eq!(held(&first, &second)[0], [1, 2]);
    assert_eq!(held(&first, &second.clone().put(144, 339))[0], [1], "another place of it");
    assert_eq!(held(&first, &second.put(144, 0))[0], [1], "in one run alone");
    let pictures = [&first, &first].map(|world| world.picture(&ROOTS));
    let holding = MemoryComparison::new(&pictures[0], &pictures[1]).unwrap().holding(&[2, 1]);
    assert_eq!(
        (holding.len(), holding.targets(0), holding.targets(1)),
        (2, &[][..], &[][..]),
        "only some are asked for"
    );
    assert_eq!(holding.first_words(0), Some([0, 7]));
}

#[test]
fn a_tree_may_have_another_root_in_the_second_run() {
    // The root is the one whose address is hashed to the least number, the other hangs below it.
    let first = TestHeap::new(&[(200, 8), (300, 8)]).put(16, 200).put(200, 300);
    let second = TestHeap::new(&[(232, 8), (332, 8)]).put(16, 332).put(336, 232);
    let live = |world: &TestHeap, other: &TestHeap| {
        let [world, other] = [world, other].map(|world| Picture { only_live: true, ..world.picture(&ROOTS) });
        agreed(&world, &other)
    };
    assert_eq!(live(&first, &second), Ok(vec![true; 2]));
    assert_eq!(live(&first, &second.put(336, 0)), Ok(vec![false; 2]), "in the second run, nothing reaches the other");
}

#[test]
fn blocks_match_by_number_wherever_they_are() {
    let first = TestHeap::new(&[(100, 8), (200, 4)]).put(16, 200);
    let mut second = TestHeap::new(&[(500, 8), (300, 4)]).put(16, 300);
    second.blocks.reverse();
    assert_eq!(first.agreed(&second), Ok(vec![false, true]));
}

#[test]
fn where_blocks_meet_in_one_run_only_the_other_tells() {
    let first = TestHeap::new(&[(100, 8), (108, 8)]).put(16, 108);
    let second = TestHeap::new(&[(100, 8), (120, 8)]);
    assert_eq!(first.agreed(&second.clone().put(16, 108)), Ok(vec![true, false]));
    assert_eq!(first.agreed(&second.put(16, 120)), Ok(vec![false, true]));
}

#[test]
fn only_what_is_a_root_in_both_runs_is_one() {
    let world = TestHeap::new(&[(100, 8), (200, 8), (300, 8)]).put(16, 100).put(20, 200).put(24, 300);
    let second = world.picture(&[20..24, 28..96]);
    assert_eq!(agreed(&world.picture(&[16..28]), &second), Ok(vec![false, true, false]));
}

#[test]
fn runs_with_other_blocks_cannot_be_compared() {
    let world = TestHeap::new(&[(100, 8), (200, 8)]);
    let second = TestHeap::new(&[(100, 8)]);
    let differs = world.agreed(&second).expect_err("fewer");
    assert_eq!(differs.to_string(), "it ended with 1 live blocks, the first with 2");
    let differs = world.agreed(&TestHeap::new(&[(100, 8), (200, 9)])).expect_err("larger");
    assert_eq!(differs.to_string(), "allocation 2 was of 9 bytes, in the first run of 8");
    let mut second = world.clone();
    second.blocks[1].number = 7;
    let differs = world.agreed(&second).expect_err("another");
    assert_eq!(differs.to_string(), "allocation 2 was not live at its end");
}

#[test]
fn hostile_pictures_are_clipped() {
    let hostile = TestHeap::new(&[(100, u32::MAX), (1020, 100), (u32::MAX, u32::MAX)]);
    let hostile = TestHeap { globals: vec![1020, u32::MAX], ..hostile };
    let roots = [1000..u32::MAX, 5000..6000, u32::MAX - 1..u32::MAX, 0..u32::MAX];
    let picture = hostile.picture(&roots);
    assert_eq!(plain(&picture), [true, true, true]);
    let nothing = Picture { memory: Parts::whole(&[]), ..picture.clone() };
    assert_eq!(agreed(&picture, &nothing), Err(Mismatch::Static));
    assert_eq!(agreed(&nothing, &nothing).map(|reached| reached.len()), Ok(3));
    assert!(plain(&TestHeap::default().picture(&roots)).is_empty());
}

#[test]
fn parts_of_a_memory_are_as_good_as_the_whole() {
    let world = TestHeap::new(&[(100, 8), (120, 8), (140, 0), (160, 8)]).put(16, 100).put(100, 124).put(120, 140);
    let ranges = [16..48, 100..108, 120..128, 140..140, 160..168];
    let bytes: Vec<u8> = ranges.iter().flat_map(|range| &world.memory[range.start..range.end]).copied().collect();
    let ranges = ranges.map(|range| range.start as u64..range.end as u64);
    let parts = Picture { memory: Parts::copied(&ranges, &bytes), ..world.picture(&ROOTS) };
    assert_eq!(world.plain(), [true, true, true, false]);
    assert_eq!(plain(&parts), world.plain());
    assert_eq!(agreed(&parts, &world.picture(&ROOTS)), Ok(world.plain()));
    assert_eq!(agreed(&world.picture(&ROOTS), &parts), Ok(world.plain()));
    let wider = [8..48];
    assert_eq!(agreed(&world.picture(&wider), &Picture { roots: &wider, ..parts.clone() }), Err(Mismatch::Static));
    assert_eq!(parts.memory.from(15), [0_u8; 0]);
    assert_eq!(parts.memory.from(40), [0; 8]);
    assert_eq!(parts.memory.from(108), [0_u8; 0]);
}

#[test]
fn holes_are_cut_out() {
    let cut = |holes: &[Range<u32>]| without(&[10..20, 30..40], holes);
    assert_eq!(cut(&[]), [10..20, 30..40]);
    assert_eq!(cut(&[12..14]), [10..12, 14..20, 30..40]);
    assert_eq!(cut(&[35..50, 15..32]), [10..15, 32..35]);
    assert_eq!(cut(&[0..u32::MAX]), []);
    assert_eq!(cut(&[10..12, 18..20, 11..13, 5..5, 38..38]), [13..18, 30..40]);
}

/// All words that differ.
fn words(before: &[u8], after: &[u8], base: u32) -> Vec<Range<u32>> {
    changed(before, after, base, usize::MAX).expect("they are never too many")
}

#[test]
fn changes_are_whole_words_and_joined() {
    let before = vec![0; 4096];
    let mut after = before.clone();
    for at in [5, 16, 2000, 4095] {
        after[at] = 1;
    }
    assert_eq!(words(&before, &after, 1024), [1028..1032, 1040..1044, 3024..3028, 5116..5120]);
    assert_eq!(joined(&words(&before, &after, 1024), 7).len(), 4);
    assert_eq!(joined(&words(&before, &after, 1024), 8), [1028..1044, 3024..3028, 5116..5120]);
    assert_eq!(joined(&words(&before, &after, 1024), u32::MAX), [1028..5120]);
    assert_eq!(words(&before, &before, 1024), []);
    assert_eq!(words(&before, &before[..4000], 0), [4000..4096], "what only one has");
    let top = words(&before, &after, u32::MAX - 31);
    assert_eq!(top[..2], [u32::MAX - 27..u32::MAX - 23, u32::MAX - 15..u32::MAX - 11], "the rest cannot be named");
    let most = |most| changed(&before, &after, 0, most).map(|words| words.len());
    assert_eq!((most(4), most(3)), (Some(4), None), "more places than are wanted");
}

/// What a word of the generated heap is.
#[derive(Debug, Clone)]
enum Word {
    /// A pointer: the index of a block, and an offset into it; both are taken modulo what there is.
    Pointer(usize, u32),
    /// An integer, which is the same in both runs.
    Integer(u32),
    /// An integer that is the address of a block in the first run, and the same integer in the second run.
    Lookalike(usize, u32),
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        2 => (any::<usize>(), any::<u32>()).prop_map(|(to, at)| Word::Pointer(to, at)),
        1 => (0_u32..2048).prop_map(Word::Integer),
        1 => (any::<usize>(), any::<u32>()).prop_map(|(to, at)| Word::Lookalike(to, at)),
    ]
}

/// Sizes and gaps of blocks, what is in each, what is in the roots and in the globals.
type HeapGraph = (Vec<(u32, u32, Vec<Word>)>, Vec<Word>, Vec<Word>);

fn graph(gaps: Range<u32>) -> impl Strategy<Value = HeapGraph> {
    let words = |most| proptest::collection::vec(word(), 0..most);
    let block = (0_u32..40, gaps, words(4));
    (proptest::collection::vec(block, 1..12), words(5), words(2))
}

/// Lays a graph out with its heap at `base`; `other` is where it is in the run in which look-alikes look like pointers.
fn lay_out((blocks, roots, globals): &HeapGraph, base: u32, other: u32) -> TestHeap {
    let mut at = base;
    let places = blocks.iter().map(|(size, gap, _)| {
        let place = (at, *size);
        // Two live blocks never have one address.
        at += (size + gap).max(1);
        place
    });
    let mut world = TestHeap::new(&places.collect::<Vec<_>>());
    let targets = world.blocks.clone();
    let value = |word: &Word| {
        let address = |to: usize, offset: u32| {
            let block = targets[to % targets.len()];
            block.ptr + offset % (block.size + 1)
        };
        match *word {
            Word::Pointer(to, offset) => address(to, offset),
            Word::Integer(value) => value,
            Word::Lookalike(to, offset) => address(to, offset) - base + other,
        }
    };
    for (word, at) in roots.iter().zip((16..48).step_by(4)) {
        world = world.put(at, value(word));
    }
    for (block, (_, _, words)) in targets.iter().zip(blocks) {
        let start = block.ptr.next_multiple_of(4);
        for (word, at) in words.iter().zip((start..).step_by(4)) {
            if at + 4 <= block.ptr + block.size {
                world = world.put(at, value(word));
            }
        }
    }
    world.globals = globals.iter().map(value).collect();
    world
}

fn read(memory: &[u8], at: u32) -> u32 {
    u32::from_le_bytes(memory[at as usize..][..4].try_into().expect("four bytes"))
}

/// The reached blocks, found by searching everything again until nothing changes.
fn naive(first: &TestHeap, second: &TestHeap) -> Vec<bool> {
    let mut reached = vec![false; first.blocks.len()];
    let points = |words: (u32, u32), to: usize| {
        let (here, there) = (first.blocks[to], second.blocks[to]);
        (0..=here.size).any(|offset| words == (here.ptr + offset, there.ptr + offset))
    };
    let aligned = |from: u32, to: u32| (from..to.saturating_sub(3)).filter(|at| at % 4 == 0);
    loop {
        let mut words: Vec<_> = first.globals.iter().copied().zip(second.globals.iter().copied()).collect();
        words.extend(aligned(16, 48).map(|at| (read(&first.memory, at), read(&second.memory, at))));
        for (index, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
            let (here, there) = (first.blocks[index], second.blocks[index]);
            let word = |at| (read(&first.memory, at), read(&second.memory, at - here.ptr + there.ptr));
            words.extend(aligned(here.ptr, here.ptr + here.size).map(word));
        }
        let next: Vec<_> = (0..reached.len()).map(|to| words.iter().any(|&words| points(words, to))).collect();
        if next == reached {
            return reached;
        }
        reached = next;
    }
}

/// The reached blocks according to the graph that was laid out, whatever the memory looks like.
fn by_design((blocks, roots, globals): &HeapGraph, first: &TestHeap) -> Vec<bool> {
    let mut reached = vec![false; blocks.len()];
    let mut pending: Vec<&Word> = roots.iter().chain(globals).collect();
    while let Some(word) = pending.pop() {
        let &Word::Pointer(to, _) = word else { continue };
        let to = to % blocks.len();
        if !std::mem::replace(&mut reached[to], true) {
            let Block { ptr, size, .. } = first.blocks[to];
            let room = (ptr + size).saturating_sub(ptr.next_multiple_of(4)) / 4;
            pending.extend(blocks[to].2.iter().take(room as usize));
        }
    }
    reached
}

proptest! {
    #[test]
    fn plain_agrees_with_looking_at_everything(graph in graph(0..9), base in 64_u32..200) {
        let world = lay_out(&graph, base, base);
        prop_assert_eq!(world.plain(), naive(&world, &world));
    }

    #[test]
    fn agreed_agrees_with_looking_at_everything(graph in graph(0..9), base in 64_u32..200, shift in 1_u32..64) {
        let (first, second) = (lay_out(&graph, base, base), lay_out(&graph, base + shift, base));
        prop_assert_eq!(first.agreed(&second), Ok(naive(&first, &second)));
        let both = first.plain().into_iter().zip(first.agreed(&second).expect("the same blocks"));
        prop_assert!(both.into_iter().all(|(plain, agreed)| plain || !agreed), "never more than plain");
    }

    /// If the blocks lie at different addresses in the two runs, pointers are told from integers exactly.
    #[test]
    fn agreed_finds_the_graph_itself(graph in graph(1..9), base in 64_u32..200, shift in 1_u32..16) {
        let (first, second) = (lay_out(&graph, base, base), lay_out(&graph, base + shift * 4, base));
        prop_assert_eq!(first.agreed(&second), Ok(by_design(&graph, &first)));
    }

    #[test]
    fn cutting_and_changing_agree_with_looking_at_each_byte(
        roots in proptest::collection::vec((0_u32..60, 0_u32..60), 0..6),
        holes in proptest::collection::vec((0_u32..60, 0_u32..60), 0..6),
    ) {
        let ranges = |pairs: &[(u32, u32)]| pairs.iter().map(|&(start, end)| start..end).collect::<Vec<_>>();
        let (roots, holes) = (ranges(&roots), ranges(&holes));
        let within = |ranges: &[Range<u32>], at: u32| ranges.iter().any(|range| range.contains(&at));
        let left = without(&roots, &holes);
        for at in 0..64 {
            prop_assert_eq!(within(&left, at), within(&roots, at) && !within(&holes, at), "{}", at);
        }
    }

    #[test]
    fn changes_are_found(bytes in proptest::collection::vec(any::<bool>(), 0..3000), flips in proptest::collection::vec(any::<prop::sample::Index>(), 0..20), join in 0_u32..40) {
        let before: Vec<u8> = bytes.iter().map(|&bit| u8::from(bit)).collect();
        let mut after = before.clone();
        for flip in flips.iter().filter(|_| !before.is_empty()) {
            after[flip.index(before.len())] ^= 2;
        }
        let ranges = joined(&words(&before, &after, 4), join);
        for at in 0..before.len() {
            if before[at] != after[at] {
                prop_assert!(ranges.iter().any(|range| range.contains(&(at as u32 + 4))));
            }
        }
        prop_assert!(ranges.windows(2).all(|pair| pair[0].end + join < pair[1].start));
        prop_assert!(ranges.iter().all(|range| range.start % 4 == 0 && range.end <= before.len() as u32 + 4));
    }
}

#[test]
fn what_one_run_alone_keeps_in_static_data_is_seen() {
    let check = |first: &TestHeap, second: &TestHeap| {
        let [first, second] = [first, second].map(|heap| Picture { only_live: true, ..heap.picture(&ROOTS) });
        let comparison = MemoryComparison::new(&first, &second).unwrap();
        comparison.check_stored(&comparison.reached())
    };
    let (here, there) = (|| TestHeap::new(&[(100, 10), (200, 10)]), || TestHeap::new(&[(300, 10), (400, 10)]));
    let stored = |number| Err(Mismatch::Stored { number });
    assert_eq!(check(&here().put(16, 200), &there()), stored(2));
    assert_eq!(check(&here(), &there().put(20, 300)), stored(1));
    assert_eq!(check(&here().put(16, 200), &there().put(16, 400)), Ok(()), "it is reached");
    assert_eq!(check(&here().put(16, 200), &there().put(16, 200)), Ok(()), "it is a number");
    assert_eq!(check(&here().put(16, 204), &there()), Ok(()), "it points to no block's start");
    assert_eq!(check(&here().put(500, 200), &there()), Ok(()), "it is not in static data");
}
