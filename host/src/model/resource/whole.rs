//! An entry of heap blocks, together with the further blocks that it reaches.

use super::blocks::{BlocksAt, HeldBy, PlacedBlocks};
use super::entry::Resource;

impl Resource {
    /// The entry's own resources and the blocks that they reach ([`BlocksRecord::reaches`](super::BlocksRecord::reaches)), by
    /// the places at which they were acquired.
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

    /// How many further blocks the entry's own blocks reach, and the bytes of these.
    pub(crate) fn reached(&self) -> (u64, u64) {
        let reaches = self.blocks.iter().flat_map(|blocks| &blocks.reaches);
        let add = |(count, bytes): (u64, u64), more: &PlacedBlocks| {
            (count.saturating_add(more.count), bytes.saturating_add(more.bytes))
        };
        reaches.fold((0, 0), add)
    }

    /// The entry's count and the further blocks that it reaches, together.
    pub(crate) fn whole_count(&self) -> u64 {
        self.count.saturating_add(self.reached().0)
    }

    /// The bytes of the entry and of the further blocks that it reaches, together.
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
