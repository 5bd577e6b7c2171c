//! An instance as it stands after its set-up. Tests begin from it: with its memory, globals, descriptors, files, network,
//! clock, randomness, fuel and the books of its heap.
//!
//! Memory and globals become a module of their own (see [`crate::instrument::image`]). The engine maps that module's memory
//! copy on write: however large it is, a test only pays for what it touches. Files share their contents in the same way.
//! The rest is small and is copied.
//!
//! A second run of a test needs its blocks elsewhere in memory, so it does not begin from the image that the first run began
//! from. Instead, the set-up is called again in the instance of that run, and does the same. See [`AfterSetUp::repeats`]. Where
//! that would take long, the set-up is called again once for many second runs, and they begin from a second image that is taken
//! of it. See [`MovedImage`].

use super::compile::compile;
use super::heap::{Ground, HeapState};
use super::load_error::LoadError;
use super::module::LoadedModule;
use super::rerun::Instruments;
use super::start::{EntryPoint, write_words};
use super::state::TestState;
use super::store::fresh_store;
use super::threads::Shared;
use super::wasi::{ContextOptions, Grants, NotCaptured, Wasi};
use crate::catalogue::{self, NoRestart};
use crate::instrument::{self, ImageModule, NoImage};
use crate::ledger::heap::HeapLimits;
use crate::policy::Limit;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use wasmtime::{Extern, Instance, Store, Val};

/// Why tests cannot begin where a set-up ended.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The instance cannot be captured.
    #[error(transparent)]
    Instance(#[from] NoImage),
    /// Its program cannot be started once more.
    #[error(transparent)]
    Start(#[from] NoRestart),
    /// Nothing was kept of the module that an image could be made from.
    #[error("its module was loaded by a runner whose profile names no set-up: load it with the runner that runs it")]
    NoSource,
    /// Something that the test holds beside its instance cannot be captured.
    #[error(transparent)]
    World(#[from] NotCaptured),
    /// The compiler does not take the image. The message includes why, so that is not the error's source.
    #[error("the engine does not take its image: {0}")]
    Compiler(LoadError),
    /// A program of Go's did what each of its tests is to be told of, before it was ready.
    #[error("it wrote something, or was refused memory, before it was ready")]
    NotOfAll,
    /// The engine does not take what was compiled of it.
    #[error("the engine does not take its image: {0}")]
    Engine(String),
}

impl ImageError {
    /// Whether compiling the image took more than it may: on another machine it may not.
    pub fn is_over_budget(&self) -> bool {
        matches!(self, Self::Compiler(LoadError::OverBudget { .. }))
    }
}

/// How a test begins that has a set-up.
#[derive(Clone, Copy)]
pub struct AfterSetUp<'a> {
    /// The set-up.
    pub setup: SetUp<'a>,
    /// Where the set-up ended.
    pub image: &'a Image,
    /// Whether the set-up is called again in the test's own instance, instead of beginning from the image.
    pub repeats: bool,
    /// Whether what the set-up acquired belongs to this test. It does for the teardown.
    pub owns: bool,
}

/// How to call the set-up of a module.
#[derive(Clone, Copy)]
pub struct SetUp<'a> {
    /// The module.
    pub module: &'a LoadedModule,
    /// What to call.
    pub entry: EntryPoint<'a>,
    /// The set-up's name. It seeds the randomness of the set-up, and of the tests after it.
    pub name: &'a Arc<str>,
    /// What the set-up is granted.
    pub grants: &'a Arc<Grants>,
}

/// How a test of Go begins whose program was run until it was ready.
#[derive(Clone, Copy)]
pub struct BeginsReady<'a> {
    /// The module.
    pub module: &'a LoadedModule,
    /// Where its program was ready.
    pub image: &'a Image,
}

/// An instance and its world, taken where a set-up ended.
pub struct InstanceImage {
    module: ImageModule,
    wasi: Wasi,
    heap: HeapState,
    spent: u64,
    widened: u64,
    ground: Option<Ground>,
    stack_top: u32,
}

impl std::fmt::Debug for InstanceImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Captured").field("spent", &self.spent).finish_non_exhaustive()
    }
}

impl InstanceImage {
    /// Captures what an instance of the set-up's module holds now, between two calls into it.
    ///
    /// # Errors
    /// Something of it cannot be captured.
    pub(super) fn take(
        (module, entry, grants): (&LoadedModule, EntryPoint<'_>, &Arc<Grants>),
        store: &mut Store<TestState>,
        instance: &Instance,
        (ground, stack_top): (Option<Ground>, u32),
        options: ContextOptions,
    ) -> Result<Self, ImageError> {
        let source = module.image_source.as_deref().ok_or(ImageError::NoSource)?;
        let module_is_ready = module.goes_on.is_some();
        let parsed = catalogue::Module::read(&source.bytes).map_err(NoImage::from)?;
        instrument::can_be_captured(&parsed)?;
        let values = globals(&parsed, store, instance);
        if matches!(entry, EntryPoint::Start(_)) && module.goes_on.is_none() {
            restart(&parsed, &values, store, instance)?;
        }
        let memory = instance.get_export(&mut *store, "memory").and_then(Extern::into_memory);
        let bytes = memory.map_or(&[][..], |memory| memory.data(&*store));
        let module = instrument::image(&parsed, bytes, &values)?;
        let left = store.get_fuel().unwrap_or(0);
        let state = store.data();
        if module_is_ready && !(state.wasi.is_silent() && state.memory_use().1.is_none()) {
            return Err(ImageError::NotOfAll);
        }
        Ok(Self {
            module,
            wasi: state.wasi.fork(grants, options)?,
            heap: state.heap.fork(&Instruments::default()),
            spent: state.spent(left),
            widened: state.limiter.widened(),
            ground,
            stack_top,
        })
    }

    /// The books of the heap.
    pub(super) fn heap(&self) -> &HeapState {
        &self.heap
    }
}

/// The values of an instance's mutable globals, by their indices.
fn globals(parsed: &catalogue::Module<'_>, store: &mut Store<TestState>, instance: &Instance) -> BTreeMap<u32, i64> {
    let mut values = BTreeMap::new();
    for (index, name) in instrument::exported_globals(parsed) {
        let global = instance.get_global(&mut *store, name);
        let value = match global.map(|global| global.get(&mut *store)) {
            Some(Val::I32(value)) => value.into(),
            Some(Val::I64(value)) => value,
            _ => continue,
        };
        values.insert(index, value);
    }
    values
}

/// Makes the program of an instance ready to be started again.
fn restart(
    parsed: &catalogue::Module<'_>,
    values: &BTreeMap<u32, i64>,
    store: &mut Store<TestState>,
    instance: &Instance,
) -> Result<(), NoRestart> {
    if let Some(word) = catalogue::start_guard(parsed, values)? {
        write_words(store, instance, &[(word, 0)]);
    }
    Ok(())
}

impl AfterSetUp<'_> {
    /// Makes the instance in which the set-up was called ready for the test.
    ///
    /// # Errors
    /// None is expected: it was possible when the image was made.
    pub(super) fn make_ready(&self, store: &mut Store<TestState>, instance: &Instance) -> wasmtime::Result<()> {
        if let (EntryPoint::Start(_), Some(source)) = (self.setup.entry, self.setup.module.image_source.as_deref()) {
            let parsed = catalogue::Module::read(&source.bytes)?;
            let values = globals(&parsed, store, instance);
            restart(&parsed, &values, store, instance)?;
        }
        Ok(())
    }
}

/// Where a set-up ended.
pub struct Image {
    pub(super) module: LoadedModule,
    wasi: Wasi,
    /// The books for the teardown: all blocks belong to it.
    heap: HeapState,
    /// The books for a test: none of the blocks belongs to it.
    heap_of_tests: HeapState,
    spent: u64,
    /// By how many bytes the host raised the cap on memory, for what it added to the set-up's memory.
    widened: u64,
    pub(super) ground: Option<Ground>,
    pub(super) stack_top: u32,
    /// Where second runs begin.
    pub(super) second: SecondImage,
}

/// The second image of a set-up: the same set-up ran once more, with all of its blocks elsewhere in memory. Second runs of tests
/// begin from it.
pub(super) struct MovedImage {
    pub image: Image,
    /// By how many bytes its blocks are moved.
    pub distance: u64,
}

/// What is known of the second image of a set-up, beside the first one.
#[derive(Default)]
pub(super) struct SecondImage {
    /// The image, once somebody has tried to make it; `None` if there is none.
    pub made: OnceLock<Option<Box<MovedImage>>>,
    /// Whether somebody makes it, or has made it.
    pub is_begun: AtomicBool,
    /// The fuel that second runs have spent on calling the set-up again.
    pub spent_again: AtomicU64,
}

impl Image {
    /// Compiles what was captured of an instance of this module.
    ///
    /// # Errors
    /// The engine does not take it.
    pub fn new(module: &LoadedModule, captured: InstanceImage) -> Result<Self, ImageError> {
        let InstanceImage { module: image, mut wasi, mut heap, spent, widened, ground, stack_top } = captured;
        let source = module.image_source.as_deref().ok_or(ImageError::NoSource)?;
        let compiled = compile(module.engine(), source.cache.as_ref(), &image.bytes).map_err(ImageError::Compiler)?;
        let module = module.of_image(source, compiled, image.code_moved).map_err(ImageError::Engine)?;
        let mut heap_of_tests = heap.fork(&Instruments::default());
        heap_of_tests.begin_test(HeapLimits::default());
        heap_of_tests.share();
        heap.share();
        wasi.share();
        let second = SecondImage::default();
        Ok(Self { module, wasi, heap, heap_of_tests, spent, widened, ground, stack_top, second })
    }

    /// The module from which a test begins.
    pub(crate) fn module(&self) -> &LoadedModule {
        &self.module
    }

    /// A store for a test that begins from this image. It has neither fuel nor an instance yet.
    ///
    /// # Errors
    /// Something of the host that the tests share is gone.
    pub(super) fn store(
        &self,
        (grants, owns): (&Arc<Grants>, bool),
        instruments: &Instruments,
        options: ContextOptions,
    ) -> Result<Store<TestState>, NotCaptured> {
        let limits = grants.policy().limits;
        let mut wasi = self.wasi.fork(grants, options)?;
        let mut heap = if owns { &self.heap } else { &self.heap_of_tests }.fork(instruments);
        if owns {
            wasi.begin_teardown(grants);
            heap.begin_teardown(HeapLimits::new(limits.values()));
        } else {
            wasi.begin_test(grants);
            heap.set_limits(HeapLimits::new(limits.values()));
        }
        let mut store = fresh_store(&self.module, Shared::Own(wasi), Shared::Own(heap), limits.most(Limit::Memory));
        let state = store.data_mut();
        state.spent_before = self.spent;
        state.widen_memory(self.widened);
        Ok(store)
    }

    /// A store in which a test of Go of this name begins where its program was ready: what happened before is its own, and its limits
    /// are those of then. It has no fuel yet, and no instance.
    ///
    /// # Errors
    /// Something of the host's that tests share is gone.
    pub(super) fn store_ready(
        &self,
        test: &Arc<str>,
        instruments: &Instruments,
        options: ContextOptions,
    ) -> Result<Store<TestState>, NotCaptured> {
        let grants = self.wasi.grants();
        let mut wasi = self.wasi.fork(grants, options)?;
        wasi.begin_go_test(test);
        let most = grants.policy().limits.most(Limit::Memory);
        let heap = self.heap.fork(instruments);
        let mut store = fresh_store(&self.module, Shared::Own(wasi), Shared::Own(heap), most);
        let state = store.data_mut();
        (state.spent_before, state.spent_before_cleanups) = (self.spent, self.spent);
        Ok(store)
    }

    /// The books of the heap where the set-up ended.
    pub(super) fn heap(&self) -> &HeapState {
        &self.heap
    }

    /// How often second runs have called the set-up again, by the fuel of one call.
    #[cfg(test)]
    pub(crate) fn called_again(&self) -> u64 {
        self.second.spent_again.load(std::sync::atomic::Ordering::Relaxed) / self.spent.max(1)
    }

    /// Whether second runs begin from a second image.
    #[cfg(test)]
    pub(crate) fn has_second(&self) -> bool {
        self.second.made.get().is_some_and(Option::is_some)
    }

    /// Fuel that was spent until here.
    pub(crate) fn spent(&self) -> u64 {
        self.spent
    }
}
