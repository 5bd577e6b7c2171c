//! Tests that say what only they can know: what to clean up, which limits to keep, which grants they need.
//!
//! The same source runs three ways, each test once in each:
//! - natively, with `cargo test`;
//! - in any WASI engine, as an ordinary `wasm32-wasip1` test binary;
//! - under airtight, which calls each test in an instance of its own, judges it from the outside, and runs its clean-ups
//!   whatever ended it.
//!
//! ```toml
//! [dev-dependencies]
//! airtight = { package = "airtight-sdk", version = "0.1" }
//! ```
//! Tests stand in an ordinary test target, or in the `#[cfg(test)]` modules of a library, beside plain `#[test]`s:
//! ```
//! # use airtight_sdk as airtight;
#![doc = include_str!("../tests/documentation/example.rs")]
//! # fn main() {}
//! ```
//!
//! # What a test may ask for
//! | in the attribute | meaning |
//! | --- | --- |
//! | `memory = "4MiB"` | cap on linear memory: `B`, `KiB`, `MiB`, `GiB`, or a number of bytes |
//! | `fuel = "10M"` | deterministic limit of time: `K`, `M`, `G`, `T`, or a number of units |
//! | `timeout = "5s"` | limit of wall-clock time: `ms`, `s`, `m`, `h` |
//! | `slow_timeout = "1s"` | wall-clock time after which it is told of as slow; its verdict stays |
//! | `output = "64KiB"` | cap on captured output |
//! | `handles = 16` | most descriptors of its own that are open at once |
//! | `live_threads = 8` | most threads that exist at once, beside its main one |
//! | `scratch = "1MiB"`, `scratch_entries = 100` | most bytes of files in memory, and most names of them |
//! | `io = "16MiB"` | most bytes that its calls read and write |
//! | `host_memory = "8MiB"` | most bytes that the host holds for it: output, files in memory, open descriptors |
//! | `peak_heap = "512KiB"` | most bytes of its own heap blocks that may be live at once |
//! | `lost = "0B"` | most bytes of heap blocks that nothing reaches at its end |
//! | `retained = "4KiB"` | most bytes of its own heap blocks that static data still reaches at its end |
//! | `allocations = 1000` | most allocations, reallocations included: `K`, `M`, `G`, `T`, or a number |
//! | `largest_allocation = "64KiB"` | most bytes of a single block that it asks for, whether it gets them or not |
//! | `grant = "db"`, `grants("db", "server")` | directories and sockets that the profile names |
//! | `should_panic`, `should_panic = "text"` | it must panic, with a message that holds the text |
//! | `ignore`, `ignore = "reason"` | it runs only if asked for |
//! | `serial`, `serial = "group"` | it does not run at once with others of its group, where they could meet: in directories that they may write to, and sockets of the host |
//! | `faults` | whenever airtight runs it and it passes, its calls are made to fail, one after the other: what it leaves then fails the run |
//! | `crate = path::to::airtight` | where this crate is, if not among the package's own dependencies |
//!
//! `#[should_panic]` and `#[ignore]` beside the attribute mean the same. Limits and grants take effect under airtight
//! alone; a test can lower limits and ask for what the profile offers, never widen its policy.
//!
//! # What a test may say of its memory
//! Limits in the attribute are judged at the test's end, over all of it. Inside a test, [`mem_stats`] tells what it uses, to
//! the byte and at that moment; [`assert_heap_below`], [`assert_no_growth`] and [`memory`], whose assertions combine, are for
//! a piece of it. They serve plain `#[test]`s too:
//! ```
//! # use airtight_sdk as airtight;
//! let mut names = Vec::from(["b", "a"]);
//! airtight::memory().peak_below("1KiB").no_growth().check(|| names.sort());
//! ```
//! A test binary that uses them has imports of airtight's own: other WASI engines do not load it. Natively, and where
//! airtight cannot see a module's heap, nothing is measured: no figure is 0 for that reason, assertions pass, and that they
//! check nothing is said once on standard error.
//!
//! # Where the three ways differ
//! | | natively | libtest on wasm | airtight |
//! | --- | --- | --- | --- |
//! | clean-ups after a panic | run | do not: the program has ended | run |
//! | clean-ups after `exit`, a trap, the end of memory or fuel | do not | do not | run |
//! | destructors after a panic, `fatal` or `skip` | run | do not | do not |
//! | `should_panic` | works | libtest by itself ignores the test, under airtight it works | works |
//! | [`T::skip`] | counts as passed | fails | is a skip |
//! | [`T::run`] | runs a subtest | does not load | runs a subtest, with a verdict and figures of its own |
//! | [`T::fork`] | runs a subtest where it stands | does not load | runs a subtest in an instance of its own |
//! | tasks of [`T::spawn`] that are left | are dropped | do not load | are leaks |
//! | [`T::track`] | counts nothing | does not load | counts resources of your own kinds |
//! | [`T::fail_next`] | nothing fails | does not load | a call of the test fails |
//! | [`setup`](macro@setup) | the first test that asks for it, for all of a process | as natively | once a module, and each test has the world to itself |
//! | [`teardown`](macro@teardown) | is not called | is not called | once a module |
//! | [`net`] | sockets of the machine | does not load | a network of the test's own |
//! | [`mem_stats`] and its assertions | not measured | do not load | measured |
//!
//! With `airtight test --unwind`, panics unwind on wasm, too: the rows on clean-ups after a panic and on destructors then say
//! what they say natively, whoever runs the test.
//!
//! Without it nothing is dropped on wasm after a panic or a trap. So a clean-up finds locks taken and cells borrowed as the test left
//! them: let it own what it needs, and share with the test what survives that, such as a [`Cell`](std::cell::Cell).

// `tests/documentation.rs` runs the example.
#![allow(clippy::test_attr_in_doctest)]

// The macro's paths start with the crate's name, in the crate's own tests too.
extern crate self as airtight_sdk;

mod book;
mod cleanup;
mod cleanups;
#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
mod direct;
mod faults;
mod fork;
mod journal;
mod libtest;
mod mem;
pub mod net;
mod outcome;
mod position;
mod runner;
mod scopes;
#[cfg(any(unix, target_os = "wasi"))]
mod sockets;
mod subtest;
mod t;
mod tasks;
mod temp_dir;
mod tracked;

pub use airtight_abi::faults::{Call, Failure};
pub use cleanup::{Cleanup, Scope};
pub use mem::{MemStats, MemoryCheck, Size, assert_heap_below, assert_no_growth, mem_stats, memory};
pub use outcome::Outcome;
#[cfg(any(unix, target_os = "wasi"))]
pub use sockets::socket;
pub use t::T;
use t::Test;
pub use tasks::{Cancelled, Context, Task, TrackedTask, sleep, spawn, track_task, yield_now};
pub use tracked::{Tracked, track};

/// Makes `fn name(t: &mut airtight::T)` a test; it may return a `Result<(), E>` where `E: Debug`.
///
/// [What it takes](crate#what-a-test-may-ask-for) is checked when the test is compiled:
/// ```compile_fail
/// # use airtight_sdk as airtight;
/// #[airtight::test(memory = "4 megs")] // "4 megs" is not a size; write for example "4MiB"
/// fn wrong_unit(_: &mut airtight::T) {}
/// ```
/// ```compile_fail
/// # use airtight_sdk as airtight;
/// #[airtight::test(memroy = "4MiB")] // unknown key `memroy`: did you mean `memory`?
/// fn wrong_key(_: &mut airtight::T) {}
/// ```
/// ```compile_fail
/// # use airtight_sdk as airtight;
/// #[airtight::test(allocations = "1KiB")] // "1KiB" is not a count; write for example "10K" or a number
/// fn wrong_count(_: &mut airtight::T) {}
/// ```
///
/// An `async fn` is a test too, in which tasks of [`T::spawn`] run wherever it awaits.
pub use airtight_macros::test;

/// Makes `fn name() -> World` the set-up of its module: what is made once, before the tests. Calling it gives `&'static World`.
///
/// Under airtight it is called once for a module, and every test of the module, plain `#[test]`s too, begins where it ended: in an
/// instance of its own with the same memory, files in `/tmp`, descriptors, sockets, clock and randomness. No test sees what another
/// did to the world. Natively the first test that asks for it makes it, and the tests of a process share it.
/// ```
/// # use airtight_sdk as airtight;
/// use std::sync::Mutex;
///
/// #[airtight::setup]
/// fn accounts() -> Mutex<Vec<u64>> {
///     Mutex::new((0..1000).collect()) // expensive
/// }
///
/// #[airtight::test]
/// fn one_is_closed(_: &mut airtight::T) {
///     accounts().lock().unwrap().pop();
/// }
/// # fn main() {}
/// ```
/// It takes the limits and grants that a test takes. A module has at most one.
/// ```compile_fail
/// # use airtight_sdk as airtight;
/// #[airtight::setup] // a setup takes no argument
/// fn accounts(_: &mut airtight::T) {}
/// ```
pub use airtight_macros::setup;

/// Makes `fn name()` the teardown of its module, which may return a `Result<(), E>` where `E: Debug`: what is called once, after the
/// tests, where the [set-up](macro@setup) ended. What the set-up acquired and it does not release is a leak. Natively it is not called.
pub use airtight_macros::teardown;

/// The pages of the guide that are about this crate: their Rust is compiled, as documentation.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../host/docs/guide/faults.md")]
    mod faults {}
    #[doc = include_str!("../../host/docs/guide/lifecycle.md")]
    mod lifecycle {}
    #[doc = include_str!("../../host/docs/guide/limits.md")]
    mod limits {}
}

/// What the macro's expansion uses. None of it is for hands.
#[doc(hidden)]
pub mod __private {
    #[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
    pub use crate::direct::direct;
    pub use crate::libtest::libtest;
    pub use crate::t::Test;
    pub use crate::tasks::block_on;
    pub use airtight_abi::{record, record_len};
}
