//! The settings of `leaks` in `airtight.toml`: a row each, with its key and its default.

use serde::Serialize;

/// What happens when a test finishes normally and something of one kind is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeakAction {
    /// The verdict becomes `leak`.
    Fail,
    /// The resource is listed in the report; the verdict stays.
    Show,
    /// The resource is not listed.
    Ignore,
}

/// A key of the table `leaks`: everything that the key governs has the same [`LeakAction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LeakSetting {
    /// Files, directories and sockets.
    Handles,
    /// Lost heap blocks: those that nothing reaches at the end.
    Heap,
    /// Goroutines and asynchronous tasks that had not ended.
    Tasks,
    /// Resources of the user's own kinds, which tests track.
    Tracked,
    /// Retained heap blocks: those that static data still reaches at the end.
    Retained,
    /// Files and directories left in the scratch file system.
    Residue,
    /// Resources that were released only after the subtest that acquired them had ended, before the test did.
    Outlived,
    /// Threads that had not ended.
    Threads,
    /// Goroutines that were started before the first test of a module (by `TestMain` or package initialisation) and had not
    /// ended when the program left.
    SetupTasks,
}

/// Everything that is specific to a setting.
struct SettingRow {
    /// Its key in `airtight.toml` and in the report's policy.
    key: &'static str,
    /// The action where nothing is set.
    default: LeakAction,
    /// Whether the report's policy leaves the setting out while it has its default action. Settings that were added later do
    /// so: the reports of suites that do not use them keep their bytes.
    stated_if_set: bool,
}

const HANDLES: SettingRow = SettingRow { key: "handles", default: LeakAction::Fail, stated_if_set: false };
const HEAP: SettingRow = SettingRow { key: "heap", ..HANDLES };
const TASKS: SettingRow = SettingRow { key: "tasks", ..HANDLES };
const TRACKED: SettingRow = SettingRow { key: "tracked", ..HANDLES };
const RETAINED: SettingRow = SettingRow { key: "retained", default: LeakAction::Show, ..HANDLES };
const RESIDUE: SettingRow = SettingRow { key: "residue", default: LeakAction::Show, ..HANDLES };
const OUTLIVED: SettingRow = SettingRow { key: "outlived", default: LeakAction::Show, stated_if_set: true };
const THREADS: SettingRow = SettingRow { key: "threads", ..HANDLES };
const SETUP_TASKS: SettingRow = SettingRow { key: "setup-tasks", default: LeakAction::Show, stated_if_set: true };

impl LeakSetting {
    /// All settings, in the order in which they are listed.
    pub const ALL: [Self; 9] = [
        Self::Handles,
        Self::Heap,
        Self::Tasks,
        Self::Tracked,
        Self::Retained,
        Self::Residue,
        Self::Outlived,
        Self::Threads,
        Self::SetupTasks,
    ];

    const fn row(self) -> &'static SettingRow {
        match self {
            Self::Handles => &HANDLES,
            Self::Heap => &HEAP,
            Self::Tasks => &TASKS,
            Self::Tracked => &TRACKED,
            Self::Retained => &RETAINED,
            Self::Residue => &RESIDUE,
            Self::Outlived => &OUTLIVED,
            Self::Threads => &THREADS,
            Self::SetupTasks => &SETUP_TASKS,
        }
    }

    /// The setting of this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.key() == key)
    }

    /// The key in `airtight.toml`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        self.row().key
    }

    /// The action where nothing is set.
    #[must_use]
    pub const fn default_action(self) -> LeakAction {
        self.row().default
    }

    /// Whether the report's policy states this setting when it has this action.
    #[must_use]
    pub fn is_stated(self, action: LeakAction) -> bool {
        !self.row().stated_if_set || action != self.default_action()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_its_place_and_its_key() {
        for (nth, setting) in LeakSetting::ALL.into_iter().enumerate() {
            assert_eq!(setting as usize, nth, "actions are kept in this order");
            assert_eq!(LeakSetting::from_key(setting.key()), Some(setting));
        }
    }
}
