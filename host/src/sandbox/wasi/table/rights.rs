//! Rights of descriptors: which each kind of object has, which a guest asks for, and which a call needs.
//!
//! A right can only be lost. A descriptor opened from a directory has the rights that were asked for, as far as they apply
//! to its object. It is `Notcapable` to ask for a right that the directory does not pass on. `Table`'s accessors check what
//! a call needs.

use super::values::Result;
use crate::ledger::{Access, Kind};
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Oflags, Rights};

/// The rights of a descriptor itself, and those that it passes on to descriptors opened from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RightsPair {
    pub base: Rights,
    pub inheriting: Rights,
}

impl RightsPair {
    /// All rights that apply to an object opened by the host.
    pub fn whole(kind: Kind, access: Access) -> Self {
        let nothing = Rights::empty();
        match kind {
            Kind::Dir => Self { base: of_dir(), inheriting: of_dir() | of_file() },
            Kind::Socket => Self { base: of_socket(), inheriting: of_socket() },
            Kind::Tracked | Kind::Task => Self { base: nothing, inheriting: nothing },
            Kind::Stream | Kind::File => {
                let base = if access == Access::Read { Rights::FD_READ } else { Rights::FD_WRITE };
                Self { base: base | of_stream(), inheriting: nothing }
            }
        }
    }

    /// These rights without those that do not apply to an object of this kind.
    pub fn for_kind(self, kind: Kind) -> Self {
        let whole = match kind {
            Kind::Dir => Self::whole(Kind::Dir, Access::None),
            Kind::Socket => Self { base: of_socket(), inheriting: Rights::empty() },
            Kind::Tracked | Kind::Task => Self::whole(kind, Access::None),
            Kind::File | Kind::Stream => Self { base: of_file(), inheriting: Rights::empty() },
        };
        Self { base: self.base & whole.base, inheriting: self.inheriting & whole.inheriting }
    }

    /// These rights for an object opened from a directory with the rights `parent`. If the directory passes on writing,
    /// files may be made in it and cut short, too. Engines that check no rights allow that, so programs do not ask for it:
    /// Go's `os.Root` is one.
    pub fn opened_from(self, parent: Self) -> Self {
        let implied = if self.inheriting.contains(Rights::FD_WRITE) {
            parent.base & parent.inheriting & (Rights::PATH_CREATE_FILE | Rights::PATH_FILESTAT_SET_SIZE)
        } else {
            Rights::empty()
        };
        Self { base: self.base | implied, ..self }
    }

    /// Whether bytes may be read and written with these rights.
    pub fn access(self) -> Access {
        Access::new(self.base.contains(Rights::FD_READ), self.base.contains(Rights::FD_WRITE))
    }

    /// Checks that the directory passes on the rights `asked`. A right that applies to nothing with a path is not checked.
    pub fn passes_on(self, asked: Self, flags: Fdflags) -> Result<()> {
        let asked = (asked.base | asked.inheriting) & (of_dir() | of_file());
        let syncs = flags.intersects(Fdflags::RSYNC | Fdflags::SYNC);
        let syncs_data = flags.contains(Fdflags::DSYNC);
        let held = self.inheriting;
        let passed = held.contains(asked)
            && (!syncs || held.contains(Rights::FD_SYNC))
            && (!syncs_data || held.intersects(Rights::FD_SYNC | Rights::FD_DATASYNC));
        if passed { Ok(()) } else { Err(Errno::Notcapable.into()) }
    }
}

/// The rights that `path_open` needs of the directory itself.
pub fn to_open(how: Oflags) -> Rights {
    let mut needed = Rights::PATH_OPEN;
    if how.contains(Oflags::CREAT) {
        needed |= Rights::PATH_CREATE_FILE;
    }
    if how.contains(Oflags::TRUNC) {
        needed |= Rights::PATH_FILESTAT_SET_SIZE;
    }
    needed
}

/// Checks that a descriptor with the rights `held` may do what needs the rights `needed`.
///
/// # Errors
/// `Badf`, as in POSIX, if reading or writing is missing; `Notcapable` for any other right.
pub fn check(held: Rights, needed: Rights) -> Result<()> {
    let missing = needed & !held;
    if missing.is_empty() {
        Ok(())
    } else if missing.intersects(Rights::FD_READ | Rights::FD_WRITE) {
        Err(Errno::Badf.into())
    } else {
        Err(Errno::Notcapable.into())
    }
}

fn of_dir() -> Rights {
    Rights::PATH_CREATE_DIRECTORY
        | Rights::PATH_CREATE_FILE
        | Rights::PATH_LINK_SOURCE
        | Rights::PATH_LINK_TARGET
        | Rights::PATH_OPEN
        | Rights::FD_READDIR
        | Rights::PATH_READLINK
        | Rights::PATH_RENAME_SOURCE
        | Rights::PATH_RENAME_TARGET
        | Rights::PATH_SYMLINK
        | Rights::PATH_REMOVE_DIRECTORY
        | Rights::PATH_UNLINK_FILE
        | Rights::PATH_FILESTAT_GET
        | Rights::PATH_FILESTAT_SET_TIMES
        | Rights::PATH_FILESTAT_SET_SIZE
        | Rights::FD_FILESTAT_GET
        | Rights::FD_FILESTAT_SET_TIMES
        | Rights::FD_SYNC
        | Rights::FD_DATASYNC
}

fn of_file() -> Rights {
    Rights::FD_DATASYNC
        | Rights::FD_READ
        | Rights::FD_SEEK
        | Rights::FD_FDSTAT_SET_FLAGS
        | Rights::FD_SYNC
        | Rights::FD_TELL
        | Rights::FD_WRITE
        | Rights::FD_ADVISE
        | Rights::FD_ALLOCATE
        | Rights::FD_FILESTAT_GET
        | Rights::FD_FILESTAT_SET_SIZE
        | Rights::FD_FILESTAT_SET_TIMES
        | Rights::POLL_FD_READWRITE
}

/// The rights of a stream but reading and writing. Seeking is missing: that is how wasi-libc tells a terminal from a file.
fn of_stream() -> Rights {
    Rights::FD_DATASYNC
        | Rights::FD_FDSTAT_SET_FLAGS
        | Rights::FD_SYNC
        | Rights::FD_FILESTAT_GET
        | Rights::POLL_FD_READWRITE
}

fn of_socket() -> Rights {
    of_stream() | Rights::FD_READ | Rights::FD_WRITE | Rights::SOCK_SHUTDOWN | Rights::SOCK_ACCEPT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::wasi::fault::Fault;

    fn errno(done: Result<()>) -> Option<Errno> {
        match done {
            Ok(()) => None,
            Err(Fault::Errno(errno)) => Some(errno),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_missing_right_is_not_capable_and_for_bytes_a_bad_descriptor() {
        let held = Rights::FD_READ | Rights::FD_SEEK;
        assert_eq!(errno(check(held, Rights::FD_READ)), None);
        assert_eq!(errno(check(held, Rights::FD_WRITE | Rights::FD_SEEK)), Some(Errno::Badf));
        assert_eq!(errno(check(held, Rights::FD_READ | Rights::FD_SYNC)), Some(Errno::Notcapable));
    }

    #[test]
    fn a_directory_passes_on_no_more_than_it_has() {
        let ask = |base, inheriting| RightsPair { base, inheriting };
        let dir = ask(of_dir(), Rights::FD_READ | Rights::FD_SYNC);
        let passes = |asked, flags| errno(dir.passes_on(asked, flags));
        let (nothing, none) = (Rights::empty(), Fdflags::empty());
        assert_eq!(passes(ask(Rights::FD_READ, Rights::FD_SYNC), none), None);
        assert_eq!(passes(ask(Rights::FD_READ | Rights::SOCK_ACCEPT, nothing), none), None, "applies to no file");
        assert_eq!(passes(ask(Rights::FD_WRITE, nothing), none), Some(Errno::Notcapable));
        assert_eq!(passes(ask(nothing, Rights::PATH_OPEN), none), Some(Errno::Notcapable));
        assert_eq!(passes(ask(nothing, nothing), Fdflags::DSYNC | Fdflags::SYNC), None);
        let without = ask(of_dir(), Rights::FD_DATASYNC);
        assert_eq!(errno(without.passes_on(ask(nothing, nothing), Fdflags::DSYNC)), None);
        assert_eq!(errno(without.passes_on(ask(nothing, nothing), Fdflags::RSYNC)), Some(Errno::Notcapable));
    }

    #[test]
    fn who_passes_on_writing_lets_files_be_made() {
        let parent = RightsPair::whole(Kind::Dir, Access::None);
        let asked = |inheriting| RightsPair { base: Rights::PATH_OPEN, inheriting };
        let opened = |parent, inheriting| asked(inheriting).opened_from(parent).for_kind(Kind::Dir).base;
        let both = Rights::PATH_CREATE_FILE | Rights::PATH_FILESTAT_SET_SIZE;
        assert_eq!(opened(parent, Rights::FD_WRITE), Rights::PATH_OPEN | both);
        assert_eq!(opened(parent, Rights::FD_READ), Rights::PATH_OPEN);
        let without = RightsPair { base: parent.base - both, ..parent };
        assert_eq!(opened(without, Rights::FD_WRITE), Rights::PATH_OPEN, "who has not got it cannot pass it on");
        assert_eq!(asked(Rights::FD_WRITE).opened_from(parent).for_kind(Kind::File).base, Rights::empty());
    }

    #[test]
    fn a_right_that_does_not_apply_is_not_kept() {
        let all = RightsPair { base: Rights::all(), inheriting: Rights::all() };
        let dir = all.for_kind(Kind::Dir);
        assert!(!dir.base.intersects(Rights::FD_SEEK | Rights::FD_FILESTAT_SET_SIZE));
        assert!(dir.inheriting.contains(Rights::FD_SEEK) && !dir.inheriting.contains(Rights::SOCK_ACCEPT));
        assert_eq!(all.for_kind(Kind::File), RightsPair { base: of_file(), inheriting: Rights::empty() });
        assert_eq!(all.for_kind(Kind::File).access(), Access::ReadWrite);
    }
}
