//! The limits that a test runs under: one table, which the host, the attribute and the SDK read.
//!
//! [`Limit`] names a limit, and [`Limit::row`] says everything of it that is not code: its name, its quantity, where it can be
//! set, what breaking it does, and the words that tell of it. To add a limit, add its row to `table.rs`; where code is
//! needed to hold a test to it, the compiler asks for that code.

mod check;
mod heap;
mod row;
mod table;
mod values;

pub use check::ValueError;
pub use heap::{HeapFigure, HeapKind, Leftover, Tally};
pub use row::{Breach, Row, Source};
pub use table::Limit;
pub use values::LimitValues;

#[cfg(test)]
mod tests;
