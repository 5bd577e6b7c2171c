//! C's types as the debug information has them.

use crate::model::shorten::{MAX_NAME, shortened};
use crate::symbols::metered::MeteredReader;
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, Reader, Unit, UnitOffset};

type Entry = DebuggingInformationEntry<MeteredReader>;

/// How deep types may be nested.
const MOST_NESTED: usize = 16;

/// The type of a block's elements.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ElementType {
    /// Its name in C: `struct node`.
    pub name: String,
    /// The bytes that one element takes; `None` if that is not known, or differs from block to block.
    pub size: Option<u64>,
}

/// Types of one unit.
pub(super) struct Types<'d> {
    debug: &'d Dwarf<MeteredReader>,
    unit: Unit<MeteredReader>,
    /// Whether `struct` stands before the names of types.
    tells_tags: bool,
}

/// The type of a variable, which the entry may have from another one that it stands for.
pub(super) fn of_type(unit: &Unit<MeteredReader>, entry: &Entry) -> Option<UnitOffset> {
    if let Some(found) = reference(entry, gimli::DW_AT_type) {
        return Some(found);
    }
    let origin =
        reference(entry, gimli::DW_AT_abstract_origin).or_else(|| reference(entry, gimli::DW_AT_specification));
    reference(&unit.entry(origin?).ok()?, gimli::DW_AT_type)
}

fn reference(entry: &Entry, name: gimli::DwAt) -> Option<UnitOffset> {
    match entry.attr_value(name) {
        Some(AttributeValue::UnitRef(offset)) => Some(offset),
        _ => None,
    }
}

/// Whether an entry only adds something to another type: a name, or `const`.
fn is_another(tag: gimli::DwTag) -> bool {
    tag == gimli::DW_TAG_typedef || is_qualifier(tag)
}

fn is_qualifier(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_const_type
            | gimli::DW_TAG_volatile_type
            | gimli::DW_TAG_restrict_type
            | gimli::DW_TAG_atomic_type
    )
}

impl<'d> Types<'d> {
    pub(super) fn new(debug: &'d Dwarf<MeteredReader>, unit: Unit<MeteredReader>, tells_tags: bool) -> Self {
        Self { debug, unit, tells_tags }
    }

    pub(super) fn debug(&self) -> &'d Dwarf<MeteredReader> {
        self.debug
    }

    pub(super) fn unit(&self) -> &Unit<MeteredReader> {
        &self.unit
    }

    /// The type itself, without names for it and without `const`.
    fn plain(&self, of_type: UnitOffset) -> Option<Entry> {
        let mut entry = self.unit.entry(of_type).ok()?;
        for _ in 0..MOST_NESTED {
            if !is_another(entry.tag()) {
                return Some(entry);
            }
            entry = self.unit.entry(reference(&entry, gimli::DW_AT_type)?).ok()?;
        }
        None
    }

    /// What a pointer points to; `None` if the type is not a pointer, or points to `void`.
    pub(super) fn pointee(&self, of_type: UnitOffset) -> Option<UnitOffset> {
        let entry = self.plain(of_type)?;
        (entry.tag() == gimli::DW_TAG_pointer_type).then(|| reference(&entry, gimli::DW_AT_type))?
    }

    /// The one that all of these types are, by their names; `None` if there is none, or if they differ.
    pub(super) fn common(&self, mut all: impl Iterator<Item = UnitOffset>) -> Option<UnitOffset> {
        let first = all.next()?;
        let is_same =
            |other: UnitOffset| other == first || (self.name(other).is_some() && self.name(other) == self.name(first));
        all.all(is_same).then_some(first)
    }

    /// The type of the pointer that lies at this offset in a value of a type. Of a union's members, all have to be of one type.
    pub(super) fn pointer_at(&self, of_type: UnitOffset, offset: u64) -> Option<UnitOffset> {
        let (found, offset) = self.innermost(of_type, offset, None)?;
        let entry = self.plain(found).filter(|_| offset == 0)?;
        (entry.tag() == gimli::DW_TAG_pointer_type).then_some(found)
    }

    /// The type of the elements of the array at this offset in a value of a type, if the size of an element divides `step`.
    pub(super) fn element_at(&self, of_type: UnitOffset, offset: u64, step: u64) -> Option<UnitOffset> {
        let (found, offset) = self.innermost(of_type, offset, Some(step))?;
        (offset == 0).then_some(found)
    }

    /// Goes into the members and elements of a value down to what lies at an offset: its type, and the offset in it. With `step`, it
    /// ends at the elements of an array whose size divides that.
    fn innermost(&self, of_type: UnitOffset, offset: u64, step: Option<u64>) -> Option<(UnitOffset, u64)> {
        let (mut of_type, mut offset) = (of_type, offset);
        for _ in 0..MOST_NESTED {
            let entry = self.plain(of_type)?;
            match entry.tag() {
                gimli::DW_TAG_array_type => {
                    let dimensions = self.dimensions(&entry)?;
                    let element = reference(&entry, gimli::DW_AT_type)?;
                    let size = self.size(element).filter(|size| *size > 0)?;
                    (of_type, offset) = (element, offset % size);
                    if step.is_some_and(|step| step > 0 && step.is_multiple_of(size)) {
                        return (dimensions.len() == 1).then_some((of_type, offset));
                    }
                }
                gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type | gimli::DW_TAG_union_type => {
                    (of_type, offset) = self.member(&entry, offset)?;
                }
                _ => return step.is_none().then_some((of_type, offset)),
            }
        }
        None
    }

    /// The member that an offset is in: its type, and the offset in it.
    fn member(&self, of: &Entry, offset: u64) -> Option<(UnitOffset, u64)> {
        let mut entries = self.unit.entries_at_offset(of.offset()).ok()?;
        entries.next_entry().ok()?;
        let mut found: Vec<(UnitOffset, u64)> = Vec::new();
        while entries.next_entry().ok()? {
            if entries.depth() < 1 {
                break;
            }
            let Some(entry) = entries.current().filter(|entry| entry.tag() == gimli::DW_TAG_member) else { continue };
            // Those of a type within the type are not its own.
            if entries.depth() != 1 {
                continue;
            }
            if entry.attr_value(gimli::DW_AT_bit_size).is_some() {
                continue;
            }
            let start = entry.attr_value(gimli::DW_AT_data_member_location).map_or(Some(0), |at| at.udata_value())?;
            let member = reference(entry, gimli::DW_AT_type)?;
            let Some(into) = offset.checked_sub(start) else { continue };
            if self.size(member).is_some_and(|size| into < size) {
                found.push((member, into));
            }
        }
        let first = *found.first()?;
        let same_place = found.iter().all(|(_, into)| *into == first.1);
        (same_place && self.common(found.iter().map(|(member, _)| *member)).is_some()).then_some(first)
    }

    /// The bytes that a value of a type takes.
    pub(super) fn size(&self, of_type: UnitOffset) -> Option<u64> {
        self.size_within(of_type, MOST_NESTED)
    }

    fn size_within(&self, of_type: UnitOffset, depth: usize) -> Option<u64> {
        let depth = depth.checked_sub(1)?;
        let entry = self.plain(of_type)?;
        if let Some(size) = entry.attr_value(gimli::DW_AT_byte_size) {
            return size.udata_value();
        }
        match entry.tag() {
            gimli::DW_TAG_pointer_type => Some(self.unit.encoding().address_size.into()),
            gimli::DW_TAG_array_type => {
                let element = self.size_within(reference(&entry, gimli::DW_AT_type)?, depth)?;
                self.dimensions(&entry)?.into_iter().try_fold(element, u64::checked_mul)
            }
            _ => None,
        }
    }

    /// The lengths of an array, outermost first; `None` if one is not known.
    fn dimensions(&self, array: &Entry) -> Option<Vec<u64>> {
        let mut entries = self.unit.entries_at_offset(array.offset()).ok()?;
        entries.next_entry().ok()?;
        let mut all = Vec::new();
        while entries.next_entry().ok()? {
            if entries.depth() < 1 {
                break;
            }
            if let Some(entry) = entries.current().filter(|entry| entry.tag() == gimli::DW_TAG_subrange_type) {
                let of = |name| entry.attr_value(name).and_then(|value| value.udata_value());
                all.push(of(gimli::DW_AT_count).or_else(|| of(gimli::DW_AT_upper_bound)?.checked_add(1))?);
            }
        }
        (!all.is_empty() && all.len() <= MOST_NESTED).then_some(all)
    }

    /// The type of the elements of a block that a pointer of this type points to.
    pub(super) fn element(&self, pointer: UnitOffset) -> Option<ElementType> {
        let to = self.pointee(pointer)?;
        let size = self.size(to).filter(|size| *size > 0 && !self.is_open(to));
        Some(ElementType { name: shortened(self.name(to)?, MAX_NAME), size })
    }

    /// Whether a type ends with an array of no length, so that a block of it may be of any size.
    fn is_open(&self, of_type: UnitOffset) -> bool {
        let last = |of: &Entry| {
            let mut entries = self.unit.entries_at_offset(of.offset()).ok()?;
            entries.next_entry().ok()?;
            let mut last = None;
            while entries.next_entry().ok()? && entries.depth() >= 1 {
                let member = entries.current().filter(|entry| entry.tag() == gimli::DW_TAG_member);
                last = member.and_then(|member| reference(member, gimli::DW_AT_type)).or(last);
            }
            last
        };
        let last = self.plain(of_type).and_then(|entry| last(&entry)).and_then(|last| self.plain(last));
        last.is_some_and(|last| {
            last.tag() == gimli::DW_TAG_array_type && self.dimensions(&last).is_none_or(|all| all[0] == 0)
        })
    }

    /// The name of a type as C writes it. `None` if it has none, and for functions.
    fn name(&self, of_type: UnitOffset) -> Option<String> {
        self.name_within(of_type, MOST_NESTED)
    }

    fn name_within(&self, of_type: UnitOffset, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        let entry = self.unit.entry(of_type).ok()?;
        let own = || {
            let name = self.debug.attr_string(&self.unit, entry.attr_value(gimli::DW_AT_name)?).ok()?;
            Some(name.to_string_lossy().ok()?.into_owned()).filter(|name| !name.is_empty())
        };
        let tagged = |tag: &str| Some(if self.tells_tags { format!("{tag} {}", own()?) } else { own()? });
        match entry.tag() {
            gimli::DW_TAG_base_type | gimli::DW_TAG_typedef => own(),
            gimli::DW_TAG_structure_type => tagged("struct"),
            gimli::DW_TAG_class_type => own(),
            gimli::DW_TAG_union_type => tagged("union"),
            gimli::DW_TAG_enumeration_type => tagged("enum"),
            gimli::DW_TAG_pointer_type => {
                let inner = match reference(&entry, gimli::DW_AT_type) {
                    Some(inner) => self.name_within(inner, depth)?,
                    None => "void".to_owned(),
                };
                // A pointer to an array is written around its name.
                let space = if inner.ends_with('*') { "" } else { " " };
                (!inner.ends_with(']')).then(|| format!("{inner}{space}*"))
            }
            gimli::DW_TAG_array_type => {
                let inner = self.name_within(reference(&entry, gimli::DW_AT_type)?, depth)?;
                let lengths: String = self.dimensions(&entry)?.iter().map(|length| format!("[{length}]")).collect();
                Some(inner + &lengths)
            }
            tag if is_qualifier(tag) => self.name_within(reference(&entry, gimli::DW_AT_type)?, depth),
            _ => None,
        }
    }
}
