//! What a report says of leaks that a baseline accepts.

use super::resource::Fingerprint;
use super::{Date, ResourceKind, figure};
use serde::{Deserialize, Serialize};

/// The leaks of one test that one rule of the baseline accepts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AcceptedRecord {
    /// What accepts them: the leak as the baseline has it (`file fixtures/a.txt in load::open (src/load.rs)`), or the name of a
    /// suppression.
    pub by: String,
    /// Whether that is a suppression: a pattern, and not this leak alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_pattern: bool,
    /// Why they are accepted, in the words of the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many.
    #[serde(with = "figure")]
    pub count: u64,
    /// Bytes of all together, where their kind has some.
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
    /// The day that expiry dates were held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// How many entries the baseline has that name a leak.
    pub entries: usize,
    /// How many of these are of tests that came to their end in this run: of the others it is not known whether their leak is there.
    pub judged: usize,
    /// Entries whose leak is gone, in the order of the file: they can be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<BaselineEntry>,
    /// What accepted a leak in this run though its day was over, in the order of the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expired: Vec<BaselineEntry>,
    /// The names of suppressions that nothing matched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unused: Vec<String>,
}

/// An entry of a baseline that there is something to say of.
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
    /// Its last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// Why it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl BaselineUse {
    /// Whether what is accepted is accepted still.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.expired.is_empty()
    }
}

/// What a leak is called in a baseline: its kind or `retained`, what it is of, and the place, without a line.
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

/// The word of a baseline for a kind: `heap` is what is lost, `retained` is what static data reaches.
pub(crate) fn kind_name(kind: ResourceKind, retained: bool) -> &'static str {
    if retained { RETAINED } else { kind.name() }
}

/// The word of a baseline for retained heap blocks.
pub(crate) const RETAINED: &str = "retained";
