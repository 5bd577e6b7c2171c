//! What objects are asked for and answer, beside each other.

use crate::sandbox::wasi::fault::Fault;
use wasi_common::snapshots::preview_1::types::Filetype;

pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// New times for a file; `None` leaves one as it is. Nanoseconds since 1970.
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

/// Which readiness is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    Read,
    Write,
}

/// What a poll found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Ready, with the bytes known to be waiting.
    Ready { bytes: u64, hangup: bool },
    /// Not yet: something outside of the test may make it ready.
    NotReady,
    /// Nothing outside of the test can ever make it ready.
    Never,
}
