//! An in-memory file system, one per test, that is empty at the start and dropped with the test.
//!
//! A pure data structure: it knows nothing of the engine, of descriptors or of the host's files. The WASI layer in front of
//! it holds [`NodeId`]s, keeps offsets and rights, and passes the virtual clock in as `now`.
//!
//! ```text
//! (base directory, path) -> path: beneath the base, or NotCapable -> directory -> node -> bytes, names, target
//! ```
//!
//! What holds everywhere:
//! - **Nothing is allocated** until the first file is made; most tests never make one.
//! - **Beneath the base.** A path is resolved from a directory the guest holds, and `..` and symbolic links cannot leave it.
//! - **Whole or not at all.** A call that fails changes nothing. Only [`Scratch::write_at`] may do less than asked, as
//!   `write(2)` does, and says how much.
//! - **Deterministic.** Inode numbers count up and are never used twice; listings are in order of creation.
//! - **Linux's errors**, in Linux's order of checking, where WASI leaves the choice: a test compares the two.
//! - **Bounded.** File contents, names and link targets are charged to a quota in bytes, names and unlinked open files to one
//!   in entries. Holes cost as much as data. Memory on the host stays below twice the bytes plus some 1.2 KiB an entry.
//!
//! Times are in nanoseconds since the epoch. Reading does not move the access time, as on a `noatime` mount.

mod directory;
mod dirs;
mod error;
mod files;
mod list;
mod node;
mod path;
mod quota;
mod rename;
mod residue;
mod stat;
mod store;
#[cfg(test)]
mod tests;

pub use error::FsError;
pub use files::OpenHow;
pub use node::{FileKind, NodeId};
pub use path::PATH_MAX;
pub use stat::Stat;
pub use store::Scratch;
