//! The code of jumps and wrappers, and the fuel that it costs.

use super::hook::{ALIGNMENT, HookCost, HookKind, UNWOUND};
use std::borrow::Cow;
use wasm_encoder::{BlockType, Catch, Encode, Instruction, ValType};
use wasmparser::{BinaryReader, BinaryReaderError, FunctionBody};

/// The indices by which a wrapper calls `enter` and `leave`: of their table and of their types.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listeners {
    pub(super) table: u32,
    pub(super) enter: u32,
    pub(super) leave: u32,
}

/// A wrapper: its body, and the fuel that it and the jump take.
pub(super) struct Wrapper {
    pub(super) body: Vec<u8>,
    pub(super) cost: HookCost,
}

/// Operators, with the fuel they take.
#[derive(Default)]
struct Code {
    bytes: Vec<u8>,
    fuel: u64,
}

impl Code {
    fn op(&mut self, op: Instruction<'_>) {
        op.encode(&mut self.bytes);
        // Of the operators that are used here, the engine charges nothing for these.
        let free = matches!(
            op,
            Instruction::End
                | Instruction::Nop
                | Instruction::Drop
                | Instruction::Block(_)
                | Instruction::Return
                | Instruction::Unreachable
        );
        self.fuel += u64::from(!free);
    }

    fn number(&mut self, value: u32) {
        self.op(Instruction::I32Const(value.cast_signed()));
    }

    fn listener(&mut self, slot: u32, type_index: u32, table_index: u32) {
        self.number(slot);
        self.op(Instruction::CallIndirect { type_index, table_index });
    }

    fn append(&mut self, other: &Self) {
        self.bytes.extend_from_slice(&other.bytes);
        self.fuel += other.fuel;
    }
}

/// A call of a function with all parameters of the function around it.
fn forward(params: u32, function: u32) -> Code {
    let mut code = Code::default();
    (0..params).for_each(|param| code.op(Instruction::LocalGet(param)));
    code.op(Instruction::Call(function));
    code
}

/// The jump: a body of `len` bytes that calls the wrapper. It keeps the local declarations of the old body. It does not need
/// them, but the engine reports events at the entry of a function, such as that the fuel is used up, at the offset of the last
/// declaration. `None` if the jump is longer than `len`.
pub(super) fn jump(params: u32, wrapper: u32, locals: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut body = locals.to_vec();
    body.extend(forward(params, wrapper).bytes);
    let nops = len.checked_sub(body.len() + 1)?;
    body.resize(body.len() + nops, 0x01);
    Instruction::End.encode(&mut body);
    Some(body)
}

/// The wrapper: the function between the jump and the moved body. If exceptions may leave the body (`throws`), the host is told
/// of them, too.
pub(super) fn wrapper(kind: HookKind, which: u32, params: u32, moved: u32, to: Listeners, throws: bool) -> Wrapper {
    let returns = kind.signature().is_some_and(|(_, result)| result);
    let mut before = Code::default();
    before.number(which);
    if kind == HookKind::PosixMemalign {
        before.op(Instruction::LocalGet(1));
        before.op(Instruction::I32Ctz);
        before.number(ALIGNMENT);
        before.op(Instruction::I32Shl);
        before.op(Instruction::I32Or);
    }
    for argument in kind.told() {
        match argument {
            Some(param) => before.op(Instruction::LocalGet(param)),
            None => before.number(0),
        }
    }
    before.listener(0, to.enter, to.table);
    before.op(kind.asked().map_or(Instruction::Drop, Instruction::LocalSet));
    if throws {
        before.op(Instruction::Block(BlockType::Result(ValType::EXNREF)));
        before.op(Instruction::TryTable(BlockType::Empty, Cow::Borrowed(&[Catch::AllRef { label: 0 }])));
    }
    before.append(&forward(params, moved));

    let mut after = Code::default();
    if returns {
        after.op(Instruction::LocalSet(params));
    }
    after.number(which);
    if returns {
        after.op(Instruction::LocalGet(params));
    } else {
        after.number(0);
    }
    after.listener(1, to.leave, to.table);
    if returns {
        after.op(Instruction::LocalGet(params));
    }

    let mut unwound = Code::default();
    if throws {
        // Returns from within the blocks: so it works whatever the function's results are.
        after.op(Instruction::Return);
        after.op(Instruction::End);
        after.op(Instruction::Unreachable);
        after.op(Instruction::End);
        unwound.number(which | UNWOUND);
        unwound.number(kind.nothing());
        unwound.listener(1, to.leave, to.table);
        unwound.op(Instruction::ThrowRef);
    }

    let mut body = Vec::new();
    let locals: &[(u32, ValType)] = if returns { &[(1, ValType::I32)] } else { &[] };
    (locals.len() as u32).encode(&mut body);
    for (count, ty) in locals {
        count.encode(&mut body);
        ty.encode(&mut body);
    }
    for part in [&before, &after, &unwound] {
        body.extend_from_slice(&part.bytes);
    }
    Instruction::End.encode(&mut body);
    // The jump passes on the same parameters. The entries of jump and wrapper cost one unit each.
    let before = 1 + forward(params, 0).fuel + 1 + before.fuel;
    Wrapper { body, cost: HookCost { before, after: after.fuel, unwound: unwound.fuel } }
}

impl HookKind {
    /// The number of `i32` parameters that the function must have, and whether it must return an `i32`. `None` if any type will
    /// do.
    pub(super) fn signature(self) -> Option<(usize, bool)> {
        match self {
            Self::Malloc => Some((1, true)),
            Self::Calloc | Self::Realloc | Self::AlignedAlloc | Self::Memalign => Some((2, true)),
            Self::Free => Some((1, false)),
            Self::PosixMemalign => Some((3, true)),
            Self::Window
            | Self::Libc
            | Self::MakesThread
            | Self::NamesThread
            | Self::Announce
            | Self::Raise
            | Self::RaiseUntold
            | Self::TempDir
            | Self::ProcessId
            | Self::TestMain => None,
        }
    }

    /// The result that `leave` is given for a call that an exception ended. For a function that allocates, it says that there
    /// was no memory.
    fn nothing(self) -> u32 {
        /// `ENOMEM` of WASI.
        const NO_MEMORY: u32 = 48;
        if self == Self::PosixMemalign { NO_MEMORY } else { 0 }
    }

    /// Which parameter the function is called with as `enter` gives it: of a function that allocates, how much it is asked for.
    fn asked(self) -> Option<u32> {
        match self {
            Self::Malloc | Self::Calloc => Some(0),
            Self::Realloc | Self::AlignedAlloc | Self::Memalign => Some(1),
            Self::PosixMemalign => Some(2),
            _ => None,
        }
    }

    /// Which parameters `enter` is told.
    fn told(self) -> [Option<u32>; 2] {
        match self {
            Self::Malloc | Self::Free => [Some(0), None],
            Self::Calloc | Self::Realloc | Self::AlignedAlloc | Self::Memalign | Self::Announce | Self::Raise => {
                [Some(0), Some(1)]
            }
            Self::PosixMemalign => [Some(0), Some(2)],
            Self::NamesThread => [Some(1), None],
            Self::Window
            | Self::Libc
            | Self::MakesThread
            | Self::RaiseUntold
            | Self::TempDir
            | Self::ProcessId
            | Self::TestMain => [None, None],
        }
    }
}

/// The local declarations of a body.
pub(super) fn locals(body: &[u8]) -> Result<&[u8], BinaryReaderError> {
    let function = FunctionBody::new(BinaryReader::new(body, 0));
    let operators = function.get_binary_reader_for_operators()?;
    Ok(&body[..operators.original_position()])
}
