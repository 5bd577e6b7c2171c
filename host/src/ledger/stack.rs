use std::sync::Arc;

/// One frame of a guest's stack, as the engine knows it: no names, no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RawFrame {
    /// Index of the function in the module's function index space.
    pub function: u32,
    /// Offset of the instruction from the start of the code section's contents (what DWARF addresses are relative to).
    pub offset: Option<u32>,
}

impl RawFrame {
    /// What stands for the frames that [`both_ends`] leaves out; no module has as many functions. How many they were is not part
    /// of it, so that a recursion is one place however deep it is.
    pub const LEFT_OUT: Self = Self { function: u32::MAX, offset: None };
}

/// A captured stack, innermost frame first.
pub type Stack = Arc<[RawFrame]>;

/// A stack with [`RawFrame::LEFT_OUT`] for its middle, where it has more than `each` frames at each end: a recursion can be a hundred thousand deep.
pub(crate) fn both_ends(stack: Stack, each: usize) -> Stack {
    if stack.len() <= 2 * each {
        return stack;
    }
    let ends = [&stack[..each], &[RawFrame::LEFT_OUT], &stack[stack.len() - each..]];
    ends.concat().into()
}
