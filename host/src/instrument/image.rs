//! The image of an instance: a new module, whose instances begin in the state of that instance. The instance's memory is the
//! new module's data, and its globals have their values as initial ones.
//!
//! ```wat
//! (module                                        (module
//!   (memory (export "memory") 2)                   (memory (export "memory") 17)
//!   (global (export "…/0") (mut i32)               (global (export "…/0") (mut i32)
//!     (i32.const 65536))                             (i32.const 65504))
//!   (start $ctors)
//!   (data (i32.const 1024) "…"))                   (data (i32.const 1024) "…") (data (i32.const 1048576) "…"))
//! ```
//!
//! Code does not change, so that functions keep their indices, and code keeps its offsets within the code section. The start
//! function is left out, because it has run. Custom sections are left out, because nobody reads them in a module that runs.
//!
//! The state of an instance is more than its memory and its integer globals. A module is refused if it can change any other
//! state: tables, segments that are dropped or copied from at run time, and globals of other types.

use super::splice::{Edit, Splice, leb, whole};
use crate::catalogue::Module;
use crate::catalogue::sections::id;
use std::collections::BTreeMap;
use wasm_encoder::{ConstExpr, Encode};
use wasmparser::{
    BinaryReaderError, CodeSectionReader, ExternalKind, GlobalSectionReader, MemorySectionReader, Operator, ValType,
};

/// Bytes of a page of linear memory.
const PAGE: usize = 1 << 16;

/// Memory is looked at in blocks of so many bytes. Blocks that are all zero are not part of a segment.
const BLOCK: usize = 1 << 12;

/// The most bytes of memory that an image may have, from the first byte that is not zero to the last.
pub const MOST_IMAGE: usize = 512 << 20;

/// Up to this size, the engine maps every image into memory; a larger image has to be dense for that.
const ALWAYS_MAPPED: usize = 16 << 20;

/// The id of the section with the number of data segments.
const DATA_COUNT: u8 = 12;

/// Why an instance of a module cannot be captured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoImage {
    /// Its module has threads.
    #[error("its module has threads, whose stacks the engine does not give")]
    Threads,
    /// The module has an operator that changes state which the host cannot read.
    #[error("its function {function} has `{operator}`, which changes {what} that the host cannot read")]
    Operator {
        /// The index of the function.
        function: u32,
        /// The operator.
        operator: &'static str,
        /// What it changes.
        what: &'static str,
    },
    /// The module has a mutable global that is not an integer.
    #[error("its global {index} has the type {ty}, which the host cannot read; integers are captured")]
    Global {
        /// The global's index.
        index: u32,
        /// Its type.
        ty: String,
    },
    /// Its memory holds more bytes than an image may.
    #[error("its memory holds {bytes} bytes, and an image has at most {MOST_IMAGE}")]
    TooLarge {
        /// The bytes from the first that is not zero to the last.
        bytes: usize,
    },
    /// The module cannot be parsed.
    #[error("{0}")]
    Broken(String),
}

impl From<BinaryReaderError> for NoImage {
    fn from(error: BinaryReaderError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// The image of an instance.
#[derive(Debug)]
pub struct ImageModule {
    /// The module.
    pub bytes: Vec<u8>,
    /// By how many bytes the contents of its code section moved, compared with the module that ran.
    pub code_moved: isize,
}

/// Whether every instance of this module can be captured, whatever its code does.
///
/// # Errors
/// The state that it may change and that the host cannot read.
pub fn can_be_captured(module: &Module<'_>) -> Result<(), NoImage> {
    if module.shared_memory().is_some() {
        return Err(NoImage::Threads);
    }
    let first = module.globals.len() - defined_globals(module)?;
    for (index, global) in module.globals.iter().enumerate().skip(first) {
        if global.mutable && !matches!(global.content_type, ValType::I32 | ValType::I64) {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            return Err(NoImage::Global { index, ty: global.content_type.to_string() });
        }
    }
    let Some(code) = module.section(id::CODE) else { return Ok(()) };
    for (function, body) in (module.imported_functions..).zip(CodeSectionReader::new(code.reader(module.bytes))?) {
        for operator in body?.get_operators_reader()? {
            if let Some((operator, what)) = hidden_change(&operator?) {
                return Err(NoImage::Operator { function, operator, what });
            }
        }
    }
    Ok(())
}

/// The name of an operator that changes state which the host does not read, and that state.
fn hidden_change(operator: &Operator<'_>) -> Option<(&'static str, &'static str)> {
    const TABLE: &str = "a table";
    const SEGMENT: &str = "a segment";
    Some(match operator {
        Operator::TableSet { .. } => ("table.set", TABLE),
        Operator::TableGrow { .. } => ("table.grow", TABLE),
        Operator::TableFill { .. } => ("table.fill", TABLE),
        Operator::TableCopy { .. } => ("table.copy", TABLE),
        Operator::TableInit { .. } => ("table.init", TABLE),
        Operator::ElemDrop { .. } => ("elem.drop", SEGMENT),
        Operator::DataDrop { .. } => ("data.drop", SEGMENT),
        Operator::MemoryInit { .. } => ("memory.init", "memory by a segment"),
        _ => return None,
    })
}

fn defined_globals(module: &Module<'_>) -> Result<usize, BinaryReaderError> {
    let Some(section) = module.section(id::GLOBAL) else { return Ok(0) };
    Ok(GlobalSectionReader::new(section.reader(module.bytes))?.count() as usize)
}

/// The image of an instance of a module: with this memory, and with these values of its mutable globals, by their indices.
///
/// # Errors
/// See [`NoImage`]. Whether the module [can be captured](can_be_captured) is not checked again.
pub fn image(module: &Module<'_>, memory: &[u8], values: &BTreeMap<u32, i64>) -> Result<ImageModule, NoImage> {
    let mut splice = Splice::default();
    let data = data(memory)?;
    let mut data = Some(data);
    for section in &module.sections {
        let with = match section.id {
            id::MEMORY => memory_section(module, memory.len())?,
            id::GLOBAL => global_section(module, values)?,
            id::DATA => data.take().unwrap_or_default(),
            id::START | DATA_COUNT | id::CUSTOM => Vec::new(),
            _ => continue,
        };
        splice.extend([Edit { at: section.whole.clone(), with }]);
    }
    if let Some(data) = data {
        let end = module.bytes.len();
        splice.extend([Edit { at: end..end, with: data }]);
    }
    let start = module.section(id::CODE).map_or(0, |section| section.contents.start);
    let code_moved = splice.code_start(start).cast_signed() - start.cast_signed();
    Ok(ImageModule { bytes: splice.apply(module.bytes).into_owned(), code_moved })
}

/// The memory section: the memory begins with the size that the instance's memory has.
fn memory_section(module: &Module<'_>, len: usize) -> Result<Vec<u8>, NoImage> {
    let Some(section) = module.section(id::MEMORY) else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    let mut count = 0;
    for memory in MemorySectionReader::new(section.reader(module.bytes))? {
        let memory = memory?;
        let minimum = (len / PAGE) as u64;
        let ty = wasm_encoder::MemoryType {
            minimum,
            maximum: memory.maximum,
            memory64: memory.memory64,
            shared: memory.shared,
            page_size_log2: memory.page_size_log2,
        };
        ty.encode(&mut entries);
        count += 1;
    }
    Ok(whole(id::MEMORY, count, &[&entries]))
}

fn global_section(module: &Module<'_>, values: &BTreeMap<u32, i64>) -> Result<Vec<u8>, NoImage> {
    let Some(section) = module.section(id::GLOBAL) else { return Ok(Vec::new()) };
    let reader = GlobalSectionReader::new(section.reader(module.bytes))?;
    let count = reader.count();
    let first = u32::try_from(module.globals.len()).unwrap_or(u32::MAX) - count;
    let mut entries = Vec::new();
    for (index, global) in (first..).zip(reader.into_iter_with_offsets()) {
        let (at, global) = global?;
        let init = global.init_expr.get_binary_reader();
        // The type and the mutability stay as they are.
        entries.extend_from_slice(&module.bytes[at..init.original_position()]);
        match (values.get(&index), global.ty.content_type) {
            (Some(value), ValType::I32) => ConstExpr::i32_const(*value as i32).encode(&mut entries),
            (Some(value), ValType::I64) => ConstExpr::i64_const(*value).encode(&mut entries),
            _ => entries.extend_from_slice(&module.bytes[init.range()]),
        }
    }
    Ok(whole(id::GLOBAL, count, &[&entries]))
}

/// A data section with every block of a memory that is not all zero.
fn data(memory: &[u8]) -> Result<Vec<u8>, NoImage> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (number, block) in memory.chunks(BLOCK).enumerate() {
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        let (start, end) = (number * BLOCK, number * BLOCK + block.len());
        match runs.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => runs.push(start..end),
        }
    }
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Ok(Vec::new()) };
    let span = first.start..last.end;
    if span.len() > MOST_IMAGE {
        return Err(NoImage::TooLarge { bytes: span.len() });
    }
    let held: usize = runs.iter().map(|run| run.len()).sum();
    // The engine would copy a large image with many holes into every instance, instead of mapping it. So the holes are filled.
    if span.len() > ALWAYS_MAPPED && held * 2 < span.len() {
        runs = vec![span];
    }
    let mut entries = Vec::with_capacity(held + 16 * runs.len());
    for run in &runs {
        // An active segment of the first memory.
        entries.push(0);
        ConstExpr::i32_const(run.start as i32).encode(&mut entries);
        entries.extend_from_slice(&leb(run.len() as u32));
        entries.extend_from_slice(&memory[run.clone()]);
    }
    Ok(whole(id::DATA, runs.len() as u32, &[&entries]))
}

/// The mutable globals that a module exports (by itself, or because the host added the exports), by their indices.
pub fn exported_globals<'a>(module: &Module<'a>) -> BTreeMap<u32, &'a str> {
    let globals = module.exports.iter().filter(|export| export.kind == ExternalKind::Global);
    let is_mutable = |index: u32| module.globals.get(index as usize).is_some_and(|global| global.mutable);
    globals.filter(|export| is_mutable(export.index)).map(|export| (export.index, export.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(bytes: &[u8]) -> Module<'_> {
        Module::read(bytes).unwrap()
    }

    const COUNTER: &str = r#"(module
        (memory (export "memory") 1 40)
        (global $sp (export "sp") (mut i32) (i32.const 64))
        (global $wide (export "wide") (mut i64) (i64.const 1))
        (global $fixed i32 (i32.const 7))
        (start $begin)
        (func $begin (global.set $sp (i32.const 63)))
        (func (export "get") (result i32) (i32.load (i32.const 100000)))
        (data (i32.const 8) "old"))"#;

    #[test]
    fn an_instance_of_it_begins_where_the_other_stood() {
        let bytes = wat::parse_str(COUNTER).unwrap();
        let module = parsed(&bytes);
        can_be_captured(&module).unwrap();
        let mut memory = vec![0; 2 * PAGE];
        memory[8..11].copy_from_slice(b"new");
        memory[100_000..100_004].copy_from_slice(&[1, 2, 3, 4]);
        let values = BTreeMap::from([(0, -5), (1, i64::MIN)]);
        let made = image(&module, &memory, &values).unwrap();
        wasmparser::validate(&made.bytes).unwrap();
        let wat = wasmprinter_like(&made.bytes);
        assert_eq!(wat, "memory 2..40, globals -5 -9223372036854775808 7, start false, data 0+4096 98304+4096");
        let code = |bytes: &[u8]| parsed(bytes).section(id::CODE).unwrap().contents.start.cast_signed();
        assert_eq!(code(&made.bytes) - code(&bytes), made.code_moved);
        let again = image(&parsed(&made.bytes), &memory, &values).unwrap();
        assert_eq!(again.bytes, made.bytes);
    }

    /// What an image may change of a module, in words.
    fn wasmprinter_like(bytes: &[u8]) -> String {
        let module = parsed(bytes);
        let section = |wanted| module.section(wanted).unwrap().reader(bytes);
        let memory = MemorySectionReader::new(section(id::MEMORY)).unwrap().into_iter().next().unwrap().unwrap();
        let globals = GlobalSectionReader::new(section(id::GLOBAL)).unwrap().into_iter().map(|global| {
            match global.unwrap().init_expr.get_operators_reader().read().unwrap() {
                Operator::I32Const { value } => value.to_string(),
                Operator::I64Const { value } => value.to_string(),
                other => panic!("{other:?}"),
            }
        });
        let globals: Vec<_> = globals.collect();
        let data = wasmparser::DataSectionReader::new(section(id::DATA)).unwrap().into_iter().map(|data| {
            let data = data.unwrap();
            let wasmparser::DataKind::Active { offset_expr, .. } = data.kind else { panic!("{data:?}") };
            let Operator::I32Const { value } = offset_expr.get_operators_reader().read().unwrap() else { panic!() };
            format!("{value}+{}", data.data.len())
        });
        let data: Vec<_> = data.collect();
        format!(
            "memory {}..{}, globals {}, start {}, data {}",
            memory.initial,
            memory.maximum.unwrap(),
            globals.join(" "),
            module.section(id::START).is_some(),
            data.join(" ")
        )
    }

    #[test]
    fn what_the_host_cannot_read_is_refused_by_name() {
        for (fields, expected) in [
            ("(table 1 funcref) (func (table.set 0 (i32.const 0) (ref.null func)))", "its function 0 has `table.set`"),
            ("(data \"x\") (func) (func (data.drop 0))", "its function 1 has `data.drop`"),
            ("(global (mut f64) (f64.const 1))", "its global 0 has the type f64"),
        ] {
            let bytes = wat::parse_str(format!("(module {fields})")).unwrap();
            let refused = can_be_captured(&parsed(&bytes)).unwrap_err().to_string();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }

    #[test]
    fn a_large_image_with_holes_is_one_piece() {
        let mut memory = vec![0; ALWAYS_MAPPED + 2 * PAGE];
        memory[0] = 1;
        *memory.last_mut().unwrap() = 1;
        let section = data(&memory).unwrap();
        assert!(section.len() > ALWAYS_MAPPED, "{}", section.len());
        memory[ALWAYS_MAPPED..].fill(0);
        assert!(data(&memory).unwrap().len() < 2 * BLOCK);
        assert!(data(&[0; PAGE]).unwrap().is_empty());
    }
}
