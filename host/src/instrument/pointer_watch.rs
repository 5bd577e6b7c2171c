//! Tells the host of what may make or end a pointer to a watched block.
//!
//! Before each write to memory stands the call of a function that looks at what is written and at what is there, and gives back its
//! operands:
//!
//! ```wat
//! (i32.store offset=8 (local.get 0) (local.get 1))
//!
//! (call $see_i32 (local.get 0) (local.get 1) (i32.const 8))
//! (i32.store offset=8)
//! ```
//!
//! The host is called only where a word gets or loses an address of the range that it has put into two globals, and, before the stack
//! pointer is set, where a frame goes that holds such a word: where the lowest one is, is in a third global. A word whose bytes are written one by one, or
//! that does not begin at a multiple of 4, is told of whenever the range is not empty.
//!
//! The added code costs fuel, which is not given back: a run that is watched answers the guest with the times of the run that it repeats.
//! Code moves; [`AddedCalls`] knows the way back.

use super::added_calls::{AddedCalls, AddedCode, Appended, HostFunction, add_calls_and, caller};
use super::bodies::ModuleBodies;
use super::export_globals::GlobalType;
use super::{InstrumentError, RewriteMap};
use crate::catalogue::Module;
use std::collections::BTreeMap;
use wasm_encoder::{BlockType, Encode, Function, Instruction, MemArg, ValType};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The export of the table whose one slot the host fills with `watch`, of type `(i32, i32, i32, i64, i64) -> ()`. The first parameter says
/// what is done: [`WATCHED_STACK`] and the constants beside it, or how many bytes are stored.
pub const WATCH_TABLE: &str = "airtight:watch";
/// The exports of the globals: the lowest address of the range, how many addresses it has, and the lowest word of the stack that is
/// of interest.
pub const WATCH_GLOBALS: [&str; 3] = ["airtight:watch-low", "airtight:watch-span", "airtight:watch-stack"];

/// The stack pointer is to be this.
pub const WATCHED_STACK: u32 = 0x100;
/// Memory is copied: to, from, and how many bytes.
pub const WATCHED_COPY: u32 = 0x200;
/// Memory is filled: where, with which byte, and how many.
pub const WATCHED_FILL: u32 = 0x300;
/// A global is to be set: which, and to what.
pub const WATCHED_GLOBAL: u32 = 0x400;

/// The type of `watch`.
const TYPE: &[u8] = &[0x60, 5, 0x7f, 0x7f, 0x7f, 0x7e, 0x7e, 0];

/// A function that sees an operation before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    /// A value is stored: of this type, so many bytes of it, and which lane of a vector.
    Store(Value, u32, Option<u8>),
    /// Bytes are copied.
    Copy,
    /// A byte is written many times.
    Fill,
    /// Bytes come from a segment of data, in which there is no pointer to a block.
    Init,
    /// The stack pointer is set.
    Stack,
    /// Another global is set.
    Global(u32),
}

/// The type of a value that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    I32,
    I64,
    F32,
    F64,
    V128,
}

/// The module with all its writes told, and the way back. `map` is how it was rewritten before.
///
/// # Errors
/// The module cannot be parsed, or uses a name that is kept for the host.
pub fn watch_pointers(bytes: &[u8], map: &RewriteMap) -> Result<(Vec<u8>, AddedCalls), InstrumentError> {
    let module = Module::read(bytes)?;
    if let Some(name) = WATCH_GLOBALS.into_iter().chain([WATCH_TABLE]).find(|name| module.export(name).is_some()) {
        return Err(InstrumentError::NameTaken { name: name.to_owned() });
    }
    let all = ModuleBodies::new(&module)?;
    let mut sites = Sites { map, first: caller(&all) + 1, functions: BTreeMap::new() };
    let added = all.bodies.iter().map(|body| sites.of_body(&bytes[body.clone()]));
    let added = added.collect::<Result<Vec<_>, _>>()?;
    let names = Names { host: caller(&all), first_global: module.globals.len() as u32 };
    let mut functions: Vec<(u32, Seen)> = sites.functions.into_iter().map(|(seen, number)| (number, seen)).collect();
    functions.sort_unstable();
    let appended = Appended {
        functions: functions.into_iter().map(|(_, seen)| (type_of(seen), names.body(seen))).collect(),
        globals: WATCH_GLOBALS.into_iter().zip([0, 0, -1]).map(|(name, value)| (global(value), name)).collect(),
    };
    add_calls_and(&all, &HostFunction { table: WATCH_TABLE, ty: TYPE }, added, appended)
}

/// What is put into bodies, and which functions that needs.
struct Sites<'a> {
    map: &'a RewriteMap,
    /// The index of the first of these functions.
    first: u32,
    functions: BTreeMap<Seen, u32>,
}

impl Sites<'_> {
    fn of_body(&mut self, body: &[u8]) -> Result<Vec<AddedCode>, InstrumentError> {
        let mut operators = FunctionBody::new(BinaryReader::new(body, 0)).get_operators_reader()?;
        let mut added = Vec::new();
        while !operators.eof() {
            let (operator, at) = operators.read_with_offset()?;
            let Some((seen, offset)) = self.seen(&operator) else { continue };
            let mut code = Vec::new();
            if let Seen::Store(..) = seen {
                // An offset has 32 bits: the memory has no more addresses.
                Instruction::I32Const((offset as u32).cast_signed()).encode(&mut code);
            }
            Instruction::Call(self.function(seen)).encode(&mut code);
            added.push(AddedCode { at, code });
        }
        Ok(added)
    }

    fn function(&mut self, seen: Seen) -> u32 {
        let next = self.first + self.functions.len() as u32;
        *self.functions.entry(seen).or_insert(next)
    }

    /// How an operator is seen, and the offset of its address; `None` if it writes nothing that matters.
    fn seen(&self, operator: &Operator<'_>) -> Option<(Seen, u64)> {
        use Value::{F32, F64, I32, I64, V128};
        let (seen, offset) = match operator {
            Operator::I32Store { memarg } => (Seen::Store(I32, 4, None), memarg.offset),
            Operator::I32Store8 { memarg } => (Seen::Store(I32, 1, None), memarg.offset),
            Operator::I32Store16 { memarg } => (Seen::Store(I32, 2, None), memarg.offset),
            Operator::I64Store { memarg } => (Seen::Store(I64, 8, None), memarg.offset),
            Operator::I64Store8 { memarg } => (Seen::Store(I64, 1, None), memarg.offset),
            Operator::I64Store16 { memarg } => (Seen::Store(I64, 2, None), memarg.offset),
            Operator::I64Store32 { memarg } => (Seen::Store(I64, 4, None), memarg.offset),
            Operator::F32Store { memarg } => (Seen::Store(F32, 4, None), memarg.offset),
            Operator::F64Store { memarg } => (Seen::Store(F64, 8, None), memarg.offset),
            Operator::V128Store { memarg } => (Seen::Store(V128, 16, None), memarg.offset),
            Operator::V128Store8Lane { memarg, lane } => (Seen::Store(V128, 1, Some(*lane)), memarg.offset),
            Operator::V128Store16Lane { memarg, lane } => (Seen::Store(V128, 2, Some(*lane)), memarg.offset),
            Operator::V128Store32Lane { memarg, lane } => (Seen::Store(V128, 4, Some(*lane)), memarg.offset),
            Operator::V128Store64Lane { memarg, lane } => (Seen::Store(V128, 8, Some(*lane)), memarg.offset),
            Operator::MemoryCopy { .. } => (Seen::Copy, 0),
            Operator::MemoryFill { .. } => (Seen::Fill, 0),
            Operator::MemoryInit { .. } => (Seen::Init, 0),
            Operator::GlobalSet { global_index } => {
                let global = self.map.globals.iter().find(|global| global.index == *global_index)?;
                match (global.stack_pointer, global.ty) {
                    (true, _) => (Seen::Stack, 0),
                    (false, GlobalType::I32) => (Seen::Global(*global_index), 0),
                    (false, GlobalType::I64) => return None,
                }
            }
            _ => return None,
        };
        Some((seen, offset))
    }
}

impl Value {
    fn ty(self) -> ValType {
        match self {
            Self::I32 => ValType::I32,
            Self::I64 => ValType::I64,
            Self::F32 => ValType::F32,
            Self::F64 => ValType::F64,
            Self::V128 => ValType::V128,
        }
    }
}

/// The type of a function that sees an operation, as an entry of the type section: it gives back the operands.
fn type_of(seen: Seen) -> Vec<u8> {
    use ValType::I32;
    let (takes, gives) = match seen {
        Seen::Store(value, ..) => (vec![I32, value.ty(), I32], vec![I32, value.ty()]),
        Seen::Copy | Seen::Fill | Seen::Init => (vec![I32; 3], vec![I32; 3]),
        Seen::Stack | Seen::Global(_) => (vec![I32], vec![I32]),
    };
    let mut ty = vec![0x60];
    takes.encode(&mut ty);
    gives.encode(&mut ty);
    ty
}

/// A mutable global with this value, as an entry of the global section.
fn global(value: i32) -> Vec<u8> {
    let mut global = vec![0x7f, 1];
    Instruction::I32Const(value).encode(&mut global);
    Instruction::End.encode(&mut global);
    global
}

/// What the bodies of the added functions refer to.
#[derive(Clone, Copy)]
struct Names {
    host: u32,
    first_global: u32,
}

/// The locals of a function that sees a store.
const ADDRESS: u32 = 0;
const VALUE: u32 = 1;
/// The offset, and then the address of the first byte.
const AT: u32 = 2;
/// The bits of the value.
const BITS: u32 = 3;
/// The word that a byte lies in, by how many bits it is shifted there, and what the word holds.
const WORD: u32 = 4;
const SHIFT: u32 = 5;
const OLD: u32 = 6;

impl Names {
    fn low(self) -> Instruction<'static> {
        Instruction::GlobalGet(self.first_global)
    }

    fn span(self) -> Instruction<'static> {
        Instruction::GlobalGet(self.first_global + 1)
    }

    fn stack(self) -> Instruction<'static> {
        Instruction::GlobalGet(self.first_global + 2)
    }

    fn body(self, seen: Seen) -> Vec<u8> {
        use Instruction as I;
        let code = match seen {
            Seen::Store(value, bytes, lane) => return self.store(value, bytes, lane),
            Seen::Stack => {
                let tell = self.tell(WATCHED_STACK, &[I::LocalGet(0)], &[]);
                let within = [I::LocalGet(0), self.stack(), I::I32GtU, I::If(BlockType::Empty)];
                [&within[..], &tell, &[I::End, I::LocalGet(0), I::End]].concat()
            }
            Seen::Global(index) => {
                let tell = self.tell(WATCHED_GLOBAL, &[I::I32Const(index.cast_signed()), I::LocalGet(0)], &[]);
                let begin = [I::Block(BlockType::Empty), I::Block(BlockType::Empty)];
                let gets = self.when_within(&[I::LocalGet(0)], 0);
                let loses = self.when_within(&[I::GlobalGet(index)], 0);
                let done = [I::Br(1), I::End];
                [&begin[..], &gets, &loses, &done, &tell, &[I::End, I::LocalGet(0), I::End]].concat()
            }
            Seen::Copy | Seen::Fill | Seen::Init => {
                let (what, with) = match seen {
                    Seen::Copy => (WATCHED_COPY, I::LocalGet(1)),
                    Seen::Fill => (WATCHED_FILL, I::LocalGet(1)),
                    _ => (WATCHED_FILL, I::I32Const(0)),
                };
                let tell = self.tell(what, &[I::LocalGet(0), with], &[I::LocalGet(2), I::I64ExtendI32U]);
                let within = [self.span(), I::If(BlockType::Empty)];
                let back = [I::End, I::LocalGet(0), I::LocalGet(1), I::LocalGet(2), I::End];
                [&within[..], &tell, &back].concat()
            }
        };
        whole(&[], &code)
    }

    fn store(self, value: Value, bytes: u32, lane: Option<u8>) -> Vec<u8> {
        use Instruction as I;
        let bits: Vec<I<'_>> = match (value, bytes, lane) {
            (Value::I32, ..) => vec![I::LocalGet(VALUE), I::I64ExtendI32U],
            (Value::I64, ..) => vec![I::LocalGet(VALUE)],
            (Value::F32, ..) => vec![I::LocalGet(VALUE), I::I32ReinterpretF32, I::I64ExtendI32U],
            (Value::F64, ..) => vec![I::LocalGet(VALUE), I::I64ReinterpretF64],
            (Value::V128, 1, Some(lane)) => vec![I::LocalGet(VALUE), I::I8x16ExtractLaneU(lane), I::I64ExtendI32U],
            (Value::V128, 2, Some(lane)) => vec![I::LocalGet(VALUE), I::I16x8ExtractLaneU(lane), I::I64ExtendI32U],
            (Value::V128, 4, Some(lane)) => vec![I::LocalGet(VALUE), I::I32x4ExtractLane(lane), I::I64ExtendI32U],
            (Value::V128, _, lane) => vec![I::LocalGet(VALUE), I::I64x2ExtractLane(lane.unwrap_or(0))],
        };
        let high = match (value, lane) {
            (Value::V128, None) => vec![I::LocalGet(VALUE), I::I64x2ExtractLane(1)],
            _ => vec![I::I64Const(0)],
        };
        // Nothing is looked at while there is nothing to look for.
        let mut code = vec![I::Block(BlockType::Empty), self.span(), I::I32Eqz, I::BrIf(0)];
        code.extend([I::LocalGet(ADDRESS), I::LocalGet(AT), I::I32Add, I::LocalSet(AT)]);
        code.extend(bits);
        code.extend([I::LocalSet(BITS), I::Block(BlockType::Empty)]);
        code.extend(match value {
            Value::V128 => Vec::new(),
            _ if bytes >= 4 => self.looks_at_words(bytes),
            _ => self.looks_at_part(bytes),
        });
        if value != Value::V128 {
            code.push(I::Br(1));
        }
        code.push(I::End);
        code.extend(self.tell(bytes, &[I::LocalGet(AT)], &[&[I::LocalGet(BITS)], &high[..]].concat()));
        code.extend([I::End, I::LocalGet(ADDRESS), I::LocalGet(VALUE), I::End]);
        whole(&[(1, ValType::I64), (3, ValType::I32)], &code)
    }

    /// Branches out of the innermost block if one of the words that are stored, or that are stored over, is within the range, or if they
    /// are not words.
    fn looks_at_words(self, bytes: u32) -> Vec<Instruction<'static>> {
        use Instruction as I;
        let mut code = vec![I::LocalGet(AT), I::I32Const(3), I::I32And, I::BrIf(0)];
        code.extend(self.when_within(&[I::LocalGet(BITS), I::I32WrapI64], 0));
        code.extend(self.when_within(&[I::LocalGet(AT), I::I32Load(memarg(0))], 0));
        if bytes == 8 {
            code.extend(self.when_within(&[I::LocalGet(BITS), I::I64Const(32), I::I64ShrU, I::I32WrapI64], 0));
            code.extend(self.when_within(&[I::LocalGet(AT), I::I32Load(memarg(4))], 0));
        }
        code
    }

    /// The same for a store of less than a word: with the other bytes of its word.
    fn looks_at_part(self, bytes: u32) -> Vec<Instruction<'static>> {
        use Instruction as I;
        let mask = if bytes == 1 { 0xff } else { 0xffff };
        let mut code = Vec::new();
        if bytes == 2 {
            // It may lie in two words.
            code.extend([I::LocalGet(AT), I::I32Const(1), I::I32And, I::BrIf(0)]);
        }
        code.extend([I::LocalGet(AT), I::I32Const(-4), I::I32And, I::LocalSet(WORD)]);
        code.extend([I::LocalGet(AT), I::I32Const(3), I::I32And, I::I32Const(3), I::I32Shl, I::LocalSet(SHIFT)]);
        code.extend([I::LocalGet(WORD), I::I32Load(memarg(0)), I::LocalSet(OLD)]);
        code.extend(self.when_within(&[I::LocalGet(OLD)], 0));
        let kept = [I::LocalGet(OLD), I::I32Const(mask), I::LocalGet(SHIFT), I::I32Shl, I::I32Const(-1), I::I32Xor];
        let new = [I::LocalGet(BITS), I::I32WrapI64, I::I32Const(mask), I::I32And, I::LocalGet(SHIFT), I::I32Shl];
        code.extend(self.when_within(&[&kept[..], &[I::I32And], &new, &[I::I32Or]].concat(), 0));
        code
    }

    /// Branches so many blocks out if a value is within the range.
    fn when_within(self, value: &[Instruction<'static>], depth: u32) -> Vec<Instruction<'static>> {
        let rest = [self.low(), Instruction::I32Sub, self.span(), Instruction::I32LtU, Instruction::BrIf(depth)];
        [value, &rest].concat()
    }

    /// Calls the host: with what is done, up to two numbers and up to two long ones. The others are 0.
    fn tell(
        self,
        what: u32,
        numbers: &[Instruction<'static>],
        long: &[Instruction<'static>],
    ) -> Vec<Instruction<'static>> {
        use Instruction as I;
        let mut code = vec![I::I32Const(what.cast_signed())];
        code.extend_from_slice(numbers);
        code.extend(std::iter::repeat_n(I::I32Const(0), 2_usize.saturating_sub(numbers.len())));
        code.extend_from_slice(long);
        // Each long number ends in one instruction that leaves it, and only a store gives two of them.
        let given = match long {
            [] => 0,
            _ if what < WATCHED_STACK => 2,
            _ => 1,
        };
        code.extend(std::iter::repeat_n(I::I64Const(0), 2 - given));
        code.push(I::Call(self.host));
        code
    }
}

fn memarg(offset: u64) -> MemArg {
    MemArg { offset, align: 2, memory_index: 0 }
}

fn whole(locals: &[(u32, ValType)], code: &[Instruction<'static>]) -> Vec<u8> {
    let mut function = Function::new(locals.iter().copied());
    code.iter().for_each(|instruction| {
        function.instruction(instruction);
    });
    function.into_raw_body()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::sections::id;
    use crate::catalogue::validate;
    use crate::instrument::export_globals::ExportedGlobal;

    fn map(globals: &[(u32, bool)]) -> RewriteMap {
        let module = wat::parse_str("(module)").unwrap();
        let module = Module::read(&module).unwrap();
        let map = crate::instrument::instrument(&module, &crate::instrument::Options::default()).unwrap().map;
        let global = |(index, stack_pointer): &(u32, bool)| ExportedGlobal {
            index: *index,
            export: format!("g{index}"),
            ty: GlobalType::I32,
            stack_pointer: *stack_pointer,
        };
        RewriteMap { globals: globals.iter().map(global).collect(), ..map }
    }

    const ALL: &str = r#"(memory 1) (data $d "abc")
        (global $sp (mut i32) (i32.const 64)) (global $other (mut i32) (i32.const 0)) (global $long (mut i64) (i64.const 0))
        (func $f (param $p i32) (param $v v128)
            (global.set $sp (i32.const 32)) (global.set $other (local.get $p)) (global.set $long (i64.const 1))
            (i32.store offset=4 (local.get $p) (i32.const 1)) (i32.store8 (local.get $p) (i32.const 1))
            (i32.store16 offset=4294967295 (local.get $p) (i32.const 1)) (i64.store (local.get $p) (i64.const 1))
            (i64.store8 (local.get $p) (i64.const 1)) (i64.store16 (local.get $p) (i64.const 1))
            (i64.store32 (local.get $p) (i64.const 1)) (f32.store (local.get $p) (f32.const 1))
            (f64.store (local.get $p) (f64.const 1)) (v128.store (local.get $p) (local.get $v))
            (v128.store8_lane 3 (local.get $p) (local.get $v)) (v128.store16_lane 3 (local.get $p) (local.get $v))
            (v128.store32_lane 3 (local.get $p) (local.get $v)) (v128.store64_lane 1 (local.get $p) (local.get $v))
            (memory.copy (i32.const 0) (i32.const 1) (i32.const 7)) (memory.fill (i32.const 0) (i32.const 0) (i32.const 3))
            (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)))"#;

    #[test]
    fn every_write_is_told_and_every_operator_is_where_it_was_by_the_way_back() {
        let original = wat::parse_str(format!("(module {ALL})")).unwrap();
        validate(&original).unwrap();
        let (made, back) = watch_pointers(&original, &map(&[(0, true), (1, false)])).unwrap();
        validate(&made).unwrap();
        let operators = |bytes: &[u8], start: Option<usize>| {
            let module = Module::read(bytes).unwrap();
            let code = module.section(id::CODE).unwrap();
            let start = start.unwrap_or(code.contents.start);
            let body = wasmparser::CodeSectionReader::new(code.reader(bytes)).unwrap().into_iter().next().unwrap();
            let operators = body.unwrap().get_operators_reader().unwrap().into_iter_with_offsets();
            let each = operators.map(|one| one.unwrap());
            each.map(|(operator, at)| ((at - start) as u32, format!("{operator:?}"))).collect::<Vec<_>>()
        };
        let before = operators(&original, None);
        let after = operators(&made, Some(back.start));
        let calls = after.iter().filter(|(_, operator)| operator.starts_with("Call {")).count();
        assert_eq!(calls, 19, "all but that of the global of 64 bits");
        let after: Vec<_> = after.into_iter().map(|(at, operator)| (back.back(at), operator)).collect();
        assert!(before.iter().all(|operator| after.contains(operator)), "{before:?}\n{after:?}");
        assert!(after.iter().all(|(at, _)| before.iter().any(|(old, _)| old == at)));
    }

    #[test]
    fn a_name_of_ours_is_refused() {
        let bytes = wat::parse_str(r#"(module (global (export "airtight:watch-span") i32 (i32.const 0)))"#).unwrap();
        let refused = watch_pointers(&bytes, &map(&[])).unwrap_err().to_string();
        assert!(refused.contains("airtight:watch-span"), "{refused}");
    }
}
