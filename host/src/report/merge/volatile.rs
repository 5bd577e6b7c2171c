//! What differs from run to run, for all parts together; and whether all parts are there.

use super::{MergeError, Part, coverage, worlds};
use crate::model::{BaselineUse, Volatile};
use std::collections::{BTreeMap, BTreeSet};

/// Which part of a partition a report is: `slice`, 2, 7.
fn partition(part: &Part) -> Option<(&str, usize, usize)> {
    let (by, rest) = part.report.volatile.partition.as_deref()?.split_once(':')?;
    let (shard, count) = rest.split_once('/')?;
    Some((by, shard.parse().ok()?, count.parse().ok()?))
}

/// Checks that the parts are all those of one partition, or that none belongs to one.
pub fn check_parts(parts: &[Part]) -> Result<(), MergeError> {
    let mut seen: BTreeMap<usize, &Part> = BTreeMap::new();
    let Some(first) = parts.first() else { return Ok(()) };
    for part in parts {
        let of = |part: &Part| partition(part).map(|(by, _, count)| (by.to_owned(), count));
        if of(first) != of(part) {
            let words =
                |part: &Part| of(part).map_or("no partition".to_owned(), |(by, count)| format!("{by}:N/{count}"));
            return Err(MergeError::Partitions {
                first: first.name.clone(),
                other: part.name.clone(),
                partitions: words(first),
                other_partitions: words(part),
            });
        }
        let Some((_, shard, _)) = partition(part) else { continue };
        if let Some(earlier) = seen.insert(shard, part) {
            return Err(MergeError::SamePart {
                first: earlier.name.clone(),
                other: part.name.clone(),
                partition: part.report.volatile.partition.clone().unwrap_or_default(),
            });
        }
    }
    let Some((by, _, count)) = partition(first) else { return Ok(()) };
    // A report may claim to be one of any number of parts, so only some of the missing ones are named.
    let missing: Vec<_> = (1..=count).filter(|shard| !seen.contains_key(shard)).take(super::NAMED).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut names: Vec<_> = missing.iter().map(|shard| format!("{by}:{shard}/{count}")).collect();
    // A report that claims to be the ninth part of four does not count as one of the four.
    let more = count - seen.range(1..=count).count() - missing.len();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    Err(MergeError::Missing { missing: names.join(", ") })
}

pub fn joined(parts: &[Part]) -> Volatile {
    let all = || parts.iter().map(|part| &part.report.volatile);
    let hosts: BTreeSet<&str> = all().map(|volatile| &*volatile.host).collect();
    let mut times: Vec<_> = all().flat_map(|volatile| volatile.times.iter().cloned()).collect();
    // Workers and clocks of several machines cannot be compared.
    for time in &mut times {
        (time.start_us, time.worker) = (None, None);
        time.subtests.iter_mut().for_each(|subtest| subtest.start_us = None);
    }
    let grants: BTreeSet<&String> = all().flat_map(|volatile| &volatile.grants).collect();
    times.sort_by(|a, b| (&a.module, &a.test).cmp(&(&b.module, &b.test)));
    // An entry that several parts ran is kept once, with the longest of its times.
    times.dedup_by(|later, first| {
        let is_same = (&later.module, &later.test) == (&first.module, &first.test);
        first.us = if is_same { first.us.max(later.us) } else { first.us };
        is_same
    });
    let mut baked: Vec<_> = all().flat_map(|volatile| volatile.baked.iter().cloned()).collect();
    baked.sort_by(|a, b| (&a.module, &a.package, &a.path).cmp(&(&b.module, &b.package, &b.path)));
    baked.dedup();
    Volatile {
        started: all().map(|volatile| volatile.started.clone()).min().unwrap_or_default(),
        wall_ms: all().map(|volatile| volatile.wall_ms).max().unwrap_or_default(),
        host: hosts.into_iter().collect::<Vec<_>>().join(", "),
        jobs: all().map(|volatile| volatile.jobs).fold(0, usize::saturating_add),
        version: all().map(|volatile| volatile.version.clone()).next().unwrap_or_default(),
        interrupted: all().any(|volatile| volatile.interrupted),
        baseline: baseline(parts, all().filter_map(|volatile| volatile.baseline.as_ref())),
        baked,
        grants: grants.into_iter().cloned().collect(),
        times,
        places: coverage::places(parts).ok().map(|places| places.all()),
        ..Volatile::default()
    }
}

/// Joins how the parts used the baseline. Each entry belongs to a test of one part. A suppression is unused if no part used
/// it.
fn baseline<'a>(parts: &[Part], mut all: impl Iterator<Item = &'a BaselineUse>) -> Option<BaselineUse> {
    let mut whole = all.next()?.clone();
    for part in all {
        whole.date = whole.date.max(part.date);
        whole.entries = whole.entries.max(part.entries);
        whole.judged = whole.judged.saturating_add(part.judged);
        whole.gone.extend(part.gone.iter().cloned());
        for entry in &part.expired {
            if !whole.expired.contains(entry) {
                whole.expired.push(entry.clone());
            }
        }
        whole.unused.retain(|name| part.unused.contains(name));
    }
    let twice = worlds::added(parts).repeated.into_iter().map(|entry| entry.judged).fold(0, usize::saturating_add);
    whole.judged = whole.judged.saturating_sub(twice);
    whole.gone.sort_by(|a, b| (&a.module, &a.test, &a.what).cmp(&(&b.module, &b.test, &b.what)));
    whole.gone.dedup();
    Some(whole)
}
