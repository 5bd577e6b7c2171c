//! Caps on a module's tables. They are the same for every way in which instances can be allocated, so that this does not decide
//! whether a module loads.

use super::CatalogueError;
use super::module::Module;

/// Most tables of a module.
pub(crate) const MAX_TABLES: u32 = 4;

/// Most elements of a table. Growth beyond it is refused to the guest, as growth of memory beyond its limit is.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 1 << 20;

/// Refuses a module with too many tables, or with a table that begins with too many elements. The maximum that a table declares
/// does not matter: it is not allocated.
pub(super) fn check(module: &Module<'_>) -> Result<(), CatalogueError> {
    let count = u32::try_from(module.tables.len()).unwrap_or(u32::MAX);
    if count > MAX_TABLES {
        return Err(CatalogueError::TooManyTables { count, cap: MAX_TABLES });
    }
    let cap = MAX_TABLE_ELEMENTS as u64;
    for (index, table) in module.tables.iter().enumerate() {
        let elements = table.initial;
        if elements > cap {
            return Err(CatalogueError::LargeTable { index, elements, cap });
        }
    }
    Ok(())
}
