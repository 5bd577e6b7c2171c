//! Asks a compiler.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a compiler makes; else why not.
pub fn make<T>(compiler: impl FnOnce() -> wasmtime::Result<T>) -> Result<T, String> {
    // A valid module that a compiler trips over is the module's misfortune, not the end of the run.
    match catch_unwind(AssertUnwindSafe(compiler)) {
        // Where RUST_BACKTRACE is set, the single-pass compiler adds a stack of its own to what it lacks.
        Ok(made) => made.map_err(|error| format!("{error:#}").lines().next().unwrap_or_default().to_owned()),
        Err(_) => Err("the compiler panicked; please report this".to_owned()),
    }
}
