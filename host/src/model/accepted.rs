//! What a report says of leaks that a baseline accepts.

use super::resource::Fingerprint;
use super::{Date, ResourceKind, figure};
use serde::{Deserialize, Serialize};

/// The leaks of one test that one rule of the baseline accepts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AcceptedRecord {
    /// What accepts the leaks: the leak in the words of the baseline (`file fixtures/a.txt in load::open (src/load.rs)`), or
    /// the name of a suppression.
    pub by: String,
    /// Whether a suppression accepts them: a pattern, which may match other leaks too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_pattern: bool,
    /// The reason that the baseline gives for accepting the leaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many leaks these are.
    #[serde(with = "figure")]
    pub count: u64,
    /// Bytes of all these leaks together; 0 for kinds that have no bytes, such as sockets.
    #[serde(default, with = "figure", skip_serializing_if = "figure::is_zero")]
    pub bytes: u64,
}

/// What became of a baseline in one run. It depends on the day of the run, so it is not canonical.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BaselineUse {
    /// The file, as the user named it.
    pub file: String,
    /// The day of the run, with which expiry dates were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// How many entries the baseline has that name a leak. Suppressions are not among them.
    pub entries: usize,
    /// How many of these entries belong to tests that came to their end in this run. Of the other entries it is not known
    /// whether their leak is still there.
    pub judged: usize,
    /// Entries whose leak is gone, in the order of the file: they can be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<BaselineEntry>,
    /// Entries and suppressions that accepted a leak in this run although their last day was over, in the order of the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expired: Vec<BaselineEntry>,
    /// The names of suppressions that no leak of this run matched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unused: Vec<String>,
}

/// An entry or a suppression of a baseline that the report mentions: its leak is gone, or it has expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BaselineEntry {
    /// The module; absent for a suppression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The test; absent for a suppression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// See [`AcceptedRecord::by`].
    pub what: String,
    /// The last day on which it accepts anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// Why it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl BaselineUse {
    /// Whether no rule that accepted a leak has expired.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.expired.is_empty()
    }
}

/// What a leak is called in a baseline: its kind or `retained`, then its path or label, then function and file, without a line.
pub(crate) fn title(fingerprint: &Fingerprint<'_>, retained: bool) -> String {
    let Fingerprint { kind, tracked, path, function, file } = *fingerprint;
    let mut title = kind_name(kind, retained).to_owned();
    for part in [tracked, path].into_iter().flatten() {
        title.push(' ');
        title.push_str(part);
    }
    match (function, file) {
        (Some(function), Some(file)) => title + " in " + function + " (" + file + ")",
        (Some(function), None) => title + " in " + function,
        (None, _) => title,
    }
}

/// The word of a baseline for a kind. Lost heap blocks are `heap`; heap blocks that static data reaches are `retained`.
pub(crate) fn kind_name(kind: ResourceKind, retained: bool) -> &'static str {
    if retained { RETAINED } else { kind.name() }
}

/// The word of a baseline for retained heap blocks.
pub(crate) const RETAINED: &str = "retained";
