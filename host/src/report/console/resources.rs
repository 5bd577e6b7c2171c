//! What a test held at its end: how much of each kind, what each is, and what went through it.

use super::blocks::{Shape, TypeText, cycle_title};
use super::sanitise::OneLine;
use super::stack::StackLines;
use super::style::Styles;
use super::units::{Bytes, GroupedDigits, PlainBytes, plural};
use crate::model::{Resource, ResourceKind, SocketRecord};
use std::fmt::{self, Display, Formatter};

/// How much is held: `2 files, 1 socket, 3 heap blocks (1,536 bytes)`.
pub(super) struct Inventory<I>(pub I);

impl<'a, I: Iterator<Item = &'a Resource> + Clone> Display for Inventory<I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for kind in ResourceKind::ALL {
            let held = self.0.clone().filter(|resource| resource.kind == kind);
            let count = held.clone().map(Resource::whole_count).fold(0, u64::saturating_add);
            if count > 0 {
                write!(f, "{separator}{} {}", GroupedDigits(count), kind.noun(count))?;
                separator = ", ";
                if kind.is_summed() {
                    let bytes = held.map(Resource::whole_bytes).fold(0, u64::saturating_add);
                    write!(f, " ({})", PlainBytes(bytes))?;
                }
            }
        }
        Ok(())
    }
}

/// The lines about what the host took back from a test that did not finish normally: one or two lines for each resource.
pub(super) struct ReclaimedText<'a> {
    pub resources: &'a [Resource],
    pub styles: &'a Styles,
}

impl Display for ReclaimedText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.resources.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "    reclaimed by the host (no leak: the test did not finish): {}",
            Inventory(self.resources.iter())
        )?;
        for resource in self.resources {
            writeln!(f, "    - {}", Title(resource))?;
            if resource.kind.shows_traffic(false) {
                writeln!(f, "        {}", TrafficText(resource))?;
            }
            if let Some(label) = resource.kind.acquired() {
                let stack = StackLines { indent: "        ", label, stack: &resource.stack, styles: self.styles };
                write!(f, "{}", stack.top())?;
            }
        }
        Ok(())
    }
}

/// What went through a resource: `peer 127.0.0.1:49152; 12 bytes read, 4 bytes written, 7 bytes never read`.
pub(super) struct TrafficText<'a>(pub &'a Resource);

impl Display for TrafficText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Resource { count, bytes_read, bytes_written, socket, .. } = self.0;
        let SocketRecord { local, peer, unread, unaccepted } = socket.clone().unwrap_or_default();
        // A listening socket shows its address as its name. Several sockets have different peers, so none is shown.
        if let Some(peer) = peer.filter(|_| *count == 1) {
            write!(f, "peer {}", OneLine(&peer))?;
            local.map_or(Ok(()), |local| write!(f, ", own side {}", OneLine(&local)))?;
            f.write_str("; ")?;
        }
        if let Some(unaccepted) = unaccepted {
            let connections = plural(unaccepted, "connection", "connections");
            return write!(f, "{} {connections} never accepted", GroupedDigits(unaccepted));
        }
        write!(f, "{} read, {} written", Bytes(*bytes_read), Bytes(*bytes_written))?;
        unread.map_or(Ok(()), |unread| write!(f, ", {} never read", Bytes(unread)))
    }
}

/// `3 files fixtures/a.txt (fd 5 is the first, read)`, `2 heap blocks (1,024 bytes), and 4 blocks (64 bytes) that only they reach`.
pub(super) struct Title<'a>(pub &'a Resource);

impl Display for Title<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Resource { kind, tracked, count, fd, path, mode, bytes, .. } = self.0;
        let cycle = cycle_title(self.0);
        if *count != 1 && cycle.is_none() {
            write!(f, "{} ", GroupedDigits(*count))?;
        }
        match (tracked, cycle) {
            (Some(name), _) => write!(f, "{}", OneLine(name))?,
            (None, Some(cycle)) => f.write_str(&cycle)?,
            (None, None) => write!(f, "{}{}", kind.noun(*count), TypeText(self.0))?,
        }
        match path {
            Some(path) => write!(f, " {}", OneLine(path))?,
            None => f.write_str(kind.unnamed())?,
        }
        if let Some(bytes) = bytes {
            write!(f, " ({})", PlainBytes(*bytes))?;
        }
        write!(f, "{}", Shape(self.0))?;
        let Some(fd) = fd else { return Ok(()) };
        write!(f, " (fd {fd}")?;
        if *count != 1 {
            f.write_str(" is the first")?;
        }
        if let Some(mode) = mode {
            write!(f, ", {}", OneLine(mode))?;
        }
        f.write_str(")")
    }
}
