//! Keeps a number for the calls by which a function was reached: its calling context.
//!
//! The number is in a global that the host can read. Each function keeps the number that it was entered with, and before each of its
//! calls sets the global to a number made of its own and the place of the call:
//!
//! ```wat
//! (func $f (call $g))
//!
//! (global $context (export "airtight:context") (mut i64) (i64.const 0))
//! (func $f (local $own i64)
//!   (local.set $own (global.get $context))
//!   (global.set $context (i64.rotl (i64.mul (i64.xor (local.get $own) (i64.const PLACE)) (i64.const FACTOR)) (i64.const TURN)))
//!   (call $g))
//! ```
//!
//! So nothing has to be put back after a call, or where an exception is caught. Where the host has seen a number before, the stack is
//! the one that it had then, and need not be captured again. Two stacks have one number with a chance of 1 in 2^64.
//!
//! What is added costs fuel that nobody gives back: see [`CONTEXT_FUEL`].

use super::InstrumentError;
use super::added_calls::{AddedBody, AddedCalls, AddedCode, Appended, add_code};
use super::bodies::ModuleBodies;
use super::splice::padded;
use crate::catalogue::Module;
use wasm_encoder::{Encode, Instruction};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The export of the global with the number, an `i64`.
pub const CONTEXT_GLOBAL: &str = "airtight:context";

/// How many times its fuel a test may need with the numbers. Each call costs at least one unit, to which come eight before it, and two
/// where a function is entered.
pub const CONTEXT_FUEL: u64 = 11;

/// An odd number whose bits look random: that of the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// By how many bits a number is turned, so that high bits come to count for low ones.
const TURN: i64 = 29;

/// A mutable `i64` that begins as 0, as an entry of the global section.
const GLOBAL: &[u8] = &[0x7e, 1, 0x42, 0, 0x0b];

/// One local of type `i64`, as a group of locals.
const LOCAL: &[u8] = &[1, 0x7e];

/// The module with the number of its calling context, and the way back.
///
/// # Errors
/// The module cannot be parsed, or uses a name that is kept for the host.
pub fn tell_contexts(bytes: &[u8]) -> Result<(Vec<u8>, AddedCalls), InstrumentError> {
    let module = Module::read(bytes)?;
    if module.export(CONTEXT_GLOBAL).is_some() {
        return Err(InstrumentError::NameTaken { name: CONTEXT_GLOBAL.to_owned() });
    }
    let all = ModuleBodies::new(&module)?;
    let global = module.globals.len() as u32;
    let mut places = Places::default();
    let functions = module.imported_functions..;
    let bodies = functions.zip(&all.bodies).map(|(function, body)| {
        let params = all.function_type(function).map_or(0, |ty| ty.params().len());
        told(&bytes[body.clone()], params as u32, global, &mut places)
    });
    let bodies = bodies.collect::<Result<Vec<_>, _>>()?;
    let appended = Appended { functions: Vec::new(), globals: vec![(GLOBAL.to_vec(), CONTEXT_GLOBAL)] };
    add_code(&all, &bodies, None, &appended)
}

/// Numbers of the places of calls, which look random and are the same each time.
#[derive(Default)]
struct Places(u64);

impl Places {
    /// The next number, by the generator SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(FACTOR);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// What a body gets; nothing if it calls nothing.
fn told(body: &[u8], params: u32, global: u32, places: &mut Places) -> Result<AddedBody, InstrumentError> {
    let function = FunctionBody::new(BinaryReader::new(body, 0));
    let mut groups = function.get_binary_reader();
    let (count, own) = (groups.read_var_u32()?, groups.original_position());
    let mut locals = function.get_locals_reader()?;
    let mut local = params;
    for _ in 0..locals.get_count() {
        local = local.saturating_add(locals.read()?.0);
    }
    let mut operators = function.get_operators_reader()?;
    let entry = operators.original_position();
    let mut calls = Vec::new();
    while !operators.eof() {
        let (operator, at) = operators.read_with_offset()?;
        let is_call = matches!(
            operator,
            Operator::Call { .. }
                | Operator::CallIndirect { .. }
                | Operator::CallRef { .. }
                | Operator::ReturnCall { .. }
                | Operator::ReturnCallIndirect { .. }
                | Operator::ReturnCallRef { .. }
        );
        if is_call {
            calls.push(AddedCode { at, code: before_call(local, global, places.next()) });
        }
    }
    if calls.is_empty() {
        return Ok(AddedBody::default());
    }
    // Of a number of groups that takes one byte more, this byte is new.
    let count = padded(count.saturating_add(1), own);
    let (count, longer) = count.split_at(own);
    let enters = encoded(&[Instruction::GlobalGet(global), Instruction::LocalSet(local)]);
    let start =
        [AddedCode { at: own, code: longer.to_vec() }, AddedCode { at: entry, code: [LOCAL, &enters].concat() }];
    Ok(AddedBody { start: count.to_vec(), added: start.into_iter().chain(calls).collect() })
}

/// Sets the number for the call that follows.
fn before_call(local: u32, global: u32, place: u64) -> Vec<u8> {
    encoded(&[
        Instruction::LocalGet(local),
        Instruction::I64Const(place.cast_signed()),
        Instruction::I64Xor,
        Instruction::I64Const(FACTOR.cast_signed()),
        Instruction::I64Mul,
        Instruction::I64Const(TURN),
        Instruction::I64Rotl,
        Instruction::GlobalSet(global),
    ])
}

fn encoded(instructions: &[Instruction<'_>]) -> Vec<u8> {
    let mut code = Vec::new();
    instructions.iter().for_each(|instruction| instruction.encode(&mut code));
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::sections::id;
    use crate::catalogue::validate;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::num::NonZeroUsize;
    use wasmtime::{Caller, Config, Engine, Linker, Store, WasmBacktrace};

    /// A call of the host: the stack, as functions and offsets in the original's code section, and the calling context.
    type Seen = (Vec<(u32, usize)>, Option<i64>);

    /// What the host sees of a module that imports a function of the host and exports `run`.
    fn run(bytes: &[u8], back: impl Fn(usize) -> usize + Send + Sync + 'static) -> Vec<Seen> {
        let mut config = Config::new();
        config.wasm_exceptions(true).consume_fuel(true).wasm_backtrace_max_frames(NonZeroUsize::new(1 << 16));
        let engine = Engine::new(&config).unwrap();
        let mut linker = Linker::new(&engine);
        let seen = move |mut caller: Caller<'_, Vec<Seen>>| {
            let context = caller.get_export(CONTEXT_GLOBAL).and_then(wasmtime::Extern::into_global);
            let context = context.and_then(|global| global.get(&mut caller).i64());
            let stack = WasmBacktrace::capture(&caller);
            let frames = stack.frames().iter().map(|frame| (frame.func_index(), back(frame.module_offset().unwrap())));
            let frames = frames.collect();
            caller.data_mut().push((frames, context));
        };
        linker.func_wrap("", "seen", seen).unwrap();
        let mut store = Store::new(&engine, Vec::new());
        store.set_fuel(50_000).unwrap();
        let module = wasmtime::Module::new(&engine, bytes).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        // A program that throws to its end, or runs too long, has been seen until there.
        let _ = instance.get_typed_func::<i32, ()>(&mut store, "run").unwrap().call(&mut store, 3);
        store.into_data()
    }

    /// Runs a module as it is, and with its contexts: the second.
    fn seen_with_contexts(text: &str) -> (Vec<Seen>, Vec<Seen>) {
        let original = wat::parse_str(text).unwrap();
        validate(&original).unwrap();
        let (made, added) = tell_contexts(&original).unwrap();
        validate(&made).unwrap();
        let start = Module::read(&original).unwrap().section(id::CODE).unwrap().contents.start;
        let plain = run(&original, move |offset| offset - start);
        let told = run(&made, move |offset| added.back((offset - added.start) as u32) as usize);
        (plain, told)
    }

    /// Something that a function of the random programs does.
    #[derive(Debug, Clone)]
    enum Step {
        /// It calls the host.
        Seen,
        /// It calls a function behind it, by so many, directly or through the table.
        Call(usize, bool),
        /// It calls itself, if its argument is not yet 0.
        Again,
        /// The same call, of whose exceptions it catches each.
        Catch(usize),
        /// It throws.
        Throw,
        /// It ends with a call of the function behind it.
        Tail,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Seen),
            3 => (1_usize..4, any::<bool>()).prop_map(|(by, table)| Step::Call(by, table)),
            1 => Just(Step::Again),
            2 => (1_usize..4).prop_map(Step::Catch),
            1 => Just(Step::Throw),
            1 => Just(Step::Tail),
        ]
    }

    /// A module of functions that do these steps.
    fn program(functions: &[Vec<Step>]) -> String {
        let last = functions.len();
        let body = |number: usize, steps: &[Step]| {
            let steps = steps.iter().map(|step| match step {
                Step::Seen => "(call $seen)".to_owned(),
                Step::Call(by, false) => format!("(call {} (local.get 0))", 1 + (number + by).min(last)),
                Step::Call(by, true) => {
                    format!("(call_indirect (type $f) (local.get 0) (i32.const {}))", (number + by).min(last))
                }
                Step::Again => format!(
                    "(if (local.get 0) (then (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (call {} (local.get 0))))",
                    1 + number
                ),
                Step::Catch(by) => format!(
                    "(block $caught (try_table (catch_all $caught) (call {} (local.get 0))))",
                    1 + (number + by).min(last)
                ),
                Step::Throw => "(if (local.get 0) (then (throw $t)))".to_owned(),
                Step::Tail => format!("(return_call {} (local.get 0))", 1 + (number + 1).min(last)),
            });
            let export = if number == 0 { "(export \"run\")" } else { "" };
            format!("(func {export} (type $f) (local i64 f32) {})", steps.collect::<String>())
        };
        let bodies: String = (0..).zip(functions).map(|(number, steps)| body(number, steps)).collect();
        let all: String = (1..=last + 1).map(|function| format!("{function} ")).collect();
        format!(
            r#"(module (type $f (func (param i32))) (import "" "seen" (func $seen)) (tag $t)
            (table funcref (elem {all})) {bodies} (func (type $f) (call $seen)))"#
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        /// Stacks and contexts belong together one to one, and stacks are those of the original. A tail call leaves no frame: then
        /// stacks that are the same may have several contexts.
        #[test]
        fn a_context_has_one_stack(functions in prop::collection::vec(prop::collection::vec(step(), 0..5), 1..5)) {
            let has_tails = functions.iter().flatten().any(|step| matches!(step, Step::Tail));
            let (plain, told) = seen_with_contexts(&program(&functions));
            // What is added costs fuel, so that a long run ends earlier.
            prop_assert!(told.len() == plain.len() || (told.len() > 500 && told.len() < plain.len()));
            let (mut stacks, mut contexts) = (BTreeMap::new(), BTreeMap::new());
            for ((plain, none), (stack, context)) in plain.iter().zip(&told) {
                prop_assert_eq!(none, &None);
                prop_assert_eq!(plain, stack);
                let context = context.unwrap();
                prop_assert_eq!(*stacks.entry(context).or_insert(stack), stack);
                prop_assert!(*contexts.entry(stack).or_insert(context) == context || has_tails);
            }
        }
    }

    #[test]
    fn a_recursion_has_a_context_for_each_depth_and_way() {
        let (plain, told) = seen_with_contexts(
            r#"(module (import "" "seen" (func $seen))
                (func $run (export "run") (param i32)
                    (call $seen)
                    (if (local.get 0) (then
                        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                        (call $run (local.get 0)) (call $run (local.get 0))))))"#,
        );
        assert_eq!((plain.len(), told.len()), (15, 15));
        let contexts: std::collections::BTreeSet<_> = told.iter().map(|(_, context)| context.unwrap()).collect();
        assert_eq!(contexts.len(), 15, "one for each of the calls, as each has a stack of its own");
    }

    #[test]
    fn as_many_groups_of_locals_as_take_another_byte_are_well() {
        for groups in [126, 127, 128] {
            let locals =
                "(local i32) (local f32) ".repeat(groups / 2) + if groups % 2 == 1 { "(local i32)" } else { "" };
            let (plain, told) = seen_with_contexts(&format!(
                r#"(module (import "" "seen" (func $seen)) (global i32 (i32.const 1)) (memory 1)
                    (func $f (export "run") (param i32) {locals} (call $seen) (call $g)) (func $g (call $seen)))"#
            ));
            let stacks = |seen: &[Seen]| seen.iter().map(|(stack, _)| stack.clone()).collect::<Vec<_>>();
            assert_eq!((told.len(), stacks(&told)), (2, stacks(&plain)), "{groups}");
        }
    }

    #[test]
    fn a_name_of_ours_is_refused() {
        let bytes = wat::parse_str(r#"(module (global (export "airtight:context") i32 (i32.const 0)))"#).unwrap();
        assert!(tell_contexts(&bytes).unwrap_err().to_string().contains("airtight:context"));
    }
}
