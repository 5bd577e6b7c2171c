use crate::ledger::ScopeId;
use crate::ledger::heap::Block;
use crate::ledger::heap::keepers::{KeptBlocks, kept};
use crate::ledger::heap::reach::Holding;
use crate::ledger::heap::sites::PlacedBlock;

fn own(place: u32) -> Option<PlacedBlock> {
    let block = Block { ptr: place * 16, size: 8, number: u64::from(place) + 1, own: true };
    Some(PlacedBlock { block, place, depth: None, scope: ScopeId::TEST })
}

/// For each variable, the places of the blocks that it points to, and of the blocks that those reach.
fn told(all: &[KeptBlocks]) -> Vec<(Option<u32>, Vec<u32>, Vec<u32>)> {
    let places = |sites: &[crate::ledger::heap::sites::Site]| sites.iter().map(|site| site.place).collect();
    all.iter().map(|kept| (kept.by, places(&kept.own), places(&kept.reaches))).collect()
}

#[test]
fn a_variable_keeps_what_it_points_to_and_all_that_this_reaches() {
    let blocks = [own(0), own(1), own(2), own(3), own(4)];
    // 0 -> 1 -> 2 -> 0, and 3 -> 1.
    let holding = Holding::of_lists(&[&[1], &[2], &[0], &[1], &[]], vec![None; 5]);
    let all = kept(&blocks, &holding, &[(1, 3), (0, 0)]);
    assert_eq!(told(&all), [(Some(0), vec![0], vec![1, 2]), (Some(1), vec![3], vec![]), (None, vec![4], vec![])]);
    let all = kept(&blocks, &holding, &[(0, 4), (0, 1)]);
    assert_eq!(told(&all), [(Some(0), vec![1, 4], vec![0, 2]), (None, vec![3], vec![])]);
    assert_eq!(told(&kept(&[], &Holding::of_lists(&[], Vec::new()), &[])), []);
}

#[test]
fn blocks_that_are_not_the_tests_own_are_looked_through() {
    let holding = Holding::of_lists(&[&[1], &[2], &[]], vec![None; 3]);
    let all = kept(&[None, own(1), own(2)], &holding, &[(0, 0)]);
    assert_eq!(told(&all), [(Some(0), vec![1], vec![2])]);
    assert_eq!(told(&kept(&[None, None, None], &holding, &[(0, 0)])), []);
}
