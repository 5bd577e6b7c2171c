//! Clean-up coverage answers two questions. Is every resource that a suite acquires released by the end of its scope? Does
//! every clean-up run to its end, however its test ends?

use super::{Frame, ResourceKind, figure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::str::FromStr;

/// Clean-up coverage of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CleanupCoverage {
    /// How many places of the code there are at which tests of this run acquired files, directories, sockets or tracked
    /// resources. Tests that the wall clock or a stack overflow ended add nothing: how far they get differs between machines.
    #[serde(with = "figure")]
    pub sites: u64,
    /// How many of these places had every resource released by the end of the test or subtest that acquired it, its clean-ups
    /// included.
    #[serde(with = "figure")]
    pub released: u64,
    /// The other places, by module and place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<MissedSite>,
    /// Acquisitions that are in none of these figures: there were too many different stacks to tell all of them apart.
    #[serde(default, with = "figure", skip_serializing_if = "figure::is_zero")]
    pub untold: u64,
    /// Clean-ups that tests and subtests registered.
    #[serde(with = "figure")]
    pub cleanups: u64,
    /// How many of these clean-ups ran to their end.
    #[serde(with = "figure")]
    pub finished: u64,
    /// The clean-ups that were begun and did not end, by module and test, in the order in which they ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<UnfinishedCleanup>,
    /// The least share that the profile asks for, of released places and of finished clean-ups alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Percent>,
}

/// A place at which a resource was acquired that was not released by the end of its scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MissedSite {
    /// The module.
    pub module: String,
    /// What was acquired.
    pub kind: ResourceKind,
    /// The innermost of the user's own functions; absent where no stack was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Frame>,
    /// How many resources were acquired there, in all tests.
    #[serde(with = "figure")]
    pub acquired: u64,
    /// How many of them were not released in time.
    #[serde(with = "figure")]
    pub missed: u64,
    /// The first test, by name, that did not release one of them in time.
    pub test: String,
}

/// A clean-up that was begun and did not run to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnfinishedCleanup {
    /// The module.
    pub module: String,
    /// The test.
    pub test: String,
    /// The clean-up's name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it was registered: `file:line:column`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<String>,
}

/// Every place of a run at which something was acquired.
#[derive(Debug, Default)]
pub(crate) struct CoveredPlaces(BTreeMap<(String, ResourceKind, Option<SiteKey>), MissedSite>);

/// What tells two places apart: file, line and function.
type SiteKey = (Option<String>, Option<u32>, String);

impl CoveredPlaces {
    /// Adds the resources that some tests acquired at a place. [`MissedSite::test`] is the first test that did not release one,
    /// if any did not.
    pub fn add(&mut self, site: MissedSite) {
        let place = site.place.as_ref().map(|frame| (frame.file.clone(), frame.line, frame.function.clone()));
        match self.0.entry((site.module.clone(), site.kind, place)) {
            Entry::Vacant(entry) => drop(entry.insert(site)),
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                let is_first = site.missed > 0 && (known.missed == 0 || site.test < known.test);
                known.acquired = known.acquired.saturating_add(site.acquired);
                known.missed = known.missed.saturating_add(site.missed);
                if is_first {
                    known.test = site.test;
                }
            }
        }
    }

    /// All places, by module and place.
    pub fn all(&self) -> Vec<MissedSite> {
        self.0.values().cloned().collect()
    }

    /// Sets the figures of `coverage` that count places: `sites`, `released` and `missed`.
    pub fn fill(self, coverage: &mut CleanupCoverage) {
        coverage.sites = self.0.len() as u64;
        coverage.missed = self.0.into_values().filter(|site| site.missed > 0).collect();
        coverage.released = coverage.sites - coverage.missed.len() as u64;
    }
}

impl CleanupCoverage {
    /// Whether both shares reach what the profile asks for. A run without acquisitions, or without clean-ups, reaches every
    /// share.
    #[must_use]
    pub fn passes(&self) -> bool {
        let enough = |part, whole| self.gate.is_none_or(|gate| gate.is_reached(part, whole));
        enough(self.released, self.sites) && enough(self.finished, self.cleanups)
    }
}

/// A share in hundredths of a percent: `98%`, `99.5%`.
///
/// ```
/// use airtight::report::Percent;
///
/// let share: Percent = "99.5%".parse()?;
/// assert!(share.is_reached(199, 200) && !share.is_reached(198, 200));
/// assert_eq!(share.to_string(), "99.5%");
/// # Ok::<(), airtight::report::PercentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(u32);

const WHOLE: u32 = 10_000;

impl Percent {
    /// Whether a part is at least this share of the whole. If the whole is 0, every share is reached.
    #[must_use]
    pub fn is_reached(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(WHOLE) >= u128::from(whole) * u128::from(self.0)
    }

    /// The share that a part is of the whole, rounded down; 100% if the whole is 0.
    #[must_use]
    pub fn from_part(part: u64, whole: u64) -> Self {
        let share = (u128::from(part) * u128::from(WHOLE)).checked_div(u128::from(whole)).unwrap_or(u128::from(WHOLE));
        Self(u32::try_from(share).unwrap_or(WHOLE).min(WHOLE))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        match part {
            0 => write!(f, "{whole}%"),
            part if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            part => write!(f, "{whole}.{part:02}%"),
        }
    }
}

/// A text that is not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share; write for example 98% or 99.5%")]
pub struct PercentError(String);

impl FromStr for Percent {
    type Err = PercentError;

    fn from_str(text: &str) -> Result<Self, PercentError> {
        let share = || {
            let number = text.strip_suffix('%')?;
            let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits(whole) || !digits(part) || part.len() > 2 {
                return None;
            }
            let part: u32 = format!("{part:0<2}").parse().ok()?;
            let whole: u32 = whole.parse().ok()?;
            whole.checked_mul(100)?.checked_add(part).filter(|share| *share <= WHOLE)
        };
        share().map(Self).ok_or_else(|| PercentError(text.to_owned()))
    }
}

impl TryFrom<String> for Percent {
    type Error = PercentError;

    fn try_from(text: String) -> Result<Self, PercentError> {
        text.parse()
    }
}

impl From<Percent> for String {
    fn from(share: Percent) -> Self {
        share.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_they_are_written() {
        for text in ["0%", "98%", "99.5%", "99.05%", "100%", "7.25%"] {
            assert_eq!(text.parse::<Percent>().unwrap().to_string(), text);
        }
        for wrong in ["98", "101%", "100.01%", "-1%", "%", ".5%", "1.%", "1.234%", "9 8%", "1e2%", ""] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
        assert_eq!(
            (Percent::from_part(1, 3).to_string(), Percent::from_part(0, 0).to_string()),
            ("33.33%".into(), "100%".into())
        );
    }

    #[test]
    fn a_gate_asks_for_both_shares() {
        let gate = Some("50%".parse().unwrap());
        let coverage = CleanupCoverage { sites: 2, released: 1, cleanups: 2, finished: 1, gate, ..Default::default() };
        assert!(coverage.passes());
        assert!(!CleanupCoverage { released: 0, ..coverage.clone() }.passes());
        assert!(!CleanupCoverage { finished: 0, ..coverage.clone() }.passes());
        assert!(CleanupCoverage { released: 0, gate: None, ..coverage }.passes());
        assert!(CleanupCoverage { gate, ..Default::default() }.passes(), "nothing was acquired");
    }
}
