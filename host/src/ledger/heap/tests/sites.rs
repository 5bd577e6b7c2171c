use crate::ledger::ScopeId;
use crate::ledger::heap::Block;
use crate::ledger::heap::sites::{PlacedBlock, Site, sites};

fn block(number: u64, size: u32, place: u32) -> PlacedBlock {
    let block = Block { ptr: 4096 - number as u32 * 16, size, number, own: true };
    PlacedBlock { block, place, depth: None, scope: ScopeId::TEST }
}

#[test]
fn blocks_of_the_same_place_are_one_site() {
    let blocks = [block(9, 5, 1), block(4, 10, 0), block(3, 1, 2), block(2, 8, 1), block(7, 100, 0), block(5, 0, 3)];
    let site = |place, blocks, bytes, first| Site { place, blocks, bytes, first, scope: ScopeId::TEST, depths: 0 };
    let expected = [site(1, 2, 13, 2), site(2, 1, 1, 3), site(0, 2, 110, 4), site(3, 1, 0, 5)];
    assert_eq!(sites(&blocks), expected);
    let mut turned = blocks;
    turned.reverse();
    assert_eq!(sites(&turned), expected, "whatever the order");
    let other = PlacedBlock { scope: ScopeId(1), ..blocks[0] };
    assert_eq!(sites(&[blocks[0], other]).len(), 2, "a scope has its own");
}

#[test]
fn the_depths_of_a_recursion_are_counted_once() {
    let deep = |number, depth| PlacedBlock { depth: Some(depth), ..block(number, 8, 1) };
    let found = sites(&[deep(1, 10), deep(2, 11), deep(3, 10), deep(4, 200)]);
    assert_eq!((found.len(), found[0].blocks, found[0].depths), (1, 4, 3));
}

#[test]
fn nothing_has_no_sites() {
    assert_eq!(sites(&[]), []);
}
