//! Resources of the tests' own kinds: counted, limited, and told where they were acquired.

use airtight::{T, Tracked};
use std::cell::RefCell;

thread_local! {
    /// A container that keeps what it is given.
    static CONTAINER: RefCell<Vec<Tracked<u32>>> = const { RefCell::new(Vec::new()) };
}

fn mock(t: &T, number: u32) -> Tracked<u32> {
    t.track("MockOrderService", format_args!("order {number}")).with(number)
}

#[airtight::test]
fn pass_released(t: &mut T) {
    let mocks = [mock(t, 1), mock(t, 2)];
    assert_eq!(*mocks[0] + *mocks[1], 3);
    drop(mocks);
    assert_eq!(mock(t, 7).into_inner(), 7);
}

#[airtight::test]
fn leak_in_a_container(t: &mut T) {
    for number in 0..3 {
        CONTAINER.with_borrow_mut(|container| container.push(mock(t, number)));
    }
}

#[airtight::test]
fn leak_of_two_kinds_at_one_place(t: &mut T) {
    for kind in ["Pool", "Transaction", "Pool"] {
        std::mem::forget(t.track(kind, ""));
    }
}

#[airtight::test]
fn fail_with_more_than_are_allowed(t: &mut T) {
    let mocks: Vec<_> = (0..4).map(|number| mock(t, number)).collect();
    assert_eq!(mocks.len(), 4);
}

#[airtight::test]
fn pass_with_as_many_as_are_allowed(t: &mut T) {
    for _ in 0..2 {
        let mocks: Vec<_> = (0..3).map(|number| mock(t, number)).collect();
        assert_eq!(mocks.len(), 3);
    }
}

#[airtight::test]
fn pass_outlived_its_subtest(t: &mut T) {
    let mut mocks = Vec::new();
    for number in 0..3 {
        t.run("case", |t| mocks.push(mock(t, number)));
    }
}

#[test]
fn leak_in_a_plain_test() {
    std::mem::forget(airtight::track("Connection", "db"));
}

#[airtight::test]
fn leak_of_some_cases(t: &mut T) {
    t.run("drops", |t| drop([mock(t, 1), mock(t, 2)]));
    t.run("keeps", |t| {
        std::mem::forget([mock(t, 3), mock(t, 4)]);
        t.run("inner", |t| std::mem::forget(mock(t, 5)));
    });
    t.run("nothing", |_| {});
}
