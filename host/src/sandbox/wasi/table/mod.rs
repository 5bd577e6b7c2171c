//! The guest's descriptor table, what its entries can stand for, and what they may be used for.

mod descriptors;
mod object;
pub mod path;
pub mod rights;

pub use descriptors::{Entry, Object, Table};
pub use object::{
    Dir, DirEntry, File, FileOrDir, Interest, NewConnection, OpenMode, Readiness, Result, Times, only_nonblock,
};
pub use rights::RightsPair;
