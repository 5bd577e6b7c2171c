//! What all objects of one test share: its clock, its scratch files, its captured output, its deadline, and the meter for
//! the host's work.

use super::captured::CapturedOutput;
use super::clock::Clock;
use super::host::{HostCount, HostFiles};
use super::meter::Meter;
use super::net::Network;
use super::resolve::FsError;
use super::scratch::Scratch;
use super::watchdog::Watchdog;

/// Shared state of one test's objects.
pub struct World {
    pub scratch: Scratch,
    pub clock: Clock,
    pub meter: Meter,
    pub capture: CapturedOutput,
    pub host: HostCount,
    pub watchdog: Watchdog,
    pub files: HostFiles,
    pub network: Network,
    /// Whether the test read the standard input of the program that runs it.
    pub inherited_input: bool,
}

impl World {
    /// A copy of the world as it stands now. Its output is empty, and it has no host descriptors open.
    ///
    /// # Errors
    /// A file below an overlay that is open cannot be opened again.
    pub fn fork(&self, capture: CapturedOutput, watchdog: Watchdog) -> Result<Self, FsError> {
        let mut host = HostCount::default();
        Ok(Self {
            scratch: self.scratch.fork(&mut host)?,
            clock: self.clock,
            meter: Meter::default(),
            capture,
            host,
            watchdog,
            files: self.files.clone(),
            network: self.network.clone(),
            inherited_input: self.inherited_input,
        })
    }

    pub fn new(scratch: Scratch, capture: CapturedOutput, watchdog: Watchdog, clock: Clock) -> Self {
        Self {
            scratch,
            clock,
            meter: Meter::default(),
            capture,
            host: HostCount::default(),
            watchdog,
            files: HostFiles::new(clock.start()),
            network: Network::default(),
            inherited_input: false,
        }
    }
}
