//! Compiles a rewritten module, or takes its compiled form from the cache.

mod make;
mod task;

pub use task::compile_task;

use super::cache::{Cache, CacheKey};
use super::child::NoCode;
use super::engine::{Compiler, Engine};
use super::load_error::LoadError;
use crate::catalogue::{self, Weight};
use crate::instrument::{self, AddedCalls};
use make::make;
use std::borrow::Cow;
use std::sync::Arc;
use task::compile_elsewhere;
use wasmtime::Module;

/// A compiled module, and the engine that runs it.
pub(super) struct CompiledModule {
    pub(super) engine: Arc<Engine>,
    pub(super) module: Module,
    /// How its bulk operations are charged, where the compiler does not do that.
    pub(super) charges: Option<AddedCalls>,
}

/// A module in the form that one engine compiles.
struct EngineInput<'a> {
    bytes: Cow<'a, [u8]>,
    charges: Option<AddedCalls>,
}

impl<'a> EngineInput<'a> {
    fn new(engine: &Engine, bytes: &'a [u8]) -> Result<Self, LoadError> {
        if engine.options().compiler == Compiler::Winch
            && let Some((charged, charges)) =
                instrument::charge_bulk(bytes).map_err(|error| LoadError::Invalid(error.to_string()))?
        {
            return Ok(Self { bytes: charged.into(), charges: Some(charges) });
        }
        Ok(Self { bytes: bytes.into(), charges: None })
    }
}

/// Compiles a module, or takes it from the cache. A module that is too much work for the engine's own compiler goes to the
/// single-pass compiler: work that would take too long is not begun. If there is a process to compile in, that also bounds
/// time and memory.
pub(super) fn compile(engine: &Arc<Engine>, cache: Option<&Cache>, bytes: &[u8]) -> Result<CompiledModule, LoadError> {
    let caps = engine.options().caps;
    let key = cache.map(|cache| (cache, CacheKey::new(engine.wasmtime(), caps, bytes)));
    if let Some((cache, own)) = &key {
        let single_pass = own.single_pass();
        if let Some(module) = cache.load(engine.wasmtime(), own) {
            let charges = EngineInput::new(engine, bytes)?.charges;
            return Ok(CompiledModule { engine: Arc::clone(engine), module, charges });
        }
        if cache.holds(&single_pass)
            && let Ok(engine) = engine.single_pass()
            && let Some(module) = cache.load(engine.wasmtime(), &single_pass)
        {
            let charges = EngineInput::new(&engine, bytes)?.charges;
            return Ok(CompiledModule { engine, module, charges });
        }
    }
    let (heavy, weight) = match catalogue::weigh(bytes, caps)? {
        Weight::Light(weight) => (None, format!("its functions weigh {weight}, within the `module-weight`")),
        Weight::Heavy(heavy) => (Some(heavy.to_string()), heavy.to_string()),
    };
    let failed = |why: String| match &heavy {
        None => LoadError::Invalid(why),
        Some(heavy) => LoadError::NoCompiler { heavy: heavy.clone(), why },
    };
    let engine = match &heavy {
        None => Arc::clone(engine),
        Some(_) if engine.options().threads => return Err(failed("it does not run threads".to_owned())),
        Some(heavy) => {
            tracing::info!("the single-pass compiler takes a module that is too much for an optimising one: {heavy}");
            engine.single_pass().map_err(|error| failed(error.to_string()))?
        }
    };
    let charged = EngineInput::new(&engine, bytes)?;
    let module = match engine.child().filter(|child| child.takes(&charged.bytes)) {
        Some(child) => {
            let code = compile_elsewhere(child, &engine, &charged.bytes).map_err(|why| match why {
                NoCode::Interrupted => LoadError::Interrupted,
                NoCode::OverBudget { took, setting } => LoadError::OverBudget { took, setting, weight },
                NoCode::Failed(why) => failed(why),
            })?;
            // SAFETY: `precompile_module` gave these bytes to a child process, which is this program, and they came through
            // a pipe that nobody else has.
            unsafe { Module::deserialize(engine.wasmtime(), code) }.map_err(|error| failed(format!("{error:#}")))?
        }
        None => {
            let made = make(|| Module::from_binary(engine.wasmtime(), &charged.bytes)).map_err(failed)?;
            if let Some(functions) = engine.functions() {
                functions.keep();
            }
            made
        }
    };
    if let Some((cache, own)) = &key {
        cache.store(&if heavy.is_some() { own.single_pass() } else { own.clone() }, &module);
    }
    Ok(CompiledModule { engine, module, charges: charged.charges })
}
