//! How a call into a guest ended, before anyone judges it.

use super::heap::FuelEndOfFirstRun;
use super::panics::Uncaught;
use super::rerun::{InexactFuel, UsedUp};
use super::state::TestState;
use super::threads::{Deadlocked, EndReason, EndedAll};
use super::wasi::{BrokenLimit, FatalWait, Halt};
use crate::ledger::heap::BadFree;
use crate::ledger::{Stack, both_ends};
use std::sync::Arc;
use wasmtime::{AsContextMut, Trap, WasmBacktrace};

/// The guest called `proc_exit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("proc_exit({0})")]
pub struct GuestExit(pub u32);

/// The guest was stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WallClock {
    /// Its wall-clock limit was reached.
    #[error("the wall-clock limit was reached")]
    Deadline,
    /// The run was interrupted.
    #[error("interrupted")]
    Interrupted,
}

/// Why a guest trapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrapKind {
    /// `unreachable`: how a Rust guest aborts, after a panic for one.
    Unreachable,
    /// The call stack is used up.
    StackOverflow,
    /// An access outside linear memory. Deep recursion in a Rust or C guest also ends here, on its shadow stack.
    MemoryFault,
    /// Anything else, in the engine's words.
    Other(&'static str),
}

impl std::fmt::Display for TrapKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "`unreachable` executed",
            Self::StackOverflow => "call stack exhausted",
            Self::MemoryFault => "out-of-bounds memory access",
            Self::Other(text) => text,
        })
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// It returned.
    Returned,
    /// It left through `proc_exit`.
    Exit {
        /// The status it gave.
        status: u32,
        /// Where.
        stack: Stack,
    },
    /// It trapped.
    Trap {
        /// Why.
        kind: TrapKind,
        /// Where.
        stack: Stack,
    },
    /// Its fuel was used up.
    Fuel {
        /// Where it was then.
        stack: Stack,
    },
    /// Its wall-clock limit was reached.
    Wall {
        /// Where it was then.
        stack: Stack,
        /// The socket it waited for, if it did.
        waited: Option<Box<FatalWait>>,
    },
    /// It waited for something that could never happen.
    Deadlock {
        /// Where.
        stack: Stack,
        /// For which socket.
        waited: Box<FatalWait>,
    },
    /// None of its threads could ever run again.
    Stuck {
        /// Where its main thread was.
        stack: Stack,
        /// All of them.
        threads: Deadlocked,
    },
    /// It made the host move or hold too much.
    Limit {
        /// Which limit, and how far it went.
        broken: BrokenLimit,
        /// Where it was then.
        stack: Stack,
    },
    /// It gave its allocator something back that is not a live block.
    BadFree {
        /// What is wrong with it.
        what: BadFree,
        /// Where.
        stack: Stack,
    },
    /// The run was interrupted.
    Interrupted,
    /// It could not be started, or called the host in a way the host cannot serve: in words.
    Refused(String),
}

impl Ending {
    /// The guest's stack when it ended, innermost frame first, where there is one.
    pub fn stack(&self) -> Option<&Stack> {
        match self {
            Self::Exit { stack, .. }
            | Self::Trap { stack, .. }
            | Self::Fuel { stack }
            | Self::Wall { stack, .. }
            | Self::Deadlock { stack, .. }
            | Self::Stuck { stack, .. }
            | Self::Limit { stack, .. }
            | Self::BadFree { stack, .. } => Some(stack),
            Self::Returned | Self::Interrupted | Self::Refused(_) => None,
        }
    }

    /// Whether the call stack was used up. The compiler decides how deep the calls are then, and so how much was done on the
    /// way down: figures, open handles and refusals of such a test are not the same everywhere.
    pub fn used_up_stack(&self) -> bool {
        matches!(self, Self::Trap { kind: TrapKind::StackOverflow, .. })
    }

    /// A few words, without the stack.
    pub fn words(&self) -> String {
        match self {
            Self::Returned => "returned".into(),
            Self::Exit { status, .. } => format!("left through proc_exit({status})"),
            Self::Trap { kind, .. } => kind.to_string(),
            Self::Fuel { .. } => "out of fuel".into(),
            Self::Wall { waited: None, .. } => "the wall-clock limit was reached".into(),
            Self::Wall { waited: Some(waited), .. } => format!("the wall-clock limit was reached: it {waited}"),
            Self::Deadlock { waited, .. } => format!("it {waited}"),
            Self::Stuck { threads, .. } => threads.to_string(),
            Self::Limit { broken, .. } => broken.to_string(),
            Self::BadFree { what, .. } => what.to_string(),
            Self::Interrupted => "interrupted".into(),
            Self::Refused(why) => why.clone(),
        }
    }

    /// The ending that the error of a call stands for.
    pub(super) fn from_call(mut store: impl AsContextMut<Data = TestState>, error: &wasmtime::Error) -> Self {
        let mut store = store.as_context_mut();
        let backtrace = error.downcast_ref::<WasmBacktrace>();
        let code = &store.data().code;
        let stack = || backtrace.map_or_else(|| [].into(), |found| bounded(code.stack(found)));
        let in_hook = backtrace.is_some_and(|found| code.ends_in_wrapper(found));
        let ending = Self::from_error(error, stack);
        let is_exact = error.is::<FuelEndOfFirstRun>() || error.is::<UsedUp>();
        if in_hook && matches!(ending, Self::Fuel { .. }) && !is_exact {
            store.data_mut().heap.slack.ran_dry_in_hook();
        }
        ending
    }

    /// Whether it was the wall clock that ended a call with this error.
    pub(super) fn is_by_wall_clock(error: &wasmtime::Error) -> bool {
        matches!(Self::from_error(error, || [].into()), Self::Wall { .. })
    }

    fn from_error(error: &wasmtime::Error, stack: impl Fn() -> Stack) -> Self {
        if let Some(halt) = error.downcast_ref() {
            return Self::from_halt(halt, stack);
        }
        if let Some(threads) = error.downcast_ref::<Deadlocked>() {
            let stack = threads.threads.first().map_or_else(|| [].into(), |main| bounded(Arc::clone(&main.stack)));
            return Self::Stuck { stack, threads: threads.clone() };
        }
        if let Some(EndedAll { why, stack }) = error.downcast_ref() {
            let stack = bounded(Arc::clone(stack));
            return match why {
                EndReason::Fuel => Self::Fuel { stack },
                EndReason::Clock(WallClock::Deadline) => Self::Wall { stack, waited: None },
                EndReason::Clock(WallClock::Interrupted) => Self::Interrupted,
            };
        }
        if let Some(broken) = error.downcast_ref::<BrokenLimit>() {
            return Self::Limit { broken: *broken, stack: stack() };
        }
        if let Some(what) = error.downcast_ref::<BadFree>() {
            return Self::BadFree { what: *what, stack: stack() };
        }
        if error.is::<InexactFuel>() || error.is::<FuelEndOfFirstRun>() || error.is::<UsedUp>() {
            return Self::Fuel { stack: stack() };
        }
        if error.is::<Uncaught>() {
            return Self::Trap { kind: TrapKind::Unreachable, stack: stack() };
        }
        match error.downcast_ref() {
            Some(Trap::OutOfFuel) => Self::Fuel { stack: stack() },
            Some(Trap::Interrupt) => Self::Wall { stack: stack(), waited: None },
            Some(trap) => Self::Trap { kind: kind(*trap), stack: stack() },
            None => Self::Refused(error.root_cause().to_string()),
        }
    }

    fn from_halt(halt: &Halt, stack: impl Fn() -> Stack) -> Self {
        match halt {
            Halt::Exit(GuestExit(status)) => Self::Exit { status: *status, stack: stack() },
            Halt::Clock(WallClock::Deadline) => Self::Wall { stack: stack(), waited: None },
            Halt::Clock(WallClock::Interrupted) => Self::Interrupted,
            Halt::Wait(waited) if waited.forever => Self::Deadlock { stack: stack(), waited: waited.clone().into() },
            Halt::Wait(waited) => Self::Wall { stack: stack(), waited: Some(waited.clone().into()) },
            Halt::Descriptors(_) | Halt::Pointer(_) | Halt::Until(_) => Self::Refused(halt.to_string()),
        }
    }
}

/// Frames that are kept of each end of a stack: a recursion can be a hundred thousand deep, and a thousand clean-ups can each
/// end in one.
const END_FRAMES: usize = 2048;

fn bounded(stack: Stack) -> Stack {
    both_ends(stack, END_FRAMES)
}

fn kind(trap: Trap) -> TrapKind {
    match trap {
        Trap::UnreachableCodeReached => TrapKind::Unreachable,
        Trap::StackOverflow => TrapKind::StackOverflow,
        Trap::MemoryOutOfBounds => TrapKind::MemoryFault,
        Trap::HeapMisaligned => TrapKind::Other("misaligned atomic access"),
        Trap::TableOutOfBounds => TrapKind::Other("out-of-bounds table access"),
        Trap::IndirectCallToNull => TrapKind::Other("indirect call to a null function"),
        Trap::BadSignature => TrapKind::Other("indirect call with the wrong signature"),
        Trap::IntegerOverflow => TrapKind::Other("integer overflow"),
        Trap::IntegerDivisionByZero => TrapKind::Other("integer division by zero"),
        // Of what the engine makes for the guest, only exceptions.
        Trap::AllocationTooLarge => TrapKind::Other("more exceptions were thrown than there is memory for"),
        Trap::NullReference => TrapKind::Other("null reference"),
        Trap::BadConversionToInteger => TrapKind::Other("invalid conversion to integer"),
        _ => TrapKind::Other("trap"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RawFrame;
    use std::sync::Arc;

    #[test]
    fn both_ends_of_a_long_stack_are_kept() {
        let stack = |frames: u32| (0..frames).map(|function| RawFrame { function, offset: None }).collect::<Stack>();
        let short = stack(4096);
        assert_eq!(bounded(Arc::clone(&short)), short);
        let kept = bounded(stack(100_000));
        assert_eq!((kept.len(), kept[2047].function, kept[2048]), (4097, 2047, RawFrame::LEFT_OUT));
        assert_eq!((kept[2049].function, kept[4096].function), (97_952, 99_999));
    }
}
