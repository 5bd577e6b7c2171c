//! A guest whose own functions the host calls to ask about the guest's values, before or after its work.

use super::state::TestState;
use super::threads::{self, MainThread};
use wasmtime::error::Context;
use wasmtime::{Extern, Func, Instance, Memory, ModuleExport, Store, TypedFunc, WasmParams, WasmResults};

/// A guest, and a page of its memory that is used for nothing else.
pub(super) struct Guest<'s, 't> {
    main: MainThread<'s, 't>,
    pub(super) instance: Instance,
    /// `None` if threads share the memory.
    memory: Option<Memory>,
    scratch: u32,
}

impl<'s, 't> Guest<'s, 't> {
    /// Makes the guest's memory one page larger: that page is for the host.
    ///
    /// # Errors
    /// The guest has no memory, or it is full.
    pub(super) fn new(main: MainThread<'s, 't>, instance: Instance) -> wasmtime::Result<Self> {
        let (pages, memory) = match &main.store.data().thread {
            Some(seat) => (seat.grow_by_a_page().context("its memory is full")?, None),
            None => {
                let memory = instance.get_memory(&mut *main.store, "memory").context("the module exports no memory")?;
                (memory.grow(&mut *main.store, 1).ok().context("its memory is full")?, Some(memory))
            }
        };
        let scratch = u32::try_from(pages << 16).ok().context("its memory is full")?;
        Ok(Self { main, instance, memory, scratch })
    }

    /// An address in the page; it is aligned as the offset is.
    pub(super) fn scratch(&self, offset: u32) -> u32 {
        self.scratch + offset
    }

    /// Bytes of the guest's memory.
    pub(super) fn bytes(&self, address: u32, len: u32) -> wasmtime::Result<Vec<u8>> {
        let copy = |bytes: &[u8]| Some(bytes.get(address as usize..)?.get(..len as usize)?.to_vec());
        let copied = match (self.memory, &self.main.store.data().thread) {
            (Some(memory), _) => copy(memory.data(&*self.main.store)),
            (None, Some(seat)) => seat.look(copy),
            (None, None) => None,
        };
        copied.context("a value of it lies outside of its memory")
    }

    /// Words of the guest's memory.
    pub(super) fn words<const N: usize>(&self, address: u32) -> wasmtime::Result<[u32; N]> {
        let bytes = self.bytes(address, 4 * N as u32)?;
        let mut words = bytes.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_le_bytes));
        Ok(std::array::from_fn(|_| words.next().unwrap_or(0)))
    }

    /// Writes bytes into the page, and returns their address.
    pub(super) fn put(&mut self, offset: u32, bytes: &[u8]) -> wasmtime::Result<u32> {
        let address = self.scratch(offset);
        match self.memory {
            Some(memory) => memory.write(&mut *self.main.store, address as usize, bytes)?,
            None => threads::with_bytes(self.main.store.data_mut(), |_, memory| {
                let place = memory.get_mut(address as usize..).and_then(|memory| memory.get_mut(..bytes.len()));
                place.map(|place| place.copy_from_slice(bytes)).context("its memory is too small")
            })??,
        }
        Ok(address)
    }

    /// The guest's store, to look at its exports.
    pub(super) fn store(&mut self) -> &mut Store<TestState> {
        self.main.store
    }

    /// A function that the rewriting of the module exported.
    pub(super) fn exported(&mut self, export: &ModuleExport) -> wasmtime::Result<Func> {
        let instance = self.instance;
        let found = instance.get_module_export(self.store(), export).and_then(Extern::into_func);
        found.context("a function of it is gone")
    }

    /// Calls a function of the guest.
    ///
    /// # Errors
    /// Those of the call, or the function has another type.
    pub(super) fn call<P: WasmParams + Sync, R: WasmResults + Sync>(
        &mut self,
        function: Func,
        params: P,
    ) -> wasmtime::Result<R> {
        let function: TypedFunc<P, R> = function.typed(&*self.main.store)?;
        self.main.call_guest(&function, params)
    }
}
