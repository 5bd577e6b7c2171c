//! When a test has to stop, and how the host waits until then.

use super::table::Result;
use crate::sandbox::stop::WallClock;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a host call waits at most before it checks again whether it may go on.
const WAIT_SLICE: Duration = Duration::from_millis(20);

/// The deadline of a test that starts now.
pub fn deadline_after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now + Duration::from_secs(1 << 32))
}

/// When a test has to stop, whatever it is doing.
#[derive(Debug, Clone)]
pub struct Watchdog {
    /// The wall-clock time at which the test has to stop.
    pub deadline: Instant,
    /// Set when the whole run is to stop.
    pub interrupted: Arc<AtomicBool>,
}

impl Watchdog {
    /// Whether the whole run is to stop.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// An error if the test may not go on.
    pub fn check(&self) -> Result<(), WallClock> {
        if self.is_interrupted() {
            Err(WallClock::Interrupted)
        } else if Instant::now() >= self.deadline {
            Err(WallClock::Deadline)
        } else {
            Ok(())
        }
    }

    /// Sleeps for `limit`, or less: the caller looks again. It never sleeps beyond the test's deadline.
    ///
    /// # Errors
    /// The test may not go on.
    pub fn pause(&self, limit: Duration) -> Result<(), WallClock> {
        self.check()?;
        let left = self.deadline.saturating_duration_since(Instant::now());
        std::thread::sleep(WAIT_SLICE.min(limit).min(left));
        self.check()
    }

    /// Waits in slices until a host descriptor is ready, for `limit` at most. Gives whether it is ready.
    ///
    /// # Errors
    /// The test may not go on, or the descriptor cannot be polled.
    pub fn wait(&self, fd: BorrowedFd<'_>, events: rustix::event::PollFlags, limit: Option<Duration>) -> Result<bool> {
        let give_up = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            self.check()?;
            let now = Instant::now();
            let mut slice = WAIT_SLICE.min(self.deadline.saturating_duration_since(now));
            if let Some(give_up) = give_up {
                slice = slice.min(give_up.saturating_duration_since(now));
            }
            let mut fds = [rustix::event::PollFd::new(&fd, events)];
            let timeout = rustix::event::Timespec::try_from(slice).unwrap_or_default();
            match rustix::event::poll(&mut fds, Some(&timeout)) {
                Ok(0) if give_up.is_some_and(|at| Instant::now() >= at) => return Ok(false),
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(std::io::Error::from(error).into()),
            }
        }
    }
}
