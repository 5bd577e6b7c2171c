use super::{LeakActions, Policy};
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
    /// The whole set of actions.
    pub leaks: Option<LeakActions>,
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
        set(&mut policy.leaks, self.leaks);
        set(&mut policy.stdin, self.stdin.clone());
        set(&mut policy.args, self.args.clone());
        policy.env.extend(self.env.clone());
    }
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}
