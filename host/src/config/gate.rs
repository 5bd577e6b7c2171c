//! The table `gate` of a profile: what a whole run has to reach, beside the verdicts of its tests.

use super::check::{At, Checker, Value};
use super::errors::Problem;
use super::suggest::nearest;
use crate::model::Percent;

/// What a run has to reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gate {
    /// The least clean-up coverage: the share of the places that acquire files, directories and sockets whose resources were
    /// always released by the end of their scope, and the share of clean-ups that ran to their end. With one, coverage is in the
    /// report.
    pub cleanup_coverage: Option<Percent>,
}

impl Gate {
    /// This gate, with what another one sets in the place of its own.
    #[must_use]
    pub fn overlaid(self, nearer: Self) -> Self {
        Self { cleanup_coverage: nearer.cleanup_coverage.or(self.cleanup_coverage) }
    }
}

/// The settings of the table.
const KEYS: [&str; 1] = ["cleanup-coverage"];

pub(super) fn read(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> Gate {
    let mut gate = Gate::default();
    for (key, value) in check.table(at, value).into_iter().flatten() {
        let name = key.get_ref().as_ref();
        if name != KEYS[0] {
            let problem = Problem::UnknownKey {
                key: name.to_owned(),
                nearest: nearest(name, KEYS).map(str::to_owned),
                known: KEYS.to_vec(),
            };
            check.fail(&At { offset: key.span().start, key: at.key.clone() }, problem);
            continue;
        }
        let at = at.key(name, value);
        let Some(text) = check.string(&at, value) else { continue };
        match text.parse() {
            Ok(share) => gate.cleanup_coverage = Some(share),
            Err(_) => check.fail(
                &at,
                Problem::Text {
                    text: text.to_owned(),
                    what: "a share",
                    rule: "write for example \"98%\" or \"99.5%\"",
                },
            ),
        }
    }
    gate
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    fn gate(text: &str) -> Result<super::Gate, String> {
        let config = Config::from_str(text, "airtight.toml", "/work".as_ref()).map_err(|errors| errors.to_string())?;
        Ok(config.profile("ci").map_err(|error| error.to_string())?.gate())
    }

    #[test]
    fn it_is_inherited_and_its_values_are_shares() {
        let text = "[profile.default]\ngate = { cleanup-coverage = \"98%\" }\n[profile.ci]\n";
        assert_eq!(gate(text).unwrap().cleanup_coverage.unwrap().to_string(), "98%");
        let nearer = format!("{text}gate = {{ cleanup-coverage = \"99.5%\" }}\n");
        assert_eq!(gate(&nearer).unwrap().cleanup_coverage.unwrap().to_string(), "99.5%");
        assert_eq!(gate("[profile.ci]\ngate = {}\n").unwrap(), super::Gate::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let wrong = |value: &str| gate(&format!("[profile.ci]\ngate = {value}\n")).unwrap_err();
        let share = wrong("{ cleanup-coverage = \"98\" }");
        assert!(
            share.contains("airtight.toml:2: profile.ci.gate.cleanup-coverage: \"98\" cannot be a share"),
            "{share}"
        );
        let key = wrong("{ cleanup-coverge = \"98%\" }");
        assert!(key.contains("did you mean `cleanup-coverage`?"), "{key}");
        assert!(wrong("\"98%\"").contains("profile.ci.gate"));
    }
}
