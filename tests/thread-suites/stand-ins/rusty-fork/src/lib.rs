//! What proptest names of rusty-fork, which needs a platform with processes. It is called where a test asks to be run in one, and
//! no test of the suites does.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// Where a process was to be started.
pub struct RustyForkId;

/// The place where it is written.
#[macro_export]
macro_rules! rusty_fork_id {
    () => {
        $crate::RustyForkId
    };
}

/// A process, of which there is none.
pub enum ChildWrapper {}

impl ChildWrapper {
    /// Waits for its end.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        match *self {}
    }

    /// Waits for its end, and not for ever.
    pub fn wait_timeout(&mut self, _: Duration) -> Result<Option<ExitStatus>> {
        match *self {}
    }

    /// Ends it.
    pub fn kill(&mut self) -> Result<()> {
        match *self {}
    }
}

/// Refuses.
pub fn fork<R>(
    _: &str,
    _: RustyForkId,
    _: impl FnOnce(&mut Command),
    _: impl FnOnce(&mut ChildWrapper, &mut File) -> R,
    _: impl FnOnce(),
) -> Result<R> {
    Err(Error::from(ErrorKind::Unsupported))
}

/// The names of tests.
pub mod fork_test {
    /// A test's name as its harness has it: without the crate's.
    pub fn fix_module_path(path: &str) -> &str {
        path.split_once("::").map_or(path, |(_, rest)| rest)
    }
}
