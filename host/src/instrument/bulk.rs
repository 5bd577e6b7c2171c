//! Charges fuel for bulk operations by their length, for a compiler that does not do so itself.
//!
//! Filling and copying memory and tables costs a unit of fuel for each byte or element. Cranelift counts in this way; Winch,
//! the single-pass compiler, charges one unit whatever the length. So in a module for Winch, a call of the host is put before
//! each bulk operation. The host takes the length and gives it back as the operation's operand:
//!
//! ```wat
//! (memory.fill (local.get 0) (i32.const 0) (local.get 1))
//!
//! (memory.fill (local.get 0) (i32.const 0) (call $charge (local.get 1)))
//! ```
//!
//! Cranelift checks whether fuel is left after it has charged a length, except if the length is a constant of up to 128. To be
//! the same, an operation with such a constant is not charged by a call: as many units of operators without effect are put
//! before it.
//!
//! Code moves by this; [`AddedCalls`] knows the way back. What is constant only by way of a local is charged alike, and looked at
//! earlier: a test whose fuel ends just there ends an operator earlier.

use super::InstrumentError;
use super::added_calls::{AddedCalls, AddedCode, HostFunction, add_calls, caller};
use super::bodies::ModuleBodies;
use crate::catalogue::Module;
use crate::catalogue::sections::id;
use wasm_encoder::{Encode, Instruction};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The export of a table with one slot, which the host fills with `charge`, of type `(i32) -> i32`. It takes the units to
/// charge, and returns them.
pub const CHARGE_TABLE: &str = "airtight:charge";

/// The type of `charge` and of the function that calls it: both return their operand.
const TYPE: &[u8] = &[0x60, 1, 0x7f, 1, 0x7f];

/// The largest constant whose operation Cranelift does not follow with a look at the fuel.
const SMALL: u32 = 128;

/// The fuel that the added code costs, and that the host gives back in `charge`: the call, the entry of the function, its
/// argument, the slot, and the call of the host.
pub const CHARGE_COST: u64 = 5;

/// The module with charges, and the way back; `None` where there is nothing to charge.
///
/// # Errors
/// The module cannot be parsed: it was not validated.
pub fn charge_bulk(bytes: &[u8]) -> Result<Option<(Vec<u8>, AddedCalls)>, InstrumentError> {
    let module = Module::read(bytes)?;
    if module.section(id::CODE).is_none() {
        return Ok(None);
    }
    let all = ModuleBodies::new(&module)?;
    let mut call = Vec::new();
    Instruction::Call(caller(&all)).encode(&mut call);
    let sites = all.bodies.iter().map(|body| sites(&bytes[body.clone()], &call)).collect::<Result<Vec<_>, _>>()?;
    if sites.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    add_calls(&all, &HostFunction { table: CHARGE_TABLE, ty: TYPE }, sites).map(Some)
}

/// The bulk operations of a body, each charged by this call or by operators that do nothing.
fn sites(body: &[u8], call: &[u8]) -> Result<Vec<AddedCode>, InstrumentError> {
    /// `i32.const 0` and `drop`, which cost a unit together.
    const NOTHING: [u8; 3] = [0x41, 0, 0x1a];
    let function = FunctionBody::new(BinaryReader::new(body, 0));
    let mut sites = Vec::new();
    let mut constant = None;
    let mut operators = function.get_operators_reader()?;
    while !operators.eof() {
        let (operator, at) = operators.read_with_offset()?;
        let is_bulk = matches!(
            operator,
            Operator::MemoryFill { .. }
                | Operator::MemoryCopy { .. }
                | Operator::MemoryInit { .. }
                | Operator::TableFill { .. }
                | Operator::TableCopy { .. }
                | Operator::TableInit { .. }
                | Operator::TableGrow { .. }
        );
        if is_bulk {
            let small = constant.filter(|units| *units <= SMALL);
            let code = small.map_or_else(|| call.to_vec(), |units| NOTHING.repeat(units as usize));
            sites.push(AddedCode { at, code });
        }
        constant = match operator {
            Operator::I32Const { value } => Some(value.cast_unsigned()),
            _ => None,
        };
    }
    Ok(sites)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::validate;

    fn charged(fields: &str) -> (Vec<u8>, Vec<u8>, AddedCalls) {
        let original = wat::parse_str(format!("(module {fields})")).unwrap();
        validate(&original).unwrap();
        let (made, charges) = charge_bulk(&original).unwrap().unwrap();
        validate(&made).unwrap();
        (original, made, charges)
    }

    const ALL: &str = r#"(memory 1) (data $d "abc") (table $t 4 funcref) (elem $e func $f)
        (func $f (param i32)
            (memory.fill (i32.const 0) (i32.const 0) (local.get 0))
            (memory.copy (i32.const 0) (i32.const 1) (i32.const 7))
            (memory.copy (i32.const 0) (i32.const 1) (i32.const 1000))
            (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))
            (table.fill $t (i32.const 0) (ref.null func) (local.get 0))
            (table.copy $t $t (i32.const 0) (i32.const 0) (local.get 0))
            (table.init $t $e (i32.const 0) (i32.const 0) (local.get 0))
            (drop (table.grow $t (ref.null func) (local.get 0))))
        (func $g (param i32) (drop (i32.add (local.get 0) (i32.const 5))))
        (export "g" (func $g))"#;

    #[test]
    fn every_operator_is_where_it_was_by_the_way_back() {
        for fields in [ALL.to_owned(), format!("{ALL} {}", "(func)".repeat(126))] {
            let (original, made, charges) = charged(&fields);
            let (before, after) = (operators(&original, None), operators(&made, Some(&charges)));
            let own: Vec<_> = after.iter().filter(|(at, _)| before.iter().any(|(old, _)| old == at)).collect();
            assert!(before.iter().all(|wanted| own.contains(&wanted)), "{before:?}\n{after:?}");
            // Inserted bytes have the offset of the operation that they were inserted for.
            assert!(after.iter().all(|(at, _)| before.iter().any(|(old, _)| old == at)));
        }
    }

    /// The operators of a module's own functions, each with its offset in the code section that was given.
    fn operators(bytes: &[u8], charges: Option<&AddedCalls>) -> Vec<(u32, String)> {
        let module = Module::read(bytes).unwrap();
        let code = module.section(id::CODE).unwrap();
        let start = charges.map_or(code.contents.start, |charges| charges.start);
        let mut found = Vec::new();
        let reader = wasmparser::CodeSectionReader::new(code.reader(bytes)).unwrap();
        let own = reader.count() as usize - usize::from(charges.is_some());
        for body in reader.into_iter().take(own) {
            let mut operators = body.unwrap().get_operators_reader().unwrap();
            while !operators.eof() {
                let (operator, at) = operators.read_with_offset().unwrap();
                let at = (at - start) as u32;
                found.push((charges.map_or(at, |charges| charges.back(at)), format!("{operator:?}")));
            }
        }
        found
    }

    #[test]
    fn what_has_no_bulk_operation_is_left_alone() {
        let bytes = wat::parse_str("(module (memory 1) (func (drop (memory.grow (i32.const 1)))))").unwrap();
        assert!(charge_bulk(&bytes).unwrap().is_none());
        assert!(charge_bulk(&wat::parse_str("(module)").unwrap()).unwrap().is_none());
    }

    #[test]
    fn a_small_constant_costs_its_units_and_no_call() {
        let (_, made, charges) = charged("(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 3)))");
        let all = operators(&made, Some(&charges));
        let constants = all.iter().filter(|(_, operator)| operator.starts_with("I32Const")).count();
        assert_eq!((constants, all.iter().any(|(_, operator)| operator.starts_with("Call"))), (6, false));
    }
}
