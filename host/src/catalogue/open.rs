//! Opening a module: it is parsed, and refused if airtight cannot run it, whatever its tests are.

use super::module::Module;
use super::{CatalogueError, imports, shape, tables};

impl<'a> Module<'a> {
    /// Parses a module, and refuses it if airtight cannot run it, whatever its tests are.
    ///
    /// # Errors
    /// The bytes are not a core module, its sections (but for the code) cannot be parsed, it is not linked, it imports what
    /// airtight does not provide, or its tables are too many or too large.
    pub fn open(bytes: &'a [u8]) -> Result<Self, CatalogueError> {
        shape::check(bytes)?;
        let module = Self::read(bytes)?;
        if module.custom("linking").next().is_some() {
            return Err(CatalogueError::NotLinked);
        }
        imports::check(&module).map_err(CatalogueError::UnknownImports)?;
        tables::check(&module)?;
        Ok(module)
    }
}
