//! From the engine's stack to a stack of the original module, which is what the debug information is about.

use crate::instrument::{AddedCalls, Hooks, ThreadHooks};
use crate::ledger::{RawFrame, Stack};
use crate::symbols::Symbols;
use std::ops::Range;
use std::sync::Arc;
use wasmtime::{ModuleExport, WasmBacktrace};

/// Where code of the original module is in the module that runs.
#[derive(Debug, Default)]
pub struct CodeMap {
    /// Where the code section's contents start in the module that runs.
    start: usize,
    hooks: Option<Arc<Hooks>>,
    /// The calls of the host that were put into its code, the last that were put in first: the charges for bulk operations, where the
    /// compiler does not charge them, and what tells where fuel is spent.
    added: Vec<AddedCalls>,
    /// The functions that were added for the waits of threads.
    waits: Range<u32>,
    /// How the stacks of goroutines are found, in a Go binary.
    go: Option<GoStack>,
}

/// Where the stack of the running goroutine is, and the tables that tell its calls.
pub struct GoStack {
    /// The global that holds the goroutine's stack pointer.
    pub pointer: ModuleExport,
    pub symbols: Arc<Symbols>,
}

impl std::fmt::Debug for GoStack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GoStack").field("symbols", &self.symbols).finish_non_exhaustive()
    }
}

impl CodeMap {
    /// Of a rewritten module. `start` is where the code section's contents started before any of these calls were put in, of which the
    /// last come first.
    pub fn new(start: usize, hooks: Option<Arc<Hooks>>, added: impl IntoIterator<Item = AddedCalls>) -> Self {
        let added: Vec<_> = added.into_iter().collect();
        let start = added.first().map_or(start, |added| added.start);
        Self { start, hooks, added, waits: 0..0, go: None }
    }

    /// The map of a module with threads, whose waits are calls of the host.
    pub fn threaded(hooks: Option<Arc<Hooks>>, threads: &ThreadHooks) -> Self {
        Self { start: threads.code_start, hooks, added: Vec::new(), waits: threads.functions.clone(), go: None }
    }

    /// The same map, for a Go binary.
    pub fn with_go(self, go: Option<GoStack>) -> Self {
        Self { go, ..self }
    }

    /// How the stacks of goroutines are found, in a Go binary.
    pub fn go(&self) -> Option<&GoStack> {
        self.go.as_ref()
    }

    /// Whether the module is a Go binary.
    pub fn is_go(&self) -> bool {
        self.go.is_some()
    }

    /// A captured stack as frames of the original module, without names.
    pub fn stack(&self, backtrace: &WasmBacktrace) -> Stack {
        let back = |at: usize| {
            let offset = u32::try_from(at.checked_sub(self.start)?).ok()?;
            Some(self.added.iter().fold(offset, |offset, added| added.back(offset)))
        };
        let is_own = |function| !self.is_added(function) && !self.waits.contains(&function);
        let frames = backtrace.frames().iter().filter(|frame| is_own(frame.func_index()));
        let frames =
            frames.map(|frame| RawFrame { function: frame.func_index(), offset: frame.module_offset().and_then(back) });
        match &self.hooks {
            Some(hooks) => hooks.restore(frames.collect()).into(),
            None => frames.collect(),
        }
    }

    /// Whether a function is one of those that the calls which were put in go to.
    fn is_added(&self, function: u32) -> bool {
        self.added.iter().any(|added| added.functions.contains(&function))
    }

    /// Whether the innermost function was added by airtight to call the host.
    pub fn ends_in_wrapper(&self, backtrace: &WasmBacktrace) -> bool {
        let Some(innermost) = backtrace.frames().first().map(wasmtime::FrameInfo::func_index) else { return false };
        self.is_added(innermost) || self.hooks.as_ref().is_some_and(|hooks| hooks.in_wrapper(innermost))
    }
}
