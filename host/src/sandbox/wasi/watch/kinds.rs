//! Which kind of call a function of the interface is, and what it acts on.

use super::calls::NotedCall;
use crate::ledger::{HandleId, Kind};
use crate::policy::Call;
use crate::sandbox::wasi::books::Books;
use crate::sandbox::wasi::meter::{MAX_BYTES, MAX_VECTORS};
use crate::sandbox::wasi::resolve::PATH_MAX;
use crate::sandbox::wasi::table::{Object, path};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Ciovec, Fd, Filetype, Oflags, Subscription, SubscriptionU};
use wiggle::{GuestMemory, GuestPtr};

/// The functions that are not of preview 1.
const LISTEN: &str = airtight_abi::net::LISTEN;
const CONNECT: &str = airtight_abi::net::CONNECT;
const ACCEPT: &str = "sock_accept";

/// How a function is called: its name, and its arguments as numbers.
pub type Arguments<'a> = (&'static str, &'a [i64]);

/// A call that can fail, as far as its arguments tell.
pub struct FallibleCall {
    pub call: Call,
    pub object: Arc<str>,
    /// The handle that the call acts on, if it acts on one.
    pub handle: Option<HandleId>,
    pub creates: bool,
    pub truncates: bool,
    /// Whether the call writes at an offset of its own. If such a write fails, what was there is still there.
    pub is_positioned: bool,
    /// The new path, if the call renames.
    pub to: Option<Arc<str>>,
    pub amount: u64,
}

/// An address or a length, from an argument.
fn word(value: i64) -> u32 {
    value as u32
}

/// Which argument says what a call acts on.
enum Acts {
    /// The first: a descriptor.
    Handle,
    /// A path in a directory: the index of the directory, and that of the path's address. The length follows the address.
    Path(usize, usize),
}

/// The kind of call that a function is, if it can fail. It is named for files; on a socket it may be another kind.
fn of_function(name: &str) -> Option<(Call, Acts)> {
    Some(match name {
        "path_open" => (Call::Open, Acts::Path(0, 2)),
        "fd_read" | "fd_pread" => (Call::Read, Acts::Handle),
        "fd_write" | "fd_pwrite" => (Call::Write, Acts::Handle),
        "fd_sync" | "fd_datasync" => (Call::Sync, Acts::Handle),
        "fd_close" => (Call::Close, Acts::Handle),
        "fd_filestat_get" => (Call::Stat, Acts::Handle),
        "path_filestat_get" => (Call::Stat, Acts::Path(0, 2)),
        "fd_readdir" => (Call::List, Acts::Handle),
        "path_create_directory" => (Call::MakeDir, Acts::Path(0, 1)),
        "path_unlink_file" => (Call::Remove, Acts::Path(0, 1)),
        "path_remove_directory" => (Call::RemoveDir, Acts::Path(0, 1)),
        "path_rename" => (Call::Rename, Acts::Path(0, 1)),
        "path_link" => (Call::Link, Acts::Path(4, 5)),
        "path_symlink" => (Call::Link, Acts::Path(2, 3)),
        "path_readlink" => (Call::ReadLink, Acts::Path(0, 1)),
        "fd_filestat_set_size" | "fd_allocate" => (Call::Resize, Acts::Handle),
        "fd_filestat_set_times" => (Call::SetTimes, Acts::Handle),
        "path_filestat_set_times" => (Call::SetTimes, Acts::Path(0, 2)),
        ACCEPT => (Call::Accept, Acts::Handle),
        "sock_recv" => (Call::Receive, Acts::Handle),
        "sock_send" => (Call::Send, Acts::Handle),
        "sock_shutdown" => (Call::Shutdown, Acts::Handle),
        _ => return None,
    })
}

/// Whether calls of a function can be made to fail.
#[cfg(test)]
pub fn can_fail(name: &str) -> bool {
    [LISTEN, CONNECT, "poll_oneoff"].contains(&name) || of_function(name).is_some()
}

impl FallibleCall {
    /// The call that is about to be made, if it is one that can fail.
    pub fn new(books: &Books<'_>, memory: &GuestMemory<'_>, (name, args): Arguments<'_>) -> Option<Self> {
        let plain = |call, object| Self { call, object, ..Self::of_spawn() };
        match name {
            LISTEN => return Some(Self { call: Call::Listen, ..Self::of_spawn() }),
            CONNECT => return Some(Self { call: Call::Connect, ..Self::of_spawn() }),
            "poll_oneoff" => {
                let amount = sleep(memory, (word(args[0]), word(args[2])))?;
                return Some(Self { call: Call::Sleep, amount, ..Self::of_spawn() });
            }
            _ => {}
        }
        let (call, acts) = of_function(name)?;
        let subject = match acts {
            Acts::Handle => {
                let entry = books.table.get(Fd::from(word(args[0]))).ok()?;
                if books.ledger.get(entry.id)?.kind == Kind::Stream {
                    return None;
                }
                let kind = match &entry.object {
                    Object::File(file) => file.kind(),
                    Object::Dir { .. } => Filetype::Directory,
                };
                let call = match (call, kind) {
                    (Call::Read, Filetype::SocketStream | Filetype::SocketDgram) => Call::Receive,
                    (Call::Write, Filetype::SocketStream | Filetype::SocketDgram) => Call::Send,
                    (call, _) => call,
                };
                let fails = match call {
                    Call::Read | Call::Write | Call::Resize => kind == Filetype::RegularFile,
                    // Closing a directory writes nothing back.
                    Call::Close => {
                        matches!(kind, Filetype::RegularFile | Filetype::SocketStream | Filetype::SocketDgram)
                    }
                    Call::List => kind == Filetype::Directory,
                    Call::Accept | Call::Receive | Call::Send | Call::Shutdown => {
                        matches!(kind, Filetype::SocketStream | Filetype::SocketDgram)
                    }
                    _ => !matches!(kind, Filetype::CharacterDevice | Filetype::Unknown),
                };
                if !fails {
                    return None;
                }
                let amount = match call {
                    Call::Read | Call::Write | Call::Receive | Call::Send => {
                        bytes(memory, word(args[1]), word(args[2]))
                    }
                    _ => 0,
                };
                let is_positioned = name == "fd_pwrite";
                Self { handle: Some(entry.id), amount, is_positioned, ..plain(call, Arc::clone(&entry.path)) }
            }
            Acts::Path(dir, at) => plain(call, named(books, memory, args, (dir, at))?),
        };
        Some(match call {
            Call::Open => {
                let how = Oflags::from_bits_truncate(word(args[4]) as u16);
                Self { creates: how.contains(Oflags::CREAT), truncates: how.contains(Oflags::TRUNC), ..subject }
            }
            Call::Rename => Self { to: named(books, memory, args, (3, 4)), ..subject },
            _ => subject,
        })
    }

    /// The spawn of a thread.
    pub fn of_spawn() -> Self {
        let object = "".into();
        let (creates, truncates, is_positioned) = (false, false, false);
        Self { call: Call::Spawn, object, handle: None, creates, truncates, is_positioned, to: None, amount: 0 }
    }

    /// The call in the form in which it is noted.
    pub fn noted(&self, nth: u32, stack: crate::ledger::Stack, open: u64) -> NotedCall {
        NotedCall {
            call: self.call,
            nth,
            object: Arc::clone(&self.object),
            to: self.to.clone(),
            stack,
            creates: self.creates,
            amount: self.amount,
            open,
            succeeded: false,
        }
    }
}

/// The name for a path argument, if it can be read.
pub fn named(books: &Books<'_>, memory: &GuestMemory<'_>, args: &[i64], (dir, at): (usize, usize)) -> Option<Arc<str>> {
    let dir = books.table.get(Fd::from(word(args[dir]))).ok()?;
    let (start, len) = (word(args[at]), word(args[at + 1]));
    if len as usize > PATH_MAX {
        return None;
    }
    let text = memory.as_cow_str(GuestPtr::<str>::new((start, len))).ok()?;
    Some(path::join(&dir.path, &text))
}

/// How many bytes the buffers of a call have together.
fn bytes(memory: &GuestMemory<'_>, start: u32, len: u32) -> u64 {
    if len > MAX_VECTORS {
        return 0;
    }
    let vectors = GuestPtr::<Ciovec>::new(start).as_array(len);
    let sizes = vectors.iter().map_while(|at| Some(u64::from(memory.read(at.ok()?).ok()?.buf_len)));
    sizes.sum::<u64>().min(MAX_BYTES as u64)
}

/// A sum of what a write is to write.
pub fn sum_of_write(memory: &GuestMemory<'_>, args: &[i64]) -> [u8; 32] {
    let (start, len) = (word(args[1]), word(args[2]));
    let mut sum = Sha256::new();
    let mut left = MAX_BYTES;
    for at in GuestPtr::<Ciovec>::new(start).as_array(len.min(MAX_VECTORS)).iter() {
        let Some(vector) = at.ok().and_then(|at| memory.read(at).ok()) else { break };
        let part = vector.buf.as_array(vector.buf_len.min(u32::try_from(left).unwrap_or(u32::MAX)));
        let Ok(bytes) = memory.as_cow(part) else { break };
        left -= bytes.len();
        sum.update(&bytes);
    }
    sum.finalize().into()
}

/// How long a poll sleeps, if it waits for clocks alone: its shortest time.
fn sleep(memory: &GuestMemory<'_>, (start, count): (u32, u32)) -> Option<u64> {
    if count == 0 || count > MAX_VECTORS {
        return None;
    }
    let mut least = u64::MAX;
    for at in GuestPtr::<Subscription>::new(start).as_array(count).iter() {
        match memory.read(at.ok()?).ok()?.u {
            SubscriptionU::Clock(clock) => least = least.min(clock.timeout),
            SubscriptionU::FdRead(_) | SubscriptionU::FdWrite(_) => return None,
        }
    }
    Some(least)
}
