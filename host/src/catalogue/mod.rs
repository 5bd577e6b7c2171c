//! Bytes to tests: which harness holds them, and what their metadata says.
