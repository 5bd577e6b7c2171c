//! Random calls.

use crate::sandbox::wasi::resolve::NAME_MAX;
use crate::sandbox::wasi::table::OpenMode;
use proptest::prelude::*;
use wasi_common::snapshots::preview_1::types::Fdflags;

/// The calls that are tried.
#[derive(Debug, Clone, Copy)]
pub(super) enum OracleCall {
    Open,
    Close,
    CreateDir,
    RemoveDir,
    Unlink,
    Symlink,
    Link,
    Rename,
    ReadLink,
    Stat,
    List,
    Read,
    Write,
    Truncate,
    Allocate,
}

/// A call and random arguments. Each call uses the arguments that it has.
#[derive(Debug, Clone)]
pub(super) struct Op {
    pub(super) call: OracleCall,
    /// Chooses among the open directories or files.
    pub(super) at: usize,
    pub(super) path: String,
    pub(super) to_at: usize,
    /// The second path, or a link's target.
    pub(super) to: String,
    pub(super) how: OpenMode,
    pub(super) offset: u64,
    pub(super) len: usize,
}

pub(super) fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        12 => "[abc]",
        2 => Just(".".to_owned()),
        4 => Just("..".to_owned()),
        1 => Just("n".repeat(NAME_MAX + 1)),
    ];
    let slash = prop_oneof![6 => Just("/"), 1 => Just("//")];
    let end = prop_oneof![8 => Just(""), 1 => Just("/"), 1 => Just("//")];
    // Mostly short names, so that calls meet each other's files.
    let len = prop_oneof![4 => Just(1usize), 4 => Just(2), 2 => Just(3), 1 => Just(5)];
    let names = len.prop_flat_map(move |len| prop::collection::vec((name.clone(), slash.clone()), len));
    (names, end).prop_map(|(names, end)| {
        let joined: String = names.iter().flat_map(|(name, slash)| [name.as_str(), slash]).collect();
        format!("{}{end}", joined.trim_end_matches('/'))
    })
}

fn how() -> impl Strategy<Value = OpenMode> {
    let rarely = || prop::bool::weighted(0.2);
    (prop::bool::weighted(0.8), any::<bool>(), rarely(), rarely(), rarely(), any::<bool>()).prop_map(
        |(follow, create, exclusive, truncate, directory, write)| {
            // With `directory`, the kernel's answer to these depends on its version; WASI says `Inval`.
            let making = !directory;
            let (create, exclusive) = (create && making, exclusive && create && making);
            let truncate = truncate && making;
            let (read, flags) = (true, Fdflags::empty());
            OpenMode { follow, create, exclusive, truncate, directory, read, write, flags }
        },
    )
}

/// An offset in the first block of a file, at its end, or beyond a hole.
fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0u64..100, 1 => 4080u64..4100, 1 => 12_000u64..12_300]
}

impl Op {
    /// Whether the call may change anything.
    pub(super) fn changes(&self) -> bool {
        match self.call {
            OracleCall::Open => self.how.changes(),
            OracleCall::Close | OracleCall::ReadLink | OracleCall::Stat | OracleCall::List | OracleCall::Read => false,
            _ => true,
        }
    }
}

/// Any call.
pub(super) fn op() -> impl Strategy<Value = Op> {
    let call = prop_oneof![
        6 => Just(OracleCall::Open),
        1 => Just(OracleCall::Close),
        4 => Just(OracleCall::CreateDir),
        2 => Just(OracleCall::RemoveDir),
        2 => Just(OracleCall::Unlink),
        3 => Just(OracleCall::Symlink),
        3 => Just(OracleCall::Link),
        5 => Just(OracleCall::Rename),
        1 => Just(OracleCall::ReadLink),
        2 => Just(OracleCall::Stat),
        1 => Just(OracleCall::List),
        1 => Just(OracleCall::Read),
        2 => Just(OracleCall::Write),
        1 => Just(OracleCall::Truncate),
        1 => Just(OracleCall::Allocate),
    ];
    (call, 0usize..8, path(), 0usize..8, path(), how(), offset(), 0usize..50)
        .prop_map(|(call, at, path, to_at, to, how, offset, len)| Op { call, at, path, to_at, to, how, offset, len })
}
