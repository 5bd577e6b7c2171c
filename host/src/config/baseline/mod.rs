//! The baseline: leaks of a legacy suite that are accepted, so that only new ones fail.
//!
//! ```text
//! text -> file (checked) -> rules -> accept (the leaks of each test, when it ends) -> usage (which rules were used in a run)
//! report + text -> update (the text that accepts the leaks of the report)
//! ```

mod accepted_fault;
mod fault;
mod file;
mod paste;
mod pattern;
mod rules;
#[cfg(test)]
mod tests;
mod update;
mod usage;

pub use paste::suppression_text;
pub use update::{BaselineUpdate, NewGrounds};

use crate::model::{AcceptedRecord, Resource};
use accepted_fault::AcceptedFault;
use rules::{Grounds, NamedLeak, Suppression};
use std::collections::{BTreeMap, HashMap};

/// The first lines of a new file.
const HEAD: &str = "# Leaks that are accepted: `airtight baseline` writes this file and keeps reasons, days and comments.\n\
# `[[accepted]]` is one leak of one test. `[[suppress]]` is a pattern of leaks, in any test.\n\
# The guide's page on baselines tells of every key.\n";

/// The leaks that are accepted.
///
/// ```
/// use airtight::config::Baseline;
///
/// let text = "[[suppress]]\nname = \"tables of the parser\"\nkind = \"heap\"\nframes = [\"...\", \"fun:parser::tables::*\"]\n";
/// let baseline = Baseline::from_str(text, "baseline.toml")?;
/// assert!(Baseline::from_str("[[suppres]]\n", "baseline.toml").is_err());
/// # Ok::<(), airtight::config::ConfigErrors>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// What the file is called in reports.
    file: String,
    named: Vec<NamedLeak>,
    suppressions: Vec<Suppression>,
    /// Accepted findings of `airtight faults`.
    faults: Vec<AcceptedFault>,
    /// The digest of everything in the file that the canonical part of a report can depend on.
    digest: String,
    /// Indices into `named`, by module and test.
    of_tests: HashMap<String, HashMap<String, Vec<usize>>>,
}

/// A rule that accepts leaks, by its index in `named` or in `suppressions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Named(usize),
    Suppression(usize),
}

impl Baseline {
    /// The digest of the baseline, which the report's policy states. Two baselines with the same digest accept the same leaks,
    /// for the same reasons.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Marks the accepted leaks of a test, and returns the rules that accept them. An entry that stands for several places has
    /// no place of its own to be known by, and is never accepted.
    pub(crate) fn accept(
        &self,
        (module, test): (&str, &str),
        leaks: &mut [Resource],
        retained: &mut [Resource],
    ) -> Vec<AcceptedRecord> {
        let mut used: BTreeMap<Rule, AcceptedRecord> = BTreeMap::new();
        let leaks = leaks.iter_mut().map(|leak| (leak, false));
        for (leak, is_retained) in leaks.chain(retained.iter_mut().map(|leak| (leak, true))) {
            leak.accepted = None;
            let Some(rule) = self.rule_for((module, test), leak, is_retained) else { continue };
            let (by, grounds) = self.described(rule);
            leak.accepted = Some(by.clone());
            let record = used.entry(rule).or_insert_with(|| AcceptedRecord {
                by,
                by_pattern: matches!(rule, Rule::Suppression(_)),
                reason: grounds.reason.clone(),
                count: 0,
                bytes: 0,
            });
            record.count = record.count.saturating_add(leak.count);
            record.bytes = record.bytes.saturating_add(leak.bytes.unwrap_or(0));
        }
        used.into_values().collect()
    }

    fn rule_for(&self, (module, test): (&str, &str), leak: &Resource, retained: bool) -> Option<Rule> {
        if leak.omitted_places > 0 {
            return None;
        }
        let of_test = self.of_tests.get(module).and_then(|tests| tests.get(test)).map_or(&[][..], Vec::as_slice);
        let named = of_test.iter().find(|nth| self.named[**nth].is(leak, retained));
        let described = || self.suppressions.iter().position(|one| one.matches(module, test, leak, retained));
        named.map(|nth| Rule::Named(*nth)).or_else(|| described().map(Rule::Suppression))
    }

    fn described(&self, rule: Rule) -> (String, &Grounds) {
        match rule {
            Rule::Named(nth) => (self.named[nth].label(), &self.named[nth].grounds),
            Rule::Suppression(nth) => (self.suppressions[nth].name.clone(), &self.suppressions[nth].grounds),
        }
    }
}
