//! One pass over a function, which validates it and counts the parts of its weight.

use super::super::CatalogueError;
use super::operators::{arity, asks_engine, carried, starts_block};
use super::single_pass::SinglePass;
use wasmparser::{
    BinaryReaderError, FrameKind, FuncValidator, FunctionBody, Operator, ValidatorResources, WasmModuleResources,
};

/// How many parameters and results of a call weigh nothing: registers hold them.
const IN_REGISTERS: u64 = 16;

/// How many pairs of loops weigh as much as one live value: compilers look at each pair.
const LOOP_PAIRS: u64 = 16;

/// The squares of the depths of all loops are summed. This much of the sum weighs as much as one live value.
const DEPTH_SQUARES: u64 = 512;

/// A call with more operands below it than `DEEP` weighs `SPILL` more: the operands have to be moved out of its way.
const DEEP: u32 = 64;
const SPILL: u64 = 2;

/// How many bytes of code weigh as much as one live value.
const BYTES: u64 = 4;

/// The first operators of a stretch without control flow weigh nothing beside their bytes: so many. The number of further
/// operators is squared, and `STRETCH_SQUARES` of the squares weigh as much as one live value. An optimising compiler compares
/// each operator with those before it.
const STRETCH: u64 = 1_000;
const STRETCH_SQUARES: u64 = 1 << 16;

/// The number of branches is squared, and so many of the squares weigh as much as one live value: an optimising compiler looks
/// at the parts of a function between branches again and again. An operator that the engine answers counts as `ANSWERED`
/// branches, which the compiler puts in its place.
const BRANCH_SQUARES: u64 = 1_024;
const ANSWERED: u64 = 2;

/// How many declared locals, used or not, weigh as much as one live value: compilers make a variable of each.
const DECLARED: u64 = 32;

/// The counts of one pass over a function.
#[derive(Debug, Default)]
pub(super) struct LocalUses {
    /// Operands on the stack at the start of each block, in order.
    pub heights: Vec<u32>,
    /// For each local, its number among the locals that are used; `u32::MAX` if it is not used. The list ends with the last
    /// local that is used.
    pub numbers: Vec<u32>,
    /// How many locals are used.
    pub used: u32,
    /// The counts of the same function for a single-pass compiler.
    pub single_pass: SinglePass,
    declared: u64,
    loops: u64,
    depth_squares: u64,
    targets: u64,
    passed: u64,
    spills: u64,
    stretch_squares: u64,
    branches: u64,
    bytes: u64,
}

impl LocalUses {
    pub fn read(
        validator: &mut FuncValidator<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> Result<Self, CatalogueError> {
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader)?;
        let mut counted = Self {
            heights: vec![0],
            declared: u64::from(validator.len_locals()),
            single_pass: SinglePass::with_locals(u64::from(validator.len_locals())),
            bytes: body.as_bytes().len() as u64,
            ..Self::default()
        };
        let (mut depth, mut stretch) = (0u64, 0u64);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let at = operators.original_position();
            let operator = operators.read()?;
            counted.before(&operator, validator)?;
            counted.single_pass.before(&operator, validator)?;
            match operator {
                Operator::Loop { .. } => depth += 1,
                Operator::End if validator.get_control_frame(0).is_some_and(|frame| frame.kind == FrameKind::Loop) => {
                    depth -= 1;
                }
                _ => {}
            }
            validator.op(at, &operator)?;
            if let Operator::Loop { .. } = operator {
                counted.loops += 1;
                counted.depth_squares = counted.depth_squares.saturating_add(depth * depth);
            }
            stretch += 1;
            if starts_block(&operator) {
                counted.heights.push(validator.operand_stack_height());
                let long = std::mem::take(&mut stretch).saturating_sub(STRETCH);
                counted.stretch_squares = counted.stretch_squares.saturating_add(long.saturating_mul(long));
            }
        }
        Ok(counted)
    }

    fn before(
        &mut self,
        operator: &Operator<'_>,
        validator: &FuncValidator<ValidatorResources>,
    ) -> Result<(), BinaryReaderError> {
        let types = validator.resources();
        if asks_engine(operator) {
            self.branches += ANSWERED;
        }
        match operator {
            Operator::LocalGet { local_index }
            | Operator::LocalSet { local_index }
            | Operator::LocalTee { local_index } => self.local(*local_index),
            Operator::BrIf { .. } | Operator::If { .. } => self.branches += 1,
            Operator::BrTable { targets } => {
                // A `br_table` cannot have more different targets than there are blocks around it.
                self.branches += u64::from(targets.len().min(validator.control_stack_height()));
                self.targets = self.targets.saturating_add(u64::from(targets.len()) + 1);
                for target in targets.targets().chain([Ok(targets.default())]) {
                    let carried = carried(validator, target?);
                    self.targets = self.targets.saturating_add(carried);
                }
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                let ty = types.type_index_of_function(*function_index);
                self.call(ty.and_then(|ty| arity(types, ty)), validator.operand_stack_height());
            }
            Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
                self.call(arity(types, *type_index), validator.operand_stack_height());
            }
            _ => {}
        }
        Ok(())
    }

    fn local(&mut self, local: u32) {
        // A local that is not declared makes the function invalid, which the validator is about to find.
        if u64::from(local) >= self.declared {
            return;
        }
        let index = local as usize;
        // The list grows only as needed: a few bytes can declare 50,000 locals.
        if index >= self.numbers.len() {
            self.numbers.resize(index + 1, u32::MAX);
        }
        if self.numbers[index] == u32::MAX {
            self.numbers[index] = self.used;
            self.used += 1;
        }
    }

    fn call(&mut self, arity: Option<(u64, u64)>, height: u32) {
        self.spills += if height > DEEP { SPILL } else { 0 };
        let (params, results) = arity.unwrap_or_default();
        self.passed = self.passed.saturating_add((params + results).saturating_sub(IN_REGISTERS));
    }

    /// The part of the weight that does not depend on which values are live.
    pub fn fixed_weight(&self) -> u64 {
        let loops = self.loops.saturating_mul(self.loops) / LOOP_PAIRS + self.depth_squares / DEPTH_SQUARES;
        let operands = self.heights.iter().fold(0u64, |sum, height| sum.saturating_add(u64::from(*height)));
        let stretches = self.stretch_squares / STRETCH_SQUARES;
        let branches = self.branches.saturating_mul(self.branches) / BRANCH_SQUARES;
        let code = self.bytes / BYTES + stretches + branches;
        [loops, operands, self.targets, self.passed, self.spills, code, self.declared / DECLARED]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// The most that live locals can weigh: all of them live everywhere.
    pub fn most_live(&self) -> u64 {
        (self.heights.len() as u64).saturating_mul(u64::from(self.used))
    }
}
