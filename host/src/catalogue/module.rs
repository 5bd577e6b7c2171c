//! The parts of a module that say which tests it holds: types, imports, function types and exports. No code is read.

use super::sections::{Section, id, sections};
use std::collections::HashMap;
use wasmparser::{
    BinaryReaderError, CompositeInnerType, Export, ExportSectionReader, ExternalKind, FuncType, FunctionSectionReader,
    Import, ImportSectionReader, TypeRef, TypeSectionReader, ValType,
};

pub(super) struct Module<'a> {
    pub(super) sections: Vec<Section<'a>>,
    pub(super) imports: Vec<Import<'a>>,
    /// Function types by type index; `None` for types that are none.
    types: Vec<Option<FuncType>>,
    /// Type indices by function index, imported functions first.
    functions: Vec<u32>,
    exports: HashMap<&'a str, Export<'a>>,
}

impl<'a> Module<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let sections = sections(bytes)?;
        let (mut imports, mut types, mut functions, mut exports) = (Vec::new(), Vec::new(), Vec::new(), HashMap::new());
        for section in &sections {
            let reader = section.reader(bytes);
            match section.id {
                id::TYPE => types = function_types(TypeSectionReader::new(reader)?)?,
                id::IMPORT => {
                    for import in ImportSectionReader::new(reader)? {
                        let import = import?;
                        if let TypeRef::Func(ty) = import.ty {
                            functions.push(ty);
                        }
                        imports.push(import);
                    }
                }
                id::FUNCTION => {
                    for ty in FunctionSectionReader::new(reader)? {
                        functions.push(ty?);
                    }
                }
                id::EXPORT => {
                    for export in ExportSectionReader::new(reader)? {
                        let export = export?;
                        exports.insert(export.name, export);
                    }
                }
                _ => {}
            }
        }
        Ok(Self { sections, imports, types, functions, exports })
    }

    /// The function type at a type index.
    pub(super) fn function_type(&self, index: u32) -> Option<&FuncType> {
        self.types.get(index as usize)?.as_ref()
    }

    /// Whether the module exports a function of this name without parameters and with these results.
    pub(super) fn exports(&self, name: &str, results: &[ValType]) -> Result<(), ExportProblem> {
        let export = self.exports.get(name).ok_or(ExportProblem::Missing)?;
        let index = usize::try_from(export.index).ok().filter(|_| export.kind == ExternalKind::Func);
        let ty = index.and_then(|index| self.functions.get(index)).and_then(|&ty| self.function_type(ty));
        let found = ty.ok_or(ExportProblem::NoFunction)?;
        let expected = FuncType::new([], results.iter().copied());
        if *found == expected {
            return Ok(());
        }
        Err(ExportProblem::Type { found: found.to_string(), expected: expected.to_string() })
    }

    pub(super) fn custom(&self, name: &str) -> impl Iterator<Item = &Section<'a>> {
        self.sections.iter().filter(move |section| section.id == id::CUSTOM && section.name == name)
    }

    pub(super) fn section(&self, id: u8) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.id == id)
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
        /// Its type, in WebAssembly text.
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
