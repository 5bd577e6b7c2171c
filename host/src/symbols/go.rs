//! Functions and lines of Go: its own tables, which every binary holds, and how its places are named.
//!
//! Go's calls do not stand on WebAssembly's stack alone: a goroutine that waited is resumed by calling its innermost function, and
//! what called that is only on the goroutine's own stack, in linear memory. A place on it is a function and the number of a block of that
//! function; see [`RawFrame::of_go`](crate::ledger::RawFrame::of_go).

mod naming;
mod tables;
mod unwind;

pub use naming::frame;
pub use tables::{GoTables, NoGoTables};
