//! A loaded module, which can be run any number of times.

use super::cache::Cache;
use super::code::{CodeMap, GoStack};
use super::compile::{CompiledModule, compile};
use super::engine::{Engine, EngineOptions};
use super::heap::{ModuleHeap, NoHeap};
use super::image_source::ImageSource;
use super::load_error::LoadError;
use super::panics::ModulePanics;
use super::start::SdkCall;
use super::state::TestState;
use super::strings::ModuleStrings;
use super::threads::ThreadModule;
use crate::catalogue::{self, BakedPath, Catalogue, Module as Parsed, Places, RunningStack};
use crate::instrument::{
    self, AddedCalls, CHARGE_TABLE, CONTEXT_GLOBAL, COUNT_TABLE, FILL_LAYOUT_EXPORT, FILL_TESTS_EXPORT,
    FILL_WRITE_EXPORT, GO_LOOP_EXPORT, HOOKS_TABLE, Hooks, InstrumentError, InstrumentedModule, PANIC_WRITE_EXPORT,
    RewriteMap, ThreadHooks, WATCH_TABLE, Window,
};
use crate::model::Harness;
use crate::symbols::{HarnessFrames, PathRoots, Symbols};
use airtight_abi::{go, scopes};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use wasmtime::error::Context;
use wasmtime::{Global, Instance, InstancePre, Module, ModuleExport, Store, Val};

/// The options for loading a module.
///
/// ```
/// use airtight::{Harness, LoadOptions};
///
/// let options = LoadOptions::named("parser/tests/grammar").harness(Harness::Libtest);
/// ```
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    pub(crate) name: String,
    pub(crate) harness: Option<Harness>,
    /// Prefixes to strip from source paths.
    pub(crate) roots: PathRoots,
    /// Where it was built; see [`LoadedModule::baked`].
    pub(crate) places: Arc<Places>,
    /// Whether it tells in which functions its fuel is spent.
    pub(crate) counts_fuel: bool,
}

impl LoadOptions {
    /// Options for a module that has this name in reports.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// So that it tells in which functions its fuel is spent.
    pub(crate) fn counting_fuel(self) -> Self {
        Self { counts_fuel: true, ..self }
    }

    /// The harness to take the module for; without one, it is looked for.
    #[must_use]
    pub fn harness(mut self, harness: impl Into<Option<Harness>>) -> Self {
        self.harness = harness.into();
        self
    }
}

/// What loading a module needs to know of its harnesses.
#[derive(Debug, Clone)]
pub(crate) struct CodeRules {
    /// In which functions the code of the module's tests runs.
    pub window: Window,
    /// The windows of all harnesses: the module may have been rewritten before with any of them.
    pub windows: Vec<Window>,
    /// Which frames of a stack are a harness's own.
    pub frames: Vec<HarnessFrames>,
    /// Whether tests of the module may be expected to panic without telling the host themselves that they did.
    pub panics: bool,
    /// Whether a test of the module may be its set-up although the module declares none.
    pub may_set_up: bool,
}

/// The hooks in a compiled module.
pub(super) struct ModuleHooks {
    pub(super) hooks: Arc<Hooks>,
    /// The table in which the hooks look for the host functions.
    pub(super) table: ModuleExport,
}

impl ModuleHooks {
    /// The hooks that the rewriting added; `None` if there are none.
    fn find(module: &Module, map: &RewriteMap) -> Option<Self> {
        let table = module.get_export_index(HOOKS_TABLE)?;
        Some(Self { hooks: Arc::new(map.hooks.clone()), table })
    }
}

/// The same module with more code in it, for runs that look at more: once it was asked for, or why it cannot be had.
pub(super) type Variant = OnceLock<Result<Box<LoadedModule>, String>>;

/// What there is to make the same module from once more, and what was made of it.
#[derive(Default)]
pub(super) struct ModuleVariants {
    /// How the module was rewritten.
    rewriting: instrument::Options,
    /// Where compiled modules are kept.
    cache: Option<Cache>,
    /// As one that numbers its calling contexts.
    pub(super) telling_contexts: Variant,
    /// As one that tells of its pointers.
    pub(super) watching: Variant,
}

impl ModuleVariants {
    /// Those of the same module in another compiled form: none is made yet.
    fn of_same(&self) -> Self {
        Self { rewriting: self.rewriting.clone(), cache: self.cache.clone(), ..Self::default() }
    }
}

/// A compiled module with its catalogue and symbols.
pub struct LoadedModule {
    pub(crate) name: Arc<str>,
    /// The module's tests and the harnesses that hold them.
    pub(crate) catalogue: Catalogue,
    /// The module's functions and lines, by offset.
    pub(crate) symbols: Arc<Symbols>,
    pub(crate) baked: Vec<BakedPath>,
    pub(super) program: Arc<str>,
    pub(super) module: Module,
    /// The module linked with all that it imports; `None` if it has threads: each of its tests has a memory of its own.
    pre: Option<InstancePre<TestState>>,
    /// What the module has for its threads, if it has any.
    pub(super) threads: Option<ThreadModule>,
    engine: Arc<Engine>,
    pub(super) code: Arc<CodeMap>,
    pub(super) hooks: Option<ModuleHooks>,
    /// The module's strings, if their layout is wanted.
    pub(super) strings: Option<ModuleStrings>,
    /// The global that tells functions with a body from airtight how strings are laid out.
    pub(super) layout: Option<ModuleExport>,
    /// The global that tells the module's harness which list of tests to run.
    pub(super) tests: Option<ModuleExport>,
    /// What tells of the module's panics, or why nothing does.
    pub(super) panics: Result<ModulePanics, String>,
    /// The module's hooked allocator, or why there is none.
    pub(super) heap: Result<ModuleHeap, NoHeap>,
    globals: Vec<ModuleExport>,
    /// What is kept of it so that its instances can be captured, where it has a set-up or forks subtests.
    pub(super) image_source: Option<Arc<ImageSource>>,
    /// Whether the module has exceptions.
    pub(super) throws: bool,
    /// Where it goes on after its stack was left, of a program of Go's that tells when it is ready.
    pub(super) goes_on: Option<ModuleExport>,
    /// The table through which its bulk operations are charged, where its compiler does not do that.
    pub(super) charges: Option<ModuleExport>,
    /// The table through which it tells in which functions its fuel is spent, where it does.
    pub(super) counts: Option<ModuleExport>,
    /// The table through which it tells of its pointers, where it does.
    pub(super) watches: Option<ModuleExport>,
    /// The global with the number of its calling context, where it has one.
    pub(super) context: Option<ModuleExport>,
    /// The same module with more code in it.
    pub(super) variants: ModuleVariants,
}

impl LoadedModule {
    /// The module's name in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The engine that the module was compiled for: the runner's, or the one beside it for modules that are too heavy for
    /// the runner's.
    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// A sum that differs if the module's bytes or the names of its files differ.
    pub(crate) fn sum(&self) -> String {
        self.symbols.sum()
    }

    /// The options of the module's engine, without the number of workers and pooling: those do not change what a test does.
    pub(crate) fn traits(&self) -> EngineOptions {
        EngineOptions { workers: 0, pooling: false, ..self.engine.options() }
    }

    /// The harness that holds the module's tests; another harness may hold some of them.
    pub fn harness(&self) -> Harness {
        self.catalogue.harness
    }

    /// Whether the module tells which goroutines its tests leave. What `airtight go` builds does.
    pub fn tells_goroutines(&self) -> bool {
        self.module.imports().any(|import| (import.module(), import.name()) == (go::MODULE, go::GOROUTINES))
    }

    /// Why the allocator of its tests is not followed; `None` where it is.
    pub(crate) fn why_no_heap(&self) -> Option<String> {
        self.heap.as_ref().err().map(ToString::to_string)
    }

    /// Whether it can tell what its tests leave on Go's heap.
    pub(crate) fn tells_go_heap(&self) -> bool {
        self.module.imports().any(|import| (import.module(), import.name()) == (go::MODULE, go::SITES))
    }

    /// Whether its tests can begin where the program is ready: what `airtight go` builds tells that.
    pub(crate) fn is_ready_for_tests(&self) -> bool {
        self.goes_on.is_some()
    }

    /// Whether it asks for the arguments of each run when it is ready.
    pub(crate) fn asks_for_own_args(&self) -> bool {
        self.module.imports().any(|import| (import.module(), import.name()) == (go::MODULE, go::ARGS))
    }

    /// Whether it has debug information to tell files and lines by, or Go's own tables.
    pub fn has_lines(&self) -> bool {
        self.symbols.know_lines() || (self.code.is_go() && self.symbols.go().is_ok())
    }

    /// Why a Go binary has no lines; `None` if it has them, and for other modules.
    pub fn no_go_lines(&self) -> Option<String> {
        self.symbols.go().err().filter(|_| self.code.is_go()).map(ToString::to_string)
    }

    /// Directories of the machine that built the module, as far as its code or data holds them, each with the package it
    /// belongs to. Elsewhere, the same sources give another module.
    pub fn baked(&self) -> impl Iterator<Item = (&str, &str)> {
        self.baked.iter().map(|baked| (&*baked.package, &*baked.path))
    }

    /// Rewrites and compiles a module that was parsed from these bytes, or takes the compiled one from the cache.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(crate) fn load(
        engine: &Arc<Engine>,
        cache: Option<&Cache>,
        bytes: &Arc<Vec<u8>>,
        parsed: Parsed<'_>,
        catalogue: Catalogue,
        rules: CodeRules,
        options: LoadOptions,
    ) -> Result<Self, LoadError> {
        let has_threads = parsed.shared_memory().is_some();
        let heap_accounting = engine.options().heap_accounting;
        let asked = instrument::Options {
            heap: heap_accounting.then_some(rules.window),
            panics: rules.panics,
            fills: true,
            earlier: rules.windows,
        };
        let validate = || if has_threads { catalogue::validate_threaded(bytes) } else { catalogue::validate(bytes) };
        let (valid, instrumented) = rayon::join(validate, || instrument::instrument(&parsed, &asked));
        // The module is validated before anything is added: additions could make an invalid module valid, and it would
        // reach the hooks.
        valid?;
        let InstrumentedModule { bytes: rewritten, map } =
            instrumented.map_err(|error| LoadError::Invalid(error.to_string()))?;
        let variants = ModuleVariants { rewriting: asked, cache: cache.cloned(), ..ModuleVariants::default() };
        let (rewritten, counts) = with_counts(rewritten, &map, options.counts_fuel)?;
        let (rewritten, thread_hooks) = with_thread_hooks(rewritten, has_threads)?;
        let threaded = has_threads.then(|| engine.threaded().map_err(|error| LoadError::NoThreads(error.to_string())));
        let threaded = threaded.transpose()?;
        let CompiledModule { engine, module, charges } =
            compile(threaded.as_ref().unwrap_or(engine), cache, &rewritten)?;
        let threads = thread_hooks.as_ref().map(|_| ThreadModule::new(&module)).transpose();
        let threads = threads.map_err(|error| LoadError::NoThreads(format!("{error:#}")))?;
        let pre = match threads {
            None => {
                Some(engine.linker().instantiate_pre(&module).map_err(|error| LoadError::Link(format!("{error:#}")))?)
            }
            Some(_) => None,
        };
        let go_pointer = parsed.go_version().and_then(|_| go_pointer(&module, &map));
        let goes_on = module.get_export_index(GO_LOOP_EXPORT).filter(|_| threads.is_none() && go_pointer.is_some());
        let forks = module.imports().any(|import| (import.module(), import.name()) == (scopes::MODULE, scopes::FORK));
        let image_source = (catalogue.has_setup() || rules.may_set_up || goes_on.is_some() || forks).then(|| {
            let (bytes, map) = (rewritten.to_vec(), map.clone());
            Arc::new(ImageSource::new(bytes, map, cache.cloned()))
        });
        drop(rewritten);
        let own = options.name.split('/').next().unwrap_or_default();
        let start = map.code_start_rewritten.unwrap_or(0);
        let saved = saved(&map);
        let symbols = Symbols::new(Arc::clone(bytes), parsed.sections.clone(), options.roots)
            .with_harnesses(rules.frames)
            .with_doubled_paths(catalogue.declared.iter().map(|test| test.name.clone()));
        let symbols = Arc::new(symbols);
        let go = go_pointer.map(|pointer| GoStack { pointer, symbols: Arc::clone(&symbols) });
        let throws = parsed.has_tags();
        let hooks = ModuleHooks::find(&module, &map);
        let write = write_export(&module);
        let panics = match &map.panics {
            Ok(panics) => Ok(ModulePanics::new(&module, panics, &parsed)),
            Err(why) => Err(why.to_string()),
        };
        let heap = if heap_accounting {
            ModuleHeap::new(&module, map, catalogue.data.clone())
        } else {
            Err(NoHeap::TurnedOff)
        };
        Ok(Self {
            baked: catalogue::baked_paths(&options.places, &parsed, own),
            program: format!("{}.wasm", options.name.rsplit('/').next().unwrap_or_default()).into(),
            name: options.name.into(),
            charges: charges.as_ref().and_then(|_| module.get_export_index(CHARGE_TABLE)),
            counts: counts.as_ref().and_then(|_| module.get_export_index(COUNT_TABLE)),
            code: Arc::new(match (hooks.as_ref().map(|hooks| Arc::clone(&hooks.hooks)), &thread_hooks) {
                (hooks, None) => CodeMap::new(start, hooks, charges.into_iter().chain(counts)).with_go(go),
                (hooks, Some(threads)) => CodeMap::threaded(hooks, threads),
            }),
            hooks,
            strings: write.map(ModuleStrings::new),
            layout: module.get_export_index(FILL_LAYOUT_EXPORT),
            tests: module.get_export_index(FILL_TESTS_EXPORT),
            panics,
            heap,
            globals: saved.iter().filter_map(|name| module.get_export_index(name)).collect(),
            image_source,
            symbols,
            catalogue,
            module,
            pre,
            threads,
            engine,
            throws,
            goes_on,
            watches: None,
            context: None,
            variants,
        })
    }

    /// The module as one of its instances stood. `compiled` is its compiled form, and `code_moved` is by how much the
    /// contents of its code section have moved.
    ///
    /// # Errors
    /// The image cannot be linked, or lacks what was added to it.
    pub(super) fn of_image(
        &self,
        source: &ImageSource,
        compiled: CompiledModule,
        code_moved: isize,
    ) -> Result<Self, String> {
        let start = source.map.code_start_rewritten.unwrap_or(0).saturating_add_signed(code_moved);
        let again = self.compiled_again((&source.bytes, &source.map), compiled, (start, None))?;
        Ok(Self {
            // The image already holds what this global tells.
            layout: None,
            goes_on: again.module.get_export_index(GO_LOOP_EXPORT).filter(|_| self.goes_on.is_some()),
            // Its code, and with it all that there is to know, is the same.
            image_source: self.image_source.clone(),
            ..again
        })
    }

    /// The same module in another compiled form, of which no images are made. `bytes` and `map` are what it was rewritten to, and
    /// `start` is where offsets of its code are counted from, before `added` was put in.
    ///
    /// # Errors
    /// It cannot be linked, or lacks what was added to it.
    pub(super) fn compiled_again(
        &self,
        (bytes, map): (&[u8], &RewriteMap),
        compiled: CompiledModule,
        (start, added): (usize, Option<AddedCalls>),
    ) -> Result<Self, String> {
        let CompiledModule { engine, module, charges } = compiled;
        let write = write_export(&module);
        let pre = engine.linker().instantiate_pre(&module).map_err(|error| format!("{error:#}"))?;
        let hooks = ModuleHooks::find(&module, map);
        let parsed = Parsed::read(bytes).map_err(|error| error.to_string())?;
        let pointer = go_pointer(&module, map).filter(|_| self.code.is_go());
        let go = pointer.map(|pointer| GoStack { pointer, symbols: Arc::clone(&self.symbols) });
        let panics = match &map.panics {
            Ok(panics) => Ok(ModulePanics::new(&module, panics, &parsed)),
            Err(why) => Err(why.to_string()),
        };
        let heap = match &self.heap {
            Ok(heap) => heap.compiled_again(&module, &map.globals),
            Err(why) => Err(why.clone()),
        };
        Ok(Self {
            name: Arc::clone(&self.name),
            catalogue: self.catalogue.clone(),
            symbols: Arc::clone(&self.symbols),
            baked: self.baked.clone(),
            program: Arc::clone(&self.program),
            charges: charges.as_ref().and_then(|_| module.get_export_index(CHARGE_TABLE)),
            // Only the module that was loaded so tells of its fuel: see `LoadOptions::counting_fuel`.
            counts: None,
            watches: added.as_ref().and_then(|_| module.get_export_index(WATCH_TABLE)),
            context: added.as_ref().and_then(|_| module.get_export_index(CONTEXT_GLOBAL)),
            code: Arc::new({
                let hooks = hooks.as_ref().map(|hooks| Arc::clone(&hooks.hooks));
                CodeMap::new(start, hooks, charges.into_iter().chain(added)).with_go(go)
            }),
            hooks,
            strings: self.strings.as_ref().zip(write).map(|(strings, write)| strings.compiled_again(write)),
            layout: module.get_export_index(FILL_LAYOUT_EXPORT),
            tests: module.get_export_index(FILL_TESTS_EXPORT),
            panics,
            heap,
            globals: saved(map).iter().filter_map(|name| module.get_export_index(name)).collect(),
            image_source: None,
            goes_on: None,
            module,
            pre: Some(pre),
            threads: None,
            engine,
            throws: self.throws,
            variants: self.variants.of_same(),
        })
    }

    /// The same module, rewritten as it was, and then by `pass`, which puts more code into it.
    ///
    /// # Errors
    /// The pass refuses it, or it cannot be compiled.
    pub(super) fn with_more_code(
        &self,
        pass: impl FnOnce(&[u8], &RewriteMap) -> Result<(Vec<u8>, AddedCalls), InstrumentError>,
    ) -> Result<Box<Self>, String> {
        let parsed = Parsed::read(self.symbols.module().0).map_err(|error| error.to_string())?;
        let rewritten = instrument::instrument(&parsed, &self.variants.rewriting).map_err(|error| error.to_string())?;
        let InstrumentedModule { bytes, map } = rewritten;
        let (made, added) = pass(&bytes, &map).map_err(|error| error.to_string())?;
        let compiled = compile(&self.engine, self.variants.cache.as_ref(), &made).map_err(|error| error.to_string())?;
        let start = map.code_start_rewritten.unwrap_or(0);
        self.compiled_again((&bytes, &map), compiled, (start, Some(added))).map(Box::new)
    }

    /// The module linked with all that it imports.
    ///
    /// # Errors
    /// The module has threads: each of its tests is linked with a memory of its own.
    pub(super) fn pre(&self) -> wasmtime::Result<&InstancePre<TestState>> {
        self.pre.as_ref().context("the module has threads")
    }

    /// Whether the module can have threads: whether its memory is shared.
    pub fn has_threads(&self) -> bool {
        self.threads.is_some()
    }

    /// Whether panics unwind, as far as a module shows that: whether it has exceptions at all.
    pub fn unwinds(&self) -> bool {
        self.throws
    }

    /// Whether the module was compiled for this engine or one beside it: no other engine can run it.
    pub(crate) fn is_loaded_for(&self, engine: &Engine) -> bool {
        engine.is_or_owns(&self.engine)
    }

    /// Whether the module's code or data may name this directory of the machine that built it.
    pub(crate) fn may_name(&self, dir: &str) -> bool {
        // Only a build tells of a directory above this one, from which the program may put the path together.
        let (bytes, sections) = self.symbols.module();
        !self.baked.is_empty() || catalogue::holds(bytes, sections, dir)
    }

    /// Whether no function on these stacks can hold a pointer where the host does not see it.
    pub(crate) fn hold_nothing(&self, stacks: &[RunningStack<'_>]) -> bool {
        let stack_pointer = self.heap.as_ref().ok().and_then(|heap| heap.layout.stack_pointer_index());
        let parsed = Parsed::read(self.symbols.module().0);
        parsed.is_ok_and(|module| catalogue::hold_nothing(&module, stacks, stack_pointer))
    }

    /// How to call an SDK test of this module.
    pub fn sdk_call(&self, export: &str, should_panic: Option<String>) -> Option<SdkCall> {
        self.module.get_export_index(export)?;
        Some(SdkCall { export: export.into(), should_panic })
    }

    /// Why it cannot be known whether a test of this module panicked, or, if `says`, what the panic said; `None` if it can.
    pub(crate) fn untold_panics(&self, says: bool) -> Option<&str> {
        match &self.panics {
            Ok(panics) => panics.unread().filter(|_| says),
            Err(why) => Some(why),
        }
    }

    /// The globals that are restored before a clean-up, with their present values.
    pub(super) fn save_globals(&self, store: &mut Store<TestState>, instance: &Instance) -> Vec<(Global, Val)> {
        let found =
            self.globals.iter().filter_map(|export| instance.get_module_export(&mut *store, export)?.into_global());
        let found: Vec<Global> = found.collect();
        found.into_iter().map(|global| (global, global.get(&mut *store))).collect()
    }
}

/// The stack pointer of what Go compiles: its first global.
fn go_pointer(module: &Module, map: &RewriteMap) -> Option<ModuleExport> {
    let first = map.globals.iter().find(|global| global.index == 0)?;
    module.get_export_index(&first.export)
}

/// The function of the module that appends to a string.
fn write_export(module: &Module) -> Option<ModuleExport> {
    [PANIC_WRITE_EXPORT, FILL_WRITE_EXPORT].iter().find_map(|name| module.get_export_index(name))
}

/// A module that tells in which functions its fuel is spent, where that is wanted.
fn with_counts<'a>(
    rewritten: Cow<'a, [u8]>,
    map: &RewriteMap,
    wanted: bool,
) -> Result<(Cow<'a, [u8]>, Option<AddedCalls>), LoadError> {
    if !wanted {
        return Ok((rewritten, None));
    }
    let made = instrument::count_fuel(&rewritten, &map.hooks);
    let (made, counts) = made.map_err(|error| LoadError::Invalid(error.to_string()))?;
    Ok((made.into(), Some(counts)))
}

/// A module with its waits as calls of the host, where it has threads.
fn with_thread_hooks(
    rewritten: Cow<'_, [u8]>,
    has_threads: bool,
) -> Result<(Cow<'_, [u8]>, Option<ThreadHooks>), LoadError> {
    if !has_threads {
        return Ok((rewritten, None));
    }
    let (made, hooks) = instrument::hook_threads(&rewritten).map_err(|error| LoadError::Invalid(error.to_string()))?;
    Ok((made.into(), Some(hooks)))
}

/// The globals that are restored before a clean-up: the stack pointer, if its name is known; otherwise every global that
/// may be it.
fn saved(map: &RewriteMap) -> Vec<String> {
    match map.stack_pointer() {
        Some(global) => vec![global.export.clone()],
        None => map.globals.iter().map(|global| global.export.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Compiler;
    use super::*;
    use crate::catalogue::CompileCaps;

    fn wasm(fields: &str) -> Vec<u8> {
        wat::parse_str(format!(r#"(module {fields} (func (export "_start")))"#)).unwrap()
    }

    fn load(engine: &Arc<Engine>, cache: Option<&Cache>, bytes: &[u8]) -> Result<(), String> {
        loaded(engine, cache, bytes).map(drop)
    }

    fn loaded(engine: &Arc<Engine>, cache: Option<&Cache>, bytes: &[u8]) -> Result<LoadedModule, String> {
        let load = || -> Result<LoadedModule, LoadError> {
            let bytes = Arc::new(bytes.to_vec());
            let parsed = Parsed::open(&bytes)?;
            let catalogue = Catalogue::new(&parsed, Harness::Command, Vec::new(), Vec::new())?;
            let rules = CodeRules {
                window: Window::Main,
                windows: Vec::new(),
                frames: Vec::new(),
                panics: false,
                may_set_up: false,
            };
            LoadedModule::load(engine, cache, &bytes, parsed, catalogue, rules, LoadOptions::default())
        };
        load().map_err(|error| error.to_string())
    }

    fn engine_under(caps: CompileCaps) -> Arc<Engine> {
        Arc::new(Engine::new(EngineOptions { caps, ..EngineOptions::default() }).unwrap())
    }

    /// Caps that every module exceeds, except for the single-pass compiler.
    const ALL_HEAVY: CompileCaps = CompileCaps { function: 0, module: 0, single_pass: u64::MAX };

    #[test]
    fn what_loads_does_not_depend_on_the_allocator() {
        let [pool, on_demand] = [true, false]
            .map(|pooling| Arc::new(Engine::new(EngineOptions { pooling, ..EngineOptions::default() }).unwrap()));
        for (fields, loads) in [
            ("(table 1 funcref)".repeat(4), true),
            ("(table 1 funcref)".repeat(5), false),
            ("(table 1048576 funcref)".to_owned(), true),
            ("(table 1048577 funcref)".to_owned(), false),
            ("(memory 65536)".to_owned(), true),
            // An instance of 9.6 MB.
            ("(global i32 (i32.const 0))".repeat(600_000), true),
        ] {
            let module = wasm(&fields);
            let result = load(&pool, None, &module);
            assert_eq!(result.is_ok(), loads, "{result:?} for {}", &fields[..20]);
            assert_eq!(load(&on_demand, None, &module), result);
        }
    }

    #[test]
    fn what_was_compiled_under_higher_caps_is_not_found_under_lower_ones() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().join("modules"), u64::MAX);
        let module = wasm(&format!("(func (local {}))", "i64 ".repeat(3_200)));
        load(&engine_under(CompileCaps::default()), Some(&cache), &module).unwrap();
        for lower in [
            CompileCaps { function: 50, single_pass: 50, ..CompileCaps::default() },
            CompileCaps { module: 50, single_pass: 50, ..CompileCaps::default() },
        ] {
            let refused = load(&engine_under(lower), Some(&cache), &module).unwrap_err();
            assert!(refused.contains("too much work for a compiler"), "{refused}");
        }
    }

    #[test]
    fn what_is_too_heavy_is_compiled_in_a_single_pass_and_found_in_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().join("modules"), u64::MAX);
        let module = wasm("");
        let compiler = |engine: &Arc<Engine>| {
            let module = loaded(engine, Some(&cache), &module).unwrap();
            assert!(module.is_loaded_for(engine));
            (Arc::ptr_eq(&module.engine, engine), module.engine.options().compiler)
        };
        let light = engine_under(CompileCaps::default());
        assert_eq!(compiler(&light), (true, Compiler::Cranelift));
        for attempt in ["compiled", "cached"] {
            assert_eq!(compiler(&engine_under(ALL_HEAVY)), (false, Compiler::Winch), "{attempt}");
        }
        let entries = std::fs::read_dir(dir.path().join("modules")).unwrap().flatten();
        let names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        assert_eq!(names.iter().filter(|name| name.ends_with("-single-pass")).count(), 1, "{names:?}");
        assert_eq!(names.len(), 2);
        let winch = EngineOptions { caps: ALL_HEAVY, compiler: Compiler::Winch, ..EngineOptions::default() };
        assert_eq!(compiler(&Arc::new(Engine::new(winch).unwrap())), (true, Compiler::Winch));
    }

    #[test]
    fn a_module_numbers_its_calling_contexts_where_that_saves_time() {
        let engine = engine_under(CompileCaps::default());
        let allocator = r#"(memory (export "memory") 2) (global $__stack_pointer (mut i32) (i32.const 1024))
            (func $malloc (param i32) (result i32) (i32.add (i32.const 4096) (i32.and (local.get 0) (i32.const 0))))
            (func $free (param i32) (drop (i32.add (local.get 0) (i32.const 4096))))
            (func $__original_main (result i32) (call $malloc (i32.const 8)))"#;
        let module = loaded(&engine, None, &wasm(allocator)).unwrap();
        assert_eq!(module.why_no_heap(), None);
        assert!(module.telling_contexts(20_000).is_none());
        let telling = module.telling_contexts(1 << 20).unwrap();
        assert!(telling.context.is_some() && telling.hooks.is_some());
        assert!(telling.telling_contexts(1 << 20).is_none(), "it does already");
        let without = loaded(&engine, None, &wasm("")).unwrap();
        assert!(without.telling_contexts(1 << 20).is_none(), "no block of it is followed");
    }

    #[test]
    fn a_heavy_module_that_the_single_pass_compiler_lacks_something_for_is_refused_in_words() {
        let module = wasm("(func $f) (func (return_call $f))");
        load(&engine_under(CompileCaps::default()), None, &module).unwrap();
        let refused = load(&engine_under(ALL_HEAVY), None, &module).unwrap_err();
        insta::assert_snapshot!(refused, @"it is too much work for an optimising compiler: its functions weigh 16 or more, over the `module-weight` of 12 for a module of its size; the single-pass compiler, which takes such modules, cannot: failed to compile: wasm[0]::function[1]: Compilation error: tail calls support is not enabled (at offset 0x28); split what is heavy, or raise that cap in airtight.toml and wait for the compiler");
    }
}
