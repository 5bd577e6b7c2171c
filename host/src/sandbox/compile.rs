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
use wasmparser::{Parser, Payload};
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

/// A module without the custom sections behind its code, so that no offset of the code changes. The engine needs none of them; of names it
/// would copy one for each frame of a stack whenever it captures a stack.
fn without_names(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    const CUSTOM: u8 = 0;
    const CODE: u8 = 10;
    let (mut kept, mut end, mut is_behind) = (Vec::with_capacity(bytes.len()), 0, false);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| LoadError::Invalid(error.to_string()))? {
            Payload::Version { range, .. } => {
                kept.extend_from_slice(&bytes[range.clone()]);
                end = range.end;
            }
            payload => {
                let Some((id, range)) = payload.as_section() else { continue };
                if id != CUSTOM || !is_behind {
                    kept.extend_from_slice(&bytes[end..range.end]);
                }
                is_behind |= id == CODE;
                end = range.end;
            }
        }
    }
    Ok(kept)
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
    let input = without_names(&charged.bytes)?;
    let module = match engine.child().filter(|child| child.takes(&input)) {
        Some(child) => {
            let code = compile_elsewhere(child, &engine, &input).map_err(|why| match why {
                NoCode::Interrupted => LoadError::Interrupted,
                NoCode::OverBudget { took, setting } => LoadError::OverBudget { took, setting, weight },
                NoCode::Failed(why) => failed(why),
            })?;
            // SAFETY: `precompile_module` gave these bytes to a child process, which is this program, and they came through
            // a pipe that nobody else has.
            unsafe { Module::deserialize(engine.wasmtime(), code) }.map_err(|error| failed(format!("{error:#}")))?
        }
        None => {
            let made = make(|| Module::from_binary(engine.wasmtime(), &input)).map_err(failed)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_the_code_and_custom_is_left_out() {
        let text = r#"(module (@custom "a" (before first) "first") (memory 1) (func $named (drop (i32.const 1))) (data (i32.const 0) "x"))"#;
        let mut bytes = wat::parse_str(text).unwrap();
        // Behind all else: a custom section `b` with a byte.
        bytes.extend([0, 3, 1, b'b', 7]);
        let kept = without_names(&bytes).unwrap();
        let names = |bytes: &[u8]| {
            let payloads = Parser::new(0).parse_all(bytes).map(Result::unwrap).collect::<Vec<_>>().into_iter();
            let sections = payloads.filter_map(|payload| match payload {
                Payload::CustomSection(section) => Some(section.name().to_owned()),
                Payload::CodeSectionStart { range, .. } => Some(format!("code at {}", range.start)),
                Payload::DataSection(_) => Some("data".to_owned()),
                _ => None,
            });
            sections.collect::<Vec<_>>()
        };
        let (all, left) = (names(&bytes), names(&kept));
        assert_eq!((all.len(), &all[..3]), (5, &left[..]));
        assert_eq!((&*left[0], &*left[2]), ("a", "data"));
    }
}
