//! The arguments and results of objects' methods.

use crate::sandbox::wasi::fault::Fault;
use wasi_common::snapshots::preview_1::types::Filetype;

pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// New times for a file, in nanoseconds since 1970. `None` leaves a time as it is.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub accessed: Option<u64>,
    pub modified: Option<u64>,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq)]
pub struct DirEntry {
    pub name: String,
    pub ino: u64,
    pub kind: Filetype,
}

/// The readiness that a poll asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    Read,
    Write,
}

/// The readiness that a poll found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Ready; `bytes` are known to be waiting.
    Ready { bytes: u64, hangup: bool },
    /// Not ready. Something outside of the test may make it ready.
    NotReady,
    /// Not ready, and nothing outside of the test can ever make it ready.
    Never,
}
