//! One sweep through the code of a function, from its beginning to its end, which follows the values that may be pointers.

use super::function::{Function, MayHold};
use std::collections::{HashMap, HashSet};
use wasmparser::{
    BlockType, FuncToValidate, FuncValidator, FuncValidatorAllocations, FunctionBody, ModuleArity, Operator,
    ValidatorResources,
};

/// Which values may be pointers, at one place in a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Values {
    locals: Vec<bool>,
    operands: Vec<bool>,
}

impl Values {
    /// The values at the target of a branch: the locals, the operands up to `height`, and on top of them the last `carried`
    /// operands.
    fn arriving(&self, height: usize, carried: usize) -> Result<Self, MayHold> {
        let top = self.operands.len().checked_sub(carried).ok_or(MayHold)?;
        let below = self.operands.get(..height).ok_or(MayHold)?;
        Ok(Self { locals: self.locals.clone(), operands: [below, &self.operands[top..]].concat() })
    }

    /// Joins the values of another way to the same place. Returns whether that changed anything.
    fn join(&mut self, other: &Self) -> bool {
        let mut changed = false;
        let own = self.locals.iter_mut().chain(&mut self.operands);
        for (own, other) in own.zip(other.locals.iter().chain(&other.operands)) {
            changed |= *other && !*own;
            *own |= other;
        }
        changed
    }

    /// Takes operands away. Returns whether one of them may be a pointer.
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
    /// How many operands lie below its parameters.
    height: usize,
    /// How many operands a branch to it takes along.
    carried: usize,
    /// How many operands it leaves at its end.
    results: usize,
    /// For a loop, its place in the code, to which a branch leads back.
    head: Option<usize>,
    /// The values after its end, joined from all ways there that were met so far.
    after: Option<Values>,
    /// For an `if`, the values at its `else`.
    otherwise: Option<Values>,
}

/// Which values may be pointers at a call.
pub(super) struct CallArguments {
    /// Which of its arguments may be pointers.
    pub args: Vec<bool>,
    /// Whether any local or any other operand may be one.
    pub rest: bool,
}

/// One sweep through a function, from its beginning to its end.
pub(super) struct Sweep<'c> {
    validator: FuncValidator<&'c ValidatorResources>,
    harmless: &'c HashSet<u32>,
    work: &'c mut usize,
    /// The values at the head of each loop, by its place. They only grow from sweep to sweep: more of them may be pointers.
    heads: &'c mut HashMap<usize, Values>,
    /// Whether the values at the head of a loop grew, so that another sweep is needed.
    pub grew: bool,
    labels: Vec<Label>,
    /// The values at the current place; `None` if no way leads there.
    now: Option<Values>,
}

impl<'c> Sweep<'c> {
    /// `heads` keeps the values at the heads of loops from sweep to sweep.
    pub fn new(
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

    /// Goes through the function. Returns what was found at the call at this place.
    pub fn run(&mut self, body: &FunctionBody<'_>, at: usize) -> Result<Option<CallArguments>, MayHold> {
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

    /// A copy of the values at the current place.
    fn copy(&mut self) -> Result<Option<Values>, MayHold> {
        let values = self.now.as_ref().map_or(0, |now| now.locals.len() + now.operands.len());
        self.spend(values)?;
        Ok(self.now.clone())
    }

    fn call(&mut self, operator: &Operator<'_>) -> Result<Option<CallArguments>, MayHold> {
        let Some(mut now) = self.copy()? else { return Ok(None) };
        match operator {
            Operator::Call { .. } => {}
            // The index into the table, which lies on top.
            Operator::CallIndirect { .. } => drop(now.pop(1)?),
            _ => return Err(MayHold),
        }
        let (params, _) = self.arity(operator)?;
        let params = params as usize - usize::from(matches!(operator, Operator::CallIndirect { .. }));
        let args = now.operands.split_off(now.operands.len().checked_sub(params).ok_or(MayHold)?);
        let rest = now.locals.contains(&true) || now.operands.contains(&true);
        Ok(Some(CallArguments { args, rest }))
    }

    fn arity(&self, operator: &Operator<'_>) -> Result<(u32, u32), MayHold> {
        operator.operator_arity(&self.validator).ok_or(MayHold)
    }

    /// Follows an operator of control flow. Returns false if it is another one.
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

    /// Control goes to a label by a branch, or (`by_end`) reaches the end of the labelled block.
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

    /// Applies an operator that does not change the flow of control to the values.
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

/// What decides whether the result of an operator may be a pointer.
enum Origin {
    /// The result is never a pointer.
    Number,
    /// The result may be a pointer if one of the operands may be.
    Operands,
    /// The result may be a pointer in any case.
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
        // A byte is smaller than the address of every block, and so is a number of pages.
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
