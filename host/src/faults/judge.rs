//! What is wrong with a run in which calls failed, beside the plain run of the same test.

use super::own_code::is_of_test;
use crate::model::{Frame, Harness, Resource, ResourceKind};
use crate::policy::{Call, Failure, Fault};
use crate::report::faults::FindingKind;
use crate::run::{FaultEnd, FaultSubject, FaultedRun};
use crate::sandbox::wasi::{MisuseKind, NotedCall, errno_code};
use serde::{Deserialize, Serialize};

/// Something that is wrong, without the failures that bring it about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wrong {
    pub kind: FindingKind,
    pub what: String,
    /// What it is about, without a count.
    pub object: String,
    /// Where the resource was acquired, or where it panicked.
    pub place: Vec<Frame>,
    pub message: Option<String>,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultOutcome {
    pub wrong: Vec<Wrong>,
    /// Why it cannot be told what the code gives back.
    pub not_judged: Option<String>,
}

impl FaultOutcome {
    /// Whether everything was given back.
    pub fn is_handled(&self) -> bool {
        self.wrong.is_empty() && self.not_judged.is_none()
    }
}

/// Compares runs of one test.
pub struct Judge<'a> {
    pub subject: &'a FaultSubject<'a>,
    /// What the test does otherwise: its plain run, and of a pair of failures the run with the first alone.
    pub before: &'a [&'a FaultedRun],
}

impl Judge<'_> {
    /// What is wrong with a run in which these calls failed.
    pub fn judge(&self, run: &FaultedRun) -> FaultOutcome {
        let mut outcome = FaultOutcome::default();
        let nothing_known = match run {
            _ if run.by_wall_clock => Some("the wall clock ended it"),
            _ if run.watched.is_unrefused => Some("its allocator gives more memory than there is"),
            _ => None,
        };
        if let Some(why) = nothing_known {
            outcome.not_judged = Some(why.to_owned());
            return outcome;
        }
        self.misuses(run, &mut outcome.wrong);
        let leaks = self.leaks(run);
        let files = self.files(run);
        let is_clean = leaks.is_empty() && files.is_empty();
        match &run.end {
            FaultEnd::Ended { passed } => {
                outcome.wrong.extend(leaks.into_iter().chain(files));
                if *passed {
                    outcome.wrong.extend(self.lies(run));
                }
            }
            FaultEnd::Panicked { message, stack, unwound } => {
                if *unwound {
                    outcome.wrong.extend(leaks.into_iter().chain(files));
                }
                if !self.is_by_test(stack) {
                    outcome.wrong.push(panic(run, message, stack));
                } else if !*unwound && !is_clean {
                    outcome.not_judged = Some(
                        "the test itself panicked, without unwinding, while something was open or left".to_owned(),
                    );
                }
            }
            FaultEnd::Stopped { gave_up: true, .. } if lacks_memory(run) => {
                outcome.not_judged = (!is_clean)
                    .then(|| "it ended itself for want of memory while something was open or left".to_owned());
            }
            FaultEnd::Stopped { message, stack, .. } => {
                if self.is_by_test(stack) && is_clean {
                    return outcome;
                }
                if self.is_by_test(stack) {
                    outcome.not_judged =
                        Some(format!("the test itself ended ({message}) while something was open or left"));
                } else {
                    let kind = FindingKind::Crash;
                    let what = "ends by a trap".to_owned();
                    let (object, place) = (String::new(), stack.clone());
                    outcome.wrong.push(Wrong { kind, what, object, place, message: Some(message.clone()) });
                }
            }
            FaultEnd::Left { .. } if is_clean => {}
            FaultEnd::Left { status } => {
                outcome.not_judged = Some(format!("it left through exit({status}) while something was open or left"));
            }
            FaultEnd::Hung { message, stack } => {
                let what = "goes on for ever".to_owned();
                let kind = FindingKind::Hang;
                let (object, place) = (String::new(), stack.clone());
                outcome.wrong.push(Wrong { kind, what, object, place, message: Some(message.clone()) });
            }
        }
        outcome
    }

    /// What is wrong with a run in which two calls failed, and was not wrong with the run in which the first of them failed alone.
    pub fn judge_pair(&self, run: &FaultedRun, first: &FaultOutcome) -> FaultOutcome {
        let mut outcome = self.judge(run);
        outcome.wrong.retain(|wrong| !first.wrong.contains(wrong));
        outcome
    }

    /// Whether a stack ends in the test's own code, and not in code that it tests. What comes before the first frame is its
    /// language's library.
    fn is_by_test(&self, stack: &[Frame]) -> bool {
        let Some(frame) = stack.first() else { return true };
        if !frame.is_own() {
            return false;
        }
        if self.subject.test.harness == Harness::Go {
            // `example.com/shop.TestSave`, and of a function within it `example.com/shop.TestSave.func1`.
            let name = frame.function.rsplit('/').next().unwrap_or_default();
            return name.split('.').any(|word| word == &*self.subject.test.name);
        }
        is_of_test(stack, &self.subject.test.name)
    }

    /// What was not given back, and is otherwise.
    fn leaks(&self, run: &FaultedRun) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        for left in &run.left {
            let same = |other: &&Resource| {
                (other.kind, &other.tracked, &other.path, &other.stack)
                    == (left.kind, &left.tracked, &left.path, &left.stack)
            };
            let others =
                self.before.iter().map(|before| before.left.iter().filter(same).map(|other| other.count).sum());
            let known: u64 = others.max().unwrap_or(0);
            let count = left.count.saturating_sub(known);
            if count > 0 {
                let what = format!("leaks {}", resource(left, count));
                let (object, place) = (object(left), left.stack.clone());
                wrong.push(Wrong { kind: FindingKind::Leak, what, object, place, message: None });
            }
        }
        wrong
    }

    /// Files that are left, and are not otherwise. One whose removal is what failed is not told: nothing could be done. What the test
    /// makes itself, and leaves because it ends early, is its own affair.
    fn files(&self, run: &FaultedRun) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        if run.watched.injected.iter().all(|(_, failed)| self.is_call_of_test(failed)) {
            return wrong;
        }
        let half = |path: &str| run.watched.half_written.contains(path);
        for (path, bytes) in &run.files {
            let is_new = self.before.iter().all(|before| !before.files.contains_key(path));
            let was_half = |before: &&FaultedRun| before.watched.half_written.contains(path.as_str());
            let is_half = half(path) && !self.before.iter().any(was_half) && !self.is_whole(run, path);
            if !(is_half || is_new) || self.is_excused(run, path) {
                continue;
            }
            if is_half && self.is_handle_of_test(run) {
                continue;
            }
            if is_half {
                let what = format!("leaves {path} half written");
                let (object, place) = (path.clone(), Vec::new());
                wrong.push(Wrong { kind: FindingKind::HalfWritten, what, object, place, message: None });
            } else if !self.is_made_by_test(run, path) {
                let word = if bytes.is_some() { "leaves" } else { "leaves the directory" };
                let what = format!("{word} {path}");
                let (object, place) = (path.clone(), Vec::new());
                wrong.push(Wrong { kind: FindingKind::Residue, what, object, place, message: None });
            }
        }
        wrong
    }

    /// Whether the test itself makes a call, and no code that it calls but its language's library. A program is tested itself.
    fn is_call_of_test(&self, call: &NotedCall) -> bool {
        self.subject.test.harness != Harness::Command && self.is_by_test(&self.subject.frames(call))
    }

    /// Whether what failed last was done to a file that the test opened itself and lent to the code under test, which cannot remove it.
    fn is_handle_of_test(&self, run: &FaultedRun) -> bool {
        let Some((_, failed)) = run.watched.injected.last() else { return false };
        let is_it = |call: &&NotedCall| (call.call, call.nth) == (failed.call, failed.nth);
        let before = run.watched.calls.iter().take_while(|call| !is_it(call));
        let opens = |call: &&NotedCall| call.call == Call::Open && call.succeeded && call.object == failed.object;
        before.filter(opens).last().is_some_and(|call| self.is_call_of_test(call))
    }

    /// Whether the last call that made a file was the test's own.
    fn is_made_by_test(&self, run: &FaultedRun, path: &str) -> bool {
        let makes = |call: &&NotedCall| match call.call {
            Call::Open => call.creates && *call.object == *path,
            Call::MakeDir | Call::Link => *call.object == *path,
            Call::Rename => call.to.as_deref() == Some(path),
            _ => false,
        };
        let last = run.watched.calls.iter().rev().filter(|call| call.succeeded).find(makes);
        last.is_some_and(|call| self.is_call_of_test(call))
    }

    /// Whether a file holds at the end what it holds where nothing fails: whoever wrote it has made up for the write that failed.
    fn is_whole(&self, run: &FaultedRun, path: &str) -> bool {
        let sum = |run: &FaultedRun| run.watched.sums.get(path).copied();
        sum(run).is_some_and(|now| self.before.first().and_then(|plain| sum(plain)) == Some(now))
    }

    /// Whether a call that failed was to remove a file: it says so itself, or the plain run removes the file by a call at the same line
    /// of the user's code.
    fn is_excused(&self, run: &FaultedRun, path: &str) -> bool {
        let concerns = |object: &str| is_below(path, object) || is_below(object, path);
        let removes = |call: &NotedCall| matches!(call.call, Call::Remove | Call::RemoveDir) && concerns(&call.object);
        run.watched.injected.iter().any(|(_, failed)| {
            removes(failed)
                || self.before.iter().any(|before| {
                    let removals = before.watched.calls.iter().filter(|call| call.succeeded && removes(call));
                    let place = self.own(failed);
                    removals.into_iter().any(|removal| !place.is_empty() && self.own(removal) == place)
                })
        })
    }

    /// The frames of the user's own code that led to a call.
    fn own(&self, call: &NotedCall) -> Vec<Frame> {
        self.subject.frames(call).into_iter().filter(Frame::is_own).collect()
    }

    fn misuses(&self, run: &FaultedRun, wrong: &mut Vec<Wrong>) {
        let known: Vec<_> = self.before.iter().flat_map(|before| &before.watched.misuses).collect();
        for misuse in run.watched.misuses.iter().filter(|misuse| !known.contains(misuse)) {
            let object = &misuse.object;
            if misuse.kind == MisuseKind::WriteAfterFailure && self.is_whole(run, object) {
                continue;
            }
            let (kind, what) = match misuse.kind {
                MisuseKind::DoubleClose => (FindingKind::DoubleClose, format!("closes {object} twice")),
                MisuseKind::UseAfterClose => (FindingKind::UseAfterClose, format!("uses {object} after its close")),
                MisuseKind::WriteAfterFailure => {
                    (FindingKind::WriteAfterFailure, format!("writes on to {object}, after a failed write,"))
                }
            };
            let (object, place) = (object.to_string(), self.subject.frames_of(&misuse.stack));
            wrong.push(Wrong { kind, what, object, place, message: None });
        }
    }

    /// The test passed, though a call failed whose result may matter, and it was not tried again.
    fn lies(&self, run: &FaultedRun) -> Option<Wrong> {
        let (fault, failed) = run.watched.injected.last()?;
        if !matters(*fault) || self.is_call_of_test(failed) {
            return None;
        }
        let is_it = |call: &NotedCall| (call.call, call.nth) == (failed.call, failed.nth);
        let before = self.before.last()?;
        let is_memory = fault.call == Call::Allocate;
        if !is_memory && !before.watched.calls.iter().any(|call| is_it(call) && call.succeeded) {
            return None;
        }
        let mut after = run.watched.calls.iter().skip_while(|call| !is_it(call)).skip(1);
        let again = |call: &NotedCall| call.call == failed.call && call.object == failed.object && call.succeeded;
        let what = "passes all the same".to_owned();
        let (kind, object, place) = (FindingKind::Lie, String::new(), Vec::new());
        let is_tried_again = if is_memory { run.watched.allocates_again } else { after.any(again) };
        (!is_tried_again).then_some(Wrong { kind, what, object, place, message: None })
    }
}

/// Whether a path is another, or below it.
fn is_below(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether it makes a difference that a call failed so. Nobody can do anything about most closes and removals that fail, and a read
/// that gives less is nothing wrong.
fn matters(fault: Fault) -> bool {
    let fails = match fault.failure {
        Failure::Interrupted | Failure::Late => false,
        Failure::Short => matches!(fault.call, Call::Write | Call::Send),
        Failure::NotFound => false,
        _ => true,
    };
    fails
        && !matches!(
            fault.call,
            Call::Close | Call::Stat | Call::Remove | Call::RemoveDir | Call::SetTimes | Call::Shutdown | Call::Sleep
        )
}

/// Whether the last call that failed asked for memory.
fn lacks_memory(run: &FaultedRun) -> bool {
    run.watched.injected.last().is_some_and(|(fault, _)| fault.call == Call::Allocate)
}

/// A panic of code under test.
fn panic(run: &FaultedRun, message: &str, stack: &[Frame]) -> Wrong {
    // As Rust writes an error of the operating system's, also within other errors.
    let says = |errno: u16| message.contains(&format!("Os {{ code: {errno},"));
    let injected = run.watched.injected.iter();
    let unwraps = injected.filter_map(|(fault, _)| errno_code(fault.failure)).any(says);
    let (kind, what) = match unwraps {
        true => (FindingKind::UnwrapPanic, "panics on the error"),
        false => (FindingKind::Panic, "panics"),
    };
    let (what, object, place) = (what.to_owned(), String::new(), stack.to_vec());
    Wrong { kind, what, object, place, message: Some(message.to_owned()) }
}

/// What a resource is of, without a count: `file /tmp/a`, `heap`, `tracked MockServer`.
fn object(left: &Resource) -> String {
    let words = [Some(left.kind.name()), left.tracked.as_deref(), left.path.as_deref()];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What a resource is, in words.
fn resource(left: &Resource, count: u64) -> String {
    let (one, many) = match left.kind {
        ResourceKind::File => ("file", "files"),
        ResourceKind::Dir => ("directory", "directories"),
        ResourceKind::Socket => ("socket", "sockets"),
        ResourceKind::Thread => ("thread", "threads"),
        ResourceKind::Task => ("task", "tasks"),
        ResourceKind::Tracked => ("resource", "resources"),
        _ => ("block of the heap", "blocks of the heap"),
    };
    let word = if count == 1 { one } else { many };
    let name = left.tracked.as_ref().map(|tracked| format!(" of {tracked}")).unwrap_or_default();
    let bytes = left.bytes.map(|bytes| format!(" ({bytes} bytes)")).unwrap_or_default();
    let path = left.path.as_ref().map(|path| format!(" ({path})")).unwrap_or_default();
    format!("{count} {word}{name}{bytes}{path}")
}

/// The failures of a call, and those of others at the same place that would come to the same: by these they are told.
pub fn alike(call: &NotedCall, failure: Failure) -> (crate::ledger::Stack, Failure, u64) {
    (call.stack.clone(), failure, call.open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_another_by_whole_names() {
        assert!(is_below("/tmp/a", "/tmp/a") && is_below("/tmp/a/b", "/tmp/a"));
        assert!(!is_below("/tmp/ab", "/tmp/a") && !is_below("/tmp", "/tmp/a"));
    }

    #[test]
    fn a_failure_matters_where_something_could_be_done() {
        let matters = |fault: &str| matters(fault.parse().unwrap());
        for fault in ["write:1=ENOSPC", "write:1=short", "rename:1=EACCES", "open:2=EIO", "read:1=EIO", "send:1=short"]
        {
            assert!(matters(fault), "{fault}");
        }
        for fault in ["write:1=EINTR", "read:1=short", "close:1=EIO", "unlink:1=EIO", "open:1=ENOENT", "sleep:1=late"] {
            assert!(!matters(fault), "{fault}");
        }
    }
}
