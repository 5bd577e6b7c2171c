//! The results of calls.

use wasi_common::snapshots::preview_1::types::Filetype;

/// The result of a call, in a form that both sides can give.
#[derive(Debug, PartialEq)]
pub enum ObservedResult {
    Nothing,
    Text(String),
    Bytes(Vec<u8>),
    File { kind: Filetype, size: u64, nlink: u64 },
    Names(Vec<(String, Filetype)>),
}

impl ObservedResult {
    pub fn file(kind: Filetype, size: u64, nlink: u64) -> Self {
        match kind {
            // Sizes and link counts of directories differ between the kernel's file systems.
            Filetype::Directory => Self::File { kind, size: 0, nlink: 0 },
            kind => Self::File { kind, size, nlink },
        }
    }
}
