use super::{ClockPatch, LeakAction, LeakActions, Policy};
use std::collections::BTreeMap;
use std::time::Duration;

/// Changes to a [`Policy`]: the settings of an override, or of a test's attributes. `None` leaves a setting as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicyPatch {
    /// See [`super::Limits::memory`].
    pub memory: Option<u64>,
    /// See [`super::Limits::fuel`].
    pub fuel: Option<u64>,
    /// See [`super::Limits::timeout`].
    pub timeout: Option<Duration>,
    /// See [`super::Limits::output`].
    pub output: Option<u64>,
    /// See [`super::Limits::handles`].
    pub handles: Option<u32>,
    /// See [`super::Limits::scratch`].
    pub scratch: Option<u64>,
    /// See [`super::Limits::scratch_entries`].
    pub scratch_entries: Option<u64>,
    /// See [`super::Limits::io`].
    pub io: Option<u64>,
    /// See [`super::Limits::host_memory`].
    pub host_memory: Option<u64>,
    /// See [`super::Limits::peak_heap`].
    pub peak_heap: Option<u64>,
    /// See [`super::Limits::lost`].
    pub lost: Option<u64>,
    /// See [`super::Limits::retained`].
    pub retained: Option<u64>,
    /// See [`super::Limits::allocations`].
    pub allocations: Option<u64>,
    /// See [`super::Policy::clock`].
    pub clock: Option<ClockPatch>,
    /// Actions by kind.
    pub leaks: LeakPatch,
    /// Variables to add or replace.
    pub env: BTreeMap<String, String>,
    /// The whole standard input.
    pub stdin: Option<Vec<u8>>,
    /// Arguments of `command` modules.
    pub args: Option<Vec<String>>,
}

impl PolicyPatch {
    /// Applies every change, upwards or downwards: for overrides, which the user wrote.
    pub fn apply(&self, policy: &mut Policy) {
        let limits = &mut policy.limits;
        set(&mut limits.memory, self.memory);
        set(&mut limits.fuel, self.fuel);
        set(&mut limits.timeout, self.timeout);
        set(&mut limits.output, self.output);
        set(&mut limits.handles, self.handles);
        set(&mut limits.scratch, self.scratch);
        set(&mut limits.scratch_entries, self.scratch_entries);
        set(&mut limits.io, self.io);
        set(&mut limits.host_memory, self.host_memory);
        limits.peak_heap = self.peak_heap.or(limits.peak_heap);
        limits.lost = self.lost.or(limits.lost);
        limits.retained = self.retained.or(limits.retained);
        limits.allocations = self.allocations.or(limits.allocations);
        if let Some(clock) = self.clock {
            policy.clock = clock.of(policy.clock);
        }
        self.leaks.apply(&mut policy.leaks);
        set(&mut policy.stdin, self.stdin.clone());
        set(&mut policy.args, self.args.clone());
        policy.env.extend(self.env.clone());
    }
}

/// Changes to [`LeakActions`]. `None` leaves an action as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeakPatch {
    /// See [`LeakActions::handles`].
    pub handles: Option<LeakAction>,
    /// See [`LeakActions::heap`].
    pub heap: Option<LeakAction>,
    /// See [`LeakActions::tasks`].
    pub tasks: Option<LeakAction>,
    /// See [`LeakActions::tracked`].
    pub tracked: Option<LeakAction>,
    /// See [`LeakActions::retained`].
    pub retained: Option<LeakAction>,
    /// See [`LeakActions::residue`].
    pub residue: Option<LeakAction>,
}

impl LeakPatch {
    /// Applies every change.
    pub fn apply(&self, leaks: &mut LeakActions) {
        set(&mut leaks.handles, self.handles);
        set(&mut leaks.heap, self.heap);
        set(&mut leaks.tasks, self.tasks);
        set(&mut leaks.tracked, self.tracked);
        set(&mut leaks.retained, self.retained);
        set(&mut leaks.residue, self.residue);
    }
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}
