//! Lost blocks, grouped by which of them hold others. A block *holds* another if it contains a pointer to it.
//!
//! A lot is what a person would call one leak. Its own blocks are held by no other lost block, or only by each other: these are
//! the blocks that should have been freed. Blocks that are reached from them alone go with them. A block that several lots
//! reach is in a lot of its own.

use super::reach::Holding;
use super::sites::{PlacedBlock, Site, SiteSums};
use crate::model::resource::HeldBy;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Blocks that were lost together, or in the same way: for example by a function that was called many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// Who holds its blocks.
    pub held_by: HeldBy,
    /// The lot's own blocks, which should have been freed.
    pub own: Vec<Site>,
    /// The blocks that only the lot's own blocks reach.
    pub reaches: Vec<Site>,
    /// How many groups of blocks that hold each other there are; 0 if none do.
    pub cycles: u64,
    /// One way around the first of these groups.
    pub ring: Vec<RingStep>,
    /// Whether the last block of the ring keeps the first one alive by a counted reference, and no reference on the ring is weak.
    pub closed_by_count: bool,
    /// The numbers of the blocks by which it is told when the last pointer went: the first of blocks that nobody holds, or all of the
    /// first cycle. Empty for blocks that several lots hold, and for a cycle of too many blocks.
    pub example: Vec<u64>,
}

/// Most blocks of a cycle by which it is told when the last pointer to them went.
const MAX_EXAMPLE: usize = 4096;

/// One step of a ring: neighbouring blocks of a cycle that were allocated at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RingStep {
    /// The number of the place.
    pub place: u32,
    /// How many blocks.
    pub blocks: u64,
}

/// What the blocks of one lot have in common.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    /// Blocks of one site that nobody holds, or that several lots hold.
    Site(HeldBy, (u32, u32)),
    /// Groups whose blocks come from the same sites, and that are closed in the same way.
    Cycle(Vec<(u32, u32)>, bool),
}

/// The lots of lost blocks, in the order of their first allocations; lots that several others hold come last. `blocks` are in
/// the order of their numbers. `is_counted` says whether a place allocates blocks that begin with a strong and a weak count, as
/// those of `Rc` and `Arc` do.
pub fn lots(blocks: &[PlacedBlock], holding: &Holding, is_counted: impl Fn(u32) -> bool) -> Vec<Lot> {
    let component = components(holding);
    let mut sorter = Sorter { blocks, holding, component: &component, lots: Vec::new(), known: HashMap::new() };
    let mut order: Vec<u32> = (0..).take(blocks.len()).collect();
    order.sort_unstable_by_key(|node| (Reverse(component[*node as usize]), *node));
    // A component comes before every component that it holds. So when its turn comes, it is known which lots reach it.
    let mut reached_by: Vec<BlockReach> = vec![BlockReach::ByNone; blocks.len()];
    let mut via = vec![u32::MAX; blocks.len()];
    for group in order.chunk_by(|a, b| component[*a as usize] == component[*b as usize]) {
        let number = component[group[0] as usize] as usize;
        let lot = match reached_by[number] {
            BlockReach::ByNone => {
                let lot = sorter.head(group, &is_counted, &mut via);
                reached_by[number] = BlockReach::By(lot);
                Some(lot)
            }
            BlockReach::By(lot) => {
                group.iter().for_each(|node| sorter.lots[lot as usize].reaches.add(&blocks[*node as usize]));
                None
            }
            BlockReach::BySeveral => {
                group.iter().for_each(|node| sorter.shared(*node));
                None
            }
        };
        if let Some(lot) = lot {
            group.iter().for_each(|node| sorter.lots[lot as usize].own.add(&blocks[*node as usize]));
        }
        let by = reached_by[number];
        for target in group.iter().flat_map(|node| holding.targets(*node as usize)) {
            let other = component[*target as usize] as usize;
            if other != number {
                reached_by[other] = reached_by[other].and(by);
            }
        }
    }
    let mut lots: Vec<Lot> = sorter.lots.into_iter().map(LotSums::finish).collect();
    lots.sort_by_key(|lot| (lot.held_by == HeldBy::Several, lot.own.first().map(|site| site.first)));
    lots
}

/// From how many blocks of a cycle a way of strong references is looked for at most.
const MAX_STARTS: usize = 4;

/// The references to a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum References {
    /// The block has no count of them.
    NotCounted,
    /// The block counts them, and none is weak.
    Strong,
    /// The block counts them, and some may be weak.
    SomeWeak,
}

/// Which lots reach a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockReach {
    ByNone,
    By(u32),
    BySeveral,
}

impl BlockReach {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::ByNone, one) | (one, Self::ByNone) => one,
            (one, another) if one == another => one,
            _ => Self::BySeveral,
        }
    }
}

struct LotSums {
    held_by: HeldBy,
    own: SiteSums,
    reaches: SiteSums,
    cycles: u64,
    ring: Vec<RingStep>,
    /// The first block of the ring.
    ring_start: u32,
    closed_by_count: bool,
    /// The numbers of the blocks of the group that the ring goes around in.
    example: Vec<u64>,
}

impl LotSums {
    fn new(held_by: HeldBy) -> Self {
        Self {
            held_by,
            own: SiteSums::default(),
            reaches: SiteSums::default(),
            cycles: 0,
            ring: Vec::new(),
            ring_start: u32::MAX,
            closed_by_count: false,
            example: Vec::new(),
        }
    }

    fn finish(self) -> Lot {
        let Self { held_by, own, reaches, cycles, ring, closed_by_count, mut example, .. } = self;
        let own = own.finish();
        if held_by == HeldBy::Nobody {
            example = own.iter().map(|site| site.first).min().into_iter().collect();
        }
        Lot { held_by, own, reaches: reaches.finish(), cycles, ring, closed_by_count, example }
    }
}

struct Sorter<'a> {
    blocks: &'a [PlacedBlock],
    holding: &'a Holding,
    component: &'a [u32],
    lots: Vec<LotSums>,
    known: HashMap<Key, u32>,
}

impl Sorter<'_> {
    fn site(&self, node: u32) -> (u32, u32) {
        let PlacedBlock { place, scope, .. } = self.blocks[node as usize];
        (place, scope.0)
    }

    fn lot(&mut self, key: Key, held_by: HeldBy) -> u32 {
        *self.known.entry(key).or_insert_with(|| {
            self.lots.push(LotSums::new(held_by));
            (self.lots.len() - 1) as u32
        })
    }

    fn shared(&mut self, node: u32) {
        let lot = self.lot(Key::Site(HeldBy::Several, self.site(node)), HeldBy::Several);
        self.lots[lot as usize].own.add(&self.blocks[node as usize]);
    }

    /// The lot of a component that no other component holds. `via` is scratch room with an entry for each block; all entries
    /// are unset before and after.
    fn head(&mut self, group: &[u32], is_counted: &impl Fn(u32) -> bool, via: &mut [u32]) -> u32 {
        let first = group[0];
        if group.len() == 1 && self.holding.targets(first as usize).binary_search(&first).is_err() {
            return self.lot(Key::Site(HeldBy::Nobody, self.site(first)), HeldBy::Nobody);
        }
        let references = |node: u32| {
            // All strong references together count as one weak one. So if the weak count is 1, no reference to the block is
            // weak.
            let all_strong = matches!(self.holding.first_words(node as usize), Some([strong, 1]) if strong > 0);
            match (is_counted(self.blocks[node as usize].place), all_strong) {
                (false, _) => References::NotCounted,
                (true, true) => References::Strong,
                (true, false) => References::SomeWeak,
            }
        };
        let counted = group.iter().copied().filter(|node| references(*node) == References::Strong).take(MAX_STARTS);
        let strong = |node| references(node) != References::SomeWeak;
        let closed = counted.into_iter().find_map(|start| Some((start, self.ring(start, via, strong)?)));
        let closed_by_count = closed.is_some();
        let ring = closed.or_else(|| Some((first, self.ring(first, via, |_| true)?)));
        let mut sites: Vec<(u32, u32)> = group.iter().map(|node| self.site(*node)).collect();
        sites.sort_unstable();
        sites.dedup();
        let lot = self.lot(Key::Cycle(sites, closed_by_count), HeldBy::EachOther);
        let sums = &mut self.lots[lot as usize];
        sums.cycles += 1;
        sums.closed_by_count = closed_by_count;
        if let Some((start, ring)) = ring.filter(|(start, _)| *start < sums.ring_start) {
            (sums.ring_start, sums.ring) = (start, ring);
            let numbers = group.iter().map(|node| self.blocks[*node as usize].block.number);
            sums.example = if group.len() > MAX_EXAMPLE { Vec::new() } else { numbers.collect() };
        }
        lot
    }

    /// A shortest way from a block back to itself, within its component, through blocks that `may_pass` allows.
    fn ring(&self, start: u32, via: &mut [u32], may_pass: impl Fn(u32) -> bool) -> Option<Vec<RingStep>> {
        let mut pending = vec![start];
        let mut next = 0;
        let mut last = None;
        'search: while let Some(&node) = pending.get(next) {
            next += 1;
            for &target in self.holding.targets(node as usize) {
                if target == start {
                    last = Some(node);
                    break 'search;
                }
                let inside = self.component[target as usize] == self.component[start as usize];
                if inside && via[target as usize] == u32::MAX && may_pass(target) {
                    via[target as usize] = node;
                    pending.push(target);
                }
            }
        }
        let mut way: Vec<u32> = last.into_iter().collect();
        while let Some(&node) = way.last().filter(|node| **node != start) {
            way.push(via[node as usize]);
        }
        pending.iter().for_each(|node| via[*node as usize] = u32::MAX);
        let mut steps: Vec<RingStep> = Vec::new();
        for place in way.into_iter().rev().map(|node| self.blocks[node as usize].place) {
            match steps.last_mut() {
                Some(step) if step.place == place => step.blocks += 1,
                _ => steps.push(RingStep { place, blocks: 1 }),
            }
        }
        (!steps.is_empty()).then_some(steps)
    }
}

/// For each block, the number of its group. Blocks that reach each other are in one group. A group has a higher number than
/// every other group that it reaches. This is Tarjan's algorithm without recursion, since a list may be as long as memory has
/// room for.
fn components(holding: &Holding) -> Vec<u32> {
    const UNSEEN: u32 = u32::MAX;
    let nodes = holding.len();
    let mut component = vec![UNSEEN; nodes];
    // When each block was seen first, and the earliest block on the stack that it is known to reach.
    let (mut seen, mut low) = (vec![UNSEEN; nodes], vec![0_u32; nodes]);
    let (mut clock, mut groups) = (0_u32, 0_u32);
    let mut stack: Vec<u32> = Vec::new();
    let mut calls: Vec<(u32, usize)> = Vec::new();
    for root in (0..).take(nodes) {
        if seen[root as usize] != UNSEEN {
            continue;
        }
        calls.push((root, 0));
        while let Some((node, edge)) = calls.last_mut() {
            let at = *node as usize;
            if *edge == 0 && seen[at] == UNSEEN {
                (seen[at], low[at]) = (clock, clock);
                clock += 1;
                stack.push(*node);
            }
            if let Some(&target) = holding.targets(at).get(*edge) {
                *edge += 1;
                let to = target as usize;
                if seen[to] == UNSEEN {
                    calls.push((target, 0));
                } else if component[to] == UNSEEN {
                    low[at] = low[at].min(seen[to]);
                }
                continue;
            }
            calls.pop();
            if let Some((caller, _)) = calls.last() {
                low[*caller as usize] = low[*caller as usize].min(low[at]);
            }
            if low[at] == seen[at] {
                while let Some(member) = stack.pop() {
                    component[member as usize] = groups;
                    if member as usize == at {
                        break;
                    }
                }
                groups += 1;
            }
        }
    }
    component
}
