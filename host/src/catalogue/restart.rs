//! Whether the `_start` of a program can be called once more in the same instance.
//!
//! The `_start` of recent versions of wasi-libc notes in a word of memory that it was called, and traps when it is called
//! again:
//! ```text
//! if (started) trap; started = 1; __wasm_call_ctors(); …
//! ```
//! In an image of an instance, that word can be set back to 0. It is found from the code of `_start` up to its first call.

use super::module::Module;
use super::sections::id;
use std::collections::BTreeMap;
use wasmparser::{BinaryReaderError, CodeSectionReader, GlobalSectionReader, Operator};

/// Why `_start` cannot be called once more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRestart {
    /// It has no `_start` of its own.
    #[error("its `_start` is not a function of its own")]
    NoStart,
    /// `_start` does something else before its first call.
    #[error("its `_start` is not that of a version of wasi-libc that is known, and may not be called again")]
    Unknown,
    /// It cannot be parsed.
    #[error("{0}")]
    Broken(String),
}

impl From<BinaryReaderError> for NoRestart {
    fn from(error: BinaryReaderError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// The address of the word in which `_start` notes that it was called; `None` if it does not note it. `values` are the values
/// of the mutable globals.
///
/// # Errors
/// See [`NoRestart`].
pub fn start_guard(module: &Module<'_>, values: &BTreeMap<u32, i64>) -> Result<Option<u32>, NoRestart> {
    let start = module.export("_start").ok_or(NoRestart::NoStart)?;
    let own = start.index.checked_sub(module.imported_functions).ok_or(NoRestart::NoStart)?;
    let code = module.section(id::CODE).ok_or(NoRestart::NoStart)?;
    let body = CodeSectionReader::new(code.reader(module.bytes))?.into_iter().nth(own as usize);
    let globals = Globals { module, values };
    let (mut stack, mut loaded) = (Vec::new(), None);
    for operator in body.ok_or(NoRestart::NoStart)??.get_operators_reader()? {
        match operator? {
            Operator::Block { .. } | Operator::If { .. } => {}
            Operator::I32Const { value } => stack.push(Some(value)),
            Operator::GlobalGet { global_index } => stack.push(globals.value(global_index)?),
            Operator::I32Add => {
                let (right, left) = (stack.pop().flatten(), stack.pop().flatten());
                stack.push(left.zip(right).map(|(left, right)| left.wrapping_add(right)));
            }
            Operator::I32Load { memarg } if loaded.is_none() => {
                loaded = Some(address(stack.pop().flatten(), memarg.offset).ok_or(NoRestart::Unknown)?);
                stack.push(None);
            }
            Operator::BrIf { .. } => drop(stack.pop()),
            Operator::I32Store { memarg } => {
                let (value, at) = (stack.pop().flatten(), address(stack.pop().flatten(), memarg.offset));
                return if value == Some(1) && at.is_some() && at == loaded { Ok(at) } else { Err(NoRestart::Unknown) };
            }
            Operator::Call { .. } if loaded.is_none() => return Ok(None),
            _ => return Err(NoRestart::Unknown),
        }
    }
    if loaded.is_none() { Ok(None) } else { Err(NoRestart::Unknown) }
}

fn address(base: Option<i32>, offset: u64) -> Option<u32> {
    base?.cast_unsigned().checked_add(u32::try_from(offset).ok()?)
}

struct Globals<'a> {
    module: &'a Module<'a>,
    values: &'a BTreeMap<u32, i64>,
}

impl Globals<'_> {
    /// The value of a 32-bit global, if it is known.
    fn value(&self, index: u32) -> Result<Option<i32>, BinaryReaderError> {
        if let Some(value) = self.values.get(&index) {
            return Ok(i32::try_from(*value).ok());
        }
        let Some(section) = self.module.section(id::GLOBAL) else { return Ok(None) };
        let reader = GlobalSectionReader::new(section.reader(self.module.bytes))?;
        let first = u32::try_from(self.module.globals.len()).unwrap_or(u32::MAX).saturating_sub(reader.count());
        let Some(own) = index.checked_sub(first) else { return Ok(None) };
        let Some(global) = reader.into_iter().nth(own as usize) else { return Ok(None) };
        Ok(match global?.init_expr.get_operators_reader().read()? {
            Operator::I32Const { value } => Some(value),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(fields: &str) -> Result<Option<u32>, NoRestart> {
        let bytes = wat::parse_str(format!("(module (memory 1) {fields})")).unwrap();
        start_guard(&Module::read(&bytes).unwrap(), &BTreeMap::from([(0, 16)]))
    }

    const BASE: &str = "(global $base (mut i32) (i32.const 0)) (func $main)";

    #[test]
    fn the_word_is_found_that_tells_of_an_earlier_call() {
        let other = r#"(func (export "_start") (if (i32.load (i32.const 64)) (then unreachable))
            (i32.store (i32.const 64) (i32.const 1)) (call $main))"#;
        // As wasm-ld and the compilers of several releases make it.
        let relative = r#"(func (export "_start") (block (block
            (br_if 0 (i32.load offset=4 (i32.add (global.get $base) (i32.const 64))))
            (i32.store offset=4 (i32.add (global.get $base) (i32.const 64)) (i32.const 1)) (call $main) (return)) unreachable))"#;
        assert_eq!(guard(&format!("{BASE} {relative}")), Ok(Some(84)));
        assert_eq!(guard(&format!("{BASE} {other}")), Err(NoRestart::Unknown), "nobody makes it so");
    }

    #[test]
    fn a_program_that_does_not_tell_can_be_called_again() {
        assert_eq!(guard(&format!("{BASE} (func (export \"_start\") (call $main))")), Ok(None));
        assert_eq!(guard(BASE), Err(NoRestart::NoStart));
        let other = "(func (export \"_start\") (drop (memory.grow (i32.const 1))))";
        assert_eq!(guard(&format!("{BASE} {other}")), Err(NoRestart::Unknown));
    }
}
