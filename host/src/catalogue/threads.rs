//! What a module imports to have threads, by the convention of wasi-threads.

/// The module name of the import.
pub const MODULE: &str = "wasi";

/// Begins a thread, of type `(i32) -> i32`: it takes what the thread is given, and gives its number, or less than 0.
pub const SPAWN: &str = "thread-spawn";

/// The export that a thread runs, of type `(i32, i32) -> ()`: it takes the thread's number and what it is given.
pub const ENTRY: &str = "wasi_thread_start";
