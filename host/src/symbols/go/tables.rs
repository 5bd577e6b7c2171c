//! Go's tables of functions: `pclntab`, and the tables of inlined calls beside it. They are part of a binary's data, even if it
//! has no name section.
//!
//! ```text
//! moduledata -> pclntab -> a row a function -> for each block: size of the frame, file, line, inlined call
//! ```
//!
//! The layout depends on the version of Go. For a version that is not known here, no functions and lines are read.

use super::frame;
use crate::catalogue::{Module, Statics};
use crate::model::Frame;
use memchr::memmem;

/// The beginning of the table of functions since Go 1.20: a magic number; instructions of one byte; pointers of eight bytes.
const MAGIC: [u8; 8] = [0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];

/// How many places that begin like a table of functions are looked at.
const MOST_STARTS: usize = 16;

/// The longest name of a function or a file, in bytes.
const MOST_TEXT: usize = 4096;

/// How many steps of a table of values are read at most: a function has at most 65,536 blocks.
const MOST_VALUES: u32 = 1 << 16;

/// The word of `moduledata` that says where the text (the code) begins.
const TEXT: usize = 22;

/// The number of the first function in Go's places. Imported functions are not numbered.
const FIRST_FUNCTION: u32 = 0x1000;

/// Two of a function's tables, by index: for each place the index of its inlined call, and the inlined calls themselves.
const INLINE_INDEX: usize = 2;
const INLINE_TREE: usize = 3;

/// The flag of a function that is the outermost one of its goroutine.
const TOP_FRAME: u8 = 1;

/// How many inlined calls within one another are read at most.
const MAX_INLINED: usize = 100;

/// The parts of the layout that differ between versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    /// By how many bits the beginning of a function in its row has to be shifted: 0 if it contains 16 bits for a block, 16 if
    /// it is the function's number alone.
    shift: u32,
    /// The word of `moduledata` that says where the tables of functions are.
    functions: usize,
}

/// The layout of `go1.NN`.
fn layout(minor: u32) -> Option<Layout> {
    match minor {
        24 => Some(Layout { shift: 0, functions: 40 }),
        25 | 26 => Some(Layout { shift: 16, functions: 40 }),
        27 => Some(Layout { shift: 16, functions: 43 }),
        _ => None,
    }
}

/// Why functions and lines of a module cannot be read from Go's tables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoGoTables {
    /// The module was not made by Go.
    #[error("it is not a binary of Go's")]
    NotGo,
    /// The layout of the tables of this version is not known.
    #[error("no lines for {0}")]
    Version(String),
    /// The tables are not where that version has them.
    #[error("no lines: the tables are not as {0} writes them")]
    Broken(String),
}

/// The tables of one module.
pub struct GoTables {
    /// The module's static data, and the address at which it begins.
    image: Vec<u8>,
    base: u64,
    imported: u32,
    /// For each function: where it begins (its number, and 16 bits for a block), and its row; in order.
    functions: Vec<(u64, usize)>,
    /// Offsets in the image.
    names: usize,
    units: usize,
    files: usize,
    values: usize,
    /// The address from which tables of functions are counted.
    function_data: u64,
}

impl GoTables {
    /// Finds the tables of a module.
    ///
    /// # Errors
    /// The tables are not there, or their layout is not known.
    pub(crate) fn read(module: &Module<'_>) -> Result<Self, NoGoTables> {
        let version = module.go_version().ok_or(NoGoTables::NotGo)?;
        let layout = minor(version).and_then(layout).ok_or_else(|| NoGoTables::Version(short(version).to_owned()))?;
        let broken = || NoGoTables::Broken(short(version).to_owned());
        let image = Statics::read(module).ok().and_then(|statics| statics.image());
        let (base, image) = image.ok_or_else(broken)?;
        let starts: Vec<usize> = memmem::find_iter(&image, &MAGIC).take(MOST_STARTS).collect();
        let found = starts.into_iter().find_map(|start| Found::at(&image, base.into(), start, layout));
        let Found { functions, names, units, files, values, function_data } = found.ok_or_else(broken)?;
        let imported = module.imported_functions;
        Ok(Self { image, base: base.into(), imported, functions, names, units, files, values, function_data })
    }

    /// The row of a function, and where the function begins.
    fn row(&self, function: u32) -> Option<Row<'_>> {
        let entry = u64::from(function.checked_sub(self.imported)?.checked_add(FIRST_FUNCTION)?) << 16;
        let index = self.functions.binary_search_by_key(&entry, |(entry, _)| *entry).ok()?;
        Some(Row { tables: self, entry, at: self.functions[index].1 })
    }

    /// The size of a function's frame on a goroutine's stack: the bytes between the place to which a call from this block
    /// returns, and the place to which the function itself returns. `None` if the function is the outermost of its goroutine,
    /// or not known.
    pub fn frame_size(&self, function: u32, block: u32) -> Option<u64> {
        let row = self.row(function)?;
        if row.byte(41)? & TOP_FRAME != 0 {
            return None;
        }
        u64::try_from(row.value(row.word(16)?, block)?).ok()
    }

    /// The size of a function's frame while it calls the host.
    pub fn import_frame_size(&self, function: u32) -> Option<u64> {
        let row = self.row(function)?;
        u64::try_from(row.values(row.word(16)?).map(|(_, size)| size).max()?).ok()
    }

    /// The function and the block of a place on a goroutine's stack.
    pub(super) fn place(&self, place: u64) -> Option<(u32, u32)> {
        let function = u32::try_from(place >> 16).ok()?.checked_sub(FIRST_FUNCTION)?.checked_add(self.imported)?;
        self.row(function).map(|_| (function, (place & 0xffff) as u32))
    }

    /// The calls at a place to which a call returns: the inlined ones, innermost first, and then the function's own.
    pub fn calls(&self, function: u32, block: u32) -> Vec<Frame> {
        self.row(function).map(|row| row.calls(block)).unwrap_or_default()
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        word32(&self.image, at)
    }

    /// The text at an offset of the image, up to the zero that ends it.
    fn text(&self, at: usize) -> Option<&str> {
        let rest = self.image.get(at..)?;
        let rest = &rest[..rest.len().min(MOST_TEXT)];
        std::str::from_utf8(&rest[..memchr::memchr(0, rest)?]).ok()
    }
}

/// The row of a function.
struct Row<'t> {
    tables: &'t GoTables,
    entry: u64,
    at: usize,
}

impl<'t> Row<'t> {
    fn word(&self, offset: usize) -> Option<u32> {
        self.tables.u32_at(self.at + offset)
    }

    fn byte(&self, offset: usize) -> Option<u8> {
        self.tables.image.get(self.at + offset).copied()
    }

    fn name(&self) -> Option<&'t str> {
        self.tables.text(self.tables.names + self.word(4)? as usize)
    }

    /// A table of a function: values, each with the place up to which it holds.
    fn values(&self, offset: u32) -> Values<'t> {
        let rest = self.tables.image.get(self.tables.values + offset as usize..).unwrap_or_default();
        Values { rest: if offset == 0 { &[] } else { rest }, pc: self.entry, value: -1, first: true, left: MOST_VALUES }
    }

    /// The value of a table for the place from which a call returned to this block.
    fn value(&self, offset: u32, block: u32) -> Option<i64> {
        self.value_at(offset, self.entry + u64::from(block.saturating_sub(1)))
    }

    fn value_at(&self, offset: u32, pc: u64) -> Option<i64> {
        self.values(offset).find(|(end, _)| pc < *end).map(|(_, value)| value)
    }

    /// The file and the line of a place.
    fn line(&self, pc: u64) -> Option<(&'t str, u32)> {
        let file = usize::try_from(self.value_at(self.word(20)?, pc)?).ok()?;
        let line = u32::try_from(self.value_at(self.word(24)?, pc)?).ok()?;
        let unit = self.word(32)? as usize;
        let offset = self.tables.u32_at(self.tables.units + 4 * unit.checked_add(file)?)?;
        Some((self.tables.text(self.tables.files + offset as usize)?, line))
    }

    /// The offset of the table of inlined calls in the image.
    fn inline_tree(&self) -> Option<usize> {
        let (before, count) = (self.word(28)? as usize, usize::from(self.byte(43)?));
        if INLINE_TREE >= count {
            return None;
        }
        let offset = self.word(44 + 4 * before.checked_add(INLINE_TREE)?)?;
        let address = (offset != u32::MAX).then(|| self.tables.function_data.checked_add(offset.into()))??;
        usize::try_from(address.checked_sub(self.tables.base)?).ok().filter(|at| *at <= self.tables.image.len())
    }

    fn calls(&self, block: u32) -> Vec<Frame> {
        let mut pc = self.entry + u64::from(block.saturating_sub(1));
        let mut calls = Vec::new();
        let place = |name: &str, pc| match self.line(pc) {
            Some((file, line)) => frame(name, file, line),
            None => Frame::new(name),
        };
        if let (Some(tree), Some(table)) = (self.inline_tree(), self.inline_table()) {
            while let Some(index) = self.value_at(table, pc).and_then(|index| usize::try_from(index).ok()) {
                let at = tree + 16 * index.min(1 << 24);
                let (Some(name), Some(parent)) = (self.tables.u32_at(at + 4), self.tables.u32_at(at + 8)) else {
                    break;
                };
                let Some(name) = self.tables.text(self.tables.names + name as usize) else { break };
                calls.push(place(name, pc));
                pc = self.entry + u64::from(parent);
                if calls.len() >= MAX_INLINED {
                    break;
                }
            }
        }
        calls.extend(self.name().map(|name| place(name, pc)));
        calls
    }

    /// The table with the index of the inlined call for each place.
    fn inline_table(&self) -> Option<u32> {
        let count = self.word(28)? as usize;
        if INLINE_INDEX < count { self.word(44 + 4 * INLINE_INDEX) } else { None }
    }
}

/// A table of values, which is written as differences. Each value holds up to a place.
struct Values<'t> {
    rest: &'t [u8],
    pc: u64,
    value: i64,
    first: bool,
    left: u32,
}

impl Iterator for Values<'_> {
    type Item = (u64, i64);

    fn next(&mut self) -> Option<(u64, i64)> {
        self.left = self.left.checked_sub(1)?;
        let change = varint(&mut self.rest)?;
        if change == 0 && !std::mem::take(&mut self.first) {
            return None;
        }
        self.first = false;
        let change = i64::from(change >> 1) ^ -i64::from(change & 1);
        let steps = varint(&mut self.rest)?;
        self.value = self.value.checked_add(change)?;
        self.pc = self.pc.checked_add(steps.into())?;
        Some((self.pc, self.value))
    }
}

/// The tables of a module as they were found: offsets in the image, and rows.
struct Found {
    functions: Vec<(u64, usize)>,
    names: usize,
    units: usize,
    files: usize,
    values: usize,
    function_data: u64,
}

impl Found {
    /// The tables whose header lies at this offset, if `moduledata` points to them.
    fn at(image: &[u8], base: u64, start: usize, layout: Layout) -> Option<Self> {
        let header = |nth: usize| usize::try_from(word64(image, start + 8 * nth)?).ok();
        let address = base + start as u64;
        let count = header(1)?;
        let part = |nth: usize| start.checked_add(header(nth)?).filter(|at| *at <= image.len());
        let (names, units, files, values, rows) = (part(4)?, part(5)?, part(6)?, part(7)?, part(8)?);
        let data = memmem::find_iter(image, &address.to_le_bytes())
            .find(|at| word64(image, at + 8) == Some(base + names as u64))?;
        let word = |nth: usize| word64(image, data + 8 * nth);
        let (text, function_data) = (word(TEXT)?, word(layout.functions)?);
        let mut functions = Vec::with_capacity(count.min(image.len() / 8));
        for nth in 0..count {
            let at = rows.checked_add(nth.checked_mul(8)?)?;
            let (entry, row) = (word32(image, at)?, word32(image, at + 4)?);
            let entry = text.checked_add(entry.into())?.checked_mul(1 << layout.shift)?;
            functions.push((entry, rows.checked_add(row as usize)?));
        }
        functions.is_sorted_by_key(|(entry, _)| *entry).then_some(())?;
        Some(Self { functions, names, units, files, values, function_data })
    }
}

/// The number of a version: 27, of `go1.27.3`.
fn minor(version: &str) -> Option<u32> {
    let digits = version.strip_prefix("go1.")?;
    digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())].parse().ok()
}

/// `go1.28`, of `go1.28.3`.
fn short(version: &str) -> &str {
    let Some(rest) = version.strip_prefix("go1.") else { return version };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    &version[..version.len() - rest.len() + digits]
}

fn varint(rest: &mut &[u8]) -> Option<u32> {
    let (mut value, mut shift) = (0_u32, 0);
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
        shift += 7;
    }
}

fn word32(image: &[u8], at: usize) -> Option<u32> {
    image.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn word64(image: &[u8], at: usize) -> Option<u64> {
    image.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

impl std::fmt::Debug for GoTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GoTables").field("functions", &self.functions.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
