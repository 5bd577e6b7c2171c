use super::error::{FsError, Result};
use super::node::{Body, NodeId};
use super::store::Scratch;

/// The longest name, in bytes.
pub const NAME_MAX: usize = 255;
/// Paths and link targets are shorter than this, in bytes: `PATH_MAX` of C, which counts the final NUL.
pub const PATH_MAX: usize = 4096;
/// The most symbolic links followed in one resolution.
pub const LINKS_MAX: u32 = 40;

/// The final component of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last<'a> {
    Name(&'a str),
    Dot,
    DotDot,
}

/// Where a path leads, up to its final component.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The directory that holds the name; for [`Last::Dot`] and [`Last::DotDot`], the one they stand for.
    pub(super) dir: NodeId,
    pub(super) last: Last<'a>,
    /// A slash follows: only a directory will do.
    pub(super) slash: bool,
}

impl Scratch {
    /// Resolves a path relative to the directory `base`. A final symbolic link is followed if `follow` is set or a slash
    /// follows it. The result is not retained.
    ///
    /// # Errors
    /// `Badf`, `Inval`, `Loop`, `Nametoolong`, `Noent`, `NotCapable`, `Notdir`.
    pub fn lookup(&self, base: NodeId, path: &str, follow: bool) -> Result<NodeId> {
        let mut walk = Walk::start(self, base, path)?;
        loop {
            let place = walk.advance()?;
            let id = match place.last {
                Last::Name(name) => self.child(place.dir, name)?.ok_or(FsError::Noent)?,
                Last::Dot | Last::DotDot => place.dir,
            };
            match &self.node(id)?.body {
                Body::Symlink(target) if follow || place.slash => walk.enter(target)?,
                Body::File(_) if place.slash => return Err(FsError::Notdir),
                _ => return Ok(id),
            }
        }
    }

    /// Resolves all but the final component, for calls that make, move or remove a name and never follow it.
    pub(super) fn place<'p>(&self, base: NodeId, path: &'p str) -> Result<Place<'p>> {
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
        Ok(Place { dir, last, slash: trimmed.len() < path.len() })
    }

    /// The node of a name in a directory. A removed directory has no names, whatever their length.
    pub(super) fn child(&self, dir: NodeId, name: &str) -> Result<Option<NodeId>> {
        let names = self.dir(dir)?;
        if name.len() > NAME_MAX && self.node(dir)?.nlink > 0 {
            return Err(FsError::Nametoolong);
        }
        Ok(names.get(name))
    }
}

/// One resolution under way. It starts at the base and moves only to children and, below the base, to parents, so that it is
/// always beneath the base: nothing can move in between.
pub(super) struct Walk<'a> {
    fs: &'a Scratch,
    base: NodeId,
    at: NodeId,
    rest: &'a str,
    /// What is left to resolve after `rest`, innermost last: one for each symbolic link entered on the way.
    outer: Vec<&'a str>,
    slash: bool,
    links: u32,
}

impl<'a> Walk<'a> {
    pub(super) fn start(fs: &'a Scratch, base: NodeId, path: &'a str) -> Result<Self> {
        fs.dir(base)?;
        check(path)?;
        Ok(Self { fs, base, at: base, rest: path, outer: Vec::new(), slash: false, links: 0 })
    }

    /// Resolves up to the final component. After [`Walk::enter`] it goes on into the link.
    pub(super) fn advance(&mut self) -> Result<Place<'a>> {
        loop {
            let (name, tail) = self.rest.split_at(self.rest.find('/').unwrap_or(self.rest.len()));
            let inner = tail.trim_start_matches('/');
            self.rest = if inner.is_empty() { self.outer.pop().unwrap_or_default() } else { inner };
            if self.rest.is_empty() {
                self.slash |= !tail.is_empty();
                return self.arrive(name);
            }
            self.step(name)?;
        }
    }

    /// Goes on into a symbolic link that was just resolved. Its target was checked as a path when it was made.
    pub(super) fn enter(&mut self, target: &'a str) -> Result<()> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(FsError::Loop);
        }
        if !self.rest.is_empty() {
            self.outer.push(self.rest);
        }
        self.rest = target;
        Ok(())
    }

    fn step(&mut self, name: &str) -> Result<()> {
        match name {
            "." => Ok(()),
            ".." => self.up(),
            name => {
                let id = self.fs.child(self.at, name)?.ok_or(FsError::Noent)?;
                match &self.fs.node(id)?.body {
                    Body::Dir(_) => self.at = id,
                    Body::Symlink(target) => self.enter(target)?,
                    Body::File(_) => return Err(FsError::Notdir),
                }
                Ok(())
            }
        }
    }

    fn arrive(&mut self, name: &'a str) -> Result<Place<'a>> {
        let last = match name {
            "." => Last::Dot,
            ".." => {
                self.up()?;
                Last::DotDot
            }
            name => Last::Name(name),
        };
        Ok(Place { dir: self.at, last, slash: self.slash })
    }

    fn up(&mut self) -> Result<()> {
        if self.at == self.base {
            return Err(FsError::NotCapable);
        }
        self.at = self.fs.dir(self.at)?.parent;
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
