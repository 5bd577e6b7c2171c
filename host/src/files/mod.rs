//! Reading files under names that a stranger may have chosen: configuration, modules, reports, entries of the cache.
//!
//! Such a name may lead to a FIFO that nobody writes to, to a device with side effects or without an end, or to a file with a
//! hole of a terabyte. So only regular files are opened, opening never waits, and a file that is too long is refused before it
//! is read.

pub mod own;
pub mod owner;

use rustix::fs::{FileType, Mode, OFlags};
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Whether the last component of a name may be a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// The link is followed: for files that the user names.
    Follow,
    /// The link is refused: for files that this program wrote itself.
    Refuse,
}

/// The name does not lead to a regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is {0}, and only regular files are read")]
pub struct NotRegular(&'static str);

/// The file is longer than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has {size} bytes, and no more than {most} are read")]
pub struct TooLong {
    /// Its size in bytes; a lower bound if it grew while it was read.
    pub size: u64,
    /// The most that are read.
    pub most: u64,
}

impl TooLong {
    /// The `TooLong` within an error of reading, if there is one.
    pub fn find_in(error: &Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Opens a regular file for reading.
///
/// # Errors
/// Errors of the system, and [`NotRegular`].
pub fn open(path: &Path, links: Links) -> Result<File> {
    // Opening a device may have side effects, so that the type is checked before. It is checked again afterwards, in case
    // somebody has replaced the file in between.
    let found = match links {
        Links::Follow => rustix::fs::stat(path)?,
        Links::Refuse => rustix::fs::lstat(path)?,
    };
    check(&found)?;
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    flags.set(OFlags::NOFOLLOW, links == Links::Refuse);
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    check(&rustix::fs::fstat(&file)?)?;
    Ok(file)
}

/// Reads a whole regular file of at most so many bytes.
///
/// # Errors
/// Errors of the system; the file is not a regular one, or is longer than that.
pub fn read(path: &Path, links: Links, most: u64) -> Result<Vec<u8>> {
    read_open(&open(path, links)?, most)
}

/// Reads a whole regular file of at most so many bytes, which are text.
///
/// # Errors
/// The errors of [`read`], and one for text that is not UTF-8.
pub fn read_text(path: &Path, links: Links, most: u64) -> Result<String> {
    let bytes = read(path, links, most)?;
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Reads an open file from its current position, if the whole file has at most so many bytes.
///
/// # Errors
/// Errors of the system, and [`TooLong`].
pub fn read_open(file: &File, most: u64) -> Result<Vec<u8>> {
    let too_long = |size| Error::new(ErrorKind::FileTooLarge, TooLong { size, most });
    let size = file.metadata()?.len();
    if size > most {
        return Err(too_long(size));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX)).map_err(Error::other)?;
    // The file may grow meanwhile.
    let read = file.take(most.saturating_add(1)).read_to_end(&mut bytes)? as u64;
    if read > most { Err(too_long(read)) } else { Ok(bytes) }
}

fn check(found: &rustix::fs::Stat) -> Result<()> {
    let what = match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "something else",
    };
    Err(Error::new(ErrorKind::InvalidInput, NotRegular(what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path, links: Links) -> String {
        read(path, links, 100).unwrap_err().to_string()
    }

    #[test]
    fn only_regular_files_are_read_and_nothing_waits() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        std::os::unix::fs::symlink("fifo", at("link-to-fifo")).unwrap();
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), FileType::Fifo, mode, 0).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert_eq!(read(&at("file"), Links::Refuse, 4).unwrap(), b"text");
        assert_eq!(read_text(&at("link"), Links::Follow, 4).unwrap(), "text");
        assert_eq!(refused(&at("link"), Links::Refuse), "it is a symbolic link, and only regular files are read");
        for (name, what) in
            [("fifo", "a FIFO"), ("link-to-fifo", "a FIFO"), ("socket", "a socket"), (".", "a directory")]
        {
            assert_eq!(refused(&at(name), Links::Follow), format!("it is {what}, and only regular files are read"));
        }
        assert_eq!(refused(Path::new("/dev/zero"), Links::Follow), "it is a device, and only regular files are read");
        assert_eq!(read(&at("none"), Links::Follow, 1).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sparse");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = read(&path, Links::Follow, 1 << 20).unwrap_err();
        assert_eq!(TooLong::find_in(&error), Some(TooLong { size: 1 << 40, most: 1 << 20 }));
        assert_eq!(error.to_string(), "it has 1099511627776 bytes, and no more than 1048576 are read");
        std::fs::write(&path, [0xff]).unwrap();
        assert_eq!(read_text(&path, Links::Follow, 1).unwrap_err().to_string(), "it is not UTF-8");
    }
}
