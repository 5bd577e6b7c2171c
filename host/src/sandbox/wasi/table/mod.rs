//! The guest's descriptor table, what its entries can stand for, and which rights they have.

mod descriptors;
mod object;
pub mod path;
pub mod rights;
mod values;

pub use descriptors::{DescriptorEntry, Object, Table};
pub use object::{Dir, File, FileOrDir, NewConnection, OpenMode, only_nonblock};
pub use rights::RightsPair;
pub use values::{DirEntry, Interest, Readiness, Result, Times};
