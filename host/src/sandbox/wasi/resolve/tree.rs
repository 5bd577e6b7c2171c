use super::error::{FsError, Result};
use std::sync::Arc;

/// A kind of directory, as far as path resolution needs it.
pub trait Tree {
    /// A directory that has been entered.
    type Dir: Clone;
    /// What a name stands for, before it is entered.
    type Node;
    /// Identifies a directory, so that the way back up to it can be checked.
    type Mark;
    /// Why the tree cannot answer.
    type Error: From<FsError>;

    /// What a name in a directory stands for. `.` and `..` are never asked for.
    fn find(&mut self, dir: &Self::Dir, name: &str) -> Result<Option<FoundName<Self::Node>>, Self::Error>;

    /// Enters a directory that was found.
    fn enter(&mut self, found: &Self::Node) -> Result<Self::Dir, Self::Error>;

    /// The mark of a directory, taken before a directory below it is entered.
    fn mark(&mut self, dir: &Self::Dir) -> Result<Self::Mark, Self::Error>;

    /// Goes from a directory back to the one above it, through which it was entered.
    fn leave(&mut self, dir: &Self::Dir, above: Self::Mark) -> Result<Self::Dir, Self::Error>;

    /// Counts a component that a symbolic link added: the length of the guest's path says nothing about these.
    fn count_step(&mut self);
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub struct FoundName<N> {
    pub node: N,
    pub what: What,
}

/// The kind of a file, as far as path resolution differs by it.
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

/// Where a symbolic link leads: a checked relative path, or why it leads nowhere.
pub type Target = Result<Arc<str>>;
