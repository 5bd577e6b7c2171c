//! From the end of a test's heap to lost and retained blocks, each with the place it was allocated at.
//!
//! The first run keeps no stacks. Where blocks of the test's own are left, the test is run again, elsewhere in memory: a word
//! that is a pointer has moved with what it points to, and the stacks of just these allocations are captured.

use super::judge::Judgement;
use crate::ledger::Stack;
use crate::ledger::heap::reach::{agreed, plain};
use crate::ledger::heap::sites::{Site, sites};
use crate::ledger::heap::{Block, Figures};
use crate::policy::{LeakAction, Policy};
use crate::report::model::Harness;
use crate::report::profile::{HeapProfile, ProfileSite};
use crate::sandbox::heap::{Capture, Crossing, EndPicture, HeapEnd, HeapRun, Watching};
use crate::sandbox::{Ending, Engine, Job, Run, run};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
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
    /// What is not certain.
    pub doubt: Option<String>,
}

/// What a second run was needed for, beside the account.
#[derive(Debug, Default)]
pub struct Again {
    /// Host descriptors that it left open: a bug of ours.
    pub host_leak: u64,
    /// Whether the wall clock ended it.
    pub by_wall_clock: bool,
    /// Every allocation of the test's own, where a profile is wanted.
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
        let end = match std::mem::replace(&mut ran.heap, HeapRun::Untracked(Cow::Borrowed(""))) {
            HeapRun::Untracked(why) => return (Account::Untracked(why), Again::default()),
            HeapRun::Tracked(end) => end,
        };
        if self.harness == Harness::Command && end.window_open && matches!(ran.ending, Ending::Exit { status: 0, .. }) {
            let why = crate::ledger::heap::Untracked::LeftMain.to_string();
            return (Account::Untracked(why.into()), Again::default());
        }
        let picture = end.picture.as_ref().filter(|_| judgement.normal_finish && self.is_wanted());
        let mut again = Again::default();
        let second = if picture.is_some() || self.profile { self.run_again(ran, &end, &mut again) } else { Err(None) };
        let balance = match picture {
            Some(picture) => Some(balance(picture, second, last_round(ran))),
            None => judgement.normal_finish.then(Balance::default).filter(|_| self.is_wanted()),
        };
        (Account::Tracked { figures: end.figures, balance, crossed: end.crossed }, again)
    }

    /// Whether anybody asks for lost or retained blocks.
    fn is_wanted(&self) -> bool {
        let Policy { leaks, limits, .. } = &**self.job.grants.policy();
        let ignored = leaks.heap == LeakAction::Ignore && leaks.retained == LeakAction::Ignore;
        !ignored || limits.lost.is_some() || limits.retained.is_some()
    }

    /// Runs the test a second time. If it is not the same, or cannot be, says why in words; `None` where nobody is to know.
    fn run_again(&self, ran: &Run, first: &HeapEnd, again: &mut Again) -> Result<Box<HeapEnd>, Option<String>> {
        if let Some(grant) = self.job.grants.policy().unrepeatable() {
            return Err(Some(format!("a second run would tell, and cannot be done: the test is granted {grant}")));
        }
        let numbers = || first.picture.iter().flat_map(own_blocks).map(|block| block.number);
        let capture = if self.profile { Capture::All } else { Capture::Numbers(sorted(numbers().collect())) };
        let heap = Watching::Again(capture, first.linear.clone());
        let job = Job { heap, echo: None, inject_host_leak: false, ..self.job.clone() };
        let second = run(self.engine, &job);
        again.host_leak = second.host_leak;
        again.by_wall_clock = second.ended_by_wall_clock();
        if self.job.interrupted.load(Ordering::Relaxed) {
            return Err(Some("the second run that would tell was interrupted".to_owned()));
        }
        let end = match second.heap {
            HeapRun::Tracked(end) => end,
            HeapRun::Untracked(why) => return Err(Some(format!("in a second run, its heap was not tracked: {why}"))),
        };
        if second.ending.words() != ran.ending.words() {
            return Err(Some(format!("a second run differed: {}", second.ending.words())));
        }
        if end.trace != first.trace {
            return Err(Some("a second run differed: it allocated otherwise".to_owned()));
        }
        if self.profile {
            again.profile = self.profile_of(&end);
        }
        Ok(end)
    }

    /// What was allocated where.
    fn profile_of(&self, end: &HeapEnd) -> HeapProfile {
        let live: HashSet<u64> = end.picture.iter().flat_map(own_blocks).map(|block| block.number).collect();
        let mut by_stack: BTreeMap<Stack, [u64; 4]> = BTreeMap::new();
        for (number, size, stack) in end.captured.all() {
            let size = u64::from(size);
            let held = u64::from(live.contains(&number));
            let sums = by_stack.entry(stack.clone()).or_default();
            for (sum, more) in sums.iter_mut().zip([1, size, held, held * size]) {
                *sum += more;
            }
        }
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
        HeapProfile { sites: by_stack.into_iter().map(site).collect() }
    }
}

/// The numbers of the allocations of the last round, if there were several.
fn last_round(ran: &Run) -> RangeInclusive<u64> {
    match &ran.rounds[..] {
        [_, .., last] => last.before.allocations + 1..=last.after.allocations,
        _ => RangeInclusive::new(1, 0),
    }
}

fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}

fn own_blocks(picture: &EndPicture) -> impl Iterator<Item = &Block> {
    picture.blocks.iter().filter(|block| block.own)
}

/// Which blocks of the test's own are lost and which are retained, by the second run where there is one; else by what is
/// certain without.
fn balance(
    first: &EndPicture,
    second: Result<Box<HeapEnd>, Option<String>>,
    last_round: RangeInclusive<u64>,
) -> Balance {
    let here = first.picture(first);
    let (reached, captured, doubt) = match second {
        Ok(second) => match second.picture.as_ref().map(|there| agreed(&here, &there.picture(first))) {
            Some(Ok(reached)) => (reached, Some(second), None),
            Some(Err(differs)) => (plain(&here), Some(second), Some(format!("a second run differed: {differs}"))),
            None => (plain(&here), Some(second), Some("a second run differed: it left nothing".to_owned())),
        },
        Err(doubt) => (plain(&here), None, doubt),
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
        doubt: doubt.map(in_full),
    }
}

fn in_full(why: String) -> String {
    format!("{why}; without it, more blocks may be lost than are known to be, and places are missing")
}
