//! From what a test left on its heap to the entries of its report.

use super::bounds::{Room, bytes_of_placed};
use super::heap::{Balance, Owners};
use super::places::AllocationPlace;
use super::subtests::ScopeNames;
use crate::ledger::ScopeId;
use crate::ledger::heap::keepers::KeptBlocks;
use crate::ledger::heap::owners::{Lot, RingStep};
use crate::ledger::heap::sites::Site;
use crate::model::resource::{BlocksRecord, HeldBy, LastPointerRecord, PlacedBlocks, RingRecord, VariableRecord};
use crate::model::{Frame, Resource, ResourceKind};
use std::collections::BTreeMap;

/// Most steps that a report shows of a ring. Of a longer ring, it shows the first steps and the last.
const MAX_RING: usize = 16;

/// Makes the entries for the blocks of one test.
pub struct HeapEntries<'a> {
    pub balance: &'a Balance,
    pub names: ScopeNames<'a>,
}

impl HeapEntries<'_> {
    /// The entries for lost blocks: one for each lot, or one for each place if it is not certain who holds whom. If there
    /// are too many, those beyond the room share one entry in each scope.
    pub fn lost(&self) -> Vec<Resource> {
        let Some(owners) = &self.balance.owners else { return self.sites(&self.balance.lost) };
        let mut list = EntryList::new(self.names);
        for (nth, lot) in owners.lots.iter().enumerate() {
            let last_pointer = owners.last_pointers.get(nth).cloned().flatten();
            self.add(&mut list, (&lot.own, &lot.reaches), || self.lot(lot, last_pointer));
        }
        list.finish()
    }

    /// The entries for blocks that static data reaches.
    pub fn retained(&self) -> Vec<Resource> {
        match self.balance.owners.as_deref() {
            Some(Owners { kept: Some((kept, keepers)), .. }) => self.all_kept(kept, keepers),
            _ => self.sites(&self.balance.retained),
        }
    }

    /// The entries for the blocks that the last of several rounds left.
    pub fn of_last_round(&self) -> Vec<Resource> {
        self.sites(&self.balance.of_last_round)
    }

    /// One entry for each place.
    fn sites(&self, sites: &[Site]) -> Vec<Resource> {
        let mut list = EntryList::new(self.names);
        self.add_sites(&mut list, sites);
        list.finish()
    }

    fn add_sites(&self, list: &mut EntryList<'_>, sites: &[Site]) {
        for site in sites {
            self.add(list, (std::slice::from_ref(site), &[]), || {
                let type_name = type_name(self.place(site.place));
                let known = type_name.is_some() || site.depths > 0;
                let record = BlocksRecord { type_name, depths: site.depths, ..BlocksRecord::default() };
                Resource { blocks: known.then(|| Box::new(record)), ..self.entry(site) }
            });
        }
    }

    /// Adds an entry for these blocks and those that they reach. If there is no room, or no place of the blocks has
    /// anything to show, they are only counted.
    fn add(&self, list: &mut EntryList<'_>, (own, reaches): (&[Site], &[Site]), entry: impl FnOnce() -> Resource) {
        match self.is_omitted(own) || list.room.is_full() {
            true => own.iter().chain(reaches).for_each(|site| list.add_to_others(site)),
            false => list.add(entry()),
        }
    }

    /// One entry for all that a variable keeps. Blocks that no known variable keeps get one entry for each place.
    fn all_kept(&self, all: &[KeptBlocks], keepers: &[VariableRecord]) -> Vec<Resource> {
        let mut list = EntryList::new(self.names);
        for kept in all {
            let (Some(variable), Some(first)) = (kept.by, kept.own.first()) else {
                self.add_sites(&mut list, &kept.own);
                continue;
            };
            self.add(&mut list, (&kept.own, &kept.reaches), || {
                let record = BlocksRecord {
                    kept_by: Some(keepers[variable as usize].clone()),
                    ..self.of_several(first, &kept.own, &kept.reaches)
                };
                self.summed(first, &kept.own, record)
            });
        }
        list.finish()
    }

    /// Whether none of these places has anything to show.
    fn is_omitted(&self, sites: &[Site]) -> bool {
        sites.iter().all(|site| self.place(site.place).is_omitted)
    }

    fn entry(&self, site: &Site) -> Resource {
        let stack = self.place(site.place).frames.clone();
        let entry = Resource::new(ResourceKind::Heap, self.names.name(site.scope), stack);
        Resource { count: site.blocks, bytes: Some(site.bytes), ..entry }
    }

    fn lot(&self, lot: &Lot, last_pointer: Option<LastPointerRecord>) -> Resource {
        // An entry for a cycle is at the place where its ring begins.
        let begins = |site: &&Site| lot.ring.first().is_some_and(|step| step.place == site.place);
        let Some(first) = lot.own.iter().find(begins).or(lot.own.first()) else {
            return Resource::new(ResourceKind::Heap, self.names.test, Vec::new());
        };
        let left_out = lot.ring.len().saturating_sub(MAX_RING);
        let shown = lot.ring.iter().enumerate().filter(|(nth, _)| {
            let last = nth + 1 == lot.ring.len();
            *nth + 1 < MAX_RING || last
        });
        let record = BlocksRecord {
            held_by: Some(lot.held_by),
            cycles: lot.cycles,
            ring: shown.map(|(_, step)| self.step(step)).collect(),
            ring_omitted: left_out as u64,
            mended_by_weak: lot.held_by == HeldBy::EachOther && lot.closed_by_count,
            last_pointer,
            ..self.of_several(first, &lot.own, &lot.reaches)
        };
        self.summed(first, &lot.own, record)
    }

    /// The record of blocks from several places; `first` is the first of them.
    fn of_several(&self, first: &Site, own: &[Site], reaches: &[Site]) -> BlocksRecord {
        let one_place = own.len() == 1;
        BlocksRecord {
            type_name: self.common_type(own),
            depths: if one_place { first.depths } else { 0 },
            places: if one_place { Vec::new() } else { self.placed_all(own) },
            reaches: self.placed_all(reaches),
            ..BlocksRecord::default()
        }
    }

    /// The type that all of these blocks have in common.
    fn common_type(&self, sites: &[Site]) -> Option<String> {
        let mut types = sites.iter().map(|site| self.place(site.place).type_name.as_ref());
        let first = types.next()??;
        types.all(|other| other == Some(first)).then(|| first.clone())
    }

    fn summed(&self, first: &Site, own: &[Site], record: BlocksRecord) -> Resource {
        let sum = |figure: fn(&Site) -> u64| own.iter().map(figure).sum::<u64>();
        let blocks = Some(Box::new(record));
        Resource { count: sum(|site| site.blocks), bytes: Some(sum(|site| site.bytes)), blocks, ..self.entry(first) }
    }

    /// The blocks of each place. If there are too many places, those beyond the room are one in each scope.
    fn placed_all(&self, sites: &[Site]) -> Vec<PlacedBlocks> {
        let mut room = Room::new();
        let mut listed = Vec::new();
        let mut others: BTreeMap<ScopeId, PlacedBlocks> = BTreeMap::new();
        for site in sites {
            if room.is_full() || self.place(site.place).is_omitted {
                let scope = || PlacedBlocks { scope: self.names.name(site.scope), ..PlacedBlocks::default() };
                let all = others.entry(site.scope).or_insert_with(scope);
                (all.count, all.bytes) = (all.count + site.blocks, all.bytes + site.bytes);
                all.omitted_places += 1;
                continue;
            }
            let placed = self.placed(site);
            room.take_bytes(bytes_of_placed(&placed));
            listed.push(placed);
        }
        listed.into_iter().chain(others.into_values()).collect()
    }

    fn placed(&self, site: &Site) -> PlacedBlocks {
        let place = self.place(site.place);
        PlacedBlocks {
            count: site.blocks,
            bytes: site.bytes,
            depths: site.depths,
            type_name: type_name(place),
            scope: self.names.name(site.scope),
            stack: place.frames.clone(),
            omitted_places: 0,
        }
    }

    fn step(&self, step: &RingStep) -> RingRecord {
        let place = self.place(step.place);
        RingRecord { count: step.blocks, type_name: type_name(place), at: Frame::innermost_own(&place.frames).cloned() }
    }

    fn place(&self, number: u32) -> &AllocationPlace {
        &self.balance.places[number as usize]
    }
}

/// A list of entries with an end. Blocks beyond the end are only counted, in each scope.
struct EntryList<'a> {
    names: ScopeNames<'a>,
    room: Room,
    entries: Vec<Resource>,
    others: BTreeMap<ScopeId, Resource>,
}

impl<'a> EntryList<'a> {
    fn new(names: ScopeNames<'a>) -> Self {
        Self { names, room: Room::new(), entries: Vec::new(), others: BTreeMap::new() }
    }

    fn add(&mut self, entry: Resource) {
        self.room.take(&entry);
        self.entries.push(entry);
    }

    fn add_to_others(&mut self, site: &Site) {
        let all = self.others.entry(site.scope).or_insert_with(|| Resource {
            count: 0,
            ..Resource::new(ResourceKind::Heap, self.names.name(site.scope), Vec::new())
        });
        all.count += site.blocks;
        *all.bytes.get_or_insert(0) += site.bytes;
        all.omitted_places += 1;
    }

    fn finish(self) -> Vec<Resource> {
        self.entries.into_iter().chain(self.others.into_values()).collect()
    }
}

fn type_name(place: &AllocationPlace) -> Option<String> {
    place.type_name.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::ScopeId;

    fn site(place: u32, blocks: u64) -> Site {
        Site { place, blocks, bytes: blocks * 8, first: 1, scope: ScopeId::TEST, depths: 0 }
    }

    fn lost(lots: Vec<Lot>) -> Vec<Resource> {
        let place = |nth| AllocationPlace { frames: vec![Frame::new(format!("f{nth}"))], ..AllocationPlace::default() };
        let owners = Some(Box::new(Owners { lots, ..Owners::default() }));
        let balance = Balance { places: (0..40).map(place).collect(), owners, ..Balance::default() };
        HeapEntries { balance: &balance, names: ScopeNames { test: "t", forked: None, subtests: &[] } }.lost()
    }

    fn cycle(own: Vec<Site>, ring: Vec<RingStep>) -> Lot {
        let held_by = HeldBy::EachOther;
        Lot { held_by, own, reaches: vec![site(9, 4)], cycles: 1, ring, closed_by_count: true, example: Vec::new() }
    }

    #[test]
    fn of_too_many_places_the_last_are_one_entry_in_each_scope() {
        let symbols = crate::symbols::Symbols::of_bytes(b"\0asm\x01\0\0\0", crate::symbols::PathRoots::default());
        let subtests = [crate::sandbox::SubtestRun { path: "case".to_owned(), ..Default::default() }];
        let mut stacks = crate::sandbox::rerun::AllocationStacks::default();
        for number in 1..=6500_u32 {
            let frame = |at| crate::ledger::RawFrame { function: number * 20 + at, offset: None };
            stacks.enter(number.into(), 8, ((0..20).map(frame).collect(), 1), None);
        }
        let mut finder = crate::run::places::PlaceFinder::new(&symbols, Some(&stacks));
        let block = |number: u64| crate::ledger::heap::Block { ptr: number as u32 * 16, size: 5, number, own: true };
        let blocks: Vec<_> = (1..=6500).map(block).collect();
        let placed = finder.place(blocks.iter(), &crate::sandbox::BlockScopes::new(&[]));
        let site = |placed: &crate::ledger::heap::sites::PlacedBlock| Site {
            scope: ScopeId(u32::from(placed.place.is_multiple_of(2))),
            ..site(placed.place, 1)
        };
        let lost: Vec<Site> = placed.iter().map(site).collect();
        let lot = |site: &Site| Lot {
            held_by: HeldBy::Nobody,
            own: vec![site.clone()],
            reaches: Vec::new(),
            cycles: 0,
            ring: Vec::new(),
            closed_by_count: false,
            example: Vec::new(),
        };
        let lots: Vec<Lot> = lost.iter().map(lot).collect();
        let head = Lot { own: lost[..1].to_vec(), reaches: lost[1..].to_vec(), ..lot(&lost[0]) };
        let names = ScopeNames { test: "t", forked: None, subtests: &subtests };
        let places = finder.finish();
        let entries = |lots: Option<Vec<Lot>>| {
            let owners = lots.map(|lots| Box::new(Owners { lots, ..Owners::default() }));
            let balance = Balance { places: places.clone(), lost: lost.clone(), owners, ..Balance::default() };
            HeapEntries { balance: &balance, names }.lost()
        };
        for lots in [None, Some(lots)] {
            let entries = entries(lots);
            let [.., of_test, of_case] = &entries[..] else { panic!("{}", entries.len()) };
            let listed = entries.len() as u64 - 2;
            assert!((100..=1000).contains(&listed), "{listed}");
            assert_eq!((&*of_test.scope, &*of_case.scope), ("t", "t/case"));
            assert_eq!(of_test.omitted_places + of_case.omitted_places, 6500 - listed);
            assert_eq!(entries.iter().map(|entry| entry.count).sum::<u64>(), 6500, "none is lost sight of");
        }
        let [head] = &entries(Some(vec![head]))[..] else { panic!("one head") };
        let reaches = &head.blocks.as_deref().unwrap().reaches;
        assert!(reaches.len() <= 1002 && head.whole_count() == 6500, "{}", reaches.len());
        assert_eq!(reaches.iter().map(|one| one.omitted_places.max(1)).sum::<u64>(), 6499);
    }

    #[test]
    fn a_cycle_is_told_from_where_its_ring_begins() {
        let step = |place| RingStep { place, blocks: 1 };
        let [entry] = &lost(vec![cycle(vec![site(3, 1), site(5, 2)], vec![step(5), step(3)])])[..] else { panic!() };
        assert_eq!((entry.count, entry.bytes, entry.stack[0].function.as_str()), (3, Some(24), "f5"));
        let blocks = entry.blocks.as_deref().unwrap();
        assert_eq!(blocks.places.iter().map(|placed| placed.count).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((entry.reached(), entry.whole_count(), blocks.mended_by_weak), ((4, 32), 7, true));
    }

    #[test]
    fn of_a_long_ring_the_first_steps_are_told_and_the_last() {
        let ring: Vec<_> = (0..40).map(|place| RingStep { place, blocks: 1 }).collect();
        let own = (0..40).map(|place| site(place, 1)).collect();
        let [entry] = &lost(vec![cycle(own, ring)])[..] else { panic!() };
        let blocks = entry.blocks.as_deref().unwrap();
        let told: Vec<_> = blocks.ring.iter().map(|step| step.at.as_ref().unwrap().function.as_str()).collect();
        assert_eq!((told.len(), told[14], told[15], blocks.ring_omitted), (16, "f14", "f39", 24));
    }

    #[test]
    fn blocks_of_one_place_need_no_list_of_places() {
        let lot = Lot {
            held_by: HeldBy::Nobody,
            own: vec![Site { depths: 3, ..site(2, 3) }],
            reaches: Vec::new(),
            cycles: 0,
            ring: Vec::new(),
            closed_by_count: false,
            example: Vec::new(),
        };
        let [entry] = &lost(vec![lot])[..] else { panic!() };
        let expected = BlocksRecord { held_by: Some(HeldBy::Nobody), depths: 3, ..BlocksRecord::default() };
        assert_eq!((entry.count, entry.blocks.as_deref()), (3, Some(&expected)));
    }
}
