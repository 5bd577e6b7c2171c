//! The books of one test's heap while it runs.

use super::picture::EndPicture;
use super::{Capture, Captured, SLACK};
use crate::instrument::{HeapHooks, Hook, Hooked};
use crate::ledger::Stack;
use crate::ledger::heap::{BadFree, Call, Crossed, Figures, HeapBook, Left, Trace, Untracked, Watch};
use std::borrow::Cow;
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
    Again(Capture),
}

/// Why the run cannot go on: too little fuel is left to know how much of it the hooks used up.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("out of fuel")]
pub struct NearDry;

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
    /// Calls of hooks so far.
    calls: u64,
    /// The call of a hook that takes [`SLACK`] away.
    slack_until: Option<u64>,
    near_dry: Option<u64>,
}

impl HeapState {
    /// For a module with these hooks. `slack_until` is the call of a hook before which an earlier attempt ran out of fuel.
    pub fn new(hooks: Option<Arc<HeapHooks>>, slack_until: Option<u64>) -> Self {
        Self { hooks, slack_until, ..Self::default() }
    }

    /// From here on, blocks are counted; where their stacks are captured too, new ones are cleared.
    pub fn begin(&mut self, watch: Watch, capture: Capture) {
        self.scrubs = !matches!(capture, Capture::Nothing);
        if self.hooks.is_some() {
            self.book = Some(HeapBook::new(watch));
            self.capture = capture;
        }
    }

    /// Fuel to be given beyond a budget.
    pub fn slack(&self) -> u64 {
        if self.slack_until.is_some() { SLACK } else { 0 }
    }

    /// The call of a hook from which on an attempt with slack is exact, where this one is not.
    pub fn near_dry(&self) -> Option<u64> {
        self.near_dry
    }

    /// Notes that the fuel ran out in a hook's own code, before it could call the host.
    pub fn ran_dry_in_hook(&mut self) {
        if self.slack_until.is_none() {
            self.near_dry.get_or_insert(self.calls + 1);
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
        self.calls += 1;
        match self.slack_until {
            // The engine does not say how far below zero it is.
            None if left == 0 => {
                self.near_dry.get_or_insert(self.calls);
                Err(NearDry)
            }
            Some(until) if self.calls >= until => {
                self.slack_until = None;
                Ok(((left + back).saturating_sub(SLACK), true))
            }
            _ => Ok((left + back, false)),
        }
    }

    pub(super) fn enter(&mut self, call: Call) -> Result<(), BadFree> {
        self.book.as_mut().map_or(Ok(()), |book| book.enter(call))
    }

    pub(super) fn crossed(&mut self, crossed: Crossed, stack: Stack) {
        self.crossed.push(Crossing { crossed, stack });
    }

    pub(super) fn captured(&mut self, number: u64, size: u32, stack: Stack) {
        self.captured.enter(number, size, stack);
    }

    /// Strikes the balance. `picture` is taken only where there is something to be told by it.
    pub fn end(mut self, picture: Option<EndPicture>) -> Result<HeapEnd, Option<Untracked>> {
        let book = self.book.take().ok_or(None)?;
        Ok(HeapEnd {
            figures: book.figures().map_err(Some)?,
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

/// The allocation that a hooked call came to, if it came to one.
pub(super) fn allocated(left: Left) -> Option<(u64, u32, bool, Option<Crossed>)> {
    match left {
        Left::Nothing => None,
        Left::Allocated { number, size, own, crossed } => Some((number, size, own, crossed)),
    }
}
