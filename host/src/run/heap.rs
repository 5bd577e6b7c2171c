//! From the end of a test's heap to lost and retained blocks, each with the place it was allocated at.
//!
//! The first run keeps no stacks. Where blocks of the test's own are left, the test is run again, elsewhere in memory: a word
//! that is a pointer has moved with what it points to, and the stacks of just these allocations are captured.

use super::judge::Judgement;
use crate::ledger::Stack;
use crate::ledger::heap::reach::{agreed, plain};
use crate::ledger::heap::sites::{Site, sites};
use crate::ledger::heap::{Block, Figures};
use crate::model::Harness;
use crate::model::profile::{HeapProfile, Missing, ProfileSite};
use crate::sandbox::heap::{Capture, Crossing, EndPicture, HeapEnd, HeapRun, Watching};
use crate::sandbox::{Ending, Engine, Job, Run, run};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

/// What became of a test's heap.
#[derive(Debug)]
pub enum Account {
    /// It was not seen.
    Untracked(Cow<'static, str>),
    /// It was.
    Tracked {
        /// The figures of the whole test.
        figures: Figures,
        /// What is left after a normal finish.
        balance: Option<Balance>,
        /// Limits that were crossed, each once, and where.
        crossed: Vec<Crossing>,
    },
}

/// What a test left on the heap.
#[derive(Debug, Default)]
pub struct Balance {
    /// Blocks that nothing reaches.
    pub lost: Vec<Site>,
    /// Blocks that static data reaches.
    pub retained: Vec<Site>,
    /// Those of either that the last round allocated, of a test that was called several times.
    pub of_last_round: Vec<Site>,
    /// Why it is not certain, if it is not.
    pub doubt: Option<String>,
}

impl Balance {
    /// Whether more may be lost, and less retained: what is certain without a second run is that nothing reaches a lost block.
    pub fn is_bounded(&self) -> bool {
        self.doubt.is_some() && !self.retained.is_empty()
    }
}

/// What a second run was needed for, beside the account.
#[derive(Debug, Default)]
pub struct Again {
    /// Host descriptors that it left open: a bug of ours.
    pub host_leak: u64,
    /// Whether the wall clock ended it.
    pub by_wall_clock: bool,
    /// Every allocation of the test's own, where a profile is wanted; else why they are not there.
    pub profile: HeapProfile,
}

/// How a test's heap is accounted for.
pub struct Accountant<'a> {
    pub engine: &'a Engine,
    pub job: &'a Job<'a>,
    pub harness: Harness,
    pub profile: bool,
}

impl Accountant<'_> {
    /// Strikes the balance of a run that was judged so far.
    pub fn account(&self, ran: &mut Run, judgement: &Judgement) -> (Account, Again) {
        let mut again = Again::default();
        let end = match self.end(ran) {
            Ok(end) => end,
            Err(why) => {
                if self.profile {
                    again.profile.missing.push(self.missing(true, format!("heap not tracked: {why}")));
                }
                return (Account::Untracked(why), again);
            }
        };
        let wanted = judgement.normal_finish && self.job.grants.policy().asks_for_blocks();
        let picture = end.picture.as_ref().filter(|_| wanted);
        let second = (picture.is_some() || self.profile).then(|| self.run_again(ran, &end, &mut again));
        if let Some(second) = second.as_ref().filter(|_| self.profile) {
            again.profile = match second {
                Ok(second) => self.profile_of(second),
                Err(why) => HeapProfile { sites: Vec::new(), missing: vec![self.missing(true, why.clone())] },
            };
        }
        let balance = match (picture, second) {
            (Some(picture), Some(second)) => Some(balance(picture, second, last_round(ran))),
            _ => wanted.then(Balance::default),
        };
        (Account::Tracked { figures: end.figures, balance, crossed: end.crossed }, again)
    }

    /// The end of the heap, if it was seen; else why not.
    fn end(&self, ran: &mut Run) -> Result<Box<HeapEnd>, Cow<'static, str>> {
        let end = match std::mem::replace(&mut ran.heap, HeapRun::Untracked(Cow::Borrowed(""))) {
            HeapRun::Untracked(why) => return Err(why),
            HeapRun::Tracked(end) => end,
        };
        let exits = matches!(ran.ending, Ending::Exit { status: 0, .. });
        if self.harness == Harness::Command && end.window_open && exits {
            return Err(crate::ledger::heap::Untracked::LeftMain.to_string().into());
        }
        Ok(end)
    }

    /// Runs the test a second time.
    ///
    /// # Errors
    /// It cannot be, or was not the same: in words.
    fn run_again(&self, ran: &Run, first: &HeapEnd, again: &mut Again) -> Result<Box<HeapEnd>, String> {
        if let Some(grant) = self.job.grants.policy().unrepeatable() {
            return Err(format!("a second run cannot be done: the test is granted {grant}"));
        }
        if ran.ended_by_wall_clock() || matches!(ran.ending, Ending::Interrupted) {
            return Err("a second run would end elsewhere: the first ran out of time".to_owned());
        }
        let numbers = || first.picture.iter().flat_map(own_blocks).map(|block| block.number);
        let capture = if self.profile { Capture::All } else { Capture::numbers(numbers().collect()) };
        let (calls, narrow) = (first.calls, ran.refused.is_some());
        let heap = Watching::Again { capture, calls, narrow, told: first.told.clone().again() };
        let job = Job { heap, echo: None, inject_host_leak: false, ..self.job.clone() };
        let second = run(self.engine, &job);
        again.host_leak = second.host_leak;
        again.by_wall_clock = second.ended_by_wall_clock();
        if self.job.interrupted.load(Ordering::Relaxed) {
            return Err("the second run was interrupted".to_owned());
        }
        let end = match second.heap {
            HeapRun::Tracked(end) => end,
            HeapRun::Untracked(why) => return Err(format!("in a second run, its heap was not tracked: {why}")),
        };
        let ended = second.ending.words();
        // Where fuel ended the first, the second may come further: what it calls its allocator for is all that counts.
        if calls.is_none() && ended != ran.ending.words() {
            return Err(format!("a second run differed: {ended}"));
        }
        if end.trace != first.trace {
            return Err("a second run differed: it allocated otherwise".to_owned());
        }
        Ok(end)
    }

    /// What was allocated where.
    fn profile_of(&self, end: &HeapEnd) -> HeapProfile {
        let mut by_stack: BTreeMap<Stack, [u64; 4]> = BTreeMap::new();
        for place in end.captured.all() {
            by_stack.insert(place.stack.clone(), [place.objects, place.space, 0, 0]);
        }
        for (_, size, stack) in end.captured.blocks() {
            let sums = by_stack.entry(stack.clone()).or_default();
            sums[2] += 1;
            sums[3] += u64::from(size);
        }
        let left_out = end.captured.left_out();
        let missing = (left_out > 0).then(|| {
            let why = format!("more different stacks than are kept: {left_out} allocations are left out");
            self.missing(false, why)
        });
        let site = |(stack, sums): (Stack, [u64; 4])| {
            let [alloc_objects, alloc_space, inuse_objects, inuse_space] = sums;
            ProfileSite {
                module: self.job.module.name.to_string(),
                test: self.job.test.to_string(),
                stack: self.job.module.symbols.frames(&stack),
                alloc_objects,
                alloc_space,
                inuse_objects,
                inuse_space,
            }
        };
        HeapProfile { sites: by_stack.into_iter().map(site).collect(), missing: missing.into_iter().collect() }
    }

    fn missing(&self, all: bool, why: String) -> Missing {
        Missing { module: self.job.module.name.to_string(), test: self.job.test.to_string(), all, why }
    }
}

/// The numbers of the allocations of the last round, if there were several.
fn last_round(ran: &Run) -> RangeInclusive<u64> {
    match &ran.rounds[..] {
        [_, .., last] => last.before.allocations + 1..=last.after.allocations,
        _ => RangeInclusive::new(1, 0),
    }
}

fn own_blocks(picture: &EndPicture) -> impl Iterator<Item = &Block> {
    picture.blocks.iter().filter(|block| block.own)
}

/// Which blocks of the test's own are lost and which are retained, by the second run where there is one; else by what is
/// certain without.
fn balance(first: &EndPicture, second: Result<Box<HeapEnd>, String>, last_round: RangeInclusive<u64>) -> Balance {
    let here = first.picture(first);
    let (reached, captured, doubt) = match second {
        Ok(second) => match second.picture.as_ref().map(|there| agreed(&here, &there.picture(first))) {
            Some(Ok(reached)) => (reached, Some(second), None),
            Some(Err(differs)) => (plain(&here), Some(second), Some(format!("a second run differed: {differs}"))),
            None => (plain(&here), Some(second), Some("a second run differed: it left nothing".to_owned())),
        },
        Err(doubt) => (plain(&here), None, Some(doubt)),
    };
    let with_stack = |wanted: &dyn Fn(&Block, bool) -> bool| {
        let blocks = first.blocks.iter().zip(&reached).filter(|(block, reached)| block.own && wanted(block, **reached));
        let stack = |block: &Block| captured.as_ref().and_then(|end| end.captured.stack(block.number)).cloned();
        blocks.map(|(block, _)| (*block, stack(block))).collect::<Vec<_>>()
    };
    Balance {
        lost: sites(&with_stack(&|_, reached| !reached)),
        retained: sites(&with_stack(&|_, reached| reached)),
        of_last_round: sites(&with_stack(&|block, _| last_round.contains(&block.number))),
        doubt,
    }
}
