//! Lets the host follow the heap, and learn of panics: calls of functions that are found by name pass through a hook. In the same way
//! functions of Rust's library that have no answer on this platform get a body that gives one (`fills`).
//!
//! The body of `malloc` moves to the end of the code section as a function of its own. A wrapper behind it tells the host
//! of the call and of the result. In the place of the body comes a jump of the same length.
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
//! Each hooked call that is on the stack takes two frames more of it, the jump's and the wrapper's, some hundred bytes. A test
//! that uses its call stack to the last frame, which is at another depth on every engine anyway, overflows that much earlier.
//! A jump by `return_call` would take one, but Winch compiles no tail calls, and depth is not to depend on accounting in one
//! engine only.
//!
//! In a module that has exceptions the wrapper catches all of them, tells the host that the function was left, and throws them
//! on: a test that panics leaves its window, and what its harness does with the panic is not the test's own.
//!
//! What this does not see: allocators under other names, functions whose names were stripped, and an allocator that the
//! compiler has inlined into its callers.

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

/// The export of a function that allocates, so that the host can call it: of the kind [`Hooks::allocator`].
pub const ALLOCATE_EXPORT: &str = "airtight:heap/allocate";

/// The export of `free`. Missing where the module has none.
pub const FREE_EXPORT: &str = "airtight:heap/free";

/// The export of a global that says where in a `String` its address is, in bytes; below 0 where that is not known.
pub const FILL_LAYOUT_EXPORT: &str = "airtight:fill/layout";

/// The export of the function that appends to a `String`.
pub const FILL_WRITE_EXPORT: &str = "airtight:fill/write";

/// The export of a global that says where the list of the one test to run is: the address of a word that points to the test. -1
/// leaves the harness the list that it is given.
pub const FILL_TESTS_EXPORT: &str = "airtight:fill/tests";

/// In which functions a test's own code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Rust functions: those in which a harness calls a test.
    Functions(&'static WindowFunctions),
    /// The program's main function.
    Main,
    /// None: the host itself says when a test begins and ends.
    None,
}

/// Rust functions in which a test's own code runs.
#[derive(Debug, PartialEq, Eq)]
pub struct WindowFunctions {
    /// Their paths, without hashes and type arguments. Of several functions of one path, all count.
    pub paths: &'static [&'static str],
    /// What they are for: completes "the module has no function `path`, …".
    pub purpose: &'static str,
}

impl WindowFunctions {
    fn missing(&self) -> NoHooks {
        NoHooks::NoWindow { function: self.paths.first().copied().unwrap_or_default(), purpose: self.purpose }
    }
}
