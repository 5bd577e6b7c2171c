//! Orders, tested with a mock of the service that takes them.

use airtight::{T, Tracked};
use mock_pile_up::Container;
use std::cell::Cell;

/// Counts the orders that it is given.
#[derive(Default)]
struct MockOrderService(Cell<u32>);

thread_local! {
    /// The container of the application.
    static CONTAINER: Container = Container::default();
}

/// Puts a mock into a container, and tells airtight of it.
fn mock(t: &T, container: &Container, what: &str) -> std::rc::Rc<Tracked<MockOrderService>> {
    container.register("orders", t.track("MockOrderService", what).with(MockOrderService::default()))
}

/// Each case mocks the service anew in the container that all share: no mock is ever given back.
#[airtight::test]
fn each_case_mocks_the_service_anew(t: &mut T) {
    for case in ["one order", "no order", "a refund", "a refund of nothing"] {
        t.run(case, |t| CONTAINER.with(|container| mock(t, container, case).0.set(1)));
    }
}

/// The same, and the container is cleared at the end: too late, as six mocks were there at once.
#[airtight::test]
fn the_container_is_cleared_at_the_end(t: &mut T) {
    t.cleanup(|| CONTAINER.with(Container::clear));
    for number in 0..6 {
        t.run("case", |t| CONTAINER.with(|container| mock(t, container, &format!("order {number}")).0.set(1)));
    }
}

/// Each case has a container of its own.
#[airtight::test]
fn each_case_has_its_container(t: &mut T) {
    for number in 0..6 {
        t.run("case", |t| mock(t, &Container::default(), &format!("order {number}")).0.set(1));
    }
}
