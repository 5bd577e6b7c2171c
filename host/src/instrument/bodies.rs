//! The places of the function bodies in a parsed module. The passes need them beside what the module's sections tell. No
//! operator is read.

use crate::catalogue::Module;
use crate::catalogue::sections::{Section, id};
use crate::instrument::InstrumentError;
use std::ops::Range;
use wasmparser::{ExternalKind, FuncType, TypeRef};

/// A parsed module, and where the bodies of its functions are.
pub(super) struct ModuleBodies<'a> {
    pub(super) parsed: &'a Module<'a>,
    /// The bodies of the module's own functions, with their local declarations.
    pub(super) bodies: Vec<Range<usize>>,
}

impl<'a> ModuleBodies<'a> {
    /// Finds the bodies.
    ///
    /// # Errors
    /// The code section cannot be parsed, or has another number of functions than the module declares.
    pub(super) fn new(parsed: &'a Module<'a>) -> Result<Self, InstrumentError> {
        let mut bodies = Vec::new();
        let code = parsed.section(id::CODE);
        if let Some(code) = code {
            let mut reader = code.reader(parsed.bytes);
            for _ in 0..reader.read_var_u32()? {
                let size = reader.read_var_u32()?;
                let start = reader.original_position();
                reader.read_bytes(size as usize)?;
                bodies.push(start..reader.original_position());
            }
        }
        if parsed.functions.len() - parsed.imported_functions as usize != bodies.len() {
            let offset = code.map_or(parsed.bytes.len(), |code| code.contents.start);
            let message = "function and code section have inconsistent lengths".to_owned();
            return Err(InstrumentError::Malformed { message, offset });
        }
        Ok(Self { parsed, bodies })
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.parsed.bytes
    }

    pub(super) fn sections(&self) -> &'a [Section] {
        &self.parsed.sections
    }

    pub(super) fn function_type(&self, function: u32) -> Option<&FuncType> {
        self.parsed.function_type(function)
    }

    /// Whether a function is imported.
    pub(super) fn imports_function(&self, function: u32) -> bool {
        function < self.parsed.imported_functions
    }

    /// The body of a function; `None` if the function is imported or does not exist.
    pub(super) fn body(&self, function: u32) -> Option<Range<usize>> {
        self.bodies.get(function.checked_sub(self.parsed.imported_functions)? as usize).cloned()
    }

    /// The number of functions.
    pub(super) fn function_count(&self) -> u32 {
        self.parsed.functions.len() as u32
    }

    /// The number of tables.
    pub(super) fn table_count(&self) -> u32 {
        self.parsed.imported_tables.saturating_add(self.parsed.tables.len() as u32)
    }

    /// Whether the program asks for its arguments.
    pub(super) fn reads_arguments(&self) -> bool {
        let imports = self.parsed.imports.iter();
        imports.filter(|import| matches!(import.ty, TypeRef::Func(_))).any(|import| import.name == "args_sizes_get")
    }

    /// Whether its memory is imported.
    pub(super) fn imports_memory(&self) -> bool {
        self.parsed.imports.iter().any(|import| matches!(import.ty, TypeRef::Memory(_)))
    }

    /// The function exported as `_start`.
    pub(super) fn start_export(&self) -> Option<u32> {
        self.parsed.export("_start").filter(|export| export.kind == ExternalKind::Func).map(|export| export.index)
    }
}
