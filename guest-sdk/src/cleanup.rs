//! Clean-ups as values: named, ordered and composed before they are registered.

use crate::cleanups::Tag;
use crate::runner::Runner;
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

/// A clean-up that has a name or a priority, or consists of several steps: an ordinary value, to be built where it belongs and
/// registered with [`T::register`](crate::T::register).
///
/// ```
/// # use airtight_sdk as airtight;
/// use airtight::Cleanup;
///
/// fn stop_database() -> Cleanup {
///     Cleanup::new("db").then(|| println!("close connections")).then(|| println!("remove the directory"))
/// }
///
/// fn start(t: &mut airtight::T) {
///     t.cleanup(|| println!("this is done last"));
///     t.register(stop_database().priority(10).and(Cleanup::new("network").then(|| println!("disconnect"))));
/// }
/// ```
#[must_use = "a clean-up runs once it is registered, with `T::register`"]
pub struct Cleanup {
    name: Cow<'static, str>,
    priority: i32,
    steps: Vec<CleanupStep>,
}

/// A step of a clean-up.
struct CleanupStep {
    name: Cow<'static, str>,
    at: &'static Location<'static>,
    job: Box<dyn FnOnce()>,
}

impl Cleanup {
    /// A clean-up of this name, which reports give. It does nothing yet.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), priority: 0, steps: Vec::new() }
    }

    /// Sets the priority of all its steps. In a scope, clean-ups of a higher priority run before those of a lower one, whichever
    /// was registered first. Without one, and for plain closures, it is 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Adds a step, which runs after those that are there. Where a step fails, those after it still run.
    #[track_caller]
    pub fn then(mut self, step: impl FnOnce() + 'static) -> Self {
        self.steps.push(CleanupStep { name: self.name.clone(), at: Location::caller(), job: Box::new(step) });
        self
    }

    /// Adds the steps of another clean-up, under its name and with the priority of this one.
    pub fn and(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self
    }
}

impl fmt::Debug for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, priority, steps } = self;
        f.debug_struct("Cleanup").field("name", name).field("priority", priority).field("steps", &steps.len()).finish()
    }
}

/// A test or a subtest, as far as clean-ups can be registered in it. Unlike [`T`](crate::T), it can be taken into a clean-up.
///
/// Once the test or subtest that it was taken from has ended, it stands for the innermost one that is still running.
///
/// ```
/// # use airtight_sdk as airtight;
/// fn start(t: &mut airtight::T) {
///     let scope = t.scope();
///     t.cleanup(move || {
///         println!("ask the server to stop");
///         scope.cleanup(|| println!("and wait for it"));
///     });
/// }
/// ```
#[derive(Clone)]
pub struct Scope {
    runner: Runner,
    depth: u32,
}

impl Scope {
    pub(crate) fn new(runner: Runner, depth: u32) -> Self {
        Self { runner, depth }
    }

    /// Registers a clean-up: see [`T::cleanup`](crate::T::cleanup).
    #[track_caller]
    pub fn cleanup(&self, job: impl FnOnce() + 'static) {
        self.add(None, 0, Location::caller(), job);
    }

    /// Registers a clean-up that was built before: see [`T::register`](crate::T::register).
    pub fn register(&self, cleanup: Cleanup) {
        let Cleanup { priority, steps, .. } = cleanup;
        // The last one in is the first to run.
        for CleanupStep { name, at, job } in steps.into_iter().rev() {
            self.add(Some(name), priority, at, job);
        }
    }

    fn add(
        &self,
        name: Option<Cow<'static, str>>,
        priority: i32,
        at: &'static Location<'static>,
        job: impl FnOnce() + 'static,
    ) {
        let book = self.runner.book();
        book.add_cleanup(Tag { name, priority, depth: self.depth.min(book.depth()), at }, job);
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("depth", &self.depth).finish_non_exhaustive()
    }
}
