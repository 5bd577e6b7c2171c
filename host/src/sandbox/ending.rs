//! How a call into a guest ended, before anyone judges it.

use super::threads::Deadlocked;
use super::wasi::{BrokenLimit, FatalWait};
use crate::ledger::Stack;
use crate::ledger::heap::BadFree;

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
}
