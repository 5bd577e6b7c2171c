//! What a module with threads imports and exports, by the convention of wasi-threads.

/// The module name of the import.
pub const MODULE: &str = "wasi";

/// The import that begins a thread, of type `(i32) -> i32`. It takes an argument for the thread, and returns the thread's
/// number, or a negative number if it failed.
pub const SPAWN: &str = "thread-spawn";

/// The export that a thread runs, of type `(i32, i32) -> ()`. It takes the thread's number and its argument.
pub const ENTRY: &str = "wasi_thread_start";
