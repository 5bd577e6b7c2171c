//! Errors of file systems, as the guest gets them.

use crate::sandbox::wasi::fault::{Fault, NoDescriptors};
use thiserror::Error;
use wasi_common::snapshots::preview_1::types::Errno;

/// The result of a file system call.
pub type Result<T, E = FsError> = std::result::Result<T, E>;

/// Why a call failed: one variant for each errno of WASI preview 1, with its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[repr(u16)]
pub enum FsError {
    /// A device, a FIFO or a socket, which cannot be opened; or a file that the host does not let this process read.
    #[error("the file may not be opened")]
    Acces = 2,
    /// The node is gone, or was released more often than it was retained.
    #[error("the handle does not refer to a file of this file system")]
    Badf = 8,
    /// The path names `.` or `..`, which cannot be renamed.
    #[error("the directory is in use")]
    Busy = 10,
    /// The name is taken.
    #[error("the file exists")]
    Exist = 20,
    /// The file would be larger than the whole quota.
    #[error("the file would be larger than the file system")]
    Fbig = 22,
    /// The target of a symbolic link below an overlay is not UTF-8.
    #[error("the link's target is not text")]
    Ilseq = 25,
    /// A NUL byte in a path, contradictory flags, a directory moved below itself, or the wrong kind of file for the call.
    #[error("the argument makes no sense for this call")]
    Inval = 28,
    /// The host could not read what is below an overlay.
    #[error("the directory below cannot be read")]
    Io = 29,
    /// A directory, but the call needs something else.
    #[error("the file is a directory")]
    Isdir = 31,
    /// More than 40 symbolic links, or a final link that was not to be followed.
    #[error("too many symbolic links")]
    Loop = 32,
    /// A name over 255 bytes, or a path of 4096 or more.
    #[error("the name is too long")]
    Nametoolong = 37,
    /// The host has no descriptor left.
    #[error("the host has too many files open")]
    Nfile = 41,
    /// No such name, an empty path, or a new name in a removed directory.
    #[error("no such file or directory")]
    Noent = 44,
    /// A quota is used up, or the host has no memory left.
    #[error("the file system is full")]
    Nospc = 51,
    /// Not a directory, but the call needs one.
    #[error("the file is not a directory")]
    Notdir = 54,
    /// The directory has entries.
    #[error("the directory is not empty")]
    Notempty = 55,
    /// A hard link to a directory.
    #[error("the operation is not permitted")]
    Perm = 63,
    /// The two names are in different file systems: the scratch file system and an overlay, or two overlays.
    #[error("the names are in different file systems")]
    Xdev = 75,
    /// The path is absolute or leads out of its base directory. Wasmtime's own WASI answers `perm` here, and the standard
    /// test suite expects that: the layer in front may do the same.
    #[error("the path leads out of the directory it is relative to")]
    NotCapable = 76,
}

impl FsError {
    /// The number of this errno in WASI preview 1.
    pub const fn errno(self) -> u16 {
        self as u16
    }
}

impl From<FsError> for Fault {
    fn from(error: FsError) -> Self {
        Self::Errno(match error {
            FsError::Nfile => return NoDescriptors.into(),
            FsError::Acces => Errno::Acces,
            FsError::Badf => Errno::Badf,
            FsError::Busy => Errno::Busy,
            FsError::Exist => Errno::Exist,
            FsError::Fbig => Errno::Fbig,
            FsError::Ilseq => Errno::Ilseq,
            FsError::Inval => Errno::Inval,
            FsError::Io => Errno::Io,
            FsError::Isdir => Errno::Isdir,
            FsError::Loop => Errno::Loop,
            FsError::Nametoolong => Errno::Nametoolong,
            FsError::Noent => Errno::Noent,
            FsError::Nospc => Errno::Nospc,
            FsError::Notdir => Errno::Notdir,
            FsError::Notempty => Errno::Notempty,
            FsError::Xdev => Errno::Xdev,
            // A path that leads out of its directory is `Perm` in every WASI engine, and in the standard test suite.
            FsError::Perm | FsError::NotCapable => Errno::Perm,
        })
    }
}
