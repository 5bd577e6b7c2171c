//! What the pass needs to know of a module. No operator is read.

use crate::catalogue::sections::{Section, id};
use crate::instrument::InstrumentError;
use crate::instrument::splice::entries;
use std::ops::Range;
use wasmparser::{
    BinaryReaderError, CompositeInnerType, ExportSectionReader, ExternalKind, FuncType, FunctionSectionReader,
    ImportSectionReader, TypeRef, TypeSectionReader,
};

/// The start section of the core specification.
const START: u8 = 8;
/// Its memory section.
pub(super) const MEMORY: u8 = 5;

pub(super) struct Module<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) sections: &'a [Section<'a>],
    /// By type index; `None` for what is no function's.
    pub(super) types: Vec<Option<FuncType>>,
    /// Type indices by function index, imported functions first.
    pub(super) functions: Vec<u32>,
    pub(super) imported: u32,
    /// Whether the program's arguments are imported.
    pub(super) arguments: bool,
    pub(super) tables: u32,
    pub(super) memories: u32,
    pub(super) imported_memory: bool,
    pub(super) exports: u32,
    /// The function exported as `_start`.
    pub(super) start_export: Option<u32>,
    pub(super) start_section: bool,
    /// The bodies of the module's own functions, with their local declarations.
    pub(super) bodies: Vec<Range<usize>>,
}

impl<'a> Module<'a> {
    pub(super) fn read(bytes: &'a [u8], sections: &'a [Section<'a>]) -> Result<Self, InstrumentError> {
        let mut module = Self {
            bytes,
            sections,
            types: Vec::new(),
            functions: Vec::new(),
            imported: 0,
            arguments: false,
            tables: 0,
            memories: 0,
            imported_memory: false,
            exports: 0,
            start_export: None,
            start_section: false,
            bodies: Vec::new(),
        };
        for section in sections {
            module.section(section)?;
        }
        let defined = module.functions.len() - module.imported as usize;
        if defined != module.bodies.len() {
            let offset = module.section_of(id::CODE).map_or(bytes.len(), |code| code.contents.start);
            let message = "function and code section have inconsistent lengths".to_owned();
            return Err(InstrumentError::Malformed { message, offset });
        }
        Ok(module)
    }

    fn section(&mut self, section: &Section<'a>) -> Result<(), BinaryReaderError> {
        let reader = section.reader(self.bytes);
        match section.id {
            id::TYPE => {
                for group in TypeSectionReader::new(reader)? {
                    self.types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => Some(ty),
                        _ => None,
                    }));
                }
            }
            id::IMPORT => {
                for import in ImportSectionReader::new(reader)? {
                    let import = import?;
                    match import.ty {
                        TypeRef::Func(ty) => {
                            self.functions.push(ty);
                            self.imported += 1;
                            self.arguments |= import.name == "args_sizes_get";
                        }
                        TypeRef::Table(_) => self.tables += 1,
                        TypeRef::Memory(_) => self.imported_memory = true,
                        _ => {}
                    }
                }
            }
            id::FUNCTION => {
                for ty in FunctionSectionReader::new(reader)? {
                    self.functions.push(ty?);
                }
            }
            id::TABLE => self.tables = self.tables.saturating_add(self.count(section)?),
            MEMORY => self.memories = self.count(section)?,
            id::EXPORT => self.exports(section)?,
            START => self.start_section = true,
            id::CODE => self.code(section)?,
            _ => {}
        }
        Ok(())
    }

    fn exports(&mut self, section: &Section<'a>) -> Result<(), BinaryReaderError> {
        self.exports = self.count(section)?;
        for export in ExportSectionReader::new(section.reader(self.bytes))? {
            let export = export?;
            if export.name == "_start" && export.kind == ExternalKind::Func {
                self.start_export = Some(export.index);
            }
        }
        Ok(())
    }

    fn code(&mut self, section: &Section<'a>) -> Result<(), BinaryReaderError> {
        let mut reader = section.reader(self.bytes);
        for _ in 0..reader.read_var_u32()? {
            let size = reader.read_var_u32()?;
            let start = reader.original_position();
            reader.read_bytes(size as usize)?;
            self.bodies.push(start..reader.original_position());
        }
        Ok(())
    }

    fn count(&self, section: &Section<'a>) -> Result<u32, BinaryReaderError> {
        entries(self.bytes, Some(section)).map(|(count, _)| count)
    }

    pub(super) fn section_of(&self, id: u8) -> Option<&'a Section<'a>> {
        self.sections.iter().find(|section| section.id == id)
    }

    pub(super) fn function_type(&self, function: u32) -> Option<&FuncType> {
        let ty = *self.functions.get(function as usize)?;
        self.types.get(ty as usize)?.as_ref()
    }

    /// Where the body of a function of the module's own is.
    pub(super) fn body(&self, function: u32) -> Option<Range<usize>> {
        self.bodies.get(function.checked_sub(self.imported)? as usize).cloned()
    }

    /// The number of functions.
    pub(super) fn function_count(&self) -> u32 {
        self.functions.len() as u32
    }
}
