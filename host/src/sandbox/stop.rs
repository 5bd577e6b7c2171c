//! What stops a guest: `proc_exit`, which it calls itself, or the clock.

/// The guest called `proc_exit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("proc_exit({0})")]
pub struct GuestExit(pub u32);

/// The guest was stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WallClock {
    /// Its wall-clock limit was reached.
    #[error("the wall-clock limit was reached")]
    Deadline,
    /// The run was interrupted.
    #[error("interrupted")]
    Interrupted,
}
