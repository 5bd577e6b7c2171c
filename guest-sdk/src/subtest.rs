//! Subtests: parts of a test that have a name, clean-ups and a verdict of their own.

use crate::{Outcome, T};
use std::panic::Location;

impl T {
    /// Runs a part of the test as a subtest, and tells whether it did not fail.
    ///
    /// A subtest has its own verdict, figures and clean-ups, which run when it ends. What it acquires belongs to it: what is still
    /// open when it has ended is told of. [`T::fatal`], [`T::skip`] and panics end the subtest alone, and the test goes on; a
    /// test of which a subtest failed fails. Where the test should panic, a panic in a subtest is the one that is expected.
    ///
    /// As in Go's testing package, a name that was used before is numbered, `case#01`, and white space in it becomes `_`. The
    /// filter `name/case` runs the subtests whose names hold `case` in tests whose names hold `name`; a subtest that is left out
    /// counts as one that did not fail.
    ///
    /// ```
    /// # use airtight_sdk as airtight;
    /// fn parses(t: &mut airtight::T) {
    ///     for (text, number) in [("1", 1), (" 2", 2), ("03", 3)] {
    ///         t.run(text, |_| assert_eq!(text.trim().parse(), Ok(number)));
    ///     }
    /// }
    /// ```
    #[track_caller]
    pub fn run<R: Outcome>(&mut self, name: &str, body: impl FnOnce(&mut T) -> R) -> bool {
        let test = airtight_abi::libtest_name(self.test.name);
        let place = self.place.within(test, name, Location::caller());
        let child = T::at(self.test, self.runner.clone(), place);
        let passed = platform::run(name, child, body);
        if !passed {
            self.failed.set(true);
        }
        passed
    }
}

#[cfg(not(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1")))]
use here as platform;
#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
use sandbox as platform;

/// Subtests that run where they are called: natively, and under libtest.
pub(crate) mod here {
    use crate::libtest::{message, run_cleanups};
    use crate::runner::LeavePayload;
    use crate::{Outcome, T};
    use airtight_abi::State;
    use airtight_abi::journal::Kind;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    pub(crate) fn run<R: Outcome>(_: &str, mut t: T, body: impl FnOnce(&mut T) -> R) -> bool {
        let before = t.book().flags();
        t.book().enter_scope();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let failure = body(&mut t).failure();
            t.returned(failure);
            t.end_tasks();
        }));
        let panic = ended.err().filter(|payload| !payload.is::<LeavePayload>());
        let (expected, depth) = (t.test.should_panic.is_some(), t.place.depth);
        if let Some(payload) = panic.as_ref().filter(|_| !expected) {
            t.note(State::FAILED, Kind::Failure, "", &format!("panicked: {}", message(&**payload)));
        }
        let whose = t.place.prefix().unwrap_or_default();
        let spoilt = run_cleanups(t.book(), depth, &whose);
        t.book().leave_scope(depth, before);
        match panic.filter(|_| expected) {
            Some(payload) => resume_unwind(payload),
            None => !spoilt && !t.failed(),
        }
    }
}

/// Subtests that the host runs. See [`airtight_abi::scopes`].
#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
pub(crate) mod sandbox {
    use super::here;
    use crate::direct::state;
    use crate::libtest::Payload;
    use crate::runner::Runner;
    use crate::scopes::host::scope_run;
    use crate::{Outcome, T};
    use airtight_abi::scopes::{NOT_SELECTED, PASSED, SKIPPED};
    use std::ffi::c_void;

    /// A subtest that the host is to enter.
    struct SubtestCall<F> {
        t: T,
        body: Option<F>,
        /// The panic that is to leave the test, too.
        panic: Option<Payload>,
    }

    pub(super) fn run<R: Outcome, F: FnOnce(&mut T) -> R>(name: &str, t: T, body: F) -> bool {
        if matches!(t.runner, Runner::Libtest(_)) {
            return here::run(name, t, body);
        }
        let (before, depth) = (t.book().flags(), t.place.depth);
        let mut call = SubtestCall { t, body: Some(body), panic: None };
        call.t.book().enter_scope();
        let data = (&raw mut call).cast();
        // SAFETY: the name is read before anything else happens; `enter` takes the data for what it is, while `call` is live and
        // nothing else uses it.
        let outcome = unsafe { scope_run(state(), name.as_ptr(), name.len(), enter::<R, F>, data) };
        call.t.book().leave_scope(depth, before);
        if let Some(panic) = call.panic.take() {
            std::panic::resume_unwind(panic);
        }
        matches!(outcome, PASSED | SKIPPED | NOT_SELECTED)
    }

    /// Runs the subtest, and tells whether it has failed.
    extern "C" fn enter<R: Outcome, F: FnOnce(&mut T) -> R>(data: *mut c_void) -> u32 {
        // SAFETY: see `run`, whose host calls this once.
        let call = unsafe { &mut *data.cast::<SubtestCall<F>>() };
        let Some(body) = call.body.take() else { return 0 };
        let t = &mut call.t;
        let run = || {
            let failure = body(t).failure();
            t.returned(failure);
            t.end_tasks();
        };
        call.panic = caught(run);
        if let Some(panic) = call.panic.take_if(|_| call.t.test.should_panic.is_none()) {
            said(&call.t, &*panic);
        }
        call.t.failed().into()
    }

    /// The panic that left the subtest, where panics unwind.
    #[cfg(panic = "unwind")]
    pub(crate) fn caught(run: impl FnOnce()) -> Option<Payload> {
        use crate::runner::LeavePayload;
        use std::panic::{AssertUnwindSafe, catch_unwind};
        catch_unwind(AssertUnwindSafe(run)).err().filter(|payload| !payload.is::<LeavePayload>())
    }

    /// Where a panic ends the program, the host sees it end.
    #[cfg(not(panic = "unwind"))]
    pub(crate) fn caught(run: impl FnOnce()) -> Option<Payload> {
        run();
        None
    }

    /// Writes down the panic that left the subtest.
    pub(crate) fn said(t: &T, panic: &(dyn std::any::Any + Send)) {
        use airtight_abi::State;
        use airtight_abi::journal::Kind;
        t.book().enter(State::PANICKED, Kind::Panic, "", crate::libtest::message(panic));
    }
}
