//! The map from pointers to blocks: open addressing, with freed blocks left in their slots until the table is full, which
//! makes a free one look-up, a reuse of the address another, and tells a double free from a wild one.

use std::hash::{BuildHasher, RandomState};

/// A block of the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    /// Its address.
    pub ptr: u32,
    /// The size that was asked for, in bytes.
    pub size: u32,
    /// The number of the allocation or reallocation that it comes from: these are counted from 1 over the whole run.
    pub number: u64,
    /// Whether it is the test's own, not its harness's or libc's.
    pub own: bool,
}

/// Marks of a [`Slot`] that share a word with the number.
const OWN: u64 = 1 << 63;
const FREED: u64 = 1 << 62;

/// An address that is or was a block's; 16 bytes, which is why the marks are where they are. Empty where `ptr` is 0.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    ptr: u32,
    size: u32,
    marked: u64,
}

impl Slot {
    fn block(&self) -> Block {
        let number = self.marked & !(OWN | FREED);
        Block { ptr: self.ptr, size: self.size, number, own: self.marked & OWN != 0 }
    }

    fn is_live(&self) -> bool {
        self.ptr != 0 && self.marked & FREED == 0
    }
}

/// What is known of a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Live(Block),
    /// It was this block, and was freed since.
    Freed(Block),
    Unknown,
}

/// Live blocks, and some that were freed.
#[derive(Debug, Default)]
pub(super) struct Map {
    /// A power of two of them, or none before the first block. Never more than three quarters are in use.
    slots: Vec<Slot>,
    used: usize,
    live: usize,
    /// Random, lest a guest choose addresses that collide. Nothing that is reported depends on it.
    keys: (u64, u64),
}

/// Slots of the first table: 16 KiB. What was freed is forgotten at 768 addresses.
const FIRST: usize = 1024;

impl Map {
    /// Live blocks.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// Enters a live block. Returns false, and changes nothing, where its address is that of another.
    pub(super) fn insert(&mut self, block: Block) -> bool {
        if self.used >= self.slots.len() / 4 * 3 {
            self.make_room();
        }
        let index = self.find(block.ptr);
        let slot = &mut self.slots[index];
        if slot.is_live() {
            return false;
        }
        self.used += usize::from(slot.ptr == 0);
        self.live += 1;
        let own = if block.own { OWN } else { 0 };
        *slot = Slot { ptr: block.ptr, size: block.size, marked: block.number | own };
        true
    }

    /// Frees the block at an address. What was known is what it was before.
    pub(super) fn free(&mut self, ptr: u32) -> Known {
        let known = self.get(ptr);
        if let Known::Live(_) = known {
            let index = self.find(ptr);
            self.slots[index].marked |= FREED;
            self.live -= 1;
        }
        known
    }

    /// What is known of an address.
    pub(super) fn get(&self, ptr: u32) -> Known {
        if ptr == 0 || self.slots.is_empty() {
            return Known::Unknown;
        }
        let slot = self.slots[self.find(ptr)];
        match slot.ptr {
            0 => Known::Unknown,
            _ if slot.is_live() => Known::Live(slot.block()),
            _ => Known::Freed(slot.block()),
        }
    }

    /// All live blocks, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Block> {
        self.slots.iter().filter(|slot| slot.is_live()).map(Slot::block)
    }

    /// The slot of an address, or the empty one where it would be. There always is an empty one.
    fn find(&self, ptr: u32) -> usize {
        let product = u128::from(u64::from(ptr) ^ self.keys.0) * u128::from(self.keys.1);
        let mask = self.slots.len() - 1;
        let mut index = (product as u64 ^ (product >> 64) as u64) as usize & mask;
        while self.slots[index].ptr != ptr && self.slots[index].ptr != 0 {
            index = (index + 1) & mask;
        }
        index
    }

    /// Forgets what was freed, and doubles the table where live blocks alone fill five eighths of it: the most blocks that
    /// the book allows stay below that in a table of 128 MiB.
    #[cold]
    fn make_room(&mut self) {
        if self.slots.is_empty() {
            let state = RandomState::new();
            self.keys = (state.hash_one(0), state.hash_one(1) | 1);
        }
        let full = self.live >= self.slots.len() / 8 * 5;
        let len = if full { (self.slots.len() * 2).max(FIRST) } else { self.slots.len() };
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); len]);
        for slot in old.into_iter().filter(Slot::is_live) {
            let index = self.find(slot.ptr);
            self.slots[index] = slot;
        }
        self.used = self.live;
    }
}
