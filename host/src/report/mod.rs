//! The report: its model, the live events of a run, and a file for each writer. Writers return bytes.

pub mod events;
pub mod model;
