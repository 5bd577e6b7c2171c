//! Runs the tasks of one scope, one at a time, in the order in which they were woken. Where none can go on, it lets time pass until the next
//! timer; where there is none, nothing will ever go on.

use super::context::Context;
use super::entry::TaskEntry;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Display};
use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Polled, Poll, Wake, Waker};
use std::time::Instant;

thread_local! {
    /// The executor that runs a task or a test now.
    static CURRENT: RefCell<Option<Rc<Executor>>> = const { RefCell::new(None) };
}

/// The executor of a scope.
#[derive(Default)]
pub(crate) struct Executor {
    tasks: RefCell<BTreeMap<u64, SpawnedTask>>,
    next: Cell<u64>,
    ready: Arc<Mutex<VecDeque<u64>>>,
    timers: RefCell<BTreeMap<(Instant, u64), Waker>>,
    running: Cell<bool>,
    pub(crate) context: Context,
}

/// What ends the tasks of a scope. Behind a pointer, so that a test without tasks imports nothing that it does not need.
pub(crate) trait EndTasks {
    fn end(&self);
    fn executor(&self) -> Rc<Executor>;
}

impl EndTasks for Rc<Executor> {
    fn end(&self) {
        self.finish();
    }

    fn executor(&self) -> Rc<Executor> {
        Rc::clone(self)
    }
}

/// A task that is not done.
struct SpawnedTask {
    /// What there is to do; nothing while it is being polled.
    job: Option<Job>,
    entry: TaskEntry,
    name: Option<String>,
    at: &'static Location<'static>,
    /// It is to be dropped when it has been polled.
    is_cancelled: bool,
}

/// What a task has to do. Its own waker is never cloned but by what it waits for: see [`TaskEntry::waker`].
struct Job {
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
}

/// Nothing will ever go on: the test waits, and so do all tasks, and no timer is set.
#[derive(Debug)]
pub(crate) struct Deadlock(Vec<String>);

impl Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [] => write!(f, "deadlock: the test waits for something that no task and no timer will bring about"),
            tasks => {
                let (count, s) = (tasks.len(), if tasks.len() == 1 { "" } else { "s" });
                write!(f, "deadlock: the test and {count} task{s} wait, and no timer is set: {}", tasks.join(", "))
            }
        }
    }
}

/// Whether the future that is blocked on was woken.
struct WokenFlag(AtomicBool);

impl Wake for WokenFlag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Executor {
    /// The executor that runs the caller.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub(crate) fn current(what: &str) -> Rc<Self> {
        let current = CURRENT.with_borrow(Clone::clone);
        current.unwrap_or_else(|| panic!("{what} is for tasks of `T::spawn`, `async` tests and `T::block_on`"))
    }

    /// Adds a task, which is polled when its turn comes.
    pub(crate) fn spawn(
        self: &Rc<Self>,
        entry: TaskEntry,
        at: &'static Location<'static>,
        job: impl Future<Output = ()> + 'static,
    ) -> u64 {
        let id = self.next.get();
        self.next.set(id + 1);
        let ready = Arc::clone(&self.ready);
        let waker = entry.waker(move || {
            let mut ready = ready.lock().unwrap_or_else(PoisonError::into_inner);
            if !ready.contains(&id) {
                ready.push_back(id);
            }
        });
        waker.wake_by_ref();
        let job = Job { future: Box::pin(job), waker };
        let spawned = SpawnedTask { job: Some(job), entry, name: None, at, is_cancelled: false };
        self.tasks.borrow_mut().insert(id, spawned);
        id
    }

    /// Names a task that is not done.
    pub(crate) fn name(&self, id: u64, name: &str) {
        if let Some(task) = self.tasks.borrow_mut().get_mut(&id) {
            task.entry.name(name);
            task.name = Some(name.to_owned());
        }
    }

    /// Drops what a task had still to do. It is done then.
    pub(crate) fn cancel(&self, id: u64) {
        let mut tasks = self.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(&id) else { return };
        if task.job.is_none() {
            task.is_cancelled = true;
            return;
        }
        let task = tasks.remove(&id);
        // What it drops may spawn and cancel others.
        drop(tasks);
        if let Some(SpawnedTask { job, entry, .. }) = task {
            drop(job);
            entry.done();
        }
    }

    /// Wakes at this moment, or later.
    pub(crate) fn set_timer(&self, at: Instant, waker: Waker) {
        let id = self.next.get();
        self.next.set(id + 1);
        self.timers.borrow_mut().insert((at, id), waker);
    }

    /// Runs a future to its end, and tasks while it waits.
    ///
    /// # Errors
    /// Nothing will ever go on.
    ///
    /// # Panics
    /// It is called by a task of its own.
    #[track_caller]
    pub(crate) fn block_on<F: Future>(self: &Rc<Self>, future: F) -> Result<F::Output, Deadlock> {
        assert!(!self.running.get(), "a task or an `async` test cannot block on a future: await it");
        let _running = Running::new(self);
        let woken = Arc::new(WokenFlag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut future = pin!(future);
        loop {
            self.take_over();
            if woken.0.swap(false, Ordering::Relaxed)
                && let Poll::Ready(output) = future.as_mut().poll(&mut Polled::from_waker(&waker))
            {
                return Ok(output);
            }
            let is_woken = || woken.0.load(Ordering::Relaxed);
            while !is_woken() && self.run_next() {}
            if !woken.0.load(Ordering::Relaxed) && !self.pass_time() {
                return Err(self.deadlock());
            }
        }
    }

    /// The scope ends: tasks are told that it does, and those that can go on run until none can. What is left then is dropped, and stays in
    /// the host's books.
    pub(crate) fn finish(self: &Rc<Self>) {
        self.context.cancel();
        {
            let _running = Running::new(self);
            while self.run_next() {}
        }
        self.timers.borrow_mut().clear();
        // One at a time: what one drops may spawn or cancel others.
        while let Some((_, left)) = { self.tasks.borrow_mut().pop_first() } {
            drop(left);
        }
    }

    /// Is the current one before it polls: a subtest that ended in a trap has left its own.
    fn take_over(self: &Rc<Self>) {
        drop(CURRENT.replace(Some(Rc::clone(self))));
    }

    /// Polls the task whose turn it is; false where it is that of none.
    fn run_next(self: &Rc<Self>) -> bool {
        let next = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(id) = next else { return false };
        let taken = self.tasks.borrow_mut().get_mut(&id).and_then(|task| task.job.take());
        // It is done, and was woken all the same.
        let Some(mut job) = taken else { return true };
        self.take_over();
        let is_done = job.future.as_mut().poll(&mut Polled::from_waker(&job.waker)).is_ready();
        let mut tasks = self.tasks.borrow_mut();
        if is_done || tasks.get(&id).is_some_and(|task| task.is_cancelled) {
            let task = tasks.remove(&id);
            drop(tasks);
            drop(job);
            if let Some(task) = task {
                task.entry.done();
            }
        } else if let Some(task) = tasks.get_mut(&id) {
            task.job = Some(job);
        }
        true
    }

    /// Lets time pass until the next timer, and wakes whom it wakes; false where there is none.
    fn pass_time(&self) -> bool {
        let Some(next) = self.timers.borrow().keys().next().map(|(at, _)| *at) else { return false };
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        let mut timers = self.timers.borrow_mut();
        let later = timers.split_off(&(now.max(next), u64::MAX));
        let due = std::mem::replace(&mut *timers, later);
        drop(timers);
        due.into_values().for_each(Waker::wake);
        true
    }

    fn deadlock(&self) -> Deadlock {
        let tasks = self.tasks.borrow();
        let named = tasks.values().map(|task| match &task.name {
            Some(name) => format!("`{name}` (spawned at {})", task.at),
            None => format!("one spawned at {}", task.at),
        });
        Deadlock(named.collect())
    }
}

/// An executor is the current one while this is alive.
struct Running<'a> {
    executor: &'a Executor,
    before: Option<Rc<Executor>>,
}

impl<'a> Running<'a> {
    fn new(executor: &'a Rc<Executor>) -> Self {
        executor.running.set(true);
        let before = CURRENT.replace(Some(Rc::clone(executor)));
        Self { executor, before }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.executor.running.set(false);
        drop(CURRENT.replace(self.before.take()));
    }
}
