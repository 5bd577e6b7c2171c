//! Follows the result of a call to the variable that takes it, through the code of the function that calls.
//!
//! Code is followed from operator to operator, from the beginning of the function up to the first store of the result. Where ways
//! meet, at an `else`, an `end` or the head of a loop, everything is forgotten, and behind the call that is the end: which way
//! was taken is not known. So is everything that an operator leaves which is not followed.

use super::function::Function;
use super::functions::ModuleFunctions;
use crate::ledger::RawFrame;
use gimli::UnitOffset;
use std::collections::HashMap;
use wasmparser::{BlockType, FunctionBody, Operator};

/// The most operators behind the call that are looked at.
const MOST_BEHIND: usize = 500;

/// The most operands of which anything is known.
const MOST_OPERANDS: usize = 1024;

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Unknown,
    /// What the call returned: the address of the block.
    Result,
    /// An address in the function's frame.
    Frame(i64),
    Constant(u32),
    /// A multiple of this number.
    Multiple(u64),
    /// What a local has when the code at this offset begins.
    InLocal(u32, u32),
    /// The address of what lies at an offset in a value of this type.
    Within(UnitOffset, u64),
}

/// The type of the variable to which the result of the call at `call` is assigned: a pointer. `None` where that does not follow from the code,
/// or where the call is not one of an allocator. Offsets are those of the debug information, which begin at `start`.
pub(super) fn follow(
    (bytes, functions): (&[u8], &ModuleFunctions),
    call: RawFrame,
    function: &Function<'_>,
    is_allocator: impl Fn(u32) -> bool,
) -> Option<UnitOffset> {
    let (body, call) = (functions.body(bytes, call.function)?, call.offset?);
    let frame = function.frame().filter(|frame| is_set_once(&body, *frame));
    let mut code = Code { functions, function, call, frame, operands: Vec::new(), locals: HashMap::new() };
    let mut operators = body.get_operators_reader().ok()?;
    let begins = straight_to(&body, functions, call)?;
    let mut behind = None;
    while !operators.eof() {
        let at = functions.offset(operators.original_position())?;
        let operator = operators.read().ok()?;
        let next = functions.offset(operators.original_position())?;
        if at < begins {
            continue;
        }
        if at == call {
            let Operator::Call { function_index } = operator else { return None };
            let arity = functions.arity(function_index).filter(|_| is_allocator(function_index));
            let Some((taken, 1)) = arity else { return None };
            code.pop_all(taken);
            code.operands.push(Value::Result);
            behind = Some(0);
            continue;
        }
        let Some(count) = &mut behind else {
            code.operator(&operator, at, next);
            continue;
        };
        *count += 1;
        if *count > MOST_BEHIND || joins(&operator) {
            return None;
        }
        match code.operator(&operator, at, next) {
            Some(taken) => return taken,
            None if code.has_result() => {}
            None => return None,
        }
    }
    None
}

/// Whether code goes on behind an operator that may not have been come to by the operator before it, or is not gone on with.
fn joins(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Else
            | Operator::End
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
    )
}

/// The place behind the last operator before the call at which ways meet.
fn straight_to(body: &FunctionBody<'_>, functions: &ModuleFunctions, call: u32) -> Option<u32> {
    let mut operators = body.get_operators_reader().ok()?;
    let mut begins = 0;
    while !operators.eof() && functions.offset(operators.original_position())? < call {
        if joins(&operators.read().ok()?) {
            begins = functions.offset(operators.original_position())?;
        }
    }
    Some(begins)
}

/// Whether a local has one value in all of a function's code.
fn is_set_once(body: &FunctionBody<'_>, local: u32) -> bool {
    let Ok(operators) = body.get_operators_reader() else { return false };
    let sets = |operator: &Operator<'_>| match operator {
        Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => *local_index == local,
        _ => false,
    };
    operators.into_iter().map_while(Result::ok).filter(sets).count() == 1
}

struct Code<'c, 'd> {
    functions: &'c ModuleFunctions,
    function: &'c Function<'d>,
    /// Where the call is.
    call: u32,
    /// The local that holds the address of the frame.
    frame: Option<u32>,
    /// Operands that are known; below them are others.
    operands: Vec<Value>,
    locals: HashMap<u32, Value>,
}

impl Code<'_, '_> {
    /// Follows one operator, which is at `at`; the next one is at `next`. Tells the type of the variable that takes the result, if one
    /// does: `Some(None)` if it is not known.
    fn operator(&mut self, operator: &Operator<'_>, at: u32, next: u32) -> Option<Option<UnitOffset>> {
        match operator {
            Operator::LocalGet { local_index } => {
                let value = self.local(*local_index, at);
                self.operands.push(value);
            }
            Operator::LocalSet { local_index } => return self.set(*local_index, next).map(Some),
            Operator::LocalTee { local_index } => {
                let taken = self.set(*local_index, next);
                let value = self.local(*local_index, next);
                self.operands.push(value);
                return taken.map(Some);
            }
            Operator::I32Const { value } => self.operands.push(Value::Constant(value.cast_unsigned())),
            Operator::I32Add => {
                let (right, left) = (self.pop(), self.pop());
                let sum = self.sum(left, right, at);
                self.operands.push(sum);
            }
            Operator::I32Shl | Operator::I32Mul => {
                let (right, left) = (self.pop(), self.pop());
                let multiple = match (operator, left, right) {
                    (Operator::I32Shl, _, Value::Constant(by)) if by < 32 => Value::Multiple(1 << by),
                    (Operator::I32Mul, _, Value::Constant(by)) | (Operator::I32Mul, Value::Constant(by), _)
                        if by > 0 =>
                    {
                        Value::Multiple(by.into())
                    }
                    _ => Value::Unknown,
                };
                self.operands.push(multiple);
            }
            Operator::I32Load { memarg } => {
                let address = self.pop();
                let loaded = self.pointer_at(address, memarg.offset, at);
                let to = loaded.and_then(|pointer| self.function.types().pointee(pointer));
                self.operands.push(to.map_or(Value::Unknown, |to| Value::Within(to, 0)));
            }
            Operator::I32Store { memarg } => {
                let (value, address) = (self.pop(), self.pop());
                if value == Value::Result {
                    return Some(self.pointer_at(address, memarg.offset, at));
                }
            }
            other => self.another(other),
        }
        None
    }

    /// Follows an operator that only takes values and gives others of which nothing is known.
    fn another(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Nop | Operator::Block { blockty: BlockType::Empty } => {}
            Operator::Drop | Operator::BrIf { .. } | Operator::GlobalSet { .. } => drop(self.pop()),
            Operator::GlobalGet { .. } | Operator::I64Const { .. } | Operator::F64Const { .. } => self.give(0, 1),
            Operator::I32Eqz
            | Operator::I32Load8S { .. }
            | Operator::I32Load8U { .. }
            | Operator::I32Load16S { .. }
            | Operator::I32Load16U { .. }
            | Operator::I64Load { .. }
            | Operator::F64Load { .. }
            | Operator::I64ExtendI32S
            | Operator::I64ExtendI32U
            | Operator::I32WrapI64 => self.give(1, 1),
            Operator::I32Sub
            | Operator::I32And
            | Operator::I32Or
            | Operator::I32Xor
            | Operator::I32ShrU
            | Operator::I32ShrS
            | Operator::I32Eq
            | Operator::I32Ne
            | Operator::I32LtS
            | Operator::I32LtU
            | Operator::I32GtS
            | Operator::I32GtU
            | Operator::I32LeS
            | Operator::I32LeU
            | Operator::I32GeS
            | Operator::I32GeU => self.give(2, 1),
            Operator::Select => self.give(3, 1),
            Operator::I32Store8 { .. }
            | Operator::I32Store16 { .. }
            | Operator::I64Store { .. }
            | Operator::F64Store { .. } => self.give(2, 0),
            Operator::Call { function_index } => match self.functions.arity(*function_index) {
                Some((taken, given)) => self.give(taken, given),
                None => self.forget(),
            },
            _ => self.forget(),
        }
    }

    fn forget(&mut self) {
        self.operands.clear();
        self.locals.clear();
    }

    fn pop(&mut self) -> Value {
        self.operands.pop().unwrap_or(Value::Unknown)
    }

    fn pop_all(&mut self, count: usize) {
        self.operands.truncate(self.operands.len().saturating_sub(count));
    }

    /// Takes so many values, and gives so many of which nothing is known.
    fn give(&mut self, taken: usize, given: usize) {
        self.pop_all(taken);
        self.operands.resize(self.operands.len() + given, Value::Unknown);
        if self.operands.len() > MOST_OPERANDS {
            self.forget();
        }
    }

    fn local(&self, local: u32, at: u32) -> Value {
        if self.frame == Some(local) {
            return Value::Frame(0);
        }
        match self.locals.get(&local) {
            None | Some(Value::Unknown) => Value::InLocal(local, at),
            Some(known) => *known,
        }
    }

    /// Puts the uppermost operand into a local. Tells the type of the variable that is there from now on, if the operand is the result.
    fn set(&mut self, local: u32, next: u32) -> Option<UnitOffset> {
        // What was in a local is there no more when the local changes.
        self.locals.values_mut().for_each(|value| forget_local(value, local));
        self.operands.iter_mut().for_each(|value| forget_local(value, local));
        let value = self.pop();
        self.locals.insert(local, value);
        (value == Value::Result).then(|| self.function.in_local_since(local, next, self.call))?
    }

    fn has_result(&self) -> bool {
        self.operands.iter().chain(self.locals.values()).any(|value| *value == Value::Result)
    }

    fn sum(&self, left: Value, right: Value, at: u32) -> Value {
        match (self.resolved(left), self.resolved(right)) {
            (Value::Constant(one), Value::Constant(other)) => Value::Constant(one.wrapping_add(other)),
            (Value::Frame(frame), Value::Constant(by)) | (Value::Constant(by), Value::Frame(frame)) => {
                Value::Frame(frame + i64::from(by.cast_signed()))
            }
            (Value::Within(of, offset), Value::Constant(by)) | (Value::Constant(by), Value::Within(of, offset)) => {
                Value::Within(of, offset + u64::from(by))
            }
            (Value::Multiple(by), base) | (base, Value::Multiple(by)) => self.element(base, by, at),
            _ => Value::Unknown,
        }
    }

    /// The address of an element: a multiple of this number behind the address of another one.
    fn element(&self, base: Value, by: u64, at: u32) -> Value {
        let types = self.function.types();
        let array = match base {
            Value::Within(of, 0) if types.size(of).is_some_and(|size| size > 0 && by.is_multiple_of(size)) => {
                return base;
            }
            Value::Within(of, offset) => Some((of, offset)),
            Value::Frame(frame) => self.function.in_frame(frame, at),
            Value::Constant(address) => self.function.at_address(address.into()),
            Value::Unknown | Value::Result | Value::Multiple(_) | Value::InLocal(..) => None,
        };
        let found = array.and_then(|(of, offset)| types.element_at(of, offset, by));
        found.map_or(Value::Unknown, |element| Value::Within(element, 0))
    }

    /// An address in a variable instead of one in the frame, where the variable is known; and so of what is in a local.
    fn resolved(&self, value: Value) -> Value {
        match value {
            Value::InLocal(local, at) => {
                let pointer = self.function.in_local(local, at);
                let to = pointer.and_then(|pointer| self.function.types().pointee(pointer));
                to.map_or(Value::Unknown, |to| Value::Within(to, 0))
            }
            other => other,
        }
    }

    /// The type of the pointer that is in memory at an address and an offset from it.
    fn pointer_at(&self, address: Value, offset: u64, at: u32) -> Option<UnitOffset> {
        let (of_type, into) = match self.resolved(address) {
            Value::Within(of_type, into) => (of_type, into.checked_add(offset)?),
            Value::Frame(frame) => self.function.in_frame(frame.checked_add(i64::try_from(offset).ok()?)?, at)?,
            Value::Constant(address) => self.function.at_address(u64::from(address).checked_add(offset)?)?,
            Value::Unknown | Value::Result | Value::Multiple(_) | Value::InLocal(..) => return None,
        };
        let types = self.function.types();
        types.size(of_type).is_some_and(|size| into < size).then(|| types.pointer_at(of_type, into))?
    }
}

/// Forgets a value that is the one of a local.
fn forget_local(value: &mut Value, local: u32) {
    if matches!(value, Value::InLocal(known, _) if *known == local) {
        *value = Value::Unknown;
    }
}
