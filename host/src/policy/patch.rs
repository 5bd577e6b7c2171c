//! Changes to a policy: by overrides, environment variables and options.

use super::{ClockPatch, Fault, LeakPatch, LimitValues, Policy};
use std::collections::BTreeMap;

/// Changes to a [`Policy`]: the settings of an override, or of a test's attributes. `None` leaves a setting as it is.
///
/// ```
/// use airtight::policy::{Limit, Policy, PolicyPatch};
///
/// let mut patch = PolicyPatch::default();
/// patch.limits.set(Limit::PeakHeap, Some(512 << 10));
/// let mut policy = Policy::default();
/// patch.apply(&mut policy);
/// assert_eq!(policy.limits.get(Limit::PeakHeap), Some(512 << 10));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicyPatch {
    /// Values of limits.
    pub limits: LimitValues,
    /// See [`super::Policy::clock`].
    pub clock: Option<ClockPatch>,
    /// Actions on leaks, by setting.
    pub leaks: LeakPatch,
    /// Variables to add or replace.
    pub env: BTreeMap<String, String>,
    /// The whole standard input.
    pub stdin: Option<Vec<u8>>,
    /// See [`super::Policy::heap_required`].
    pub heap_required: Option<bool>,
    /// Limits on resources of the user's own kinds, to add or replace.
    pub tracked: BTreeMap<String, u64>,
    /// Arguments of `command` modules.
    pub args: Option<Vec<String>>,
    /// Faults to add.
    pub faults: Vec<Fault>,
}

impl PolicyPatch {
    /// Applies every change, whether it widens or narrows the policy: for changes that the user wrote, such as overrides.
    pub fn apply(&self, policy: &mut Policy) {
        policy.limits.apply(&self.limits);
        if let Some(clock) = self.clock {
            policy.clock = clock.applied_to(policy.clock);
        }
        self.leaks.apply(&mut policy.leaks);
        set(&mut policy.stdin, self.stdin.clone());
        set(&mut policy.args, self.args.clone());
        set(&mut policy.heap_required, self.heap_required);
        policy.env.extend(self.env.clone());
        policy.tracked.extend(self.tracked.clone());
        policy.faults.extend(&self.faults);
    }
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}
