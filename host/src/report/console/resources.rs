//! What a test held at its end, and the guest's stacks.

use super::sanitise::OneLine;
use super::style::Styles;
use super::units::{Bytes, Grouped, PlainBytes, plural};
use crate::model::{Frame, Resource, ResourceKind, SocketRecord};
use std::fmt::{self, Display, Formatter};

/// Frames shown of one stack; the JSON report has them all.
const MAX_FRAMES: usize = 8;

/// `src/io.rs:41 in semver::io::open`; the function alone where there is no debug information.
pub(super) struct Place<'a> {
    pub frame: &'a Frame,
    pub styles: &'a Styles,
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let style = self.styles.place;
        let function = OneLine(&self.frame.function);
        match (&self.frame.file, self.frame.line) {
            (Some(file), Some(line)) => write!(f, "{style}{}:{line}{style:#} in {function}", OneLine(file)),
            (Some(file), None) => write!(f, "{style}{}{style:#} in {function}", OneLine(file)),
            (None, _) => write!(f, "{function} (no debug information)"),
        }
    }
}

/// A stack, a line a frame, the first behind a label such as `acquired at`. It has no lines where it is empty.
pub(super) struct StackOf<'a> {
    pub indent: &'a str,
    pub label: &'a str,
    pub stack: &'a [Frame],
    pub styles: &'a Styles,
}

impl StackOf<'_> {
    /// The same, cut to its first frame.
    pub fn top(self) -> Self {
        Self { stack: self.stack.get(..1).unwrap_or_default(), ..self }
    }
}

impl Display for StackOf<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { indent, styles, .. } = self;
        let width = self.label.len();
        for (i, frame) in self.stack.iter().take(MAX_FRAMES).enumerate() {
            let label = if i == 0 { self.label } else { "from" };
            writeln!(f, "{indent}{label:>width$} {}", Place { frame, styles })?;
        }
        let more = self.stack.len().saturating_sub(MAX_FRAMES);
        if more > 0 {
            let frames = plural(more as u64, "frame", "frames");
            writeln!(f, "{indent}{:>width$} {more} more {frames}, listed in the JSON report", "and")?;
        }
        Ok(())
    }
}

/// How much is held: `2 files, 1 socket, 3 heap blocks (1,536 bytes)`.
pub(super) struct Inventory<I>(pub I);

impl<'a, I: Iterator<Item = &'a Resource> + Clone> Display for Inventory<I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for kind in
            [ResourceKind::File, ResourceKind::Dir, ResourceKind::Socket, ResourceKind::Residue, ResourceKind::Heap]
        {
            let held = self.0.clone().filter(|resource| resource.kind == kind);
            let count = held.clone().map(|resource| resource.count).fold(0, u64::saturating_add);
            if count > 0 {
                write!(f, "{separator}{} {}", Grouped(count), noun(kind, count))?;
                separator = ", ";
                if kind == ResourceKind::Heap {
                    let bytes = held.filter_map(|resource| resource.bytes).fold(0, u64::saturating_add);
                    write!(f, " ({})", PlainBytes(bytes))?;
                }
            }
        }
        Ok(())
    }
}

/// Something that was open or in a file, with all that helps to find and close it.
pub(super) struct Open<'a> {
    pub test: &'a str,
    pub resource: &'a Resource,
    pub styles: &'a Styles,
}

impl Display for Open<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (leak, indent) = (self.resource, "        ");
        writeln!(f, "    - {}", Title(leak))?;
        if leak.kind == ResourceKind::Residue {
            return writeln!(
                f,
                "{indent}to fix: remove it before the test returns, or set `residue = \"ignore\"` in `leaks`"
            );
        }
        if leak.scope != self.test {
            writeln!(f, "{indent}in subtest {}", OneLine(&leak.scope))?;
        }
        if leak.kind != ResourceKind::Dir {
            writeln!(f, "{indent}{}", Traffic(leak))?;
        }
        let label = acquired(leak.kind);
        if leak.stack.is_empty() {
            writeln!(f, "{indent}{label} a place that is not known: no stack was recorded")?;
        }
        write!(f, "{}", StackOf { indent, label, stack: &leak.stack, styles: self.styles })?;
        if leak.count == 1 {
            writeln!(f, "{indent}to fix: close it, or drop its owner, before the test returns")
        } else {
            let count = Grouped(leak.count);
            writeln!(f, "{indent}to fix: close each of the {count}, or drop its owner, before the test returns")
        }
    }
}

/// The label of a place that something was acquired at.
pub(super) fn acquired(kind: ResourceKind) -> &'static str {
    if kind == ResourceKind::Heap { "allocated at" } else { "acquired at" }
}

/// Resources that the host took back when a test ended another way than by returning; a line or two each.
pub(super) struct Reclaimed<'a> {
    pub resources: &'a [Resource],
    pub styles: &'a Styles,
}

impl Display for Reclaimed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.resources.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "    reclaimed by the host (no leak: the test did not return): {}",
            Inventory(self.resources.iter())
        )?;
        for resource in self.resources {
            writeln!(f, "    - {}", Title(resource))?;
            if resource.kind == ResourceKind::Socket {
                writeln!(f, "        {}", Traffic(resource))?;
            }
            let stack = &resource.stack;
            let label = acquired(resource.kind);
            let stack = StackOf { indent: "        ", label, stack, styles: self.styles };
            write!(f, "{}", stack.top())?;
        }
        Ok(())
    }
}

/// `peer 127.0.0.1:49152; 12 bytes read, 4 bytes written, 7 bytes never read`.
struct Traffic<'a>(&'a Resource);

impl Display for Traffic<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Resource { count, bytes_read, bytes_written, socket, .. } = self.0;
        let SocketRecord { local, peer, unread, unaccepted } = socket.clone().unwrap_or_default();
        // The address of a listening socket is its name, and several sockets have different ones.
        if let Some(peer) = peer.filter(|_| *count == 1) {
            write!(f, "peer {}", OneLine(&peer))?;
            local.map_or(Ok(()), |local| write!(f, ", own side {}", OneLine(&local)))?;
            f.write_str("; ")?;
        }
        if let Some(unaccepted) = unaccepted {
            let connections = plural(unaccepted, "connection", "connections");
            return write!(f, "{} {connections} never accepted", Grouped(unaccepted));
        }
        write!(f, "{} read, {} written", Bytes(*bytes_read), Bytes(*bytes_written))?;
        unread.map_or(Ok(()), |unread| write!(f, ", {} never read", Bytes(unread)))
    }
}

/// `3 files fixtures/a.txt (fd 5 is the first, read)`, `2 heap blocks (1,024 bytes)`.
pub(super) struct Title<'a>(pub &'a Resource);

impl Display for Title<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Resource { kind, count, fd, path, mode, bytes, .. } = self.0;
        if *count != 1 {
            write!(f, "{} ", Grouped(*count))?;
        }
        f.write_str(noun(*kind, *count))?;
        match (path, kind) {
            (Some(path), _) => write!(f, " {}", OneLine(path))?,
            (None, ResourceKind::File | ResourceKind::Dir) => f.write_str(" of unknown path")?,
            (None, ResourceKind::Residue) => f.write_str(", too many to be listed")?,
            (None, ResourceKind::Socket | ResourceKind::Heap) => {}
        }
        if let Some(bytes) = bytes {
            write!(f, " ({})", PlainBytes(*bytes))?;
        }
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

pub(super) fn noun(kind: ResourceKind, count: u64) -> &'static str {
    match kind {
        ResourceKind::File => plural(count, "file", "files"),
        ResourceKind::Dir => plural(count, "directory", "directories"),
        ResourceKind::Socket => plural(count, "socket", "sockets"),
        ResourceKind::Residue => plural(count, "file left in scratch", "files left in scratch"),
        ResourceKind::Heap => plural(count, "heap block", "heap blocks"),
    }
}
