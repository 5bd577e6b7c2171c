//! Why a host call failed: with an errno for the guest, or in a way that ends the test.

use super::waiting::{BlockedWait, FatalWait, Wait};
use crate::sandbox::stop::{GuestExit, WallClock};
use wasi_common::snapshots::preview_1::types::{Errno, Error};

/// The failure of a host call.
#[derive(Debug)]
pub enum Fault {
    /// The guest gets this errno.
    Errno(Errno),
    /// The guest is not run any further.
    Halt(Halt),
    /// The guest waits for a socket. It is not run any further, unless other threads of the test may end the wait.
    Waiting(BlockedWait),
}

/// Why the host does not run a guest, or a thread of it, any further after a call.
///
/// WASI's interface and the engine each have an error type of their own. A `Halt` goes through both, and comes out
/// unchanged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Halt {
    /// The guest exited.
    #[error(transparent)]
    Exit(#[from] GuestExit),
    /// The wall clock or an interrupt stopped the guest.
    #[error(transparent)]
    Clock(#[from] WallClock),
    /// The host has no descriptors left.
    #[error(transparent)]
    Descriptors(#[from] NoDescriptors),
    /// The guest waits for a socket: it waited until the wall clock ended it, or nothing outside of the test can end it.
    #[error(transparent)]
    Wait(#[from] FatalWait),
    /// A thread of the guest waits, and other threads of the test may run meanwhile.
    #[error(transparent)]
    Until(#[from] Until),
    /// The guest passed a pointer that leads out of its memory or is not aligned. WASI says that this is a trap. The text
    /// is wiggle's.
    #[error("{0}")]
    Pointer(String),
}

impl Halt {
    /// Whether the thread that made the call runs again later and repeats the call, because other threads may end its wait.
    pub fn sets_aside(&self) -> bool {
        match self {
            Self::Until(_) => true,
            Self::Wait(wait) => wait.forever,
            Self::Exit(_) | Self::Clock(_) | Self::Descriptors(_) | Self::Pointer(_) => false,
        }
    }
}

/// A thread's wait that ends by itself. Only tests with threads have it: others sleep inside the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it waits")]
pub struct Until {
    /// When the wait ends, in nanoseconds after the test began.
    pub due: u64,
    /// The sockets that may end the wait earlier, in words; `None` for a sleep.
    pub sockets: Option<String>,
}

/// The process or the machine has no file descriptor left. Whether that happens depends on the other tests of the run and
/// on the shell that started it. A guest that got an errno for it could not be reproduced, so the test ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the host has no file descriptors left; raise `ulimit -n`, or lower the limit `handles` or the number of workers (`-j`)"
)]
pub struct NoDescriptors;

impl Fault {
    /// A wait that nothing outside of the test can ever end.
    pub fn forever(wait: Wait) -> Self {
        Self::Waiting(BlockedWait { wait, forever: true })
    }

    /// If the wall clock ended a wait, adds what the guest waited for.
    pub fn while_waiting(self, wait: Wait) -> Self {
        match self {
            Self::Halt(Halt::Clock(WallClock::Deadline)) => Self::Waiting(BlockedWait { wait, forever: false }),
            other => other,
        }
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<std::num::TryFromIntError> for Fault {
    fn from(_: std::num::TryFromIntError) -> Self {
        Self::Errno(Errno::Overflow)
    }
}

impl From<wiggle::GuestError> for Fault {
    fn from(error: wiggle::GuestError) -> Self {
        match Error::from(error).downcast() {
            Ok(errno) => Self::Errno(errno),
            Err(trap) => Self::Halt(Halt::from_wiggle(trap)),
        }
    }
}

impl Halt {
    /// Turns an error of WASI's interface back into the `Halt` that it carries, or into a pointer that wiggle refused.
    pub fn from_wiggle(error: wiggle::error::Error) -> Self {
        error.downcast().unwrap_or_else(|error| Self::Pointer(error.root_cause().to_string()))
    }
}

impl<H: Into<Halt>> From<H> for Fault {
    fn from(halt: H) -> Self {
        Self::Halt(halt.into())
    }
}

/// An error of the operating system is an errno for the guest: `Io` if WASI has no number for it. Only [`NoDescriptors`]
/// ends the test.
impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        use rustix::io::Errno as Host;
        let host = error.raw_os_error().map(Host::from_raw_os_error);
        if matches!(host, Some(Host::MFILE | Host::NFILE)) {
            return NoDescriptors.into();
        }
        // Errors that wasi-common's own table lacks.
        let missing = host.and_then(|host| match host {
            Host::ROFS => Some(Errno::Rofs),
            Host::XDEV => Some(Errno::Xdev),
            Host::TXTBSY => Some(Errno::Txtbsy),
            Host::NODEV | Host::NXIO => Some(Errno::Nxio),
            Host::NOSYS => Some(Errno::Nosys),
            Host::NOTTY => Some(Errno::Notty),
            _ => None,
        });
        Self::Errno(missing.unwrap_or_else(|| Error::from(error).downcast().unwrap_or(Errno::Io)))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Errno(errno) => errno.into(),
            Fault::Halt(halt) => Error::trap(halt.into()),
            Fault::Waiting(stuck) => Error::trap(Halt::from(stuck.unnamed()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_error_has_an_errno_unless_it_is_the_host_s_own() {
        let own = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE].map(rustix::io::Errno::raw_os_error);
        for raw in own {
            let fault = Fault::from(std::io::Error::from_raw_os_error(raw));
            assert!(matches!(fault, Fault::Halt(Halt::Descriptors(NoDescriptors))), "errno {raw}");
        }
        for raw in (1..=200).filter(|raw| !own.contains(raw)) {
            let fault = Fault::from(std::io::Error::from_raw_os_error(raw));
            assert!(matches!(fault, Fault::Errno(_)), "errno {raw} would trap the guest");
        }
        assert!(matches!(Fault::from(std::io::Error::other("?")), Fault::Errno(Errno::Io)));
    }
}
