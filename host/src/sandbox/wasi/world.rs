//! What all objects of one test share: its clock, its scratch files, its captured output, its deadline, and the meter
//! for the work that the host does for it.

use super::captured::CapturedOutput;
use super::clock::Clock;
use super::host::{HostCount, HostFiles};
use super::meter::Meter;
use super::net::Network;
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
    /// Whether standard input of the program that runs the test was read.
    pub inherited_input: bool,
}

impl World {
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
