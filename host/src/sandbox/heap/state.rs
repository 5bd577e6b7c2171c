//! The books of one test's heap while it runs.

use super::picture::EndPicture;
use super::{Capture, Captured, SLACK};
use crate::instrument::{HeapHooks, Hook, Hooked};
use crate::ledger::Stack;
use crate::ledger::heap::{Call, Crossed, Figures, HeapBook, Trace, Untracked, Watch};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use wasmtime::Memory;

/// What is kept of the heap in one run of a test.
#[derive(Debug, Clone, Default)]
pub enum Watching {
    /// Nothing: it is no test.
    #[default]
    Nothing,
    /// Every figure, and no stacks.
    Figures,
    /// The same in a second run, whose blocks are elsewhere, with stacks.
    Again {
        /// Which stacks.
        capture: Capture,
        /// How many calls that count the first run had made when its fuel ended, where it did: the second's ends at the next
        /// one. It is given more, so that what its allocator spends otherwise does not end it.
        calls: Option<u64>,
    },
}

/// Why the run cannot go on: too little fuel is left to know how much of it the hooks used up.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("out of fuel")]
pub struct NearDry;

/// Why a second run goes on no further: the first one's fuel was used up here.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("out of fuel where the first run was")]
pub struct Enough;

/// An allocation that went over a limit.
#[derive(Debug, Clone)]
pub struct Crossing {
    /// Which limit, and the figure.
    pub crossed: Crossed,
    /// Where.
    pub stack: Stack,
}

/// What there is to say of the heap after a run.
#[derive(Debug)]
pub enum HeapRun {
    /// It was not seen, for this reason.
    Untracked(Cow<'static, str>),
    /// It was.
    Tracked(Box<HeapEnd>),
}

/// A heap that was seen.
#[derive(Debug)]
pub struct HeapEnd {
    /// The figures of the test's own blocks.
    pub figures: Figures,
    /// What tells whether another run allocated alike.
    pub trace: Trace,
    /// Whether the test's own code was still on the stack.
    pub window_open: bool,
    /// Limits that were crossed, each once.
    pub crossed: Vec<Crossing>,
    /// The end, where the call returned or the program left with status 0, and blocks of the test's own were live.
    pub picture: Option<EndPicture>,
    /// Stacks, of a run that was to capture them.
    pub captured: Captured,
    /// The numbers of the test's own blocks that were live, however it ended; of a run that was to capture all stacks.
    pub live: HashSet<u64>,
}

/// The state that the hooks work on.
#[derive(Debug, Default)]
pub struct HeapState {
    hooks: Option<Arc<HeapHooks>>,
    pub(super) memory: Option<Memory>,
    pub(super) book: Option<HeapBook>,
    pub(super) capture: Capture,
    captured: Captured,
    /// Whether new blocks are cleared.
    pub(super) scrubs: bool,
    crossed: Vec<Crossing>,
    /// Where the run is.
    at: At,
    /// The call of a hook that takes [`SLACK`] away; it was given to the budget of this call alone.
    slack_until: Option<At>,
    near_dry: Option<At>,
    /// The fuel is used up, though nothing has asked for it yet.
    spent: bool,
    /// Calls that count after which the run ends.
    most_calls: Option<u64>,
    /// Why the books were not opened.
    unopened: Option<Cow<'static, str>>,
}

/// A call of a hook: fuel is given for each call into the guest anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    budget: u32,
    call: u64,
}

impl HeapState {
    /// For a module with these hooks. `slack_until` is the call of a hook before which an earlier attempt ran out of fuel.
    pub fn new(hooks: Option<Arc<HeapHooks>>, slack_until: Option<At>) -> Self {
        Self { hooks, slack_until, ..Self::default() }
    }

    /// Says why there will be no books.
    pub fn leave_closed(&mut self, why: Cow<'static, str>) {
        self.unopened = Some(why);
    }

    /// From here on, blocks are counted; where their stacks are captured too, new ones are cleared.
    pub fn begin(&mut self, watch: Watch, capture: Capture) {
        self.scrubs = !matches!(capture, Capture::Nothing);
        if self.hooks.is_some() {
            self.book = Some(HeapBook::new(watch));
            self.capture = capture;
        }
    }

    /// Ends the run when so many calls that count are done and another begins.
    pub fn end_after(&mut self, calls: Option<u64>) {
        self.most_calls = calls;
    }

    /// Another call into the guest begins, with fuel of its own: how much more it gets.
    pub fn next_budget(&mut self) -> u64 {
        self.at = At { budget: self.at.budget + 1, call: 0 };
        self.spent = false;
        if self.has_slack() { SLACK } else { 0 }
    }

    /// Whether the fuel of this call into the guest is [`SLACK`] more than it is to be.
    fn has_slack(&self) -> bool {
        self.slack_until.is_some_and(|until| until.budget == self.at.budget && self.at < until)
    }

    /// The call of a hook from which on an attempt with slack is exact, where this one is not.
    pub fn near_dry(&self) -> Option<At> {
        self.near_dry
    }

    /// Notes that the fuel ran out in a hook's own code, before it could call the host.
    pub fn ran_dry_in_hook(&mut self) {
        if !self.has_slack() {
            self.near_dry.get_or_insert(At { call: self.at.call + 1, ..self.at });
        }
    }

    /// The books, where they are kept.
    pub fn book(&mut self) -> Option<&mut HeapBook> {
        self.book.as_mut()
    }

    pub(super) fn hook(&self, which: u32) -> Option<&Hook> {
        self.hooks.as_ref()?.hooks.get(which as usize)
    }

    /// What is left of the fuel when the hook's own cost is given back, and whether the slack ends here.
    pub fn exact_fuel(&mut self, left: u64, back: u64) -> Result<(u64, bool), NearDry> {
        let had_slack = self.has_slack();
        self.at.call += 1;
        if had_slack && self.has_slack() {
            return Ok((left + back, false));
        }
        if had_slack {
            let fuel = (left + back).saturating_sub(SLACK);
            self.spent = fuel == 0;
            return Ok((fuel, true));
        }
        match left {
            // What asks for fuel next gets none, as it would without hooks.
            0 if self.spent => Ok((0, false)),
            // The engine does not say how far below zero it is.
            0 => {
                self.near_dry.get_or_insert(self.at);
                Err(NearDry)
            }
            _ => Ok((left + back, false)),
        }
    }

    /// Enters a call.
    ///
    /// # Errors
    /// It frees what is no block, or there was [`Enough`].
    pub(super) fn enter(&mut self, call: Call) -> anyhow::Result<()> {
        let Some(book) = &mut self.book else { return Ok(()) };
        if self.most_calls.is_some_and(|most| book.trace().events >= most) {
            return Err(Enough.into());
        }
        Ok(book.enter(call)?)
    }

    pub(super) fn crossed(&mut self, crossed: Crossed, stack: Stack) {
        self.crossed.push(Crossing { crossed, stack });
    }

    pub(super) fn captured(&mut self, number: u64, size: u32, stack: Stack) {
        self.captured.enter(number, size, stack);
    }

    /// Strikes the balance. `picture` is taken only where there is something to be told by it.
    pub fn end(mut self, picture: Option<EndPicture>) -> Result<HeapEnd, Cow<'static, str>> {
        let Some(mut book) = self.book.take() else {
            return Err(self.unopened.unwrap_or(Cow::Borrowed("it ended before its heap was there")));
        };
        let in_words = |why: Untracked| why.to_string();
        let live = match self.capture {
            Capture::All => book.blocks().map_err(in_words)?,
            Capture::Nothing | Capture::Numbers(_) => Vec::new(),
        };
        Ok(HeapEnd {
            live: live.into_iter().filter(|block| block.own).map(|block| block.number).collect(),
            figures: book.figures().map_err(in_words)?,
            trace: book.trace(),
            window_open: book.window_open(),
            crossed: self.crossed,
            picture,
            captured: self.captured,
        })
    }
}

/// What a hooked function was called for.
pub(super) fn call_of(kind: Hooked, a: u32, b: u32) -> Call {
    match kind {
        Hooked::Malloc => Call::Malloc { size: a },
        Hooked::Calloc => Call::Calloc { count: a, size: b },
        Hooked::Realloc => Call::Realloc { ptr: a, size: b },
        Hooked::Free => Call::Free { ptr: a },
        Hooked::PosixMemalign => Call::PosixMemalign { to: a, size: b },
        Hooked::AlignedAlloc | Hooked::Memalign => Call::Aligned { size: b },
        Hooked::Window => Call::Window,
        Hooked::Libc => Call::Libc,
    }
}
