//! The limits that a test runs under: one table, which the host, the attribute and the SDK read.
//!
//! [`Limit`] names a limit, and [`Limit::row`] says everything of it that is not code: its name, its quantity, where it can be
//! set, what breaking it does, and the words that tell of it. To add a limit, add its row to `table.rs`; where code is
//! needed to hold a test to it, the compiler asks for that code.

mod row;
mod table;
mod values;

pub use row::{Breach, HeapFigure, HeapKind, Row, Source, ValueError};
pub use table::{Leftover, Limit, Tally};
pub use values::LimitValues;

#[cfg(test)]
mod tests;
