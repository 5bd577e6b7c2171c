//! One function's variables, and where they are.

use super::debug::ModuleCode;
use super::types::{Types, of_type};
use crate::symbols::metered::MeteredReader;
use gimli::{
    AttributeValue, DebugInfoOffset, DebuggingInformationEntry, Dwarf, Expression, Operation, Unit, UnitOffset,
};
use std::cell::Cell;
use std::ops::Range;

type Entry<'a> = DebuggingInformationEntry<MeteredReader>;

/// The most bytes that are read to find the functions of a unit, for each byte of it.
const UNIT_BUDGET: u64 = 4;

/// The most variables of a function that are looked at.
const MOST_VARIABLES: usize = 4096;

/// The most places of variables that are looked at for one call.
const MOST_WORK: usize = 1 << 18;

/// The languages whose blocks come from C's allocator.
const LANGUAGES: [gimli::DwLang; 11] = [
    gimli::DW_LANG_C,
    gimli::DW_LANG_C89,
    gimli::DW_LANG_C99,
    gimli::DW_LANG_C11,
    gimli::DW_LANG_C17,
    gimli::DW_LANG_C_plus_plus,
    gimli::DW_LANG_C_plus_plus_03,
    gimli::DW_LANG_C_plus_plus_11,
    gimli::DW_LANG_C_plus_plus_14,
    gimli::DW_LANG_C_plus_plus_17,
    gimli::DW_LANG_C_plus_plus_20,
];

/// The first of them whose types need no `struct` before their names.
const FIRST_OF_CPP: usize = 5;

/// Where the functions and the static variables of a unit of C's are.
pub(super) struct UnitIndex {
    offset: usize,
    /// Whether `struct` stands before the names of types.
    tells_tags: bool,
    functions: Vec<(Range<u64>, UnitOffset)>,
    /// Static variables: address and type.
    statics: Vec<(u64, UnitOffset)>,
}

impl UnitIndex {
    /// Of the unit at this offset; `None` if it is not of C or C++.
    pub(super) fn read(module: ModuleCode<'_>, offset: usize) -> Option<Self> {
        let length = module.sections.iter().find(|section| section.name == ".debug_info")?.contents.len() as u64;
        let debug = module.debug_information(UNIT_BUDGET.saturating_mul(length));
        let unit = unit(&debug, offset)?;
        let root = unit.entry(UnitOffset(unit.header.header_size())).ok()?;
        let Some(AttributeValue::Language(language)) = root.attr_value(gimli::DW_AT_language) else { return None };
        let language = LANGUAGES.iter().position(|known| *known == language)?;
        let (functions, statics) = (Vec::new(), Vec::new());
        let mut index = Self { offset, tells_tags: language < FIRST_OF_CPP, functions, statics };
        let mut entries = unit.entries();
        while entries.next_entry().ok()? {
            let Some(entry) = entries.current() else { continue };
            match entry.tag() {
                gimli::DW_TAG_subprogram => {
                    let mut ranges = debug.die_ranges(&unit, entry).ok()?;
                    while let Some(range) = ranges.next().ok()? {
                        index.functions.push((range.begin..range.end, entry.offset()));
                    }
                }
                gimli::DW_TAG_variable => {
                    let Some(AttributeValue::Exprloc(place)) = entry.attr_value(gimli::DW_AT_location) else {
                        continue;
                    };
                    let (Some(address), Some(of_type)) = (address(&debug, &unit, place), of_type(&unit, entry)) else {
                        continue;
                    };
                    index.statics.push((address, of_type));
                }
                _ => {}
            }
        }
        index.functions.sort_by_key(|(range, offset)| (range.start, range.end, *offset));
        Some(index)
    }
}

fn unit(debug: &Dwarf<MeteredReader>, offset: usize) -> Option<Unit<MeteredReader>> {
    let header = debug.debug_info.header_from_offset(DebugInfoOffset(offset)).ok()?;
    debug.unit(header).ok()
}

/// The constant address of a variable that has one; 0 is that of one that the linker removed.
fn address(debug: &Dwarf<MeteredReader>, unit: &Unit<MeteredReader>, place: Expression<MeteredReader>) -> Option<u64> {
    let [operation] = &operations(unit, place)?[..] else { return None };
    let address = match operation {
        Operation::Address { address } => *address,
        Operation::AddressIndex { index } => debug.address(unit, *index).ok()?,
        _ => return None,
    };
    (address > 0).then_some(address)
}

/// The operations of an expression, if they are few.
fn operations(unit: &Unit<MeteredReader>, place: Expression<MeteredReader>) -> Option<Vec<Operation<MeteredReader>>> {
    const MOST: usize = 2;
    let (mut all, mut rest) = (Vec::new(), place.operations(unit.encoding()));
    while let Some(operation) = rest.next().ok()? {
        if all.len() == MOST {
            return None;
        }
        all.push(operation);
    }
    Some(all)
}

/// Where a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the frame, at this offset.
    Frame(i64),
    /// Its value is in this local.
    Local(u32),
}

struct Variable {
    of_type: UnitOffset,
    /// The addresses of code at which it is in scope; empty if it is everywhere in its function.
    scope: Vec<Range<u64>>,
    /// Where it is, and at which addresses of code; `None` stands for all of its scope.
    places: Vec<(Option<Range<u64>>, Place)>,
}

impl Variable {
    /// Where it is when the code at this offset begins, each with the code from which on it has been there.
    fn places_at(&self, code: u64) -> impl Iterator<Item = (Option<u64>, Place)> {
        let in_scope = self.scope.is_empty() || self.scope.iter().any(|range| range.contains(&code));
        let places = self.places.iter().filter(move |_| in_scope);
        places
            .filter(move |(range, _)| range.as_ref().is_none_or(|range| range.contains(&code)))
            .map(|(range, place)| (range.as_ref().map(|range| range.start), *place))
    }
}

/// A function in which an allocator is called.
pub(super) struct Function<'d> {
    types: Types<'d>,
    frame: Option<u32>,
    variables: Vec<Variable>,
    /// How many places the variables have, and their scopes.
    places: usize,
    statics: &'d [(u64, UnitOffset)],
    /// How many variables may still be looked at.
    work: Cell<usize>,
}

impl<'d> Function<'d> {
    /// The function to which the code at this offset belongs.
    pub(super) fn read(debug: &'d Dwarf<MeteredReader>, index: &'d UnitIndex, code: u32) -> Option<Self> {
        let unit = unit(debug, index.offset)?;
        let before = index.functions.partition_point(|(range, _)| range.start <= u64::from(code));
        let (_, offset) = index.functions[..before].last().filter(|(range, _)| range.contains(&u64::from(code)))?;
        let types = Types::new(debug, unit, index.tells_tags);
        let (variables, work) = (Vec::new(), Cell::new(MOST_WORK));
        let mut function = Self { frame: None, variables, places: 0, statics: &index.statics, types, work };
        function.read_variables(*offset)?;
        Some(function)
    }

    pub(super) fn types(&self) -> &Types<'d> {
        &self.types
    }

    fn read_variables(&mut self, offset: UnitOffset) -> Option<()> {
        let (debug, unit) = (self.types.debug(), self.types.unit());
        let mut entries = unit.entries_at_offset(offset).ok()?;
        let mut scopes: Vec<(isize, Vec<Range<u64>>)> = Vec::new();
        let (mut frame, mut variables) = (None, Vec::new());
        while entries.next_entry().ok()? {
            let depth = entries.depth();
            if depth <= 0 && entries.current().is_some_and(|entry| entry.offset() != offset) {
                break;
            }
            let Some(entry) = entries.current() else { continue };
            while scopes.last().is_some_and(|(scope, _)| *scope >= depth) {
                scopes.pop();
            }
            match entry.tag() {
                gimli::DW_TAG_subprogram if entry.offset() == offset => frame = frame_base(unit, entry),
                gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine => {
                    let mut ranges = debug.die_ranges(unit, entry).ok()?;
                    let mut all = Vec::new();
                    while let Some(range) = ranges.next().ok()? {
                        all.push(range.begin..range.end);
                    }
                    scopes.push((depth, all));
                }
                gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter if variables.len() < MOST_VARIABLES => {
                    let scope = scopes.last().map(|(_, ranges)| ranges.clone()).unwrap_or_default();
                    let places = places(debug, unit, entry).unwrap_or_default();
                    if let (Some(of_type), false) = (of_type(unit, entry), places.is_empty()) {
                        variables.push(Variable { of_type, scope, places });
                    }
                }
                gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter => return None,
                _ => {}
            }
        }
        let of_scopes = |variable: &Variable| variable.places.len() + variable.scope.len();
        self.places = variables.iter().map(of_scopes).sum();
        (self.frame, self.variables) = (frame, variables);
        Some(())
    }

    fn spend(&self, work: usize) -> Option<()> {
        self.work.set(self.work.get().checked_sub(work)?);
        Some(())
    }

    /// The local that holds the address of the function's frame.
    pub(super) fn frame(&self) -> Option<u32> {
        self.frame
    }

    /// The type of the variable whose value is in a local when the code at this offset begins; `None` if there is none, or if there are
    /// several of different types.
    pub(super) fn in_local(&self, local: u32, code: u32) -> Option<UnitOffset> {
        self.in_local_since(local, code, 0)
    }

    /// The same of the variables that have been in the local only since this code, if they are not there all the time: one that was there
    /// before may be told to be there still, after another value was put into the local.
    pub(super) fn in_local_since(&self, local: u32, code: u32, since: u32) -> Option<UnitOffset> {
        self.spend(self.places)?;
        let is_there = |variable: &&Variable| {
            let mut places = variable.places_at(code.into());
            places.any(|(start, at)| at == Place::Local(local) && start.is_none_or(|start| start >= u64::from(since)))
        };
        self.types.common(self.variables.iter().filter(is_there).map(|variable| variable.of_type))
    }

    /// The variable in the frame that this offset is in: its type, and the offset in it.
    pub(super) fn in_frame(&self, offset: i64, code: u32) -> Option<(UnitOffset, u64)> {
        self.spend(self.places)?;
        let within = |variable: &Variable| {
            let mut places = variable.places_at(code.into());
            let start =
                places.find_map(|(_, place)| if let Place::Frame(start) = place { Some(start) } else { None })?;
            let into = u64::try_from(offset.checked_sub(start)?).ok()?;
            (into < self.types.size(variable.of_type)?).then_some((variable.of_type, into))
        };
        only(self.variables.iter().filter_map(within))
    }

    /// The static variable that this address is in: its type, and the offset in it.
    pub(super) fn at_address(&self, address: u64) -> Option<(UnitOffset, u64)> {
        self.spend(self.statics.len())?;
        let within = |(start, of_type): &(u64, UnitOffset)| {
            let into = address.checked_sub(*start)?;
            (into < self.types.size(*of_type)?).then_some((*of_type, into))
        };
        only(self.statics.iter().filter_map(within))
    }
}

/// The only one of these; `None` if there are several.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    all.next().filter(|_| all.next().is_none())
}

/// The local in which a function keeps the address of its frame.
fn frame_base(unit: &Unit<MeteredReader>, entry: &Entry<'_>) -> Option<u32> {
    let AttributeValue::Exprloc(place) = entry.attr_value(gimli::DW_AT_frame_base)? else { return None };
    match place_of(unit, place)? {
        Place::Local(local) => Some(local),
        Place::Frame(_) => None,
    }
}

fn place_of(unit: &Unit<MeteredReader>, place: Expression<MeteredReader>) -> Option<Place> {
    match &operations(unit, place)?[..] {
        [Operation::FrameOffset { offset }] => Some(Place::Frame(*offset)),
        [Operation::WasmLocal { index }, Operation::StackValue] => Some(Place::Local(*index)),
        _ => None,
    }
}

/// Where a variable is, and at which addresses of code.
fn places(
    debug: &Dwarf<MeteredReader>,
    unit: &Unit<MeteredReader>,
    entry: &Entry<'_>,
) -> Option<Vec<(Option<Range<u64>>, Place)>> {
    let location = entry.attr_value(gimli::DW_AT_location)?;
    if let AttributeValue::Exprloc(place) = location {
        return Some(vec![(None, place_of(unit, place)?)]);
    }
    let mut list = debug.attr_locations(unit, location).ok()??;
    let mut places = Vec::new();
    while let Some(entry) = list.next().ok()? {
        if let Some(place) = place_of(unit, entry.data) {
            places.push((Some(entry.range.begin..entry.range.end), place));
        }
    }
    Some(places)
}
