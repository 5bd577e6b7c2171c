use super::error::{FsError, Result};
use std::sync::Arc;

/// A kind of directory, as far as resolving a path asks anything of it.
pub trait Tree {
    /// A directory that has been entered.
    type Dir: Clone;
    /// What stands under a name: whatever it is, and not entered yet.
    type Node;
    /// By which the way back up to a directory is known.
    type Mark;
    /// Why it cannot answer.
    type Error: From<FsError>;

    /// What stands under a name in a directory; `.` and `..` are never asked for.
    fn find(&mut self, dir: &Self::Dir, name: &str) -> Result<Option<Found<Self::Node>>, Self::Error>;

    /// Goes into a directory that was found.
    fn enter(&mut self, found: &Self::Node) -> Result<Self::Dir, Self::Error>;

    /// The mark of a directory, made before one below it is entered.
    fn mark(&mut self, dir: &Self::Dir) -> Result<Self::Mark, Self::Error>;

    /// Goes from a directory back to the one above it, by which it was entered.
    fn leave(&mut self, dir: &Self::Dir, above: Self::Mark) -> Result<Self::Dir, Self::Error>;

    /// Counts a component that a symbolic link added: the guest's own path says nothing of these.
    fn count_step(&mut self);
}

/// What stands under a name.
#[derive(Debug, Clone)]
pub struct Found<N> {
    pub node: N,
    pub what: What,
}

/// What something is, as far as the resolution of a path differs.
#[derive(Debug, Clone)]
pub enum What {
    Dir,
    Link(Target),
    /// A regular file, or something special.
    Other,
}

impl What {
    pub fn is_dir(&self) -> bool {
        matches!(self, Self::Dir)
    }
}

/// Where a symbolic link leads: a relative path that was checked, or why it leads nowhere.
pub type Target = Result<Arc<str>>;
