//! Settings for one run, above every profile: environment variables and command line.

use super::errors::{ConfigError, ConfigErrors, Problem};
use crate::model::units::{UnitError, parse_duration, parse_fuel, parse_size};
use crate::policy::PolicyPatch;
use std::ffi::OsStr;

/// What the user set for one run. The command line goes above the environment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overlays {
    /// From environment variables; see [`from_environment`].
    pub environment: PolicyPatch,
    /// From the command line.
    pub command_line: PolicyPatch,
    /// See [`crate::policy::Policy::seed`]. One a run, so no override can set it.
    pub seed: Option<u64>,
}

impl Overlays {
    /// Both, the weaker first.
    pub(super) fn in_order(&self) -> [&PolicyPatch; 2] {
        [&self.environment, &self.command_line]
    }
}

/// The settings in `AIRTIGHT_MEMORY`, `AIRTIGHT_FUEL`, `AIRTIGHT_TIMEOUT` and `AIRTIGHT_OUTPUT`, spelled as in
/// `airtight.toml`; an empty variable is none. Pass [`std::env::vars_os`].
///
/// # Errors
/// Every variable whose value is no quantity, by name.
pub fn from_environment<K, V>(variables: impl IntoIterator<Item = (K, V)>) -> Result<PolicyPatch, ConfigErrors>
where
    K: AsRef<OsStr>,
    V: AsRef<OsStr>,
{
    let mut patch = PolicyPatch::default();
    let mut errors = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.as_ref().to_str().filter(|name| name.starts_with("AIRTIGHT_")) else { continue };
        let value = value.as_ref().to_string_lossy();
        if value.is_empty() {
            continue;
        }
        if let Err(problem) = read(name, &value, &mut patch) {
            errors.push(ConfigError { file: "environment".to_owned(), line: None, key: name.to_owned(), problem });
        }
    }
    // The order of the variables is the system's.
    errors.sort_by(|a, b| a.key.cmp(&b.key));
    if errors.is_empty() { Ok(patch) } else { Err(ConfigErrors(errors)) }
}

fn read(name: &str, value: &str, patch: &mut PolicyPatch) -> Result<(), Problem> {
    match name {
        "AIRTIGHT_MEMORY" => patch.memory = Some(positive(value, parse_size)?),
        "AIRTIGHT_FUEL" => patch.fuel = Some(positive(value, parse_fuel)?),
        "AIRTIGHT_TIMEOUT" => patch.timeout = Some(positive(value, parse_duration)?),
        "AIRTIGHT_OUTPUT" => patch.output = Some(parse_size(value)?),
        _ => {}
    }
    Ok(())
}

fn positive<T: Default + PartialEq>(value: &str, parse: fn(&str) -> Result<T, UnitError>) -> Result<T, Problem> {
    let number = parse(value)?;
    if number == T::default() {
        return Err(Problem::zero(value));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn reads_its_own_variables_only() {
        let patch = from_environment([
            ("AIRTIGHT_MEMORY", "64MiB"),
            ("AIRTIGHT_FUEL", "1G"),
            ("AIRTIGHT_TIMEOUT", "2s"),
            ("AIRTIGHT_OUTPUT", "0"),
            ("MEMORY", "nonsense"),
            ("AIRTIGHT_LOG", "debug"),
        ]);
        let expected = PolicyPatch {
            memory: Some(64 << 20),
            fuel: Some(1_000_000_000),
            timeout: Some(Duration::from_secs(2)),
            output: Some(0),
            ..PolicyPatch::default()
        };
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
