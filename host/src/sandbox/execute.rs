//! One run of a test in a fresh store: instantiate, call, clean up, drop, and say exactly how it went.
//!
//! This file does not know whether this is the test's only run, and what it is for: see [`super::rerun`].

use super::ending::Ending;
use super::heap::{self, EndPicture, HeapEnd, HeapState, NotTracked};
use super::job::Job;
use super::outcome::Run;
use super::rerun::{Allowances, Instruments};
use super::start::EntryPoint;
use super::state::TestState;
use super::store::{fresh_heap, fresh_store};
use super::strings::ModuleStrings;
use super::test_run::{CallOutcome, Calls, TestRun, watch};
use super::threads::{Shared, ThreadGroup, ThreadModule};
use super::wasi::{ContextOptions, GoStart, Wasi, Watchdog, deadline_after};
use crate::policy::Limit;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wasmtime::Store;

/// Runs a test once. If the fuel of the run is not exact, also returns the allowances that make the next run exact, or
/// nearer to it.
pub(super) fn once(job: &Job<'_>, instruments: &Instruments) -> (Run, Option<Allowances>) {
    let limits = job.grants.policy().limits;
    find_out(job);
    let timeout = limits.time(Limit::Timeout);
    let watchdog = Watchdog { deadline: deadline_after(timeout), interrupted: Arc::clone(job.interrupted) };
    let options = || ContextOptions {
        test: Arc::clone(job.repeated_setup().map_or(job.test, |after| after.setup.name)),
        args: arguments(job),
        watchdog: watchdog.clone(),
        streams: job.streams,
        notes_sites: job.notes_sites,
        go: GoStart {
            args: own_arguments(job),
            common: job.module.goes_on.is_some().then(|| Arc::clone(&job.module.name)),
            tells_heap: job.go_heap,
        },
        trace: job.traces,
        notes_reads: job.notes_reads,
        // Of a set-up that is called again, and of a fork, no call fails, and none is counted.
        watch: if job.repeated_setup().is_some() || job.fork_image().is_some() {
            None
        } else {
            watch(job, instruments)
        },
    };
    let fuel = instruments.fuel(limits.most(Limit::Fuel));
    let begun = match (job.fork_image(), job.image(), job.ready) {
        (Some(image), ..) => Some(image.store(job.module, job.grants, instruments, options())),
        (None, Some(after), _) => Some(after.image.store((job.grants, after.owns), instruments, options())),
        (None, None, Some(ready)) => Some(ready.image.store_ready(job.test, instruments, options())),
        (None, None, None) => None,
    };
    let (store, threads) = match begun {
        Some(Ok(store)) => (store, Ok(None)),
        Some(Err(error)) => return (Run::not_started(Ending::Refused(error.to_string())), None),
        None => match fresh(job, instruments, options()) {
            Ok(fresh) => fresh,
            Err(not_started) => return (*not_started, None),
        },
    };
    let (threads, not_linked) = threads.map_or_else(|error| (None, Some(error)), |threads| (threads, None));
    let mut test = TestRun::new(job, instruments, fuel, (store, threads, not_linked));
    test.store.data_mut().heap.pen = job.draws_timeline.then(Box::default);
    let mut calls = test.call();
    let captured = test.capture(&calls.last, options);
    let turns = test.threads.as_ref().map(ThreadGroup::take_turns).unwrap_or_default();
    let in_spawned_thread = test.threads.as_ref().is_some_and(ThreadGroup::ended_in_another);
    let left_threads = test.threads.as_mut().map(ThreadGroup::finish).unwrap_or_default();
    let preemptions = test.threads.as_ref().map(ThreadGroup::preemptions).unwrap_or_default();
    let refused_threads = test.threads.as_ref().map_or(0, ThreadGroup::refused);
    test.end_threads();
    let picture = test.picture(&calls.last.ending).unwrap_or_else(|broken| {
        calls.last.ending = Ending::Limit { broken, stack: [].into() };
        None
    });
    let panic = test.panic(&calls.last.ending);
    let changed = test.changed();
    let TestRun { mut store, threads, .. } = test;
    let forks = store.data_mut().scopes.forks.take();
    drop(threads);
    let left = store.get_fuel().unwrap_or(0);
    store.data_mut().draw(left);
    let (linear_peak, refused) = store.data().memory_use();
    let TestState { wasi, heap, counts, .. } = store.into_data();
    let all = wasi.into_inner().zip(heap.into_inner());
    let (wasi, mut heap) = all.expect("the stores of all other threads are gone");
    heap.slack.end(left);
    let seen = heap.seen.take();
    let timeline = heap.pen.take().map(|pen| pen.finish());
    let revised = heap.slack.revised().cloned();
    let host = wasi.host_count();
    let unwound = heap.unwound();
    let heap = heap_end(job, heap, picture);
    let remains = wasi.finish(job.keep_changes);
    let Calls { last: CallOutcome { ending, spent, sdk }, rounds } = calls;
    let run = Run {
        ending,
        fuel: spent,
        counts,
        linear_peak,
        refused,
        unwound,
        heap,
        seen,
        rounds,
        sdk,
        panic,
        threads: left_threads,
        refused_threads,
        in_spawned_thread,
        turns,
        preemptions,
        remains,
        forks,
        captured,
        changed,
        host_leak: host.open(),
        timeline,
        late: job.module.strings.as_ref().is_some_and(ModuleStrings::was_late),
    };
    (run, revised)
}

/// A store in which nothing has happened yet, and the group of threads if the module has threads.
type FreshStore<'a> = (Store<TestState>, wasmtime::Result<Option<ThreadGroup<'a>>>);

/// A store for a test that begins in a fresh instance, or how the test ended if it cannot have one.
fn fresh<'a>(job: &Job<'a>, instruments: &Instruments, options: ContextOptions) -> Result<FreshStore<'a>, Box<Run>> {
    let grants = job.repeated_setup().map_or(job.grants, |after| after.setup.grants);
    let limits = grants.policy().limits;
    let mut wasi = match Wasi::new(Arc::clone(grants), options) {
        Ok(wasi) => wasi,
        // The test may have been waiting for its turn to listen.
        Err(_) if job.interrupted.load(Ordering::Relaxed) => return Err(Run::not_started(Ending::Interrupted).into()),
        Err(error) => return Err(Run::not_started(Ending::Refused(error.to_string())).into()),
    };
    // The time that the test waited for its turn to listen does not count.
    wasi.set_deadline(deadline_after(limits.time(Limit::Timeout)));
    assert!(!job.inject_host_panic, "on purpose");
    if job.inject_host_leak {
        wasi.inject_host_leak();
    }
    let heap = fresh_heap(job.module, instruments);
    Ok(match &job.module.threads {
        None => (fresh_store(job.module, Shared::Own(wasi), Shared::Own(heap), limits.most(Limit::Memory)), Ok(None)),
        Some(own) => {
            let given = (job.grants.policy().as_ref(), &**job.test, job.schedule.as_ref(), job.follows_turns);
            let (store, group) = ThreadGroup::new(job.module, own, (wasi, heap), given);
            (store, group.map(Some))
        }
    })
}

/// Finds out what has to be known of a module before its tests run. It takes no test's time, and its result does not depend
/// on which test comes first.
fn find_out(job: &Job<'_>) {
    if job.image().is_some() || job.fork_image().is_some() || job.ready.is_some() {
        // It was, before the set-up, the test or the program ran.
        return;
    }
    let module = job.module;
    let own = module.module.resources_required().max_initial_memory_size;
    let pages = module.threads.as_ref().map(ThreadModule::pages).or(own).unwrap_or(0);
    let memory = pages.saturating_mul(heap::PAGE);
    if memory > job.grants.policy().limits.most(Limit::Memory) {
        // The module will not be instantiated.
        return;
    }
    if let (Some(strings), Some(_)) = (&module.strings, &module.layout) {
        strings.layout(job);
    }
    if let (true, Ok(heap)) = (job.counts_heap, &module.heap) {
        let _ = heap.allocator_map(job);
    }
}

fn heap_end(job: &Job<'_>, heap: HeapState, picture: Option<EndPicture>) -> Result<Box<HeapEnd>, NotTracked> {
    match &job.module.heap {
        Ok(_) => heap.end(picture).map(Box::new),
        Err(why) => Err(why.clone().into()),
    }
}

fn own_arguments(job: &Job<'_>) -> Vec<Arc<str>> {
    match &job.entry {
        EntryPoint::Start(start) => start.own_args.clone(),
        EntryPoint::Sdk(_) => Vec::new(),
    }
}

fn arguments(job: &Job<'_>) -> Vec<Arc<str>> {
    let program = std::iter::once(Arc::clone(&job.module.program));
    match &job.entry {
        EntryPoint::Start(start) => program.chain(start.args.iter().cloned()).collect(),
        EntryPoint::Sdk(_) => program.collect(),
    }
}
