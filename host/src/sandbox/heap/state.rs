//! The books of one test's heap while it runs.

use super::picture::EndPicture;
use super::slack::{Plan, Slack};
use super::told::Told;
use super::{Capture, Captured};
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
        /// Whether the first run met its limit on linear memory.
        narrow: bool,
        /// What the first run was told: the second is told the same.
        told: Told,
    },
}

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
    /// Stacks, of a run that was to capture them; by number, those of the blocks that were live, however it ended.
    pub captured: Captured,
    /// Calls that count until the fuel of a call of the test ended, where it did.
    pub calls: Option<u64>,
    /// What the test was told.
    pub told: Told,
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
    /// Calls that count after which the run ends.
    most_calls: Option<u64>,
    /// How many there were when the fuel ended.
    calls: Option<u64>,
    /// What a second run is to be told, too.
    pub told: Told,
    /// How the fuel that the hooks cost is given back.
    pub slack: Slack,
    /// Why the books were not opened.
    unopened: Option<Cow<'static, str>>,
}

impl HeapState {
    /// For a module with these hooks, and by the plan that an earlier attempt came to.
    pub fn new(hooks: Option<Arc<HeapHooks>>, plan: Plan) -> Self {
        Self { hooks, slack: Slack::new(plan), ..Self::default() }
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

    /// The fuel of a call of the test is used up: its clean-ups have their own.
    pub fn fuel_ended(&mut self) {
        self.calls = self.book.as_ref().map(|book| book.trace().events);
        self.most_calls = None;
    }

    /// The books, where they are kept.
    pub fn book(&mut self) -> Option<&mut HeapBook> {
        self.book.as_mut()
    }

    pub(super) fn hook(&self, which: u32) -> Option<&Hook> {
        self.hooks.as_ref()?.hooks.get(which as usize)
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
        if self.captured.is_full()
            && let Some(book) = &mut self.book
        {
            // A heap that is not tracked has no profile: what is kept of it does not matter.
            let _ = forget_gone(&mut self.captured, book);
        }
    }

    /// Strikes the balance. `picture` is taken only where there is something to be told by it.
    pub fn end(mut self, picture: Option<EndPicture>) -> Result<HeapEnd, Cow<'static, str>> {
        let Some(mut book) = self.book.take() else {
            return Err(self.unopened.unwrap_or(Cow::Borrowed("it ended before its heap was there")));
        };
        let in_words = |why: Untracked| why.to_string();
        if matches!(self.capture, Capture::All) {
            forget_gone(&mut self.captured, &mut book).map_err(in_words)?;
        }
        Ok(HeapEnd {
            figures: book.figures().map_err(in_words)?,
            trace: book.trace(),
            window_open: book.window_open(),
            crossed: self.crossed,
            picture,
            captured: self.captured,
            calls: self.calls,
            told: self.told,
        })
    }
}

/// Of blocks that are gone, only the sums by stack are kept.
fn forget_gone(captured: &mut Captured, book: &mut HeapBook) -> Result<(), Untracked> {
    let live: HashSet<u64> = book.blocks()?.into_iter().map(|block| block.number).collect();
    captured.prune(|number| live.contains(&number));
    Ok(())
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
