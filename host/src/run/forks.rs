//! The subtests that a test forked: each is run when its test has ended, and what came of it is made a part of what came of the test.

use super::bounds;
use super::record::RecordContext;
use super::report_room;
use super::single::{JudgedRun, SingleTest};
use crate::harness::TestEntry;
use crate::harness::sdk::failed_subtests;
use crate::model::{Details, FAILED_WITHIN, Output, SubtestRecord, SuppressedRecord, TrackedRecord, Verdict};
use crate::policy::Limit;
use crate::sandbox::{Fork, ForkBase, ForkImage, Job, LoadedModule, SubtestRun};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A test, or a fork of it, that was run, and whose own forks are being run.
struct ForkingRun<'a> {
    judged: JudgedRun,
    /// Its path, where it is a fork.
    path: String,
    /// Its own subtests; none where it forked nothing.
    subtests: Vec<SubtestRun>,
    /// Its forks that were not run yet, and what they begin from, if that is not its own module.
    forks: std::vec::IntoIter<ForkImage>,
    base: Option<Arc<ForkBase<'a>>>,
    /// The paths of those that failed.
    failed: Vec<String>,
    /// Whether one of them left something.
    leaks: bool,
}

impl<'a> ForkingRun<'a> {
    /// Of a run in an instance of this module, or of what forks of it begin from.
    fn new(path: String, mut judged: JudgedRun, own: &'a LoadedModule) -> Self {
        let (forks, subtests) = std::mem::take(&mut judged.forks);
        let base = ForkBase::of_forks(own, &forks).unwrap_or_else(|why| {
            tracing::info!("forks begin from their test's own module: {why}");
            None
        });
        let (forks, base) = (forks.into_iter(), base.map(Arc::new));
        Self { judged, path, subtests, forks, base, failed: Vec::new(), leaks: false }
    }

    /// Takes in what came of a fork.
    fn take_in(&mut self, path: String, mut fork: JudgedRun) {
        let records = take_subtests(&path, &mut fork);
        let has_failed = is_failed(&records[0]);
        self.leaks |= records.iter().any(|subtest| subtest.verdict == Verdict::Leak);
        self.judged.take_in(fork, records);
        if has_failed {
            around(&self.subtests, &path).for_each(|around| self.judged.fail_subtest(around));
            self.failed.push(path);
        }
    }
}

impl SingleTest<'_> {
    /// Runs the test once, and what it forks, and what its forks fork, one after the other. What each begins with goes with it.
    pub(super) fn once(&self, job: &Job<'_>) -> JudgedRun {
        let whole = self.alone(job);
        if whole.forks.0.is_empty() {
            return whole;
        }
        // A panic that is expected is one of the test itself.
        let entry = match self.entry {
            TestEntry::Sdk(call) => TestEntry::Sdk(call.without_panic()),
            entry @ TestEntry::Start(_) => entry.clone(),
        };
        let most = job.grants.policy().limits.most(Limit::HostMemory);
        // Not one call within the other: a guest decides how deep they are, and the host's stack has an end.
        let (mut run, mut around) = (ForkingRun::new(String::new(), whole, job.module), Vec::new());
        loop {
            if !job.interrupted.load(Ordering::Relaxed)
                && let Some(image) = run.forks.next()
            {
                let base = run.base.clone();
                let fork = Some(Fork { image: &image, base: base.as_deref(), repeats: false });
                let module = base.as_deref().map_or(job.module, ForkBase::module);
                let fork = Job { module, fork, entry: entry.call(), captures: false, ..job.clone() };
                let context = RecordContext { forked: Some(image.path()), ..*self.context };
                let judged = SingleTest { context: &context, entry: &entry, ..*self }.alone(&fork);
                let fork = ForkingRun::new(image.path().to_owned(), judged, job.module);
                around.push(std::mem::replace(&mut run, fork));
                continue;
            }
            if !run.subtests.is_empty() {
                run.judged.settle(&run.failed, run.leaks, most);
            }
            let Some(mut outer) = around.pop() else { break };
            outer.take_in(run.path, run.judged);
            run = outer;
        }
        let mut whole = run.judged;
        if let (Verdict::Pass, false, Some(details)) =
            (whole.record.verdict, self.context.keep_output, &mut whole.record.details)
        {
            details.output = Output::default();
        }
        whole
    }
}

fn is_failed(subtest: &SubtestRecord) -> bool {
    !matches!(subtest.verdict, Verdict::Pass | Verdict::Leak | Verdict::Skip)
}

/// The record of a forked subtest, and those of the subtests in it, from what came of the run of the fork.
fn take_subtests(path: &str, ended: &mut JudgedRun) -> Vec<SubtestRecord> {
    let record = &mut ended.record;
    let details = record.details.get_or_insert_default();
    let mut subtests = std::mem::take(&mut details.subtests);
    if subtests.is_empty() {
        // It was not started.
        subtests.push(SubtestRecord::new(path, Verdict::Pass));
    }
    let own = &mut subtests[0];
    own.forked = true;
    if own.usage.is_none() {
        // The run ended within it.
        own.usage = record.usage.clone();
        own.tracked = details.tracked.clone();
        own.stack = std::mem::take(&mut details.stack);
    }
    let failed = !matches!(record.verdict, Verdict::Pass | Verdict::Leak | Verdict::Skip);
    if failed && !is_failed(own) {
        // Something went wrong that is not of the subtest's own doing, or only seen at its end.
        own.verdict = record.verdict;
        own.message = details.message.take();
        own.stack = std::mem::take(&mut details.stack);
    } else if record.verdict == Verdict::Leak && own.verdict == Verdict::Pass {
        own.verdict = Verdict::Leak;
    }
    subtests
}

impl JudgedRun {
    /// Takes in what a fork of the test came to, whose subtests were taken from it.
    fn take_in(&mut self, fork: Self, subtests: Vec<SubtestRecord>) {
        let Self { record, by_wall_clock, profile, kept, coverage, host_leak, clocks, .. } = fork;
        self.by_wall_clock |= by_wall_clock;
        self.clocks.extend(clocks);
        self.host_leak += host_leak;
        self.profile.sites.extend(profile.sites);
        self.profile.missing.extend(profile.missing);
        self.kept.extend(kept);
        self.coverage.extend(coverage);
        let mut other = record.details.map(|details| *details).unwrap_or_default();
        let details = self.record.details.get_or_insert_default();
        let place = details.subtests.iter().position(|subtest| subtest.name == subtests[0].name);
        match place {
            Some(at) => drop(details.subtests.splice(at..=at, subtests)),
            None => details.subtests.extend(subtests),
        }
        details.leaks.append(&mut other.leaks);
        details.retained.append(&mut other.retained);
        details.accepted.append(&mut other.accepted);
        details.reclaimed.append(&mut other.reclaimed);
        details.outlived.append(&mut other.outlived);
        details.outlived_omitted += other.outlived_omitted;
        details.cleanups.append(&mut other.cleanups);
        let new = other.changed.into_iter().filter(|change| !details.changed.contains(change)).collect::<Vec<_>>();
        details.changed.extend(new);
        details.changed_omitted += other.changed_omitted;
        other.tracked.into_iter().for_each(|count| add_tracked(details, count));
        details.hint = details.hint.take().or(other.hint);
        details.output.append(other.output);
    }

    /// A subtest in which a fork failed has failed itself.
    fn fail_subtest(&mut self, path: &str) {
        let details = self.record.details.get_or_insert_default();
        let around = details.subtests.iter_mut().find(|subtest| subtest.name == path);
        if let Some(around) = around.filter(|around| !is_failed(around)) {
            around.verdict = Verdict::Fail;
            around.message = Some(FAILED_WITHIN.to_owned());
        }
    }

    /// Judges a test anew of which these forks failed, and of which a fork left something or did not. Its record may have so many bytes.
    fn settle(&mut self, failed: &[String], leaks: bool, most: u64) {
        let record = &mut self.record;
        let details = record.details.get_or_insert_default();
        let passed = matches!(record.verdict, Verdict::Pass | Verdict::Leak | Verdict::Skip);
        if !failed.is_empty() && passed {
            let count = details.subtests.iter().filter(|subtest| is_failed(subtest)).count();
            details.message = Some(failed_subtests((count, details.subtests.len()), failed));
            record.verdict = Verdict::Fail;
        } else if !failed.is_empty() {
            let count = details.subtests.iter().filter(|subtest| is_failed(subtest)).count();
            let forks = failed_subtests((count, details.subtests.len()), failed);
            details.suppressed.push(SuppressedRecord::new(forks, None));
        } else if leaks && record.verdict == Verdict::Pass {
            record.verdict = Verdict::Leak;
        }
        bounds::bound(details);
        record.verdict = report_room::hold_to_limit(record.verdict, details, most);
    }
}

/// Adds the count of a kind of the user's own.
fn add_tracked(details: &mut Details, count: TrackedRecord) {
    match details.tracked.iter_mut().find(|known| known.name == count.name) {
        Some(known) => {
            known.total += count.total;
            known.peak = known.peak.max(count.peak);
            known.left += count.left;
        }
        None => details.tracked.push(count),
    }
}

/// The paths of the subtests that this one is in, which are among a test's own.
fn around<'s>(subtests: &'s [SubtestRun], path: &str) -> impl Iterator<Item = &'s str> {
    let own = subtests.iter().find(|subtest| subtest.path == path);
    let around = |subtest: &&SubtestRun| subtest.within.map(|within| &subtests[within]);
    std::iter::successors(own, around).skip(1).map(|subtest| &*subtest.path)
}

#[cfg(test)]
mod tests;
