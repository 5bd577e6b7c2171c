//! What a function of the interface is called for, and what came of it.

use super::event::TracedEvent;
use crate::model::trace::TraceKind;
use crate::sandbox::wasi::context::Wasi;
use crate::sandbox::wasi::watch::named;
use airtight_abi::net::{ADDRESS, Address, CONNECT, LISTEN, decode};
use std::borrow::Cow;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fd};
use wiggle::{GuestMemory, GuestPtr};

/// What the arguments of a function mean, each by its place.
#[derive(Clone, Copy)]
struct Shape {
    kind: TraceKind,
    acts: Acts,
    /// Where it puts how many bytes it moved.
    moved: Option<usize>,
    /// Where it puts the descriptor that it opens.
    opened: Option<usize>,
}

/// What a function acts on.
#[derive(Clone, Copy)]
enum Acts {
    Nothing,
    /// A descriptor.
    Handle,
    /// A path: by the places of its directory and of its address, behind which its length is.
    Path(usize, usize),
    /// Two paths.
    Paths([(usize, usize); 2]),
    /// Of a symbolic link, what it is to lead to, and the path.
    Link,
    /// The address of a socket.
    Address,
}

fn shape(name: &str) -> Shape {
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

/// The paths among the arguments of a function: by the places of their directories and of their addresses.
pub fn paths_of(name: &str) -> Vec<(usize, usize)> {
    match shape(name).acts {
        Acts::Path(dir, at) => vec![(dir, at)],
        Acts::Paths(paths) => paths.to_vec(),
        Acts::Link => vec![(2, 3)],
        Acts::Nothing | Acts::Handle | Acts::Address => Vec::new(),
    }
}

/// A call that has begun: its event as far as the arguments tell.
pub struct TracedCall {
    event: TracedEvent,
    shape: Shape,
    /// Nanoseconds after the test began.
    began: u64,
}

impl TracedCall {
    /// A function is about to be called by a thread.
    pub fn new(wasi: &Wasi, memory: &GuestMemory<'_>, (name, args): (&'static str, &[i64]), thread: u32) -> Self {
        let shape = shape(name);
        let mut event = TracedEvent {
            fuel: Some(wasi.world.clock.spent()),
            thread,
            stack: wasi.stack.clone(),
            ..TracedEvent::new(shape.kind, name)
        };
        match shape.acts {
            Acts::Nothing => {}
            Acts::Handle => {
                let fd = args.first().copied().map(word);
                event.fd = fd;
                event.object = fd.and_then(|fd| name_of(wasi, fd));
            }
            Acts::Path(dir, at) => event.object = named(wasi, memory, args, (dir, at)),
            Acts::Paths([from, to]) => {
                event.object = named(wasi, memory, args, from);
                event.to = named(wasi, memory, args, to);
            }
            Acts::Link => event.object = named(wasi, memory, args, (2, 3)),
            Acts::Address => event.object = args.first().and_then(|at| address(memory, word(*at))),
        }
        if name == "fd_renumber" {
            event.opened = args.get(1).copied().map(word);
        }
        Self { event, shape, began: wasi.elapsed() }
    }

    /// The call is over. `errno` is what the guest was told, if it was told one; else the call ended it.
    pub fn finish(mut self, wasi: &Wasi, memory: &GuestMemory<'_>, args: &[i64], errno: Option<u16>) -> TracedEvent {
        let read = |at: Option<usize>| {
            let place = word(*args.get(at?)?);
            memory.read(GuestPtr::<u32>::new(place)).ok()
        };
        match errno {
            Some(0) => {
                self.event.bytes = read(self.shape.moved).map(u64::from);
                self.event.opened = read(self.shape.opened).or(self.event.opened);
                if let (Some(opened), None) = (self.event.opened, &self.event.object) {
                    self.event.object = name_of(wasi, opened);
                }
            }
            Some(errno) => self.event.failed = Some(errno_name(errno)),
            None => self.event.failed = Some("ends the test".into()),
        }
        // Real time is another one each time.
        if !wasi.world.clock.is_real() {
            self.event.waited = wasi.elapsed().saturating_sub(self.began);
        }
        self.event
    }
}

/// A number that is an address, a length or a descriptor.
fn word(value: i64) -> u32 {
    value as u32
}

fn name_of(wasi: &Wasi, fd: u32) -> Option<Arc<str>> {
    wasi.table.get(Fd::from(fd)).ok().map(|entry| Arc::clone(&entry.path))
}

fn address(memory: &GuestMemory<'_>, at: u32) -> Option<Arc<str>> {
    let bytes = memory.to_vec(GuestPtr::<u8>::new(at).as_array(size_of::<Address>() as u32)).ok()?;
    decode(bytes.try_into().ok()?).map(|address| address.to_string().into())
}

/// `ENOENT`.
pub fn errno_name(errno: u16) -> Cow<'static, str> {
    match Errno::try_from(errno) {
        Ok(Errno::TooBig) => "E2BIG".into(),
        Ok(errno) => format!("E{}", format!("{errno:?}").to_uppercase()).into(),
        Err(_) => format!("errno {errno}").into(),
    }
}
