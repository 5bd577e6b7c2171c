//! The report: its model, the live events of a run, and a file for each writer. Writers return bytes.

pub mod compare;
pub mod console;
pub mod counts;
pub mod diff;
pub mod digest;
pub mod doubt;
pub mod events;
pub mod exit_status;
mod figure;
pub mod files;
pub mod growth;
pub mod json;
pub mod model;
pub mod pprof;
pub mod profile;
#[cfg(test)]
mod samples;
pub mod verification;
