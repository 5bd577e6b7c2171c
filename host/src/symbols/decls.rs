//! Where the source declares each function, found by the function's path. It is the place that is reported for a test which
//! should have panicked and did not, because such a test has no stack.

use super::dwarf::{Dwarf, file_path};
use super::metered::MeteredReader;
use super::paths::{Origin, PathRoots, push};
use super::scopes::{Scopes, is_module_or_type, join};
use gimli::{Abbreviation, AttributeValue, EntriesRaw, Reader, Unit};
use std::collections::HashMap;
use std::sync::Arc;

/// One function of the user or of a dependency, and where it is declared.
pub(super) struct Decl {
    /// Crate, modules and name: `semver::parse::version`.
    pub(super) path: String,
    /// The file's path at compile time.
    pub(super) file: Option<Arc<str>>,
    pub(super) line: Option<u32>,
    /// The code offset at which it starts; `None` if it was inlined everywhere.
    pub(super) start: Option<u32>,
}

/// The functions of all compilation units, except those of languages' libraries.
pub(super) fn read(dwarf: &Dwarf, roots: &PathRoots) -> Vec<Decl> {
    let sections = dwarf.sections();
    let mut decls = Vec::new();
    let mut headers = sections.units();
    while let Ok(Some(header)) = headers.next() {
        let Ok(unit) = sections.unit(header) else { continue };
        if !is_library(&unit, roots) {
            let mut walk = DeclWalk { sections, unit: &unit, scopes: Scopes::new(join), files: HashMap::new() };
            // Declarations that were read before an error are still right.
            let _ = walk.run(&mut decls);
        }
    }
    decls
}

fn is_library(unit: &Unit<MeteredReader>, roots: &PathRoots) -> bool {
    let text = |part: &Option<MeteredReader>| Some(part.as_ref()?.to_string_lossy().ok()?.into_owned());
    let mut path = text(&unit.comp_dir).unwrap_or_default();
    push(&mut path, &text(&unit.name).unwrap_or_default());
    roots.source(&path).is_some_and(|source| matches!(source.origin, Origin::Library(_)))
}

struct DeclWalk<'a> {
    sections: &'a gimli::Dwarf<MeteredReader>,
    unit: &'a Unit<MeteredReader>,
    /// The modules and types around the current entry.
    scopes: Scopes<Option<AttributeValue<MeteredReader>>>,
    /// The paths of the unit's files that were needed so far.
    files: HashMap<u64, Option<Arc<str>>>,
}

#[derive(Default)]
struct DeclAttributes {
    name: Option<AttributeValue<MeteredReader>>,
    file: Option<u64>,
    line: Option<u64>,
    start: Option<u64>,
}

impl DeclWalk<'_> {
    fn run(&mut self, decls: &mut Vec<Decl>) -> gimli::Result<()> {
        let mut entries = self.unit.entries_raw(None)?;
        while !entries.is_empty() {
            let depth = entries.next_depth();
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            self.scopes.leave(depth);
            match abbreviation.tag() {
                tag if is_module_or_type(tag) => {
                    let name = self.attributes(&mut entries, abbreviation)?.name;
                    self.scopes.enter(depth, name);
                }
                gimli::DW_TAG_subprogram => {
                    let attributes = self.attributes(&mut entries, abbreviation)?;
                    decls.extend(self.decl(attributes));
                }
                _ => entries.skip_attributes(abbreviation.attributes())?,
            }
        }
        Ok(())
    }

    fn attributes(
        &self,
        entries: &mut EntriesRaw<'_, MeteredReader>,
        abbreviation: &Abbreviation,
    ) -> gimli::Result<DeclAttributes> {
        let mut attributes = DeclAttributes::default();
        for spec in abbreviation.attributes() {
            let attribute = entries.read_attribute(*spec)?;
            match attribute.name() {
                gimli::DW_AT_name => attributes.name = Some(attribute.value()),
                gimli::DW_AT_decl_file => {
                    attributes.file = match attribute.value() {
                        AttributeValue::FileIndex(index) => Some(index),
                        _ => None,
                    };
                }
                gimli::DW_AT_decl_line => attributes.line = attribute.udata_value(),
                gimli::DW_AT_low_pc => attributes.start = self.sections.attr_address(self.unit, attribute.value())?,
                _ => {}
            }
        }
        Ok(attributes)
    }

    fn text(&self, name: &AttributeValue<MeteredReader>) -> Option<String> {
        Some(self.sections.attr_string(self.unit, name.clone()).ok()?.to_string_lossy().ok()?.into_owned())
    }

    /// The declaration that an entry's attributes describe. `None` if the entry has no name of its own: it is a closure, or it
    /// refers to the entry of its declaration.
    fn decl(&mut self, attributes: DeclAttributes) -> Option<Decl> {
        let name = self.text(&attributes.name?).filter(|name| !name.starts_with('{'))?;
        let read = |name: &Option<_>| name.as_ref().map_or_else(|| Some(String::new()), |name| self.text(name));
        Some(Decl {
            path: self.scopes.within(&name, read)?,
            file: attributes.file.and_then(|index| self.file(index)),
            line: attributes.line.and_then(|line| line.try_into().ok()).filter(|line| *line > 0),
            start: attributes.start.and_then(|start| start.try_into().ok()),
        })
    }

    fn file(&mut self, index: u64) -> Option<Arc<str>> {
        let Self { sections, unit, files, .. } = self;
        files.entry(index).or_insert_with(|| file_path(sections, unit, index).map(Into::into)).clone()
    }
}

/// Whether a function's path is `path`, or ends with it at a segment: `a::b::c` ends with `b::c`, and `a::xb::c` does not.
pub(super) fn matches(function: &str, path: &str) -> bool {
    function.strip_suffix(path).is_some_and(|before| before.is_empty() || before.ends_with("::"))
}
