//! How functions of a guest are called, from without and from within a call of it.

use crate::sandbox::state::TestState;
use wasmtime::{AsContextMut, Caller, TypedFunc, WasmParams, WasmResults};

/// What functions of a guest are called through: the store of its main thread, or a call of the host that it is in.
pub trait CallGuest: AsContextMut<Data = TestState> {
    /// Calls one.
    ///
    /// # Errors
    /// Those of the call, or of another thread that ended the test.
    fn call_guest<P: WasmParams + Sync, R: WasmResults + Sync>(
        &mut self,
        function: &TypedFunc<P, R>,
        params: P,
    ) -> wasmtime::Result<R>;
}

/// Of a guest without threads: the engine enters none that has them.
impl CallGuest for Caller<'_, TestState> {
    fn call_guest<P: WasmParams + Sync, R: WasmResults + Sync>(
        &mut self,
        function: &TypedFunc<P, R>,
        params: P,
    ) -> wasmtime::Result<R> {
        function.call(self, params)
    }
}
