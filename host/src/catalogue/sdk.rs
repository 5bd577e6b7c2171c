//! Tests of the guest SDK: listed in a custom section, each with an export of its own.

use super::CatalogueError;
use super::module::Module;
use airtight_abi::{CLEANUP_EXPORT, FLUSH_EXPORT, SECTION, STATE_EXPORT, TestMeta, parse_section};
use wasmparser::ValType;

/// The tests that a module lists, in its order; each export is there and has the right type.
pub(super) fn tests(bytes: &[u8], module: &Module<'_>) -> Result<Vec<TestMeta>, CatalogueError> {
    let list: Vec<u8> = module.custom(SECTION).flat_map(|section| &bytes[section.contents.clone()]).copied().collect();
    let tests = parse_section(&list).map_err(CatalogueError::SdkMetadata)?;
    if !tests.is_empty() {
        for export in [STATE_EXPORT, CLEANUP_EXPORT, FLUSH_EXPORT] {
            check(module, None, export)?;
        }
    }
    for test in &tests {
        check(module, Some(&test.name), &test.export)?;
    }
    Ok(tests)
}

fn check(module: &Module<'_>, test: Option<&str>, export: &str) -> Result<(), CatalogueError> {
    module.exports(export, &[ValType::I32]).map_err(|problem| CatalogueError::SdkExport {
        test: test.map(str::to_owned),
        export: export.to_owned(),
        problem,
    })
}
