//! Where the code of each function begins.

use crate::catalogue::Module;
use crate::catalogue::sections::id;
use std::ops::RangeInclusive;
use wasmparser::{BinaryReaderError, FunctionBody};

/// Where the code of each of a module's own functions begins.
#[derive(Debug, Default)]
pub(super) struct FunctionStarts {
    imported: u32,
    /// From the start of the body to its first operator, both from the start of the code section's contents.
    starts: Vec<RangeInclusive<u32>>,
}

impl FunctionStarts {
    /// Of a module; of none of its functions where it cannot be parsed.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let Ok(module) = Module::read(bytes) else { return Self::default() };
        let starts = starts(&module).unwrap_or_default();
        Self { imported: module.imported_functions, starts }
    }

    /// From where to where the code of a function begins: local declarations are not code.
    pub(super) fn get(&self, function: u32) -> Option<&RangeInclusive<u32>> {
        self.starts.get(function.checked_sub(self.imported)? as usize)
    }
}

fn starts(module: &Module<'_>) -> Result<Vec<RangeInclusive<u32>>, BinaryReaderError> {
    let Some(code) = module.section(id::CODE) else { return Ok(Vec::new()) };
    let mut reader = code.reader(module.bytes);
    let mut starts = Vec::new();
    for _ in 0..reader.read_var_u32()? {
        let body = FunctionBody::new(reader.read_reader()?);
        let at = |offset: usize| u32::try_from(offset - code.contents.start).unwrap_or(u32::MAX);
        let operators = body.get_binary_reader_for_operators()?;
        starts.push(at(body.range().start)..=at(operators.original_position()));
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_begins_behind_what_is_declared() {
        let bytes = wat::parse_str(r#"(module (import "a" "b" (func)) (func (local i32 i64)) (func nop))"#).unwrap();
        let starts = FunctionStarts::read(&bytes);
        // A count, two sizes, and in the first two declarations of two bytes each.
        assert_eq!((starts.get(0), starts.get(1), starts.get(2)), (None, Some(&(2..=7)), Some(&(9..=10))));
        assert!(FunctionStarts::read(b"no module").get(0).is_none());
    }
}
