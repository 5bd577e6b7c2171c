//! Whether functions that are running can hold a pointer where the host does not see it: in their locals and operands.
//!
//! The host sees memory and globals, and not the locals and operands of running functions. But of a function that is running
//! when the program ends, it knows the code and the place in the code. From these it follows which values may be pointers to
//! heap blocks: those that were loaded from memory, and results of other functions. Constants, results of comparisons and
//! addresses on the shadow stack are not.
//!
//! ```wat
//! (func $main (local $p i32)
//!   (local.set $p (call $malloc (i32.const 8)))
//!   (call $print (local.get $p))
//!   (local.set $p (i32.const 0))
//!   (call $exit (i32.const 0)))     ;; here, $p holds no pointer
//! ```
//!
//! The analysis errs on one side only: a value that may be a pointer is never taken for a number. A value that is computed from
//! numbers alone is not a pointer.

mod function;
mod sweep;
#[cfg(test)]
mod tests;

use super::sections::id;
use super::{FEATURES, Module};
use crate::ledger::RawFrame;
use function::{Function, MayHold};
use std::collections::{HashMap, HashSet};
use sweep::Sweep;
use wasmparser::{BinaryReaderError, Parser, ValidPayload, Validator};

/// The most work for all stacks together: operators that are looked at, and values that are copied or joined. It takes about a
/// second.
const MOST_WORK: usize = 1 << 27;

/// A stack, innermost frame first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunningStack<'s> {
    pub(crate) frames: &'s [RawFrame],
    /// How many arguments the host gave to the outermost function. Each of them may be a pointer.
    pub(crate) arguments: usize,
}

/// Whether none of the functions on these stacks can hold a pointer to a heap block in its locals or operands. `stack_pointer`
/// is the global with the address of the shadow stack.
pub(crate) fn hold_nothing(module: &Module<'_>, stacks: &[RunningStack<'_>], stack_pointer: Option<u32>) -> bool {
    let check = Check::new(module, stacks, stack_pointer);
    check.and_then(|mut check| stacks.iter().try_for_each(|stack| check.all(stack))).is_ok()
}

/// The functions on the stacks, and the state of the check.
struct Check<'a> {
    functions: HashMap<u32, Function<'a>>,
    /// The globals that never hold a pointer to a block: the shadow stack's pointer, and those that are immutable.
    harmless: HashSet<u32>,
    /// Where the code section's contents begin.
    code: usize,
    /// How much of [`MOST_WORK`] is left.
    work: usize,
}

impl<'a> Check<'a> {
    fn new(module: &Module<'a>, stacks: &[RunningStack<'_>], stack_pointer: Option<u32>) -> Result<Self, MayHold> {
        let wanted = stacks.iter().flat_map(|stack| stack.frames).map(|frame| frame.function).collect();
        let constants = module.globals.iter().zip(0..).filter(|(global, _)| !global.mutable).map(|(_, index)| index);
        Ok(Self {
            functions: functions(module.bytes, &wanted).map_err(|_| MayHold)?,
            harmless: constants.chain(stack_pointer).collect(),
            code: module.section(id::CODE).ok_or(MayHold)?.contents.start,
            work: MOST_WORK,
        })
    }

    fn all(&mut self, stack: &RunningStack<'_>) -> Result<(), MayHold> {
        let mut args = vec![true; stack.arguments];
        // A recursion passes the same place again and again.
        let mut known: HashMap<(RawFrame, Vec<bool>), Vec<bool>> = HashMap::new();
        for frame in stack.frames.iter().rev() {
            let call = (*frame, args);
            args = match known.get(&call) {
                Some(args) => args.clone(),
                None => self.args_of_call(frame, &call.1)?,
            };
            known.insert(call, args.clone());
        }
        Ok(())
    }

    /// Which arguments of the call at which a frame stands may be pointers. `params` says which parameters of the frame's own
    /// function may be.
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
    let mut validator = Validator::new_with_features(FEATURES.union(super::WasmFeatures::THREADS));
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
