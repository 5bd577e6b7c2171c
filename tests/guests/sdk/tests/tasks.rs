//! Asynchronous tests, and tasks that are left.

use airtight::{Cancelled, T, sleep, spawn, track_task, yield_now};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

/// What keeps a waker, and wakes nobody.
struct Keeps(Rc<Cell<Option<Waker>>>);

impl Future for Keeps {
    type Output = ();

    fn poll(self: Pin<&mut Self>, polled: &mut Context<'_>) -> Poll<()> {
        self.0.set(Some(polled.waker().clone()));
        Poll::Pending
    }
}

#[airtight::test]
async fn pass_join(t: &mut T) {
    let sum = t.spawn(async { 40 + 2 }).named("adder");
    assert_eq!(sum.await, Ok(42));
}

#[airtight::test]
async fn pass_time_is_virtual(_: &mut T) {
    let began = Instant::now();
    let naps = [3, 1, 2].map(|hours| spawn(sleep(hours * HOUR)));
    for nap in naps {
        nap.await.unwrap();
    }
    assert!(began.elapsed() >= 3 * HOUR && began.elapsed() < 4 * HOUR);
}

#[airtight::test]
fn pass_blocks_in_an_ordinary_test(t: &mut T) {
    let order = Rc::new(RefCell::new(Vec::new()));
    let task = |name: &'static str| {
        let order = Rc::clone(&order);
        t.spawn(async move {
            for turn in 0..2 {
                order.borrow_mut().push((name, turn));
                yield_now().await;
            }
        })
    };
    let (one, two) = (task("a"), task("b"));
    t.block_on(async {
        one.await.unwrap();
        two.await.unwrap();
    });
    assert_eq!(*order.borrow(), [("a", 0), ("b", 0), ("a", 1), ("b", 1)]);
}

#[airtight::test]
async fn pass_cancelled(t: &mut T) {
    let never = t.spawn(pending::<()>());
    yield_now().await;
    never.cancel();
    assert_eq!(never.await, Err(Cancelled));
}

#[airtight::test]
async fn pass_ends_when_its_scope_does(t: &mut T) {
    let context = t.context();
    let _listens = t.spawn(async move { context.cancelled().await }).named("listens");
    yield_now().await;
}

async fn polls_for_ever() {
    loop {
        sleep(HOUR).await;
    }
}

#[airtight::test]
async fn leak_of_a_task_that_nobody_stops(t: &mut T) {
    let _poller = t.spawn(polls_for_ever()).named("poller");
    sleep(2 * HOUR).await;
}

#[airtight::test]
fn leak_of_a_task_that_was_never_polled(t: &mut T) {
    let _waits = t.spawn(async { pending::<()>().await });
}

#[airtight::test]
fn leak_of_a_subtest(t: &mut T) {
    t.run("spawns", |t| {
        let _left = t.spawn(pending::<()>()).named("left");
    });
}

/// A subtest ends in a trap while its own tasks run. Those of the test, and of subtests after it, go on.
#[airtight::test]
fn fail_of_a_subtest_that_traps_among_its_tasks(t: &mut T) {
    let before = t.spawn(async {
        yield_now().await;
        1
    });
    t.run("traps", |t| {
        let traps = t.spawn(async {
            #[cfg(target_arch = "wasm32")]
            core::arch::wasm32::unreachable();
        });
        t.block_on(traps).unwrap();
    });
    t.run("after", |t| {
        let two = t.spawn(async { 2 });
        assert_eq!(t.block_on(two), Ok(2));
    });
    t.block_on(async {
        assert_eq!(before.await, Ok(1));
        assert_eq!(spawn(async { 3 }).await, Ok(3));
    });
}

#[airtight::test]
async fn pass_stays_finished(t: &mut T) {
    let mut task = t.spawn(async { 7 });
    assert!(!task.is_finished());
    assert_eq!((&mut task).await, Ok(7));
    assert!(task.is_finished());
}

#[airtight::test]
async fn fail_awaited_twice(t: &mut T) {
    let mut task = t.spawn(async {});
    (&mut task).await.unwrap();
    (&mut task).await.unwrap();
}

#[airtight::test]
async fn fail_deadlock(t: &mut T) {
    let lost = Rc::new(Cell::new(None::<Waker>));
    let keeps = Rc::clone(&lost);
    let consumer = t.spawn(Keeps(keeps));
    consumer.named("consumer").await.unwrap();
}

#[airtight::test]
async fn fail_deadlock_alone(_: &mut T) {
    pending::<()>().await;
}

#[airtight::test]
async fn fail_panic_in_a_task(t: &mut T) {
    let panics = t.spawn(async { panic!("in the task") });
    panics.await.unwrap();
}

#[airtight::test]
async fn fail_with_an_error(t: &mut T) -> Result<(), String> {
    t.spawn(async { Err("of the task".to_owned()) }).await.unwrap()
}

/// An executor that polls what it has once, and drops it.
fn poll_once(future: impl Future<Output = ()>) {
    let mut future = pin!(future);
    let future: Pin<&mut dyn Future<Output = ()>> = future.as_mut();
    let _ = future.poll(&mut Context::from_waker(Waker::noop()));
}

#[test]
fn leak_of_a_tracked_task_that_another_executor_drops() {
    poll_once(track_task("connection", async {
        Keeps(Rc::default()).await;
    }));
}

#[test]
fn pass_a_tracked_task_that_comes_to_its_end() {
    poll_once(track_task("connection", async {}));
}
