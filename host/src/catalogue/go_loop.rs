//! Where a program of Go's goes on after its stack of WebAssembly was left.
//!
//! Go keeps the stacks of its goroutines in linear memory. Its `_start` sets the stack pointer, calls the runtime's beginning, and then
//! a loop that calls whatever function the running goroutine is to go on in:
//! ```text
//! SP = top of the first stack; drop(rt0_go(0)); wasm_pc_f_loop(); return; trap
//! ```
//! A goroutine that gives way leaves all that is on the stack of WebAssembly, and the loop goes on by memory and globals alone.

use super::module::Module;
use super::sections::id;
use airtight_abi::go;
use wasmparser::{CodeSectionReader, Operator, TypeRef, ValType};

/// The index of that loop, in a program that tells when it is [ready](go::READY) and begins as Go's do. `None` of any other module.
pub fn go_loop(module: &Module<'_>) -> Option<u32> {
    let is_ready = module
        .imports
        .iter()
        .any(|import| (import.module, import.name) == (go::MODULE, go::READY) && matches!(import.ty, TypeRef::Func(_)));
    // The first global is the stack pointer of whatever Go compiles.
    let pointer = module.globals.first()?;
    if !is_ready || !pointer.mutable || pointer.content_type != ValType::I32 {
        return None;
    }
    let start = module.export("_start")?.index.checked_sub(module.imported_functions)?;
    let code = module.section(id::CODE)?;
    let body = CodeSectionReader::new(code.reader(module.bytes)).ok()?.into_iter().nth(start as usize)?.ok()?;
    let operators: Vec<Operator<'_>> =
        body.get_operators_reader().ok()?.into_iter().take(10).collect::<Result<_, _>>().ok()?;
    match operators[..] {
        [
            Operator::I64Const { .. },
            Operator::I32WrapI64,
            Operator::GlobalSet { global_index: 0 },
            Operator::I32Const { value: 0 },
            Operator::Call { .. },
            Operator::Drop,
            Operator::Call { function_index },
            Operator::Return,
            Operator::Unreachable,
            Operator::End,
        ] => Some(function_index),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(import: &str, start: &str) -> Option<u32> {
        let text = format!(
            r#"(module (import "airtight" "{import}" (func)) (global (mut i32) (i32.const 0)) (memory (export "memory") 1)
                (func $rt0 (param i32) (result i32) i32.const 0) (func $loop) (func (export "_start") {start}))"#
        );
        let bytes = wat::parse_str(text).unwrap();
        go_loop(&Module::read(&bytes).unwrap())
    }

    #[test]
    fn the_loop_is_what_a_start_of_go_calls_last() {
        let begins = "i64.const 7 i32.wrap_i64 global.set 0 i32.const 0 call $rt0 drop";
        assert_eq!(found("go_ready", &format!("{begins} call $loop return unreachable")), Some(2));
        assert_eq!(found("go_readied", &format!("{begins} call $loop return unreachable")), None);
        for other in [
            "",
            "call $loop",
            &format!("{begins} call $loop"),
            &format!("{begins} call $loop call $loop return unreachable"),
        ] {
            assert_eq!(found("go_ready", other), None, "{other}");
        }
    }
}
