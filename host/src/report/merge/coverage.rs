//! Clean-up coverage of all parts together: a place of one part may be one of another, too.

use super::{MergeError, Part, worlds};
use crate::model::{CleanupCoverage, CoveredPlaces, WorldEntry};

/// `None` where no part has any.
pub fn joined(parts: &[Part]) -> Result<Option<CleanupCoverage>, MergeError> {
    let Some((first, others)) = parts.split_first() else { return Ok(None) };
    let own = |part: &Part| part.report.canonical.cleanup_coverage.clone();
    let Some(mut whole) = own(first) else {
        return match others.iter().find(|part| own(part).is_some()) {
            Some(other) => Err(MergeError::Gates { first: first.name.clone(), other: other.name.clone() }),
            None => Ok(None),
        };
    };
    if others.is_empty() {
        return Ok(Some(whole));
    }
    let mut places = CoveredPlaces::default();
    for part in parts {
        let Some(coverage) = own(part).filter(|coverage| coverage.gate == whole.gate) else {
            return Err(MergeError::Gates { first: first.name.clone(), other: part.name.clone() });
        };
        let of_worlds = || worlds::entries(part).flat_map(|entry| &entry.places);
        if part.report.volatile.places.is_empty() && of_worlds().next().is_none() && coverage.sites > 0 {
            return Err(MergeError::Coverage { other: part.name.clone() });
        }
        part.report.volatile.places.iter().for_each(|site| places.add(site.clone()));
    }
    let repeated = worlds::repeated(parts);
    let is_repeated =
        |part: usize, entry: &WorldEntry| repeated.iter().any(|(nth, one)| (*nth, one.id()) == (part, entry.id()));
    for (nth, part) in parts.iter().enumerate() {
        let once = worlds::entries(part).filter(|entry| !is_repeated(nth, entry));
        once.flat_map(|entry| &entry.places).for_each(|site| places.add(site.clone()));
    }
    for other in others.iter().filter_map(own) {
        whole.untold = whole.untold.saturating_add(other.untold);
        whole.cleanups = whole.cleanups.saturating_add(other.cleanups);
        whole.finished = whole.finished.saturating_add(other.finished);
        whole.unfinished.extend(other.unfinished);
    }
    for own in repeated.iter().filter_map(|(_, entry)| entry.coverage.as_ref()) {
        whole.untold = whole.untold.saturating_sub(own.untold);
        whole.cleanups = whole.cleanups.saturating_sub(own.cleanups);
        whole.finished = whole.finished.saturating_sub(own.finished);
        for twice in &own.unfinished {
            if let Some(place) = whole.unfinished.iter().position(|one| one == twice) {
                whole.unfinished.remove(place);
            }
        }
    }
    whole.unfinished.sort_by(|a, b| (&a.module, &a.test).cmp(&(&b.module, &b.test)));
    places.fill(&mut whole);
    Ok(Some(whole))
}
