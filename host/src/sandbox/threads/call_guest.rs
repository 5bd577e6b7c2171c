//! How functions of a guest are called: from outside, or from within a host call that the guest makes.
//!
//! Within a host call of a guest with threads, other threads run while the called function waits. So such a call is a
//! future.

use crate::ledger::Stack;
use crate::sandbox::code::CodeMap;
use crate::sandbox::state::{Lent, TestState, lend, refuel, settle};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use wasmtime::{AsContextMut, Caller, TypedFunc, WasmParams, WasmResults};

/// What functions of a guest can be called through: its main thread, or a host call that it is in.
pub trait CallGuest: AsContextMut<Data = TestState> {
    /// Calls a function of the guest.
    ///
    /// # Errors
    /// Those of the call, or the error of another thread that ended the test.
    fn enter_guest<P: WasmParams + Sync, R: WasmResults + Sync>(
        &mut self,
        function: &TypedFunc<P, R>,
        params: P,
    ) -> impl Future<Output = wasmtime::Result<R>> + Send;

    /// Gives the next call fuel of its own. If the fuel is only lent, [`CallGuest::settle`] has to follow.
    ///
    /// # Errors
    /// The engine counts no fuel.
    fn lend(&mut self, fuel: u64) -> wasmtime::Result<Option<Lent>> {
        refuel(self.as_context_mut(), fuel)?;
        Ok(None)
    }

    /// Takes back what is left of lent fuel.
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

/// The result of a future in which nothing waits: of calls from outside, or within a call of a guest without threads.
///
/// # Errors
/// The future waits, which is a bug.
pub fn at_once<T>(future: impl Future<Output = T>) -> wasmtime::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => wasmtime::bail!("a call that lets no other thread run waits for one"),
    }
}
