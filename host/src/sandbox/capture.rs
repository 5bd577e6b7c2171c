//! The stack of a guest that calls the host.

use super::code::CodeMap;
use super::state::TestState;
use crate::ledger::Stack;
use std::sync::Arc;
use wasmtime::{Caller, WasmBacktrace};

impl CodeMap {
    /// The stack of a guest that calls the host. For a goroutine it is read from Go's own stack: WebAssembly's stack only
    /// goes back to where the goroutine was resumed.
    pub fn capture(caller: &mut Caller<'_, TestState>) -> Stack {
        let code = Arc::clone(&caller.data().code);
        let stack = code.stack(&WasmBacktrace::capture(&*caller));
        code.goroutine(caller, &stack).unwrap_or(stack)
    }

    fn goroutine(&self, caller: &mut Caller<'_, TestState>, stack: &Stack) -> Option<Stack> {
        let (go, calling) = (self.go()?, stack.first()?);
        let tables = go.symbols.go().ok()?;
        let top = caller.get_module_export(&go.pointer)?.into_global()?.get(&mut *caller).i32()?;
        let memory = caller.get_export("memory")?.into_memory()?;
        tables.unwind(memory.data(&*caller), calling.function, top.cast_unsigned()).map(Stack::from)
    }
}
