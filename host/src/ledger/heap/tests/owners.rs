use crate::ledger::ScopeId;
use crate::ledger::heap::Block;
use crate::ledger::heap::owners::{Lot, RingStep, lots};
use crate::ledger::heap::reach::Holding;
use crate::ledger::heap::sites::PlacedBlock;
use crate::model::resource::HeldBy;
use proptest::prelude::*;

/// Blocks of 8 bytes, numbered from 1, from these places.
fn blocks(places: &[u32]) -> Vec<PlacedBlock> {
    let block = |(&place, number)| PlacedBlock {
        block: Block { ptr: number as u32 * 16, size: 8, number, own: true },
        place,
        depth: None,
        scope: ScopeId::TEST,
    };
    places.iter().zip(1..).map(block).collect()
}

/// Lots of blocks that begin with these two words; odd places are counted.
fn told(places: &[u32], holds: &[&[u32]], words: [u32; 2]) -> Vec<Lot> {
    let holding = Holding::of_lists(holds, vec![Some(words); places.len()]);
    lots(&blocks(places), &holding, |place| place % 2 == 1)
}

/// A lot: who holds it; place and count of its own blocks; place and count of the blocks that it reaches.
type Summary = (HeldBy, Vec<(u32, u64)>, Vec<(u32, u64)>);

fn summary(lots: &[Lot]) -> Vec<Summary> {
    let sites = |sites: &[crate::ledger::heap::sites::Site]| {
        sites.iter().map(|site| (site.place, site.blocks)).collect::<Vec<_>>()
    };
    lots.iter().map(|lot| (lot.held_by, sites(&lot.own), sites(&lot.reaches))).collect()
}

fn ring(lot: &Lot) -> Vec<(u32, u64)> {
    lot.ring.iter().map(|RingStep { place, blocks }| (*place, *blocks)).collect()
}

#[test]
fn what_only_a_head_reaches_is_counted_under_it() {
    // Two lists of one place, of two blocks and of three.
    let lots = told(&[0, 2, 2, 0, 2], &[&[1], &[2], &[], &[4], &[]], [0; 2]);
    assert_eq!(summary(&lots), [(HeldBy::Nobody, vec![(0, 2)], vec![(2, 3)])]);
    assert_eq!((lots[0].cycles, lots[0].ring.len()), (0, 0));
    assert_eq!(lots[0].reaches[0].bytes, 24);
}

#[test]
fn what_several_lots_reach_is_a_lot_of_its_own_and_the_last() {
    let lots = told(&[6, 4, 0, 2], &[&[], &[0], &[1], &[1]], [0; 2]);
    let several = |place| (HeldBy::Several, vec![(place, 1)], vec![]);
    let nobody = |place| (HeldBy::Nobody, vec![(place, 1)], vec![]);
    assert_eq!(summary(&lots), [nobody(0), nobody(2), several(6), several(4)]);
    // Two blocks of one place are one lot, which alone reaches what both of them hold.
    let lots = told(&[6, 0, 0], &[&[], &[0], &[0]], [0; 2]);
    assert_eq!(summary(&lots), [(HeldBy::Nobody, vec![(0, 2)], vec![(6, 1)])]);
}

#[test]
fn blocks_that_hold_each_other_are_one_lot() {
    // A section and its child, between them the child's list; a text of each.
    let holds: &[&[u32]] = &[&[1, 2], &[], &[3], &[0, 4], &[]];
    let lots = told(&[1, 8, 4, 3, 8], holds, [1, 1]);
    assert_eq!(summary(&lots), [(HeldBy::EachOther, vec![(1, 1), (4, 1), (3, 1)], vec![(8, 2)])]);
    assert_eq!((lots[0].cycles, ring(&lots[0])), (1, vec![(1, 1), (4, 1), (3, 1)]));
    assert!(lots[0].closed_by_count);
    // A weak reference to either may be the one that closes the ring.
    assert!(!told(&[1, 8, 4, 3, 8], holds, [1, 2])[0].closed_by_count);
    assert!(!told(&[0, 8, 4, 2, 8], holds, [1, 1])[0].closed_by_count, "these are not counted");
}

/// A lost parent, and its child, which has a weak reference to the parent.
#[test]
fn a_ring_with_a_weak_reference_in_it_is_not_closed_by_a_count() {
    let holds: &[&[u32]] = &[&[1], &[0, 2], &[1]];
    let told = |words: [[u32; 2]; 3]| {
        let holding = Holding::of_lists(holds, words.map(Some).into());
        lots(&blocks(&[1, 3, 5]), &holding, |_| true)
    };
    let lots = told([[1, 2], [2, 1], [1, 2]]);
    assert_eq!((lots[0].closed_by_count, ring(&lots[0])), (false, vec![(1, 1), (3, 1)]));
    let lots = told([[1, 2], [2, 1], [1, 1]]);
    assert_eq!((lots[0].closed_by_count, ring(&lots[0])), (true, vec![(3, 1), (5, 1)]), "another way is strong");
}

#[test]
fn a_ring_starts_at_the_first_block_that_is_counted() {
    let lots = told(&[2, 4, 3], &[&[1], &[2], &[0]], [5, 1]);
    assert_eq!(ring(&lots[0]), [(3, 1), (2, 1), (4, 1)]);
}

#[test]
fn a_block_that_holds_itself_is_a_cycle_of_one() {
    let lots = told(&[1, 1, 0], &[&[0], &[1], &[]], [1, 1]);
    assert_eq!(summary(&lots), [(HeldBy::EachOther, vec![(1, 2)], vec![]), (HeldBy::Nobody, vec![(0, 1)], vec![])]);
    assert_eq!((lots[0].cycles, ring(&lots[0])), (2, vec![(1, 1)]));
}

#[test]
fn a_cycle_that_is_held_is_no_head() {
    let lots = told(&[0, 1, 1], &[&[1], &[2], &[1]], [1, 1]);
    assert_eq!(summary(&lots), [(HeldBy::Nobody, vec![(0, 1)], vec![(1, 2)])]);
}

#[test]
fn a_ring_of_one_place_is_one_step() {
    let holds: Vec<Vec<u32>> = (0..100_000).map(|node| vec![(node + 1) % 100_000]).collect();
    let holds: Vec<&[u32]> = holds.iter().map(Vec::as_slice).collect();
    let lots = told(&vec![0; holds.len()], &holds, [0; 2]);
    assert_eq!((lots.len(), ring(&lots[0])), (1, vec![(0, 100_000)]));
}

proptest! {
    /// Every block is in exactly one lot, once. The blocks that a lot reaches are reached from its own blocks, and from no
    /// block of another lot.
    #[test]
    fn every_block_is_told_once(
        edges in proptest::collection::vec((0_u32..12, 0_u32..12), 0..24),
        scopes in proptest::collection::vec(0_u32..2, 12),
    ) {
        let mut holds = vec![Vec::new(); 12];
        for (from, to) in edges {
            holds[from as usize].push(to);
        }
        for targets in &mut holds {
            targets.sort_unstable();
            targets.dedup();
        }
        let lists: Vec<&[u32]> = holds.iter().map(Vec::as_slice).collect();
        let places: Vec<u32> = (0..12).collect();
        let mut blocks = blocks(&places);
        for (block, scope) in blocks.iter_mut().zip(&scopes) {
            block.scope = ScopeId(*scope);
        }
        let lots = lots(&blocks, &Holding::of_lists(&lists, vec![None; 12]), |_| false);
        let mut told: Vec<u32> = lots.iter().flat_map(|lot| lot.own.iter().chain(&lot.reaches)).map(|site| site.place).collect();
        told.sort_unstable();
        prop_assert_eq!(told, places);
        let reached = |from: &[u32]| {
            let mut reached = vec![false; 12];
            let mut pending = from.to_vec();
            while let Some(node) = pending.pop() {
                if !std::mem::replace(&mut reached[node as usize], true) {
                    pending.extend(&holds[node as usize]);
                }
            }
            reached
        };
        let own = |lot: &Lot| lot.own.iter().map(|site| site.place).collect::<Vec<_>>();
        let heads: Vec<&Lot> = lots.iter().filter(|lot| lot.held_by != HeldBy::Several).collect();
        for lot in &heads {
            let others: Vec<u32> = heads.iter().filter(|other| *other != lot).flat_map(|other| own(other)).collect();
            let (mine, theirs) = (reached(&own(lot)), reached(&others));
            for node in 0..12 {
                let only = mine[node] && !theirs[node];
                let is_told = own(lot).contains(&(node as u32)) || lot.reaches.iter().any(|site| site.place == node as u32);
                prop_assert_eq!(only, is_told);
            }
            prop_assert!(own(lot).iter().all(|node| !theirs[*node as usize]), "nobody else holds it");
        }
    }
}
