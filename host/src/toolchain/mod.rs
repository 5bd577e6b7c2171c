//! Finds or installs a `wasm32-wasip1` toolchain, and builds guests with cargo.
