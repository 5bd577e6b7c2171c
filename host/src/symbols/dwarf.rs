//! DWARF debug information: from a code offset to functions, files and lines, with inlined calls as frames of their own.

use super::metered::MeteredReader;
use crate::catalogue::sections::Section;
use gimli::{AttributeValue, EntriesRaw, Reader, Unit, UnitOffset, UnitRef};
use std::sync::Arc;

/// How many bytes may be read for each byte of debug information. To look up every function of a test binary takes about 2.
const BUDGET_PER_BYTE: u64 = 16;

/// The deepest nesting of entries that is accepted; compilers stay below a hundred. It is bounded because `addr2line` recurses
/// into entries.
const MAX_DEPTH: isize = 500;

/// The most attributes of an entry that are accepted; compilers stay below thirty. The budget alone does not bound them, since
/// an attribute may take no bytes.
const MAX_ATTRIBUTES: usize = 100;

/// The most inlined calls at one code offset that become frames.
const MAX_INLINED: usize = 64;

/// How many entries a function's entry may refer to, one after the other, until one has its name: that from which it was
/// inlined, and that which declares it.
const MAX_ORIGINS: usize = 4;

/// The beginning of the names of custom sections with debug information.
const PREFIX: &str = ".debug_";

/// One of the calls at a code offset, according to the debug information: the function, and the place within it.
pub(super) struct CallSite {
    /// The function's linkage name, or else its plain name.
    pub(super) name: Option<String>,
    /// The file's path at compile time.
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    /// The function's plain name, if it shows type arguments: `new<demo::Section>`.
    pub(super) generic: Option<String>,
}

/// Debug information of a module.
pub(super) struct Dwarf {
    sections: Arc<gimli::Dwarf<MeteredReader>>,
    context: addr2line::Context<MeteredReader>,
}

impl Dwarf {
    /// The debug information of a module; `None` if there is none, or if it cannot be used.
    pub(super) fn open(bytes: &Arc<Vec<u8>>, sections: &[Section]) -> Option<Self> {
        let ours = || sections.iter().filter(|section| section.name.starts_with(PREFIX));
        let total: usize = ours().map(|section| section.contents.len()).sum();
        if total == 0 {
            return None;
        }
        let module = MeteredReader::new(Arc::clone(bytes), BUDGET_PER_BYTE.saturating_mul(total as u64));
        let dwarf = gimli::Dwarf::load(|id| -> gimli::Result<_> {
            let section = ours().find(|section| section.name == id.name());
            Ok(module.section(section.map_or(0..0, |section| section.contents.clone())))
        });
        let sections = Arc::new(dwarf.ok()?);
        vet(&sections).ok()?;
        let context = addr2line::Context::from_arc_dwarf(Arc::clone(&sections)).ok()?;
        Some(Self { sections, context })
    }

    /// The calls at a code offset, innermost first: inlined calls, and then the function whose code it is.
    pub(super) fn calls(&self, offset: u32) -> Vec<CallSite> {
        let mut calls = Vec::new();
        let Ok(mut frames) = self.context.find_frames(offset.into()).skip_all_loads() else { return calls };
        let unit = self.context.find_dwarf_and_unit(offset.into()).skip_all_loads();
        while let Ok(Some(frame)) = frames.next() {
            if calls.len() == MAX_INLINED {
                break;
            }
            let name = frame.function.as_ref().and_then(|name| Some(name.raw_name().ok()?.into_owned()));
            let (file, line) = frame.location.map_or((None, None), |at| (at.file.map(str::to_owned), at.line));
            let generic = frame.dw_die_offset.and_then(|entry| generic_name(unit?, entry));
            calls.push(CallSite { name, file, line, generic });
        }
        calls
    }

    /// Where the unit begins that the code at this offset belongs to, in the section of units.
    pub(super) fn unit_of(&self, offset: u32) -> Option<usize> {
        let unit = self.context.find_dwarf_and_unit(offset.into()).skip_all_loads()?;
        unit.header.debug_info_offset().map(|offset| offset.0)
    }

    pub(super) fn sections(&self) -> &gimli::Dwarf<MeteredReader> {
        &self.sections
    }
}

/// The name of the function that an entry is of, or that it was inlined from, if the name shows type arguments.
fn generic_name(unit: UnitRef<'_, MeteredReader>, mut entry: UnitOffset) -> Option<String> {
    for _ in 0..MAX_ORIGINS {
        let found = unit.entry(entry).ok()?;
        if let Some(name) = found.attr_value(gimli::DW_AT_name) {
            let name = unit.attr_string(name).ok()?.to_string_lossy().ok()?.into_owned();
            return name.contains('<').then_some(name);
        }
        let origin = found.attr_value(gimli::DW_AT_abstract_origin);
        let Some(AttributeValue::UnitRef(origin)) = origin.or_else(|| found.attr_value(gimli::DW_AT_specification))
        else {
            return None;
        };
        entry = origin;
    }
    None
}

/// Refuses debug information for which `addr2line` would need more stack or time than its length justifies.
fn vet(dwarf: &gimli::Dwarf<MeteredReader>) -> Result<(), UnfitDebugInfo> {
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        // `addr2line` skips a unit that cannot be read, too.
        let Ok(unit) = dwarf.unit(header) else { continue };
        vet_entries(&unit)?;
    }
    Ok(())
}

fn vet_entries(unit: &Unit<MeteredReader>) -> Result<(), UnfitDebugInfo> {
    let mut entries: EntriesRaw<'_, MeteredReader> = unit.entries_raw(None)?;
    while !entries.is_empty() {
        if entries.next_depth() > MAX_DEPTH {
            return Err(UnfitDebugInfo);
        }
        if let Some(abbreviation) = entries.read_abbreviation()? {
            if abbreviation.attributes().len() > MAX_ATTRIBUTES {
                return Err(UnfitDebugInfo);
            }
            entries.skip_attributes(abbreviation.attributes())?;
        }
    }
    Ok(())
}

/// The debug information is not used: it is malformed, or reading it would take too much stack or time.
struct UnfitDebugInfo;

impl From<gimli::Error> for UnfitDebugInfo {
    fn from(_: gimli::Error) -> Self {
        Self
    }
}

/// The path of the file with this index in a unit's line program, put together from its directories. `None` if there is no such
/// file.
pub(super) fn file_path(dwarf: &gimli::Dwarf<MeteredReader>, unit: &Unit<MeteredReader>, index: u64) -> Option<String> {
    let header = unit.line_program.as_ref()?.header();
    let file = header.file(index)?;
    let mut path =
        unit.comp_dir.as_ref().and_then(|dir| Some(dir.to_string_lossy().ok()?.into_owned())).unwrap_or_default();
    let text = |value| Some(dwarf.attr_string(unit, value).ok()?.to_string_lossy().ok()?.into_owned());
    // Directory 0 is the one in which the compiler ran; the path begins with it already.
    if let Some(directory) = file.directory(header).filter(|_| file.directory_index() != 0) {
        super::paths::push(&mut path, &text(directory)?);
    }
    super::paths::push(&mut path, &text(file.path_name())?);
    Some(path)
}
