//! A guest's stack as the engine gives it: numbers, which symbols turn into names and lines.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// One frame of a guest's stack, as the engine knows it: no names, no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RawFrame {
    /// Index of the function in the module's function index space.
    pub function: u32,
    /// Offset of the instruction, in bytes from the start of the code section's contents. DWARF counts its addresses from
    /// there, too.
    pub offset: Option<u32>,
}

/// Stacks are looked up by the thousand: one number a frame is hashed several times as fast as three.
impl Hash for RawFrame {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.function) << 32 | u64::from(self.offset.unwrap_or(u32::MAX)));
    }
}

impl RawFrame {
    /// The frame in place of those that [`both_ends`] leaves out; no module has so many functions. It does not say how many
    /// frames these were, so that a recursion is one place, however deep it is.
    pub const LEFT_OUT: Self = Self { function: u32::MAX, offset: None };

    /// The bit that marks an offset as the number of a block of Go's: no code section is so long.
    const GO: u32 = 1 << 31;

    /// A call on a goroutine's stack: its function, and the block in that function to which the call returns.
    pub fn of_go(function: u32, block: u32) -> Self {
        Self { function, offset: Some(Self::GO | block) }
    }

    /// The block to which the call returns, if this is a call on a goroutine's stack.
    pub fn go_block(self) -> Option<u32> {
        self.offset.filter(|offset| offset & Self::GO != 0).map(|offset| offset & !Self::GO)
    }
}

/// A captured stack, innermost frame first.
pub type Stack = Arc<[RawFrame]>;

/// How many frames of each end [`short`] keeps. Books may keep thousands of such stacks, and the memory for them is not counted
/// in the host's memory for a test.
const SHORT: usize = 64;

/// A stack short enough to be kept by the thousand.
pub(crate) fn short(stack: &Stack) -> Stack {
    both_ends(Stack::clone(stack), SHORT)
}

/// The first and the last `each` frames of a stack, with [`RawFrame::LEFT_OUT`] between them; all of it where it has no more. A
/// recursion can be a hundred thousand frames deep, and its ends tell where it started and where it is.
pub(crate) fn both_ends(stack: Stack, each: usize) -> Stack {
    if stack.len() <= 2 * each {
        return stack;
    }
    let ends = [&stack[..each], &[RawFrame::LEFT_OUT], &stack[stack.len() - each..]];
    ends.concat().into()
}
