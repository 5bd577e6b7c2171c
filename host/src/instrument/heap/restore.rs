//! Turns stacks of the rewritten module into those that the original would have had.

use super::hook::{Hook, Hooks};
use crate::ledger::RawFrame;

/// A function that the pass added to the module.
enum AddedFunction<'h> {
    Moved(&'h Hook),
    Wrapper(&'h Hook),
}

impl Hooks {
    /// A stack, innermost frame first, without the frames of wrappers and jumps.
    ///
    /// A stack that was captured in `enter` or `leave` ends in the hooked function, without an offset.
    pub fn restore(&self, mut stack: Vec<RawFrame>) -> Vec<RawFrame> {
        let mut kept = 0;
        let mut next = 0;
        while let Some(&frame) = stack.get(next) {
            next += 1;
            let Some(part) = self.part(frame.function) else {
                stack[kept] = frame;
                kept += 1;
                continue;
            };
            let (hook, restored) = match part {
                AddedFunction::Moved(hook) => {
                    if stack.get(next).is_some_and(|frame| frame.function == hook.wrapper) {
                        next += 1;
                    }
                    (
                        hook,
                        Some(RawFrame { function: hook.function, offset: frame.offset.and_then(|at| hook.back(at)) }),
                    )
                }
                // If anything runs above the wrapper, the body has been left by a tail call. The new body of a filled function
                // counts as the function's own.
                AddedFunction::Wrapper(hook) => (
                    hook,
                    (next == 1 || hook.kind.is_fill()).then_some(RawFrame { function: hook.function, offset: None }),
                ),
            };
            if stack.get(next).is_some_and(|frame| frame.function == hook.function) {
                next += 1;
            }
            if let Some(frame) = restored {
                stack[kept] = frame;
                kept += 1;
            }
        }
        stack.truncate(kept);
        stack
    }

    /// Whether the innermost function of a stack is a wrapper. If fuel ran out in a wrapper, the original still has some left,
    /// and would go on.
    pub fn in_wrapper(&self, innermost: u32) -> bool {
        matches!(self.part(innermost), Some(AddedFunction::Wrapper(hook)) if !hook.kind.is_fill())
    }

    /// Whether a function is a jump, or a wrapper that tells the host of its calls.
    pub fn is_between(&self, function: u32) -> bool {
        self.in_wrapper(function) || self.hooks.binary_search_by_key(&function, |hook| hook.function).is_ok()
    }

    /// The function whose body this function has: itself, where it was not added.
    pub fn function_of(&self, function: u32) -> u32 {
        self.part(function)
            .map_or(function, |(AddedFunction::Moved(hook) | AddedFunction::Wrapper(hook))| hook.function)
    }

    fn part(&self, function: u32) -> Option<AddedFunction<'_>> {
        // Added functions are in the order of the hooks: a moved body and its wrapper for each.
        let added = function.checked_sub(self.hooks.first()?.moved)?;
        let hook = self.hooks.get(added as usize / 2)?;
        Some(if added % 2 == 0 { AddedFunction::Moved(hook) } else { AddedFunction::Wrapper(hook) })
    }
}

impl Hook {
    /// The offset in the original of an offset in the moved body.
    fn back(&self, offset: u32) -> Option<u32> {
        offset.checked_sub(self.moved_body)?.checked_add(self.body)
    }
}
