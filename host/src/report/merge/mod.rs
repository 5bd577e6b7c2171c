//! Joins the reports of parts of a suite into the report that a single machine would have written.
//!
//! Each test is in one part, so that most of a report is only put together. Figures of all tests together (gates, clean-up
//! coverage, doubts) are joined from what the parts say of them. If the result would have another digest than the report of
//! one run, that is an error.

mod coverage;
mod doubts;
mod error;
#[cfg(test)]
mod tests;
mod volatile;
mod worlds;

pub use error::MergeError;

use super::compare::differences;
use crate::model::resource::SETUP_SCOPE;
use crate::model::{Canonical, GateRecord, ModuleRecord, Report, ResourceKind, TestRecord};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Most differences that an error names.
const NAMED: usize = 5;

/// A part: its report, and its name in errors.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its file's name.
    pub name: String,
    /// Its report.
    pub report: Report,
}

/// Joins the reports of parts that `--partition` made, or of suites that have no test in common.
///
/// ```
/// use airtight::report::merge::{Part, merge};
/// use airtight::report::{Canonical, Report, Volatile};
///
/// let report = Report::new(Canonical::new(serde_json::json!({}), Vec::new()), Volatile::default());
/// let whole = merge(&[Part { name: "1.json".to_owned(), report: report.clone() }])?;
/// assert_eq!(whole.digest, report.digest);
/// # Ok::<(), airtight::report::merge::MergeError>(())
/// ```
///
/// # Errors
/// A part is missing, a test is in two parts, or the parts differ where one run cannot: see [`MergeError`].
pub fn merge(parts: &[Part]) -> Result<Report, MergeError> {
    let Some((first, others)) = parts.split_first() else { return Err(MergeError::Nothing) };
    volatile::check_parts(parts)?;
    for other in others {
        same_run(first, other)?;
    }
    let modules = modules(parts)?;
    let refused = refused(parts, &modules)?;
    let mut canonical = Canonical::new(first.report.canonical.policy.clone(), modules);
    canonical.refused = refused;
    canonical.gates = gates(parts)?;
    canonical.cleanup_coverage = coverage::joined(parts)?;
    let canonical = canonical.with_doubts(doubts::joined(parts)?);
    Ok(Report::new(canonical, volatile::joined(parts)).with_codes())
}

/// Refuses parts that differ where one run cannot: in the version and the policy.
fn same_run(first: &Part, other: &Part) -> Result<(), MergeError> {
    let names = || (first.name.clone(), other.name.clone());
    let versions = [first, other].map(|part| part.report.volatile.version.clone());
    if versions[0] != versions[1] {
        let (first, other) = names();
        return Err(MergeError::Versions { first, other, versions });
    }
    let of_policy = |part: &Part| Canonical::new(part.report.canonical.policy.clone(), Vec::new());
    let found = differences(&of_policy(first), &of_policy(other));
    if found.is_empty() {
        return Ok(());
    }
    let told = found.iter().take(NAMED).map(|one| {
        let value =
            |value: &Option<serde_json::Value>| value.as_ref().map_or("nothing".to_owned(), ToString::to_string);
        format!("{} is {} and {}", one.field, value(&one.left), value(&one.right))
    });
    let (mut told, more): (Vec<_>, _) = (told.collect(), found.len().saturating_sub(NAMED));
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    let (first, other) = names();
    Err(MergeError::Policies { first, other, differences: told.join("; ") })
}

/// The modules of all parts, each with its tests.
fn modules(parts: &[Part]) -> Result<Vec<ModuleRecord>, MergeError> {
    let mut all: BTreeMap<(&str, &str), ModuleRecord> = BTreeMap::new();
    let mut origin: BTreeMap<(&str, &str, &str, Option<_>), Origin<'_>> = BTreeMap::new();
    for part in parts {
        for module in &part.report.canonical.modules {
            let key = (&*module.name, &*module.code);
            let joined = all.entry(key).or_insert_with(|| ModuleRecord { tests: Vec::new(), ..module.clone() });
            if joined.harness != module.harness {
                return Err(MergeError::Module {
                    module: module.name.clone(),
                    other: part.name.clone(),
                    what: "harness",
                });
            }
            for test in &module.tests {
                let own = Origin { part, record: test, place: joined.tests.len() };
                let earlier = match origin.entry((key.0, key.1, &test.name, test.harness)) {
                    Entry::Vacant(entry) => {
                        entry.insert(own);
                        joined.tests.push(test.clone());
                        continue;
                    }
                    Entry::Occupied(earlier) => *earlier.get(),
                };
                if test.role.is_none() || earlier.part.name == part.name {
                    return Err(MergeError::Twice {
                        module: module.name.clone(),
                        test: test.name.to_string(),
                        first: earlier.part.name.clone(),
                        other: part.name.clone(),
                    });
                }
                join_world(key, &mut joined.tests[earlier.place], earlier, own)?;
            }
        }
    }
    same_code(parts)?;
    let mut modules: Vec<_> = all.into_values().collect();
    for module in &mut modules {
        module.tests.sort_by(|a, b| (&a.name, a.harness).cmp(&(&b.name, b.harness)));
        tell_setup_once(&mut module.tests);
    }
    Ok(modules)
}

/// Where a test was found first.
#[derive(Clone, Copy)]
struct Origin<'p> {
    part: &'p Part,
    /// What that part says of it.
    record: &'p TestRecord,
    /// Its place among the tests of its module.
    place: usize,
}

/// A part has a set-up or teardown that an `earlier` part has, too. `known` is what the parts before it say of it.
fn join_world(
    (module, code): (&str, &str),
    known: &mut TestRecord,
    earlier: Origin<'_>,
    later: Origin<'_>,
) -> Result<(), MergeError> {
    let (module, entry) = (module.to_owned(), later.record.name.to_string());
    let (first, other) = (earlier.part.name.clone(), later.part.name.clone());
    for Origin { part, record, .. } in [earlier, later] {
        let is_judged = !part.report.canonical.gates.is_empty() || part.report.canonical.cleanup_coverage.is_some();
        let is_told = || worlds::entries(part).any(|told| told.id() == (&module, code, &entry));
        if is_judged && record.usage.is_some() && !is_told() {
            return Err(MergeError::WorldFigures { module, entry, first, other, silent: part.name.clone() });
        }
    }
    worlds::join(known, later.record).map_err(|differences| MergeError::World {
        module,
        entry,
        first,
        other,
        differences,
    })
}

/// Refuses parts that were built from different code. Two modules of one name are two builds of it, unless one part has
/// both.
fn same_code(parts: &[Part]) -> Result<(), MergeError> {
    let mut codes: BTreeMap<&str, (&str, BTreeSet<&str>)> = BTreeMap::new();
    for part in parts {
        let mut own: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for module in &part.report.canonical.modules {
            own.entry(&module.name).or_default().insert(&module.code);
        }
        for (name, own) in own {
            let (first, known) = codes.entry(name).or_insert_with(|| (&part.name, own.clone()));
            if known.is_disjoint(&own) && known.len() == 1 && own.len() == 1 {
                return Err(MergeError::Code {
                    module: name.to_owned(),
                    first: (*first).to_owned(),
                    other: part.name.clone(),
                });
            }
            known.extend(own);
        }
    }
    Ok(())
}

/// The first test of a module that is run tells what was set up before it. Each part has such a test; in the whole report,
/// only the first of them keeps that.
fn tell_setup_once(tests: &mut [TestRecord]) {
    let (mut told, mut told_start) = (false, false);
    for test in tests {
        let Some(details) = test.details.as_deref_mut() else { continue };
        if let Some(go) = details.go.as_deref_mut() {
            told_start |= go.start_fuel.take_if(|_| told_start).is_some() || go.start_fuel.is_some();
            if *go == crate::model::GoRecord::default() {
                details.go = None;
            }
        }
        let is_setup = |leak: &crate::model::Resource| leak.kind == ResourceKind::Task && leak.scope == SETUP_SCOPE;
        let has = details.leaks.iter().any(is_setup);
        if has && told {
            details.leaks.retain(|leak| !is_setup(leak));
        }
        told |= has;
        if *details == crate::model::Details::default() {
            test.details = None;
        }
    }
}

/// The modules that could not be tested. Every part tried them.
fn refused(parts: &[Part], modules: &[ModuleRecord]) -> Result<Vec<crate::model::RefusedModule>, MergeError> {
    for part in parts {
        for refused in &part.report.canonical.refused {
            let is_tested =
                modules.iter().any(|module| module.name == refused.name && Some(&module.code) == refused.code.as_ref());
            if is_tested {
                return Err(MergeError::Module {
                    module: refused.name.clone(),
                    other: part.name.clone(),
                    what: "state: it was not tested there, and it was elsewhere",
                });
            }
        }
    }
    // One run may have two refused files with the same name, so a list that all parts share is kept as it is.
    let lists = || parts.iter().map(|part| &part.report.canonical.refused);
    if let Some(first) = lists().next().filter(|first| lists().all(|list| list == *first)) {
        return Ok(first.clone());
    }
    let all: BTreeSet<_> = lists().flatten().collect();
    Ok(all.into_iter().cloned().collect())
}

fn gates(parts: &[Part]) -> Result<Vec<GateRecord>, MergeError> {
    let lists = worlds::gates(parts);
    let Some(((first, gates), others)) = lists.split_first() else { return Ok(Vec::new()) };
    let mut joined = gates.to_vec();
    for (other, gates) in others {
        let differ = || MergeError::Gates { first: (*first).to_owned(), other: (*other).to_owned() };
        if joined.len() != gates.len() {
            return Err(differ());
        }
        let pairs = joined.into_iter().zip(*gates);
        joined = pairs.map(|(one, other)| one.joined(other).ok_or_else(differ)).collect::<Result<_, _>>()?;
    }
    Ok(joined)
}
