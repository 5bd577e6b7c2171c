//! Finds imports that airtight cannot provide, and says for each why, and how the module should have been built.

use super::module::{Module, is_shared_memory};
use super::{exceptions, threads, wasi};
use airtight_abi::{faults, go, held, mem, net, scopes, tasks, tracked};
use std::fmt;
use wasmparser::{FuncType, Import, TagType, TypeRef, ValType};

/// How many imports a message names at most; the others are counted.
const NAMED: usize = 20;

/// One import that cannot be provided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadImport {
    /// Its module name.
    pub module: String,
    /// Its name.
    pub name: String,
    /// What is wrong with it: `is a memory`, `has type (func), not …`; `None` if its name is simply unknown.
    pub problem: Option<String>,
}

impl fmt::Display for BadImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.module.escape_debug(), self.name.escape_debug())?;
        self.problem.as_ref().map_or(Ok(()), |problem| write!(f, " ({problem})"))
    }
}

/// The imports of a module that cannot be provided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadImports {
    /// The first of them, in the order of the module.
    pub named: Vec<BadImport>,
    /// How many more there are.
    pub more: usize,
    /// How the module seems to have been built, and what to do about it.
    pub hint: Option<&'static str>,
}

impl fmt::Display for BadImports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, import) in self.named.iter().enumerate() {
            write!(f, "{}{import}", if index == 0 { "" } else { ", " })?;
        }
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        self.hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// Refuses a module with an import that airtight does not provide, or that has another type. Provided are the functions of
/// `wasi_snapshot_preview1` and of airtight itself, the memory and the function of modules with threads, and tags of
/// exceptions.
pub(super) fn check(module: &Module<'_>) -> Result<(), BadImports> {
    let mut bad = BadImports { named: Vec::new(), more: 0, hint: None };
    for import in &module.imports {
        let Err(problem) = provided(module, import) else { continue };
        bad.hint = bad.hint.or_else(|| hint(import.module, import.name));
        if bad.named.len() < NAMED {
            bad.named.push(BadImport { module: import.module.into(), name: import.name.into(), problem });
        } else {
            bad.more += 1;
        }
    }
    if bad.named.is_empty() { Ok(()) } else { Err(bad) }
}

/// Whether airtight provides an import; if not, the [`BadImport::problem`].
fn provided(module: &Module<'_>, import: &Import<'_>) -> Result<(), Option<String>> {
    let index = match import.ty {
        TypeRef::Func(index) => index,
        TypeRef::Tag(tag) if exceptions::MODULE == import.module => return exception(module, import.name, tag),
        TypeRef::Memory(ty) if is_shared_memory(import, ty) => return Ok(()),
        _ => return Err(Some(format!("is a {}", kind(import.ty)))),
    };
    let expected = match import.module {
        wasi::MODULE => {
            let signature = wasi::signature(import.name);
            let (params, results) = signature.ok_or_else(|| Some("is no function of WASI preview 1".to_owned()))?;
            FuncType::new(params, results)
        }
        net::MODULE if import.name == go::READY => FuncType::new([], []),
        net::MODULE => {
            let own = net::IMPORTS
                .iter()
                .chain(&mem::IMPORTS)
                .chain(&held::IMPORTS)
                .chain(&scopes::IMPORTS)
                .chain(&tracked::IMPORTS)
                .chain(&faults::IMPORTS)
                .chain(&tasks::IMPORTS)
                .chain(&go::IMPORTS);
            let own = own.clone().find(|(name, _)| *name == import.name);
            let (_, params) = own.ok_or_else(|| Some("is no function of this version of airtight".to_owned()))?;
            FuncType::new(vec![ValType::I32; *params], [ValType::I32])
        }
        threads::MODULE if import.name == threads::SPAWN => {
            if module.shared_memory().is_none() {
                return Err(Some("is for modules with a shared memory, and this one has none".to_owned()));
            }
            FuncType::new([ValType::I32], [ValType::I32])
        }
        _ => return Err(None),
    };
    match module.type_at(index) {
        Some(found) if *found == expected => Ok(()),
        Some(found) => Err(Some(format!("has type {found}, not {expected}"))),
        None => Err(Some("has no function type".to_owned())),
    }
}

/// Whether airtight provides a tag: it does if compilers use it without a definition. Such an exception carries one address of
/// the guest.
fn exception(module: &Module<'_>, name: &str, tag: TagType) -> Result<(), Option<String>> {
    if !exceptions::TAGS.contains(&name) {
        return Err(Some("is an exception that no compiler throws".to_owned()));
    }
    let expected = FuncType::new([ValType::I32], []);
    match module.type_at(tag.func_type_idx) {
        Some(found) if *found == expected => Ok(()),
        Some(found) => Err(Some(format!("has type {found}, not {expected}"))),
        None => Err(Some("has no function type".to_owned())),
    }
}

fn kind(ty: TypeRef) -> &'static str {
    match ty {
        TypeRef::Func(_) => "function",
        TypeRef::FuncExact(_) => "function of an exact type",
        TypeRef::Table(_) => "table",
        TypeRef::Memory(_) => "memory",
        TypeRef::Global(_) => "global",
        TypeRef::Tag(_) => "tag",
    }
}

fn hint(module: &str, name: &str) -> Option<&'static str> {
    Some(match (module, name) {
        ("wasi_unstable", _) => {
            "it was built for the WASI of 2019; rebuild it with a current toolchain for the target wasm32-wasip1"
        }
        (threads::MODULE, threads::SPAWN) | ("env", "memory") => {
            "a memory is imported only to be shared by threads, as `env::memory`; build it for the target wasm32-wasip1, or for \
             wasm32-wasip1-threads"
        }
        ("env", _) => {
            "names in `env` are symbols that the linker did not find, or functions of Emscripten; link what defines \
             them, and build for the target wasm32-wasip1"
        }
        ("gojs" | "go", _) => "it was built with GOOS=js; build it with GOOS=wasip1",
        ("wbg" | "__wbindgen_placeholder__" | "__wbindgen_externref_xform__", _) => {
            "it was built for wasm-bindgen, so for a browser; build it for the target wasm32-wasip1"
        }
        (module, _) if module.starts_with("wasi:") || module.starts_with("cm32p2") => {
            "it was built for WASI preview 2; build it for the target wasm32-wasip1"
        }
        (net::MODULE, _) => "it was built with another version of the guest SDK; use that of this airtight",
        (wasi::MODULE, _) => "the toolchain and airtight disagree about WASI preview 1; rebuild for wasm32-wasip1",
        _ => return None,
    })
}
