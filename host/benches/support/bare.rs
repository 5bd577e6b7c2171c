//! What a test costs at the least: a bare loop over an export, in a fresh instance each time.

use super::{export, module};
use std::time::Instant;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module, ModuleExport, PoolingAllocationConfig,
    Store,
};

/// The first test of [`module`], to be called so many times.
pub struct Bare {
    engine: Engine,
    pre: InstancePre<()>,
    test: ModuleExport,
    times: usize,
}

impl Bare {
    pub fn new(times: usize) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_core_instances(2).total_memories(2).total_tables(2);
        let mut config = Config::new();
        config
            .consume_fuel(true)
            .epoch_interruption(true)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
            .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
        let engine = Engine::new(&config).unwrap();
        let mut linker = Linker::new(&engine);
        let module = Module::from_binary(&engine, &module(times)).unwrap();
        // The test calls none of them; a host that answers would have a context to make for each store.
        linker.define_unknown_imports_as_traps(&module).unwrap();
        let pre = linker.instantiate_pre(&module).unwrap();
        let test = pre.module().get_export_index(&export(0)).unwrap();
        Self { engine, pre, test, times }
    }

    /// Seconds that one call takes, its store and instance included.
    pub fn seconds(&self) -> f64 {
        let began = Instant::now();
        for _ in 0..self.times {
            let mut store = Store::new(&self.engine, ());
            store.set_fuel(10_000_000_000).unwrap();
            store.set_epoch_deadline(1_000_000);
            let instance = self.pre.instantiate(&mut store).unwrap();
            let func = instance.get_module_export(&mut store, &self.test).unwrap().into_func().unwrap();
            func.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap();
        }
        began.elapsed().as_secs_f64() / self.times as f64
    }
}
