//! A limit that was broken, and growth that was refused.

use super::{Verdict, figure};
pub use airtight_abi::limits::{Breach, HeapFigure, HeapKind, Leftover, Limit, LimitValues, Source, Tally, ValueError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A limit as a report names it: by the setting's name in `airtight.toml`.
///
/// ```
/// use airtight::policy::Limit;
/// use airtight::report::LimitName;
/// assert_eq!(LimitName::from("peak-heap".to_owned()), LimitName::Known(Limit::PeakHeap));
/// assert_eq!(LimitName::from("of-next-year".to_owned()).known(), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum LimitName {
    /// A limit of this version.
    Known(Limit),
    /// A limit of another version of airtight, which wrote the report. The unit of its values is not known here.
    Other(String),
}

impl LimitName {
    /// The limit, where this version has it.
    #[must_use]
    pub fn known(&self) -> Option<Limit> {
        match self {
            Self::Known(limit) => Some(*limit),
            Self::Other(_) => None,
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(limit) => limit.name(),
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

impl From<Limit> for LimitName {
    fn from(limit: Limit) -> Self {
        Self::Known(limit)
    }
}

impl From<String> for LimitName {
    fn from(name: String) -> Self {
        Limit::from_name(&name).map_or(Self::Other(name), Self::Known)
    }
}

impl From<LimitName> for String {
    fn from(name: LimitName) -> Self {
        name.as_str().to_owned()
    }
}

/// A limit that was broken: its value, and the figure that broke it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LimitRecord {
    /// Which limit.
    pub name: LimitName,
    /// Its value in the setting's unit (bytes, fuel, milliseconds).
    #[serde(with = "figure")]
    pub value: u64,
    /// The figure that was asked for or reached; absent where that is not known exactly, as for `lost` where
    /// [`super::Heap::is_bounded`].
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
}

impl LimitRecord {
    /// A record of a limit that this version has.
    #[must_use]
    pub fn new(limit: Limit, value: u64, seen: Option<u64>) -> Self {
        Self { name: limit.into(), value, seen }
    }
}

/// The verdict of a test that broke a limit, or was ended by it.
#[must_use]
pub fn verdict_of_breach(limit: Limit) -> Verdict {
    match limit.row().breach {
        Breach::Memory => Verdict::Memory,
        Breach::Time => Verdict::Timeout,
        // A refused call does not end the test. If the test gives up because of it, it has failed.
        Breach::Failure | Breach::Refusal => Verdict::Fail,
        Breach::Note => Verdict::Pass,
    }
}

/// The first growth of linear memory that was refused, and how often growth was refused in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefusedGrowth {
    /// Bytes of linear memory when it was asked for.
    #[serde(with = "figure")]
    pub current: u64,
    /// Bytes that were asked for.
    #[serde(with = "figure")]
    pub desired: u64,
    /// The limit in bytes.
    #[serde(with = "figure")]
    pub limit: u64,
    /// How many growths were refused, the first one included.
    #[serde(with = "figure")]
    pub times: u64,
}

impl RefusedGrowth {
    /// The first refused growth, in bytes, and how often growth was refused.
    #[must_use]
    pub fn new(current: u64, desired: u64, limit: u64, times: u64) -> Self {
        Self { current, desired, limit, times }
    }

    /// How the message of a test begins that ended for want of memory. How the test ended follows it.
    pub(crate) fn before_the_end(&self) -> String {
        let Self { current, desired, limit, .. } = self;
        format!("linear memory of {current} bytes was not allowed to grow to {desired} bytes (limit {limit}); then: ")
    }

    /// Whether the record of a broken limit is about this growth.
    pub(crate) fn is_limit(&self, broken: &LimitRecord) -> bool {
        let LimitRecord { name, value, seen } = broken;
        name.known() == Some(Limit::Memory) && *value == self.limit && *seen == Some(self.desired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_another_version_is_read_and_written_again() {
        for (name, known) in [("peak-heap", Some(Limit::PeakHeap)), ("threads", None), ("Memory", None)] {
            let json = format!(r#"{{"name":"{name}","value":5}}"#);
            let record: LimitRecord = serde_json::from_str(&json).unwrap();
            assert_eq!((record.name.known(), record.name.as_str()), (known, name));
            assert_eq!(serde_json::to_string(&record).unwrap(), json);
        }
    }

    #[test]
    fn verdicts_are_those_of_the_table() {
        let verdicts = [Limit::HostMemory, Limit::Io, Limit::Fuel, Limit::SlowTimeout].map(verdict_of_breach);
        assert_eq!(verdicts, [Verdict::Memory, Verdict::Fail, Verdict::Timeout, Verdict::Pass]);
    }
}
