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

    fn known(&self) -> PointerState {
        match self.ptr {
            0 => PointerState::Unknown,
            _ if self.is_live() => PointerState::Live(self.block()),
            _ => PointerState::Freed(self.block()),
        }
    }
}

/// What is known of a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PointerState {
    Live(Block),
    /// It was this block, and was freed since.
    Freed(Block),
    Unknown,
}

/// Live blocks, and some that were freed.
#[derive(Debug, Default)]
pub(super) struct Map {
    /// A power of two of them, or none before the first block.
    slots: Vec<Slot>,
    /// How many more may be taken before there is to be more room.
    room: usize,
    live: usize,
    /// Random, lest a guest choose addresses that collide. Nothing that is reported depends on it.
    keys: (u64, u64),
}

/// Slots of the first table: 16 KiB. What was freed is forgotten at 512 addresses.
const FIRST: usize = 1024;

/// Slots of a table that is filled more densely than smaller ones: 64 MiB.
const LARGE: usize = 4 << 20;

/// How many slots of a table may be taken.
fn room(slots: usize) -> usize {
    if slots < LARGE { slots / 2 } else { slots / 4 * 3 }
}

impl Map {
    /// Live blocks.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// Enters a live block. Returns false, and changes nothing, where its address is that of another.
    #[inline]
    pub(super) fn insert(&mut self, block: Block) -> bool {
        if self.room == 0 {
            self.make_room();
        }
        let index = self.find(block.ptr);
        let slot = &mut self.slots[index];
        if slot.is_live() {
            return false;
        }
        if slot.ptr == 0 {
            self.room -= 1;
        }
        self.live += 1;
        let own = if block.own { OWN } else { 0 };
        *slot = Slot { ptr: block.ptr, size: block.size, marked: block.number | own };
        true
    }

    /// Frees the block at an address. What is returned is what it was before.
    #[inline]
    pub(super) fn free(&mut self, ptr: u32) -> PointerState {
        if ptr == 0 || self.slots.is_empty() {
            return PointerState::Unknown;
        }
        let index = self.find(ptr);
        let known = self.slots[index].known();
        if let PointerState::Live(_) = known {
            self.slots[index].marked |= FREED;
            self.live -= 1;
        }
        known
    }

    /// What is known of an address.
    pub(super) fn get(&self, ptr: u32) -> PointerState {
        if ptr == 0 || self.slots.is_empty() {
            return PointerState::Unknown;
        }
        self.slots[self.find(ptr)].known()
    }

    /// All live blocks, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Block> {
        self.slots.iter().filter(|slot| slot.is_live()).map(Slot::block)
    }

    /// The slot of an address, or the empty one where it would be. There always is an empty one.
    #[inline]
    fn find(&self, ptr: u32) -> usize {
        let product = u128::from(u64::from(ptr) ^ self.keys.0) * u128::from(self.keys.1);
        let mask = self.slots.len() - 1;
        let mut index = (product as u64 ^ (product >> 64) as u64) as usize & mask;
        while self.slots[index].ptr != ptr && self.slots[index].ptr != 0 {
            index = (index + 1) & mask;
        }
        index
    }

    /// Forgets what was freed, and doubles the table where live blocks alone take three quarters of its room: the most that
    /// a book allows stay below that in a table of 128 MiB.
    #[cold]
    fn make_room(&mut self) {
        if self.slots.is_empty() {
            let state = RandomState::new();
            self.keys = (state.hash_one(0), state.hash_one(1) | 1);
        }
        let len = self.slots.len();
        let len = if self.live >= room(len) / 4 * 3 { (len * 2).max(FIRST) } else { len };
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); len]);
        for slot in old.into_iter().filter(Slot::is_live) {
            let index = self.find(slot.ptr);
            self.slots[index] = slot;
        }
        self.room = room(len) - self.live;
    }
}
