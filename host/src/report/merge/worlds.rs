//! Set-ups and teardowns of modules whose tests are in several parts. Each of these parts ran them; one run has them once.

use super::{NAMED, Part};
use crate::model::{GateRecord, TestRecord, Verdict, WorldEntry};
use crate::report::compare::differences_of;
use std::collections::BTreeSet;

/// Takes a part's account of a set-up or teardown beside that of an earlier part.
///
/// # Errors
/// What they differ in.
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

/// Whether a part stopped before it came to this entry: another part's account is that of the whole.
fn was_left_out(record: &TestRecord) -> bool {
    let reason = record.details.as_ref().and_then(|details| details.reason.as_deref());
    record.verdict == Verdict::Skip
        && reason.is_some_and(|reason| reason == "interrupted" || reason.starts_with("not run: "))
}

/// What an entry of one part adds to its figures.
pub type OfPart<'a> = (usize, &'a WorldEntry);

/// The entries that an earlier part has, too: what they add counts once.
pub fn repeated(parts: &[Part]) -> Vec<OfPart<'_>> {
    let mut seen = BTreeSet::new();
    let of_parts = parts.iter().enumerate();
    let all = of_parts.flat_map(|(nth, part)| entries(part).map(move |entry| (nth, entry)));
    all.filter(|(_, entry)| !seen.insert(entry.id())).collect()
}

/// Those of a part.
pub fn entries(part: &Part) -> impl Iterator<Item = &WorldEntry> {
    part.report.volatile.worlds.iter().flat_map(|worlds| &worlds.entries)
}

/// The lists of gates to be joined, each with the name of its part: of the tests of each part, and of each set-up and teardown once.
pub fn gates(parts: &[Part]) -> Vec<(&str, &[GateRecord])> {
    let mut lists: Vec<(&str, &[GateRecord])> = Vec::new();
    let mut seen = BTreeSet::new();
    for part in parts {
        let whole = &part.report.canonical.gates;
        let tests = part.report.volatile.worlds.as_ref().map_or(whole, |worlds| &worlds.gates_of_tests);
        lists.push((&part.name, tests));
        lists.extend(entries(part).filter(|entry| seen.insert(entry.id())).map(|entry| (&*part.name, &*entry.gates)));
    }
    lists
}
