use super::error::{FsError, Result};
use super::place::{Last, ParentAndName};
use super::tree::{FoundName, Tree, What};
use std::borrow::Cow;
use std::sync::Arc;

/// The longest name, in bytes.
pub const NAME_MAX: usize = 255;
/// Paths and link targets are shorter than this, in bytes: `PATH_MAX` of C, which counts the final NUL.
pub const PATH_MAX: usize = 4096;
/// The largest size of a file, as on Linux.
pub const SIZE_MAX: u64 = i64::MAX as u64;
/// The most symbolic links followed in one resolution.
pub const LINKS_MAX: u32 = 40;

/// What a whole path leads to.
pub enum PathTarget<T: Tree> {
    /// The directory that a final `.` or `..` stands for.
    Dir(T::Dir),
    /// What stands under the final name.
    Named(FoundName<T::Node>),
}

/// Where a call opens a file, or makes it if there is none.
pub enum Spot<T: Tree> {
    There(FoundName<T::Node>),
    Free { dir: T::Dir, name: Arc<str> },
}

/// Resolves a path relative to the directory `base`. A final symbolic link is followed if `follow` is set or a slash
/// follows it.
///
/// # Errors
/// `Inval`, `Loop`, `Nametoolong`, `Noent`, `NotCapable`, `Notdir`, and those of the tree.
pub fn lookup<T: Tree>(tree: &mut T, base: &T::Dir, path: &str, follow: bool) -> Result<PathTarget<T>, T::Error> {
    let mut walk: Walk<'_, T> = Walk::start(base, path)?;
    loop {
        let stop = walk.advance(tree)?;
        let Last::Name(name) = stop.last else {
            return Ok(PathTarget::Dir(stop.dir));
        };
        let found = tree.find(&stop.dir, &name)?.ok_or(FsError::Noent)?;
        match found.what {
            What::Link(target) if follow || stop.slash => walk.enter(target?)?,
            What::Other if stop.slash => return Err(FsError::Notdir.into()),
            _ => return Ok(PathTarget::Named(found)),
        }
    }
}

/// Resolves all but the final component, for calls that make, move or remove a name and never follow it.
///
/// # Errors
/// Those of [`lookup`].
pub fn place<'p, T: Tree>(
    tree: &mut T,
    base: &T::Dir,
    path: &'p str,
) -> Result<ParentAndName<T::Dir, &'p str>, T::Error> {
    check(path)?;
    let trimmed = path.trim_end_matches('/');
    let (parent, name) = trimmed.split_at(trimmed.rfind('/').map_or(0, |slash| slash + 1));
    let last = match name {
        "." => Last::Dot,
        ".." => Last::DotDot,
        name => Last::Name(name),
    };
    let above = if last == Last::DotDot { trimmed } else { parent };
    let dir = if above.is_empty() { base.clone() } else { reach_dir(tree, base, above)? };
    Ok(ParentAndName { dir, last, slash: trimmed.len() < path.len() })
}

fn reach_dir<T: Tree>(tree: &mut T, base: &T::Dir, path: &str) -> Result<T::Dir, T::Error> {
    match lookup(tree, base, path, true)? {
        PathTarget::Dir(dir) => Ok(dir),
        PathTarget::Named(found) => tree.enter(&found.node),
    }
}

/// Where a call opens a file, or makes it if there is none. Through a dangling link, the file is made where the link
/// points.
///
/// # Errors
/// Those of [`lookup`]; `Exist` if the name is taken and `exclusive` is set; `Isdir` for a path that only a directory can
/// have.
pub fn find_or_place<T: Tree>(
    tree: &mut T,
    base: &T::Dir,
    path: &str,
    follow: bool,
    exclusive: bool,
) -> Result<Spot<T>, T::Error> {
    let mut walk: Walk<'_, T> = Walk::start(base, path)?;
    loop {
        let stop = walk.advance(tree)?;
        let name = match stop.last {
            Last::Name(_) if stop.slash => return Err(FsError::Isdir.into()),
            Last::Name(name) => name,
            Last::Dot | Last::DotDot if exclusive => return Err(FsError::Exist.into()),
            Last::Dot | Last::DotDot => return Err(FsError::Isdir.into()),
        };
        let Some(found) = tree.find(&stop.dir, &name)? else {
            return Ok(Spot::Free { dir: stop.dir, name: name.into() });
        };
        match found.what {
            _ if exclusive => return Err(FsError::Exist.into()),
            What::Link(target) if follow => walk.enter(target?)?,
            _ => return Ok(Spot::There(found)),
        }
    }
}

/// The rest of a path, or of a symbolic link's target, that is still to be resolved.
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

    /// Takes off the first component. Gives it, and whether a slash follows it.
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

/// A resolution under way. It starts at the base. It moves to directories below, and back up only to those that it came
/// through, so it never leaves the base.
struct Walk<'p, T: Tree> {
    at: T::Dir,
    /// The way back from `at` to the base; the base comes first.
    above: Vec<T::Mark>,
    rest: Rest<'p>,
    /// What is left to resolve after `rest`, innermost last: one for each symbolic link that was entered on the way.
    outer: Vec<Rest<'p>>,
    slash: bool,
    links: u32,
}

impl<'p, T: Tree> Walk<'p, T> {
    fn start(base: &T::Dir, path: &'p str) -> Result<Self> {
        check(path)?;
        let rest = Rest { text: Text::Path(path), from: 0 };
        Ok(Self { at: base.clone(), above: Vec::new(), rest, outer: Vec::new(), slash: false, links: 0 })
    }

    /// Resolves up to the final component. After [`Walk::enter`] it goes on into the link.
    fn advance(&mut self, tree: &mut T) -> Result<ParentAndName<T::Dir, Cow<'p, str>>, T::Error> {
        loop {
            // The guest paid for its own path by the byte. Components that links add are counted.
            if self.links > 0 {
                tree.count_step();
            }
            let (name, slash) = self.rest.next();
            if self.rest.as_str().is_empty() {
                match self.outer.pop() {
                    Some(outer) => self.rest = outer,
                    None => {
                        self.slash |= slash;
                        return self.arrive(tree, name);
                    }
                }
            }
            self.step(tree, &name)?;
        }
    }

    /// Goes on into a symbolic link that was just found. Its target was checked as a path when the link was made or met.
    fn enter(&mut self, target: Arc<str>) -> Result<()> {
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

    fn step(&mut self, tree: &mut T, name: &str) -> Result<(), T::Error> {
        match name {
            "." => Ok(()),
            ".." => self.up(tree),
            name => {
                let found = tree.find(&self.at, name)?.ok_or(FsError::Noent)?;
                match found.what {
                    What::Dir => {
                        let below = tree.enter(&found.node)?;
                        self.above.push(tree.mark(&self.at)?);
                        self.at = below;
                    }
                    What::Link(target) => self.enter(target?)?,
                    What::Other => return Err(FsError::Notdir.into()),
                }
                Ok(())
            }
        }
    }

    fn arrive(&mut self, tree: &mut T, name: Cow<'p, str>) -> Result<ParentAndName<T::Dir, Cow<'p, str>>, T::Error> {
        let last = match &*name {
            "." => Last::Dot,
            ".." => {
                self.up(tree)?;
                Last::DotDot
            }
            _ => Last::Name(name),
        };
        Ok(ParentAndName { dir: self.at.clone(), last, slash: self.slash })
    }

    fn up(&mut self, tree: &mut T) -> Result<(), T::Error> {
        let above = self.above.pop().ok_or(FsError::NotCapable)?;
        self.at = tree.leave(&self.at, above)?;
        Ok(())
    }
}

/// Checks a path, or a link's target, as far as that is possible without resolving it.
pub fn check(path: &str) -> Result<()> {
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
