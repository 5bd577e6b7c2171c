//! The report's record of one test. A test that passed and left nothing costs next to nothing here.

use super::judge::{Case, Judgement, cleanup_message, failure_message};
use super::libtest;
use super::resources;
use crate::policy::LeakAction;
use crate::report::model::{
    CleanupRecord, Details, Frame, Harness, Heap, Output, Resource, TestRecord, Usage, Verdict,
};
use crate::sandbox::{Ending, Failure, Run, TrapKind};
use std::borrow::Cow;
use std::sync::Arc;

/// Why there are no heap figures.
const HEAP_WHY: &str = "heap accounting is not part of this version";

/// Frames that are looked at of a stack that is used up: enough for the harness's and some of the user's.
const OVERFLOW_FRAMES: usize = 32;

/// What the record is made for.
pub struct Named<'a> {
    pub name: &'a Arc<str>,
    pub harness: Harness,
    pub module_harness: Harness,
    /// Whether the output of tests that pass is wanted too.
    pub keep_output: bool,
}

/// A record of a test that was not run.
pub fn not_run(named: &Named<'_>, verdict: Verdict, details: Details) -> TestRecord {
    TestRecord {
        name: Arc::clone(named.name),
        harness: harness(named),
        verdict,
        usage: None,
        details: Some(Box::new(details)),
    }
}

/// The record of a test that was run.
pub fn of(named: &Named<'_>, case: &Case<'_>) -> TestRecord {
    let judgement = case.judge();
    let mut record = TestRecord {
        name: Arc::clone(named.name),
        harness: harness(named),
        verdict: judgement.verdict,
        usage: (judgement.verdict != Verdict::Skip).then(|| usage(case.run)),
        details: None,
    };
    let run = case.run;
    let plain = judgement.verdict == Verdict::Pass
        && run.remains.open.is_empty()
        && run.remains.residue.is_empty()
        && run.refused.is_none()
        && judgement.exit_status.is_none()
        && !named.keep_output;
    if !plain {
        let (verdict, details) = details(named, case, judgement);
        record.verdict = verdict;
        record.details = (details != Details::default()).then(|| Box::new(details));
    }
    record
}

fn harness(named: &Named<'_>) -> Option<Harness> {
    (named.harness != named.module_harness).then_some(named.harness)
}

fn usage(run: &Run) -> Usage {
    let by_wall_clock = matches!(run.ending, Ending::Wall { .. } | Ending::Interrupted);
    let overflow = run.ending.used_up_stack();
    // Compilers count fuel in batches, and have all counted it at calls and at `unreachable`, but not where an operator
    // such as a load or a division traps.
    let fault = matches!(run.ending, Ending::Trap { kind, .. } if kind != TrapKind::Unreachable);
    Usage {
        fuel: (!by_wall_clock && !fault).then_some(run.fuel),
        linear_peak: (!by_wall_clock && !overflow).then_some(run.linear_peak),
        handles_peak: (!by_wall_clock && !overflow).then_some(run.remains.handles_peak),
        heap: Heap { why: Some(Cow::Borrowed(HEAP_WHY)), ..Heap::default() },
    }
}

fn details(named: &Named<'_>, case: &Case<'_>, judgement: Judgement) -> (Verdict, Details) {
    let run = case.run;
    let open = resources::describe(&run.remains.open, named.name, &case.module.symbols);
    let (leaks, reclaimed) = if judgement.normal_finish { (open, Vec::new()) } else { (Vec::new(), open) };
    let (mut verdict, mut leaks) = weigh(judgement.verdict, leaks, case.policy.leaks.handles);
    if judgement.normal_finish {
        let residue = resources::describe_residue(&run.remains, named.name);
        let (weighed, residue) = weigh(verdict, residue, case.policy.leaks.residue);
        verdict = weighed;
        leaks.extend(residue);
    }
    let stack = place(named, case, &judgement);
    let said = run.sdk.as_ref();
    let overflow = run.ending.used_up_stack();
    let details = Details {
        message: judgement.message,
        hint: judgement.hint.map(str::to_owned),
        reason: judgement.reason,
        exit_status: judgement.exit_status,
        limit: judgement.limit,
        refused: run.refused.filter(|_| !overflow),
        stack,
        leaks,
        retained: Vec::new(),
        growth: None,
        reclaimed: if overflow { Vec::new() } else { reclaimed },
        cleanups: said.map(|said| cleanups(case, &said.cleanups)).unwrap_or_default(),
        failures: said.map(|said| failures(case, &said.failures)).unwrap_or_default(),
        output: if verdict != Verdict::Pass || named.keep_output { output(named, run) } else { Output::default() },
    };
    (verdict, details)
}

fn output(named: &Named<'_>, run: &Run) -> Output {
    let mut output = run.remains.output.clone();
    if named.harness == Harness::Libtest {
        output.stdout = libtest::own_output(&output.stdout, named.name).to_vec();
    }
    output
}

/// What leaks do to a verdict, and which of them are listed.
fn weigh(verdict: Verdict, leaks: Vec<Resource>, action: LeakAction) -> (Verdict, Vec<Resource>) {
    match (leaks.is_empty(), action) {
        (true, _) | (_, LeakAction::Ignore) => (verdict, Vec::new()),
        (false, LeakAction::Show) => (verdict, leaks),
        (false, LeakAction::Fail) => (Verdict::Leak, leaks),
    }
}

fn place(named: &Named<'_>, case: &Case<'_>, judgement: &Judgement) -> Vec<Frame> {
    if judgement.at_declaration {
        return case.module.symbols.function_decl(named.name).into_iter().collect();
    }
    match (judgement.verdict, case.run.ending.stack(), &judgement.panicked_at) {
        (Verdict::Pass | Verdict::Skip, ..) => Vec::new(),
        (_, Some(stack), Some(at)) => case.module.symbols.frames_of_panic(stack, at, named.name),
        _ => frames(case, &case.run.ending),
    }
}

/// Where a call ended. How deep a recursion gets before the stack is used up depends on the compiler, and so does the
/// function that it ends in: of such a stack only the outer end is told, which is the same everywhere.
fn frames(case: &Case<'_>, ending: &Ending) -> Vec<Frame> {
    let Some(stack) = ending.stack() else { return Vec::new() };
    if !ending.used_up_stack() || stack.len() <= OVERFLOW_FRAMES {
        return case.module.symbols.frames(stack);
    }
    let deeper = Frame { function: "… deeper calls".to_owned(), file: None, line: None };
    let outer = case.module.symbols.frames(&stack[stack.len() - OVERFLOW_FRAMES..]);
    std::iter::once(deeper).chain(outer).collect()
}

fn failures(case: &Case<'_>, said: &[Failure]) -> Vec<String> {
    said.iter().map(|failure| failure_message(failure, &case.module.symbols)).collect()
}

fn cleanups(case: &Case<'_>, failed: &[crate::sandbox::FailedCleanup]) -> Vec<CleanupRecord> {
    let record = |cleanup: &crate::sandbox::FailedCleanup| CleanupRecord {
        ordinal: cleanup.ordinal,
        message: cleanup_message(cleanup, &case.module.symbols),
        stack: frames(case, &cleanup.ending),
    };
    failed.iter().map(record).collect()
}
