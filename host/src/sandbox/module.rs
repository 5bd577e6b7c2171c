//! A module, ready to be run any number of times.

use super::cache::{Cache, CacheKey};
use super::code::CodeMap;
use super::engine::Engine;
use super::heap::{ModuleHeap, NoHeap};
use super::sdk::SdkCall;
use super::state::TestState;
use crate::catalogue::{self, BakedPath, Catalogue, CatalogueError, Module as Parsed, Places};
use crate::instrument::{self, Instrumented, RewriteMap, Window};
use crate::model::Harness;
use crate::symbols::{HarnessFrames, PathRoots, Symbols};
use std::sync::Arc;
use wasmtime::{Global, Instance, InstancePre, Module, ModuleExport, Store, Val};

/// A module that cannot be loaded. All of these are the module's or its builder's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is not what airtight runs: not a module, one that imports what airtight does not provide, one without anything to run.
    #[error(transparent)]
    Unsuitable(Box<dyn std::error::Error + Send + Sync>),
    /// It is larger than the cap.
    #[error("the module has {size} bytes, over the cap of {cap}; `module-size` in airtight.toml raises it")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The cap in bytes.
        cap: u64,
    },
    /// The engine refuses it.
    #[error("the module is not valid: {0}")]
    Invalid(String),
    /// It cannot be linked.
    #[error("the module cannot be linked: {0}")]
    Link(String),
}

impl From<CatalogueError> for LoadError {
    fn from(error: CatalogueError) -> Self {
        Self::Unsuitable(error.into())
    }
}

/// What a module is loaded with.
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
}

impl LoadOptions {
    /// For a module that reports call by this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The harness to take the module for; without one, it is looked for.
    #[must_use]
    pub fn harness(mut self, harness: impl Into<Option<Harness>>) -> Self {
        self.harness = harness.into();
        self
    }
}

/// What has to be known of a module's harnesses to load it.
#[derive(Debug, Clone)]
pub(crate) struct CodeRules {
    /// In which functions the code of its tests runs.
    pub window: Window,
    /// The windows of all harnesses: with any of them it may have been rewritten before.
    pub windows: Vec<Window>,
    /// Which frames of a stack are a harness's own.
    pub frames: Vec<HarnessFrames>,
}

/// A compiled module with its catalogue and symbols.
pub struct LoadedModule {
    pub(crate) name: Arc<str>,
    /// Its tests and what holds them.
    pub(crate) catalogue: Catalogue,
    /// Its functions and lines, by offset.
    pub(crate) symbols: Symbols,
    pub(crate) baked: Vec<BakedPath>,
    pub(super) program: Arc<str>,
    pub(super) pre: InstancePre<TestState>,
    pub(super) code: Arc<CodeMap>,
    /// Its hooked allocator, or why there is none.
    pub(super) heap: Result<ModuleHeap, NoHeap>,
    globals: Vec<ModuleExport>,
}

impl LoadedModule {
    /// Its name in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What holds its tests; some of them may be held by another harness.
    pub fn harness(&self) -> Harness {
        self.catalogue.harness
    }

    /// Whether it has debug information to tell files and lines by.
    pub fn has_lines(&self) -> bool {
        self.symbols.know_lines()
    }

    /// Directories of the machine that built it which its code or data holds, each with the package it belongs to: the same
    /// sources give another module elsewhere.
    pub fn baked(&self) -> impl Iterator<Item = (&str, &str)> {
        self.baked.iter().map(|baked| (&*baked.package, &*baked.path))
    }

    /// Rewrites and compiles a parsed module, or takes the compiled one from the cache.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(crate) fn load(
        engine: &Engine,
        cache: Option<&Cache>,
        parsed: Parsed<'_>,
        catalogue: Catalogue,
        rules: CodeRules,
        options: LoadOptions,
    ) -> Result<Self, LoadError> {
        let bytes = parsed.bytes;
        // What is wrong with a module could become right by what is added to it, and would then reach the hooks.
        catalogue::validate(bytes)?;
        let heap_accounting = engine.options().heap_accounting;
        let asked = instrument::Options { heap: heap_accounting.then_some(rules.window), earlier: rules.windows };
        let Instrumented { bytes: rewritten, map } =
            instrument::instrument(&parsed, &asked).map_err(|error| LoadError::Invalid(error.to_string()))?;
        let module = compile(engine, cache, &rewritten)?;
        let pre = engine.linker().instantiate_pre(&module).map_err(|error| LoadError::Link(format!("{error:#}")))?;
        drop(rewritten);
        let own = options.name.split('/').next().unwrap_or_default();
        let start = map.code_start_rewritten.unwrap_or(0);
        let saved = saved(&map);
        let heap =
            if heap_accounting { ModuleHeap::new(&module, map, catalogue.lowest_data) } else { Err(NoHeap::TurnedOff) };
        Ok(Self {
            baked: catalogue::baked_paths(&options.places, &parsed, own),
            program: format!("{}.wasm", options.name.rsplit('/').next().unwrap_or_default()).into(),
            name: options.name.into(),
            code: Arc::new(CodeMap::new(start, heap.as_ref().ok().map(|heap| Arc::clone(&heap.hooks)))),
            heap,
            globals: saved.iter().filter_map(|name| module.get_export_index(name)).collect(),
            symbols: Symbols::new(bytes.into(), parsed.sections, options.roots)
                .with_harnesses(rules.frames)
                .with_doubled_paths(catalogue.declared.iter().map(|test| test.name.clone())),
            catalogue,
            pre,
        })
    }

    /// Whether it was compiled for this engine, which alone can run it.
    pub(crate) fn is_loaded_for(&self, engine: &Engine) -> bool {
        wasmtime::Engine::same(self.pre.module().engine(), engine.wasmtime())
    }

    /// Whether its code or data may name this directory of the machine that built it.
    pub(crate) fn may_name(&self, dir: &str) -> bool {
        // Of a directory above, which a path can be put together from, only a build tells.
        let (bytes, sections) = self.symbols.module();
        !self.baked.is_empty() || catalogue::holds(bytes, sections, dir)
    }

    /// How to call an SDK test of this module.
    pub fn sdk_call(&self, export: &str, should_panic: Option<String>) -> Option<SdkCall> {
        Some(SdkCall { export: self.pre.module().get_export_index(export)?, should_panic })
    }

    /// The values of the module's mutable globals, the stack pointer among them.
    pub(super) fn save_globals(&self, store: &mut Store<TestState>, instance: &Instance) -> Vec<(Global, Val)> {
        let found =
            self.globals.iter().filter_map(|export| instance.get_module_export(&mut *store, export)?.into_global());
        let found: Vec<Global> = found.collect();
        found.into_iter().map(|global| (global, global.get(&mut *store))).collect()
    }
}

/// The globals to be restored before a clean-up: the stack pointer alone where its name is known; else whatever may be it.
fn saved(map: &RewriteMap) -> Vec<String> {
    match map.stack_pointer() {
        Some(global) => vec![global.export.clone()],
        None => map.globals.iter().map(|global| global.export.clone()).collect(),
    }
}

fn compile(engine: &Engine, cache: Option<&Cache>, bytes: &[u8]) -> Result<Module, LoadError> {
    let caps = engine.options().caps;
    let engine = engine.wasmtime();
    let key = CacheKey::new(engine, caps, bytes);
    if let Some(module) = cache.and_then(|cache| cache.load(engine, &key)) {
        return Ok(module);
    }
    // Compiling cannot be interrupted, so what would take too long is not begun.
    catalogue::weigh(bytes, caps)?;
    let module = Module::from_binary(engine, bytes).map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
    if let Some(cache) = cache {
        cache.store(&key, &module);
    }
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::super::EngineOptions;
    use super::*;
    use crate::catalogue::CompileCaps;

    fn wasm(fields: &str) -> Vec<u8> {
        wat::parse_str(format!(r#"(module {fields} (func (export "_start")))"#)).unwrap()
    }

    fn load(engine: &Engine, cache: Option<&Cache>, bytes: &[u8]) -> Result<(), String> {
        let load = || -> Result<LoadedModule, LoadError> {
            let parsed = Parsed::open(bytes)?;
            let catalogue = Catalogue::new(&parsed, Harness::Command, Vec::new(), Vec::new())?;
            let rules = CodeRules { window: Window::Main, windows: Vec::new(), frames: Vec::new() };
            LoadedModule::load(engine, cache, parsed, catalogue, rules, LoadOptions::default())
        };
        load().map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn what_loads_does_not_depend_on_the_allocator() {
        let [pool, on_demand] =
            [true, false].map(|pooling| Engine::new(EngineOptions { pooling, ..EngineOptions::default() }).unwrap());
        for (fields, loads) in [
            ("(table 1 funcref)".repeat(4), true),
            ("(table 1 funcref)".repeat(5), false),
            ("(table 1048576 funcref)".to_owned(), true),
            ("(table 1048577 funcref)".to_owned(), false),
            ("(memory 65536)".to_owned(), true),
            // 9.6 MB of an instance.
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
        let under = |caps| Engine::new(EngineOptions { caps, ..EngineOptions::default() }).unwrap();
        let module = wasm(&format!("(func (local {}))", "i64 ".repeat(3_200)));
        load(&under(CompileCaps::default()), Some(&cache), &module).unwrap();
        for lower in [
            CompileCaps { function: 50, ..CompileCaps::default() },
            CompileCaps { module: 50, ..CompileCaps::default() },
        ] {
            let refused = load(&under(lower), Some(&cache), &module).unwrap_err();
            assert!(refused.contains("too much work for a compiler"), "{refused}");
        }
    }
}
