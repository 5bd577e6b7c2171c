//! See `tests/threads.rs`.
