//! Calls of a test that fail on purpose: which can, and how; and the function by which a test lets its next one fail. It is imported
//! from [`MODULE`], and takes and returns `i32`.
//!
//! | import | parameters | what it does |
//! | --- | --- | --- |
//! | [`FAIL_NEXT`] | `call`, `failure` | the next call of this kind that the test makes fails so; returns an errno of WASI preview 1: 0, or `inval` for what cannot be |
//!
//! Both are numbers: places in [`Call::ALL`] and [`Failure::ALL`]. A later version adds to the ends of these lists.

pub use crate::net::MODULE;

/// The import that lets the next call of a kind fail.
pub const FAIL_NEXT: &str = "fail_next";

/// Every import with the number of its parameters, by name.
pub const IMPORTS: [(&str, usize); 1] = [(FAIL_NEXT, 2)];

/// Most calls that a test may let fail by itself: another one ends it.
pub const MAX_FAULTS: usize = 1000;

/// A kind of call that can fail: what is done, and to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Call {
    /// A path is opened.
    Open,
    /// A file is read from.
    Read,
    /// A file is written to.
    Write,
    /// A file or a directory is synchronised.
    Sync,
    /// A file or a socket is closed. It is closed also where that fails, as on Linux.
    Close,
    /// It is asked what a file is.
    Stat,
    /// A directory is listed.
    List,
    /// A directory is made.
    MakeDir,
    /// A file is removed.
    Remove,
    /// A directory is removed.
    RemoveDir,
    /// Something is renamed.
    Rename,
    /// A link is made.
    Link,
    /// A symbolic link is read.
    ReadLink,
    /// A file is given a size, or room.
    Resize,
    /// A file is given times.
    SetTimes,
    /// A socket begins to listen.
    Listen,
    /// A socket connects.
    Connect,
    /// A connection is accepted.
    Accept,
    /// A socket is read from.
    Receive,
    /// A socket is written to.
    Send,
    /// A side of a socket is shut down.
    Shutdown,
    /// The test sleeps.
    Sleep,
    /// A thread is spawned.
    Spawn,
    /// Memory is asked for.
    Allocate,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// `ENOSPC`: no space is left.
    NoSpace,
    /// `EIO`: the device failed.
    Io,
    /// Less than was asked for: half of the bytes are written, or one is read.
    Short,
    /// `EINTR`: a signal came first.
    Interrupted,
    /// `EACCES`: permission is denied.
    Denied,
    /// `ENOENT`: it is not there.
    NotFound,
    /// `EMFILE`: too many files are open.
    TooManyFiles,
    /// `ECONNRESET`: the other side reset the connection.
    Reset,
    /// `ECONNREFUSED`: nobody listens.
    Refused,
    /// `ECONNABORTED`: the other side gave up before it was accepted.
    Aborted,
    /// `EADDRINUSE`: another listens there.
    InUse,
    /// `ENOTCONN`: there is no connection any more.
    NotConnected,
    /// `EAGAIN`: there are too many threads.
    Again,
    /// A sleep ends a minute late.
    Late,
    /// `ENOMEM`: there is no memory left.
    NoMemory,
}

use Failure::{
    Aborted, Again, Denied, InUse, Interrupted, Io, Late, NoMemory, NoSpace, NotConnected, NotFound, Refused, Reset,
    Short, TooManyFiles,
};

impl Call {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 24] = [
        Self::Open,
        Self::Read,
        Self::Write,
        Self::Sync,
        Self::Close,
        Self::Stat,
        Self::List,
        Self::MakeDir,
        Self::Remove,
        Self::RemoveDir,
        Self::Rename,
        Self::Link,
        Self::ReadLink,
        Self::Resize,
        Self::SetTimes,
        Self::Listen,
        Self::Connect,
        Self::Accept,
        Self::Receive,
        Self::Send,
        Self::Shutdown,
        Self::Sleep,
        Self::Spawn,
        Self::Allocate,
    ];

    /// The word of `--fault` and reports, and the failures that the call can honestly have.
    const fn row(self) -> (&'static str, &'static [Failure]) {
        match self {
            Self::Open => ("open", &[NoSpace, NotFound, Denied, TooManyFiles, Io]),
            Self::Read => ("read", &[Io, Short, Interrupted]),
            Self::Write => ("write", &[NoSpace, Io, Short, Interrupted]),
            Self::Sync => ("sync", &[Io, NoSpace]),
            Self::Close => ("close", &[Io]),
            Self::Stat => ("stat", &[Io, Denied]),
            Self::List => ("list", &[Io]),
            Self::MakeDir => ("mkdir", &[NoSpace, Denied, Io]),
            Self::Remove => ("unlink", &[Denied, Io]),
            Self::RemoveDir => ("rmdir", &[Denied, Io]),
            Self::Rename => ("rename", &[NoSpace, Denied, Io]),
            Self::Link => ("link", &[NoSpace, Denied, Io]),
            Self::ReadLink => ("readlink", &[Io]),
            Self::Resize => ("resize", &[NoSpace, Io]),
            Self::SetTimes => ("utimes", &[Denied, Io]),
            Self::Listen => ("listen", &[InUse, TooManyFiles]),
            Self::Connect => ("connect", &[Refused, TooManyFiles]),
            Self::Accept => ("accept", &[Aborted, TooManyFiles]),
            Self::Receive => ("recv", &[Reset, Short, Interrupted]),
            Self::Send => ("send", &[Reset, Short, Interrupted]),
            Self::Shutdown => ("shutdown", &[NotConnected]),
            Self::Sleep => ("sleep", &[Late]),
            Self::Spawn => ("spawn", &[Again]),
            Self::Allocate => ("alloc", &[NoMemory]),
        }
    }

    /// The word of `--fault` and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.row().0
    }

    /// The failures that such a call can have.
    #[must_use]
    pub const fn failures(self) -> &'static [Failure] {
        self.row().1
    }
}

impl Failure {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 15] = [
        NoSpace,
        Io,
        Short,
        Interrupted,
        Denied,
        NotFound,
        TooManyFiles,
        Reset,
        Refused,
        Aborted,
        InUse,
        NotConnected,
        Again,
        Late,
        NoMemory,
    ];

    /// The word of `--fault` and reports: the name of the errno, where there is one.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            NoSpace => "ENOSPC",
            Io => "EIO",
            Short => "short",
            Interrupted => "EINTR",
            Denied => "EACCES",
            NotFound => "ENOENT",
            TooManyFiles => "EMFILE",
            Reset => "ECONNRESET",
            Refused => "ECONNREFUSED",
            Aborted => "ECONNABORTED",
            InUse => "EADDRINUSE",
            NotConnected => "ENOTCONN",
            Again => "EAGAIN",
            Late => "late",
            NoMemory => "ENOMEM",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_everything_in_the_place_of_its_number() {
        for (place, call) in Call::ALL.into_iter().enumerate() {
            assert_eq!(call as usize, place, "{call:?}");
            assert!(!call.failures().is_empty(), "{call:?}");
        }
        for (place, failure) in Failure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, place, "{failure:?}");
        }
    }

    #[test]
    fn no_word_is_there_twice() {
        let calls = Call::ALL.map(Call::word);
        assert!((1..calls.len()).all(|at| !calls[..at].contains(&calls[at])));
        let failures = Failure::ALL.map(Failure::word);
        assert!((1..failures.len()).all(|at| !failures[..at].contains(&failures[at])));
    }
}
