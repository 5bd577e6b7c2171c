//! Runs the original and the rewritten module side by side, and compares them.

use super::toys::{ToyShape, ToyStep, module, shape, steps};
use crate::catalogue::Module as Parsed;
use crate::instrument::{
    ALLOCATE_EXPORT, FREE_EXPORT, HOOKS_TABLE, HookKind, Hooks, InstrumentedModule, Options, UNWOUND, Window,
    alignment, hook_number,
};
use crate::ledger::RawFrame;
use proptest::prelude::*;
use std::num::NonZeroUsize;
use std::sync::Arc;
use wasmtime::{
    Caller, Config, Engine, Func, Instance, Linker, Module, OptLevel, Ref, Store, Strategy, Trap, WasmBacktrace,
};

/// The index of `malloc` in a module without fillers.
const MALLOC: u32 = 1;

/// More fuel than any program here uses.
const PLENTY: u64 = 1 << 40;

fn engines() -> Vec<Engine> {
    let engine = |strategy| {
        let mut config = Config::new();
        config.strategy(strategy).consume_fuel(true).wasm_backtrace_max_frames(NonZeroUsize::new(1 << 16));
        if let Strategy::Cranelift = strategy {
            config.cranelift_opt_level(OptLevel::Speed);
        }
        Engine::new(&config).unwrap()
    };
    vec![engine(Strategy::Cranelift), engine(Strategy::Winch)]
}

/// A call of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
enum HookCall {
    Enter(HookKind, u32, u32),
    Leave(HookKind, u32),
}

/// Everything that can be observed of a run. It must be the same with hooks and without.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Observation {
    result: Result<i32, String>,
    /// The stack of a trap.
    stack: Vec<RawFrame>,
    memory: Vec<u8>,
    fuel: u64,
    /// What `malloc` reports from within itself: its size, the fuel, the stack.
    seen: Vec<(u32, u64, Vec<RawFrame>)>,
}

struct ToyRun {
    observed: Observation,
    calls: Vec<HookCall>,
    /// The stacks that `enter` captures, restored.
    entered: Vec<Vec<RawFrame>>,
    /// Whether the fuel ran out in a wrapper.
    early: bool,
}

/// How a module's stacks are read.
#[derive(Clone, Default)]
struct Reading {
    code_start: usize,
    hooks: Option<Arc<Hooks>>,
}

impl Reading {
    fn frames(&self, backtrace: &WasmBacktrace) -> Vec<RawFrame> {
        let frame = |frame: &wasmtime::FrameInfo| RawFrame {
            function: frame.func_index(),
            offset: frame.module_offset().map(|at| (at - self.code_start) as u32),
        };
        backtrace.frames().iter().map(frame).collect()
    }

    fn stack(&self, backtrace: &WasmBacktrace) -> Vec<RawFrame> {
        let frames = self.frames(backtrace);
        self.hooks.as_ref().map_or_else(|| frames.clone(), |hooks| hooks.restore(frames.clone()))
    }
}

#[derive(Default)]
struct ToyState {
    reading: Reading,
    seen: Vec<(u32, u64, Vec<RawFrame>)>,
    calls: Vec<HookCall>,
    entered: Vec<Vec<RawFrame>>,
}

/// Runs an original (`None`) or a rewritten module.
fn run(wasm: &Module, reading: Reading, fuel: u64) -> ToyRun {
    let engine = wasm.engine();
    let mut store = Store::new(engine, ToyState { reading: reading.clone(), ..ToyState::default() });
    store.set_fuel(PLENTY).unwrap();
    let mut linker = Linker::new(engine);
    linker
        .func_wrap("env", "seen", |mut caller: Caller<'_, ToyState>, size: u32| {
            let stack = caller.data().reading.stack(&WasmBacktrace::capture(&caller));
            let fuel = caller.get_fuel().unwrap();
            caller.data_mut().seen.push((size, fuel, stack));
        })
        .unwrap();
    let instance = linker.instantiate(&mut store, wasm).unwrap();
    if let Some(hooks) = &reading.hooks {
        listen(&mut store, &instance, hooks);
    }
    store.set_fuel(fuel).unwrap();
    let main = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
    let (mut stack, mut early) = (Vec::new(), false);
    let result = main.call(&mut store, ()).map_err(|error| {
        let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
        stack = reading.stack(backtrace);
        let innermost = backtrace.frames()[0].func_index();
        early = reading.hooks.as_ref().is_some_and(|hooks| hooks.in_wrapper(innermost));
        format!("{:?}", error.downcast_ref::<Trap>())
    });
    let fuel = store.get_fuel().unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap().data(&store).to_vec();
    let ToyState { seen, calls, entered, .. } = store.into_data();
    ToyRun { observed: Observation { result, stack, memory, fuel, seen }, calls, entered, early }
}

/// Fills the table of hooks, as the host does.
fn listen(store: &mut Store<ToyState>, instance: &Instance, hooks: &Arc<Hooks>) {
    let table = instance.get_table(&mut *store, HOOKS_TABLE).unwrap();
    let (before, after) = (hooks.clone(), hooks.clone());
    let enter = Func::wrap(&mut *store, move |mut caller: Caller<'_, ToyState>, which: u32, a: u32, b: u32| {
        let hook = &before.hooks[hook_number(which) as usize];
        if hook.kind == HookKind::PosixMemalign {
            assert_eq!(alignment(which), 16, "as the toys ask for");
        }
        give(&mut caller, hook.cost.before);
        let stack = caller.data().reading.stack(&WasmBacktrace::capture(&caller));
        caller.data_mut().entered.push(stack);
        caller.data_mut().calls.push(HookCall::Enter(hook.kind, a, b));
        hook.kind.unchanged(a, b)
    });
    let leave = Func::wrap(&mut *store, move |mut caller: Caller<'_, ToyState>, which: u32, result: u32| {
        let hook = &after.hooks[hook_number(which) as usize];
        give(&mut caller, if which & UNWOUND == 0 { hook.cost.after } else { hook.cost.unwound });
        caller.data_mut().calls.push(HookCall::Leave(hook.kind, result));
    });
    table.set(&mut *store, 0, Ref::Func(Some(enter))).unwrap();
    table.set(&mut *store, 1, Ref::Func(Some(leave))).unwrap();
}

fn give(caller: &mut Caller<'_, ToyState>, fuel: u64) {
    // Once fuel is used up, the engine does not say by how much: then no fuel may be given back.
    let left = caller.get_fuel().unwrap();
    if left > 0 {
        caller.set_fuel(left + fuel).unwrap();
    }
}

fn hook(original: &[u8]) -> (Vec<u8>, Reading, Reading) {
    let options = Options { heap: Some(Window::Main), panics: false, fills: false, earlier: Vec::new() };
    let InstrumentedModule { bytes, map } =
        crate::instrument::instrument(&Parsed::read(original).unwrap(), &options).unwrap();
    let plain = Reading { code_start: map.code_start_original.unwrap(), hooks: None };
    let reading = Reading { code_start: map.code_start_rewritten.unwrap(), hooks: Some(Arc::new(map.heap.unwrap())) };
    (bytes.into_owned(), plain, reading)
}

/// Runs both modules, and checks that they do the same.
fn both(engine: &Engine, original: &[u8], fuel: u64) -> (ToyRun, ToyRun) {
    let (hooked, plain, reading) = hook(original);
    let [original, hooked] = [original, &hooked].map(|bytes| Module::new(engine, bytes).unwrap());
    (run(&original, plain, fuel), run(&hooked, reading, fuel))
}

/// Checks that each hooked call begins and ends, unless a trap ended it, and that nested calls lie within.
fn balanced(calls: &[HookCall]) -> Vec<HookKind> {
    let mut open = Vec::new();
    for call in calls {
        match call {
            HookCall::Enter(kind, ..) => open.push(*kind),
            HookCall::Leave(kind, _) => assert_eq!(open.pop(), Some(*kind)),
        }
    }
    open
}

#[test]
fn every_hook_is_called_with_its_arguments() {
    let steps = [
        ToyStep::Malloc(5),
        ToyStep::Realloc(6),
        ToyStep::Calloc(2, 3),
        ToyStep::Free,
        ToyStep::PosixMemalign(7),
        ToyStep::Libc,
    ];
    for engine in engines() {
        let (plain, hooked) = both(&engine, &module(&ToyShape::default(), &steps), PLENTY);
        assert_eq!(plain.observed, hooked.observed);
        use HookCall::*;
        use HookKind::*;
        let expected = [
            Enter(Window, 0, 0),
            Enter(Malloc, 5, 0),
            Leave(Malloc, 1032),
            Enter(Realloc, 1032, 6),
            Enter(Malloc, 6, 0),
            Leave(Malloc, 1048),
            Enter(Free, 1032, 0),
            Leave(Free, 0),
            Leave(Realloc, 1048),
            Enter(Calloc, 2, 3),
            Enter(Malloc, 6, 0),
            Leave(Malloc, 1064),
            Leave(Calloc, 1064),
            Enter(Free, 1064, 0),
            Leave(Free, 0),
            Enter(PosixMemalign, 64, 7),
            Enter(Malloc, 7, 0),
            Leave(Malloc, 1080),
            Leave(PosixMemalign, 0),
            Enter(Libc, 0, 0),
            Enter(Malloc, 33, 0),
            Leave(Malloc, 1096),
            Leave(Libc, 0),
            Leave(Window, 0),
        ];
        assert_eq!(hooked.calls, expected);
        assert_eq!(hooked.observed.result, Ok(0));
    }
}

#[test]
fn a_trap_in_the_allocator_has_the_original_stack() {
    for engine in engines() {
        let original =
            module(&ToyShape { fillers: (120, 0), ..ToyShape::default() }, &[ToyStep::Deep(3), ToyStep::Trap]);
        let (plain, hooked) = both(&engine, &original, PLENTY);
        assert_eq!(plain.observed, hooked.observed);
        assert_eq!(balanced(&hooked.calls), [HookKind::Window, HookKind::Malloc]);
        assert_eq!(hooked.observed.result, Err("Some(UnreachableCodeReached)".to_owned()));
        // The window, and `malloc` without an offset: none of its code has run.
        let entered = hooked.entered.last().unwrap();
        assert_eq!(entered.len(), plain.observed.stack.len());
        assert_eq!(entered[0], RawFrame { function: plain.observed.stack[0].function, offset: None });
        assert_eq!(entered[1..], plain.observed.stack[1..]);
    }
}

#[test]
fn the_host_can_call_the_allocator() {
    let engine = &engines()[0];
    let (bytes, _, reading) = hook(&module(&ToyShape::default(), &[]));
    let wasm = Module::new(engine, &bytes).unwrap();
    let mut store = Store::new(engine, ToyState::default());
    store.set_fuel(PLENTY).unwrap();
    let seen = Func::wrap(&mut store, |_: u32| {});
    let instance = Instance::new(&mut store, &wasm, &[seen.into()]).unwrap();
    listen(&mut store, &instance, &reading.hooks.unwrap());
    let block = instance.get_typed_func::<u32, u32>(&mut store, ALLOCATE_EXPORT).unwrap().call(&mut store, 9).unwrap();
    instance.get_typed_func::<u32, ()>(&mut store, FREE_EXPORT).unwrap().call(&mut store, block).unwrap();
    assert_eq!(balanced(&store.data().calls), []);
    assert_eq!(store.data().calls.len(), 4);
}

/// With every amount of fuel up to what the program needs, it ends where the original ends; or at the entry of a hooked
/// function that takes no more fuel than its hook costs.
#[test]
fn out_of_fuel_is_the_same_place() {
    let steps = [
        ToyStep::Work(40),
        ToyStep::Malloc(5),
        ToyStep::Work(40),
        ToyStep::Calloc(2, 3),
        ToyStep::Deep(2),
        ToyStep::Free,
        ToyStep::PosixMemalign(4),
    ];
    for engine in engines() {
        for locals in [vec![], vec![("i64", 3)], vec![("i64", 200), ("f32", 1), ("i32", 200)]] {
            let original = module(&ToyShape { locals, ..ToyShape::default() }, &steps);
            let (hooked, plain, reading) = hook(&original);
            let [original, hooked] = [original, hooked].map(|bytes| Module::new(&engine, bytes).unwrap());
            let needed = PLENTY - run(&original, plain.clone(), PLENTY).observed.fuel;
            let (mut exact, mut entries) = (0, 0);
            for fuel in 1..needed + 2 {
                let expected = run(&original, plain.clone(), fuel);
                let found = run(&hooked, reading.clone(), fuel);
                if found.observed == expected.observed {
                    exact += 1;
                    entries += u32::from(found.observed.stack.first().is_some_and(|frame| frame.function == MALLOC));
                } else {
                    let out = Err("Some(OutOfFuel)".to_owned());
                    assert!(
                        found.observed.result == out || found.observed.result == expected.observed.result,
                        "of {fuel}"
                    );
                    assert!(expected.observed.fuel < 20 || found.early, "of {fuel}: {:?}", expected.observed);
                }
            }
            // In the other cases, the fuel ends within the code of a hook.
            assert!(exact > needed / 3 && entries > 2, "{exact} of {needed}, {entries} in malloc");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn a_rewritten_module_does_the_same(shape in shape(), steps in steps()) {
        let original = module(&shape, &steps);
        for engine in engines() {
            // Winch lacks some operators that Cranelift has.
            if Module::new(&engine, &original).is_err() {
                prop_assert_ne!(shape.others.len(), 0);
                continue;
            }
            let (plain, hooked) = both(&engine, &original, PLENTY);
            prop_assert_eq!(&plain.observed, &hooked.observed);
            prop_assert!(plain.calls.is_empty());
            let open = balanced(&hooked.calls);
            prop_assert_eq!(open.is_empty(), hooked.observed.result.is_ok());
            prop_assert_eq!(hooked.calls[0].clone(), HookCall::Enter(HookKind::Window, 0, 0));
        }
    }
}
