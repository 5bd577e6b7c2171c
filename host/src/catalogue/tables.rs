//! Caps on a module's tables: how its instances are allocated must not decide whether it loads.

use super::CatalogueError;
use super::module::Module;

/// Most tables of a module.
pub(crate) const MAX_TABLES: u32 = 4;

/// Most elements of a table; growth over it is refused as the memory limit refuses.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 1 << 20;

/// Refuses more tables than a module may have, and one that begins with too many elements. Its maximum is no claim.
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
