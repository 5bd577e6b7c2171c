//! Asynchronous tasks of a test: a small executor that runs them in one order, and a host that knows those which are left.
//!
//! The executor is this crate's own, for it has to know what waits, what it was told to wait for, and that nothing will ever go on; those
//! of other crates do not say.

mod context;
mod entry;
mod executor;
mod platform;

use crate::T;
pub use context::Context;
use entry::TaskEntry;
pub(crate) use executor::EndTasks;
use executor::Executor;
use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Polled, Poll, Waker};
use std::time::{Duration, Instant};

impl T {
    /// Runs a future beside the test, as a task: while the test waits in [`T::block_on`] or, if it is `async`, wherever it awaits. Tasks run
    /// one at a time, in the order in which they were woken.
    ///
    /// A task belongs to the test or subtest that spawned it. When that returns, its [context](T::context) is cancelled, and tasks that can
    /// go on run until none can. One that is not done then is a leak, with its name, the place where it was spawned, and the place where it
    /// waits; it is dropped. Where what this returns is dropped, the task goes on.
    /// ```
    /// # use airtight_sdk as airtight;
    /// #[airtight::test]
    /// async fn adds_in_a_task(t: &mut airtight::T) {
    ///     let sum = t.spawn(async { 1 + 1 }).named("adder");
    ///     assert_eq!(sum.await.unwrap(), 2);
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> Task<F::Output> {
        spawn_on(&self.executor(), Location::caller(), future)
    }

    /// Runs a future to its end, and the tasks of this test or subtest while it waits. If it waits for ever, as all tasks wait and no timer
    /// is set, the test fails at once: that is a deadlock.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self.executor().block_on(future) {
            Ok(output) => output,
            Err(deadlock) => self.fatal(deadlock),
        }
    }

    /// What tells tasks that this test or subtest has ended.
    #[must_use]
    pub fn context(&self) -> Context {
        self.executor().context.clone()
    }

    fn executor(&self) -> Rc<Executor> {
        self.tasks.borrow_mut().get_or_insert_with(|| Box::new(Rc::new(Executor::default()))).executor()
    }

    /// The test or subtest has returned.
    pub(crate) fn end_tasks(&self) {
        let tasks = self.tasks.borrow_mut().take();
        if let Some(tasks) = tasks {
            tasks.end();
        }
    }
}

/// Runs a test that is `async`.
#[doc(hidden)]
pub fn block_on<R>(t: &mut T, body: impl AsyncFnOnce(&mut T) -> R) -> R {
    let executor = t.executor();
    let ended = executor.block_on(body(t));
    match ended {
        Ok(output) => output,
        Err(deadlock) => t.fatal_at(t.test.at, deadlock),
    }
}

/// Spawns a task beside the one that calls this, or the `async` test: see [`T::spawn`].
///
/// # Panics
/// Neither calls it.
#[track_caller]
pub fn spawn<F: Future + 'static>(future: F) -> Task<F::Output> {
    spawn_on(&Executor::current("`airtight::spawn`"), Location::caller(), future)
}

/// Waits for some time, in which other tasks run. Under airtight that time is virtual, and passes when nobody has anything else to do.
///
/// # Panics
/// It is awaited by something else than a task of [`T::spawn`], an `async` test or [`T::block_on`].
pub async fn sleep(time: Duration) {
    let until = Instant::now() + time;
    let mut set: Option<Waker> = None;
    poll_fn(|polled| {
        if Instant::now() >= until {
            return Poll::Ready(());
        }
        if !set.as_ref().is_some_and(|set| set.will_wake(polled.waker())) {
            let waker = polled.waker().clone();
            Executor::current("`airtight::sleep`").set_timer(until, waker.clone());
            set = Some(waker);
        }
        Poll::Pending
    })
    .await;
}

/// Lets other tasks run that can.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|polled| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        polled.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[track_caller]
fn spawn_on<F: Future + 'static>(
    executor: &Rc<Executor>,
    at: &'static Location<'static>,
    future: F,
) -> Task<F::Output> {
    let end = Rc::new(RefCell::new(End::default()));
    // Dropped with the task, whatever becomes of it.
    let teller = Teller(Rc::clone(&end));
    let job = async move {
        let output = future.await;
        teller.tell(Ok(output));
    };
    let id = executor.spawn(TaskEntry::new(""), at, job);
    Task { executor: Rc::downgrade(executor), id, end }
}

/// How a task ended, and who waits for that.
struct End<V> {
    /// Nothing before the end, and nothing again when it was taken.
    output: Option<Result<V, Cancelled>>,
    is_over: bool,
    waiting: Option<Waker>,
}

impl<V> Default for End<V> {
    fn default() -> Self {
        Self { output: None, is_over: false, waiting: None }
    }
}

/// Says how a task ended: that it was cancelled, where nothing else was said before this is dropped.
struct Teller<V>(Rc<RefCell<End<V>>>);

impl<V> Teller<V> {
    fn tell(&self, output: Result<V, Cancelled>) {
        let mut end = self.0.borrow_mut();
        if !end.is_over {
            end.is_over = true;
            end.output = Some(output);
            let waiting = end.waiting.take();
            drop(end);
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

impl<V> Drop for Teller<V> {
    fn drop(&mut self) {
        self.tell(Err(Cancelled));
    }
}

/// A task of [`T::spawn`]. To await it is to join it, which can be done once, as with every future; to drop it leaves the task alone.
///
/// # Panics
/// Where it is awaited again, by reference, after it gave what it came to.
pub struct Task<V> {
    executor: std::rc::Weak<Executor>,
    id: u64,
    end: Rc<RefCell<End<V>>>,
}

impl<V> Task<V> {
    /// Gives the task a name, by which a report calls it.
    #[must_use = "dropping it leaves the task alone; `let _ =` says that this is meant"]
    pub fn named(self, name: &str) -> Self {
        if let Some(executor) = self.executor.upgrade() {
            executor.name(self.id, name);
        }
        self
    }

    /// Drops what the task has still to do, if it is not done.
    pub fn cancel(&self) {
        if let Some(executor) = self.executor.upgrade() {
            executor.cancel(self.id);
        }
    }

    /// Whether it is done, or was cancelled; also when that was awaited.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.end.borrow().is_over
    }
}

impl<V> Future for Task<V> {
    type Output = Result<V, Cancelled>;

    fn poll(self: Pin<&mut Self>, polled: &mut Polled<'_>) -> Poll<Self::Output> {
        let mut end = self.end.borrow_mut();
        match end.output.take() {
            Some(output) => Poll::Ready(output),
            None if end.is_over => panic!("this task was awaited before, and what it gave was taken then"),
            None => {
                if !end.waiting.as_ref().is_some_and(|waiting| waiting.will_wake(polled.waker())) {
                    end.waiting = Some(polled.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

/// What is awaited of a task that was cancelled, or dropped at the end of its test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task was cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// Makes a task of another executor known to airtight, such as one of tokio's current-thread runtime or of a `LocalPool`: wrap the future
/// where it is spawned. One that its runtime drops before it is done is a leak, with its name, the place where it was wrapped, and the place
/// where it waits.
/// ```no_run
/// # use airtight_sdk as airtight;
/// # fn spawn(_: impl Future) {}
/// spawn(airtight::track_task("poller", async { /* … */ }));
/// ```
#[track_caller]
pub fn track_task<F: Future>(name: &str, future: F) -> TrackedTask<F> {
    TrackedTask { future: Box::pin(future), entry: Some(TaskEntry::new(name)), outer: Arc::default(), own: None }
}

/// A future of [`track_task`].
#[must_use = "futures do nothing unless they are awaited or spawned"]
pub struct TrackedTask<F> {
    future: Pin<Box<F>>,
    entry: Option<TaskEntry>,
    /// The waker that it was polled with last.
    outer: Arc<Mutex<Option<Waker>>>,
    own: Option<Waker>,
}

impl<F: Future> Future for TrackedTask<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, polled: &mut Polled<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let Some(entry) = &this.entry else { return this.future.as_mut().poll(polled) };
        {
            let mut outer = this.outer.lock().unwrap_or_else(PoisonError::into_inner);
            if !outer.as_ref().is_some_and(|outer| outer.will_wake(polled.waker())) {
                *outer = Some(polled.waker().clone());
            }
        }
        let outer = &this.outer;
        let own = this.own.get_or_insert_with(|| {
            let outer = Arc::clone(outer);
            entry.waker(move || {
                let waker = outer.lock().unwrap_or_else(PoisonError::into_inner).take();
                waker.into_iter().for_each(Waker::wake);
            })
        });
        let ended = this.future.as_mut().poll(&mut Polled::from_waker(own));
        if ended.is_ready() {
            this.entry.take().into_iter().for_each(TaskEntry::done);
        }
        ended
    }
}

#[cfg(test)]
mod tests;
