//! Moves all that a run will allocate, before the test begins. A word that is a pointer then differs from the first run's
//! word by that distance; an integer does not.

use super::instruments::{Instruments, Shift};
use crate::sandbox::heap::{Ground, ModuleHeap, PAGE};
use crate::sandbox::threads::MainThread;
use wasmtime::{Instance, Val};

/// The farthest that blocks are moved. Memory that nobody touches costs the host only addresses.
const FARTHEST: u64 = 1 << 30;

/// Bytes that an allocator puts before a block.
const HEADER: u64 = 8;

/// The largest shadow stack, with the static data below it, that is moved.
const MAX_STACK: u64 = 64 << 20;

/// A moved shadow stack keeps its offset within a page of the machine.
const STACK_ALIGNMENT: u32 = 1 << 12;

impl Instruments {
    /// Prepares the memory of a fresh instance with attached hooks. What this spends is not the test's.
    ///
    /// # Errors
    /// See [`Shift::apply`].
    pub fn prepare(
        &self,
        mut main: MainThread<'_, '_>,
        instance: &Instance,
        module: &ModuleHeap,
        ground: Ground,
    ) -> wasmtime::Result<()> {
        let Some(shift) = self.shift else { return Ok(()) };
        if main.threads.is_some() {
            // Whoever calls this refuels the threads afterwards, so that neither time nor their order depend on what the
            // host allocates here.
            return shift.apply(&mut main, instance, module, ground);
        }
        let store = &mut *main.store;
        let budget = store.get_fuel()?;
        let slack = std::mem::take(&mut store.data_mut().heap.slack);
        store.set_fuel(self.extra_fuel())?;
        shift.apply(&mut main, instance, module, ground)?;
        let store = main.store;
        store.data_mut().heap.slack = slack;
        store.set_fuel(budget)
    }
}

impl Shift {
    /// The shift for a test whose first run left blocks that span `extent` bytes. `narrow` is whether that run met its
    /// limit of memory.
    ///
    /// Blocks are moved farther than they are apart, if possible. Otherwise, a word could point to one block in the first
    /// run and to another one in the second, and yet be the same: it would look like an integer. A table whose keys are
    /// addresses has such words.
    pub(super) fn beyond(extent: u64, narrow: bool) -> Self {
        let distance = extent.next_multiple_of(PAGE) + PAGE;
        Self { distance: if distance <= FARTHEST { distance } else { PAGE }, narrow }
    }

    /// Another shift, under which no block lies where it lies under this one.
    pub(super) fn other(self) -> Self {
        let twice = self.distance * 2;
        Self { distance: if twice <= FARTHEST { twice } else { self.distance + PAGE }, ..self }
    }

    /// Allocates as much as blocks are to be moved by. A shadow stack that lies among static data is moved into a block of
    /// its own, so that its old values are not taken for roots.
    ///
    /// # Errors
    /// The allocator has no memory for it, or the stack may be too large to be moved.
    fn apply(
        self,
        main: &mut MainThread<'_, '_>,
        instance: &Instance,
        module: &ModuleHeap,
        ground: Ground,
    ) -> wasmtime::Result<()> {
        let stack = module.layout.stack_pointer(main.store, instance).filter(|_| ground.stack_within);
        let room = stack.map_or(0, |(_, top)| u64::from(top.saturating_sub(module.layout.lowest_data())));
        wasmtime::ensure!(room <= MAX_STACK, "its stack may be too large to be moved");
        let block = (room + u64::from(STACK_ALIGNMENT) + HEADER).next_multiple_of(PAGE) - HEADER;
        let taken = self.distance + if stack.is_some() { block + HEADER } else { 0 };
        // The allocator may put more than [`HEADER`] before a block, and that may need one page more.
        main.store.data_mut().widen_memory(taken + if self.narrow { 0 } else { PAGE });
        let allocate = |main: &mut MainThread<'_, '_>, size: u32| {
            let ptr = module.allocate(main, instance, size)?;
            wasmtime::ensure!(ptr != 0, "there is no memory to move its blocks by");
            Ok(ptr)
        };
        if let Some((global, top)) = stack {
            let size = u32::try_from(block)?;
            let end = u64::from(allocate(main, size)?) + block;
            let end = u32::try_from(end.min(u32::MAX.into()))?;
            let moved = end - end.wrapping_sub(top) % STACK_ALIGNMENT;
            global.set(&mut *main.store, Val::I32(moved.cast_signed()))?;
        }
        // Together with what dlmalloc puts before a block, this is a whole number of pages of linear memory. So every later
        // block moves by whole pages and keeps its offset within its page, and memory grows at the same allocations.
        let pad = allocate(main, u32::try_from(self.distance - HEADER)?)?;
        main.store.data_mut().heap.pad = Some(pad);
        Ok(())
    }
}
