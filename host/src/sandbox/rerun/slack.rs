//! Counts fuel to the unit, even when it is nearly used up.
//!
//! A hook costs fuel and gives it back. In between, a test with only a few units left could run out of them, and the engine
//! does not say by how much. A test to which that may have happened is run again: each call into the guest has [`SLACK`]
//! beyond its fuel. So at every call of a hook it is known what the test would have without the slack. If that is nothing,
//! the fuel was used up since the hook before. A third run takes the slack away at that earlier hook: up to the next one,
//! only the test's own code can use the fuel up. So each call into the guest that ends like this takes one run more.

use std::collections::BTreeMap;

/// Slack: the fuel that a call into a guest is given beyond its own. It is more than any hook costs.
pub const SLACK: u64 = 1 << 12;

/// The fuel was or may have been used up, so that this run is not exact.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("out of fuel")]
pub struct InexactFuel;

/// The fuel was used up exactly here.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("out of fuel")]
pub struct UsedUp;

/// Which calls into the guest have slack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowances {
    /// Whether a call that is not in `until` has slack from beginning to end.
    everywhere: bool,
    /// Calls that use up their fuel, by their number from 1. The value is the number of the last hook before that: this
    /// hook takes the slack away. A call with the value 0 has no slack at all.
    until: BTreeMap<u32, u64>,
}

/// The fuel of one run of a test, while it runs.
#[derive(Debug, Default)]
pub struct Slack {
    allowances: Allowances,
    /// How many calls into the guest have begun.
    entered: u32,
    /// How many hooks were called in the current call into the guest.
    hooks: u64,
    /// Whether the current call into the guest has slack at present.
    has_slack: bool,
    /// The allowances for the next run, which is exact for longer than this one; `None` as long as this run is exact.
    revised: Option<Allowances>,
}

/// The fuel after a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookEnd {
    /// The fuel that is left.
    pub fuel: u64,
    /// Whether the slack was taken away from it.
    pub slack_ends: bool,
}

impl Slack {
    /// The fuel of a run with the allowances of an earlier run; by default, there are none.
    pub fn new(allowances: Allowances) -> Self {
        Self { allowances, ..Self::default() }
    }

    /// The fuel of a run that goes on where this one stands between two calls. The allowances are those of an earlier run
    /// that did the same.
    pub fn fork(&self, allowances: Allowances) -> Self {
        Self { entered: self.entered, ..Self::new(allowances) }
    }

    /// Begins another call into the guest, with fuel of its own. Returns the fuel that the call gets beyond that.
    pub fn begin(&mut self) -> u64 {
        self.entered += 1;
        self.hooks = 0;
        self.has_slack = match self.allowances.until.get(&self.entered) {
            Some(&until) => until > 0,
            None => self.allowances.everywhere,
        };
        if self.has_slack { SLACK } else { 0 }
    }

    /// The fuel that the current call has beyond its own at present.
    pub fn given(&self) -> u64 {
        if self.has_slack { SLACK } else { 0 }
    }

    /// Ends the call into the guest with `left` units of fuel left.
    pub fn end(&mut self, left: u64) {
        if self.has_slack && left <= SLACK {
            self.used_up_since(self.hooks);
        }
        self.has_slack = false;
    }

    /// Notes the call of a hook. `left` is the fuel that is left, and `back` is what the hook cost.
    ///
    /// # Errors
    /// The fuel was or may have been used up before, and it is not known what that ends.
    pub fn hook(&mut self, left: u64, back: u64) -> Result<HookEnd, InexactFuel> {
        let before = self.hooks;
        self.hooks += 1;
        let fuel = left.saturating_add(back);
        if self.has_slack {
            if fuel <= SLACK {
                self.used_up_since(before);
                return Err(InexactFuel);
            }
            if self.allowances.until.get(&self.entered) == Some(&self.hooks) {
                self.has_slack = false;
                return Ok(HookEnd { fuel: fuel - SLACK, slack_ends: true });
            }
        } else if left == 0 {
            // The fuel is known to be used up here. Whatever asks for fuel next gets none, as it would without hooks.
            if self.allowances.until.contains_key(&self.entered) {
                return Ok(HookEnd { fuel: 0, slack_ends: false });
            }
            self.may_be_dry();
            return Err(InexactFuel);
        }
        Ok(HookEnd { fuel, slack_ends: false })
    }

    /// Takes the units of an operation from the `fuel` that a hook left. `None` if they use it up, which is exact. The
    /// operator's own unit, which it will spend itself, is checked with them.
    pub fn charge(&mut self, fuel: u64, units: u64) -> Option<u64> {
        let slack = if self.has_slack { SLACK } else { 0 };
        if fuel.saturating_sub(slack) <= units.saturating_add(1) {
            self.has_slack = false;
            return None;
        }
        Some(fuel - units)
    }

    /// Notes that the fuel ran out in a hook's own code, before the hook could call the host.
    pub fn ran_dry_in_hook(&mut self) {
        // If the call is known to use up its fuel, it did so at the charge of a bulk operation: nothing was left before.
        if !self.has_slack && !self.allowances.until.contains_key(&self.entered) {
            self.may_be_dry();
        }
    }

    /// The allowances for the next run; `None` where this run was exact.
    pub fn revised(&self) -> Option<&Allowances> {
        self.revised.as_ref()
    }

    fn may_be_dry(&mut self) {
        self.revised.get_or_insert_with(|| Allowances { everywhere: true, ..self.allowances.clone() });
    }

    fn used_up_since(&mut self, hook: u64) {
        let (allowances, entered) = (&self.allowances, self.entered);
        self.revised.get_or_insert_with(|| {
            let mut allowances = allowances.clone();
            allowances.until.insert(entered, hook);
            allowances
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a guest does.
    #[derive(Debug, Clone, Copy)]
    enum Action {
        /// Spends units by operators, without a check right after them.
        Spend(u64),
        /// Checks whether there is fuel.
        Check,
        /// Enters a hooked function: its jump and wrapper spend these units before they call the host.
        Enter(u64),
        /// Leaves it: these units are spent between the return of the body and that of the jump.
        Leave(u64),
    }

    /// The end of one call into the guest: the action at which there was no fuel, and how much fuel was left.
    type CallEnd = (Option<usize>, i64);

    /// As the engine does it: a check fails if nothing is left, and the fuel that is left never shows as less than 0.
    fn without_hooks(actions: &[Action], mut fuel: i64) -> CallEnd {
        for (at, action) in actions.iter().enumerate() {
            match action {
                Action::Spend(units) => fuel -= *units as i64,
                Action::Check if fuel <= 0 => return (Some(at), 0),
                Action::Enter(_) => {
                    fuel -= 1;
                    if fuel <= 0 {
                        return (Some(at), 0);
                    }
                }
                Action::Check | Action::Leave(_) => {}
            }
        }
        (None, fuel.max(0))
    }

    fn with_hooks(actions: &[Action], fuel: u64, slack: &mut Slack) -> CallEnd {
        let mut fuel = (fuel + slack.begin()) as i64;
        let mut ran_out = None;
        for (at, action) in actions.iter().enumerate() {
            let hook = |slack: &mut Slack, fuel: &mut i64, back: u64| {
                *fuel = slack.hook((*fuel).max(0) as u64, back)?.fuel as i64;
                Ok::<_, InexactFuel>(())
            };
            let dry = match action {
                Action::Spend(units) => {
                    fuel -= *units as i64;
                    false
                }
                Action::Check => fuel <= 0,
                Action::Enter(cost) => {
                    fuel -= 1;
                    fuel <= 0 || {
                        fuel -= *cost as i64 - 1;
                        if fuel <= 0 {
                            slack.ran_dry_in_hook();
                        }
                        fuel <= 0 || hook(slack, &mut fuel, *cost).is_err() || {
                            fuel -= 1;
                            fuel <= 0
                        }
                    }
                }
                Action::Leave(cost) => {
                    fuel -= *cost as i64;
                    hook(slack, &mut fuel, *cost).is_err()
                }
            };
            if dry {
                ran_out = Some(at);
                break;
            }
        }
        let left = fuel.max(0) as u64;
        let more = if slack.has_slack { SLACK } else { 0 };
        slack.end(left);
        (ran_out, if ran_out.is_some() { 0 } else { left.saturating_sub(more) as i64 })
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            (0..12_u64).prop_map(Action::Spend),
            Just(Action::Check),
            (6..20_u64).prop_map(Action::Enter),
            (4..12_u64).prop_map(Action::Leave),
        ]
    }

    proptest! {
        /// Whatever the calls into the guest do, each ends where it would end without hooks, with the same fuel, and after
        /// few attempts.
        #[test]
        fn hooks_do_not_show(calls in prop::collection::vec((prop::collection::vec(action(), 0..40), 0..150_u64), 1..5)) {
            let expected: Vec<CallEnd> = calls.iter().map(|(actions, fuel)| without_hooks(actions, *fuel as i64)).collect();
            let mut allowances = Allowances::default();
            let mut found = None;
            for _ in 0..calls.len() + 2 {
                let mut slack = Slack::new(allowances.clone());
                let ended: Vec<CallEnd> =
                    calls.iter().map(|(actions, fuel)| with_hooks(actions, *fuel, &mut slack)).collect();
                match slack.revised() {
                    Some(revised) => allowances = revised.clone(),
                    None => {
                        found = Some(ended);
                        break;
                    }
                }
            }
            prop_assert_eq!(found, Some(expected));
        }
    }
}
