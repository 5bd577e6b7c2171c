//! Where a module's static data begins.

use super::module::Module;
use super::sections::id;
use wasmparser::{BinaryReaderError, DataKind, DataSectionReader, Operator};

/// The lowest address that an active data segment is put at. `None` where there is none, or one's address is computed.
pub(super) fn lowest(bytes: &[u8], module: &Module<'_>) -> Result<Option<u32>, BinaryReaderError> {
    let Some(section) = module.section(id::DATA) else { return Ok(None) };
    let mut lowest: Option<u32> = None;
    for segment in DataSectionReader::new(section.reader(bytes))? {
        let DataKind::Active { offset_expr, .. } = segment?.kind else { continue };
        let Operator::I32Const { value } = offset_expr.get_operators_reader().read()? else { return Ok(None) };
        let address = value.cast_unsigned();
        lowest = Some(lowest.map_or(address, |lowest| lowest.min(address)));
    }
    Ok(lowest)
}
