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
        let index = self.units.entry(unit).or_insert_with(|| UnitIndex::read(module, unit));
        let found = index.as_ref().and_then(|index| {
            let functions = self.functions.get_or_insert_with(|| ModuleFunctions::read(module.bytes));
            look_up(module, (functions, index), call, name)
        });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::{PathRoots, Symbols};
    use wasmparser::Operator;

    /// Every call in the code of the user's functions.
    fn calls(bytes: &[u8]) -> Vec<RawFrame> {
        let functions = ModuleFunctions::read(bytes);
        let in_function = |function: u32| {
            let operators = functions.body(bytes, function).and_then(|body| body.get_operators_reader().ok());
            let all = operators.into_iter().flat_map(|operators| operators.into_iter_with_offsets());
            let calls = all.filter_map(Result::ok).filter(|(operator, _)| matches!(operator, Operator::Call { .. }));
            let offsets = calls.filter_map(|(_, position)| functions.offset(position)).collect::<Vec<_>>();
            offsets.into_iter().map(move |offset| RawFrame { function, offset: Some(offset) })
        };
        (0..40).flat_map(in_function).collect()
    }

    fn types(bytes: &[u8], calls: &[RawFrame]) -> Vec<Option<String>> {
        let symbols = Symbols::of_bytes(bytes, PathRoots::default());
        calls.iter().map(|call| symbols.allocated_for(&[*call]).element.map(|element| element.name)).collect()
    }

    /// Damage may take a type away, or change what the debug information claims; it does no harm.
    #[test]
    fn damaged_debug_information_does_no_harm() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/c/leak_with_types_unoptimised.wasm");
        let whole = std::fs::read(path).unwrap();
        let calls = calls(&whole);
        let known = types(&whole, &calls).into_iter().flatten().collect::<Vec<_>>();
        assert!(known.len() > 10 && known.contains(&"struct node".to_owned()), "{known:?}");
        let sections = crate::catalogue::sections::sections(&whole).unwrap();
        let debug: Vec<_> = sections.iter().filter(|section| section.name.starts_with(".debug_")).collect();
        let mut seed = 7_usize;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below.max(1)
        };
        for _ in 0..60 {
            let mut damaged = whole.clone();
            for _ in 0..8 {
                let section = &debug[random(debug.len())].contents;
                damaged[section.start + random(section.len())] = random(256) as u8;
            }
            types(&damaged, &calls);
        }
    }
}
