use std::sync::Arc;

/// One frame of a guest's stack, as the engine knows it: no names, no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RawFrame {
    /// Index of the function in the module's function index space.
    pub function: u32,
    /// Offset of the instruction from the start of the code section's contents (what DWARF addresses are relative to).
    pub offset: Option<u32>,
}

/// A captured stack, innermost frame first.
pub type Stack = Arc<[RawFrame]>;

/// A stack without its middle, where it has more than `each` frames at each end: a recursion can be a hundred thousand deep.
pub(crate) fn both_ends(stack: Stack, each: usize) -> Stack {
    if stack.len() <= 2 * each {
        return stack;
    }
    stack[..each].iter().chain(&stack[stack.len() - each..]).copied().collect()
}
