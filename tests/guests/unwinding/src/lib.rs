//! Tests of Rust's own harness whose panics unwind.
