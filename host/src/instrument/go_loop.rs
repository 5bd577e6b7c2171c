//! Exports the loop in which a program of Go's goes on, so that the host can call it: see [`crate::catalogue::go_loop`].
//!
//! Only the export section changes. A second run changes nothing.

use super::InstrumentError;
use super::export_globals::NewExport;
use crate::catalogue::{Module, go_loop};
use wasm_encoder::ExportKind;
use wasmparser::ExternalKind;

/// The name under which it is exported.
pub const GO_LOOP_EXPORT: &str = "airtight:go-loop";

/// The export to add: none where the module has no such loop, or exports it already.
pub(super) fn export(module: &Module<'_>) -> Result<Option<NewExport>, InstrumentError> {
    let index = go_loop(module);
    match module.export(GO_LOOP_EXPORT) {
        None => Ok(index.map(|index| NewExport { name: GO_LOOP_EXPORT.to_owned(), kind: ExportKind::Func, index })),
        Some(export) if export.kind == ExternalKind::Func && Some(export.index) == index => Ok(None),
        Some(_) => Err(InstrumentError::NameTaken { name: GO_LOOP_EXPORT.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Options, instrument};
    use super::*;

    #[test]
    fn the_loop_is_exported_once_and_its_name_is_ours() {
        let module = |exports: &str| {
            wat::parse_str(format!(
                r#"(module (import "airtight" "go_ready" (func)) (global (mut i32) (i32.const 0)) (memory (export "memory") 1)
                    {exports} (func $rt0 (param i32) (result i32) i32.const 0) (func $loop)
                    (func (export "_start")
                        i64.const 7 i32.wrap_i64 global.set 0 i32.const 0 call $rt0 drop call $loop return unreachable))"#
            ))
            .unwrap()
        };
        let rewritten = |bytes: &[u8]| {
            let module = Module::read(bytes).unwrap();
            instrument(&module, &Options::default()).map(|done| done.bytes.into_owned())
        };
        let once = rewritten(&module("")).unwrap();
        assert_eq!(Module::read(&once).unwrap().export(GO_LOOP_EXPORT).unwrap().index, 2);
        assert_eq!(rewritten(&once).unwrap(), once);
        let taken = rewritten(&module(r#"(export "airtight:go-loop" (func $rt0))"#)).unwrap_err().to_string();
        assert!(taken.contains("airtight:go-loop"), "{taken}");
    }
}
