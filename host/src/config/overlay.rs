//! Settings for one run, from environment variables and the command line. They are stronger than every profile.

use super::errors::{ConfigError, ConfigErrors};
use crate::model::{Limit, Source};
use crate::policy::{DirGrant, PolicyPatch};
use std::collections::BTreeMap;
use std::ffi::OsStr;

/// What the user set for one run. The command line is stronger than the environment.
///
/// ```
/// use airtight::{Runner, config::{Config, Overlays, from_environment}, policy::Limit};
///
/// let environment = from_environment([("AIRTIGHT_MEMORY", "8MiB")])?;
/// let overlays = Overlays { environment, seed: Some(7), ..Overlays::default() };
/// let builder = Runner::builder(&Config::default(), "default")?.overlays(overlays);
/// assert_eq!(builder.profile().policy().limits.get(Limit::Memory), Some(8 << 20));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overlays {
    /// From environment variables; see [`from_environment`].
    pub environment: PolicyPatch,
    /// From the command line.
    pub command_line: PolicyPatch,
    /// Directories that the command line grants. They are added to those of the profile; one with the same guest path replaces
    /// the profile's.
    pub dirs: Vec<DirGrant>,
    /// See [`crate::policy::Policy::seed`]. A run has one seed, so that no override can set it.
    pub seed: Option<u64>,
}

impl Overlays {
    /// Both patches, the weaker one first.
    pub(super) fn in_order(&self) -> [&PolicyPatch; 2] {
        [&self.environment, &self.command_line]
    }
}

/// Reads limits from environment variables. A variable's name is `AIRTIGHT_` and the name of the setting: `AIRTIGHT_PEAK_HEAP`
/// for `peak-heap`. Values are spelled as in `airtight.toml`. An empty variable counts as not set. To read the environment of
/// this process, pass [`std::env::vars_os`].
///
/// # Errors
/// Every variable whose value is not a value of its limit, by name.
pub fn from_environment<K, V>(variables: impl IntoIterator<Item = (K, V)>) -> Result<PolicyPatch, ConfigErrors>
where
    K: AsRef<OsStr>,
    V: AsRef<OsStr>,
{
    let known: BTreeMap<String, Limit> = (Limit::ALL.into_iter())
        .filter(|limit| limit.can_be_set_by(Source::Environment))
        .map(|limit| (limit.variable(), limit))
        .collect();
    let mut patch = PolicyPatch::default();
    let mut errors = Vec::new();
    for (name, value) in variables {
        let Some((name, limit)) = name.as_ref().to_str().and_then(|name| known.get_key_value(name)) else { continue };
        let value = value.as_ref().to_string_lossy();
        if value.is_empty() {
            continue;
        }
        match limit.parse(&value) {
            Ok(value) => patch.limits.set(*limit, Some(value)),
            Err(error) => errors.push(ConfigError {
                file: "environment".to_owned(),
                line: None,
                key: name.clone(),
                problem: error.into(),
            }),
        }
    }
    // The system gives variables in any order.
    errors.sort_by(|a, b| a.key.cmp(&b.key));
    if errors.is_empty() { Ok(patch) } else { Err(ConfigErrors(errors)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_variables_only() {
        let patch = from_environment([
            ("AIRTIGHT_MEMORY", "64MiB"),
            ("AIRTIGHT_FUEL", "1G"),
            ("AIRTIGHT_TIMEOUT", "2s"),
            ("AIRTIGHT_OUTPUT", "0"),
            ("AIRTIGHT_PEAK_HEAP", "512B"),
            ("AIRTIGHT_HOST_MEMORY", "1MiB"),
            ("AIRTIGHT_SLOW_TIMEOUT", "3s"),
            ("MEMORY", "nonsense"),
            ("AIRTIGHT_LOG", "debug"),
        ]);
        let limits = [
            (Limit::Memory, 64 << 20),
            (Limit::Fuel, 1_000_000_000),
            (Limit::Timeout, 2000),
            (Limit::Output, 0),
            (Limit::PeakHeap, 512),
            (Limit::HostMemory, 1 << 20),
            (Limit::SlowTimeout, 3000),
        ];
        let expected = PolicyPatch { limits: limits.into_iter().collect(), ..PolicyPatch::default() };
        assert_eq!(patch, Ok(expected));
        assert_eq!(from_environment([("AIRTIGHT_FUEL", "")]), Ok(PolicyPatch::default()));
    }

    #[test]
    fn errors_name_every_wrong_variable() {
        let wrong = [("AIRTIGHT_TIMEOUT", "5"), ("AIRTIGHT_MEMORY", "64 megs"), ("AIRTIGHT_FUEL", "0")];
        let errors = from_environment(wrong).unwrap_err();
        insta::assert_snapshot!(errors, @r#"
        environment: AIRTIGHT_FUEL: 0 is too little; no test can run with it
        environment: AIRTIGHT_MEMORY: "64 megs" is not a size; write for example "64MiB" or a number of bytes
        environment: AIRTIGHT_TIMEOUT: "5" is not a duration; write for example "5s"
        "#);
    }
}
