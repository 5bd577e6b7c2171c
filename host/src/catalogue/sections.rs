//! The top level of a module: its sections, as ranges of its bytes. Nothing inside a section is read.

use std::ops::Range;
use wasmparser::{BinaryReader, BinaryReaderError};

/// Section ids of the core specification that this crate names.
pub(crate) mod id {
    pub(crate) const CUSTOM: u8 = 0;
    pub(crate) const TYPE: u8 = 1;
    pub(crate) const IMPORT: u8 = 2;
    pub(crate) const FUNCTION: u8 = 3;
    pub(crate) const TABLE: u8 = 4;
    pub(crate) const MEMORY: u8 = 5;
    pub(crate) const GLOBAL: u8 = 6;
    pub(crate) const EXPORT: u8 = 7;
    pub(crate) const START: u8 = 8;
    pub(crate) const ELEMENT: u8 = 9;
    pub(crate) const CODE: u8 = 10;
    pub(crate) const DATA: u8 = 11;
    pub(crate) const TAG: u8 = 13;
}

/// Magic number and version.
pub(crate) const HEADER_LEN: usize = 8;

/// One section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) id: u8,
    /// The name of a custom section, empty for others.
    pub(crate) name: String,
    /// The whole section, from its id to its last byte.
    pub(crate) whole: Range<usize>,
    /// The bytes behind the size; for a custom section, the bytes behind the name.
    pub(crate) contents: Range<usize>,
}

impl Section {
    /// A reader over the contents whose positions are positions in the module.
    pub(crate) fn reader<'a>(&self, module: &'a [u8]) -> BinaryReader<'a> {
        BinaryReader::new(&module[self.contents.clone()], self.contents.start)
    }
}

/// Every section of a module with a valid header, in order.
///
/// # Errors
/// A section that is cut short, or a custom section whose name is not UTF-8; with the offset in the module.
pub(crate) fn sections(module: &[u8]) -> Result<Vec<Section>, BinaryReaderError> {
    let mut reader = BinaryReader::new(module, 0);
    reader.read_bytes(HEADER_LEN)?;
    let mut sections = Vec::new();
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8()?;
        let size = reader.read_var_u32()?;
        let contents = reader.original_position();
        reader.read_bytes(size as usize)?;
        let end = reader.original_position();
        let mut section = Section { id, name: String::new(), whole: start..end, contents: contents..end };
        if id == self::id::CUSTOM {
            let mut inner = section.reader(module);
            section.name = inner.read_string()?.to_owned();
            section.contents.start = inner.original_position();
        }
        sections.push(section);
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_the_module_without_gaps() {
        let module = wat::parse_str(r#"(module (@custom "a.b" "xyz") (func $f) (memory 1) (data "hello"))"#).unwrap();
        let sections = sections(&module).unwrap();
        let mut end = HEADER_LEN;
        for section in &sections {
            assert_eq!(section.whole.start, end);
            assert_eq!(section.whole.end, section.contents.end);
            end = section.whole.end;
        }
        assert_eq!(end, module.len());
        let custom = sections.iter().find(|s| s.name == "a.b").unwrap();
        assert_eq!(&module[custom.contents.clone()], b"xyz");
    }

    #[test]
    fn a_cut_is_an_error_with_its_offset() {
        let module = wat::parse_str("(module (func) (memory 1))").unwrap();
        let cut = &module[..module.len() - 1];
        assert!(sections(cut).unwrap_err().offset() >= HEADER_LEN);
    }
}
