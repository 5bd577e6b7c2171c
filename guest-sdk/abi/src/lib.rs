//! What the airtight host and its guest SDK say to each other: names, metadata and memory layout.
//!
//! A test binary built with the SDK is an ordinary `wasm32-wasip1` module. It has no imports of airtight's own, so it
//! loads in any WASI engine, unless its tests use the network of the sandbox (see [`net`]), ask about their memory (see
//! [`mem`]) or what they hold (see [`held`]), run subtests (see [`scopes`]), track resources (see [`tracked`]), spawn tasks (see
//! [`tasks`]) or let calls of theirs fail (see [`faults`]). What it adds:
//!
//! | what | where | see |
//! | --- | --- | --- |
//! | which tests there are | custom section [`SECTION`] | [`parse_section`] |
//! | a test | export [`TEST_EXPORT_PREFIX`]`<unique>`, `() -> i32` | [below](#running-a-test) |
//! | what the test said | export [`STATE_EXPORT`], `() -> i32` | [`State`], [`journal`] |
//! | its clean-ups | export [`CLEANUP_EXPORT`], `() -> i32` | [below](#running-a-test) |
//! | output still buffered | export [`FLUSH_EXPORT`], `() -> i32` | [below](#running-a-test) |
//! | sockets it was granted | environment variable [`SOCKETS_ENV`] | |
//! | sockets it opens | imports from [`net::MODULE`], where it uses them | [`net`] |
//! | what it asks about its memory | imports from [`mem::MODULE`], where it uses them | [`mem`] |
//! | tasks that it spawns | imports from [`tasks::MODULE`], where it spawns any | [`tasks`] |
//! | resources that it tracks | imports from [`tracked::MODULE`], where it uses them | [`tracked`] |
//! | what it asks about what it holds | imports from [`held::MODULE`], where it uses them | [`held`] |
//! | calls that it lets fail | an import from [`faults::MODULE`], where it uses it | [`faults`] |
//! | subtests | an import from [`scopes::MODULE`], where it has any, and two exports | [`scopes`] |
//!
//! # Running a test
//! In a fresh instance, without calling `_start`:
//! 1. Call the test's export. It returns 0 if the test returned and there is nothing more to say: no failure, no clean-up
//!    pending. Otherwise it returns the address of the [`State`].
//! 2. If it returned an address, or did not return (a trap, `proc_exit`, no fuel), restore the stack pointer, ask
//!    [`STATE_EXPORT`] for the address, and copy [`State`] and journal *before* any clean-up: a clean-up may add to them.
//! 3. While [`State::pending_cleanups`] is not 0, call [`CLEANUP_EXPORT`]: it removes the next clean-up (that of the
//!    innermost scope, the highest priority and the last registration), runs it and returns 1, or returns 0 if none is left.
//!    If one traps, restore the stack pointer and call again: it has been removed already. The count may be too high by one after a trap, never too low.
//! 4. To see the last line of output where it had no line feed, call [`FLUSH_EXPORT`]; it may trap after a trap.
//!
//! A test that is expected to panic (see [`TestMeta::should_panic`]) has passed if it did not return, [`State::panicked`]
//! is set, [`State::failed`] is not, and the first [`journal::Kind::Panic`] holds the expected text. Only such tests
//! record their panics: the others have theirs on standard error, as every Rust program.
//!
//! In a target that libtest runs, libtest knows every test of the section too, by [`TestMeta::libtest_name`]: whoever runs
//! both leaves those out there.
//!
//! A record may be of no test (see [`Role`]). A set-up is called like a test, once for the module; the tests of the module, those of
//! libtest too, are then called in instances that begin where that one ended. A teardown is called so when all tests have ended.
//!
//! Whatever is read from a guest is hostile until it has been checked: the parsers here are bounded, take any bytes and
//! do not panic.
//!
//! # Linkers
//! `wasm-ld` wraps every export of a command module in calls of its constructors and destructors (the wrapper is called
//! `….command_export`), unless something refers to `__wasm_call_ctors`. Recent start files of wasi-libc do: exports are
//! then plain, and a module's own constructors, which are rare in Rust, run in `_start` only. Older ones (Debian 12) do
//! not: every call of an export then runs them again, which those versions of wasi-libc need to know the pre-opened
//! directories. All that is said here holds both ways.
#![no_std]

extern crate alloc;

pub mod faults;
pub mod go;
pub mod held;
pub mod journal;
pub mod limits;
pub mod mem;
mod meta;
pub mod net;
mod record;
pub mod scopes;
mod state;
pub mod tasks;
pub mod tracked;
pub mod units;

pub use meta::{MetaError, Role, TestMeta, libtest_name, parse_section};
pub use record::{key, record, record_len};
pub use state::{State, UnknownVersion};

/// The custom section in which a module lists its tests.
pub const SECTION: &str = "airtight.tests";

/// The [role](key::ROLE) of what runs once before the tests of a module, which begin where it ended: see [`Role::SetUp`].
pub const SETUP: &str = "setup";

/// The [role](key::ROLE) of what runs once after them.
pub const TEARDOWN: &str = "teardown";

/// What the names of tests' exports start with. The rest is unique within the module, and the same for the same source.
pub const TEST_EXPORT_PREFIX: &str = "airtight:test/";

/// The export that returns the address of the [`State`].
pub const STATE_EXPORT: &str = "airtight:state";

/// The export that runs the next clean-up.
pub const CLEANUP_EXPORT: &str = "airtight:cleanup";

/// The export that writes out what the guest's `stdout` still buffers. It returns 0.
pub const FLUSH_EXPORT: &str = "airtight:flush";

/// The environment variable that names the granted sockets: `name=fd` pairs joined by `:`.
pub const SOCKETS_ENV: &str = "AIRTIGHT_SOCKETS";
