//! From the end of a test's heap to lost and retained blocks, each with the place it was allocated at.
//!
//! The first run keeps no stacks. If blocks of the test's own are left, the test is run a second time (see
//! [`crate::sandbox::rerun`]), and the ends of the two runs are compared.

use super::judge::Judgement;
use super::keepers::keepers;
use super::last_pointers::last_pointers_of;
use super::places::{AllocationPlace, PlaceFinder};
use super::profile_room::keep;
use super::threads::{HeldBlocks, held_blocks};
use crate::catalogue::RunningStack;
use crate::ledger::Stack;
use crate::ledger::heap::keepers::KeptBlocks;
use crate::ledger::heap::owners::{Lot, lots};
use crate::ledger::heap::reach::{MemoryComparison, plain};
use crate::ledger::heap::sites::{PlacedBlock, Site, sites};
use crate::ledger::heap::{Block, Figures};
use crate::model::profile::{HeapProfile, Missing, ProfileSite};
use crate::model::resource::{LastPointerRecord, VariableRecord};
use crate::sandbox::heap::{Crossing, EndPicture, HeapEnd, NotTracked};
use crate::sandbox::rerun::{AllocationStacks, HeapDoubt, SecondEnd, SecondRun, StackCapture, second_run};
use crate::sandbox::{BlockScopes, Ending, Job, Run};
use crate::symbols::Symbols;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// What is known of a test's heap.
#[derive(Debug)]
pub enum Account {
    /// The heap was not seen, for this reason.
    Untracked(NotTracked),
    /// The heap was seen.
    Tracked {
        /// The figures of the whole test.
        figures: Figures,
        /// What is left on the heap, after a normal finish or a panic that unwound.
        balance: Option<Box<Balance>>,
        /// The limits that were crossed, each once, and where.
        crossed: Vec<Crossing>,
    },
}

/// What a test left on the heap.
#[derive(Debug, Default)]
pub struct Balance {
    /// The places at which the blocks of this balance were allocated.
    pub places: Vec<AllocationPlace>,
    /// Blocks that nothing reaches.
    pub lost: Vec<Site>,
    /// Blocks that static data reaches.
    pub retained: Vec<Site>,
    /// Who holds the lost blocks and who keeps the retained ones; `None` if that is not certain.
    pub owners: Option<Box<Owners>>,
    /// The lost and retained blocks that the last of several rounds allocated.
    pub of_last_round: Vec<Site>,
    /// Of the retained blocks, those that only the stack of one thread reaches.
    pub held: Vec<HeldBlocks>,
    /// Why the balance is not certain, if it is not.
    pub doubt: Option<HeapDoubt>,
}

/// Who holds the blocks that a test left.
#[derive(Debug, Default)]
pub struct Owners {
    /// The lost blocks, grouped by who holds whom.
    pub lots: Vec<Lot>,
    /// The retained blocks, grouped by the variable that keeps them, and these variables by number; `None` if that is not
    /// certain.
    pub kept: Option<(Vec<KeptBlocks>, Vec<VariableRecord>)>,
    /// For each lot, when the last pointer to its blocks went; `None` where that is not looked for.
    pub last_pointers: Vec<Option<LastPointerRecord>>,
}

impl Balance {
    /// Whether more blocks may be lost, and fewer retained. Without a second run only this is certain: nothing reaches a
    /// lost block.
    pub fn is_bounded(&self) -> bool {
        self.doubt.is_some() && !self.retained.is_empty()
    }
}

/// All that the look at a test's heap came to.
#[derive(Debug)]
pub struct Audit {
    /// The account itself.
    pub account: Account,
    /// Every allocation of the test's own, if a profile is wanted, or why they are not known.
    pub profile: HeapProfile,
    /// Host descriptors that a second run left open: a bug of ours.
    pub host_leak: u64,
    /// Whether the wall clock ended the second run.
    pub by_wall_clock: bool,
}

/// How a test's heap is accounted for.
pub struct Accountant<'a> {
    pub job: &'a Job<'a>,
    pub profile: bool,
    /// Whether to look for when the last pointers to lost blocks went.
    pub follows_pointers: bool,
}

impl Accountant<'_> {
    /// Strikes the balance of a run that was judged already. It does a second run if one is needed.
    pub fn audit(&self, first: &Run, judgement: &Judgement) -> Audit {
        let mut audit = Audit {
            account: Account::Untracked(NotTracked::NotStarted),
            profile: HeapProfile::default(),
            host_leak: 0,
            by_wall_clock: false,
        };
        let end = match first.heap.as_deref() {
            Ok(end) => end,
            Err(why) => {
                let why = why.clone();
                if self.profile {
                    audit.profile.missing.push(self.missing(true, format!("heap not tracked: {why}")));
                }
                audit.account = Account::Untracked(why);
                return audit;
            }
        };
        let wanted = judgement.has_balance() && self.job.grants.policy().asks_for_blocks();
        let picture = end.picture.as_ref().filter(|_| wanted);
        let second = (picture.is_some() || self.profile).then(|| {
            let SecondRun { end, host_leak, by_wall_clock } = self.second_run(first, end);
            audit.host_leak = host_leak;
            audit.by_wall_clock = by_wall_clock;
            end
        });
        if let Some(second) = second.as_ref().filter(|_| self.profile) {
            audit.profile = match second {
                Ok(second) => self.profile_from(second.stacks()),
                Err(doubt) => HeapProfile { sites: Vec::new(), missing: vec![self.missing(true, doubt.to_string())] },
            };
        }
        let balance = match (picture, second) {
            (Some(picture), Some(mut second)) => {
                let may_hold_more = || self.may_hold_more(first, end);
                let scopes = BlockScopes::new(first.sdk.as_ref().map_or(&[], |said| &said.subtests));
                let symbols = &self.job.module.symbols;
                let origins = second.as_mut().map(SecondEnd::take_origins).unwrap_or_default();
                let mut balance = balance(picture, second, (last_round(first), &scopes, symbols), may_hold_more);
                if let Some(owners) = balance.owners.as_mut().filter(|_| self.follows_pointers) {
                    let found = last_pointers_of(self.job, (first, end), (&owners.lots, &origins));
                    owners.last_pointers = found.told;
                    audit.host_leak += found.host_leak;
                    audit.by_wall_clock |= found.by_wall_clock;
                }
                Some(Box::new(balance))
            }
            _ => wanted.then(Box::default),
        };
        audit.account = Account::Tracked { figures: end.figures, balance, crossed: end.crossed.clone() };
        audit
    }

    /// Whether running functions may hold pointers where the host does not see them. Such functions are the program's own
    /// that were running when it left through `exit(0)`, and those of threads that had not ended.
    fn may_hold_more(&self, first: &Run, end: &HeapEnd) -> bool {
        let own = match &first.ending {
            Ending::Exit { stack, .. } if end.window_open => Some(RunningStack { frames: stack, arguments: 0 }),
            _ => None,
        };
        let threads = first.threads.iter();
        if threads.clone().any(|thread| thread.stack.is_empty()) {
            return true;
        }
        // The first function of a thread is given two arguments: the thread's number and what it is to do.
        let threads = threads.map(|thread| RunningStack { frames: &thread.stack, arguments: 2 });
        let stacks: Vec<RunningStack<'_>> = own.into_iter().chain(threads).collect();
        !stacks.is_empty() && !self.job.module.hold_nothing(&stacks)
    }

    /// Runs the test a second time with the stacks that are needed: of all allocations for a profile, otherwise of the
    /// blocks that are left.
    fn second_run(&self, first: &Run, end: &HeapEnd) -> SecondRun {
        let numbers = || end.picture.iter().flat_map(own_blocks).map(|block| block.number);
        let capture = if self.profile { StackCapture::All } else { StackCapture::numbers(numbers().collect()) };
        second_run(self.job, (first, end), capture)
    }

    /// A profile: how much was allocated at each stack, and how much is in use.
    fn profile_from(&self, stacks: &AllocationStacks) -> HeapProfile {
        let mut by_stack: BTreeMap<Stack, [u64; 4]> = BTreeMap::new();
        for totals in stacks.all() {
            by_stack.insert(totals.stack.clone(), [totals.objects, totals.space, 0, 0]);
        }
        for (_, size, stack) in stacks.blocks() {
            let sums = by_stack.entry(stack.clone()).or_default();
            sums[2] += 1;
            sums[3] += u64::from(size);
        }
        let site = |(stack, sums): (Stack, [u64; 4])| {
            let [alloc_objects, alloc_space, inuse_objects, inuse_space] = sums;
            ProfileSite {
                module: self.job.module.name.to_string(),
                test: self.job.test.to_string(),
                stack: self.job.module.symbols.frames_of_allocation(&stack),
                alloc_objects,
                alloc_space,
                inuse_objects,
                inuse_space,
            }
        };
        let (sites, others) = keep(by_stack.into_iter().map(site));
        let left_out = stacks.left_out();
        let whys = [
            (left_out > 0).then(|| format!("more different stacks than are kept: {left_out} allocations are left out")),
            (others > 0).then(|| format!("its stacks have too many bytes: {others} of them are left out")),
        ];
        let missing = whys.into_iter().flatten().map(|why| self.missing(false, why)).collect();
        HeapProfile { sites, missing }
    }

    fn missing(&self, all: bool, why: String) -> Missing {
        Missing { module: self.job.module.name.to_string(), test: self.job.test.to_string(), all, why }
    }
}

/// The numbers of the allocations of the last round; empty if there was only one round.
fn last_round(ran: &Run) -> RangeInclusive<u64> {
    match &ran.rounds[..] {
        [_, .., last] => last.before.allocations + 1..=last.after.allocations,
        _ => RangeInclusive::new(1, 0),
    }
}

fn own_blocks(picture: &EndPicture) -> impl Iterator<Item = &Block> {
    picture.blocks.iter().filter(|block| block.own)
}

/// Which blocks of the test's own are lost and which are retained. A second run decides, if there is one; without it, only
/// what is certain counts. If running functions may hold more than is seen, an unreached block is not surely lost.
fn balance(
    first: &EndPicture,
    second: Result<SecondEnd, HeapDoubt>,
    (last_round, scopes, symbols): (RangeInclusive<u64>, &BlockScopes, &Symbols),
    may_hold_more: impl Fn() -> bool,
) -> Balance {
    let here = first.picture(first);
    let (second, mut doubt) = match second {
        Ok(second) => (Some(second), None),
        Err(doubt) => (None, Some(doubt)),
    };
    let end_of_second = second.as_ref().map(|second| match second {
        SecondEnd::Whole(end) => end.picture.as_ref(),
        // All that matters of the second run's end is that the words of the first are pointers: they are compared with
        // themselves.
        SecondEnd::Early(_) => Some(first),
    });
    let there = end_of_second.map(|picture| picture.map(|picture| picture.picture(first)));
    let mut comparison = match &there {
        Some(Some(there)) => MemoryComparison::new(&here, there).map_err(|differs| doubt = Some(differs.into())).ok(),
        Some(None) => {
            doubt = Some(HeapDoubt::NothingLeft);
            None
        }
        None => None,
    };
    let certain = end_of_second.flatten().filter(|_| doubt.is_none());
    let held = held_blocks(first, certain);
    let agreed = comparison.as_ref().map(MemoryComparison::reached);
    if let Some((both, agreed)) = comparison.as_ref().zip(agreed.as_ref())
        && let Err(differs) = both.check_stored(agreed)
    {
        doubt = Some(differs.into());
        comparison = None;
    }
    let mut reached = agreed.filter(|_| comparison.is_some()).unwrap_or_else(|| plain(&here));
    let is_lost = |(block, reached): (&Block, &bool)| block.own && !reached;
    if first.blocks.iter().zip(&reached).any(is_lost) && may_hold_more() {
        reached.fill(true);
        doubt.get_or_insert(HeapDoubt::Running);
    }
    // A block that was there before and became its own, as it reallocated it, is its test's to tell of.
    let is_own = |block: &Block| block.own && block.number > first.foundation;
    let mut own: Vec<usize> = (0..first.blocks.len()).filter(|index| is_own(&first.blocks[*index])).collect();
    own.sort_unstable_by_key(|index| first.blocks[*index].number);
    let (retained, lost): (Vec<usize>, Vec<usize>) = own.into_iter().partition(|index| reached[*index]);
    let mut finder = PlaceFinder::new(symbols, second.as_ref().map(SecondEnd::stacks));
    let [lost_blocks, retained_blocks] =
        [&lost, &retained].map(|all| finder.place(all.iter().map(|index| &first.blocks[*index]), scopes));
    let is_certain = doubt.is_none();
    let owners = comparison.map(|comparison| {
        let lots = lots(&lost_blocks, &comparison.holding(&lost), |place| finder.is_counted(place));
        let reached = (&*first.blocks, &*reached);
        let kept = is_certain.then(|| keepers(&comparison, reached, &retained_blocks, symbols));
        Box::new(Owners { lots, kept, last_pointers: Vec::new() })
    });
    let in_last_round = |placed: &&PlacedBlock| last_round.contains(&placed.block.number);
    Balance {
        of_last_round: sites(lost_blocks.iter().chain(&retained_blocks).filter(in_last_round)),
        lost: sites(&lost_blocks),
        retained: sites(&retained_blocks),
        owners,
        held,
        places: finder.finish(),
        doubt,
    }
}
