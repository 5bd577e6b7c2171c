//! The report's record of one test. For a test that passed and left nothing it costs next to nothing.

use super::bounds;
use super::goroutines;
use super::heap::Account;
use super::heap_entries::HeapEntries;
use super::heap_verdict::{self, Compliance};
use super::judge::{Case, Judgement};
use super::report_room;
use super::resources;
use super::subtests::{self, ScopeNames};
use super::threads::{self, Holdings};
use crate::config::Baseline;
use crate::harness::harness;
use crate::harness::sdk::{cleanup_message, failure_message};
use crate::ledger::ScopeId;
use crate::model::growth::{Growth, Round};
use crate::model::{
    CleanupRecord, Details, EntryRole, Frame, Harness, InjectedRecord, Omitted, Output, Resource, SubtestRecord,
    TestRecord, Usage, Verdict,
};
use crate::policy::{Fault, LeakAction, LeakSetting, Limit};
use crate::sandbox::wasi::NotedCall;
use crate::sandbox::{Ending, Failure, Run, TrapKind};
use std::sync::Arc;

/// How many frames are looked at of a stack that is used up: enough for those of the harness and some of the user's.
const OVERFLOW_FRAMES: usize = 32;

/// Whose record is made, and what is wanted in it.
#[derive(Clone, Copy)]
pub struct RecordContext<'a> {
    pub name: &'a Arc<str>,
    /// The test's name in the report. It differs from `name` if this is a part of that test.
    pub shown: &'a Arc<str>,
    pub harness: Harness,
    pub module_harness: Harness,
    /// The entry's role; `None` for a test.
    pub role: Option<EntryRole>,
    /// Whether the output of a test that passes is wanted, too.
    pub keep_output: bool,
    /// The leaks that are accepted.
    pub baseline: Option<&'a Baseline>,
    /// Whether this test tells what was set up for all tests of its module: the first test that is run does.
    pub tells_setup: bool,
    /// The path of the forked subtest that it is, where it is not the test itself.
    pub forked: Option<&'a str>,
}

/// A record of a test that was not run.
pub fn not_run(context: &RecordContext<'_>, verdict: Verdict, details: Details) -> TestRecord {
    TestRecord {
        name: Arc::clone(context.shown),
        harness: other_harness(context),
        role: context.role,
        verdict,
        usage: None,
        details: Some(Box::new(details)),
    }
}

/// The record of a test that ran, and whose ending was judged.
pub fn judged(context: &RecordContext<'_>, case: &Case<'_>, judgement: Judgement, heap: &Account) -> TestRecord {
    let mut record = TestRecord {
        name: Arc::clone(context.shown),
        harness: other_harness(context),
        role: context.role,
        verdict: judgement.verdict,
        usage: (judgement.verdict != Verdict::Skip).then(|| usage(case, heap)),
        details: None,
    };
    let run = case.run;
    let subtests = harness(case.harness).subtests(&case.evidence());
    let plain = judgement.verdict == Verdict::Pass
        && resources::is_nothing(&run.remains)
        && run.threads.is_empty()
        && run.refused.is_none()
        && run.refused_threads == 0
        && judgement.exit_status.is_none()
        && run.remains.watched.as_ref().is_none_or(|watched| watched.injected.is_empty())
        && run.rounds.len() < 2
        && run.sdk.as_ref().is_none_or(|said| said.subtests.is_empty())
        && subtests.is_empty()
        && left_nothing(heap)
        && matches!(heap_verdict::compliance(heap, &case.policy.limits), Compliance::Kept)
        && heap_verdict::not_tracked(heap, case.policy).is_none()
        && !context.keep_output;
    if !plain {
        let (verdict, details) = details(context, case, judgement, heap, subtests);
        record.verdict = verdict;
        record.details = (details != Details::default()).then(|| Box::new(details));
    }
    record
}

/// The harness of the test; `None` if it is the module's first one.
fn other_harness(context: &RecordContext<'_>) -> Option<Harness> {
    (context.harness != context.module_harness).then_some(context.harness)
}

fn left_nothing(heap: &Account) -> bool {
    match heap {
        Account::Untracked(_) | Account::Tracked { balance: None, .. } => true,
        Account::Tracked { balance: Some(balance), .. } => balance.lost.is_empty() && balance.retained.is_empty(),
    }
}

fn usage(case: &Case<'_>, heap: &Account) -> Usage {
    let run = case.run;
    // Only a module that `airtight go` built says where its test begins: another module could make its own figure smaller.
    let start = run.remains.go.start_fuel.filter(|_| case.harness == Harness::Go && case.module.tells_goroutines());
    let by_wall_clock = matches!(run.ending, Ending::Wall { .. } | Ending::Interrupted);
    let overflow = run.ending.used_up_stack();
    // A compiler counts fuel in batches. At a call and at `unreachable` all fuel is counted, but not where another operator
    // traps, such as a load or a division.
    let fault = matches!(run.ending, Ending::Trap { kind, .. } if kind != TrapKind::Unreachable);
    Usage {
        // What a program spends before its test is counted apart; see `GoRecord::start_fuel`.
        fuel: (!by_wall_clock && !fault).then(|| run.fuel.saturating_sub(start.unwrap_or(0))),
        linear_peak: (!by_wall_clock && !overflow).then_some(run.linear_peak),
        handles_peak: (!by_wall_clock && !overflow).then_some(run.remains.handles_peak),
        heap: heap_verdict::usage(heap, !by_wall_clock && !overflow),
    }
}

fn details(
    context: &RecordContext<'_>,
    case: &Case<'_>,
    mut judgement: Judgement,
    heap: &Account,
    mut told: Vec<SubtestRecord>,
) -> (Verdict, Details) {
    let run = case.run;
    let names = ScopeNames::new(context, case);
    let held = resources::held(&run.remains, names, &case.module.symbols);
    let (mut leaks, reclaimed) = if judgement.has_balance() { (held, Vec::new()) } else { (Vec::new(), held) };
    if judgement.has_balance() {
        leaks.extend(resources::left_behind(&run.remains, &names.name(ScopeId::TEST)));
        let held: &[_] = match heap {
            Account::Tracked { balance: Some(balance), .. } => &balance.held,
            _ => &[],
        };
        let holdings = Holdings::new(&run.remains.open, held);
        leaks.extend(threads::not_ended(&run.threads, &holdings, context.name, &case.module.symbols));
        leaks.extend(goroutines::left(&run.remains.goroutines, context.name, context.tells_setup));
    }
    let mut retained = Vec::new();
    if let Account::Tracked { balance: Some(balance), .. } = heap {
        let entries = HeapEntries { balance, names };
        leaks.extend(entries.lost());
        retained = entries.retained();
    }
    let accepted = context
        .baseline
        .map(|baseline| baseline.accept((case.module.name(), context.shown), &mut leaks, &mut retained));
    let actions = &case.policy.leaks;
    let (verdict, leaks) = weigh(judgement.verdict, leaks, |leak| actions.get(leak.setting()));
    let (verdict, retained) = weigh(verdict, retained, |_| actions.get(LeakSetting::Retained));
    let (outlived, outlived_omitted) = match actions.get(LeakSetting::Outlived) {
        LeakAction::Ignore => (Vec::new(), 0),
        LeakAction::Show | LeakAction::Fail => resources::outlived(&run.remains, names, &case.module.symbols),
    };
    let verdict = match (verdict, actions.get(LeakSetting::Outlived)) {
        (Verdict::Pass, LeakAction::Fail) if !outlived.is_empty() => Verdict::Leak,
        (verdict, _) => verdict,
    };
    let spoils = |left: &Resource| left.accepted.is_none() && actions.get(left.setting()) == LeakAction::Fail;
    told.extend(subtests::records(case, &judgement, heap, names, &leaks, spoils));
    let mut verdict = if judgement.unwound { judgement.verdict } else { verdict };
    let growth = growth(names, case, heap);
    if verdict == Verdict::Pass && growth.as_ref().is_some_and(Growth::grows) {
        verdict = Verdict::Leak;
    }
    let broke = heap_limits(case, heap, &mut verdict, &mut judgement);
    let broke = broke.or_else(|| tracked_limits(case, &mut verdict, &mut judgement));
    let stack = broke.unwrap_or_else(|| place(context, case, &judgement));
    let said = run.sdk.as_ref();
    let overflow = run.ending.used_up_stack();
    let injected = injected(case);
    let mut details = Details {
        message: judgement.message,
        // A hint blames a limit or the platform. Here a call failed on purpose.
        hint: judgement.hint.filter(|_| injected.is_empty()).map(str::to_owned),
        reason: judgement.reason,
        exit_status: judgement.exit_status,
        limit: judgement.limit,
        refused: run.refused.filter(|_| !overflow),
        refused_threads: run.refused_threads,
        // Another run tells.
        fuel_by_function: None,
        stack,
        injected,
        unwound: judgement.unwound,
        leaks,
        retained,
        accepted: accepted.unwrap_or_default(),
        tracked: if overflow { Vec::new() } else { resources::tracked(&run.remains) },
        outlived_omitted,
        outlived,
        subtests: told,
        changed: resources::describe_changes(&run.remains),
        changed_omitted: run.remains.changes_omitted,
        growth,
        go: None,
        reclaimed: if overflow { Vec::new() } else { reclaimed },
        cleanups: said.map(|said| cleanups(case, &said.cleanups)).unwrap_or_default(),
        attempts: None,
        failures: said.map(|said| failures(case, &said.said.failures)).unwrap_or_default(),
        suppressed: judgement.suppressed,
        omitted: Omitted::default(),
        // What it forked may fail it.
        output: if verdict != Verdict::Pass || context.keep_output || !run.forks.is_empty() {
            output(context, run)
        } else {
            Output::default()
        },
    };
    bounds::bound(&mut details);
    let verdict = report_room::hold_to_limit(verdict, &mut details, case.policy.limits.most(Limit::HostMemory));
    (verdict, details)
}

/// The test's calls that failed because the policy says so.
fn injected(case: &Case<'_>) -> Vec<InjectedRecord> {
    let watched = case.run.remains.watched.iter();
    let injected = watched.flat_map(|watched| &watched.injected);
    let record = |(fault, call): &(Fault, NotedCall)| InjectedRecord {
        fault: fault.to_string(),
        object: Some(call.object.to_string()).filter(|object| !object.is_empty()),
        stack: case.module.symbols.frames(&call.stack),
    };
    injected.map(record).collect()
}

/// What the rounds of a test that was called several times show.
fn growth(names: ScopeNames<'_>, case: &Case<'_>, heap: &Account) -> Option<Growth> {
    if case.run.rounds.len() < 2 {
        return None;
    }
    let mut growth = Growth::judge(case.run.rounds.iter().map(round).collect());
    if let (Some(_), Account::Tracked { balance: Some(balance), .. }) = (growth.settled_from(), heap) {
        growth.sites = HeapEntries { balance, names }.of_last_round();
    }
    Some(growth)
}

fn round(round: &crate::sandbox::RoundLevels) -> Round {
    let crate::sandbox::RoundLevels { before, after } = *round;
    let heap = before.heap.zip(after.heap);
    Round {
        heap_blocks: heap.map(|(before, after)| (before.0, after.0).into()),
        heap_bytes: heap.map(|(before, after)| (before.1, after.1).into()),
        linear: (before.linear, after.linear).into(),
        handles: (before.handles.into(), after.handles.into()).into(),
    }
}

/// Judges the limits on the heap, if nothing else went wrong. Returns the place of the allocation that broke one.
fn heap_limits(
    case: &Case<'_>,
    heap: &Account,
    verdict: &mut Verdict,
    judgement: &mut Judgement,
) -> Option<Vec<Frame>> {
    if !matches!(verdict, Verdict::Pass | Verdict::Leak) {
        return None;
    }
    let compliance = match heap_verdict::compliance(heap, &case.policy.limits) {
        Compliance::Kept => {
            let unknown = heap_verdict::not_tracked(heap, case.policy)
                .or_else(|| heap_verdict::retained_unknown(heap, &case.policy.leaks));
            unknown.map_or(Compliance::Kept, Compliance::Unknown)
        }
        other => other,
    };
    match compliance {
        Compliance::Broken(broken) => {
            *verdict = broken.verdict;
            judgement.limit = Some(broken.limit);
            judgement.message = Some(broken.message);
            Some(broken.stack.map(|stack| case.module.symbols.frames_of_allocation(&stack)).unwrap_or_default())
        }
        Compliance::Unknown(why) => {
            *verdict = Verdict::Fail;
            judgement.message = Some(why);
            None
        }
        Compliance::Kept => None,
    }
}

/// Judges the limits on resources of the user's own kinds, if nothing else went wrong. Returns the place of the acquisition
/// that broke one.
fn tracked_limits(case: &Case<'_>, verdict: &mut Verdict, judgement: &mut Judgement) -> Option<Vec<Frame>> {
    if !matches!(verdict, Verdict::Pass | Verdict::Leak) {
        return None;
    }
    let mut counts = case.run.remains.tracked.iter();
    let (name, stack, peak, most) = counts.find_map(|(name, count)| {
        let stack = count.crossed.as_ref()?;
        Some((name, stack, count.peak, count.limit?))
    })?;
    *verdict = Verdict::Fail;
    judgement.message = Some(format!("{peak} of {name} were there at once (limit {most}, `tracked`)"));
    Some(case.module.symbols.frames(stack))
}

fn output(context: &RecordContext<'_>, run: &Run) -> Output {
    let all = &run.remains.output;
    Output { stdout: harness(context.harness).own_output(&all.stdout, context.name).into_owned(), ..all.clone() }
}

/// The verdict after what a test left is counted, and the part of it that is listed.
fn weigh(verdict: Verdict, left: Vec<Resource>, action: impl Fn(&Resource) -> LeakAction) -> (Verdict, Vec<Resource>) {
    let mut listed = left;
    listed.retain(|entry| action(entry) != LeakAction::Ignore);
    let fails = listed.iter().any(|entry| entry.accepted.is_none() && action(entry) == LeakAction::Fail);
    (if fails { Verdict::Leak } else { verdict }, listed)
}

fn place(context: &RecordContext<'_>, case: &Case<'_>, judgement: &Judgement) -> Vec<Frame> {
    if let Some(stack) = &judgement.stack {
        return stack.clone();
    }
    if let (true, Some(at)) = (judgement.unwound, &judgement.panicked_at) {
        return case.module.symbols.frames_of_place(at, context.name);
    }
    if judgement.at_declaration || judgement.unwound {
        return case.module.symbols.function_decl(context.name).into_iter().collect();
    }
    match (judgement.verdict, case.run.ending.stack(), &judgement.panicked_at) {
        (Verdict::Pass | Verdict::Skip, ..) => Vec::new(),
        (_, Some(stack), Some(at)) => case.module.symbols.frames_of_panic(stack, at, context.name),
        _ => frames(case, &case.run.ending),
    }
}

/// Where a call ended. If the stack was used up, only its outer end is shown, which is the same everywhere: how deep a
/// recursion gets, and in which function it ends, depends on the compiler.
fn frames(case: &Case<'_>, ending: &Ending) -> Vec<Frame> {
    let Some(stack) = ending.stack() else { return Vec::new() };
    if !ending.used_up_stack() || stack.len() <= OVERFLOW_FRAMES {
        return case.module.symbols.frames(stack);
    }
    let deeper = Frame::folding("… deeper calls");
    let outer = case.module.symbols.frames(&stack[stack.len() - OVERFLOW_FRAMES..]);
    std::iter::once(deeper).chain(outer).collect()
}

fn failures(case: &Case<'_>, said: &[Failure]) -> Vec<String> {
    said.iter().map(|failure| failure_message(failure, &case.module.symbols)).collect()
}

fn cleanups(case: &Case<'_>, failed: &[crate::sandbox::FailedCleanup]) -> Vec<CleanupRecord> {
    let record = |cleanup: &crate::sandbox::FailedCleanup| CleanupRecord {
        ordinal: cleanup.ordinal,
        name: cleanup.name.clone(),
        subtest: cleanup.subtest.clone(),
        registered: cleanup.registered.as_deref().map(|at| case.module.symbols.place(at)),
        message: cleanup_message(cleanup, &case.module.symbols),
        stack: frames(case, &cleanup.ending),
    };
    failed.iter().map(record).collect()
}
