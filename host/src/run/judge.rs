//! From the ending of a test to its verdict. Nothing that a guest prints or records decides more than this file says.

use super::threads;
use crate::harness::hints::MissingPath;
use crate::harness::rust::{self, OUT_OF_MEMORY};
use crate::harness::sdk::{cleanup_failure, failure_message, subtests_failure};
use crate::harness::{Evidence, Finish, TestEntry, harness};
use crate::harness::{c, go, hints};
use crate::model::{Frame, Harness, Limit, LimitRecord, SuppressedRecord, Verdict, verdict_of_breach};
use crate::policy::Policy;
use crate::sandbox::wasi::FatalWait;
use crate::sandbox::{Ending, FailedCleanup, LoadedModule, Run, TrapKind};
use crate::symbols::TrapCause;

const FULL: &str =
    "files in memory, in /tmp and overlays, were refused room: the limit `scratch` (bytes) in airtight.toml";
const FULL_OF_NAMES: &str =
    "files in memory, in /tmp and overlays, were refused a name: the limit `scratch-entries` in airtight.toml";
const TOO_MANY_THREADS: &str =
    "a thread was refused, for there were as many as there may be at once: the limit `live-threads` in airtight.toml";

/// The verdict of a test and all that is said of it, without its resources.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict before leaks are counted: `Pass` after every normal finish.
    pub verdict: Verdict,
    pub message: Option<String>,
    pub reason: Option<String>,
    pub hint: Option<&'static str>,
    pub exit_status: Option<u32>,
    pub limit: Option<LimitRecord>,
    /// Where the test panicked, as the compiler wrote it: `file:line:column`.
    pub panicked_at: Option<String>,
    /// Whether the failure is shown where the test is declared: it returned an error.
    pub at_declaration: bool,
    /// Whether open resources are leaks. Otherwise they are only taken back.
    pub normal_finish: bool,
    /// Where the test went wrong, if its harness says so itself.
    pub stack: Option<Vec<Frame>>,
    /// Whether the test panicked and its destructors ran: what is open is what they did not give back.
    pub unwound: bool,
    /// The failures that came after the one in `message`.
    pub suppressed: Vec<SuppressedRecord>,
}

impl Judgement {
    fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            message: None,
            reason: None,
            hint: None,
            exit_status: None,
            limit: None,
            panicked_at: None,
            at_declaration: false,
            normal_finish: verdict == Verdict::Pass,
            stack: None,
            unwound: false,
            suppressed: Vec::new(),
        }
    }

    /// Whether all code of the test is over, so that it can be said what it left.
    pub fn has_balance(&self) -> bool {
        self.normal_finish || self.unwound
    }

    fn fail(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::new(Verdict::Fail) }
    }

    fn skip(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::new(Verdict::Skip) }
    }
}

/// A finished test, and what it was run with.
pub struct Case<'a> {
    pub harness: Harness,
    pub module: &'a LoadedModule,
    pub policy: &'a Policy,
    pub entry: &'a TestEntry,
    pub test: &'a str,
    pub run: &'a Run,
}

impl<'a> Case<'a> {
    /// What the test's harness judges by.
    pub fn evidence(&self) -> Evidence<'a> {
        Evidence { run: self.run, symbols: &self.module.symbols, entry: self.entry, test: self.test }
    }

    /// The verdict, as far as the ending of the test decides it.
    pub fn judge(&self) -> Judgement {
        let mut judgement = match harness(self.harness).finish(&self.evidence()) {
            Finish::Normal { exit_status } => Judgement { exit_status, ..Judgement::new(Verdict::Pass) },
            Finish::ExpectedPanic => Judgement { normal_finish: false, ..Judgement::new(Verdict::Pass) },
            Finish::Panicked { message, place } => {
                Judgement { unwound: true, panicked_at: place, ..Judgement::fail(message) }
            }
            Finish::Failed { message, at_declaration } => Judgement { at_declaration, ..Judgement::fail(message) },
            Finish::Told { verdict, message, stack } => {
                Judgement { message: Some(message), stack, ..Judgement::new(verdict) }
            }
            Finish::Skipped(reason) => Judgement::skip(reason),
            Finish::Abnormal => self.judge_abnormal(),
        };
        judgement.hint = judgement.hint.or_else(|| self.hint(&judgement));
        self.blame_memory(&mut judgement);
        judgement.suppressed = self.suppressed(&judgement);
        self.blame_cleanups(&mut judgement);
        self.hint_at_full_files(&mut judgement);
        self.hint_at_refused_threads(&mut judgement);
        judgement
    }

    /// The hint about the platform, if the platform made the test fail.
    fn hint(&self, judgement: &Judgement) -> Option<&'static str> {
        let (symbols, stack) = (&self.module.symbols, self.run.ending.stack().map_or(&[][..], |stack| stack));
        let has_threads = self.module.has_threads();
        match judgement.verdict {
            Verdict::Fail => {}
            Verdict::Timeout if has_threads => return None,
            Verdict::Timeout => return hints::for_endless_wait(stack, symbols),
            Verdict::Pass | Verdict::Leak | Verdict::Memory | Verdict::Exit | Verdict::Skip => return None,
        }
        let missing = &self.run.remains.missing_paths;
        let misses = MissingPath::among(missing, self.module.baked.iter().map(|baked| &*baked.path));
        let by_message = judgement
            .message
            .as_deref()
            .and_then(|message| hints::for_failure(message, (stack, symbols), misses, has_threads));
        // In a module that unwinds, a panic that was to be caught has been caught.
        let panicked = || !self.module.unwinds() && symbols.cause(stack) == TrapCause::Panic;
        by_message
            .or_else(|| panicked().then(|| hints::for_panic((stack, symbols), self.run.in_spawned_thread)).flatten())
    }

    fn judge_abnormal(&self) -> Judgement {
        let limits = &self.policy.limits;
        let broken = |limit: Limit, value, seen, message: String| Judgement {
            message: Some(message),
            limit: Some(LimitRecord::new(limit, value, seen)),
            ..Judgement::new(verdict_of_breach(limit))
        };
        match &self.run.ending {
            Ending::Exit { status, .. } => Judgement {
                exit_status: Some(*status),
                message: Some(self.panic_of_go(*status).unwrap_or_else(|| harness(self.harness).left(*status))),
                ..Judgement::new(Verdict::Exit)
            },
            Ending::Fuel { .. } => {
                let fuel = limits.most(Limit::Fuel);
                broken(Limit::Fuel, fuel, None, format!("out of fuel: {fuel} units were spent"))
            }
            Ending::Wall { waited, .. } => {
                let running = format!("still running after {:?} of wall-clock time", limits.time(Limit::Timeout));
                let waited = waited.as_ref().map(|waited| format!(": it {}", self.words(waited)));
                let millis = limits.most(Limit::Timeout);
                broken(Limit::Timeout, millis, None, running + &waited.unwrap_or_default())
            }
            // No limit is to blame, and every machine ends the test here.
            Ending::Deadlock { waited, .. } => {
                Judgement { message: Some(format!("it {}", self.words(waited))), ..Judgement::new(Verdict::Timeout) }
            }
            Ending::Stuck { threads, .. } => Judgement {
                message: Some(threads::deadlock(threads, &self.module.symbols)),
                ..Judgement::new(Verdict::Timeout)
            },
            Ending::Limit { broken: over, .. } => broken(over.limit, over.value, Some(over.seen), over.to_string()),
            Ending::BadFree { what, .. } => Judgement::fail(what.to_string()),
            Ending::Interrupted => Judgement::skip("interrupted"),
            Ending::Trap { kind, stack } => {
                let mut judgement = self.judge_trap(*kind, stack);
                if *kind == TrapKind::StackOverflow {
                    judgement.limit = Some(LimitRecord::new(Limit::Stack, limits.most(Limit::Stack), None));
                }
                judgement
            }
            Ending::Refused(why) => Judgement::fail(why.clone()),
            Ending::Returned => Judgement::fail("returned without having finished the test"),
        }
    }

    /// What Go printed when it gave up; it leaves through `exit(2)` then.
    fn panic_of_go(&self, status: u32) -> Option<String> {
        let said = (status == go::PANICKED).then(|| go::last_panic(&self.run.remains.output.stderr)).flatten();
        said.map(|said| said.message)
    }

    /// What the test waited for, and where it acquired the socket that it waited for.
    fn words(&self, waited: &FatalWait) -> String {
        let frames = waited.acquired.as_deref().map(|stack| self.module.symbols.frames(stack)).unwrap_or_default();
        match Frame::innermost_own(&frames) {
            Some(Frame { file: Some(file), line: Some(line), .. }) => {
                format!("{waited} (that socket was acquired at {file}:{line})")
            }
            _ => waited.to_string(),
        }
    }

    fn judge_trap(&self, kind: TrapKind, stack: &[crate::ledger::RawFrame]) -> Judgement {
        let cause = if kind == TrapKind::Unreachable { self.module.symbols.cause(stack) } else { TrapCause::Other };
        let stderr = &self.run.remains.output.stderr;
        // A clean-up that panics later prints to the same stream, after what the test itself printed.
        let own = self.run.sdk.as_ref().map_or(stderr.len(), |said| said.own_stderr.min(stderr.len()));
        let panic = rust::last_panic(&stderr[..own]);
        match (kind, cause, panic) {
            (TrapKind::Unreachable, TrapCause::AllocError, _) => Judgement::fail(OUT_OF_MEMORY),
            (TrapKind::Unreachable, TrapCause::Panic, Some(panic)) => {
                Judgement { panicked_at: Some(panic.place), ..Judgement::fail(panic.message) }
            }
            (TrapKind::Unreachable, TrapCause::Panic, None) => Judgement::fail("panicked, and the message was lost"),
            (TrapKind::MemoryFault, ..) => Judgement {
                hint: Some("deep recursion in a Rust or C guest also ends so, on its shadow stack"),
                ..Judgement::fail(format!("trap: {kind}"))
            },
            // C prints why, and then aborts.
            (TrapKind::Unreachable, TrapCause::Other, _) => {
                let said = c::last_assertion(&stderr[..own]);
                Judgement::fail(said.unwrap_or_else(|| format!("trap: {kind}")))
            }
            _ => Judgement::fail(format!("trap: {kind}")),
        }
    }

    /// Blames the memory limit, if memory was refused and the test did not finish.
    fn blame_memory(&self, judgement: &mut Judgement) {
        let Some(refused) = self.run.refused else { return };
        // The first failure is why the test failed.
        let said = self.run.sdk.as_ref();
        if said.is_some_and(|said| !said.said.failures.is_empty() || subtests_failure(&said.subtests).is_some()) {
            return;
        }
        let failed = matches!(judgement.verdict, Verdict::Fail | Verdict::Exit);
        // A recursion that uses up the stack may also reach the memory limit. Whether it does is the compiler's choice.
        if !failed || self.run.ending.used_up_stack() || judgement.normal_finish || self.run.ending == Ending::Returned
        {
            return;
        }
        let ended = judgement.message.take().unwrap_or_default();
        judgement.verdict = verdict_of_breach(Limit::Memory);
        judgement.limit = Some(LimitRecord::new(Limit::Memory, refused.limit, Some(refused.desired)));
        judgement.message = Some(refused.before_the_end() + &ended);
    }

    /// Adds a hint to a test that failed after a file in memory was refused room.
    fn hint_at_full_files(&self, judgement: &mut Judgement) {
        let hint = match self.run.remains.files_refused_by {
            Some(Limit::Scratch) => FULL,
            Some(Limit::ScratchEntries) => FULL_OF_NAMES,
            _ => return,
        };
        if matches!(judgement.verdict, Verdict::Fail | Verdict::Exit) {
            judgement.hint.get_or_insert(hint);
        }
    }

    /// The failures after the one that the judgement is about, in order.
    fn suppressed(&self, judgement: &Judgement) -> Vec<SuppressedRecord> {
        let Some(outcome) = self.run.sdk.as_ref().filter(|outcome| outcome.broken.is_none()) else { return Vec::new() };
        let symbols = &self.module.symbols;
        let mut later = Vec::new();
        let said = &outcome.said.failures;
        let subtests = subtests_failure(&outcome.subtests);
        if !said.is_empty() || subtests.is_some() {
            later.extend(said.iter().skip(1).map(|failure| failure_message(failure, symbols)));
            later.extend(subtests.filter(|_| !said.is_empty()));
            later.extend(outcome.said.panic.as_ref().map(|panic| panic.text.clone()));
            let ended_itself = outcome.ended_itself && outcome.said.panic.is_none();
            if self.run.ending != Ending::Returned && !ended_itself && outcome.said.panic.is_none() {
                later.extend(self.judge_abnormal().message);
            }
        }
        // The clean-ups of a subtest that came to its end are listed with that subtest.
        let ended = |path: &str| outcome.subtests.iter().any(|one| one.path == path && one.ending.is_some());
        let of_test = |cleanup: &&FailedCleanup| !cleanup.subtest.as_deref().is_some_and(ended);
        let cleanups = outcome.cleanups.iter().filter(of_test);
        let of_cleanups =
            cleanups.map(|cleanup| SuppressedRecord::new(cleanup_failure(cleanup, symbols), Some(cleanup.ordinal)));
        // If nothing else failed, the first clean-up that failed is the failure itself.
        let first = matches!(judgement.verdict, Verdict::Pass | Verdict::Skip);
        let later = later.into_iter().map(|message| SuppressedRecord::new(message, None));
        let left = if outcome.cleanups_cut_short { outcome.cleanups_left } else { 0 };
        let not_run = (left > 0).then(|| {
            let clean_ups = if left == 1 { "clean-up was" } else { "clean-ups were" };
            let message = format!("{left} more {clean_ups} not run: those before had used up what they are given");
            SuppressedRecord::new(message, None)
        });
        later.chain(of_cleanups.skip(usize::from(first))).chain(not_run).collect()
    }

    /// Adds a hint to a test that failed after a thread was refused.
    fn hint_at_refused_threads(&self, judgement: &mut Judgement) {
        if self.run.refused_threads > 0 && matches!(judgement.verdict, Verdict::Fail | Verdict::Exit) {
            judgement.hint = Some(TOO_MANY_THREADS);
        }
    }

    /// Makes a test fail that passed but for a clean-up.
    fn blame_cleanups(&self, judgement: &mut Judgement) {
        let Some(first) = self.run.sdk.as_ref().and_then(|said| said.cleanups.first()) else { return };
        if matches!(judgement.verdict, Verdict::Pass | Verdict::Skip) {
            *judgement = Judgement {
                message: Some(cleanup_failure(first, &self.module.symbols)),
                reason: None,
                suppressed: std::mem::take(&mut judgement.suppressed),
                ..Judgement::new(Verdict::Fail)
            };
        }
    }
}
