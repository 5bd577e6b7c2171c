//! How the rules of a baseline were used in a run: which leaks are gone, which rules have expired, which suppressions matched
//! nothing.

use super::rules::NamedLeak;
use super::{Baseline, Grounds};
use crate::model::{BaselineEntry, BaselineUse, Canonical, Date, TestRecord, Verdict};
use std::collections::{HashMap, HashSet};

impl Baseline {
    /// Compares the baseline with a report that was made with it, on this day.
    pub(crate) fn used_in(&self, report: &Canonical, date: Option<Date>) -> BaselineUse {
        let seen = ReportedFindings::from_report(report);
        let mut usage =
            BaselineUse { file: self.file.clone(), date, entries: self.named.len(), ..BaselineUse::default() };
        for leak in &self.named {
            let label = leak.label();
            let entry = || BaselineEntry {
                module: Some(leak.module.clone()),
                test: Some(leak.test.clone()),
                ..described(label.clone(), &leak.grounds)
            };
            let is_used = seen.named.contains(&(&*leak.module, &*leak.test, &*label));
            let is_gone = !is_used && seen.came_to_its_end(leak);
            usage.judged += usize::from(is_used || is_gone);
            if is_gone {
                usage.gone.push(entry());
            } else if is_used && has_expired(&leak.grounds, date) {
                usage.expired.push(entry());
            }
        }
        for suppression in &self.suppressions {
            match seen.suppressions.contains(&*suppression.name) {
                false => usage.unused.push(suppression.name.clone()),
                true if has_expired(&suppression.grounds, date) => {
                    usage.expired.push(described(suppression.name.clone(), &suppression.grounds));
                }
                true => {}
            }
        }
        usage
    }
}

/// Whether the last day of an entry is over.
pub(super) fn has_expired(grounds: &Grounds, date: Option<Date>) -> bool {
    grounds.expires.zip(date).is_some_and(|(last, today)| last < today)
}

fn described(what: String, grounds: &Grounds) -> BaselineEntry {
    BaselineEntry { module: None, test: None, what, expires: grounds.expires, reason: grounds.reason.clone() }
}

/// The rules of a baseline that accepted something in a report, and the tests whose leaks are known.
struct ReportedFindings<'r> {
    named: HashSet<(&'r str, &'r str, &'r str)>,
    suppressions: HashSet<&'r str>,
    /// Tests that came to an end at which leaks are counted.
    ends: HashMap<(&'r str, &'r str), &'r TestRecord>,
}

impl<'r> ReportedFindings<'r> {
    fn from_report(report: &'r Canonical) -> Self {
        let mut seen = Self { named: HashSet::new(), suppressions: HashSet::new(), ends: HashMap::new() };
        for module in &report.modules {
            for test in &module.tests {
                if matches!(test.verdict, Verdict::Pass | Verdict::Leak) {
                    seen.ends.insert((&module.name, &test.name), test);
                }
                for record in test.details.iter().flat_map(|details| &details.accepted) {
                    if record.by_pattern {
                        seen.suppressions.insert(&record.by);
                    } else {
                        seen.named.insert((&module.name, &test.name, &record.by));
                    }
                }
            }
        }
        seen
    }

    /// Whether the leak would have been seen: its test came to its end, and the subtest that acquires it was run. A filter may
    /// have left the subtest out.
    fn came_to_its_end(&self, leak: &NamedLeak) -> bool {
        let Some(test) = self.ends.get(&(&*leak.module, &*leak.test)) else { return false };
        let within = leak.scope.as_deref().and_then(|scope| scope.strip_prefix(&*leak.test)?.strip_prefix('/'));
        let mut subtests = test.details.iter().flat_map(|details| &details.subtests);
        within.is_none_or(|path| subtests.any(|subtest| subtest.name == path))
    }
}
