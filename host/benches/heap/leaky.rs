//! A program that does ordinary work on the heap, and loses blocks at several places. It is built for wasm and natively:
//! what is lost has the same size on both, so every lost block is of bytes or of integers of fixed width.
//!
//! It says on its standard error what it lost, as it counts it itself: `lost BLOCKS blocks, BYTES bytes`.

use std::alloc::{Layout, alloc, alloc_zeroed};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;

/// What was lost so far.
#[derive(Default)]
struct Lost {
    blocks: usize,
    bytes: usize,
}

impl Lost {
    fn block(&mut self, bytes: usize) {
        self.blocks += 1;
        self.bytes += bytes;
    }
}

/// A block that points to another, as wide on both.
#[repr(C, align(8))]
struct Node {
    next: Link,
    payload: [u64; 6],
}

#[repr(C, align(8))]
union Link {
    to: *mut Node,
    _width: u64,
}

impl Node {
    fn boxed(to: *mut Node) -> *mut Node {
        Box::into_raw(Box::new(Node { next: Link { to }, payload: [7; 6] }))
    }
}

/// Words, from a generator of numbers.
fn text(state: &mut u32, words: usize) -> String {
    let mut text = String::new();
    for _ in 0..words {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        write!(text, "{}{:x} ", ["key", "a-longer-name", "v"][(*state >> 29) as usize % 3], *state >> 20).unwrap();
    }
    text
}

/// Splits a text, counts its words and writes them down in order: many small blocks, all freed.
fn ordinary_work(state: &mut u32) -> usize {
    let text = text(state, 400);
    let mut places: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (place, word) in text.split_whitespace().enumerate() {
        places.entry(word.to_owned()).or_default().push(place as u32);
    }
    let mut lines: Vec<String> = places.iter().map(|(word, places)| format!("{word}: {places:?}")).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
    lines.join("\n").len()
}

/// A vector of bytes.
#[inline(never)]
fn loses_a_vector(round: usize, lost: &mut Lost) {
    let bytes = 100 + round % 50;
    std::mem::forget(black_box(vec![1_u8; bytes]));
    lost.block(bytes);
}

/// A block that only another lost block points to.
#[inline(never)]
fn loses_a_pair(lost: &mut Lost) {
    black_box(Node::boxed(Node::boxed(std::ptr::null_mut())));
    lost.block(size_of::<Node>());
    lost.block(size_of::<Node>());
}

/// Two blocks that point to each other.
#[inline(never)]
fn loses_a_cycle(lost: &mut Lost) {
    let one = Node::boxed(std::ptr::null_mut());
    let other = Node::boxed(one);
    // SAFETY: It was just made, and nothing else uses it.
    unsafe { (*one).next.to = other };
    black_box((one, other));
    lost.block(size_of::<Node>());
    lost.block(size_of::<Node>());
}

/// A string that grew by reallocation.
#[inline(never)]
fn loses_a_grown_string(round: usize, lost: &mut Lost) {
    let mut grown = String::new();
    for _ in 0..10 + round % 30 {
        grown.push_str(black_box("grows "));
    }
    lost.block(grown.capacity());
    std::mem::forget(black_box(grown));
}

/// A block that is aligned to more than `malloc` gives.
#[inline(never)]
fn loses_an_aligned_block(lost: &mut Lost) {
    let layout = Layout::from_size_align(192, 64).unwrap();
    // SAFETY: The size is not 0.
    black_box(unsafe { alloc(layout) });
    lost.block(192);
}

/// A block of zeroes.
#[inline(never)]
fn loses_zeroes(lost: &mut Lost) {
    let layout = Layout::from_size_align(1000, 8).unwrap();
    // SAFETY: The size is not 0.
    black_box(unsafe { alloc_zeroed(layout) });
    lost.block(1000);
}

/// So many rounds, of which every tenth loses blocks, but the last ones none: they use the stack and registers again, where
/// pointers to lost blocks may be left over.
pub fn run(rounds: usize) {
    let mut lost = Lost::default();
    let mut state = 1;
    for round in 0..rounds {
        black_box(ordinary_work(&mut state));
        if round % 10 == 0 {
            loses_a_vector(round, &mut lost);
            loses_a_pair(&mut lost);
            loses_a_cycle(&mut lost);
            loses_a_grown_string(round, &mut lost);
            loses_an_aligned_block(&mut lost);
            loses_zeroes(&mut lost);
        }
    }
    eprintln!("lost {} blocks, {} bytes", lost.blocks, lost.bytes);
}
