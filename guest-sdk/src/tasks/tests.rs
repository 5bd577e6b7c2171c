use super::executor::Executor;
use super::*;
use std::cell::Cell;

fn on<F: Future>(body: impl FnOnce(Rc<Executor>) -> F) -> Result<F::Output, String> {
    let executor = Rc::new(Executor::default());
    let ended = executor.block_on(body(Rc::clone(&executor))).map_err(|deadlock| deadlock.to_string());
    executor.finish();
    ended
}

#[test]
fn tasks_run_in_the_order_in_which_they_were_woken() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&order);
    on(|_| async move {
        let step = |name: &'static str| {
            let order = Rc::clone(&order);
            spawn(async move {
                for turn in 0..2 {
                    order.borrow_mut().push(format!("{name}{turn}"));
                    yield_now().await;
                }
            })
        };
        let (one, two) = (step("a"), step("b"));
        one.await.unwrap();
        two.await.unwrap();
    })
    .unwrap();
    assert_eq!(*told.borrow(), ["a0", "b0", "a1", "b1"]);
}

#[test]
fn time_passes_where_nobody_has_anything_to_do() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&order);
    on(|_| async move {
        let after = |millis: u64| {
            let order = Rc::clone(&order);
            spawn(async move {
                sleep(Duration::from_millis(millis)).await;
                order.borrow_mut().push(millis);
            })
        };
        let all = [after(20), after(1), after(10)];
        for task in all {
            task.await.unwrap();
        }
    })
    .unwrap();
    assert_eq!(*told.borrow(), [1, 10, 20]);
}

#[test]
fn a_deadlock_is_found_at_once_and_named() {
    let found = on(|_| async {
        let _one = spawn(std::future::pending::<()>()).named("waits");
        spawn(std::future::pending::<()>()).await
    });
    let message = found.unwrap_err();
    let named = message.strip_prefix("deadlock: the test and 2 tasks wait, and no timer is set: `waits` (spawned at ");
    assert!(named.is_some_and(|rest| rest.contains("tests.rs") && rest.contains("), one spawned at ")), "{message}");
    let alone = on(|_| std::future::pending::<()>()).unwrap_err();
    assert!(alone.ends_with("no task and no timer will bring about"), "{alone}");
}

#[test]
fn a_task_is_cancelled_by_its_handle_and_told_of_the_end_of_its_scope() {
    let stopped = Rc::new(Cell::new(0));
    let count = Rc::clone(&stopped);
    let cancelled = on(|executor| async move {
        let context = executor.context.clone();
        let _listens = spawn(async move {
            context.cancelled().await;
            count.set(count.get() + 1);
        });
        let never = spawn(std::future::pending::<()>());
        let own = Rc::new(RefCell::new(None::<Task<()>>));
        let itself = Rc::clone(&own);
        *own.borrow_mut() = Some(spawn(async move {
            itself.borrow().as_ref().unwrap().cancel();
            yield_now().await;
            unreachable!("it has cancelled itself");
        }));
        yield_now().await;
        never.cancel();
        assert!(never.is_finished());
        never.await
    });
    assert_eq!(cancelled, Ok(Err(Cancelled)));
    assert_eq!(stopped.get(), 1, "it was told, and came to its end");
}

#[test]
fn a_task_stays_finished_when_it_was_awaited() {
    let ended = on(|_| async {
        let mut task = spawn(async { 7 });
        assert!(!task.is_finished());
        let output = (&mut task).await;
        (output, task.is_finished())
    });
    assert_eq!(ended, Ok((Ok(7), true)));
}

#[test]
#[should_panic = "this task was awaited before"]
fn a_task_that_is_awaited_twice_does_not_hang() {
    let _ = on(|_| async {
        let mut task = spawn(async {});
        (&mut task).await.unwrap();
        (&mut task).await
    });
}

#[test]
fn a_tracked_task_is_woken_through_its_own_waker() {
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    let twice = poll_fn(move |polled| {
        counted.set(counted.get() + 1);
        polled.waker().wake_by_ref();
        if counted.get() < 3 { Poll::Pending } else { Poll::Ready(7) }
    });
    assert_eq!(on(|_| async { spawn(track_task("counts", twice)).await.unwrap() }), Ok(7));
    assert_eq!(polls.get(), 3);
}

#[test]
#[should_panic = "`airtight::sleep` is for tasks"]
fn a_timer_needs_an_executor() {
    let mut sleep = std::pin::pin!(sleep(Duration::from_secs(1)));
    let _ = sleep.as_mut().poll(&mut Polled::from_waker(Waker::noop()));
}
