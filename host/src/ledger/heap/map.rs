//! The map from pointers to blocks: a hash table with open addressing.
//!
//! A freed block stays in its slot, with a mark, until the table is full. So freeing is one look-up, and so is a new block at
//! the same address; and a pointer that is freed twice can be told from one that was never the address of a block.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// The most live blocks that a book keeps; its table then takes up to 128 MiB. With more blocks, the heap is not tracked.
pub const MAX_LIVE_BLOCKS: usize = 4 << 20;

/// A block of the heap, live or freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    /// The address of its first byte.
    pub ptr: u32,
    /// The size that was asked for, in bytes.
    pub size: u32,
    /// The number of the allocation or reallocation that it comes from. Both are counted together, from 1, over the whole run.
    pub number: u64,
    /// Whether it is the test's own. Blocks of its harness and of libc are not.
    pub own: bool,
}

/// Marks of a [`Slot`], in the two highest bits of the word that holds the block's number.
const OWN: u64 = 1 << 63;
const FREED: u64 = 1 << 62;

/// An entry for an address that is, or was, the address of a block. It is empty if `ptr` is 0. Since the marks share a word
/// with the number, it takes 16 bytes.
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
    /// It was the address of this block, which was freed.
    Freed(Block),
    Unknown,
}

/// Live blocks, and some that were freed.
#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    /// The slots; a power of two of them, or none before the first block.
    slots: Vec<Slot>,
    /// How many more empty slots may be taken before the table has to be cleaned or enlarged.
    room: usize,
    live: usize,
    /// Random, so that a guest cannot choose addresses that collide. Nothing that is reported depends on them.
    keys: (u64, u64),
    /// The blocks of a set-up, shared by all maps that begin with them. A slot of this map overrides the slot of the same
    /// address there.
    below: Option<Arc<Map>>,
}

/// How many slots the first table has; it takes 16 KiB. When it has 512 addresses, it forgets the freed blocks.
const FIRST: usize = 1024;

/// A table of so many slots (64 MiB) or more is filled to three quarters; a smaller one to a half.
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

    /// From here on, copies of this map share the blocks that it has now. So a copy costs only the blocks that are entered in
    /// it later.
    pub(super) fn share(&mut self) {
        if let Some(below) = self.below.take() {
            // There is at most one table below: the slots of the old one are entered here first.
            let rest = below.entered().filter(|slot| self.own(slot.ptr).is_none()).collect::<Vec<_>>();
            rest.into_iter().for_each(|slot| self.put(slot));
        }
        if !self.slots.is_empty() {
            let live = self.live;
            let below = Arc::new(std::mem::take(self));
            *self = Self { live, below: Some(below), ..Self::default() };
        }
    }

    /// Enters a live block. Returns false, and changes nothing, if another live block has the same address.
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

    /// Frees the block at an address. Returns what was known of the address before.
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

    /// From here on, none of the blocks in the map is the test's own.
    pub(super) fn disown(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.marked &= !OWN);
        if let Some(below) = &mut self.below {
            Arc::make_mut(below).disown();
        }
    }

    /// All live blocks, in no particular order.
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

    /// The index of an address's slot, or of the empty slot where it would be entered. There always is an empty slot.
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

    /// Makes room for more addresses. Freed blocks are forgotten, except those that the table below still has as live. If the
    /// blocks that stay take three quarters of the room, the table is doubled. The most live blocks that a book allows stay
    /// below that in a table of 128 MiB, so that no table is larger. Only with a table below may freed blocks add to them, at
    /// most one for each block below.
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
        /// A copy of a shared map answers as a full copy would, and does not change the maps that it shares with.
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
                // Whether a freed block is still known depends on when a table was full.
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
