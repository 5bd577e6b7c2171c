//! The books of one test's heap while it runs.

use super::ask::Linear;
use super::picture::EndPicture;
use super::slack::{Plan, Slack};
use super::{Capture, Captured};
use crate::instrument::{HeapHooks, Hook, Hooked};
use crate::ledger::Stack;
use crate::ledger::heap::{BadFree, Call, Crossed, Figures, HeapBook, Trace, Untracked, Watch};
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
    /// The same in a second run, whose blocks are elsewhere, with stacks. It is told the same of its linear memory.
    Again(Capture, Linear),
}

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
    /// What the test was told of its linear memory.
    pub linear: Linear,
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
    pub(super) linear: Linear,
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

    /// Tells the test of its linear memory what an earlier run told it.
    pub fn tell_again(&mut self, linear: Linear) {
        self.linear = linear.again();
    }

    /// The books, where they are kept.
    pub fn book(&mut self) -> Option<&mut HeapBook> {
        self.book.as_mut()
    }

    pub(super) fn hook(&self, which: u32) -> Option<&Hook> {
        self.hooks.as_ref()?.hooks.get(which as usize)
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
    pub fn end(mut self, picture: Option<EndPicture>) -> Result<HeapEnd, Cow<'static, str>> {
        let Some(book) = self.book.take() else {
            return Err(self.unopened.unwrap_or(Cow::Borrowed("it ended before its heap was there")));
        };
        Ok(HeapEnd {
            figures: book.figures().map_err(|why: Untracked| why.to_string())?,
            trace: book.trace(),
            window_open: book.window_open(),
            crossed: self.crossed,
            picture,
            captured: self.captured,
            linear: self.linear,
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
