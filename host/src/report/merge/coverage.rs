//! Clean-up coverage of all parts together: several parts may acquire at the same place.

use super::{MergeError, Part, worlds};
use crate::model::{CleanupCoverage, CoveredPlaces, UnfinishedCleanup};
use std::collections::BTreeMap;

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
    let added = worlds::added(parts);
    added.once.iter().flat_map(|(_, entry)| &entry.places).for_each(|site| places.add(site.clone()));
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
