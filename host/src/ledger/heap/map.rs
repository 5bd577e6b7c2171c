//! The map from pointers to blocks: a hash table with open addressing.
//!
//! A freed block stays in its slot, marked, until the table is full. So freeing is one look-up, a new block at the same address
//! is another, and a pointer that is freed twice can be told from one that never was a block's.

use std::hash::{BuildHasher, RandomState};

/// A block of the heap, live or freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    /// The address of its first byte.
    pub ptr: u32,
    /// The size that was asked for, in bytes.
    pub size: u32,
    /// The number of the allocation or reallocation that it comes from. They are counted together, from 1, over the whole run.
    pub number: u64,
    /// Whether it is the test's own. Blocks of its harness and of libc are not.
    pub own: bool,
}

/// Marks of a [`Slot`] that share a word with the number.
const OWN: u64 = 1 << 63;
const FREED: u64 = 1 << 62;

/// An address that is or was that of a block. The slot is empty where `ptr` is 0. It takes 16 bytes, since the marks share a
/// word with the number.
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
    /// It is the address of this block, which was freed.
    Freed(Block),
    Unknown,
}

/// Live blocks, and some that were freed.
#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    /// Their number is a power of two; there are none before the first block.
    slots: Vec<Slot>,
    /// How many empty slots may be taken until the table has to be cleaned or enlarged.
    room: usize,
    live: usize,
    /// Random, so that a guest cannot choose addresses that collide. Nothing that is reported depends on them.
    keys: (u64, u64),
}

/// Slots of the first table, which takes 16 KiB. It forgets what was freed when 512 addresses are in it.
const FIRST: usize = 1024;

/// From so many slots on, which take 64 MiB, a table is filled to three quarters, and not to a half as smaller ones are.
const LARGE: usize = 4 << 20;

/// How many slots of a table of this size may be taken.
fn room(slots: usize) -> usize {
    if slots < LARGE { slots / 2 } else { slots / 4 * 3 }
}

impl Map {
    /// How many blocks are live.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// Enters a live block. Returns false, and changes nothing, where another live block has its address.
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

    /// Frees the block at an address. Gives what the address was before.
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

    /// From here on, no block that there is was the test's own.
    pub(super) fn disown(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.marked &= !OWN);
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

    /// Forgets what was freed. Doubles the table where live blocks alone take three quarters of its room. The most blocks that a
    /// book allows take less than that of a table of 128 MiB, so that none is larger.
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
