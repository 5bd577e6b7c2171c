//! How functions of a guest are called: from without, or from within a call of the host that the guest makes.
//!
//! Within a call of a guest with threads, others run while the function waits, so that such a call is a future.

use crate::ledger::Stack;
use crate::sandbox::code::CodeMap;
use crate::sandbox::state::{Lent, TestState, lend, refuel, settle};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use wasmtime::{AsContextMut, Caller, TypedFunc, WasmParams, WasmResults};

/// What functions of a guest are called through: its main thread, or a call of the host that it is in.
pub trait CallGuest: AsContextMut<Data = TestState> {
    /// Calls one.
    ///
    /// # Errors
    /// Those of the call, or of another thread that ended the test.
    fn enter_guest<P: WasmParams + Sync, R: WasmResults + Sync>(
        &mut self,
        function: &TypedFunc<P, R>,
        params: P,
    ) -> impl Future<Output = wasmtime::Result<R>> + Send;

    /// Gives the next call fuel of its own. Where that is but lent, [`CallGuest::settle`] follows.
    ///
    /// # Errors
    /// The engine counts no fuel.
    fn lend(&mut self, fuel: u64) -> wasmtime::Result<Option<Lent>> {
        refuel(self.as_context_mut(), fuel)?;
        Ok(None)
    }

    /// Takes back what is left of it.
    fn settle(&mut self, _: Lent) {}

    /// The guest's stack, where the host is within a call of its.
    fn guest_stack(&mut self) -> Option<Stack> {
        None
    }
}

impl CallGuest for Caller<'_, TestState> {
    async fn enter_guest<P: WasmParams + Sync, R: WasmResults + Sync>(
        &mut self,
        function: &TypedFunc<P, R>,
        params: P,
    ) -> wasmtime::Result<R> {
        match self.data().thread {
            None => function.call(self, params),
            Some(_) => function.call_async(self, params).await,
        }
    }

    fn lend(&mut self, fuel: u64) -> wasmtime::Result<Option<Lent>> {
        if self.data().thread.is_some() {
            return lend(self, fuel).map(Some);
        }
        refuel(self, fuel)?;
        Ok(None)
    }

    fn settle(&mut self, lent: Lent) {
        settle(self, lent);
    }

    fn guest_stack(&mut self) -> Option<Stack> {
        Some(CodeMap::capture(self))
    }
}

/// What a future gives in which nothing waits: of calls from without, or within a call of a guest without threads.
///
/// # Errors
/// It waits all the same, which is a bug.
pub fn at_once<T>(future: impl Future<Output = T>) -> wasmtime::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => wasmtime::bail!("a call that lets no other thread run waits for one"),
    }
}
