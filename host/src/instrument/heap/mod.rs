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
//!                                          (call_indirect $hooks (type $enter) (i32.const WHICH)
//!                                            (local.get 0) (i32.const 0) (i32.const 0))
//!                                          (local.set 1 (call $moved (local.get 0)))
//!                                          (call_indirect $hooks (type $leave) (i32.const WHICH)
//!                                            (local.get 1) (i32.const 1))
//!                                          (local.get 1))
//!   (export "malloc" (func $malloc)))    (export "malloc" (func $malloc)) …)
//! ```
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
mod names;
mod panics;
mod plan;
mod reason;
mod restore;
mod undo;

#[cfg(test)]
mod tests;

use code::HookCost;
pub use panics::{PANIC_FORMATTED_EXPORT, PANIC_STATIC_EXPORT, PANIC_TABLE_EXPORT, PANIC_WRITE_EXPORT, PanicHooks};
pub(super) use plan::{Wanted, plan};
pub use reason::NoHooks;
pub(super) use undo::{reserved_name, undo};

/// The export of the table that the host fills: `enter` in slot 0, `leave` in slot 1.
///
/// `enter` has the type `(i32 which, i32 a, i32 b) -> ()`, `leave` has `(i32 which, i32 result) -> ()`; `which` is an
/// index in [`Hooks::hooks`]. See [`HookKind`] for `a` and `b`; `result` is what the function returned, or 0.
pub const HOOKS_TABLE: &str = "airtight:hooks";

/// Added to `which` where `leave` tells of a call that an exception ended.
pub const UNWOUND: u32 = 1 << 31;

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

/// What a hooked function does, and what `enter` says of a call: `a` and `b` are 0 unless given here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookKind {
    /// `malloc(a)`.
    Malloc,
    /// `calloc(a, b)`.
    Calloc,
    /// `realloc(a, b)`: the block, the new size.
    Realloc,
    /// `free(a)`.
    Free,
    /// `posix_memalign(a, _, b)`: where the block's address is put, the size.
    PosixMemalign,
    /// `aligned_alloc(a, b)`: the alignment, the size.
    AlignedAlloc,
    /// `memalign(a, b)`: the alignment, the size.
    Memalign,
    /// What runs in it is the test's own.
    Window,
    /// What runs in it is the C library's own, also within a window.
    Libc,
    /// The C library's function that makes a thread: what it allocates is the thread's stack, and the library's own.
    MakesThread,
    /// Rust's library makes what stands for a thread: `a` is its name, an `Option<String>`.
    NamesThread,
    /// Tells of a panic before it is raised, and calls the panic hook: `a` is the panic's payload, `b` the payload's vtable.
    Announce,
    /// Raises a panic: `a` is the panic's payload, `b` the payload's vtable.
    Raise,
    /// Raises a panic, and is not told which: the compiler saw that nothing reads it.
    RaiseUntold,
    /// Gives the directory of temporary files. It has a body of ours, and tells the host nothing.
    TempDir,
    /// Gives the number of the process. It has a body of ours, and tells the host nothing.
    ProcessId,
    /// Runs the tests of a list. It has a body of ours, which can be told to pass on another list, and tells the host nothing.
    TestMain,
}

impl HookKind {
    /// Whether a call of it is one that the books of the heap are told of.
    pub fn is_of_heap(self) -> bool {
        !matches!(self, Self::NamesThread | Self::Announce | Self::Raise | Self::RaiseUntold) && !self.is_fill()
    }

    /// Whether it allocates, frees or does both.
    pub fn allocates_or_frees(self) -> bool {
        self.is_of_heap() && !matches!(self, Self::Window | Self::Libc | Self::MakesThread)
    }

    /// Whether the function was given a body of ours.
    pub fn is_fill(self) -> bool {
        matches!(self, Self::TempDir | Self::ProcessId | Self::TestMain)
    }
}

/// A function whose calls the host learns of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What it does.
    pub kind: HookKind,
    /// Its name in the module's name section; for a program without a named main function, `_start`.
    pub name: String,
    /// Its index, where now the jump is.
    pub function: u32,
    /// The index of its body.
    pub moved: u32,
    /// The index of the function between the two.
    pub wrapper: u32,
    /// What jump and wrapper spend: to be given back at `enter` and `leave`.
    pub cost: HookCost,
    /// Where its body starts, from the start of the code section's contents.
    body: u32,
    /// Where that body starts as a function of its own, likewise.
    moved_body: u32,
}

/// The hooked functions of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// In the order of their functions. Where the heap is followed, one of them allocates.
    pub hooks: Vec<Hook>,
}

impl Hooks {
    /// What the function exported as [`ALLOCATE_EXPORT`] is.
    pub fn allocator(&self) -> Option<HookKind> {
        allocator(self.hooks.iter().map(|hook| hook.kind))
    }
}

/// The one of these by which the host allocates, if it can by any. `posix_memalign` would need a place for its answer.
fn allocator(kinds: impl Iterator<Item = HookKind> + Clone) -> Option<HookKind> {
    let wanted = [HookKind::Malloc, HookKind::Calloc, HookKind::Realloc, HookKind::AlignedAlloc, HookKind::Memalign];
    wanted.into_iter().find(|wanted| kinds.clone().any(|kind| kind == *wanted))
}
