//! What Go's own runtime says of a test: what its program spent before the test, what its benchmarks reported, what is left
//! on its heap, and where it allocated.
//!
//! A look at Go's heap takes garbage collections, which cost fuel. Therefore it is done in a second run: the first run's
//! figures are the same whether anybody looks or not.

use super::bounds::{Room, bytes_of_stack};
use super::profile_room::keep;
use crate::harness::go::{ParsedGoSite, metrics, sites};
use crate::harness::harness;
use crate::model::profile::{HeapProfile, Missing, ProfileSite};
use crate::model::shorten::shorten;
use crate::model::{GoHeapDoubt, GoHeapGrowth, GoHeapSite, GoRecord, Harness, TestRecord};
use crate::sandbox::rerun::HeapDoubt;
use crate::sandbox::wasi::{GoAccount, Streams};
use crate::sandbox::{Ending, Job, Run, run};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// The smallest growth of Go's heap that is reported, in bytes. By the runtime's account, an empty test leaves some hundred
/// bytes, and a test in which a goroutine ran leaves up to 12.5 KB.
const FLOOR: u64 = 16 << 10;

/// Most places that are reported of one growth.
const MAX_SITES: usize = 20;

/// Most bytes of the unit, and of the value, that a benchmark reports.
const MAX_METRIC: usize = 256;

/// Why a second run may be out of fuel where the first was not.
const COSTS: &str =
    "; its collections, and that every allocation is noted, take fuel, too, which a higher limit `fuel` gives it";

/// What a second run says of the heap.
#[derive(Default)]
pub struct GoHeapAudit {
    /// How much is left, if it is enough to be reported.
    pub growth: Option<GoHeapGrowth>,
    /// Why it does not tell.
    pub doubt: Option<GoHeapDoubt>,
    /// Where the test allocated, or why that is not known.
    pub profile: HeapProfile,
    /// Host descriptors that the second run left open: a bug of ours.
    pub host_leak: u64,
    /// Whether the wall clock ended the second run.
    pub by_wall_clock: bool,
}

/// Runs a test a second time, in which it tells of its heap. `first` is its first run.
pub fn audit(job: &Job<'_>, first: &Run) -> GoHeapAudit {
    let mut audit = GoHeapAudit::default();
    let told = told(job, first, &mut audit);
    let told = told.and_then(|told| Ok((told.sites.ok_or(HeapDoubt::NothingLeft)?, told.heap)));
    let (text, heap) = match told {
        Ok(told) => told,
        Err(doubt) => {
            let why = match &doubt {
                HeapDoubt::NothingLeft => "it did not come to the end at which Go tells of its heap".to_owned(),
                doubt => doubt.to_string(),
            };
            audit.doubt = Some(GoHeapDoubt::new(doubt.code(), why.clone()));
            audit.profile.missing.push(missing(job, true, why));
            return audit;
        }
    };
    let (sites, more) = sites(&text);
    let by_stack = by_stack(sites);
    if let [Some(before), Some(after)] = heap {
        let bytes = u64::from(after.bytes.saturating_sub(before.bytes));
        let blocks = u64::from(after.blocks.saturating_sub(before.blocks));
        audit.growth = (bytes >= FLOOR).then(|| growth(GoHeapGrowth::new(bytes, blocks, FLOOR), &by_stack, more));
    }
    if more > 0 {
        let why = format!("more different stacks than are kept: those of {more} places are left out");
        audit.profile.missing.push(missing(job, false, why));
    }
    let sites = by_stack.into_values().map(|site| ProfileSite {
        module: job.module.name.to_string(),
        test: job.test.to_string(),
        stack: site.stack,
        alloc_objects: site.alloc_objects,
        alloc_space: site.alloc_space,
        inuse_objects: site.inuse_objects,
        inuse_space: site.inuse_space,
    });
    let (kept, others) = keep(sites);
    audit.profile.sites = kept;
    if others > 0 {
        let why = format!("its stacks have too many bytes: {others} of them are left out");
        audit.profile.missing.push(missing(job, false, why));
    }
    audit
}

/// What the test tells in a second run. The second run has to be possible, and has to end as the first did.
fn told(job: &Job<'_>, first: &Run, audit: &mut GoHeapAudit) -> Result<GoAccount, HeapDoubt> {
    if let Some(grant) = job.grants.policy().unrepeatable() {
        return Err(HeapDoubt::Unrepeatable(grant));
    }
    if first.remains.inherited_input {
        return Err(HeapDoubt::Unrepeatable("standard input of the program that runs it"));
    }
    if first.ended_by_wall_clock() || matches!(first.ending, Ending::Interrupted) {
        return Err(HeapDoubt::OutOfTime);
    }
    let job = Job {
        streams: Streams::Captured,
        keep_changes: false,
        inject_host_leak: false,
        captures: false,
        go_heap: true,
        ..job.clone()
    };
    let second = run(&job);
    audit.host_leak = second.host_leak;
    audit.by_wall_clock = second.ended_by_wall_clock();
    if job.interrupted.load(Ordering::Relaxed) {
        return Err(HeapDoubt::Interrupted);
    }
    let ended = second.ending.words();
    if ended != first.ending.words() {
        let costs = if matches!(second.ending, Ending::Fuel { .. }) { COSTS } else { "" };
        return Err(HeapDoubt::Ending(ended + costs));
    }
    Ok(second.remains.go)
}

fn missing(job: &Job<'_>, all: bool, why: String) -> Missing {
    Missing::new(job.module.name(), job.test.to_string(), all, why)
}

/// The function, file and line of each call of a stack.
type Calls = Vec<(String, Option<String>, Option<u32>)>;

/// The places by stack. Stacks differ by addresses of the machine, too; without these, several may be the same.
fn by_stack(sites: Vec<ParsedGoSite>) -> BTreeMap<Calls, ParsedGoSite> {
    let mut by_stack: BTreeMap<_, ParsedGoSite> = BTreeMap::new();
    for site in sites {
        let key = site.stack.iter().map(|call| (call.function.clone(), call.file.clone(), call.line)).collect();
        match by_stack.get_mut(&key) {
            None => drop(by_stack.insert(key, site)),
            Some(same) => {
                same.alloc_objects = same.alloc_objects.saturating_add(site.alloc_objects);
                same.alloc_space = same.alloc_space.saturating_add(site.alloc_space);
                same.inuse_objects = same.inuse_objects.saturating_add(site.inuse_objects);
                same.inuse_space = same.inuse_space.saturating_add(site.inuse_space);
            }
        }
    }
    by_stack
}

/// Adds to a growth the places at which the memory in use was allocated.
fn growth<K>(mut growth: GoHeapGrowth, by_stack: &BTreeMap<K, ParsedGoSite>, more: u64) -> GoHeapGrowth {
    let mut in_use: Vec<&ParsedGoSite> = by_stack.values().filter(|site| site.inuse_objects > 0).collect();
    // Places of equal size stay in the order of their stacks.
    in_use.sort_by_key(|site| std::cmp::Reverse(site.inuse_space));
    let mut room = Room::new();
    growth.sites_omitted = more;
    for site in in_use {
        if growth.sites.len() == MAX_SITES || room.is_full() {
            growth.sites_omitted += 1;
            continue;
        }
        room.take_bytes(bytes_of_stack(&site.stack));
        growth.sites.push(GoHeapSite::new(site.inuse_space, site.inuse_objects, site.stack.clone()));
    }
    growth
}

/// Adds to the record of a Go test what the test says of itself. `tells_setup` is whether it tells what the program spent
/// before the test.
pub fn tell(record: &mut TestRecord, run: &Run, tells_setup: bool, told: (Option<GoHeapGrowth>, Option<GoHeapDoubt>)) {
    let (heap, heap_doubt) = told;
    let own = harness(Harness::Go).own_output(&run.remains.output.stdout, &record.name);
    let mut told = GoRecord {
        start_fuel: run.remains.go.start_fuel.filter(|_| tells_setup),
        heap,
        heap_doubt,
        ..Default::default()
    };
    if record.verdict.is_success() {
        told.metrics = metrics(&own, &record.name);
    }
    for metric in &mut told.metrics {
        let texts = [Some(&mut metric.unit), Some(&mut metric.value), metric.subtest.as_mut()];
        texts.into_iter().flatten().for_each(|text| shorten(text, MAX_METRIC));
    }
    if told != GoRecord::default() {
        record.details.get_or_insert_default().go = Some(Box::new(told));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Frame;

    fn site(function: &str, inuse_space: u64) -> ParsedGoSite {
        let inuse_objects = u64::from(inuse_space > 0);
        ParsedGoSite {
            stack: vec![Frame::new(function)],
            alloc_objects: 2,
            alloc_space: 2 * inuse_space,
            inuse_objects,
            inuse_space,
        }
    }

    #[test]
    fn places_are_told_by_what_is_in_use() {
        let all = by_stack(vec![site("b", 5), site("a", 5), site("c", 9), site("d", 0), site("b", 1)]);
        let told = growth(GoHeapGrowth::new(1, 1, 1), &all, 3);
        let names: Vec<_> = told.sites.iter().map(|site| (&*site.stack[0].function, site.bytes, site.blocks)).collect();
        assert_eq!((names, told.sites_omitted), (vec![("c", 9, 1), ("b", 6, 2), ("a", 5, 1)], 3));
        let many = by_stack((0..30).map(|nth| site(&format!("f{nth}"), 1)).collect());
        let told = growth(GoHeapGrowth::new(1, 1, 1), &many, 0);
        assert_eq!((told.sites.len(), told.sites_omitted), (MAX_SITES, 10));
    }
}
