//! Whether functions that are running can hold a pointer where the host does not see it: in their locals and operands.
//!
//! The host sees memory and globals. Of a function that is running when the program ends it knows the code, and the place in
//! it. So it can be told which values may be pointers to blocks of the heap: what was loaded from memory, and what another
//! function returned. A constant, the result of a comparison and an address on the shadow stack are not.
//!
//! ```wat
//! (func $main (local $p i32)
//!   (local.set $p (call $malloc (i32.const 8)))
//!   (call $print (local.get $p))
//!   (local.set $p (i32.const 0))
//!   (call $exit (i32.const 0)))     ;; here, $p holds no pointer
//! ```
//!
//! A value that may be a pointer is never taken for another one. What is computed from numbers alone is not a pointer.

use super::sections::id;
use super::{FEATURES, Module};
use crate::ledger::RawFrame;
use std::collections::{HashMap, HashSet};
use wasmparser::{
    BinaryReaderError, BlockType, FuncToValidate, FuncValidator, FuncValidatorAllocations, FunctionBody, ModuleArity,
    Operator, Parser, ValidPayload, Validator, ValidatorResources,
};

/// Operators that are looked at, and values that are copied and joined, for one stack at most: a second or so.
const MOST_WORK: usize = 1 << 27;

/// Why it cannot be told that functions hold nothing: one may, or it is too much work to find out.
struct MayHold;

/// Whether none of the functions on a stack, innermost frame first, can hold a pointer in its locals or operands.
/// `stack_pointer` is the global that holds the shadow stack's.
pub(crate) fn hold_nothing(module: &Module<'_>, stack: &[RawFrame], stack_pointer: Option<u32>) -> bool {
    Check::new(module, stack, stack_pointer).and_then(|mut check| check.all(stack)).is_ok()
}

type Function<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// The functions of one stack.
struct Check<'a> {
    functions: HashMap<u32, Function<'a>>,
    /// The globals that hold no pointer to a block: the shadow stack's pointer, and those that are never written.
    harmless: HashSet<u32>,
    /// Where the code section's contents begin.
    code: usize,
    /// What is left of [`MOST_WORK`].
    work: usize,
}

impl<'a> Check<'a> {
    fn new(module: &Module<'a>, stack: &[RawFrame], stack_pointer: Option<u32>) -> Result<Self, MayHold> {
        let wanted = stack.iter().map(|frame| frame.function).collect();
        let constants = module.globals.iter().zip(0..).filter(|(global, _)| !global.mutable).map(|(_, index)| index);
        Ok(Self {
            functions: functions(module.bytes, &wanted).map_err(|_| MayHold)?,
            harmless: constants.chain(stack_pointer).collect(),
            code: module.section(id::CODE).ok_or(MayHold)?.contents.start,
            work: MOST_WORK,
        })
    }

    fn all(&mut self, stack: &[RawFrame]) -> Result<(), MayHold> {
        // The host calls the outermost function without arguments.
        let mut args: Vec<bool> = Vec::new();
        // A recursion comes by the same place again and again.
        let mut known: HashMap<(RawFrame, Vec<bool>), Vec<bool>> = HashMap::new();
        for frame in stack.iter().rev() {
            let call = (*frame, args);
            args = match known.get(&call) {
                Some(args) => args.clone(),
                None => self.args_of_call(frame, &call.1)?,
            };
            known.insert(call, args.clone());
        }
        Ok(())
    }

    /// Which arguments of the call that a frame stands at may be pointers, by which of its own parameters may.
    fn args_of_call(&mut self, frame: &RawFrame, params: &[bool]) -> Result<Vec<bool>, MayHold> {
        let at = self.code + frame.offset.ok_or(MayHold)? as usize;
        let function = self.functions.get(&frame.function).ok_or(MayHold)?;
        let mut heads = HashMap::new();
        loop {
            let mut sweep = Sweep::new(function, params, &self.harmless, (&mut self.work, &mut heads))?;
            let found = sweep.run(&function.1, at)?;
            if !sweep.grew {
                return found.filter(|found| !found.rest).map(|found| found.args).ok_or(MayHold);
            }
        }
    }
}

/// The functions with these indices, ready to be validated again.
fn functions<'a>(bytes: &'a [u8], wanted: &HashSet<u32>) -> Result<HashMap<u32, Function<'a>>, BinaryReaderError> {
    let mut validator = Validator::new_with_features(FEATURES);
    let mut found = HashMap::new();
    for payload in Parser::new(0).parse_all(bytes) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)?
            && wanted.contains(&function.index)
        {
            found.insert(function.index, (function, body));
        }
    }
    Ok(found)
}

/// Which values may be pointers, at one place in a function.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Values {
    locals: Vec<bool>,
    operands: Vec<bool>,
}

impl Values {
    /// What arrives where a branch leads: the locals, the operands up to `height`, and on top of them the last `carried`.
    fn arriving(&self, height: usize, carried: usize) -> Result<Self, MayHold> {
        let top = self.operands.len().checked_sub(carried).ok_or(MayHold)?;
        let below = self.operands.get(..height).ok_or(MayHold)?;
        Ok(Self { locals: self.locals.clone(), operands: [below, &self.operands[top..]].concat() })
    }

    /// Joins what is known on another way to the same place. Gives whether that changed anything.
    fn join(&mut self, other: &Self) -> bool {
        let mut changed = false;
        let own = self.locals.iter_mut().chain(&mut self.operands);
        for (own, other) in own.zip(other.locals.iter().chain(&other.operands)) {
            changed |= *other && !*own;
            *own |= other;
        }
        changed
    }

    /// Takes operands away. Gives whether one of them may be a pointer.
    fn pop(&mut self, count: u32) -> Result<bool, MayHold> {
        let rest = self.operands.len().checked_sub(count as usize).ok_or(MayHold)?;
        Ok(self.operands.drain(rest..).fold(false, |any, operand| any | operand))
    }

    fn push(&mut self, count: u32, may_be_pointer: bool) {
        self.operands.resize(self.operands.len() + count as usize, may_be_pointer);
    }

    fn local(&mut self, index: u32) -> Result<&mut bool, MayHold> {
        self.locals.get_mut(index as usize).ok_or(MayHold)
    }
}

/// A `block`, `loop`, `if` or function whose `end` was not read yet.
struct Label {
    /// Operands below those that it was given.
    height: usize,
    /// Operands that a branch to it takes along.
    carried: usize,
    /// Operands that it leaves.
    results: usize,
    /// The place of a loop, to which a branch leads back.
    head: Option<usize>,
    /// What is known after its end, from what leads there so far.
    after: Option<Values>,
    /// What is known at its `else`, of an `if`.
    otherwise: Option<Values>,
}

/// What was found at a call.
struct Call {
    /// Which of its arguments may be pointers.
    args: Vec<bool>,
    /// Whether anything else may be one.
    rest: bool,
}

/// One way through a function, from its beginning to its end.
struct Sweep<'c> {
    validator: FuncValidator<&'c ValidatorResources>,
    harmless: &'c HashSet<u32>,
    work: &'c mut usize,
    /// What is known at the head of each loop, by its place: it grows from sweep to sweep.
    heads: &'c mut HashMap<usize, Values>,
    /// Whether it grew, so that another sweep is needed.
    grew: bool,
    labels: Vec<Label>,
    /// What is known here; `None` where nothing leads.
    now: Option<Values>,
}

impl<'c> Sweep<'c> {
    fn new(
        (function, body): &'c Function<'_>,
        params: &[bool],
        harmless: &'c HashSet<u32>,
        (work, heads): (&'c mut usize, &'c mut HashMap<usize, Values>),
    ) -> Result<Self, MayHold> {
        let FuncToValidate { resources, index, ty, features } = function;
        let again = FuncToValidate { resources, index: *index, ty: *ty, features: *features };
        let mut validator = again.into_validator(FuncValidatorAllocations::default());
        validator.read_locals(&mut body.get_binary_reader()).map_err(|_| MayHold)?;
        let (expected, results) = validator.block_type_arity(BlockType::FuncType(*ty)).ok_or(MayHold)?;
        if params.len() != expected as usize {
            return Err(MayHold);
        }
        let mut locals = params.to_vec();
        locals.resize(validator.len_locals() as usize, false);
        let results = results as usize;
        let whole = Label { height: 0, carried: results, results, head: None, after: None, otherwise: None };
        let now = Some(Values { locals, operands: Vec::new() });
        Ok(Self { validator, harmless, work, heads, grew: false, labels: vec![whole], now })
    }

    /// What is known of the call at this place, once the function was gone through.
    fn run(&mut self, body: &FunctionBody<'_>, at: usize) -> Result<Option<Call>, MayHold> {
        let mut found = None;
        let mut operators = body.get_operators_reader().map_err(|_| MayHold)?;
        while !operators.eof() {
            let place = operators.original_position();
            let operator = operators.read().map_err(|_| MayHold)?;
            self.spend(1)?;
            if place == at {
                found = self.call(&operator)?;
            }
            if !self.control(place, &operator)?
                && let Some(mut now) = self.now.take()
            {
                self.compute(&mut now, &operator)?;
                self.now = Some(now);
            }
            self.validator.op(place, &operator).map_err(|_| MayHold)?;
        }
        Ok(found)
    }

    fn spend(&mut self, work: usize) -> Result<(), MayHold> {
        *self.work = self.work.checked_sub(work).ok_or(MayHold)?;
        Ok(())
    }

    /// A copy of what is known here.
    fn copy(&mut self) -> Result<Option<Values>, MayHold> {
        let values = self.now.as_ref().map_or(0, |now| now.locals.len() + now.operands.len());
        self.spend(values)?;
        Ok(self.now.clone())
    }

    fn call(&mut self, operator: &Operator<'_>) -> Result<Option<Call>, MayHold> {
        let Some(mut now) = self.copy()? else { return Ok(None) };
        match operator {
            Operator::Call { .. } => {}
            // The function's place in the table.
            Operator::CallIndirect { .. } => drop(now.pop(1)?),
            _ => return Err(MayHold),
        }
        let (params, _) = self.arity(operator)?;
        let params = params as usize - usize::from(matches!(operator, Operator::CallIndirect { .. }));
        let args = now.operands.split_off(now.operands.len().checked_sub(params).ok_or(MayHold)?);
        let rest = now.locals.contains(&true) || now.operands.contains(&true);
        Ok(Some(Call { args, rest }))
    }

    fn arity(&self, operator: &Operator<'_>) -> Result<(u32, u32), MayHold> {
        operator.operator_arity(&self.validator).ok_or(MayHold)
    }

    /// Follows an operator that decides where the function goes on. Gives whether it is one.
    fn control(&mut self, place: usize, operator: &Operator<'_>) -> Result<bool, MayHold> {
        match operator {
            Operator::Block { blockty } => self.open(*blockty, None, None)?,
            Operator::Loop { blockty } => {
                if let Some(now) = self.copy()? {
                    let head = self.heads.entry(place).or_insert_with(|| now.clone());
                    head.join(&now);
                    self.now = Some(head.clone());
                }
                self.open(*blockty, Some(place), None)?;
            }
            Operator::If { blockty } => {
                self.drop_operand()?;
                let otherwise = self.copy()?;
                self.open(*blockty, None, otherwise)?;
            }
            Operator::Else => {
                self.leave(0, true)?;
                self.now = self.labels.last_mut().ok_or(MayHold)?.otherwise.take();
            }
            Operator::End => {
                self.leave(0, true)?;
                self.now = self.labels.last_mut().ok_or(MayHold)?.otherwise.take();
                self.leave(0, true)?;
                self.now = self.labels.pop().ok_or(MayHold)?.after;
            }
            Operator::Br { relative_depth } => {
                self.leave(*relative_depth, false)?;
                self.now = None;
            }
            Operator::BrIf { relative_depth } => {
                self.drop_operand()?;
                self.leave(*relative_depth, false)?;
            }
            Operator::BrTable { targets } => {
                self.drop_operand()?;
                for depth in targets.targets().chain([Ok(targets.default())]) {
                    self.leave(depth.map_err(|_| MayHold)?, false)?;
                }
                self.now = None;
            }
            Operator::Return
            | Operator::Unreachable
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. } => self.now = None,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn drop_operand(&mut self) -> Result<(), MayHold> {
        self.now.as_mut().map_or(Ok(()), |now| now.pop(1).map(drop))
    }

    fn open(&mut self, ty: BlockType, head: Option<usize>, otherwise: Option<Values>) -> Result<(), MayHold> {
        let (params, results) = self.validator.block_type_arity(ty).ok_or(MayHold)?;
        let (params, results) = (params as usize, results as usize);
        let height = self.now.as_ref().map_or(0, |now| now.operands.len().saturating_sub(params));
        let carried = if head.is_some() { params } else { results };
        self.labels.push(Label { height, carried, results, head, after: None, otherwise });
        Ok(())
    }

    /// Control goes to a label, or falls off the end of what it labels.
    fn leave(&mut self, depth: u32, by_end: bool) -> Result<(), MayHold> {
        let Some(now) = self.copy()? else { return Ok(()) };
        let index = self.labels.len().checked_sub(1 + depth as usize).ok_or(MayHold)?;
        let label = &mut self.labels[index];
        let values = now.arriving(label.height, if by_end { label.results } else { label.carried })?;
        match label.head.filter(|_| !by_end) {
            Some(head) => self.grew |= self.heads.get_mut(&head).ok_or(MayHold)?.join(&values),
            None => match &mut label.after {
                Some(after) => drop(after.join(&values)),
                after => *after = Some(values),
            },
        }
        Ok(())
    }

    /// What an operator without influence on control makes of values.
    fn compute(&self, now: &mut Values, operator: &Operator<'_>) -> Result<(), MayHold> {
        let (taken, given) = self.arity(operator)?;
        match operator {
            Operator::LocalGet { local_index } => {
                let value = *now.local(*local_index)?;
                now.push(1, value);
            }
            Operator::LocalSet { local_index } => {
                let value = now.pop(1)?;
                *now.local(*local_index)? = value;
            }
            Operator::LocalTee { local_index } => {
                let value = now.pop(1)?;
                *now.local(*local_index)? = value;
                now.push(1, value);
            }
            Operator::GlobalGet { global_index } => now.push(1, !self.harmless.contains(global_index)),
            operator => {
                let pointer = now.pop(taken)?;
                now.push(
                    given,
                    match origin(operator) {
                        Origin::Number => false,
                        Origin::Operands => pointer,
                        Origin::Anywhere => true,
                    },
                );
            }
        }
        Ok(())
    }
}

/// Where the result of an operator comes from.
enum Origin {
    /// It is not a pointer whatever it is computed from.
    Number,
    /// It may be a pointer if it is computed from one.
    Operands,
    /// It may be anything.
    Anywhere,
}

fn origin(operator: &Operator<'_>) -> Origin {
    use Operator as O;
    match operator {
        O::I32Const { .. } | O::I64Const { .. } | O::F32Const { .. } | O::F64Const { .. } | O::V128Const { .. } => {
            Origin::Number
        }
        O::I32Eqz | O::I32Eq | O::I32Ne | O::I64Eqz | O::I64Eq | O::I64Ne => Origin::Number,
        O::I32LtS | O::I32LtU | O::I32GtS | O::I32GtU | O::I32LeS | O::I32LeU | O::I32GeS | O::I32GeU => Origin::Number,
        O::I64LtS | O::I64LtU | O::I64GtS | O::I64GtU | O::I64LeS | O::I64LeU | O::I64GeS | O::I64GeU => Origin::Number,
        O::F32Eq | O::F32Ne | O::F32Lt | O::F32Gt | O::F32Le | O::F32Ge => Origin::Number,
        O::F64Eq | O::F64Ne | O::F64Lt | O::F64Gt | O::F64Le | O::F64Ge => Origin::Number,
        O::I32Clz | O::I32Ctz | O::I32Popcnt | O::I64Clz | O::I64Ctz | O::I64Popcnt => Origin::Number,
        // A byte is below every block's address, and so is a number of pages.
        O::I32Load8U { .. } | O::I64Load8U { .. } | O::MemorySize { .. } => Origin::Number,
        O::I32Add | O::I32Sub | O::I32Mul | O::I32And | O::I32Or | O::I32Xor => Origin::Operands,
        O::I32Shl | O::I32ShrS | O::I32ShrU | O::I32Rotl | O::I32Rotr => Origin::Operands,
        O::I64Add | O::I64Sub | O::I64Mul | O::I64And | O::I64Or | O::I64Xor => Origin::Operands,
        O::I64Shl | O::I64ShrS | O::I64ShrU | O::I64Rotl | O::I64Rotr => Origin::Operands,
        O::I32WrapI64 | O::I64ExtendI32S | O::I64ExtendI32U | O::I32Extend8S | O::I32Extend16S => Origin::Operands,
        O::Select | O::TypedSelect { .. } | O::Drop => Origin::Operands,
        _ => Origin::Anywhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the functions hold nothing at the first call of `$exit` by `$main`, which `_start` calls.
    fn hold_nothing_at_exit(main: &str) -> bool {
        let text = format!(
            r#"(module
                (import "e" "exit" (func $exit (param i32)))
                (import "e" "malloc" (func $malloc (param i32) (result i32)))
                (import "e" "use" (func $use (param i32)))
                (memory 1)
                (table 1 funcref)
                (global $sp (mut i32) (i32.const 1024))
                (global $other (mut i32) (i32.const 0))
                (global $base i32 (i32.const 2048))
                (func $start (call $main (i32.const 0)))
                (func $main (param $argc i32) (local $p i32) (local $q i32) {main}))"#
        );
        let bytes = wat::parse_str(text).unwrap();
        let module = Module::read(&bytes).unwrap();
        let code = module.section(id::CODE).unwrap().contents.start;
        let call = |function: u32, callee: u32| {
            let wanted = HashSet::from([function]);
            let found = functions(&bytes, &wanted).unwrap();
            let mut operators = found[&function].1.get_operators_reader().unwrap();
            loop {
                let at = operators.original_position();
                if matches!(operators.read().unwrap(), Operator::Call { function_index } if function_index == callee) {
                    return RawFrame { function, offset: Some((at - code) as u32) };
                }
            }
        };
        hold_nothing(&module, &[call(4, 0), call(3, 4)], Some(0))
    }

    #[test]
    fn what_may_be_a_pointer_is_followed_through_locals_and_blocks() {
        for (main, holds_nothing) in [
            ("(call $exit (i32.const 0))", true),
            ("(local.set $p (i32.sub (global.get $sp) (i32.const 16))) (call $exit (i32.const 0))", true),
            ("(local.set $p (global.get $base)) (call $exit (i32.const 0))", true),
            ("(local.set $p (global.get $other)) (call $exit (i32.const 0))", false),
            ("(local.set $p (call $malloc (i32.const 8))) (call $exit (i32.const 0))", false),
            ("(call $use (call $malloc (i32.const 8))) (call $exit (i32.const 0))", true),
            ("(drop (call $malloc (i32.const 8))) (call $exit (i32.const 0))", true),
            (
                "(local.set $p (call $malloc (i32.const 8))) (local.set $p (i32.const 0)) (call $exit (i32.const 0))",
                true,
            ),
            (
                "(local.set $q (i32.add (local.tee $p (call $malloc (i32.const 8))) (i32.const 1)))
              (local.set $p (i32.const 0)) (call $exit (i32.const 0))",
                false,
            ),
            ("(local.set $p (i32.eqz (call $malloc (i32.const 8)))) (call $exit (i32.const 0))", true),
            ("(local.set $p (i32.load (i32.const 0))) (call $exit (i32.const 0))", false),
            ("(local.set $p (i32.load8_u (i32.const 0))) (call $exit (i32.const 0))", true),
            // An argument is the callee's, and nobody's who is not on the stack.
            ("(call $exit (call $malloc (i32.const 8)))", true),
            // An operand below the call's.
            ("(call $malloc (i32.const 8)) (call $exit (i32.const 0)) drop", false),
            // What is set after the call, or where the call is not reached, is not held at it.
            ("(call $exit (i32.const 0)) (local.set $p (call $malloc (i32.const 8)))", true),
            (
                "(if (local.get $argc) (then (local.set $p (call $malloc (i32.const 8))) (return))) (call $exit (i32.const 0))",
                true,
            ),
            (
                "(if (local.get $argc) (then (local.set $p (call $malloc (i32.const 8))))) (call $exit (i32.const 0))",
                false,
            ),
            (
                "(if (local.get $argc) (then) (else (local.set $p (call $malloc (i32.const 8))))) (call $exit (i32.const 0))",
                false,
            ),
            // A branch takes along what it carries and leaves the rest.
            (
                "(drop (block (result i32) (call $malloc (i32.const 8)) (br 0 (i32.const 1)))) (call $exit (i32.const 0))",
                true,
            ),
            (
                "(local.set $p (block (result i32) (br 0 (call $malloc (i32.const 8))))) (call $exit (i32.const 0))",
                false,
            ),
            (
                "(local.set $p (block (result i32)
                (drop (br_if 0 (call $malloc (i32.const 8)) (local.get $argc))) (i32.const 0)))
              (call $exit (i32.const 0))",
                false,
            ),
            (
                "(block (block (local.set $p (call $malloc (i32.const 8))) (br_table 0 1 (local.get $argc)))
                (local.set $p (i32.const 0))) (call $exit (i32.const 0))",
                false,
            ),
            // The second turn of a loop finds what the first one left.
            (
                "(loop (if (local.get $q) (then (call $exit (i32.const 0))))
                (local.set $q (i32.const 1)) (local.set $p (call $malloc (i32.const 8))) (br 0))",
                false,
            ),
            (
                "(loop (local.set $p (i32.const 0)) (if (local.get $q) (then (call $exit (i32.const 0))))
                (local.set $q (i32.const 1)) (local.set $p (call $malloc (i32.const 8))) (br 0))",
                true,
            ),
            (
                "(loop (loop (if (local.get $argc) (then (call $exit (i32.const 0))))
                (local.set $p (local.get $q)) (br_if 1 (local.get $argc)))
                (local.set $q (call $malloc (i32.const 8))) (br 0))",
                false,
            ),
        ] {
            assert_eq!(hold_nothing_at_exit(main), holds_nothing, "{main}");
        }
    }

    #[test]
    fn frames_that_are_not_known_may_hold_anything() {
        let bytes = wat::parse_str(
            r#"(module (import "e" "exit" (func $exit)) (func $f (call $exit)) (func $g (param i32) (call $exit)))"#,
        )
        .unwrap();
        let module = Module::read(&bytes).unwrap();
        let call = |function| RawFrame { function, offset: Some(3) };
        assert!(hold_nothing(&module, &[], None));
        assert!(hold_nothing(&module, &[call(1)], None));
        for frame in [
            RawFrame { offset: None, ..call(1) },
            RawFrame { offset: Some(2), ..call(1) },
            RawFrame { offset: Some(u32::MAX), ..call(1) },
            call(0),
            RawFrame::LEFT_OUT,
            // Nobody calls it with an argument.
            RawFrame { offset: Some(8), ..call(2) },
        ] {
            assert!(!hold_nothing(&module, &[frame], None), "{frame:?}");
        }
    }
}
