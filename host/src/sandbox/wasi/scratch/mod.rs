//! The files of one test, held in memory and dropped with it: the scratch file system, which is empty at the start, and
//! overlays, each over a directory of the host that is read and never written to.
//!
//! All are one store: its trees share the quotas, the inode numbers and every rule below. `object` is what a descriptor
//! stands for: it holds a [`NodeId`] and an offset, and passes the virtual clock in as `now`. The rest knows nothing of
//! WASI.
//!
//! ```text
//! (base directory, path) -> resolve: beneath the base, or NotCapable -> directory -> node -> bytes, names, target
//!                                                a name not met yet, in an overlay -> overlay -> lower: the host's directory
//! ```
//!
//! What holds everywhere:
//! - **Nothing is allocated** until the first file is made or met; most tests never do either.
//! - **Beneath the base.** A path is resolved from a directory the guest holds, and `..` and symbolic links cannot leave it.
//! - **Whole or not at all.** A call that fails changes no file. Only [`Scratch::write_at`] may do less than asked, as
//!   `write(2)` does, and says how much.
//! - **Deterministic.** Inode numbers count up and are never used twice; listings are in order of creation, after what an
//!   overlay had at the start, by name. Of a host file, a test sees the kind, the size and the contents.
//! - **Linux's errors**, in Linux's order of checking, where WASI leaves the choice: a test compares the two.
//! - **Bounded.** File contents, names and link targets are charged to a quota in bytes, names and unlinked open files to one
//!   in entries. Contents are charged by the block of 4 KiB that was written or reserved, the last one as far as the file
//!   reaches: a file without holes costs its size, and a hole nothing. Memory on the host stays below twice the bytes plus
//!   some 1.2 KiB an entry, for an overlay also for each entry that was met.
//!
//! An overlay differs from a copy of its directory in what depends on where the copy is. Each hard link below is a file of
//! its own. Permissions do not count, but a file that the host refuses to read is `Acces`. Absolute links lead nowhere.
//! Names that are not UTF-8 are left out. A host file is copied into memory when it is first written to, which is charged.
//!
//! Times are in nanoseconds since the epoch. Reading does not move the access time, as on a `noatime` mount.

mod changes;
mod contents;
mod directory;
mod dirs;
mod files;
mod fork;
mod kind;
mod list;
mod lower;
mod node;
mod node_id;
mod object;
mod overlay;
mod quota;
mod rename;
mod residue;
mod resolve;
mod slots;
mod stat;
mod store;
#[cfg(test)]
mod tests;

pub use changes::Change;
pub use files::OpenFlags;
pub use kind::FileKind;
pub use lower::Lower;
pub use node_id::NodeId;
pub use object::ScratchDir;
pub use stat::Stat;
pub use store::Scratch;
#[cfg(test)]
pub use tests::audit::audit;
