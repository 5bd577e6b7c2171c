use super::error::{FsError, Result};
use super::node::{Body, NodeId};
use super::store::Scratch;
use std::borrow::Cow;
use std::sync::Arc;

/// The longest name, in bytes.
pub const NAME_MAX: usize = 255;
/// Paths and link targets are shorter than this, in bytes: `PATH_MAX` of C, which counts the final NUL.
pub const PATH_MAX: usize = 4096;
/// The most symbolic links followed in one resolution.
pub const LINKS_MAX: u32 = 40;

/// The final component of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last<N> {
    Name(N),
    Dot,
    DotDot,
}

/// Where a path leads, up to its final component.
#[derive(Debug, Clone, Copy)]
pub(super) struct Destination<N> {
    /// The directory that holds the name; for [`Last::Dot`] and [`Last::DotDot`], the one they stand for.
    pub(super) dir: NodeId,
    pub(super) last: Last<N>,
    /// A slash follows: only a directory will do.
    pub(super) slash: bool,
}

impl Scratch {
    /// Resolves a path relative to the directory `base`. A final symbolic link is followed if `follow` is set or a slash
    /// follows it. The result is not retained.
    ///
    /// # Errors
    /// `Badf`, `Inval`, `Loop`, `Nametoolong`, `Noent`, `NotCapable`, `Notdir`; below an overlay also `Acces`, `Ilseq`, `Io` and
    /// `Nfile`.
    pub fn lookup(&mut self, base: NodeId, path: &str, follow: bool) -> Result<NodeId> {
        let mut walk = Walk::start(self, base, path)?;
        loop {
            let place = walk.advance(self)?;
            let id = match place.last {
                Last::Name(name) => self.child(place.dir, &name)?.ok_or(FsError::Noent)?,
                Last::Dot | Last::DotDot => place.dir,
            };
            match &self.node(id)?.body {
                Body::Symlink { target, .. } if follow || place.slash => walk.enter(target.clone()?)?,
                Body::Dir(_) | Body::Symlink { .. } => return Ok(id),
                _ if place.slash => return Err(FsError::Notdir),
                _ => return Ok(id),
            }
        }
    }

    /// Resolves all but the final component, for calls that make, move or remove a name and never follow it.
    pub(super) fn destination<'p>(&mut self, base: NodeId, path: &'p str) -> Result<Destination<&'p str>> {
        self.dir(base)?;
        check(path)?;
        let trimmed = path.trim_end_matches('/');
        let (parent, name) = trimmed.split_at(trimmed.rfind('/').map_or(0, |slash| slash + 1));
        let last = match name {
            "." => Last::Dot,
            ".." => Last::DotDot,
            name => Last::Name(name),
        };
        let dir = match last {
            Last::DotDot => self.lookup(base, trimmed, true)?,
            _ if parent.is_empty() => base,
            _ => self.lookup(base, parent, true)?,
        };
        Ok(Destination { dir, last, slash: trimmed.len() < path.len() })
    }
}

/// What is left of a path, or of a symbolic link's target.
struct Rest<'p> {
    text: Text<'p>,
    from: usize,
}

enum Text<'p> {
    Path(&'p str),
    Link(Arc<str>),
}

impl<'p> Rest<'p> {
    fn as_str(&self) -> &str {
        match &self.text {
            Text::Path(path) => &path[self.from..],
            Text::Link(target) => &target[self.from..],
        }
    }

    /// Takes the first component off; true with it if a slash follows.
    fn next(&mut self) -> (Cow<'p, str>, bool) {
        let rest = self.as_str();
        let len = rest.find('/').unwrap_or(rest.len());
        let tail = &rest[len..];
        let (slash, slashes) = (!tail.is_empty(), tail.len() - tail.trim_start_matches('/').len());
        let name = self.from..self.from + len;
        self.from = name.end + slashes;
        match &self.text {
            Text::Path(path) => (Cow::Borrowed(&path[name]), slash),
            Text::Link(target) => (Cow::Owned(target[name].to_owned()), slash),
        }
    }
}

/// One resolution under way. It starts at the base and moves only to children and, below the base, to parents, so that it is
/// always beneath the base: nothing can move in between.
pub(super) struct Walk<'p> {
    base: NodeId,
    at: NodeId,
    rest: Rest<'p>,
    /// What is left to resolve after `rest`, innermost last: one for each symbolic link entered on the way.
    outer: Vec<Rest<'p>>,
    slash: bool,
    links: u32,
}

impl<'p> Walk<'p> {
    pub(super) fn start(fs: &Scratch, base: NodeId, path: &'p str) -> Result<Self> {
        fs.dir(base)?;
        check(path)?;
        let rest = Rest { text: Text::Path(path), from: 0 };
        Ok(Self { base, at: base, rest, outer: Vec::new(), slash: false, links: 0 })
    }

    /// Resolves up to the final component. After [`Walk::enter`] it goes on into the link.
    pub(super) fn advance(&mut self, fs: &mut Scratch) -> Result<Destination<Cow<'p, str>>> {
        loop {
            // The guest paid for its own path by the byte; what links add to it is counted.
            fs.work.steps += u64::from(self.links > 0);
            let (name, slash) = self.rest.next();
            if self.rest.as_str().is_empty() {
                match self.outer.pop() {
                    Some(outer) => self.rest = outer,
                    None => {
                        self.slash |= slash;
                        return self.arrive(fs, name);
                    }
                }
            }
            self.step(fs, &name)?;
        }
    }

    /// Goes on into a symbolic link that was just resolved. Its target was checked as a path when it was made or met.
    pub(super) fn enter(&mut self, target: Arc<str>) -> Result<()> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(FsError::Loop);
        }
        let inner = Rest { text: Text::Link(target), from: 0 };
        let rest = std::mem::replace(&mut self.rest, inner);
        if !rest.as_str().is_empty() {
            self.outer.push(rest);
        }
        Ok(())
    }

    fn step(&mut self, fs: &mut Scratch, name: &str) -> Result<()> {
        match name {
            "." => Ok(()),
            ".." => self.up(fs),
            name => {
                let id = fs.child(self.at, name)?.ok_or(FsError::Noent)?;
                match &fs.node(id)?.body {
                    Body::Dir(_) => self.at = id,
                    Body::Symlink { target, .. } => self.enter(target.clone()?)?,
                    Body::File(_) | Body::FileBelow(_) | Body::Special(_) => return Err(FsError::Notdir),
                }
                Ok(())
            }
        }
    }

    fn arrive(&mut self, fs: &Scratch, name: Cow<'p, str>) -> Result<Destination<Cow<'p, str>>> {
        let last = match &*name {
            "." => Last::Dot,
            ".." => {
                self.up(fs)?;
                Last::DotDot
            }
            _ => Last::Name(name),
        };
        Ok(Destination { dir: self.at, last, slash: self.slash })
    }

    fn up(&mut self, fs: &Scratch) -> Result<()> {
        if self.at == self.base {
            return Err(FsError::NotCapable);
        }
        self.at = fs.dir(self.at)?.parent;
        Ok(())
    }
}

/// What can be said of a path, or of a link's target, without resolving it.
pub(super) fn check(path: &str) -> Result<()> {
    if path.is_empty() {
        Err(FsError::Noent)
    } else if path.len() >= PATH_MAX {
        Err(FsError::Nametoolong)
    } else if path.contains('\0') {
        Err(FsError::Inval)
    } else if path.starts_with('/') {
        Err(FsError::NotCapable)
    } else {
        Ok(())
    }
}
