//! Running a test that airtight calls by its export. The protocol is in [`airtight_abi`].

use crate::book::Book;
use crate::cleanups::PreparedJob;
use crate::libtest::message;
use crate::runner::Runner;
use crate::{Outcome, T, Test};
use airtight_abi::State;
use airtight_abi::journal::Kind;
use std::ffi::{c_int, c_void};
use std::io::Write;

/// The book of the test that this instance runs.
pub(crate) static BOOK: Book = Book::new();

/// Runs a test. Its clean-ups are the host's to run.
#[doc(hidden)]
pub fn direct<R: Outcome>(test: &'static Test, body: fn(&mut T) -> R) -> u32 {
    run(test, || {
        let mut t = T::new(test, Runner::Airtight(&BOOK));
        let outcome = body(&mut t);
        t.returned(outcome.failure());
        t.end_tasks();
    });
    if BOOK.is_blank() { 0 } else { state() }
}

/// Where panics unwind, the one that leaves the test is written down when everything was dropped. Those that the test itself
/// caught are its own affair.
#[cfg(panic = "unwind")]
fn run(_: &Test, call: impl FnOnce()) {
    use crate::runner::LeavePayload;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call))
        && !payload.is::<LeavePayload>()
    {
        BOOK.enter(State::PANICKED, Kind::Panic, "", message(&*payload));
    }
}

/// Where a panic ends the program, one that is expected is written down before.
#[cfg(not(panic = "unwind"))]
fn run(test: &Test, call: impl FnOnce()) {
    if test.should_panic.is_some() {
        // Natively, only a panic that leaves the test itself is the one that is expected.
        before_abort::record_panics_of_this_thread();
    }
    call();
}

#[cfg(not(panic = "unwind"))]
mod before_abort {
    use super::{BOOK, Kind, State, message};
    use std::cell::Cell;
    use std::panic::{PanicHookInfo, set_hook, take_hook};
    use std::sync::OnceLock;

    /// The hook that was there, once this crate's stands before it.
    static HOOK_BEFORE: OnceLock<Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>> = OnceLock::new();

    thread_local! {
        /// Whether it is the test's own thread.
        static IS_TEST: Cell<bool> = const { Cell::new(false) };
    }

    /// Writes panics into the book on their way to the hook that was there. That one is kept in a static, and the first hook of
    /// a program has nothing in its box: no block of the heap is allocated, which would count as the test's own.
    pub(super) fn record_panics_of_this_thread() {
        IS_TEST.set(true);
        HOOK_BEFORE.get_or_init(|| {
            let before = take_hook();
            set_hook(Box::new(|panic| {
                if IS_TEST.get() {
                    record(panic);
                }
                if let Some(before) = HOOK_BEFORE.get() {
                    before(panic);
                }
            }));
            before
        });
    }

    fn record(panic: &PanicHookInfo<'_>) {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        BOOK.enter(State::PANICKED, Kind::Panic, &at, message(panic.payload()));
    }
}

#[unsafe(export_name = "airtight:state")]
pub(crate) extern "C" fn state() -> u32 {
    // Addresses have 32 bits here.
    (&raw const BOOK) as u32
}

#[unsafe(export_name = "airtight:cleanup")]
extern "C" fn cleanup() -> u32 {
    match BOOK.take_cleanup(0) {
        Some(job) => {
            run_cleanup(job);
            1
        }
        None => 0,
    }
}

/// Runs a clean-up. Its panic has been printed, and ends the call as it does where panics do not unwind: it could not leave this
/// function but by another panic, that of Rust's library, which says less.
#[cfg(panic = "unwind")]
fn run_cleanup(job: PreparedJob) {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| job.run())) {
        drop(payload);
        core::arch::wasm32::unreachable();
    }
}

#[cfg(not(panic = "unwind"))]
fn run_cleanup(job: PreparedJob) {
    job.run();
}

#[unsafe(export_name = "airtight:next-cleanup")]
extern "C" fn next_cleanup(depth: u32) -> u32 {
    BOOK.cleanups().describe_next(depth) as u32
}

#[unsafe(export_name = "airtight:subtest")]
extern "C" fn enter_subtest(function: u32, data: u32) -> u32 {
    // SAFETY: the host gives back what `crate::subtest` gave it: a function of this type, and the data that it takes. Of another
    // address the call traps, as the function's type is checked.
    let function: extern "C" fn(*mut c_void) -> u32 = unsafe { std::mem::transmute(function as usize) };
    function(data as usize as *mut c_void)
}

#[unsafe(export_name = "airtight:flush")]
extern "C" fn flush() -> u32 {
    unsafe extern "C" {
        fn fflush(stream: *mut c_void) -> c_int;
    }
    // What cannot be written is lost, as at any program's end.
    let _ = std::io::stdout().flush();
    // For C code in the test: every stream that is open.
    // SAFETY: the C library's function, of this signature; a null stream stands for all.
    let _ = unsafe { fflush(std::ptr::null_mut()) };
    0
}
