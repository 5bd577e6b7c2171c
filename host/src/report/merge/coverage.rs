//! Clean-up coverage of all parts together: several parts may acquire at the same place.

use super::{MergeError, Part, worlds};
use crate::model::{CleanupCoverage, CoveredPlaces, UnfinishedCleanup};
use std::collections::BTreeMap;

/// Every place of all parts, each once, and those of a set-up or teardown that several parts ran counted once.
///
/// # Errors
/// A part that does not have a list of its places.
pub fn places(parts: &[Part]) -> Result<CoveredPlaces, &Part> {
    let mut all = CoveredPlaces::default();
    for part in parts {
        let own = part.report.volatile.places.as_ref().ok_or(part)?;
        own.iter().for_each(|site| all.add(site.clone()));
    }
    let of_worlds = worlds::added(parts).once;
    of_worlds.iter().flat_map(|(_, entry)| &entry.places).for_each(|site| all.add(site.clone()));
    Ok(all)
}

/// The joined coverage; `None` if no part has any.
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
    if let Some(part) = parts.iter().find(|part| own(part).is_none_or(|coverage| coverage.gate != whole.gate)) {
        return Err(MergeError::Gates { first: first.name.clone(), other: part.name.clone() });
    }
    let places = places(parts).map_err(|part| MergeError::Coverage { other: part.name.clone() })?;
    let added = worlds::added(parts);
    for other in others.iter().filter_map(own) {
        whole.untold = whole.untold.saturating_add(other.untold);
        whole.cleanups = whole.cleanups.saturating_add(other.cleanups);
        whole.finished = whole.finished.saturating_add(other.finished);
        whole.unfinished.extend(other.unfinished);
    }
    let mut twice: BTreeMap<(String, String), Vec<UnfinishedCleanup>> = BTreeMap::new();
    for own in added.repeated.iter().filter_map(|entry| entry.coverage.as_ref()) {
        whole.untold = whole.untold.saturating_sub(own.untold);
        whole.cleanups = whole.cleanups.saturating_sub(own.cleanups);
        whole.finished = whole.finished.saturating_sub(own.finished);
        for cleanup in &own.unfinished {
            twice.entry((cleanup.module.clone(), cleanup.test.clone())).or_default().push(cleanup.clone());
        }
    }
    whole.unfinished.retain(|one| {
        let twice = twice.get_mut(&(one.module.clone(), one.test.clone()));
        let place = twice.as_ref().and_then(|twice| twice.iter().position(|other| other == one));
        twice.zip(place).map(|(twice, place)| twice.swap_remove(place)).is_none()
    });
    whole.unfinished.sort_by(|a, b| (&a.module, &a.test).cmp(&(&b.module, &b.test)));
    places.fill(&mut whole);
    Ok(Some(whole))
}
