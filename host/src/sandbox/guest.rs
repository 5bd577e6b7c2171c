//! A guest whose own functions are asked about its values, before or after it did its work.

use super::state::TestState;
use wasmtime::error::Context;
use wasmtime::{Extern, Func, Instance, Memory, ModuleExport, Store};

/// A guest, and a page of its memory that nothing else uses.
pub(super) struct Guest<'s> {
    pub(super) store: &'s mut Store<TestState>,
    pub(super) instance: Instance,
    memory: Memory,
    scratch: u32,
}

impl<'s> Guest<'s> {
    /// Makes the guest's memory a page larger.
    ///
    /// # Errors
    /// It has none, or it is full.
    pub(super) fn new(store: &'s mut Store<TestState>, instance: Instance) -> wasmtime::Result<Self> {
        let memory = instance.get_memory(&mut *store, "memory").context("the module exports no memory")?;
        let pages = memory.grow(&mut *store, 1).ok().context("its memory is full")?;
        let scratch = u32::try_from(pages << 16).ok().context("its memory is full")?;
        Ok(Self { store, instance, memory, scratch })
    }

    /// An address in the page, aligned for anything where the offset is.
    pub(super) fn scratch(&self, offset: u32) -> u32 {
        self.scratch + offset
    }

    /// Bytes of its memory.
    pub(super) fn bytes(&self, address: u32, len: u32) -> wasmtime::Result<&[u8]> {
        let bytes = self.memory.data(&*self.store).get(address as usize..);
        bytes.and_then(|bytes| bytes.get(..len as usize)).context("a value of it lies outside of its memory")
    }

    /// Words of its memory.
    pub(super) fn words<const N: usize>(&self, address: u32) -> wasmtime::Result<[u32; N]> {
        let bytes = self.bytes(address, 4 * N as u32)?;
        let mut words = bytes.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_le_bytes));
        Ok(std::array::from_fn(|_| words.next().unwrap_or(0)))
    }

    /// Puts bytes into the page, and gives their address.
    pub(super) fn put(&mut self, offset: u32, bytes: &[u8]) -> wasmtime::Result<u32> {
        let address = self.scratch(offset);
        self.memory.write(&mut *self.store, address as usize, bytes)?;
        Ok(address)
    }

    /// A function that the module exports since it was rewritten.
    pub(super) fn exported(&mut self, export: &ModuleExport) -> wasmtime::Result<Func> {
        let found = self.instance.get_module_export(&mut *self.store, export).and_then(Extern::into_func);
        found.context("a function of it is gone")
    }
}
