//! Tells the host in which function fuel is spent.
//!
//! The host is called where a function is entered, and where it goes on after a call or catches an exception:
//!
//! ```wat
//! (func $f (call $g) (drop (i32.const 1)))
//!
//! (func $f
//!   (call $count (i32.const F+ENTERED))
//!   (call $g)
//!   (call $count (i32.const F))
//!   (drop (i32.const 1)))
//! ```
//!
//! What is spent between two of these calls is the function's that the first one names. That takes no stack: a function that is left by
//! an exception, or by a tail call, is followed by what its caller, or the function that was called, says. The host gives back what the
//! calls cost, so a test spends what it would without them.
//!
//! Jumps and wrappers of the hooks tell nothing, and what the body of a hooked function tells is the function's.

use super::InstrumentError;
use super::added_calls::{AddedCalls, AddedCode, HostFunction, add_calls, caller};
use super::bodies::ModuleBodies;
use super::heap::Hooks;
use crate::catalogue::Module;
use crate::catalogue::sections::id;
use wasm_encoder::{Encode, Instruction};
use wasmparser::{BinaryReader, Catch, FunctionBody, Operator};

/// The export of the table whose one slot the host fills with `count`, of type `(i32) -> ()`: it takes the function, twice, and
/// [`ENTERED`].
pub const COUNT_TABLE: &str = "airtight:count";

/// Added to twice the function's index where it is entered.
pub const ENTERED: u32 = 1;

/// The type of `count`.
const TYPE: &[u8] = &[0x60, 1, 0x7f, 0];

/// What the added code costs, to be given back at `count`: the function's number, the call, the entry of what is called, its argument,
/// the slot and the call of the host.
pub const COUNT_COST: u64 = 6;

/// The module, which has these hooks, with calls that tell where its fuel is spent; and the way back.
///
/// # Errors
/// The module cannot be parsed, or uses a name that is kept for the host, or has a start function, which would run before the host can
/// be called.
pub fn count_fuel(bytes: &[u8], hooks: &Hooks) -> Result<(Vec<u8>, AddedCalls), InstrumentError> {
    let module = Module::read(bytes)?;
    if module.export(COUNT_TABLE).is_some() {
        return Err(InstrumentError::NameTaken { name: COUNT_TABLE.to_owned() });
    }
    if module.section(id::START).is_some() {
        return Err(InstrumentError::StartFunction);
    }
    let all = ModuleBodies::new(&module)?;
    let count = caller(&all);
    let bodies = (module.imported_functions..).zip(&all.bodies);
    let added = bodies.map(|(function, body)| match hooks.is_between(function) {
        true => Ok(Vec::new()),
        false => calls(&bytes[body.clone()], hooks.function_of(function), count),
    });
    let added = added.collect::<Result<Vec<_>, _>>()?;
    add_calls(&all, &HostFunction { table: COUNT_TABLE, ty: TYPE }, added)
}

/// A block that is open.
struct Block {
    /// Where a loop begins again.
    start: Option<usize>,
    /// Whether an exception may continue here.
    catches: bool,
}

/// The calls that a body gets.
fn calls(body: &[u8], function: u32, count: u32) -> Result<Vec<AddedCode>, InstrumentError> {
    let code = |entered: u32| {
        let mut code = Vec::new();
        Instruction::I32Const((function * 2 + entered).cast_signed()).encode(&mut code);
        Instruction::Call(count).encode(&mut code);
        code
    };
    let (enters, goes_on) = (code(ENTERED), code(0));
    let reader = FunctionBody::new(BinaryReader::new(body, 0));
    let mut operators = reader.get_operators_reader()?;
    let mut places = Vec::new();
    let entry = operators.original_position();
    // The outermost is the function itself: who continues at its end is its caller.
    let mut open = vec![Block { start: None, catches: false }];
    while !operators.eof() {
        let operator = operators.read()?;
        let behind = operators.original_position();
        match operator {
            Operator::Call { .. } | Operator::CallIndirect { .. } | Operator::CallRef { .. } => places.push(behind),
            Operator::Block { .. } | Operator::If { .. } => open.push(Block { start: None, catches: false }),
            Operator::Loop { .. } => open.push(Block { start: Some(behind), catches: false }),
            Operator::TryTable { try_table } => {
                for catch in &try_table.catches {
                    let (Catch::One { label, .. }
                    | Catch::OneRef { label, .. }
                    | Catch::All { label }
                    | Catch::AllRef { label }) = catch;
                    let target = open.len().checked_sub(1 + *label as usize).and_then(|nth| open.get_mut(nth));
                    if let Some(block) = target {
                        block.catches = true;
                    }
                }
                open.push(Block { start: None, catches: false });
            }
            Operator::End => {
                let block = open.pop();
                if let Some(block) = block.filter(|block| block.catches && !open.is_empty()) {
                    places.push(block.start.unwrap_or(behind));
                }
            }
            _ => {}
        }
    }
    places.sort_unstable();
    places.dedup();
    let goes_on = places.into_iter().map(|at| AddedCode { at, code: goes_on.clone() });
    Ok([AddedCode { at: entry, code: enters }].into_iter().chain(goes_on).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::validate;

    /// The operators of the first function of a module, the added calls as the number that they tell.
    fn counted(fields: &str) -> Vec<String> {
        let original = wat::parse_str(format!("(module {fields})")).unwrap();
        validate(&original).unwrap();
        let (made, _) = count_fuel(&original, &Hooks::default()).unwrap();
        validate(&made).unwrap();
        let module = Module::read(&made).unwrap();
        let code = wasmparser::CodeSectionReader::new(module.section(id::CODE).unwrap().reader(&made)).unwrap();
        let body = code.into_iter().next().unwrap().unwrap();
        let operators = body.get_operators_reader().unwrap().into_iter().map(|operator| operator.unwrap());
        let words = operators.map(|operator| format!("{operator:?}").split([' ', '(']).next().unwrap().to_owned());
        words.collect()
    }

    #[test]
    fn a_function_tells_that_it_is_entered_and_that_it_goes_on() {
        let words = counted("(func $f (call $g) (drop (i32.const 1))) (func $g)").join(" ");
        assert_eq!(words, "I32Const Call Call I32Const Call I32Const Drop End");
    }

    #[test]
    fn what_catches_goes_on_where_it_catches() {
        let words = counted(
            "(tag $t) (func $f
                (block $outer (block $caught (try_table (catch $t $caught) (call $g)) (br $outer)) nop))
             (func $g (throw $t))",
        );
        let expected = "I32Const Call Block Block TryTable Call I32Const Call End Br End I32Const Call Nop End End";
        assert_eq!(words.join(" "), expected);
        let words = counted("(tag $t) (func $f (loop $again (try_table (catch $t $again)))) (func $g)");
        assert_eq!(words.join(" "), "I32Const Call Loop I32Const Call TryTable End End End");
        let at_the_end = counted("(tag $t) (func $f (try_table (catch $t 0))) (func $g)");
        assert_eq!(at_the_end.join(" "), "I32Const Call TryTable End End", "its caller goes on");
    }

    #[test]
    fn a_name_of_ours_and_a_start_function_are_refused() {
        for (fields, why) in [
            (r#"(table (export "airtight:count") 1 funcref)"#, "airtight:count"),
            ("(func $s) (start $s)", "start function"),
        ] {
            let bytes = wat::parse_str(format!("(module {fields})")).unwrap();
            let refused = count_fuel(&bytes, &Hooks::default()).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
