//! Asks a compiler.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The result of a compiler, or why there is none.
pub fn make<T>(compiler: impl FnOnce() -> wasmtime::Result<T>) -> Result<T, String> {
    // If a compiler panics on a valid module, that module cannot be run; the run goes on.
    match catch_unwind(AssertUnwindSafe(compiler)) {
        // If RUST_BACKTRACE is set, the single-pass compiler adds a stack of its own to its message.
        Ok(made) => made.map_err(|error| format!("{error:#}").lines().next().unwrap_or_default().to_owned()),
        Err(_) => Err("the compiler panicked; please report this".to_owned()),
    }
}
