//! What is known of heap blocks beside how many they are and where they were allocated.

use super::Resource;
use crate::model::{Frame, figure};
use serde::{Deserialize, Serialize};

/// Who holds lost blocks, as far as that is another lost block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HeldBy {
    /// Nobody: these are the blocks that should have been freed.
    Nobody,
    /// They hold each other, or a block holds itself, and nobody else holds them.
    EachOther,
    /// Blocks of several entries hold them.
    Several,
}

/// What there is to say of heap blocks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BlocksRecord {
    /// Who holds them, of lost blocks; absent where that is not certain, as without a second run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<HeldBy>,
    /// The variable of static data that points to them, of retained blocks; absent where the debug information does not tell. Others may
    /// point to them, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_by: Option<VariableRecord>,
    /// The type that owns each of them, as far as the functions tell that allocated it: `Rc`, `Arc`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// At how many depths of a recursion they were allocated; 0 where there was none.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub depths: u64,
    /// In how many groups they hold each other.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub cycles: u64,
    /// One way around the first of these groups: the blocks of each step hold those of the next, and the last the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ring: Vec<RingRecord>,
    /// How many steps are left out before the last one.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub ring_omitted: u64,
    /// Whether the last block of the way holds the first by a counted reference that is not weak. Made weak, it keeps nothing alive.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mended_by_weak: bool,
    /// The blocks of the entry by the places at which they were allocated, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<PlacedBlocks>,
    /// The blocks that these reach and no earlier entry does; of lost blocks, only these do. The entry's own count and bytes are
    /// without them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<PlacedBlocks>,
}

/// A variable of static data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct VariableRecord {
    /// Its path: `semver::cache::KNOWN`.
    pub name: String,
    /// The source file that declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The library that it belongs to; absent where it is the user's own, or where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
}

/// Blocks that follow each other on a way around a cycle and were allocated at one place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RingRecord {
    /// How many.
    #[serde(with = "figure")]
    pub count: u64,
    /// See [`BlocksRecord::type_name`].
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// The innermost frame of the user's own; absent where no stack was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Frame>,
}

/// Blocks that were allocated at one place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PlacedBlocks {
    /// How many.
    #[serde(with = "figure")]
    pub count: u64,
    /// Bytes of all of them together.
    #[serde(with = "figure")]
    pub bytes: u64,
    /// See [`BlocksRecord::depths`].
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub depths: u64,
    /// See [`BlocksRecord::type_name`].
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// The test or subtest that allocated them.
    pub scope: String,
    /// The guest's stack at the allocation, user frames first.
    pub stack: Vec<Frame>,
    /// How many places these are together, of which no stack is kept; 0 where they are of one.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub omitted_places: u64,
}

/// Blocks of one place, whether they are an entry's own or reached from these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BlocksAt<'a> {
    pub count: u64,
    pub bytes: u64,
    pub scope: &'a str,
    pub stack: &'a [Frame],
}

impl Resource {
    /// The entry's own things and what only they reach, by the places at which they were acquired.
    pub(crate) fn by_place(&self) -> impl Iterator<Item = BlocksAt<'_>> {
        let blocks = self.blocks.as_deref();
        let own = blocks.map_or(&[][..], |blocks| &blocks.places);
        let whole =
            BlocksAt { count: self.count, bytes: self.bytes.unwrap_or(0), scope: &self.scope, stack: &self.stack };
        let reaches = blocks.map_or(&[][..], |blocks| &blocks.reaches);
        let placed = own.iter().chain(reaches).map(|PlacedBlocks { count, bytes, scope, stack, .. }| BlocksAt {
            count: *count,
            bytes: *bytes,
            scope,
            stack,
        });
        own.is_empty().then_some(whole).into_iter().chain(placed)
    }

    /// How many things only the entry's own blocks reach, and their bytes.
    pub(crate) fn reached(&self) -> (u64, u64) {
        let reaches = self.blocks.iter().flat_map(|blocks| &blocks.reaches);
        let add = |(count, bytes): (u64, u64), more: &PlacedBlocks| {
            (count.saturating_add(more.count), bytes.saturating_add(more.bytes))
        };
        reaches.fold((0, 0), add)
    }

    /// How many there are, with those that only the entry's own blocks reach.
    pub(crate) fn whole_count(&self) -> u64 {
        self.count.saturating_add(self.reached().0)
    }

    /// The bytes of all, with those that only the entry's own blocks reach.
    pub(crate) fn whole_bytes(&self) -> u64 {
        self.bytes.unwrap_or(0).saturating_add(self.reached().1)
    }

    /// Who holds lost blocks; `None` where that is not known.
    pub(crate) fn held_by(&self) -> Option<HeldBy> {
        self.blocks.as_ref()?.held_by
    }

    /// Whether these blocks are a cycle of counted references.
    pub(crate) fn is_counted_cycle(&self) -> bool {
        self.blocks.as_ref().is_some_and(|blocks| blocks.mended_by_weak)
    }
}

#[cfg(test)]
mod tests {

    use crate::model::samples;

    #[test]
    fn the_places_of_an_entry_add_up_to_all_of_it() {
        let plain = samples::blocks(3, 24);
        assert_eq!(plain.by_place().map(|at| (at.count, at.bytes)).collect::<Vec<_>>(), [(3, 24)]);
        assert_eq!((plain.whole_count(), plain.whole_bytes(), plain.held_by()), (3, 24, None));
        let cycle = samples::cycle();
        let places: Vec<_> = cycle.by_place().collect();
        assert_eq!(places.iter().map(|at| at.count).sum::<u64>(), cycle.whole_count());
        assert_eq!(places.iter().map(|at| at.bytes).sum::<u64>(), cycle.whole_bytes());
        assert_eq!((cycle.count, cycle.reached()), (3, (2, 11)));
    }

    #[test]
    fn hostile_figures_do_no_harm() {
        let mut cycle = samples::cycle();
        let blocks = cycle.blocks.as_mut().unwrap();
        blocks.reaches.iter_mut().for_each(|placed| (placed.count, placed.bytes) = (u64::MAX, u64::MAX));
        assert_eq!((cycle.whole_count(), cycle.whole_bytes()), (u64::MAX, u64::MAX));
    }
}
