//! How a test is held by its module.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How a test is held by its module. A new harness has its word here; everything else about it stands in a file of the room
/// `harness`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Harness {
    /// Custom section and exports of the guest SDK.
    Sdk,
    /// Rust's own test harness.
    Libtest,
    /// Go's own test harness.
    Go,
    /// The module is one test.
    Command,
}

impl Harness {
    /// Every harness, in the order in which they look for their tests in a module.
    pub const ALL: [Self; 4] = [Self::Sdk, Self::Libtest, Self::Go, Self::Command];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sdk => "sdk",
            Self::Libtest => "libtest",
            Self::Go => "go",
            Self::Command => "command",
        }
    }
}

impl fmt::Display for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error for a name that no harness has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no harness `{0}`")]
pub struct HarnessNameError(String);

impl FromStr for Harness {
    type Err = HarnessNameError;

    fn from_str(name: &str) -> Result<Self, HarnessNameError> {
        let found = Self::ALL.into_iter().find(|harness| harness.name() == name);
        found.ok_or_else(|| HarnessNameError(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_reports() {
        for harness in Harness::ALL {
            assert_eq!(serde_json::to_value(harness).unwrap(), harness.name());
            assert_eq!(harness.name().parse(), Ok(harness));
        }
        assert!("Sdk".parse::<Harness>().is_err());
    }
}
