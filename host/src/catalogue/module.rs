//! A module, parsed once for all stages: sections, types, imports, function types, tables, memories, globals and exports. Its
//! code is not read.

use super::sections::{Section, id, sections};
use std::collections::HashMap;
use std::ops::Range;
use wasmparser::{
    BinaryReaderError, CompositeInnerType, DataKind, DataSectionReader, Export, ExportSectionReader, ExternalKind,
    FuncType, FunctionSectionReader, GlobalSectionReader, GlobalType, Import, ImportSectionReader, MemorySectionReader,
    MemoryType, Name, NameSectionReader, Operator, ProducersSectionReader, TableSectionReader, TableType,
    TagSectionReader, TypeRef, TypeSectionReader, ValType,
};

/// A parsed module. Index spaces are those of the specification: imported items come before the module's own.
#[derive(Debug)]
pub struct Module<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) sections: Vec<Section>,
    /// Function types by type index; `None` for a type of another kind.
    pub(crate) types: Vec<Option<FuncType>>,
    pub(crate) imports: Vec<Import<'a>>,
    /// Type indices by function index.
    pub(crate) functions: Vec<u32>,
    pub(crate) imported_functions: u32,
    /// The tables that the module defines.
    pub(crate) tables: Vec<TableType>,
    pub(crate) imported_tables: u32,
    /// How many memories the module defines.
    pub(crate) memories: u32,
    pub(crate) globals: Vec<GlobalType>,
    /// How many tags of exceptions the module defines.
    pub(crate) tags: u32,
    pub(crate) exports: Vec<Export<'a>>,
    exports_by_name: HashMap<&'a str, usize>,
}

impl<'a> Module<'a> {
    /// Parses a module, whether airtight runs it or not.
    ///
    /// # Errors
    /// A section other than the code cannot be parsed; with the offset in the module.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut module = Self {
            bytes,
            sections: sections(bytes)?,
            types: Vec::new(),
            imports: Vec::new(),
            functions: Vec::new(),
            imported_functions: 0,
            tables: Vec::new(),
            imported_tables: 0,
            memories: 0,
            globals: Vec::new(),
            tags: 0,
            exports: Vec::new(),
            exports_by_name: HashMap::new(),
        };
        for section in std::mem::take(&mut module.sections) {
            module.section_contents(&section)?;
            module.sections.push(section);
        }
        module.exports_by_name =
            module.exports.iter().enumerate().map(|(index, export)| (export.name, index)).collect();
        Ok(module)
    }

    fn section_contents(&mut self, section: &Section) -> Result<(), BinaryReaderError> {
        let reader = section.reader(self.bytes);
        match section.id {
            id::TYPE => self.types = function_types(TypeSectionReader::new(reader)?)?,
            id::IMPORT => {
                for import in ImportSectionReader::new(reader)?.into_imports() {
                    self.import(import?);
                }
            }
            id::FUNCTION => {
                for ty in FunctionSectionReader::new(reader)? {
                    self.functions.push(ty?);
                }
            }
            id::TABLE => {
                for table in TableSectionReader::new(reader)? {
                    self.tables.push(table?.ty);
                }
            }
            id::MEMORY => self.memories = MemorySectionReader::new(reader)?.count(),
            id::GLOBAL => {
                for global in GlobalSectionReader::new(reader)? {
                    self.globals.push(global?.ty);
                }
            }
            id::TAG => self.tags = TagSectionReader::new(reader)?.count(),
            id::EXPORT => {
                for export in ExportSectionReader::new(reader)? {
                    self.exports.push(export?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: Import<'a>) {
        match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(ty);
                self.imported_functions += 1;
            }
            TypeRef::Table(_) => self.imported_tables += 1,
            TypeRef::Global(ty) => self.globals.push(ty),
            TypeRef::Memory(_) | TypeRef::Tag(_) => {}
        }
        self.imports.push(import);
    }

    /// The function type at a type index.
    pub(crate) fn type_at(&self, index: u32) -> Option<&FuncType> {
        self.types.get(index as usize)?.as_ref()
    }

    /// The type of a function.
    pub(crate) fn function_type(&self, function: u32) -> Option<&FuncType> {
        self.type_at(*self.functions.get(function as usize)?)
    }

    /// The memory that the threads of the module share; `None` if there is none, so that the module cannot have threads.
    pub(crate) fn shared_memory(&self) -> Option<MemoryType> {
        self.imports.iter().find_map(|import| match import.ty {
            TypeRef::Memory(ty) if is_shared_memory(import, ty) => Some(ty),
            _ => None,
        })
    }

    /// Whether the module has tags of exceptions, its own or imported ones.
    pub(crate) fn has_tags(&self) -> bool {
        self.tags > 0 || self.imports.iter().any(|import| matches!(import.ty, TypeRef::Tag(_)))
    }

    /// The export of this name.
    pub(crate) fn export(&self, name: &str) -> Option<&Export<'a>> {
        self.exports.get(*self.exports_by_name.get(name)?)
    }

    /// Whether the module exports a function of this name without parameters and with these results.
    pub(crate) fn exports(&self, name: &str, results: &[ValType]) -> Result<(), ExportProblem> {
        let export = self.export(name).ok_or(ExportProblem::Missing)?;
        let function = (export.kind == ExternalKind::Func).then_some(export.index);
        let found = function.and_then(|index| self.function_type(index)).ok_or(ExportProblem::NoFunction)?;
        let expected = FuncType::new([], results.iter().copied());
        if *found == expected {
            return Ok(());
        }
        Err(ExportProblem::Type { found: found.to_string(), expected: expected.to_string() })
    }

    /// Whether the module is a program: it exports a `_start` that can be called.
    pub(crate) fn start(&self) -> Result<(), ExportProblem> {
        self.exports("_start", &[])
    }

    /// The first section with this id.
    pub(crate) fn section(&self, id: u8) -> Option<&Section> {
        self.sections.iter().find(|section| section.id == id)
    }

    /// The contents of the custom sections of this name.
    pub(crate) fn custom(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let bytes = self.bytes;
        let named = self.sections.iter().filter(move |section| section.id == id::CUSTOM && section.name == name);
        named.map(|section| &bytes[section.contents.clone()])
    }

    /// The contents of the data section.
    pub(crate) fn data(&self) -> Option<&'a [u8]> {
        self.section(id::DATA).map(|section| &self.bytes[section.contents.clone()])
    }

    /// The subsections of the name section; empty if there is no name section.
    pub(crate) fn names(&self) -> impl Iterator<Item = Result<Name<'a>, BinaryReaderError>> {
        let section = self.sections.iter().find(|section| section.name == "name");
        section.map(|section| NameSectionReader::new(section.reader(self.bytes))).into_iter().flatten()
    }

    /// The version of Go that made the module, as Go's linker notes it: `go1.27.3`; `None` if the module was not made by Go.
    pub(crate) fn go_version(&self) -> Option<&'a str> {
        let section = self.sections.iter().find(|section| section.name == "producers")?;
        let fields = ProducersSectionReader::new(section.reader(self.bytes)).ok()?;
        let language = fields.into_iter().map_while(Result::ok).find(|field| field.name == "language")?;
        let go = language.values.into_iter().map_while(Result::ok).find(|value| value.name == "Go")?;
        Some(go.version)
    }

    /// The functions that have names, by index, in the order of the name section.
    pub(crate) fn function_names(&self) -> impl Iterator<Item = Result<(u32, &'a str), BinaryReaderError>> {
        self.names().flat_map(|subsection| {
            let (functions, error) = match subsection {
                Ok(Name::Function(functions)) => (Some(functions), None),
                Ok(_) => (None, None),
                Err(error) => (None, Some(Err(error))),
            };
            let names = functions.into_iter().flatten().map(|naming| naming.map(|naming| (naming.index, naming.name)));
            names.chain(error)
        })
    }

    /// The addresses from the beginning of the first active data segment to the end of the last one. `None` if there is none,
    /// or if the address of one is computed.
    pub(crate) fn data_range(&self) -> Result<Option<Range<u32>>, BinaryReaderError> {
        let Some(section) = self.section(id::DATA) else { return Ok(None) };
        let mut range: Option<Range<u32>> = None;
        for segment in DataSectionReader::new(section.reader(self.bytes))? {
            let segment = segment?;
            let DataKind::Active { offset_expr, .. } = segment.kind else { continue };
            let Operator::I32Const { value } = offset_expr.get_operators_reader().read()? else { return Ok(None) };
            let start = value.cast_unsigned();
            let end = start.saturating_add(u32::try_from(segment.data.len()).unwrap_or(u32::MAX));
            range = Some(range.map_or(start..end, |range| range.start.min(start)..range.end.max(end)));
        }
        Ok(range)
    }
}

/// Why an export cannot be called as a test.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportProblem {
    /// There is no export of that name.
    Missing,
    /// It is not a function.
    NoFunction,
    /// It is a function of another type.
    Type {
        /// The export's type, in WebAssembly text.
        found: String,
        /// The type that it must have.
        expected: String,
    },
}

impl std::fmt::Display for ExportProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("is not exported"),
            Self::NoFunction => f.write_str("is no function"),
            Self::Type { found, expected } => write!(f, "has type {found}, not {expected}"),
        }
    }
}

fn function_types(reader: TypeSectionReader<'_>) -> Result<Vec<Option<FuncType>>, BinaryReaderError> {
    let mut types = Vec::new();
    for group in reader {
        types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
            CompositeInnerType::Func(ty) => Some(ty),
            _ => None,
        }));
    }
    Ok(types)
}

/// Whether an import is the memory of a module with threads, as the linker makes it.
pub(super) fn is_shared_memory(import: &Import<'_>, ty: MemoryType) -> bool {
    (import.module, import.name) == ("env", "memory") && ty.shared && !ty.memory64
}
