//! Finds where a module with threads puts its static data.
//!
//! Threads share one memory, and each thread is an instance. No instance may write the initial data over what others have
//! changed. So the linker makes data segments passive, and the start function copies them once, behind a flag:
//! ```text
//! (if flag was 0: memory.init $.rodata (i32.const 1048784) (i32.const 0) (i32.const 74176); …)
//! ```

use super::module::Module;
use super::no_statics::NoStatics;
use super::sections::id;
use std::collections::BTreeMap;
use wasmparser::{CodeSectionReader, Operator};

/// A segment that the start function copies whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CopiedSegment {
    /// The address that it is copied to.
    pub(super) address: u32,
    /// How many bytes are copied, from the first one on.
    pub(super) len: u32,
}

/// The segments that the start function copies, by their indices. Empty for a module without threads: it copies passive
/// segments at any time, or never.
///
/// # Errors
/// The start function computes what it copies, or copies a segment twice.
pub(super) fn copied(module: &Module<'_>) -> Result<BTreeMap<u32, CopiedSegment>, NoStatics> {
    let mut copied = BTreeMap::new();
    if module.shared_memory().is_none() {
        return Ok(copied);
    }
    let (Some(start), Some(code)) = (module.section(id::START), module.section(id::CODE)) else { return Ok(copied) };
    let start = start.reader(module.bytes).read_var_u32()?;
    let Some(own) = start.checked_sub(module.imported_functions) else { return Ok(copied) };
    let Some(body) = CodeSectionReader::new(code.reader(module.bytes))?.into_iter().nth(own as usize) else {
        return Ok(copied);
    };
    // The constants that lie on top of the operand stack. After any other operator, nothing is known of the stack.
    let mut stack: Vec<u32> = Vec::new();
    for operator in body?.get_operators_reader()? {
        match operator? {
            Operator::I32Const { value } => stack.push(value.cast_unsigned()),
            // For thread-local data, the linker also stores the address in a global, and then pushes the same address again.
            Operator::GlobalSet { .. } | Operator::Drop => drop(stack.pop()),
            Operator::MemoryInit { data_index, mem: 0 } => {
                let (len, from, address) = (stack.pop(), stack.pop(), stack.pop());
                let (Some(len), Some(0), Some(address)) = (len, from, address) else { return Err(NoStatics::Computed) };
                if copied.insert(data_index, CopiedSegment { address, len }).is_some() {
                    return Err(NoStatics::Overlap);
                }
            }
            _ => stack.clear(),
        }
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_fields(fields: &str) -> Result<Vec<(u32, u32, u32)>, NoStatics> {
        let bytes = wat::parse_str(format!("(module {fields})")).unwrap();
        let found = copied(&Module::read(&bytes).unwrap())?;
        Ok(found.into_iter().map(|(index, copied)| (index, copied.address, copied.len)).collect())
    }

    const SHARED: &str = r#"(import "env" "memory" (memory 1 9 shared)) (global $tls (mut i32) (i32.const 0)) (start $init)
        (data $a "abcd") (data $b "efg")"#;

    #[test]
    fn what_the_linker_has_the_start_function_copy_is_known() {
        let init = "(func $init
            (block $wait (block $copy (br_table $copy $wait (i32.atomic.rmw.cmpxchg (i32.const 64) (i32.const 0) (i32.const 1))))
                i32.const 16 i32.const 16 global.set $tls i32.const 0 i32.const 4 memory.init $a
                (memory.init $b (i32.const 32) (i32.const 0) (i32.const 3))
                (memory.fill (i32.const 48) (i32.const 0) (i32.const 16))
                (i32.atomic.store (i32.const 64) (i32.const 2)))
            (data.drop $b))";
        assert_eq!(read_fields(&format!("{SHARED} {init}")).unwrap(), [(0, 16, 4), (1, 32, 3)]);
        let alone = "(memory 1) (start $init) (data $a \"abcd\")
            (func $init (memory.init $a (i32.const 16) (i32.const 0) (i32.const 4)))";
        assert_eq!(read_fields(alone).unwrap(), [], "it has no threads");
    }

    #[test]
    fn what_is_computed_is_not_known() {
        for (init, why) in [
            ("(memory.init $a (i32.add (i32.const 8) (i32.const 8)) (i32.const 0) (i32.const 4))", NoStatics::Computed),
            ("(memory.init $a (i32.const 8) (i32.const 1) (i32.const 3))", NoStatics::Computed),
            (
                "(memory.init $a (i32.const 8) (i32.const 0) (i32.const 4))
                (memory.init $a (i32.const 16) (i32.const 0) (i32.const 4))",
                NoStatics::Overlap,
            ),
        ] {
            assert_eq!(read_fields(&format!("{SHARED} (func $init {init})")).unwrap_err(), why, "{init}");
        }
    }
}
