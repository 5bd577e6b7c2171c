//! What operators mean for control flow: where blocks start and end, and how many values branches and calls take along.

use wasmparser::{BlockType, FrameKind, FuncValidator, Operator, ValidatorResources, WasmModuleResources};

/// Whether a new block starts after this operator.
pub(super) fn starts_block(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Loop { .. } | Operator::If { .. } | Operator::Else | Operator::End | Operator::BrIf { .. }
    ) || leaves(operator)
}

/// Whether control never goes from this operator to the next one.
pub(super) fn leaves(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::Unreachable
    )
}

/// Whether the engine answers this operator, at least in some cases: the compiler makes a call of a function of the engine's,
/// with a branch around it.
pub(super) fn asks_engine(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::CallIndirect { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::MemoryGrow { .. }
            | Operator::MemoryInit { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryAtomicNotify { .. }
            | Operator::MemoryAtomicWait32 { .. }
            | Operator::MemoryAtomicWait64 { .. }
            | Operator::DataDrop { .. }
            | Operator::TableGet { .. }
            | Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableInit { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::ElemDrop { .. }
            | Operator::RefFunc { .. }
            | Operator::Throw { .. }
            | Operator::ThrowRef
    )
}

/// How many values a branch to a label takes along.
pub(super) fn carried(validator: &FuncValidator<ValidatorResources>, label: u32) -> u64 {
    let Some(frame) = validator.get_control_frame(label as usize) else { return 0 };
    let is_loop = frame.kind == FrameKind::Loop;
    match frame.block_type {
        BlockType::Empty => 0,
        BlockType::Type(_) => u64::from(!is_loop),
        BlockType::FuncType(ty) => {
            let (params, results) = arity(validator.resources(), ty).unwrap_or_default();
            if is_loop { params } else { results }
        }
    }
}

pub(super) fn arity(types: &ValidatorResources, ty: u32) -> Option<(u64, u64)> {
    let ty = types.sub_type_at(ty)?.composite_type.unwrap_func();
    Some((ty.params().len() as u64, ty.results().len() as u64))
}
