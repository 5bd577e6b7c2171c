//! What leaks of each kind do to a test's verdict.

use super::{LeakAction, LeakSetting};
use serde::{Serialize, Serializer};

/// A [`LeakAction`] for each [`LeakSetting`].
///
/// ```
/// use airtight::policy::{LeakAction, LeakActions, LeakSetting};
///
/// let leaks = LeakActions::default().with(LeakSetting::Residue, LeakAction::Fail);
/// assert_eq!(leaks.get(LeakSetting::Residue), LeakAction::Fail);
/// assert_eq!(leaks.get(LeakSetting::Retained), LeakAction::Show, "as without this");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakActions([LeakAction; LeakSetting::ALL.len()]);

impl LeakActions {
    /// The action of one setting.
    #[must_use]
    pub fn get(&self, setting: LeakSetting) -> LeakAction {
        self.0[setting as usize]
    }

    /// Sets the action of one setting.
    pub fn set(&mut self, setting: LeakSetting, action: LeakAction) {
        self.0[setting as usize] = action;
    }

    /// The same actions with one of them set.
    #[must_use]
    pub fn with(mut self, setting: LeakSetting, action: LeakAction) -> Self {
        self.set(setting, action);
        self
    }
}

impl Default for LeakActions {
    /// The default action of each setting.
    fn default() -> Self {
        Self(LeakSetting::ALL.map(LeakSetting::default_action))
    }
}

/// Writes the actions as the report's policy states them.
impl Serialize for LeakActions {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let actions = LeakSetting::ALL.map(|setting| (setting, self.get(setting)));
        let stated = actions.into_iter().filter(|(setting, action)| setting.is_stated(*action));
        to.collect_map(stated.map(|(setting, action)| (setting.key(), action)))
    }
}

/// Changes to [`LeakActions`]. An action that is not set here stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeakPatch([Option<LeakAction>; LeakSetting::ALL.len()]);

impl LeakPatch {
    /// Sets the action of one setting; `None` leaves it as it is.
    pub fn set(&mut self, setting: LeakSetting, action: Option<LeakAction>) {
        self.0[setting as usize] = action;
    }

    /// Applies every change.
    pub fn apply(&self, leaks: &mut LeakActions) {
        for (slot, action) in leaks.0.iter_mut().zip(self.0) {
            *slot = action.unwrap_or(*slot);
        }
    }
}
