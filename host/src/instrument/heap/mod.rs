//! Lets the host follow the heap and learn of panics. Functions are found by name, and their calls pass through a hook. In the
//! same way, functions of Rust's library that have no answer on this platform are given a body that has one (`fills`).
//!
//! The body of `malloc` is moved to the end of the code section, as a function of its own. A wrapper behind it tells the host
//! of the call and of the result. The old body is replaced by a jump of the same length, which calls the wrapper.
//!
//! ```wat
//! (module                              (module
//!   (func $malloc (param i32)            (func $malloc (param i32) (result i32)     ;; the jump
//!     (result i32) …)                      (call $wrapper (local.get 0)) nop nop …)
//!   (func $free (param i32) …)           (func $free (param i32) …)
//!   …                                    …
//!                                        (table $hooks (export "airtight:hooks") 2 2 funcref)
//!                                        (func $moved (param i32) (result i32) …)   ;; as it was
//!                                        (func $wrapper (param i32) (result i32) (local i32)
//!                                          (local.set 0 (call_indirect $hooks (type $enter) (i32.const WHICH)
//!                                            (local.get 0) (i32.const 0) (i32.const 0)))
//!                                          (local.set 1 (call $moved (local.get 0)))
//!                                          (call_indirect $hooks (type $leave) (i32.const WHICH)
//!                                            (local.get 1) (i32.const 1))
//!                                          (local.get 1))
//!   (export "malloc" (func $malloc)))    (export "malloc" (func $malloc)) …)
//! ```
//!
//! `enter` says how much the function is asked for: as much as its caller asks for, or where the call is to fail more than any memory has.
//! So it is the allocator itself that refuses, as it would a request that it cannot meet, `errno` and all.
//!
//! So no function index moves and no code offset shifts: calls, element segments, exports, names and line numbers stay as
//! they are. The host fills both slots of the table, gives back the fuel that the hook costs, and takes the added frames
//! out of the stacks it captures.
//!
//! Each hooked call adds two frames to the stack, those of jump and wrapper: some hundred bytes. A test that uses its call
//! stack to the last frame overflows that much earlier; at which depth it does so differs between engines anyway. A jump by
//! `return_call` would save one frame. But Winch does not compile tail calls, and the depth is not to depend on heap accounting
//! in one engine only.
//!
//! In a module that has exceptions, the wrapper catches each one, tells the host that the function was left, and throws it on.
//! So when a test panics, its window is left, and code by which its harness handles the panic does not count as the test's own.
//!
//! Not seen are allocators under other names, functions whose names were stripped, and an allocator that the compiler has
//! inlined into its callers.

mod code;
mod fills;
mod hook;
mod names;
mod panics;
mod plan;
mod reason;
mod restore;
mod undo;

#[cfg(test)]
mod tests;

pub use hook::{Hook, HookKind, Hooks, UNWOUND, alignment, hook_number};
pub use panics::{PANIC_FORMATTED_EXPORT, PANIC_STATIC_EXPORT, PANIC_TABLE_EXPORT, PANIC_WRITE_EXPORT, PanicHooks};
pub(super) use plan::{Wanted, plan};
pub use reason::NoHooks;
pub(super) use undo::{reserved_name, undo};

/// The export of the table that the host fills: `enter` in slot 0, `leave` in slot 1.
///
/// `enter` has the type `(i32 which, i32 a, i32 b) -> i32`: it gives the size that the function is called with, of a `calloc` the count,
/// and any number for a function that does not allocate. `leave` has `(i32 which, i32 result) -> ()`; `which` is an
/// index in [`Hooks::hooks`]. See [`HookKind`] for `a` and `b`; `result` is what the function returned, or 0.
pub const HOOKS_TABLE: &str = "airtight:hooks";

/// The export of a function that allocates, for the host to call. [`Hooks::allocator`] is its kind.
pub const ALLOCATE_EXPORT: &str = "airtight:heap/allocate";

/// The export of `free`. It is missing if the module has none.
pub const FREE_EXPORT: &str = "airtight:heap/free";

/// The export of a global with the offset, in bytes, of the address within a `String`; negative while that is not known.
pub const FILL_LAYOUT_EXPORT: &str = "airtight:fill/layout";

/// The export of the function that appends to a `String`.
pub const FILL_WRITE_EXPORT: &str = "airtight:fill/write";

/// The export of a global with the address of a list of one test to run: of a word that points to the test. With -1, the
/// harness runs the list that it is given.
pub const FILL_TESTS_EXPORT: &str = "airtight:fill/tests";

/// The functions in which a test's own code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Rust functions: those in which a harness calls a test.
    Functions(&'static WindowFunctions),
    /// The program's main function.
    Main,
    /// No function: the host itself opens and closes the window.
    None,
}

/// Rust functions in which a test's own code runs.
#[derive(Debug, PartialEq, Eq)]
pub struct WindowFunctions {
    /// Their paths, without hashes and type arguments. If several functions have one path, all of them count.
    pub paths: &'static [&'static str],
    /// What they are for: completes "the module has no function `path`, …".
    pub purpose: &'static str,
}

impl WindowFunctions {
    fn missing(&self) -> NoHooks {
        NoHooks::NoWindow { function: self.paths.first().copied().unwrap_or_default(), purpose: self.purpose }
    }
}
