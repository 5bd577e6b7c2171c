//! Where the code of each function of a module is, and how many values each takes and gives.

use crate::catalogue::Module;
use crate::catalogue::sections::id;
use std::ops::Range;
use wasmparser::{BinaryReader, BinaryReaderError, FunctionBody};

/// The longest function whose code is followed, in bytes.
const MOST_CODE: usize = 256 << 10;

/// The functions of one module.
#[derive(Debug, Default)]
pub(super) struct ModuleFunctions {
    imported: u32,
    /// How many parameters and results each has, those that are imported first.
    arities: Vec<Option<(usize, usize)>>,
    /// Where the code section's contents begin in the module.
    start: usize,
    bodies: Vec<Range<usize>>,
}

impl ModuleFunctions {
    /// Of a module; none where it cannot be parsed.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let Ok(module) = Module::read(bytes) else { return Self::default() };
        let Some(code) = module.section(id::CODE) else { return Self::default() };
        let arity = |ty: &u32| module.type_at(*ty).map(|ty| (ty.params().len(), ty.results().len()));
        let arities = module.functions.iter().map(arity).collect();
        let bodies = bodies(code.reader(bytes)).unwrap_or_default();
        Self { imported: module.imported_functions, arities, start: code.contents.start, bodies }
    }

    /// How many parameters and results a function has.
    pub(super) fn arity(&self, function: u32) -> Option<(usize, usize)> {
        *self.arities.get(function as usize)?
    }

    /// The code of a function, unless it is very long.
    pub(super) fn body<'m>(&self, bytes: &'m [u8], function: u32) -> Option<FunctionBody<'m>> {
        let range = self.bodies.get(function.checked_sub(self.imported)? as usize)?;
        let code = bytes.get(range.clone()).filter(|code| code.len() <= MOST_CODE)?;
        Some(FunctionBody::new(BinaryReader::new(code, range.start)))
    }

    /// A place in the module as the debug information counts it.
    pub(super) fn offset(&self, position: usize) -> Option<u32> {
        u32::try_from(position.checked_sub(self.start)?).ok()
    }
}

fn bodies(mut code: BinaryReader<'_>) -> Result<Vec<Range<usize>>, BinaryReaderError> {
    let mut all = Vec::new();
    for _ in 0..code.read_var_u32()? {
        all.push(FunctionBody::new(code.read_reader()?).range());
    }
    Ok(all)
}
