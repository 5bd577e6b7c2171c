//! The times that a guest sets on a host file, in the form the host takes.

use crate::sandbox::wasi::table::Times;
use rustix::fs::{Timespec, Timestamps, UTIME_OMIT};

/// Both times of a file. A time that the guest does not set stays as it is.
pub fn timestamps(times: Times) -> Timestamps {
    Timestamps { last_access: timespec(times.accessed), last_modification: timespec(times.modified) }
}

/// A time from nanoseconds since 1970. The host can represent every time that a guest can name.
fn timespec(nanos: Option<u64>) -> Timespec {
    const SECOND: u64 = 1_000_000_000;
    match nanos {
        Some(nanos) => Timespec { tv_sec: (nanos / SECOND) as _, tv_nsec: (nanos % SECOND) as _ },
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT as _ },
    }
}
