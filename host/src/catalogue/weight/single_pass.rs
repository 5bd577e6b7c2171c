//! The weight of a function for the single-pass compiler, Winch.
//!
//! Winch looks at each operator once. Its time and memory are linear in the bytes of code, with the following exceptions, which
//! were measured like the others (`host/docs/decisions/0007-compiling-is-bounded.md`):
//!
//! - at operators before which values have to be in memory (calls, edges of blocks, writes of a local), it looks at the whole
//!   operand stack; at other operators only if it runs out of registers;
//! - parameters and results, of blocks and of calls, are copied one by one, and for each target of a `br_table`;
//! - each local that is declared is zeroed by code of its own;
//! - a function has a cost of its own.
//!
//! A unit of its weight is about 100 ns and 40 bytes.

use super::operators::{arity, asks_engine, carried};
use wasmparser::{BinaryReaderError, BlockType, FuncValidator, Operator, ValidatorResources, WasmModuleResources};

/// How many operands on the stack weigh one unit, at an operator at which Winch looks at all of them.
const LOOKED_AT: u64 = 256;

/// How many operands on the stack weigh one unit, at other operators.
const PASSED_BY: u64 = 16 * LOOKED_AT;

/// How often Winch looks at all operands at the head of a loop.
const LOOP_LOOKS: u64 = 4;

/// The weight of a value that is copied.
const COPY: u64 = 2;

/// How many declared locals weigh one unit.
const DECLARED: u64 = 4;

/// The weight of a function itself, whatever is in it.
const FUNCTION: u64 = 64;

/// The counts of one function.
#[derive(Debug, Default)]
pub(super) struct SinglePass {
    /// Looks at operands, in parts of a unit: [`PASSED_BY`] of them are one unit.
    looks: u64,
    copies: u64,
    declared: u64,
}

impl SinglePass {
    /// A function with so many locals, parameters included.
    pub fn with_locals(declared: u64) -> Self {
        Self { declared, ..Self::default() }
    }

    /// Counts an operator that the validator has not seen yet.
    pub fn before(
        &mut self,
        operator: &Operator<'_>,
        validator: &FuncValidator<ValidatorResources>,
    ) -> Result<(), BinaryReaderError> {
        let height = u64::from(validator.operand_stack_height());
        self.looks = self.looks.saturating_add(height.saturating_mul(looks(operator)));
        let types = validator.resources();
        let copied = match operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                let (params, results) = block_arity(types, *blockty);
                params + results
            }
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => carried(validator, *relative_depth),
            Operator::BrTable { targets } => {
                let mut copied = 0u64;
                for target in targets.targets().chain([Ok(targets.default())]) {
                    copied = copied.saturating_add(1 + carried(validator, target?));
                }
                copied
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                let ty = types.type_index_of_function(*function_index);
                sum(ty.and_then(|ty| arity(types, ty)))
            }
            Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
                sum(arity(types, *type_index))
            }
            _ => 0,
        };
        self.copies = self.copies.saturating_add(copied);
        Ok(())
    }

    /// The function's weight.
    pub fn weight(&self) -> u64 {
        [self.looks / PASSED_BY, self.copies.saturating_mul(COPY), self.declared / DECLARED]
            .into_iter()
            .fold(FUNCTION, u64::saturating_add)
    }
}

fn sum(arity: Option<(u64, u64)>) -> u64 {
    arity.map_or(0, |(params, results)| params + results)
}

/// How many parts of a unit an operator weighs for each operand on the stack.
fn looks(operator: &Operator<'_>) -> u64 {
    let all = PASSED_BY / LOOKED_AT;
    match operator {
        Operator::Loop { .. } => LOOP_LOOKS * all,
        Operator::Block { .. }
        | Operator::If { .. }
        | Operator::Else
        | Operator::End
        | Operator::Br { .. }
        | Operator::BrIf { .. }
        | Operator::BrTable { .. }
        | Operator::Return
        | Operator::LocalSet { .. }
        | Operator::LocalTee { .. }
        | Operator::Call { .. }
        | Operator::ReturnCall { .. } => all,
        operator if asks_engine(operator) => all,
        _ => 1,
    }
}

fn block_arity(types: &ValidatorResources, block: BlockType) -> (u64, u64) {
    match block {
        BlockType::Empty => (0, 0),
        BlockType::Type(_) => (0, 1),
        BlockType::FuncType(ty) => arity(types, ty).unwrap_or_default(),
    }
}
