//! What the arguments of a function of the interface mean.

use crate::model::trace::TraceKind;
use airtight_abi::net::{ADDRESS, CONNECT, LISTEN};

/// What the arguments of a function mean, each by its index.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) kind: TraceKind,
    pub(super) acts: Acts,
    /// The argument that points to where the number of bytes moved goes.
    pub(super) moved: Option<usize>,
    /// The argument that points to where the opened descriptor goes.
    pub(super) opened: Option<usize>,
}

/// What a function acts on.
#[derive(Clone, Copy)]
pub(super) enum Acts {
    Nothing,
    /// A descriptor.
    Handle,
    /// A path: the indices of its directory and of its address. The length follows the address.
    Path(usize, usize),
    /// Two paths.
    Paths([(usize, usize); 2]),
    /// A symbolic link: the arguments are its target, its directory and its path.
    Link,
    /// The address of a socket.
    Address,
}

/// What the function with this name does.
pub(super) fn shape(name: &str) -> Shape {
    use TraceKind::{Call, Close, Open, Read, Wait, Write};
    let plain = |kind, acts| Shape { kind, acts, moved: None, opened: None };
    let moves = |kind, moved| Shape { kind, acts: Acts::Handle, moved: Some(moved), opened: None };
    let opens = |acts, opened| Shape { kind: Open, acts, moved: None, opened: Some(opened) };
    match name {
        "path_open" => opens(Acts::Path(0, 2), 8),
        "sock_accept" => opens(Acts::Handle, 2),
        LISTEN | CONNECT => opens(Acts::Address, 1),
        "fd_read" => moves(Read, 3),
        "fd_pread" | "fd_readdir" | "sock_recv" => moves(Read, 4),
        "fd_write" => moves(Write, 3),
        "fd_pwrite" | "sock_send" => moves(Write, 4),
        "fd_close" | "fd_renumber" => plain(Close, Acts::Handle),
        "poll_oneoff" | "sched_yield" => plain(Wait, Acts::Nothing),
        "path_filestat_get" | "path_filestat_set_times" => plain(Call, Acts::Path(0, 2)),
        "path_create_directory" | "path_unlink_file" | "path_remove_directory" | "path_readlink" => {
            plain(Call, Acts::Path(0, 1))
        }
        "path_rename" => plain(Call, Acts::Paths([(0, 1), (3, 4)])),
        "path_link" => plain(Call, Acts::Paths([(0, 2), (4, 5)])),
        "path_symlink" => plain(Call, Acts::Link),
        _ if name.starts_with("fd_") || name.starts_with("sock_") || name == ADDRESS => plain(Call, Acts::Handle),
        _ => plain(Call, Acts::Nothing),
    }
}

/// The paths among the arguments of a function: the indices of their directories and of their addresses.
pub fn paths_of(name: &str) -> Vec<(usize, usize)> {
    match shape(name).acts {
        Acts::Path(dir, at) => vec![(dir, at)],
        Acts::Paths(paths) => paths.to_vec(),
        Acts::Link => vec![(2, 3)],
        Acts::Nothing | Acts::Handle | Acts::Address => Vec::new(),
    }
}
