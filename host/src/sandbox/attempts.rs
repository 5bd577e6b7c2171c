//! A test is run again until its fuel is exact.

use super::engine::Engine;
use super::execute::{Job, Run, attempt, deadline};
use super::heap::{self, HeapRun};
use crate::policy::Limit;
use std::time::Instant;

/// Attempts at one test at most: one a call into the guest that uses up its fuel, and two more.
const MAX_ATTEMPTS: u32 = 16;

/// Runs one test. The calling thread needs [`Engine::thread_stack`] bytes of stack.
///
/// The hooks of its allocator give back the fuel that they cost, but where less than that is left a test could end in one
/// of them. It is then run again with some fuel more, which a hook takes away. Where that cannot be done, or not often
/// enough, the report says that its heap, and with it the fuel, is not what it would be.
pub fn run(engine: &Engine, job: &Job<'_>) -> Run {
    let (mut first, revised) = attempt(engine, job, heap::Plan::default());
    let Some(plan) = revised else { return first };
    first.heap = HeapRun::Untracked(NOT_EXACT.into());
    // What was printed cannot be taken back.
    if job.grants.policy().unrepeatable().is_none()
        && job.echo.is_none()
        && let Some(exact) = exact(engine, job, plan, &mut first)
    {
        return exact;
    }
    first
}

/// Runs it again, by a plan that each run improves, until one is exact.
fn exact(engine: &Engine, job: &Job<'_>, mut plan: heap::Plan, first: &mut Run) -> Option<Run> {
    let until = deadline(job.grants.policy().limits.time(Limit::Timeout).saturating_mul(job.rounds));
    for _ in 1..MAX_ATTEMPTS {
        if Instant::now() > until {
            first.late = true;
            break;
        }
        let (mut again, revised) = attempt(engine, job, plan);
        again.host_leak += first.host_leak;
        let Some(revised) = revised else { return Some(again) };
        first.host_leak = again.host_leak;
        plan = revised;
    }
    None
}

/// Why nothing is said of a heap whose hooks may have used up the last fuel.
const NOT_EXACT: &str = "its fuel ended in a call of the allocator, a few units early at most";
