//! The functions that stand for operators.

use super::sites::{Kind, Signature, WordChange};
use super::slot;
use crate::instrument::splice::leb;
use wasm_encoder::{BlockType, Encode, Instruction};

/// The types of these functions, in the order of [`Signature`]; behind them those of the host's functions, in the order of
/// [`HostType`].
pub(super) const TYPES: &[u8] = &[
    0x60, 3, 0x7f, 0x7f, 0x7e, 1, 0x7f, // wait32
    0x60, 3, 0x7f, 0x7e, 0x7e, 1, 0x7f, // wait64
    0x60, 2, 0x7f, 0x7f, 1, 0x7f, // notify
    0x60, 1, 0x7f, 1, 0x7f, // loads
    0x60, 1, 0x7f, 1, 0x7e, //
    0x60, 2, 0x7f, 0x7f, 0, // stores
    0x60, 2, 0x7f, 0x7e, 0, //
    0x60, 2, 0x7f, 0x7f, 1, 0x7f, // additions and the like
    0x60, 2, 0x7f, 0x7e, 1, 0x7e, //
    0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f, // comparisons
    0x60, 3, 0x7f, 0x7e, 0x7e, 1, 0x7e, //
    0x60, 4, 0x7f, 0x7f, 0x7e, 0x7f, 1, 0x7f, // the host's wait32, with an offset
    0x60, 4, 0x7f, 0x7e, 0x7e, 0x7f, 1, 0x7f, // the host's wait64
    0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f, // the host's notify
    0x60, 0, 0, // step
    0x60, 2, 0x7f, 0x7f, 0, // changed
];
pub(super) const TYPE_COUNT: u32 = 16;

/// The types of the host's functions.
#[derive(Clone, Copy)]
enum HostType {
    Wait32 = 11,
    Wait64,
    Notify,
    Step,
    Changed,
}

/// The indices to which the functions refer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    /// The first of the types.
    pub(super) types: u32,
    /// The table with the host's functions.
    pub(super) table: u32,
    /// The global that says whether the host is told of each step.
    pub(super) steps: u32,
}

/// A function for the code section that stands for an operator. `operator` is the operator's bytes.
pub(super) fn body(kind: Kind, offset: u32, operator: &[u8], places: Places) -> Vec<u8> {
    let signature = kind.signature();
    let mut code = Code { places, bytes: Vec::new() };
    let change = kind.change();
    let with_result = matches!(change, WordChange::Exchange | WordChange::Compare);
    code.bytes.extend_from_slice(if with_result { &[1, 1, 0x7f] } else { &[0] });
    match kind {
        Kind::Wait32 => code.hand_over(signature, offset, (slot::WAIT32, HostType::Wait32)),
        Kind::Wait64 => code.hand_over(signature, offset, (slot::WAIT64, HostType::Wait64)),
        Kind::Notify => code.hand_over(signature, offset, (slot::NOTIFY, HostType::Notify)),
        Kind::Atomic(_) => {
            code.step();
            (0..signature.params()).for_each(|param| code.op(Instruction::LocalGet(param)));
            code.bytes.extend_from_slice(operator);
            code.follow(change, signature.params(), offset);
        }
    }
    code.op(Instruction::End);
    let mut sized = leb(code.bytes.len() as u32);
    sized.extend(code.bytes);
    sized
}

struct Code {
    places: Places,
    bytes: Vec<u8>,
}

impl Code {
    fn op(&mut self, op: Instruction<'_>) {
        op.encode(&mut self.bytes);
    }

    fn call_host(&mut self, slot: u32, ty: HostType) {
        self.op(Instruction::I32Const(slot.cast_signed()));
        let (type_index, table_index) = (self.places.types + ty as u32, self.places.table);
        self.op(Instruction::CallIndirect { type_index, table_index });
    }

    /// Passes the parameters on to the host, and the operator's offset.
    fn hand_over(&mut self, signature: Signature, offset: u32, (slot, ty): (u32, HostType)) {
        (0..signature.params()).for_each(|param| self.op(Instruction::LocalGet(param)));
        self.op(Instruction::I32Const(offset.cast_signed()));
        self.call_host(slot, ty);
    }

    /// Tells the host that the operator is about to be executed, if the host wants to know.
    fn step(&mut self) {
        self.op(Instruction::GlobalGet(self.places.steps));
        self.op(Instruction::If(BlockType::Empty));
        self.call_host(slot::STEP, HostType::Step);
        self.op(Instruction::End);
    }

    /// Tells the host if an exchange changes the word from 0 to another value or back. For a store the old value is not known:
    /// every store of 0 is told, and no other. The operator's result is on the stack before, and again at the end.
    fn follow(&mut self, change: WordChange, params: u32, offset: u32) {
        let old = params;
        match change {
            WordChange::None => return,
            WordChange::Store => {
                self.op(Instruction::LocalGet(1));
                self.op(Instruction::I32Eqz);
                self.tell_where_true(1, offset);
                return;
            }
            WordChange::Exchange => {
                self.op(Instruction::LocalSet(old));
                self.differ_in_being_zero(old, 1);
                self.tell_where_true(1, offset);
            }
            WordChange::Compare => {
                self.op(Instruction::LocalTee(old));
                self.op(Instruction::LocalGet(1));
                self.op(Instruction::I32Eq);
                self.op(Instruction::If(BlockType::Empty));
                self.differ_in_being_zero(1, 2);
                self.tell_where_true(2, offset);
                self.op(Instruction::End);
            }
        }
        self.op(Instruction::LocalGet(old));
    }

    /// Whether one of two locals is 0, and the other one is not.
    fn differ_in_being_zero(&mut self, one: u32, other: u32) {
        for local in [one, other] {
            self.op(Instruction::LocalGet(local));
            self.op(Instruction::I32Eqz);
        }
        self.op(Instruction::I32Ne);
    }

    /// If the condition on the stack is true, tells the host the word's address and its new value, which is in a local.
    fn tell_where_true(&mut self, new: u32, offset: u32) {
        self.op(Instruction::If(BlockType::Empty));
        self.op(Instruction::LocalGet(0));
        self.op(Instruction::I32Const(offset.cast_signed()));
        self.op(Instruction::I32Add);
        self.op(Instruction::LocalGet(new));
        self.call_host(slot::CHANGED, HostType::Changed);
        self.op(Instruction::End);
    }
}
