//! The book against a simple model: random calls to a toy allocator.

use crate::ledger::heap::error::BadFreeKind;
use crate::ledger::heap::{AllocationOutcome, AllocatorCall, Block, Figures, HeapBook, HeapLimits};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;

const MEMORY: u32 = 1 << 14;

#[derive(Debug, Clone)]
enum BookStep {
    /// A new block by one of the functions that make one.
    Allocate {
        how: u8,
        size: u32,
        fails: bool,
        noise: bool,
    },
    Realloc {
        which: Index,
        size: u32,
        fails: bool,
        noise: bool,
    },
    Free {
        which: Index,
        noise: bool,
    },
    /// A `free` or `realloc` of a pointer that is not a block's address.
    Bad {
        at: u32,
        freed: Index,
        realloc: bool,
    },
    /// The host's window opens or closes.
    HostWindow(bool),
    /// A window or a libc function is entered.
    Enter {
        window: bool,
    },
    /// The window or libc function that was entered last is left.
    Leave,
    /// A trap.
    Unwind,
}

fn step() -> impl Strategy<Value = BookStep> {
    let size = || prop_oneof![0_u32..4, 0_u32..300];
    prop_oneof![
        8 => (0_u8..5, size(), prop::bool::weighted(0.1), any::<bool>())
            .prop_map(|(how, size, fails, noise)| BookStep::Allocate { how, size, fails, noise }),
        4 => (any::<Index>(), size(), prop::bool::weighted(0.2), any::<bool>())
            .prop_map(|(which, size, fails, noise)| BookStep::Realloc { which, size, fails, noise }),
        6 => (any::<Index>(), any::<bool>()).prop_map(|(which, noise)| BookStep::Free { which, noise }),
        2 => (1..MEMORY, any::<Index>(), any::<bool>()).prop_map(|(at, freed, realloc)| BookStep::Bad { at, freed, realloc }),
        1 => any::<bool>().prop_map(BookStep::HostWindow),
        2 => any::<bool>().prop_map(|window| BookStep::Enter { window }),
        2 => Just(BookStep::Leave),
        1 => Just(BookStep::Unwind),
    ]
}

/// What the book should say, computed in the simplest way.
#[derive(Debug, Default)]
struct BookModel {
    base: u32,
    memory: Vec<u8>,
    live: BTreeMap<u32, Block>,
    freed: BTreeMap<u32, Block>,
    host_window: bool,
    entered: Vec<bool>,
    number: u64,
    figures: Figures,
    /// Whether an allocation ever failed for want of memory.
    full: bool,
}

impl BookModel {
    fn own(&self) -> bool {
        (self.host_window || self.entered.contains(&true)) && !self.entered.contains(&false)
    }

    /// The lowest place where a block fits between the others, or 0.
    fn place(&mut self, size: u32) -> u32 {
        let mut at = self.base;
        for block in self.live.values() {
            if at + size.max(1) <= block.ptr {
                break;
            }
            at = (block.ptr + block.size.max(1)).next_multiple_of(8);
        }
        let full = at + size > MEMORY;
        self.full |= full;
        if full { 0 } else { at }
    }

    fn remove(&mut self, ptr: u32) -> Block {
        let block = self.live.remove(&ptr).expect("a live block");
        self.freed.insert(ptr, block);
        block
    }

    fn add(&mut self, ptr: u32, size: u32, own: bool) -> AllocationOutcome {
        self.number += 1;
        let number = self.number;
        self.live.insert(ptr, Block { ptr, size, number, own });
        self.freed.remove(&ptr);
        let mine = || self.live.values().filter(|block| block.own);
        self.figures.live_blocks = mine().count() as u64;
        self.figures.live_bytes = mine().map(|block| u64::from(block.size)).sum();
        self.figures.peak = self.figures.peak.max(self.figures.live_bytes);
        self.figures.total += if own { u64::from(size) } else { 0 };
        AllocationOutcome::Allocated { number, size, own, crossed: None }
    }

    /// A block was asked for, whether or not there was one.
    fn asked(&mut self, size: u32, own: bool) {
        if own {
            self.figures.largest = self.figures.largest.max(size.into());
        }
    }

    fn check(&self, book: &mut HeapBook) {
        let mine = || self.live.values().filter(|block| block.own);
        let live_blocks = mine().count() as u64;
        let live_bytes = mine().map(|block| u64::from(block.size)).sum();
        assert_eq!(book.figures(), Ok(Figures { live_blocks, live_bytes, ..self.figures }));
        assert_eq!(book.blocks(), Ok(self.live.values().copied().collect()));
        assert_eq!(book.window_open(), self.host_window || self.entered.contains(&true));
    }
}

/// Calls that a function of the allocator makes for itself.
fn noise(book: &mut HeapBook) {
    for call in [
        AllocatorCall::Malloc { size: 9 },
        AllocatorCall::Libc,
        AllocatorCall::Free { ptr: 77 },
        AllocatorCall::Realloc { ptr: 5, size: 0 },
    ] {
        book.enter(call).expect("not looked at");
    }
    for _ in 0..4 {
        assert_eq!(book.leave(64, &[]), AllocationOutcome::Nothing);
    }
}

fn allocate(how: u8, size: u32, fails: bool, noisy: bool, book: &mut HeapBook, model: &mut BookModel) {
    let call = match how {
        0 => AllocatorCall::Malloc { size },
        1 => AllocatorCall::Calloc { count: 1, size },
        2 => AllocatorCall::Realloc { ptr: 0, size },
        3 => AllocatorCall::Aligned { align: 8, size },
        _ => AllocatorCall::PosixMemalign { to: 8, align: 8, size },
    };
    let ptr = if fails { 0 } else { model.place(size) };
    book.enter(call).expect("always in order");
    if noisy {
        noise(book);
    }
    let by_store = matches!(call, AllocatorCall::PosixMemalign { .. });
    model.memory[8..12].copy_from_slice(&ptr.to_le_bytes());
    let result = if by_store { u32::from(ptr == 0) } else { ptr };
    let left = book.leave(result, &model.memory);
    let own = model.own();
    model.figures.allocations += u64::from(own && ptr != 0);
    model.asked(size, own);
    assert_eq!(left, if ptr == 0 { AllocationOutcome::Nothing } else { model.add(ptr, size, own) });
}

fn reallocate(old: Block, size: u32, fails: bool, noisy: bool, book: &mut HeapBook, model: &mut BookModel) {
    model.live.remove(&old.ptr);
    let ptr = if fails { 0 } else { model.place(size) };
    model.live.insert(old.ptr, old);
    if ptr == 0 && size == 0 {
        // Ambiguous: a test of its own.
        return;
    }
    book.enter(AllocatorCall::Realloc { ptr: old.ptr, size }).expect("a live block");
    if noisy {
        noise(book);
    }
    let left = book.leave(ptr, &model.memory);
    let own = model.own() || old.own;
    model.asked(size, own);
    if ptr == 0 {
        assert_eq!(left, AllocationOutcome::Nothing);
        return;
    }
    model.remove(old.ptr);
    model.figures.reallocations += u64::from(own);
    assert_eq!(left, model.add(ptr, size, own));
}

fn free(block: Block, noisy: bool, book: &mut HeapBook, model: &mut BookModel) {
    let call = AllocatorCall::Free { ptr: block.ptr };
    book.enter(call).expect("a live block");
    if noisy {
        book.enter(call).expect("the same event");
        assert_eq!(book.leave(0, &model.memory), AllocationOutcome::Nothing);
    }
    assert_eq!(book.leave(0, &model.memory), AllocationOutcome::Nothing);
    model.remove(block.ptr);
    model.figures.frees += u64::from(block.own);
}

fn bad(ptr: u32, realloc: bool, book: &mut HeapBook, model: &BookModel) {
    if model.live.contains_key(&ptr) {
        return;
    }
    let around = model.live.values().find(|block| block.ptr < ptr && ptr < block.ptr + block.size);
    let kind = match (model.freed.get(&ptr), around) {
        (_, Some(&Block { ptr: start, size, number, .. })) => BadFreeKind::Inside { ptr, start, size, number },
        (Some(&Block { number, size, .. }), None) => BadFreeKind::Double { number, size },
        (None, None) => BadFreeKind::Unknown,
    };
    let call = if realloc { AllocatorCall::Realloc { ptr, size: 1 } } else { AllocatorCall::Free { ptr } };
    let refused = book.enter(call).expect_err("no live block");
    assert_eq!((refused.ptr, refused.realloc, refused.kind), (ptr, realloc, kind));
    assert_eq!(book.leave(0, &model.memory), AllocationOutcome::Nothing);
}

fn apply(step: &BookStep, book: &mut HeapBook, model: &mut BookModel) {
    let live: Vec<Block> = model.live.values().copied().collect();
    let pick = |which: &Index| (!live.is_empty()).then(|| *which.get(&live));
    match *step {
        BookStep::Allocate { how, size, fails, noise } => allocate(how, size, fails, noise, book, model),
        BookStep::Realloc { ref which, size, fails, noise } => {
            if let Some(old) = pick(which) {
                reallocate(old, size, fails, noise, book, model);
            }
        }
        BookStep::Free { ref which, noise } => {
            if let Some(block) = pick(which) {
                free(block, noise, book, model);
            }
        }
        BookStep::Bad { at, ref freed, realloc } => {
            let freed_before: Vec<u32> = model.freed.keys().copied().collect();
            let ptr = if freed_before.is_empty() || at % 2 == 0 { at } else { *freed.get(&freed_before) };
            bad(ptr, realloc, book, model);
        }
        BookStep::HostWindow(open) => {
            if open {
                book.open_window();
            } else {
                book.close_window();
            }
            model.host_window = open;
        }
        BookStep::Enter { window } => {
            book.enter(if window { AllocatorCall::Window } else { AllocatorCall::Libc }).expect("always in order");
            model.entered.push(window);
        }
        BookStep::Leave => {
            assert_eq!(book.leave(0, &model.memory), AllocationOutcome::Nothing);
            model.entered.pop();
        }
        BookStep::Unwind => {
            book.enter(AllocatorCall::Malloc { size: 8 }).expect("always in order");
            book.unwind();
            model.entered.clear();
        }
    }
}

proptest! {
    /// After any sequence of calls, the book agrees with the model, about each call and about the sums.
    #[test]
    fn the_book_agrees_with_a_model(steps in proptest::collection::vec(step(), 0..200)) {
        let mut book = HeapBook::new(HeapLimits::default());
        let mut model = BookModel { base: 16, memory: vec![0; MEMORY as usize], ..BookModel::default() };
        for step in &steps {
            apply(step, &mut book, &mut model);
            model.check(&mut book);
        }
    }

    /// Where the heap lies makes no difference to the trace.
    #[test]
    fn the_trace_does_not_depend_on_addresses(steps in proptest::collection::vec(step(), 0..60), shift in 1_u32..100) {
        let trace = |base| {
            let mut book = HeapBook::new(HeapLimits::default());
            let mut model = BookModel { base, memory: vec![0; MEMORY as usize], ..BookModel::default() };
            for step in steps.iter().filter(|step| !matches!(step, BookStep::Bad { .. })) {
                apply(step, &mut book, &mut model);
            }
            (book.trace(), model.full)
        };
        let (first, second) = (trace(16), trace(16 + 8 * shift));
        prop_assume!(!first.1 && !second.1);
        prop_assert_eq!(first.0, second.0);
    }
}
