//! What is kept of a run whose pointers to some blocks are followed.

use super::layout::AllocatorMap;
use super::module::ModuleHeap;
use crate::instrument::WATCH_GLOBALS;
use crate::ledger::heap::AllocatorCall;
use crate::ledger::heap::pointer_watch::{PointerWatch, WatchFilter, WatchedBlocks, WatchedEnd, WatchedGround};
use std::ops::Range;
use wasmtime::error::Context;
use wasmtime::{Global, Instance, Store};

/// The pointers to which blocks a run follows.
#[derive(Debug, Clone)]
pub struct WatchPlan {
    /// The blocks.
    pub groups: Vec<WatchedBlocks>,
    /// Where static data ends.
    pub data_end: u32,
    /// How much fuel the run may spend beyond that of the run that it repeats: what tells of the writes costs some.
    pub extra_fuel: u64,
}

/// A book of pointers, and what connects it with the instance.
#[derive(Debug)]
pub struct RunningWatch {
    pub(super) book: PointerWatch,
    pub(super) stack_pointer: Global,
    /// What the instance tells of: see [`WATCH_GLOBALS`].
    pub(super) globals: [Global; 3],
    pub(super) told: WatchFilter,
    /// The allocator call that was entered last.
    pub(super) entered: Option<AllocatorCall>,
    /// The block that the call gave: its number, address and size.
    pub(super) given: Option<(u64, u32, u32)>,
}

impl RunningWatch {
    /// Begins to follow the pointers of an instance in which nothing has run yet.
    ///
    /// # Errors
    /// Its module does not tell what it has to.
    pub fn begin<T>(
        plan: &WatchPlan,
        store: &mut Store<T>,
        instance: &Instance,
        module: &ModuleHeap,
        (data_start, allocator): (u32, &AllocatorMap),
    ) -> wasmtime::Result<Self> {
        let (stack_pointer, stack_top) =
            module.layout.stack_pointer(store, instance).context("its stack pointer is not known")?;
        let mut global = |name| instance.get_global(&mut *store, name).context("a global of it is gone");
        let [low, span, stack] = WATCH_GLOBALS;
        let globals = [global(low)?, global(span)?, global(stack)?];
        let ranges = |ranges: &[Range<u32>]| ranges.to_vec();
        let ground = WatchedGround {
            data: data_start..plan.data_end.max(data_start),
            allocator: ranges(&allocator.ranges),
            gaps: ranges(&allocator.gaps),
            stack_top,
        };
        let book = PointerWatch::new(&plan.groups, ground);
        Ok(Self { told: book.filter(), book, stack_pointer, globals, entered: None, given: None })
    }

    /// Notes an allocator call that is not made by another one.
    pub fn enters(&mut self, call: AllocatorCall) {
        (self.entered, self.given) = (Some(call), None);
    }

    /// Notes the block that such a call gave: its number, address and size.
    pub fn gives(&mut self, block: (u64, u32, u32)) {
        self.given = Some(block);
    }

    /// What is known at the end.
    pub fn finish(self) -> Vec<WatchedEnd> {
        self.book.finish()
    }
}
