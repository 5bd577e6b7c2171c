//! From what the engine says of a stack to what the original module's debug information is read with.

use crate::instrument::Hooks;
use crate::ledger::{RawFrame, Stack};
use std::sync::Arc;
use wasmtime::WasmBacktrace;

/// Where the original's code is in the module that runs.
#[derive(Debug, Default)]
pub struct CodeMap {
    /// Where the code section's contents start in the module that runs.
    start: usize,
    hooks: Option<Arc<Hooks>>,
}

impl CodeMap {
    /// Of a rewritten module.
    pub fn new(start: usize, hooks: Option<Arc<Hooks>>) -> Self {
        Self { start, hooks }
    }

    /// A captured stack without names, as the original module would have it.
    pub fn stack(&self, backtrace: &WasmBacktrace) -> Stack {
        let frames = backtrace.frames().iter().map(|frame| RawFrame {
            function: frame.func_index(),
            offset: frame.module_offset().and_then(|at| u32::try_from(at.checked_sub(self.start)?).ok()),
        });
        match &self.hooks {
            Some(hooks) => hooks.restore(frames.collect()).into(),
            None => frames.collect(),
        }
    }

    /// Whether the innermost function is a wrapper of ours.
    pub fn ends_in_wrapper(&self, backtrace: &WasmBacktrace) -> bool {
        let innermost = backtrace.frames().first().map(wasmtime::FrameInfo::func_index);
        self.hooks.as_ref().zip(innermost).is_some_and(|(hooks, function)| hooks.in_wrapper(function))
    }
}
