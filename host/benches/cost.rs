//! The whole cost of an SDK test against a bare loop over the same export: pooling, copy-on-write, fuel and epoch on, a
//! default `WasiCtx`, store creation and drop included. Interleaved rounds; the ratio of each round, and the median.

mod support;

use std::time::Instant;
use support::{Stopwatch, export, median, module, planned};
use wasi_common::WasiCtx;
use wasi_common::sync::WasiCtxBuilder;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module, PoolingAllocationConfig, Store,
};

const TESTS: usize = 10_000;
const ROUNDS: usize = 21;

fn bare() -> (Engine, InstancePre<WasiCtx>) {
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
    wasi_common::sync::add_to_linker(&mut linker, |ctx: &mut WasiCtx| ctx).unwrap();
    let module = Module::from_binary(&engine, &module(TESTS)).unwrap();
    let pre = linker.instantiate_pre(&module).unwrap();
    (engine, pre)
}

fn bare_loop(engine: &Engine, pre: &InstancePre<WasiCtx>, index: &wasmtime::ModuleExport) -> f64 {
    let began = Instant::now();
    for _ in 0..TESTS {
        let mut store = Store::new(engine, WasiCtxBuilder::new().build());
        store.set_fuel(10_000_000_000).unwrap();
        store.set_epoch_deadline(1_000_000);
        let instance = pre.instantiate(&mut store).unwrap();
        let func = instance.get_module_export(&mut store, index).unwrap().into_func().unwrap();
        func.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap();
    }
    began.elapsed().as_secs_f64() / TESTS as f64
}

fn main() {
    let (engine, pre) = bare();
    let index = pre.module().get_export_index(&export(0)).unwrap();
    let (runner, planned, profile) = planned(TESTS);
    let (mut bare, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS + 1 {
        let one = bare_loop(&engine, &pre, &index);
        let mut watch = Stopwatch::default();
        runner.run(&planned, &profile, &mut watch).unwrap();
        assert_eq!(watch.passed, TESTS);
        let other = watch.took.as_secs_f64() / TESTS as f64;
        // The first round warms up.
        if round > 0 {
            bare.push(one * 1e6);
            ours.push(other * 1e6);
            ratios.push(other / one);
        }
    }
    eprintln!("bare {:.2} us, airtight {:.2} us a test (medians of {ROUNDS} rounds)", median(bare), median(ours));
    println!("sdk test against a bare loop: {:.2} (at most 1.5)", median(ratios));
}
