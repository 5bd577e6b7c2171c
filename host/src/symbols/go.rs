//! Functions and lines of Go, from Go's own tables, which every binary holds.
//!
//! Calls of Go do not stand on WebAssembly's stack alone. A goroutine that has waited is resumed by a call of its innermost
//! function; the calls that led to that function are then only on the goroutine's own stack, in linear memory. A place on that
//! stack is a function and the number of a block of the function; see [`RawFrame::of_go`](crate::ledger::RawFrame::of_go).

mod naming;
mod tables;
mod unwind;

pub use naming::frame;
pub use tables::{GoTables, NoGoTables};
