//! For what a block of C's was allocated: the type to which the variable points that the block's address is assigned to.
//!
//! ```text
//! n->at = calloc(1, sizeof(struct point));     call $calloc
//!                                              local.set 1
//!                                              local.get 0        the frame
//!                                              i32.load offset=24 `n`, a `struct node *`
//!                                              local.get 1
//!                                              i32.store offset=4 `at` of a `struct node`: a `struct point *`
//! ```
//!
//! The debug information says where each variable is: at an offset in the frame, in a local, or at an address. [`code`] follows
//! the result of the call to the first of these that takes it. What cannot be followed has no type: there is no guess.

mod code;
mod debug;
mod function;
mod functions;
mod types;

pub(super) use debug::ModuleCode;
pub use types::ElementType;

use crate::ledger::RawFrame;
use function::{Function, UnitIndex};
use functions::ModuleFunctions;
use std::collections::HashMap;

/// Functions of C's library that return the address of the block which they allocate.
const ALLOCATORS: [&str; 8] =
    ["malloc", "calloc", "realloc", "reallocarray", "aligned_alloc", "memalign", "strdup", "strndup"];

/// The most bytes of debug information that are read for one call: of its function, and of the types that are met.
const MOST_READ: u64 = 256 << 10;

/// The most calls of which it is remembered what was found.
const MOST_KNOWN: usize = 1 << 16;

/// What was looked up in one module.
#[derive(Default)]
pub(super) struct AssignedTypes {
    functions: Option<ModuleFunctions>,
    units: HashMap<usize, Option<UnitIndex>>,
    /// By the call.
    known: HashMap<RawFrame, Option<ElementType>>,
}

impl AssignedTypes {
    /// The type of the elements of the block whose allocator is called here, by a function whose debug information is in the unit at
    /// this offset. `name` gives the names of functions.
    pub(super) fn find<'n>(
        &mut self,
        module: ModuleCode<'_>,
        (call, unit): (RawFrame, usize),
        name: impl Fn(u32) -> Option<&'n str>,
    ) -> Option<ElementType> {
        if let Some(known) = self.known.get(&call) {
            return known.clone();
        }
        if self.known.len() >= MOST_KNOWN {
            // They can be looked up again.
            self.known.clear();
        }
        let functions = self.functions.get_or_insert_with(|| ModuleFunctions::read(module.bytes));
        let index = self.units.entry(unit).or_insert_with(|| UnitIndex::read(module, unit));
        let found = index.as_ref().and_then(|index| look_up(module, (functions, index), call, name));
        self.known.insert(call, found.clone());
        found
    }
}

fn look_up<'n>(
    module: ModuleCode<'_>,
    (functions, index): (&ModuleFunctions, &UnitIndex),
    call: RawFrame,
    name: impl Fn(u32) -> Option<&'n str>,
) -> Option<ElementType> {
    let debug = module.debug_information(MOST_READ);
    let function = Function::read(&debug, index, call.offset?)?;
    let is_allocator = |function| name(function).is_some_and(|name| ALLOCATORS.contains(&name));
    let assigned = code::follow((module.bytes, functions), call, &function, is_allocator)?;
    function.types().element(assigned)
}
