//! A module that numbers its calling contexts, for a run that captures the stacks of many allocations: each different stack is then
//! captured once. See [`crate::instrument::tell_contexts`].

use super::module::LoadedModule;
use crate::instrument;

/// So many stacks are captured in the time that even a small module takes to be rewritten and compiled.
const FEW_STACKS: u64 = 20_000;

/// For each of so many bytes of a module, one more stack is captured while it is compiled.
const BYTES_PER_STACK: u64 = 16;

impl LoadedModule {
    /// The module with numbers for its calling contexts, if so many stacks are captured that this saves time; `None` if it does not, or
    /// if it cannot be had.
    pub(super) fn telling_contexts(&self, stacks: u64) -> Option<&Self> {
        // Goroutines have stacks of their own, which WebAssembly's calls do not tell; each thread has globals of its own.
        if self.context.is_some() || self.has_threads() || self.code.is_go() || self.heap.is_err() {
            return None;
        }
        let bytes = self.symbols.module().0.len() as u64;
        if stacks < FEW_STACKS + bytes / BYTES_PER_STACK {
            return None;
        }
        let made = self.variants.telling_contexts.get_or_init(|| {
            let made = self.with_more_code(|bytes, _| instrument::tell_contexts(bytes));
            made.inspect_err(|why| {
                tracing::debug!(
                    "{}: each stack is captured, for its calling contexts cannot be numbered: {why}",
                    self.name
                );
            })
        });
        made.as_deref().ok()
    }
}
