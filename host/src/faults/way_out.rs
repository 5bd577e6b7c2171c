//! What a test does only because a call failed: the calls of its way out, which can fail, too.

use super::judge::alike;
use crate::ledger::Stack;
use crate::policy::{Call, Failure, Fault};
use crate::run::FaultedRun;
use crate::sandbox::wasi::NotedCall;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Calls of one way out that are made to fail, at most: one that makes more is not followed.
const MOST_CALLS: usize = 1000;

/// A call by what it does, to what and where.
type CallPlace = (Call, Arc<str>, Stack);

fn place(call: &NotedCall) -> CallPlace {
    (call.call, Arc::clone(&call.object), Stack::clone(&call.stack))
}

/// The calls of a run as it is.
#[derive(Default)]
pub struct KnownCalls(HashSet<CallPlace>);

impl KnownCalls {
    pub fn from_run(run: &FaultedRun) -> Self {
        Self(run.watched.calls.iter().map(place).collect())
    }
}

/// The failures of the calls on the way out of another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WayOut {
    /// Each with its place, and the figure of what is open then: alike ones once.
    pub failures: Vec<(Fault, Stack, u64)>,
    /// How many are alike to one of these.
    pub alike: u64,
    /// Those that are not to be tried, by place.
    pub over: BTreeMap<Stack, u64>,
}

impl WayOut {
    /// How many failures its calls have together.
    pub fn count(&self) -> u64 {
        self.failures.len() as u64 + self.alike + self.over.values().sum::<u64>()
    }

    /// Of a run, which keeps no call but those that runs with a second failure are compared with. At most so many failures are to be
    /// tried.
    pub fn taken_from(run: &mut FaultedRun, known: &KnownCalls, most: usize) -> Self {
        let calls = std::mem::take(&mut run.watched.calls);
        let Some((_, failed)) = run.watched.injected.last() else { return Self::default() };
        let is_it = |call: &NotedCall| (call.call, call.nth) == (failed.call, failed.nth);
        let after = calls.into_iter().skip_while(|call| !is_it(call)).skip(1);
        let own: Vec<NotedCall> = after.filter(|call| !known.0.contains(&place(call))).collect();
        let mut way_out = Self::default();
        let most = if own.len() > MOST_CALLS { 0 } else { most };
        let mut seen = HashSet::new();
        for call in &own {
            for failure in call.failures() {
                if !seen.insert(alike(call, failure)) {
                    way_out.alike += 1;
                } else if way_out.failures.len() < most {
                    let fault = Fault { call: call.call, nth: call.nth, failure };
                    way_out.failures.push((fault, Stack::clone(&call.stack), call.open));
                } else {
                    *way_out.over.entry(Stack::clone(&call.stack)).or_default() += 1;
                }
            }
        }
        if !way_out.failures.is_empty() {
            run.watched.calls = own;
        }
        way_out
    }

    /// What tells failures apart that come to the same.
    pub fn key((fault, stack, open): &(Fault, Stack, u64)) -> (Stack, Failure, u64) {
        (Stack::clone(stack), fault.failure, *open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RawFrame;
    use crate::run::FaultEnd;
    use crate::sandbox::wasi::WatchedCalls;

    fn call(call: Call, nth: u32, at: u32) -> NotedCall {
        NotedCall {
            call,
            nth,
            object: "/tmp/a".into(),
            to: None,
            stack: [RawFrame { function: at, offset: None }].into(),
            creates: false,
            amount: 8,
            open: 1,
            succeeded: true,
        }
    }

    fn run(calls: Vec<NotedCall>, failed: Option<usize>) -> FaultedRun {
        let fault = |call: NotedCall| (Fault { call: call.call, nth: call.nth, failure: Failure::Io }, call);
        let injected = failed.map(|at| fault(calls[at].clone())).into_iter().collect();
        FaultedRun {
            watched: Box::new(WatchedCalls { calls, injected, ..WatchedCalls::default() }),
            end: FaultEnd::Ended { passed: true },
            left: Vec::new(),
            files: Default::default(),
            fuel: 0,
            by_wall_clock: false,
            reads: None,
        }
    }

    #[test]
    fn it_is_what_no_run_does_otherwise() {
        let (write, close) = (call(Call::Write, 1, 1), call(Call::Close, 1, 2));
        let known = KnownCalls::from_run(&run(vec![write.clone(), close.clone()], None));
        let unlink = call(Call::Remove, 1, 3);
        let mut failed = run(vec![write, close, unlink.clone(), call(Call::Remove, 2, 3)], Some(0));
        let way_out = WayOut::taken_from(&mut failed, &known, 10);
        let words: Vec<_> = way_out.failures.iter().map(|(fault, ..)| fault.to_string()).collect();
        assert_eq!(words, ["unlink:1=EACCES", "unlink:1=EIO"]);
        assert_eq!((way_out.alike, way_out.over.len(), way_out.count()), (2, 0, 4));
        assert_eq!(failed.watched.calls[0], unlink, "what is compared with is kept, and no more");
        assert_eq!(failed.watched.calls.len(), 2);
    }

    #[test]
    fn one_that_is_too_long_or_too_much_is_counted_and_not_kept() {
        let write = call(Call::Write, 1, 1);
        let long = |calls: u32| {
            let own = (0..calls).map(|nth| call(Call::Close, nth + 1, 100 + nth));
            run([write.clone()].into_iter().chain(own).collect(), Some(0))
        };
        let (known, most) = (KnownCalls::default(), MOST_CALLS as u32);
        let way_out = WayOut::taken_from(&mut long(most), &known, usize::MAX);
        assert_eq!((way_out.failures.len(), way_out.over.len()), (MOST_CALLS, 0));
        let mut too_long = long(most + 1);
        let way_out = WayOut::taken_from(&mut too_long, &known, usize::MAX);
        assert_eq!((way_out.failures.len(), way_out.over.len(), way_out.count()), (0, MOST_CALLS + 1, 1001));
        assert!(too_long.watched.calls.is_empty());
        let way_out = WayOut::taken_from(&mut long(5), &known, 2);
        assert_eq!((way_out.failures.len(), way_out.over.len()), (2, 3));
    }
}
