//! Without a world there are no tests.

use airtight::T;

#[airtight::setup]
fn fail_set_up() {
    assert_eq!(1 + 1, 3, "the set-up");
}

#[airtight::teardown]
fn skip_teardown() {}

#[airtight::test]
fn skip_one(_: &mut T) {}

#[test]
fn skip_a_plain_one() {}
