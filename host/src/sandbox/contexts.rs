//! A module that numbers its calling contexts, for a run that captures the stacks of many allocations: each different stack is then
//! captured once. See [`crate::instrument::tell_contexts`].

use super::compile::compile;
use super::module::LoadedModule;
use crate::catalogue::Module as Parsed;
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
        let made = self.telling_contexts.get_or_init(|| match self.tell_contexts() {
            Ok(module) => Some(Box::new(module)),
            Err(why) => {
                tracing::debug!(
                    "{}: each stack is captured, for its calling contexts cannot be numbered: {why}",
                    self.name
                );
                None
            }
        });
        made.as_deref()
    }

    fn tell_contexts(&self) -> Result<Self, String> {
        let parsed = Parsed::read(self.symbols.module().0).map_err(|error| error.to_string())?;
        let rewritten = instrument::instrument(&parsed, &self.rewriting).map_err(|error| error.to_string())?;
        let (made, added) = instrument::tell_contexts(&rewritten.bytes).map_err(|error| error.to_string())?;
        let compiled = compile(self.engine(), self.cache.as_ref(), &made).map_err(|error| error.to_string())?;
        let start = rewritten.map.code_start_rewritten.unwrap_or(0);
        self.compiled_again((&rewritten.bytes, &rewritten.map), compiled, (start, Some(added)))
    }
}
