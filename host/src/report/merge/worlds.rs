//! Set-ups and teardowns of modules whose tests are in several parts. Each of these parts ran them, but one run has them
//! once.

use super::{NAMED, Part};
use crate::model::{GateRecord, TestRecord, Verdict, WorldEntry};
use crate::report::compare::differences_of;
use std::collections::BTreeSet;

/// Joins a part's record of a set-up or teardown with that of an earlier part.
///
/// # Errors
/// The fields in which they differ.
pub fn join(known: &mut TestRecord, other: &TestRecord) -> Result<(), String> {
    let found = differences_of(known, other);
    if found.is_empty() || was_left_out(other) {
        return Ok(());
    }
    if was_left_out(known) {
        *known = other.clone();
        return Ok(());
    }
    let fields = found.iter().take(NAMED).map(|one| one.field.clone());
    Err(fields.collect::<Vec<_>>().join(", "))
}

/// Whether a part stopped before it came to this entry. Then another part's record is that of the whole.
fn was_left_out(record: &TestRecord) -> bool {
    let reason = record.details.as_ref().and_then(|details| details.reason.as_deref());
    record.verdict == Verdict::Skip
        && reason.is_some_and(|reason| reason == "interrupted" || reason.starts_with("not run: "))
}

/// What the set-ups and teardowns of all parts add to figures.
pub struct AddedFigures<'p> {
    /// Each set-up and teardown once, with the name of the first part that ran it.
    pub once: Vec<(&'p str, &'p WorldEntry)>,
    /// The same entries of later parts, which must not count again.
    pub repeated: Vec<&'p WorldEntry>,
}

/// What the set-ups and teardowns of these parts add.
pub fn added(parts: &[Part]) -> AddedFigures<'_> {
    let (mut seen, mut added) = (BTreeSet::new(), AddedFigures { once: Vec::new(), repeated: Vec::new() });
    for (part, entry) in parts.iter().flat_map(|part| entries(part).map(move |entry| (part, entry))) {
        if seen.insert(entry.id()) {
            added.once.push((&part.name, entry));
        } else {
            added.repeated.push(entry);
        }
    }
    added
}

/// What the set-ups and teardowns of a part add.
pub fn entries(part: &Part) -> impl Iterator<Item = &WorldEntry> {
    part.report.volatile.worlds.iter().flat_map(|worlds| &worlds.entries)
}

/// The lists of gates to be joined, each with the name of its part: for the tests of each part, and for each set-up and
/// teardown once.
pub fn gates(parts: &[Part]) -> Vec<(&str, &[GateRecord])> {
    let of_worlds = added(parts).once.into_iter().map(|(part, entry)| (part, &*entry.gates));
    parts.iter().map(|part| (&*part.name, gates_of_tests(part))).chain(of_worlds).collect()
}

fn gates_of_tests(part: &Part) -> &[GateRecord] {
    match &part.report.volatile.worlds {
        Some(worlds) => &worlds.gates_of_tests,
        None => &part.report.canonical.gates,
    }
}
