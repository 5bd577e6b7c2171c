//! A module, ready to be run any number of times.

use super::cache::{Cache, CacheKey};
use super::engine::Engine;
use super::sdk::SdkCall;
use super::state::TestState;
use crate::catalogue::{self, BakedPath, Catalogue, CatalogueError, Places};
use crate::instrument;
use crate::report::model::Harness;
use crate::symbols::{PathRoots, Symbols};
use std::borrow::Cow;
use std::sync::Arc;
use wasmtime::{Global, Instance, InstancePre, Module, ModuleExport, Store, Val};

/// A module that cannot be loaded. All of these are the module's or its builder's fault.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is not what airtight runs.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
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

/// What a module is loaded with.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Its name in reports.
    pub name: String,
    /// The harness to take it for, instead of looking.
    pub harness: Option<Harness>,
    /// Prefixes to strip from source paths.
    pub roots: PathRoots,
    /// Where it was built; see [`LoadedModule::baked`].
    pub places: Arc<Places>,
}

/// A compiled module with its catalogue and symbols.
pub struct LoadedModule {
    /// Its name in reports.
    pub name: Arc<str>,
    /// Its tests and what holds them.
    pub catalogue: Catalogue,
    /// Its functions and lines, by offset.
    pub symbols: Symbols,
    /// Paths of the places where it was built that its code or data holds: the same sources give another module elsewhere.
    pub baked: Vec<BakedPath>,
    pub(super) program: Arc<str>,
    pub(super) pre: InstancePre<TestState>,
    pub(super) code_start: usize,
    globals: Vec<ModuleExport>,
}

impl LoadedModule {
    /// Reads, rewrites and compiles a module, or takes the compiled one from the cache.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(
        engine: &Engine,
        cache: Option<&Cache>,
        bytes: Vec<u8>,
        options: LoadOptions,
    ) -> Result<Self, LoadError> {
        let catalogue = Catalogue::read(&bytes, options.harness)?;
        let Rewritten { bytes: rewritten, code_start, globals } = rewrite(&bytes, &catalogue)?;
        let module = compile(engine, cache, &rewritten)?;
        let pre = engine.linker().instantiate_pre(&module).map_err(|error| LoadError::Link(format!("{error:#}")))?;
        drop(rewritten);
        let own = options.name.split('/').next().unwrap_or_default();
        Ok(Self {
            baked: options.places.baked_into(&bytes, own),
            program: format!("{}.wasm", options.name.rsplit('/').next().unwrap_or_default()).into(),
            name: options.name.into(),
            code_start: code_start.unwrap_or(0),
            globals: globals.iter().filter_map(|name| module.get_export_index(name)).collect(),
            symbols: Symbols::new(bytes.into(), options.roots)
                .with_sdk_tests(catalogue.sdk_tests.iter().map(|test| test.name.clone())),
            catalogue,
            pre,
        })
    }

    /// Whether its code or data may name this directory of the machine that built it.
    pub(crate) fn may_name(&self, dir: &str) -> bool {
        // Of a directory above, which a path can be put together from, only a build tells.
        !self.baked.is_empty() || catalogue::holds(self.symbols.module(), dir)
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

/// Only SDK tests have clean-ups to call after a trap; everything else runs as it is.
fn rewrite<'a>(bytes: &'a [u8], catalogue: &Catalogue) -> Result<Rewritten<'a>, LoadError> {
    if catalogue.sdk_tests.is_empty() {
        return Ok(Rewritten { bytes: Cow::Borrowed(bytes), code_start: catalogue.code_start, globals: Vec::new() });
    }
    let done = instrument::instrument(bytes, &instrument::Options::default())
        .map_err(|error| LoadError::Invalid(error.to_string()))?;
    // The stack pointer alone where its name is known; else whatever may be it.
    let globals = match done.map.stack_pointer() {
        Some(global) => vec![global.export.clone()],
        None => done.map.globals.iter().map(|global| global.export.clone()).collect(),
    };
    Ok(Rewritten { bytes: done.bytes, code_start: done.map.code_start_rewritten, globals })
}

struct Rewritten<'a> {
    bytes: Cow<'a, [u8]>,
    code_start: Option<usize>,
    globals: Vec<String>,
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
    let module = Module::from_binary(engine, bytes).map_err(|error| match catalogue::validate(bytes) {
        Err(invalid) => LoadError::Catalogue(invalid),
        Ok(()) => LoadError::Invalid(format!("{error:#}")),
    })?;
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
        let loaded = LoadedModule::load(engine, cache, bytes.to_vec(), LoadOptions::default());
        loaded.map(drop).map_err(|error| error.to_string())
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
