//! Hermetic tests that cannot leak quietly.
//!
//! A test compiled to `wasm32-wasip1` runs in a fresh WebAssembly instance, with metered memory and only the files and
//! sockets it was granted. The host counts every resource it left open, says where it was acquired, and proves that all of
//! it was reclaimed.
//!
//! ```text
//! wasm bytes -> catalogue (which tests?) -> instrument -> compiled module, cached
//! policy + test -> sandbox (fresh store) -> events -> ledger (who holds what) -> balance at the end
//! balance + outcome -> report model -> writers (console, JSON)
//! ```

pub mod catalogue;
pub mod config;
mod harness;
pub mod instrument;
pub mod ledger;
pub mod model;
pub mod policy;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod symbols;
pub mod verify;

#[cfg(feature = "build")]
pub use airtight_toolchain as toolchain;
