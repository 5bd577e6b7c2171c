//! Runs a test again until its fuel is exact.

use super::instruments::Instruments;
use crate::policy::Limit;
use crate::sandbox::execute;
use crate::sandbox::heap::NotTracked;
use crate::sandbox::job::Job;
use crate::sandbox::outcome::Run;
use crate::sandbox::wasi::{Streams, deadline_after};
use std::time::Instant;

/// Most attempts at one test. A test needs one for each call into the guest that uses up its fuel, and two more.
const MAX_ATTEMPTS: u32 = 16;

/// Runs one test. The calling thread needs [`Engine::thread_stack`](crate::sandbox::Engine::thread_stack) bytes of stack.
///
/// The hooks of the test's allocator give back the fuel that they cost. If less fuel than that is left, the test could end
/// inside a hook. Then it is run again with some more fuel, which a hook takes away later. If another run is impossible, or
/// too many would be needed, the report says that the heap is not tracked, and the fuel may be off by a few units.
pub fn run(job: &Job<'_>) -> Run {
    run_with(job, Instruments::default())
}

/// Runs one test with these instruments, again until its fuel is exact.
pub(super) fn run_with(job: &Job<'_>, mut instruments: Instruments) -> Run {
    let (mut first, revised) = execute::once(job, &instruments);
    // A run that has shown all it was done for needs no fuel to its end.
    let Some(allowances) = revised.filter(|_| first.seen.is_none()) else { return first };
    instruments.allowances = allowances;
    first.heap = Err(NotTracked::FuelEnded);
    // The first run has shown its output; further runs would show the same again.
    let job = Job { streams: Streams::Captured, ..job.clone() };
    if job.grants.policy().unrepeatable().is_none()
        && !first.remains.inherited_input
        && let Some(exact) = exact(&job, instruments, &mut first)
    {
        return exact;
    }
    first
}

/// Runs the test with better allowances each time, until one run is exact.
fn exact(job: &Job<'_>, mut instruments: Instruments, first: &mut Run) -> Option<Run> {
    let until = deadline_after(job.grants.policy().limits.time(Limit::Timeout).saturating_mul(job.rounds));
    for _ in 1..MAX_ATTEMPTS {
        if Instant::now() > until {
            first.late = true;
            break;
        }
        let (mut next, revised) = execute::once(job, &instruments);
        next.host_leak += first.host_leak;
        let Some(allowances) = revised.filter(|_| next.seen.is_none()) else { return Some(next) };
        first.host_leak = next.host_leak;
        instruments.allowances = allowances;
    }
    None
}
