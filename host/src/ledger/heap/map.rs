//! The map from pointers to blocks: a hash table with open addressing.
//!
//! A freed block stays in its slot, marked, until the table is full. So freeing is one look-up, a new block at the same address
//! is another, and a pointer that is freed twice can be told from one that never was a block's.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// The most live blocks that a book keeps: its table takes up to 128 MiB. With more, the heap is not tracked.
pub const MAX_LIVE_BLOCKS: usize = 4 << 20;

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
    /// The blocks of a set-up, which all maps share that begin with them. What has a slot here has taken the place of one there.
    below: Option<Arc<Map>>,
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

    /// The same blocks, which copies of this map share from here on: a copy costs what is entered in it, and not what is there now.
    pub(super) fn share(&mut self) {
        if let Some(below) = self.below.take() {
            // One table below is enough: what was below is entered here.
            let rest = below.entered().filter(|slot| self.own(slot.ptr).is_none()).collect::<Vec<_>>();
            rest.into_iter().for_each(|slot| self.put(slot));
        }
        if !self.slots.is_empty() {
            let live = self.live;
            let below = Arc::new(std::mem::take(self));
            *self = Self { live, below: Some(below), ..Self::default() };
        }
    }

    /// Enters a live block. Returns false, and changes nothing, where another live block has its address.
    #[inline]
    pub(super) fn insert(&mut self, block: Block) -> bool {
        if self.below.is_some() && matches!(self.get(block.ptr), PointerState::Live(_)) {
            return false;
        }
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
        if ptr != 0 && !self.slots.is_empty() {
            let index = self.find(ptr);
            let slot = &mut self.slots[index];
            let known = slot.known();
            if let PointerState::Live(_) = known {
                slot.marked |= FREED;
                self.live -= 1;
            }
            if slot.ptr != 0 || self.below.is_none() {
                return known;
            }
        }
        self.free_below(ptr)
    }

    /// Frees a block of the table below.
    fn free_below(&mut self, ptr: u32) -> PointerState {
        let known = self.below.as_ref().map_or(PointerState::Unknown, |below| below.get(ptr));
        if let PointerState::Live(block) = known {
            let own = if block.own { OWN } else { 0 };
            self.put(Slot { ptr, size: block.size, marked: block.number | own | FREED });
            self.live -= 1;
        }
        known
    }

    /// What is known of an address.
    #[inline]
    pub(super) fn get(&self, ptr: u32) -> PointerState {
        match (self.own(ptr), &self.below) {
            _ if ptr == 0 => PointerState::Unknown,
            (Some(slot), _) => slot.known(),
            (None, Some(below)) => below.get(ptr),
            (None, None) => PointerState::Unknown,
        }
    }

    /// From here on, no block that there is was the test's own.
    pub(super) fn disown(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.marked &= !OWN);
        if let Some(below) = &mut self.below {
            Arc::make_mut(below).disown();
        }
    }

    /// All live blocks, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Block> {
        let below = self.below.iter().flat_map(|below| below.entered());
        let below = below.filter(|slot| self.own(slot.ptr).is_none());
        self.entered().chain(below).filter(Slot::is_live).map(|slot| slot.block())
    }

    /// The slots that are taken in this table.
    fn entered(&self) -> impl Iterator<Item = Slot> {
        self.slots.iter().filter(|slot| slot.ptr != 0).copied()
    }

    /// The slot of an address in this table.
    #[inline]
    fn own(&self, ptr: u32) -> Option<&Slot> {
        if self.slots.is_empty() {
            return None;
        }
        Some(&self.slots[self.find(ptr)]).filter(|slot| slot.ptr != 0)
    }

    /// Sets the slot of an address.
    fn put(&mut self, slot: Slot) {
        if self.room == 0 {
            self.make_room();
        }
        let index = self.find(slot.ptr);
        self.room -= usize::from(self.slots[index].ptr == 0);
        self.slots[index] = slot;
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

    /// Forgets what was freed, but where the table below still has it as live. Doubles the table where what is left takes three
    /// quarters of its room. The most blocks that a book allows take less than that of a table of 128 MiB, so that none is larger;
    /// with a table below, as many freed ones may come to them.
    #[cold]
    fn make_room(&mut self) {
        if self.slots.is_empty() {
            let state = RandomState::new();
            self.keys = (state.hash_one(0), state.hash_one(1) | 1);
        }
        let is_live_below =
            |ptr| self.below.as_ref().is_some_and(|below| matches!(below.get(ptr), PointerState::Live(_)));
        let kept: Vec<Slot> = self.entered().filter(|slot| slot.is_live() || is_live_below(slot.ptr)).collect();
        let len = self.slots.len();
        let len = if kept.len() >= room(len) / 4 * 3 { (len * 2).max(FIRST) } else { len };
        self.slots = vec![Slot::default(); len];
        self.room = room(len) - kept.len();
        for slot in kept {
            let index = self.find(slot.ptr);
            self.slots[index] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(ptr: u32, number: u64) -> Block {
        Block { ptr, size: ptr % 100, number, own: ptr.is_multiple_of(3) }
    }

    proptest! {
        /// A copy of a map that is shared says what a copy of all of it would say, and leaves the others as they are.
        #[test]
        fn a_copy_of_a_shared_map_is_as_good_as_one_of_its_own(
            before in prop::collection::vec((1..3000_u32, any::<bool>()), 0..3000),
            after in prop::collection::vec((1..3000_u32, any::<bool>()), 0..6000),
            twice: bool,
        ) {
            let step = |map: &mut Map, number: usize, (ptr, frees): (u32, bool)| {
                if frees {
                    return map.free(ptr);
                }
                let known = map.get(ptr);
                assert_eq!(map.insert(block(ptr, number as u64)), !matches!(known, PointerState::Live(_)));
                known
            };
            let is_live = |known: &PointerState| matches!(known, PointerState::Live(_));
            let mut whole = Map::default();
            for (number, one) in before.iter().enumerate() {
                step(&mut whole, number, *one);
            }
            let mut shared = whole.clone();
            shared.share();
            if twice {
                shared.insert(block(5000, 1 << 40));
                whole.insert(block(5000, 1 << 40));
                shared.share();
            }
            let mut copy = shared.clone();
            for (number, one) in after.iter().enumerate() {
                let number = before.len() + number;
                let (one, other) = (step(&mut whole, number, *one), step(&mut copy, number, *one));
                // What is known of what was freed depends on when a table was full.
                prop_assert_eq!(is_live(&one), is_live(&other));
                prop_assert!(!is_live(&one) || one == other);
            }
            let sorted = |map: &Map| {
                let mut all: Vec<_> = map.iter().collect();
                all.sort();
                all
            };
            prop_assert_eq!(sorted(&whole), sorted(&copy));
            prop_assert_eq!((whole.live(), sorted(&copy).len()), (copy.live(), copy.live()));
            whole.disown();
            copy.disown();
            prop_assert_eq!(sorted(&whole), sorted(&copy));
            prop_assert_eq!(sorted(&shared).len(), shared.live());
        }
    }
}
