//! Turns imported tags of exceptions into tags of the module itself.
//!
//! ```wat
//! (module                                                 (module
//!   (import "env" "__cpp_exception"                         (tag $cpp (param i32))
//!     (tag $cpp (param i32)))                               (tag $own (param i64))
//!   (tag $own (param i64)) …)                               …)
//! ```
//!
//! The host cannot provide them: a tag belongs to a store, and the host links a module once for all stores. The tags keep their
//! numbers: imported ones come first, and all of them are replaced.

use super::splice::{Edit, entries, whole};
use crate::catalogue::Module;
use crate::catalogue::sections::id;
use wasm_encoder::Encode;
use wasmparser::{BinaryReaderError, ImportSectionReader, TypeRef};

/// The edits; none if no tag is imported.
pub(super) fn edits(module: &Module<'_>) -> Result<Vec<Edit>, BinaryReaderError> {
    let mut tags = Vec::new();
    let mut imported = 0;
    for import in &module.imports {
        if let TypeRef::Tag(tag) = import.ty {
            imported += 1;
            // The only attribute that there is: the tag is for exceptions.
            tags.push(0);
            tag.func_type_idx.encode(&mut tags);
        }
    }
    let Some(imports) = module.section(id::IMPORT).filter(|_| imported > 0) else { return Ok(Vec::new()) };
    let reader = ImportSectionReader::new(imports.reader(module.bytes))?;
    let end = imports.contents.end;
    let starts: Vec<(usize, TypeRef)> = reader
        .into_imports_with_offsets()
        .map(|import| import.map(|(at, import)| (at, import.ty)))
        .collect::<Result<_, _>>()?;
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([end]);
    let kept: Vec<&[u8]> = starts
        .iter()
        .zip(ends)
        .filter(|((_, ty), _)| !matches!(ty, TypeRef::Tag(_)))
        .map(|((start, _), end)| &module.bytes[*start..end])
        .collect();
    let section = module.section(id::TAG);
    let (own, own_tags) = entries(module.bytes, section)?;
    let at = section.map_or_else(
        || {
            const BEFORE: [u8; 5] = [id::TYPE, id::IMPORT, id::FUNCTION, id::TABLE, id::MEMORY];
            let last = module.sections.iter().rev().find(|section| BEFORE.contains(&section.id));
            let end = last.map_or(imports.whole.end, |section| section.whole.end);
            end..end
        },
        |section| section.whole.clone(),
    );
    Ok(vec![
        Edit { at: imports.whole.clone(), with: whole(id::IMPORT, kept.len() as u32, &kept) },
        Edit { at, with: whole(id::TAG, own.saturating_add(imported), &[&tags, own_tags]) },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::validate;
    use crate::instrument::{Options, instrument};

    fn rewritten(fields: &str) -> Vec<u8> {
        let original = wat::parse_str(format!("(module {fields})")).unwrap();
        validate(&original).unwrap();
        let module = Module::read(&original).unwrap();
        let done = instrument(&module, &Options::default()).unwrap();
        validate(&done.bytes).unwrap();
        done.bytes.into_owned()
    }

    /// Imported tags are replaced, and all tags are still found where they are thrown, caught and exported.
    #[test]
    fn tags_are_the_module_s_own_and_keep_their_numbers() {
        let bytes = rewritten(
            r#"(import "env" "f" (func $f (param i32)))
            (import "env" "__cpp_exception" (tag $cpp (param i32)))
            (import "env" "g" (global i32))
            (import "env" "__c_longjmp" (tag $jump (param i32)))
            (memory 1)
            (tag $own (param i64))
            (global (mut i32) (i32.const 0))
            (export "own" (tag $own))
            (func (throw $own (i64.const 1)))
            (func (throw $jump (i32.const 1)))"#,
        );
        let module = Module::read(&bytes).unwrap();
        assert_eq!((module.imports.len(), module.tags, module.globals.len()), (2, 3, 2));
        assert_eq!(module.export("own").unwrap().index, 2);
        let again = Module::read(&bytes).unwrap();
        assert!(edits(&again).unwrap().is_empty());
    }

    #[test]
    fn a_section_for_them_is_put_in_its_place() {
        for fields in [
            r#"(import "env" "__cpp_exception" (tag (param i32)))"#,
            r#"(import "env" "__cpp_exception" (tag (param i32))) (global (mut i32) (i32.const 0)) (func)"#,
            r#"(import "env" "__cpp_exception" (tag (param i32))) (table 1 funcref) (memory 1) (func)"#,
        ] {
            assert_eq!(Module::read(&rewritten(fields)).unwrap().tags, 1, "{fields}");
        }
    }

    #[test]
    fn a_module_without_them_is_left_alone() {
        let bytes = wat::parse_str(r#"(module (import "a" "b" (func)) (tag (param i32)))"#).unwrap();
        assert!(edits(&Module::read(&bytes).unwrap()).unwrap().is_empty());
    }
}
