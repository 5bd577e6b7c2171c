//! The events that calls of the interface's functions become: what the function does, and how the call ended.

use super::event::TracedEvent;
use super::shape::{Acts, Shape, shape};
use crate::sandbox::wasi::context::Wasi;
use crate::sandbox::wasi::watch::named;
use airtight_abi::net::{Address, decode};
use std::borrow::Cow;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fd};
use wiggle::{GuestMemory, GuestPtr};

/// A call that has begun: its event, as far as the arguments tell.
pub struct TracedCall {
    event: TracedEvent,
    shape: Shape,
    /// When the call began, in nanoseconds after the test began.
    began: u64,
}

impl TracedCall {
    /// A thread is about to call this function.
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
            Acts::Path(dir, at) => event.object = named(&wasi.books(), memory, args, (dir, at)),
            Acts::Paths([from, to]) => {
                event.object = named(&wasi.books(), memory, args, from);
                event.to = named(&wasi.books(), memory, args, to);
            }
            Acts::Link => event.object = named(&wasi.books(), memory, args, (2, 3)),
            Acts::Address => event.object = args.first().and_then(|at| address(memory, word(*at))),
        }
        if name == "fd_renumber" {
            event.opened = args.get(1).copied().map(word);
        }
        Self { event, shape, began: wasi.elapsed() }
    }

    /// The call is over. `errno` is what the guest gets; `None` if the call ended the guest.
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
        // Real time differs in each run.
        if !wasi.world.clock.is_real() {
            self.event.waited = wasi.elapsed().saturating_sub(self.began);
        }
        self.event
    }
}

/// An address, a length or a descriptor, from an argument.
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

/// The name of an errno, such as `ENOENT`.
pub fn errno_name(errno: u16) -> Cow<'static, str> {
    match Errno::try_from(errno) {
        Ok(Errno::TooBig) => "E2BIG".into(),
        Ok(errno) => format!("E{}", format!("{errno:?}").to_uppercase()).into(),
        Err(_) => format!("errno {errno}").into(),
    }
}
