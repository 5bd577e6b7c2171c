//! A test is run again until its fuel is exact.

use super::instruments::Instruments;
use crate::policy::Limit;
use crate::sandbox::execute;
use crate::sandbox::heap::NotTracked;
use crate::sandbox::job::Job;
use crate::sandbox::outcome::Run;
use crate::sandbox::wasi::{Streams, deadline_after};
use std::time::Instant;

/// Attempts at one test at most: one a call into the guest that uses up its fuel, and two more.
const MAX_ATTEMPTS: u32 = 16;

/// Runs one test. The calling thread needs [`Engine::thread_stack`](crate::sandbox::Engine::thread_stack) bytes of stack.
///
/// The hooks of its allocator give back the fuel that they cost, but where less than that is left a test could end in one
/// of them. It is then run again with some fuel more, which a hook takes away. Where that cannot be done, or not often
/// enough, the report says that its heap, and with it the fuel, is not what it would be.
pub fn run(job: &Job<'_>) -> Run {
    run_with(job, Instruments::default())
}

/// Runs one test with these instruments, again and again until its fuel is exact.
pub(super) fn run_with(job: &Job<'_>, mut instruments: Instruments) -> Run {
    let (mut first, revised) = execute::once(job, &instruments);
    let Some(allowances) = revised else { return first };
    instruments.allowances = allowances;
    first.heap = Err(NotTracked::FuelEnded);
    // The first run has printed; the others print the same.
    let job = Job { streams: Streams::Captured, ..job.clone() };
    if job.grants.policy().unrepeatable().is_none()
        && !first.remains.inherited_input
        && let Some(exact) = exact(&job, instruments, &mut first)
    {
        return exact;
    }
    first
}

/// Runs the test with allowances that each run improves, until one run is exact.
fn exact(job: &Job<'_>, mut instruments: Instruments, first: &mut Run) -> Option<Run> {
    let until = deadline_after(job.grants.policy().limits.time(Limit::Timeout).saturating_mul(job.rounds));
    for _ in 1..MAX_ATTEMPTS {
        if Instant::now() > until {
            first.late = true;
            break;
        }
        let (mut next, revised) = execute::once(job, &instruments);
        next.host_leak += first.host_leak;
        let Some(allowances) = revised else { return Some(next) };
        first.host_leak = next.host_leak;
        instruments.allowances = allowances;
    }
    None
}
