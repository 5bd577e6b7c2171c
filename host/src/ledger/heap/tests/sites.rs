use crate::ledger::heap::Block;
use crate::ledger::heap::sites::{Site, sites};
use crate::ledger::{RawFrame, ScopeId, Stack};

fn of_test(_: &Block) -> ScopeId {
    ScopeId::TEST
}

fn stack(function: u32) -> Option<Stack> {
    Some([RawFrame { function, offset: Some(7) }].into())
}

fn block(number: u64, size: u32) -> Block {
    Block { ptr: 4096 - number as u32 * 16, size, number, own: true }
}

#[test]
fn blocks_with_the_same_frames_are_one_site() {
    let blocks = [
        (block(9, 5), stack(1)),
        (block(4, 10), None),
        (block(3, 1), stack(2)),
        (block(2, 8), stack(1)),
        (block(7, 100), None),
        (block(5, 0), stack(3)),
    ];
    let site = |stack, blocks, bytes, first| Site { stack, blocks, bytes, first, scope: ScopeId::TEST };
    let expected = [site(stack(1), 2, 13, 2), site(stack(2), 1, 1, 3), site(None, 2, 110, 4), site(stack(3), 1, 0, 5)];
    assert_eq!(sites(&blocks, of_test), expected);
    let mut turned = blocks;
    turned.reverse();
    assert_eq!(sites(&turned, of_test), expected, "whatever the order");
}

#[test]
fn nothing_has_no_sites() {
    assert_eq!(sites(&[], of_test), []);
}
