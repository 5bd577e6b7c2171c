//! How paths are resolved, the same for every kind of directory that a guest can hold: the scratch file system, overlays
//! and granted directories of the host. Linux is the model, and the room `oracle` compares each kind with it.
//!
//! ```text
//! tree     what a kind of directory has to answer: what a name stands for, and how to enter it
//! walk     (directory, path) -> what the path leads to, never above the directory
//! place    (directory, path) -> the name that a call makes, moves or removes, and what a slash after it asks for
//! error    why a call fails
//! ```

mod error;
mod place;
mod tree;
mod walk;

pub use error::{FsError, Result};
pub use place::ParentAndName;
pub use tree::{FoundName, Target, Tree, What};
pub use walk::{NAME_MAX, PATH_MAX, PathTarget, SIZE_MAX, Spot, check, find_or_place, lookup, place};
