//! The engine, a fresh store a test, its limits and its outcome: the only user of wasmtime.
