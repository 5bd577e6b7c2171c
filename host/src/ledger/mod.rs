//! Who holds what: pure data, no I/O. One [`Ledger`] lives in each store.

mod stack;

pub use stack::{RawFrame, Stack};
