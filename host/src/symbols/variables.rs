//! Static variables and their addresses, from the debug information: they tell to which static a word of memory belongs.

use super::dwarf::{Dwarf, file_path};
use super::metered::MeteredReader;
use super::scopes::{Scopes, is_module_or_type, join};
use gimli::{AttributeValue, Operation, Reader, Unit, UnitOffset};
use std::ops::Range;

/// How deep types may be nested: an array of arrays, or a name for a name.
const MAX_TYPES: usize = 16;

/// A variable that exists from the start of the program to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    /// The addresses that it takes: from `start` to before `end`.
    pub(super) start: u32,
    pub(super) end: u32,
    /// Crate, modules and name: `semver::cache::KNOWN`. The path of a variable within a function begins with the function's.
    pub(super) path: String,
    /// The file's path at compile time.
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
}

/// The variables of all compilation units, by address. If two of them overlap, both are left out.
pub(super) fn read(dwarf: &Dwarf) -> Vec<Variable> {
    let sections = dwarf.sections();
    let mut variables = Vec::new();
    let mut headers = sections.units();
    while let Ok(Some(header)) = headers.next() {
        let Ok(unit) = sections.unit(header) else { continue };
        // Variables that were read before an error are still right.
        let _ = VariableReader { sections, unit: &unit, scopes: Scopes::new(path_in) }.run(&mut variables);
    }
    apart(variables)
}

/// The variables that do not overlap with another one. Several units may name the same variable; it is kept once.
fn apart(mut variables: Vec<Variable>) -> Vec<Variable> {
    variables.sort_by(|a, b| (a.start, a.end, &a.path).cmp(&(b.start, b.end, &b.path)));
    variables.dedup_by(|a, b| (a.start, a.end, &a.path) == (b.start, b.end, &b.path));
    let mut kept: Vec<Variable> = Vec::with_capacity(variables.len());
    // Where the variables so far end, and whether the last one that was kept overlaps with none so far.
    let (mut reach, mut alone) = (0, true);
    for variable in variables {
        if variable.start < reach {
            if alone {
                kept.pop();
            }
            alone = false;
        } else {
            reach = variable.end;
            kept.push(variable);
            alone = true;
            continue;
        }
        reach = reach.max(variable.end);
    }
    kept
}

/// The variable to which an address belongs.
pub(super) fn find(variables: &[Variable], address: u32) -> Option<&Variable> {
    let after = variables.partition_point(|variable| variable.start <= address);
    variables[..after].last().filter(|variable| address < variable.end)
}

/// The variables of which these addresses hold a part. The addresses are in order.
pub(super) fn within<'a>(variables: &'a [Variable], addresses: &[Range<u32>]) -> Vec<&'a Variable> {
    let holds_part = |variable: &&Variable| {
        let after = addresses.partition_point(|range| range.end <= variable.start);
        addresses.get(after).is_some_and(|range| range.start < variable.end)
    };
    variables.iter().filter(holds_part).collect()
}

/// Compilers make up scopes, such as the constant around a thread-local's value. They are not part of the path.
fn path_in(around: &str, name: &str) -> String {
    if name.is_empty() || name.starts_with('{') { around.to_owned() } else { join(around, name) }
}

struct VariableReader<'a> {
    sections: &'a gimli::Dwarf<MeteredReader>,
    unit: &'a Unit<MeteredReader>,
    /// The modules, types and functions around the current entry.
    scopes: Scopes<Option<AttributeValue<MeteredReader>>>,
}

/// The attributes of an entry that matter for a variable.
#[derive(Default)]
struct Attributes {
    name: Option<AttributeValue<MeteredReader>>,
    file: Option<u64>,
    line: Option<u64>,
    address: Option<u64>,
    of_type: Option<UnitOffset>,
    /// The entry of the declaration, if that is another one.
    declared: Option<UnitOffset>,
}

impl VariableReader<'_> {
    fn run(&mut self, variables: &mut Vec<Variable>) -> gimli::Result<()> {
        let mut entries = self.unit.entries_raw(None)?;
        while !entries.is_empty() {
            let depth = entries.next_depth();
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            self.scopes.leave(depth);
            let tag = abbreviation.tag();
            let is_scope = is_module_or_type(tag) || tag == gimli::DW_TAG_subprogram;
            if !is_scope && tag != gimli::DW_TAG_variable {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            let mut attributes = Attributes::default();
            for spec in abbreviation.attributes() {
                let attribute = entries.read_attribute(*spec)?;
                self.note(&mut attributes, (attribute.name(), attribute.value()));
            }
            if is_scope {
                self.scopes.enter(depth, attributes.name);
            } else {
                variables.extend(self.variable(attributes));
            }
        }
        Ok(())
    }

    fn note(&self, attributes: &mut Attributes, (name, value): (gimli::DwAt, AttributeValue<MeteredReader>)) {
        match (name, value) {
            (gimli::DW_AT_name, value) => attributes.name = Some(value),
            (gimli::DW_AT_decl_file, AttributeValue::FileIndex(index)) => attributes.file = Some(index),
            (gimli::DW_AT_decl_line, value) => attributes.line = value.udata_value(),
            (gimli::DW_AT_location, AttributeValue::Exprloc(place)) => attributes.address = self.address(place),
            (gimli::DW_AT_type, AttributeValue::UnitRef(offset)) => attributes.of_type = Some(offset),
            (gimli::DW_AT_specification | gimli::DW_AT_abstract_origin, AttributeValue::UnitRef(offset)) => {
                attributes.declared = Some(offset);
            }
            _ => {}
        }
    }

    fn text(&self, name: AttributeValue<MeteredReader>) -> Option<String> {
        Some(self.sections.attr_string(self.unit, name).ok()?.to_string_lossy().ok()?.into_owned())
    }

    /// The address of a location, if the location is a constant address.
    fn address(&self, place: gimli::Expression<MeteredReader>) -> Option<u64> {
        let mut operations = place.operations(self.unit.encoding());
        let address = match operations.next().ok()?? {
            Operation::Address { address } => address,
            Operation::AddressIndex { index } => self.sections.address(self.unit, index).ok()?,
            _ => return None,
        };
        operations.next().ok()?.is_none().then_some(address)
    }

    /// The variable of an entry; `None` if it is only a declaration, a local variable, or one that the linker removed.
    fn variable(&self, attributes: Attributes) -> Option<Variable> {
        let start = u32::try_from(attributes.address?).ok().filter(|address| *address > 0)?;
        let declared = attributes.declared.and_then(|offset| self.entry(offset)).unwrap_or_default();
        let size = self.size(attributes.of_type.or(declared.of_type)?, MAX_TYPES)?;
        let end = start.checked_add(u32::try_from(size).ok()?).filter(|end| *end > start)?;
        let name = self.text(attributes.name.or(declared.name)?)?;
        Some(Variable {
            start,
            end,
            path: self.path(&name)?,
            file: attributes.file.or(declared.file).and_then(|index| file_path(self.sections, self.unit, index)),
            line: attributes.line.or(declared.line).and_then(|line| line.try_into().ok()).filter(|line| *line > 0),
        })
    }

    /// The path of an entry with this name in the current scopes; `None` if a name cannot be read.
    fn path(&self, name: &str) -> Option<String> {
        self.scopes.within(name, |name| name.clone().map_or_else(|| Some(String::new()), |name| self.text(name)))
    }

    fn entry(&self, offset: UnitOffset) -> Option<Attributes> {
        let entry = self.unit.entry(offset).ok()?;
        let mut attributes = Attributes::default();
        for attribute in entry.attrs() {
            self.note(&mut attributes, (attribute.name(), attribute.value()));
        }
        Some(attributes)
    }

    /// The bytes that a value of a type takes.
    fn size(&self, of_type: UnitOffset, depth: usize) -> Option<u64> {
        let depth = depth.checked_sub(1)?;
        let entry = self.unit.entry(of_type).ok()?;
        if let Some(size) = entry.attr_value(gimli::DW_AT_byte_size) {
            return size.udata_value();
        }
        let inner = match entry.attr_value(gimli::DW_AT_type) {
            Some(AttributeValue::UnitRef(offset)) => offset,
            _ => return (entry.tag() == gimli::DW_TAG_pointer_type).then(|| self.unit.encoding().address_size.into()),
        };
        match entry.tag() {
            gimli::DW_TAG_typedef
            | gimli::DW_TAG_const_type
            | gimli::DW_TAG_volatile_type
            | gimli::DW_TAG_atomic_type
            | gimli::DW_TAG_restrict_type => self.size(inner, depth),
            gimli::DW_TAG_pointer_type => Some(self.unit.encoding().address_size.into()),
            gimli::DW_TAG_array_type => self.size(inner, depth)?.checked_mul(self.elements(of_type)?),
            _ => None,
        }
    }

    /// How many elements an array has in all its dimensions.
    fn elements(&self, array: UnitOffset) -> Option<u64> {
        let mut entries = self.unit.entries_at_offset(array).ok()?;
        entries.next_entry().ok()?;
        let mut product = 1_u64;
        while entries.next_entry().ok()? {
            if entries.depth() < 1 {
                break;
            }
            if let Some(entry) = entries.current().filter(|entry| entry.tag() == gimli::DW_TAG_subrange_type) {
                let of = |name| entry.attr_value(name).and_then(|value| value.udata_value());
                let count = of(gimli::DW_AT_count).or_else(|| of(gimli::DW_AT_upper_bound)?.checked_add(1))?;
                product = product.checked_mul(count)?;
            }
        }
        Some(product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(path: &str, start: u32, end: u32) -> Variable {
        Variable { start, end, path: path.to_owned(), file: None, line: None }
    }

    #[test]
    fn an_address_belongs_to_the_variable_that_it_lies_in() {
        let all = apart(vec![variable("b", 20, 24), variable("a", 8, 16), variable("a", 8, 16)]);
        let found = |address| find(&all, address).map(|variable| variable.path.as_str());
        assert_eq!([7, 8, 15, 16, 19, 20, 24].map(found), [None, Some("a"), Some("a"), None, None, Some("b"), None]);
    }

    #[test]
    fn of_variables_that_lie_on_each_other_none_is_told() {
        let names = |all: Vec<Variable>| apart(all).into_iter().map(|variable| variable.path).collect::<Vec<_>>();
        assert_eq!(names(vec![variable("a", 8, 16), variable("b", 8, 16), variable("c", 16, 20)]), ["c"]);
        let chain = vec![variable("a", 8, 16), variable("b", 12, 40), variable("c", 16, 20), variable("d", 30, 44)];
        assert_eq!(names(chain), [""; 0]);
        let two = vec![variable("a", 8, 40), variable("b", 12, 16), variable("c", 20, 24), variable("d", 40, 44)];
        assert_eq!(names(two), ["d"]);
    }
}
