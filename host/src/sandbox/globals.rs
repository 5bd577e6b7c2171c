//! Globals of an instance that are put back.

use wasmtime::{Global, Val};

/// The globals of an instance, and their values before its test.
pub(super) type GlobalValues = Vec<(Global, Val)>;
