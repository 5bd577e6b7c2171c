use super::error::{FsError, Result};
use super::tree::What;

/// The final component of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last<N> {
    Name(N),
    Dot,
    DotDot,
}

/// Where a path leads, up to its final component, which is never followed. Its methods check what calls that make, move or
/// remove a name ask of it.
#[derive(Debug, Clone, Copy)]
pub struct ParentAndName<D, N> {
    /// The directory that holds the name; for [`Last::Dot`] and [`Last::DotDot`], the directory they stand for.
    pub dir: D,
    pub last: Last<N>,
    /// Whether a slash follows: then the name has to be a directory's.
    pub slash: bool,
}

impl<'p, D> ParentAndName<D, &'p str> {
    fn name_or(&self, dot: FsError, dot_dot: FsError) -> Result<&'p str> {
        match self.last {
            Last::Name(name) => Ok(name),
            Last::Dot => Err(dot),
            Last::DotDot => Err(dot_dot),
        }
    }

    /// The name for a call that makes one; `.` and `..` are taken.
    pub fn to_make(&self) -> Result<&'p str> {
        self.name_or(FsError::Exist, FsError::Exist)
    }

    /// The name for a call that removes a directory.
    pub fn to_remove_dir(&self) -> Result<&'p str> {
        self.name_or(FsError::Inval, FsError::Notempty)
    }

    /// The name for a call that removes a file.
    pub fn to_unlink(&self) -> Result<&'p str> {
        self.name_or(FsError::Isdir, FsError::Isdir)
    }

    /// The name for a call that moves it, or moves something to it.
    pub fn to_rename(&self) -> Result<&'p str> {
        self.name_or(FsError::Busy, FsError::Busy)
    }

    /// Checks that a name is free for a file. A slash after the name asks for a directory.
    pub fn check_free_for_file(&self, taken: Option<&What>) -> Result<()> {
        match taken {
            None if self.slash => Err(FsError::Noent),
            None => Ok(()),
            // Linux answers `Exist` here, too; WASI's test suite asks for `Notdir`.
            Some(taken) if self.slash && !taken.is_dir() => Err(FsError::Notdir),
            Some(_) => Err(FsError::Exist),
        }
    }

    /// Checks that the file found under the name may be unlinked.
    pub fn check_unlink(&self, found: &What) -> Result<()> {
        match found {
            What::Dir => Err(FsError::Isdir),
            _ if self.slash => Err(FsError::Notdir),
            _ => Ok(()),
        }
    }

    /// Checks that `moved` may be moved from here to `to`, as far as slashes after the two names are concerned.
    pub fn check_rename(&self, to: &Self, moved: &What) -> Result<()> {
        if !moved.is_dir() && (self.slash || to.slash) { Err(FsError::Notdir) } else { Ok(()) }
    }
}
