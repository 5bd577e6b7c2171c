//! How a call into a guest ended, before anything judges it.

use super::threads::ThreadDeadlock;
use super::wasi::{BrokenLimit, FatalWait};
use crate::ledger::Stack;
use crate::ledger::heap::BadFree;

/// Why a guest trapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrapKind {
    /// `unreachable`: a Rust guest aborts like this, for example after a panic.
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
        /// The stack from which it left.
        stack: Stack,
    },
    /// The guest trapped.
    Trap {
        /// Why.
        kind: TrapKind,
        /// Where.
        stack: Stack,
    },
    /// Its fuel was used up.
    Fuel {
        /// The stack at that moment.
        stack: Stack,
    },
    /// Its wall-clock limit was reached.
    Wall {
        /// The stack at that moment.
        stack: Stack,
        /// The socket that the guest waited for, if it did.
        waited: Option<Box<FatalWait>>,
    },
    /// The guest waited for something that could never happen.
    Deadlock {
        /// Where.
        stack: Stack,
        /// The socket that the guest waited for.
        waited: Box<FatalWait>,
    },
    /// None of its threads could ever run again.
    Stuck {
        /// The stack of the main thread.
        stack: Stack,
        /// All threads of the test.
        threads: ThreadDeadlock,
    },
    /// The guest made the host move or hold more than a limit allows.
    Limit {
        /// Which limit, and how far the guest went.
        broken: BrokenLimit,
        /// The stack at that moment.
        stack: Stack,
    },
    /// The guest gave its allocator something back that is not a live block.
    BadFree {
        /// What is wrong with what it gave back.
        what: BadFree,
        /// Where.
        stack: Stack,
    },
    /// The run was interrupted.
    Interrupted,
    /// The guest could not be started, or called the host in a way that the host cannot serve. Holds why, in words.
    Refused(String),
}

impl Ending {
    /// The guest's stack when it ended, innermost frame first; `None` if there is none.
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

    /// Whether the call stack was used up. How deep the calls are then depends on the compiler, and with it how much the
    /// test did on the way down. So figures, open handles and refusals of such a test are not the same everywhere.
    pub fn used_up_stack(&self) -> bool {
        matches!(self, Self::Trap { kind: TrapKind::StackOverflow, .. })
    }

    /// A few words for the ending, without the stack.
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
}
