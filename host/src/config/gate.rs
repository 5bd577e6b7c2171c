//! The table `gate` of a profile: what it asks of a whole run, beside the verdicts of its tests.

use super::check::{At, Checker, Value};
use super::errors::Problem;
use super::suggest::nearest;
use crate::model::units::Quantity;
use crate::model::{GateKind, GateLimits, Percent, Threshold};
use std::path::{Path, PathBuf};

/// What a profile asks of a whole run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate {
    /// The least clean-up coverage. It holds for two shares: of the places that acquire handles and tracked resources, those
    /// whose resources were always released by the end of their scope; and of the clean-ups, those that ran to their end. Only
    /// with this gate is coverage in the report.
    pub cleanup_coverage: Option<Percent>,
    /// Limits on the figures of all tests together.
    pub limits: GateLimits,
    /// The file of the report with which some gates compare.
    pub base: Option<PathBuf>,
}

impl Gate {
    /// This gate, where values that `nearer` sets replace its own.
    #[must_use]
    pub fn overlaid(self, nearer: &Self) -> Self {
        Self {
            cleanup_coverage: nearer.cleanup_coverage.or(self.cleanup_coverage),
            limits: self.limits.overlaid(&nearer.limits),
            base: nearer.base.clone().or(self.base),
        }
    }
}

const COVERAGE: &str = "cleanup-coverage";
const BASE: &str = "base";

/// The settings of the table.
fn keys() -> Vec<&'static str> {
    [COVERAGE].into_iter().chain(GateKind::ALL.map(GateKind::name)).chain([BASE]).collect()
}

pub(super) fn read(check: &mut Checker<'_>, at: &At, value: &Value<'_>, base: &Path) -> Gate {
    let mut gate = Gate::default();
    for (key, value) in check.table(at, value).into_iter().flatten() {
        let name = key.get_ref().as_ref();
        let kind = GateKind::ALL.into_iter().find(|kind| kind.name() == name);
        let here = at.key(name, value);
        match (name, kind) {
            (COVERAGE, _) => gate.cleanup_coverage = coverage(check, &here, value),
            (BASE, _) => gate.base = check.string(&here, value).map(|path| base.join(path)),
            (_, Some(GateKind::Growth)) => gate.limits.growth = threshold(check, &here, value),
            (_, Some(GateKind::Fuel)) => gate.limits.fuel = share(check, &here, value),
            (_, Some(kind)) => {
                let most = match kind {
                    GateKind::Lost | GateKind::Retained => check.quantity(&here, value, Quantity::Size),
                    _ => check.integer(&here, value, 0..=u64::MAX),
                };
                gate.limits.most.extend(most.map(|most| (kind, most)));
            }
            (_, None) => {
                let known = keys();
                let nearest = nearest(name, known.iter().copied()).map(str::to_owned);
                let problem = Problem::UnknownKey { key: name.to_owned(), nearest, known };
                check.fail(&At { offset: key.span().start, key: at.key.clone() }, problem);
            }
        }
    }
    gate
}

fn coverage(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> Option<Percent> {
    check.read(at, value, |text| {
        text.parse().map_err(|_| Problem::Text {
            text: text.to_owned(),
            what: "a share",
            rule: "write for example \"98%\" or \"99.5%\"",
        })
    })
}

fn threshold(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> Option<Threshold> {
    let rule = "write a share such as \"10%\", or a size such as \"4KiB\"";
    check.read(at, value, |text| {
        text.parse().map_err(|_| Problem::Text { text: text.to_owned(), what: "an allowance", rule })
    })
}

/// How much more fuel is allowed, as a share. Sizes are refused: fuel has no unit.
fn share(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> Option<Threshold> {
    let rule = "write a share such as \"2%\" or \"0.5%\"";
    check.read(at, value, |text| match text.parse() {
        Ok(share @ Threshold::Share(_)) => Ok(share),
        _ => Err(Problem::Text { text: text.to_owned(), what: "a share", rule }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    fn gate(text: &str) -> Result<super::Gate, String> {
        let config = Config::from_str(text, "airtight.toml", "/work".as_ref()).map_err(|errors| errors.to_string())?;
        Ok(config.profile("ci").map_err(|error| error.to_string())?.gate().clone())
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

    #[test]
    fn figures_are_quantities_and_comparisons_are_shares() {
        let text = "[profile.ci.gate]\nlost = \"64KiB\"\nhandles = 12\ntasks-delta = 0\ngrowth = \"4KiB\"\nfuel = \"2%\"\nbase = \"main.json\"\n";
        let read = gate(text).unwrap();
        assert_eq!(read.limits.most.values().copied().collect::<Vec<_>>(), [65_536, 12, 0]);
        assert_eq!(read.limits.with_base().count(), 2);
        assert_eq!(read.base.as_deref(), Some("/work/main.json".as_ref()));
        let inherited = gate(&format!("[profile.default.gate]\nlost = 1\nthreads = 3\n{text}")).unwrap();
        assert_eq!(inherited.limits.most.values().copied().collect::<Vec<_>>(), [65_536, 12, 3, 0]);
        for (wrong, said) in [
            ("fuel = \"4KiB\"", "write a share such as"),
            ("growth = \"much\"", "\"much\" cannot be an allowance"),
            ("handles = -1", "is not a whole number"),
            ("lost = \"4k\"", "write for example"),
            ("task-delta = 1", "did you mean `tasks-delta`?"),
        ] {
            let errors = gate(&format!("[profile.ci.gate]\n{wrong}\n")).unwrap_err();
            assert!(errors.contains(said), "{wrong}: {errors}");
        }
    }
}
