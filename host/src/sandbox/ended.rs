//! Which ending the error of a call into a guest stands for.

use super::ending::{Ending, TrapKind};
use super::heap::FuelEndOfFirstRun;
use super::panics::Uncaught;
use super::rerun::{InexactFuel, UsedUp};
use super::state::TestState;
use super::stop::{GuestExit, WallClock};
use super::threads::{EndReason, EndedAll, ThreadDeadlock};
use super::wasi::{BrokenLimit, Halt};
use crate::ledger::heap::BadFree;
use crate::ledger::{Stack, both_ends};
use std::sync::Arc;
use wasmtime::{AsContextMut, Trap, WasmBacktrace};

impl Ending {
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

    /// Whether the wall clock ended a call with this error.
    pub(super) fn is_by_wall_clock(error: &wasmtime::Error) -> bool {
        matches!(Self::from_error(error, || [].into()), Self::Wall { .. })
    }

    fn from_error(error: &wasmtime::Error, stack: impl Fn() -> Stack) -> Self {
        if let Some(halt) = error.downcast_ref() {
            return Self::from_halt(halt, stack);
        }
        if let Some(threads) = error.downcast_ref::<ThreadDeadlock>() {
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

/// Frames that are kept of each end of a stack. A recursion can be a hundred thousand deep, and each of a thousand
/// clean-ups can end in one.
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
        // The engine only allocates exceptions for a guest.
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
