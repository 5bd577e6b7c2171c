//! The engine: all tests of a run share it.

use super::cache::{Cache, FunctionCache};
use super::child::ChildCompiler;
use super::limiter::EXCEPTION_HEAP;
use super::state::TestState;
use crate::catalogue::{CompileCaps, MAX_TABLE_ELEMENTS, MAX_TABLES};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use wasmtime::{
    Collector, Config, EngineWeak, InstanceAllocationStrategy, Linker, OptLevel, PoolingAllocationConfig, Strategy,
    WasmBacktraceDetails,
};

/// How often a running guest is interrupted to look at the time. A wall-clock limit or an interrupt may be noticed so late.
pub const TICK: Duration = Duration::from_millis(10);

/// Host stack kept free above the guest's own, for host functions and the engine: 2 MiB.
pub const HOST_STACK_RESERVE: u64 = 2 << 20;

/// Address space that a linear memory may take in the pool: all of 32 bits.
const MAX_MEMORY: usize = 1 << 32;

/// Most tables of one module: as many as a guest may have, and two more for calls of the host: one for the hooks of its
/// allocator, one for charges of bulk operations.
const TABLES: u32 = MAX_TABLES + 2;

/// The bytes that the engine may keep for one instance. This is a bound; nothing is reserved. A valid module has at most a
/// million each of functions, imports and globals, which take less than 80 MiB together. So the pool refuses no valid
/// module.
const MAX_INSTANCE: usize = 128 << 20;

/// Which compiler makes machine code from the modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compiler {
    /// The optimising compiler.
    #[default]
    Cranelift,
    /// The single-pass compiler.
    Winch,
    /// An interpreter.
    Pulley,
}

impl Compiler {
    const WORDS: [(Self, &'static str); 3] =
        [(Self::Cranelift, "cranelift"), (Self::Winch, "winch"), (Self::Pulley, "pulley")];

    /// The compiler's name.
    pub(super) fn word(self) -> &'static str {
        Self::WORDS[self as usize].1
    }

    /// The compiler of this name.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, own)| *own == word).map(|(compiler, _)| *compiler)
    }
}

/// What an [`Engine`] is made with.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// The compiler.
    pub compiler: Compiler,
    /// Worker threads: the pool has two slots for each.
    pub workers: usize,
    /// The guest's call stack, in bytes.
    pub stack: u64,
    /// Whether to try the pooling allocator at all.
    pub pooling: bool,
    /// Whether modules are instrumented so that the heaps of their tests are seen.
    pub heap_accounting: bool,
    /// Caps on how much work compiling one module may be.
    pub caps: CompileCaps,
    /// Whether the engine runs modules with threads, and only those.
    pub threads: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let stack = crate::policy::Limits::default().most(crate::policy::Limit::Stack);
        let (compiler, caps) = (Compiler::default(), CompileCaps::default());
        Self { compiler, workers: 1, stack, pooling: true, heap_accounting: true, caps, threads: false }
    }
}

/// The engine cannot be made on this machine; says why.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the WebAssembly engine cannot be set up: {0}")]
pub struct EngineError(String);

/// A wasmtime engine whose WASI functions are linked and whose clock is ticking.
pub struct Engine {
    inner: wasmtime::Engine,
    linker: Linker<TestState>,
    hooks: Linker<TestState>,
    pooled: bool,
    options: EngineOptions,
    /// Functions that were compiled before, for a compiler that can use them.
    functions: Option<Arc<FunctionCache>>,
    /// The process that compiles for this engine, if there is one.
    child: Option<Arc<ChildCompiler>>,
    /// The engine for modules that are too heavy for this one's compiler. It is made when the first such module is met.
    single_pass: OnceLock<Result<Arc<Self>, EngineError>>,
    /// The engine for modules with threads. It is made when the first such module is met.
    threaded: OnceLock<Result<Arc<Self>, EngineError>>,
    /// The linker with the functions that the waits of threads call.
    thread_hooks: Option<Linker<TestState>>,
    _ticker: Arc<Ticker>,
}

impl Engine {
    /// Makes an engine that compiles everything anew, in this process.
    ///
    /// # Errors
    /// The machine cannot run the compiler asked for.
    #[cfg(test)]
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        Self::with_cache(options, None, None)
    }

    /// Makes an engine that compiles in `child`, or in this process if there is none. If the pool cannot have its address
    /// space (`ulimit -v`), instances are allocated on demand; the report is the same.
    ///
    /// # Errors
    /// The machine cannot run the compiler asked for.
    pub fn with_cache(
        options: EngineOptions,
        cache: Option<&Cache>,
        child: Option<ChildCompiler>,
    ) -> Result<Self, EngineError> {
        let cache = cache.filter(|_| options.compiler == Compiler::Cranelift);
        Self::make(options, cache.map(|cache| Arc::new(FunctionCache::beside(cache))), child.map(Arc::new))
    }

    pub(super) fn make(
        options: EngineOptions,
        functions: Option<Arc<FunctionCache>>,
        child: Option<Arc<ChildCompiler>>,
    ) -> Result<Self, EngineError> {
        let engine = |mut config: Config| {
            if let Some(functions) = &functions {
                config.enable_incremental_compilation(Arc::clone(functions) as _)?;
            }
            wasmtime::Engine::new(&config)
        };
        let pooled = (options.pooling && !options.threads).then(|| engine(pooled_config(options)));
        let (inner, pooled) = match pooled {
            Some(Ok(engine)) => (engine, true),
            other => {
                if let Some(Err(error)) = other {
                    tracing::info!("no pooling allocator here, allocating on demand: {error:#}");
                }
                let config = if options.threads { threaded_config(options) } else { on_demand_config(options) };
                (engine(config).map_err(|error| EngineError(format!("{error:#}")))?, false)
            }
        };
        let mut linker = Linker::new(&inner);
        let failed = |error: wasmtime::Error| EngineError(format!("{error:#}"));
        super::wasi::add_to_linker(&mut linker, options.threads).map_err(failed)?;
        let hooks = if options.threads { super::heap::linker_for_threads(&inner) } else { super::heap::linker(&inner) };
        let hooks = hooks.map_err(failed)?;
        let thread_hooks = options.threads.then(|| super::threads::hooks(&inner)).transpose().map_err(failed)?;
        let ticker = Ticker::start(inner.weak()).map_err(|error| EngineError(error.to_string()))?;
        let (single_pass, threaded) = (OnceLock::new(), OnceLock::new());
        Ok(Self {
            inner,
            linker,
            hooks,
            pooled,
            options,
            functions,
            child,
            single_pass,
            threaded,
            thread_hooks,
            _ticker: ticker,
        })
    }

    /// Whether instances come from a pool.
    pub fn pooled(&self) -> bool {
        self.pooled
    }

    /// The options that the engine was made with.
    pub fn options(&self) -> EngineOptions {
        self.options
    }

    /// Functions that were compiled before, if the engine has a cache.
    pub(super) fn functions(&self) -> Option<&FunctionCache> {
        self.functions.as_deref()
    }

    /// The process that compiles for this engine, if there is one.
    pub(super) fn child(&self) -> Option<&ChildCompiler> {
        self.child.as_deref()
    }

    /// An engine with the single-pass compiler and otherwise the same options. This engine itself, if that is its compiler.
    ///
    /// # Errors
    /// The machine cannot run that compiler.
    pub fn single_pass(self: &Arc<Self>) -> Result<Arc<Self>, EngineError> {
        if self.options.compiler == Compiler::Winch {
            return Ok(Arc::clone(self));
        }
        let options = EngineOptions { compiler: Compiler::Winch, ..self.options };
        self.single_pass.get_or_init(|| Self::make(options, None, self.child.clone()).map(Arc::new)).clone()
    }

    /// An engine for modules with threads, with otherwise the same options.
    ///
    /// # Errors
    /// The compiler cannot run threads.
    pub fn threaded(self: &Arc<Self>) -> Result<Arc<Self>, EngineError> {
        if self.options.compiler != Compiler::Cranelift {
            return Err(EngineError(format!("{:?} does not run threads, Cranelift does", self.options.compiler)));
        }
        let options = EngineOptions { threads: true, pooling: self.pooled, ..self.options };
        let make = || Self::make(options, self.functions.clone(), self.child.clone()).map(Arc::new);
        self.threaded.get_or_init(make).clone()
    }

    /// Whether the other engine is this one or one of those beside it: for heavy modules, or for modules with threads.
    pub(super) fn is_or_owns(&self, other: &Self) -> bool {
        let beside =
            [&self.single_pass, &self.threaded].map(|beside| beside.get().and_then(|made| made.as_deref().ok()));
        std::iter::once(self).chain(beside.into_iter().flatten()).any(|engine| std::ptr::eq(engine, other))
    }

    /// The host stack a thread needs to run guests of this engine, in bytes.
    pub fn thread_stack(&self) -> usize {
        usize::try_from(self.options.stack.saturating_add(HOST_STACK_RESERVE)).unwrap_or(usize::MAX)
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }

    pub(super) fn linker(&self) -> &Linker<TestState> {
        &self.linker
    }

    /// The linker with the host functions that waits call, if the engine is for threads. Guests are linked with another
    /// linker.
    pub(super) fn thread_hooks(&self) -> Option<&Linker<TestState>> {
        self.thread_hooks.as_ref()
    }

    /// The linker with the host functions that hooks call. Guests are linked with another linker.
    pub(super) fn hooks(&self) -> &Linker<TestState> {
        &self.hooks
    }
}

fn common_config(options: EngineOptions) -> Config {
    let mut config = Config::new();
    match options.compiler {
        Compiler::Cranelift => {
            config.strategy(Strategy::Cranelift);
        }
        Compiler::Winch => {
            config.strategy(Strategy::Winch);
        }
        Compiler::Pulley => {
            // This fails only for an unknown target, and wasmtime itself knows this one.
            let _ = config.target("pulley64");
        }
    }
    let cranelift = options.compiler != Compiler::Winch;
    if cranelift {
        config
            .cranelift_opt_level(OptLevel::Speed)
            .cranelift_nan_canonicalization(true)
            // Exceptions are kept until the store is dropped: their memory has a bound, and none is ever moved.
            .collector(Collector::Null)
            .gc_heap_initial_size(EXCEPTION_HEAP);
    }
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(usize::try_from(options.stack).unwrap_or(usize::MAX))
        // A thread of a guest needs room for its own stack and for that of the host functions that it calls.
        .async_stack_size(usize::try_from(options.stack.saturating_add(HOST_STACK_RESERVE)).unwrap_or(usize::MAX))
        .relaxed_simd_deterministic(true)
        .wasm_relaxed_simd(cranelift)
        .wasm_tail_call(cranelift)
        .wasm_exceptions(cranelift)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .native_unwind_info(false)
        .wasm_backtrace_max_frames(most_frames(options.stack))
        // airtight names frames itself. The engine's default reads an environment variable and costs milliseconds for each
        // frame.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

/// As many frames as a stack of this size can have, so that all of it is captured; the engine's default is the innermost
/// 20. Whenever the engine captures a stack, it makes room for that many frames: this is address space, and hardly touched.
/// For a stack of 8 MiB the room is below 32 MiB. From 32 MiB on, the C library asks the kernel each time, which would
/// double the cost of opening a file.
fn most_frames(stack: u64) -> Option<NonZeroUsize> {
    /// The least that a frame takes: a return address, the caller's frame pointer, and the count of fuel that every
    /// function keeps across a call, in slots of 16 bytes.
    const LEAST_FRAME: u64 = 32;
    NonZeroUsize::new(usize::try_from(stack / LEAST_FRAME).unwrap_or(usize::MAX)).or(Some(NonZeroUsize::MIN))
}

fn pooled_config(options: EngineOptions) -> Config {
    let slots = u32::try_from(options.workers.max(1) * 2).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        // The other half of the memories is for exceptions.
        .total_memories(slots.saturating_mul(2))
        .total_tables(slots.saturating_mul(TABLES))
        .total_gc_heaps(slots)
        // Only threads of a guest have stacks of their own, and modules with threads have no pool. The pool does not allow
        // 0.
        .total_stacks(1)
        .max_tables_per_module(TABLES)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_core_instance_size(MAX_INSTANCE)
        .max_memory_size(MAX_MEMORY)
        .max_unused_warm_slots(slots)
        // Some pages of each table stay: hooks are put into a table in every instance, and clearing a page costs less than
        // a page fault.
        .table_keep_resident(1 << 14)
        // All of a memory is given back after a test. The kernel could tell which pages were written, so that only those
        // are put back (`PAGEMAP_SCAN`). But it does not tell of a page that is swapped out or being moved at that moment:
        // such a page would keep what a test wrote.
        .linear_memory_keep_resident(0);
    let mut config = common_config(options);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// The configuration for machines with little address space: memories are reserved as they grow, and every access is
/// checked.
fn on_demand_config(options: EngineOptions) -> Config {
    let mut config = common_config(options);
    config
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .memory_reservation(0)
        .memory_guard_size(1 << 16)
        .memory_reservation_for_growth(1 << 20);
    config
}

/// The configuration for modules with threads. Their memory is shared: a pool cannot give it, and it cannot be moved to
/// grow. So all of its address space is reserved.
fn threaded_config(options: EngineOptions) -> Config {
    let mut config = common_config(options);
    config
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .memory_reservation(MAX_MEMORY as u64)
        .with_host_memory(Arc::new(super::threads::CappedMemories))
        .with_host_stack(Arc::new(super::threads::KeptStacks::default()))
        .wasm_threads(true)
        .shared_memory(true);
    config
}

/// A thread that moves the engine's epoch on, for as long as the engine lives.
struct Ticker {
    stop: AtomicBool,
}

impl Ticker {
    fn start(engine: EngineWeak) -> std::io::Result<Arc<Self>> {
        let ticker = Arc::new(Self { stop: AtomicBool::new(false) });
        let watched: Weak<Self> = Arc::downgrade(&ticker);
        std::thread::Builder::new().name("airtight-ticker".into()).stack_size(128 << 10).spawn(move || {
            while let (Some(ticker), Some(engine)) = (watched.upgrade(), engine.upgrade()) {
                if ticker.stop.load(Ordering::Relaxed) {
                    break;
                }
                engine.increment_epoch();
                drop((ticker, engine));
                std::thread::sleep(TICK);
            }
        })?;
        Ok(ticker)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
