//! Forked subtests: parts of a test that begin where it stands, and of which it sees nothing.

use crate::{Outcome, T};
use std::panic::Location;

impl T {
    /// Runs a part of the test as a subtest that has the world to itself: it begins where the test stands now, in an instance of its own,
    /// with the same memory, files, descriptors, sockets, clock and randomness. An expensive fixture is made once and given to many.
    ///
    /// The test goes on at once. It sees nothing of what the subtest does, whose verdict is there when the test has ended; a test of
    /// which a forked subtest failed fails. What was open when it was forked belongs to the test, and so do clean-ups that the test
    /// registered: they do not run in the fork, and its own do. All limits of the test hold for the fork anew. A panic in it fails it,
    /// also where the test should panic.
    ///
    /// Names and filters are those of [`T::run`], and forks may run subtests and fork others. What a fork cannot have fails it, with
    /// the reason: an open file or a socket of the host, which there is once. A module with threads cannot be forked.
    ///
    /// Natively, and under libtest on wasm, there is nothing to fork: the body runs at once, as in [`T::run`], and what it does stays.
    ///
    /// ```
    /// # use airtight_sdk as airtight;
    /// #[airtight::test]
    /// fn sorts(t: &mut airtight::T) {
    ///     let mut numbers: Vec<u32> = (0..1_000).rev().collect(); // expensive
    ///     for (name, from) in [("all", 0), ("half", 500), ("none", 1_000)] {
    ///         t.fork(name, |_| {
    ///             numbers[from..].sort();
    ///             assert!(numbers[from..].is_sorted());
    ///         });
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn fork<R: Outcome>(&mut self, name: &str, body: impl FnOnce(&mut T) -> R) {
        let test = airtight_abi::libtest_name(self.test.name);
        let place = self.place.within(test, name, Location::caller());
        let child = T::at(self.test, self.runner.clone(), place);
        if !platform::fork(name, child, body) {
            self.failed.set(true);
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1")))]
mod platform {
    pub(super) use crate::subtest::here::run as fork;
}

/// The host forks. See [`airtight_abi::scopes`].
#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
mod platform {
    use crate::direct::state;
    use crate::runner::Runner;
    use crate::scopes::GivenNames;
    use crate::scopes::host::scope_fork;
    use crate::subtest::{here, sandbox};
    use crate::{Outcome, T};
    use std::ffi::c_void;
    use std::rc::Rc;

    /// A subtest that the host is to enter in another instance.
    struct ForkCall<F> {
        t: Option<T>,
        body: Option<F>,
    }

    /// Forks, and tells whether what ran here did not fail: nothing, where the host forks.
    pub(super) fn fork<R: Outcome, F: FnOnce(&mut T) -> R>(name: &str, mut t: T, body: F) -> bool {
        if matches!(t.runner, Runner::Libtest(_)) {
            return here::run(name, t, body);
        }
        // What the names that it gives are put into is the test's doing, and is not among the fork's figures.
        if let Some(names) = &mut t.place.names {
            *names = Rc::new(GivenNames::of_fork(names));
        }
        let (runner, depth) = (t.runner.clone(), t.place.depth);
        let before = runner.book().flags();
        let mut call = ForkCall { t: Some(t), body: Some(body) };
        runner.book().enter_scope();
        let data = (&raw mut call).cast();
        // SAFETY: the name is read before anything else happens; `enter` takes the data for what it is, in an instance of which nothing
        // but `enter` and clean-ups are called from then on, so that nothing else uses it. This instance is not entered meanwhile.
        unsafe { scope_fork(state(), name.as_ptr(), name.len(), enter::<R, F>, data) };
        runner.book().leave_scope(depth, before);
        true
    }

    /// Runs the subtest, and tells whether it has failed.
    extern "C" fn enter<R: Outcome, F: FnOnce(&mut T) -> R>(data: *mut c_void) -> u32 {
        // SAFETY: see `fork`, whose host calls this once in each instance.
        let call = unsafe { &mut *data.cast::<ForkCall<F>>() };
        let Some((mut t, body)) = call.t.take().zip(call.body.take()) else { return 0 };
        let panic = sandbox::caught(|| {
            let failure = body(&mut t).failure();
            t.returned(failure);
            t.end_tasks();
        });
        if let Some(panic) = panic {
            sandbox::said(&t, &*panic);
        }
        t.failed().into()
    }
}
