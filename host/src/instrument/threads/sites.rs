//! The operators for threads that become calls.

use crate::instrument::InstrumentError;
use std::ops::Range;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The first byte of every operator for threads.
const ATOMIC: u8 = 0xfe;

/// The numbers that follow [`ATOMIC`], for the operators that have a memory and an offset.
mod number {
    pub const NOTIFY: u32 = 0x00;
    pub const WAIT32: u32 = 0x01;
    pub const WAIT64: u32 = 0x02;
    pub const FIRST_LOAD: u32 = 0x10;
    pub const FIRST_STORE: u32 = 0x17;
    pub const FIRST_RMW: u32 = 0x1e;
    pub const EXCHANGE32: u32 = 0x41;
    pub const FIRST_COMPARE: u32 = 0x48;
    pub const LAST: u32 = 0x4e;
}

/// An operator for threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Wait32,
    Wait64,
    Notify,
    /// Another atomic operator, by its number.
    Atomic(u32),
}

/// The types of the functions that stand for operators, in the order in which they are appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    Wait32,
    Wait64,
    Notify,
    Load32,
    Load64,
    Store32,
    Store64,
    Change32,
    Change64,
    Compare32,
    Compare64,
}

/// What an operator does to a 32-bit word, which may be that of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordChange {
    /// It stores a value, and returns the old one.
    Exchange,
    /// It does so only if the old value is the expected one.
    Compare,
    /// It stores a value.
    Store,
    /// The change is not followed: it is of another kind, or the word has another size.
    None,
}

impl Kind {
    fn from_number(number: u32) -> Option<Self> {
        match number {
            number::NOTIFY => Some(Self::Notify),
            number::WAIT32 => Some(Self::Wait32),
            number::WAIT64 => Some(Self::Wait64),
            number::FIRST_LOAD..=number::LAST => Some(Self::Atomic(number)),
            _ => None,
        }
    }

    pub(super) fn signature(self) -> Signature {
        // Each group of seven operators has this order: i32, i64, two narrow ones of i32, three narrow ones of i64.
        let is_64 = |number: u32, first: u32| matches!((number - first) % 7, 1 | 4..=6);
        let either = |is_64: bool, wide: Signature, narrow: Signature| if is_64 { wide } else { narrow };
        match self {
            Self::Wait32 => Signature::Wait32,
            Self::Wait64 => Signature::Wait64,
            Self::Notify => Signature::Notify,
            Self::Atomic(number @ number::FIRST_COMPARE..) => {
                either(is_64(number, number::FIRST_COMPARE), Signature::Compare64, Signature::Compare32)
            }
            Self::Atomic(number @ number::FIRST_RMW..) => {
                either(is_64(number, number::FIRST_RMW), Signature::Change64, Signature::Change32)
            }
            Self::Atomic(number @ number::FIRST_STORE..) => {
                either(is_64(number, number::FIRST_STORE), Signature::Store64, Signature::Store32)
            }
            Self::Atomic(number) => either(is_64(number, number::FIRST_LOAD), Signature::Load64, Signature::Load32),
        }
    }

    pub(super) fn change(self) -> WordChange {
        match self {
            Self::Atomic(number::EXCHANGE32) => WordChange::Exchange,
            Self::Atomic(number::FIRST_COMPARE) => WordChange::Compare,
            Self::Atomic(number::FIRST_STORE) => WordChange::Store,
            _ => WordChange::None,
        }
    }
}

impl Signature {
    /// How many parameters it has.
    pub(super) fn params(self) -> u32 {
        match self {
            Self::Load32 | Self::Load64 => 1,
            Self::Notify | Self::Store32 | Self::Store64 | Self::Change32 | Self::Change64 => 2,
            Self::Wait32 | Self::Wait64 | Self::Compare32 | Self::Compare64 => 3,
        }
    }
}

/// An operator that becomes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AtomicOperator {
    pub(super) at: Range<usize>,
    pub(super) kind: Kind,
    pub(super) offset: u32,
}

/// The operators of a function that become calls.
pub(super) fn find(bytes: &[u8], body: Range<usize>, sites: &mut Vec<AtomicOperator>) -> Result<(), InstrumentError> {
    if memchr::memchr(ATOMIC, &bytes[body.clone()]).is_none() {
        return Ok(());
    }
    let function = FunctionBody::new(BinaryReader::new(&bytes[body.clone()], body.start));
    let mut operators = function.get_operators_reader()?;
    while !operators.eof() {
        let (operator, at) = operators.read_with_offset()?;
        if bytes.get(at) != Some(&ATOMIC) || matches!(operator, Operator::AtomicFence) {
            continue;
        }
        let end = operators.original_position();
        let mut reader = BinaryReader::new(&bytes[at + 1..end], at + 1);
        let Some(kind) = Kind::from_number(reader.read_var_u32()?) else { continue };
        reader.read_var_u32()?;
        // The module is valid and its memory has 32-bit addresses, so that offsets have 32 bits.
        let offset = u32::try_from(reader.read_var_u64()?).unwrap_or(u32::MAX);
        sites.push(AtomicOperator { at: at..end, kind, offset });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_has_the_parameters_of_its_function() {
        let sizes = ["i32", "i64", "i32.8", "i32.16", "i64.8", "i64.16", "i64.32"];
        for (group, (first, operator)) in [
            (number::FIRST_LOAD, "load"),
            (number::FIRST_STORE, "store"),
            (number::FIRST_RMW, "rmw.add"),
            (0x25, "rmw.sub"),
            (0x2c, "rmw.and"),
            (0x33, "rmw.or"),
            (0x3a, "rmw.xor"),
            (0x41, "rmw.xchg"),
            (number::FIRST_COMPARE, "rmw.cmpxchg"),
        ]
        .into_iter()
        .enumerate()
        {
            for (nth, size) in (0..).zip(sizes) {
                let (ty, bits) = size.split_once('.').unwrap_or((size, ""));
                let narrow = if bits.is_empty() { "" } else { "_u" };
                let operator = match group {
                    0 => format!("{ty}.atomic.load{bits}{narrow}"),
                    1 => format!("{ty}.atomic.store{bits}"),
                    _ => format!("{ty}.atomic.{}{narrow}", operator.replacen("rmw", &format!("rmw{bits}"), 1)),
                };
                let operands = match group {
                    0 => 0,
                    8 => 2,
                    _ => 1,
                };
                let operands = format!("({ty}.const 1)").repeat(operands);
                let drop = if group == 1 { String::new() } else { "drop".to_owned() };
                let text = format!(
                    r#"(module (import "env" "memory" (memory 1 2 shared)) (func (i32.const 8) {operands} {operator} offset=8 {drop}))"#
                );
                let bytes = wat::parse_str(text).unwrap();
                let mut sites = Vec::new();
                let module = crate::catalogue::Module::read(&bytes).unwrap();
                let bodies = crate::instrument::bodies::ModuleBodies::new(&module).unwrap();
                find(&bytes, bodies.bodies[0].clone(), &mut sites).unwrap();
                let [site] = &sites[..] else { panic!("{operator}: {sites:?}") };
                assert_eq!((site.kind, site.offset), (Kind::Atomic(first + nth), 8), "{operator}");
                let name = format!("{:?}", site.kind.signature());
                assert_eq!(name.ends_with("64"), ty == "i64", "{operator}: {name}");
                let expected =
                    ["Load", "Store"].get(group).copied().unwrap_or(if group == 8 { "Compare" } else { "Change" });
                assert!(name.starts_with(expected), "{operator}: {name}");
            }
        }
    }
}
