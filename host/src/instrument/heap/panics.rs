//! Finds the functions of Rust's library through which every panic goes, by their names, so that the host learns of panics.
//!
//! A panic is raised by `rust_panic`, after the panic hook has run. A panic that gets there is one that `catch_unwind` would
//! catch on a platform that unwinds. If the library gives up before, as it does for a panic within a panic hook, `rust_panic`
//! is not called.
//!
//! `rust_panic` is given the payload. But a program that aborts does not read it. If the compiler has seen that (link-time
//! optimisation does), the argument may be anything. Then the payload is taken from the arguments of `panic_with_hook` instead.
//!
//! The host reads the payload as the library itself does, by the functions in its vtable. Which kinds of payload are text it
//! learns from the two that the library makes itself, [`PANIC_STATIC_EXPORT`] and [`PANIC_FORMATTED_EXPORT`].

use super::NoHooks;
use super::hook::HookKind;
use super::names::{HookTarget, TellingNames, each_name, path, target};
use crate::instrument::bodies::ModuleBodies;
use crate::instrument::export_globals::NewExport;
use wasm_encoder::ExportKind;
use wasmparser::{BinaryReader, FuncType, FunctionBody, Operator, ValType};

/// The beginning of the names of the exports.
pub(super) const PREFIX: &str = "airtight:panic/";

/// The export of the table into which vtables point.
pub const PANIC_TABLE_EXPORT: &str = "airtight:panic/table";

/// The export of the function that borrows the contents of a payload which is a `&'static str`.
pub const PANIC_STATIC_EXPORT: &str = "airtight:panic/static";

/// The export of the function that borrows the contents of a payload which is a `String`.
pub const PANIC_FORMATTED_EXPORT: &str = "airtight:panic/formatted";

/// The export of the function that appends to a `String`.
pub const PANIC_WRITE_EXPORT: &str = "airtight:panic/write";

/// The function that raises every panic.
const RAISE: &str = "__rustc::rust_panic";

/// The function that reports a panic before it is raised.
const ANNOUNCE: &str = "std::panicking::panic_with_hook";

const STATIC: &str = "<std::panicking::panic_handler::StaticStrPayload as core::panic::PanicPayload>::get";
const FORMATTED: &str = "<std::panicking::panic_handler::FormatStringPayload as core::panic::PanicPayload>::get";
pub(super) const WRITE: &str = "<alloc::string::String as core::fmt::Write>::write_str";

/// The end of the path of every function that borrows the contents of a payload.
const BORROWS: &str = " as core::panic::PanicPayload>::get";

/// Parts of these names: each has one of them, mangled or not.
const TELLING: [&str; 4] = ["rust_panic", "panic_with_hook", "PanicPayload", "write_str"];

/// What the functions are for, in errors: completes "the module has no function `path`, …".
const RAISES: &str = "by which Rust raises a panic";
const TELLS: &str = "from which the message of a panic is taken";

/// What the host knows of the panics of a module, beside the hook of kind [`HookKind::Raise`] or [`HookKind::RaiseUntold`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanicHooks {
    /// Whether the host can also read the message of a panic, or why not.
    pub text: Result<(), NoHooks>,
    /// The functions that borrow the contents of a payload, for payloads of every kind.
    pub borrows: Vec<u32>,
}

/// What to hook and to export for panics.
#[derive(Debug)]
pub(super) struct PanicTargets {
    pub(super) hooks: Vec<HookTarget>,
    pub(super) text: Result<(), NoHooks>,
    pub(super) borrows: Vec<u32>,
    exported: Vec<(&'static str, u32)>,
}

impl PanicTargets {
    /// The exports by which the host reaches functions and the table.
    pub(super) fn exports(&self) -> impl Iterator<Item = NewExport> {
        let functions = self.exported.iter().map(|(name, function)| (*name, ExportKind::Func, *function));
        let table = self.text.is_ok().then_some((PANIC_TABLE_EXPORT, ExportKind::Table, 0));
        table.into_iter().chain(functions).map(|(name, kind, index)| NewExport { name: name.to_owned(), kind, index })
    }
}

/// The functions with these paths, in the order of the name section.
#[derive(Default)]
struct NamedFunctions {
    raise: Vec<u32>,
    announce: Vec<u32>,
    statics: Vec<u32>,
    formatted: Vec<u32>,
    write: Vec<u32>,
    borrows: Vec<u32>,
}

/// Finds the functions to hook and to export for panics. If the module is `hooked` already, bodies are where the pass moved
/// them.
pub(super) fn find(module: &ModuleBodies<'_>, hooked: bool) -> Result<PanicTargets, NoHooks> {
    let named = NamedFunctions::read(module)?;
    let raise = one(&named.raise, RAISE, RAISES)?;
    let told = match params(module, raise, RAISE)? {
        0 => false,
        2 => reads_both(module, if hooked { moved(module, raise).unwrap_or(raise) } else { raise })?,
        _ => return Err(other_type(module, raise, RAISE, 2)),
    };
    let kind = if told { HookKind::Raise } else { HookKind::RaiseUntold };
    let mut hooks = vec![target(kind, RAISE, raise)];
    let text = announcer(module, &named, told).and_then(|announcer| {
        hooks.extend(announcer);
        readers(module, &named, hooked)
    });
    hooks.sort_by_key(|target| target.function);
    let (exported, text) = match text {
        Ok(exported) => (exported.into(), Ok(())),
        Err(why) => (Vec::new(), Err(why)),
    };
    Ok(PanicTargets { hooks, text, borrows: named.borrows, exported })
}

/// The other function to hook, if the one that raises a panic is not given the payload.
fn announcer(module: &ModuleBodies<'_>, named: &NamedFunctions, told: bool) -> Result<Option<HookTarget>, NoHooks> {
    if told {
        return Ok(None);
    }
    let announce = one(&named.announce, ANNOUNCE, TELLS)?;
    match params(module, announce, ANNOUNCE)? {
        5 => Ok(Some(target(HookKind::Announce, ANNOUNCE, announce))),
        _ => Err(other_type(module, announce, ANNOUNCE, 5)),
    }
}

/// The exports that the host needs to read a payload.
fn readers(
    module: &ModuleBodies<'_>,
    named: &NamedFunctions,
    hooked: bool,
) -> Result<[(&'static str, u32); 3], NoHooks> {
    // The last table is that of the hooks, if the module has them.
    if module.table_count() <= u32::from(hooked) {
        return Err(NoHooks::NoWindow { function: STATIC, purpose: TELLS });
    }
    let borrow = signature(2, false);
    let append = signature(3, true);
    // Each crate may have its own copy of this function; any of them will do.
    let write = named.write.iter().find(|&&function| module.function_type(function) == Some(&append)).copied();
    let write = write.ok_or(NoHooks::NoWindow { function: WRITE, purpose: TELLS })?;
    let mut found = [(PANIC_STATIC_EXPORT, 0), (PANIC_FORMATTED_EXPORT, 0), (PANIC_WRITE_EXPORT, write)];
    for ((_, place), (path, functions)) in
        found.iter_mut().zip([(STATIC, &named.statics), (FORMATTED, &named.formatted)])
    {
        let function = one(functions, path, TELLS)?;
        if module.function_type(function) != Some(&borrow) {
            return Err(other_type(module, function, path, 2));
        }
        *place = function;
    }
    Ok(found)
}

impl NamedFunctions {
    fn read(module: &ModuleBodies<'_>) -> Result<Self, NoHooks> {
        let telling = TellingNames::new(module, &TELLING);
        let mut named = Self::default();
        each_name(module, |function, name| {
            if !telling.hold(name) {
                return Ok(());
            }
            let path = path(name);
            let list = match &*path {
                RAISE => &mut named.raise,
                ANNOUNCE => &mut named.announce,
                STATIC => &mut named.statics,
                FORMATTED => &mut named.formatted,
                WRITE => &mut named.write,
                _ => &mut Vec::new(),
            };
            list.push(function);
            if path.ends_with(BORROWS) {
                named.borrows.push(function);
            }
            Ok(())
        })?;
        Ok(named)
    }
}

/// The function with the moved body of a function that is now a jump. It comes right before the wrapper that the jump calls.
fn moved(module: &ModuleBodies<'_>, function: u32) -> Option<u32> {
    let body = FunctionBody::new(BinaryReader::new(&module.bytes()[module.body(function)?], 0));
    let operators = body.get_operators_reader().ok()?;
    let wrapper = operators.into_iter().map_while(Result::ok).find_map(|operator| match operator {
        Operator::Call { function_index } => Some(function_index),
        _ => None,
    });
    wrapper?.checked_sub(1).filter(|moved| module.body(*moved).is_some())
}

/// Whether a function reads both of its parameters. For a parameter that is not read, the compiler may pass anything.
fn reads_both(module: &ModuleBodies<'_>, function: u32) -> Result<bool, NoHooks> {
    let body = module.body(function).ok_or(NoHooks::BadNames)?;
    let body = FunctionBody::new(BinaryReader::new(&module.bytes()[body], 0));
    let mut read = [false; 2];
    for operator in body.get_operators_reader().map_err(|_| NoHooks::BadNames)? {
        if let Operator::LocalGet { local_index: local @ 0..2 } = operator.map_err(|_| NoHooks::BadNames)? {
            read[local as usize] = true;
        }
    }
    Ok(read == [true; 2])
}

fn one(functions: &[u32], path: &'static str, purpose: &'static str) -> Result<u32, NoHooks> {
    match *functions {
        [function] => Ok(function),
        [] => Err(NoHooks::NoWindow { function: path, purpose }),
        _ => Err(NoHooks::Ambiguous { name: path.to_owned() }),
    }
}

/// The number of parameters of a function. It is an error if the function is imported, takes anything but `i32`, or returns
/// something.
fn params(module: &ModuleBodies<'_>, function: u32, path: &str) -> Result<usize, NoHooks> {
    if module.imports_function(function) {
        return Err(NoHooks::Imported { name: path.to_owned() });
    }
    let ty = module.function_type(function).ok_or(NoHooks::BadNames)?;
    let params = ty.params().len();
    if *ty == signature(params, false) { Ok(params) } else { Err(other_type(module, function, path, 2)) }
}

pub(super) fn signature(params: usize, returns: bool) -> FuncType {
    FuncType::new(vec![ValType::I32; params], vec![ValType::I32; usize::from(returns)])
}

fn other_type(module: &ModuleBodies<'_>, function: u32, path: &str, params: usize) -> NoHooks {
    let found = module.function_type(function).map_or_else(|| "?".to_owned(), ToString::to_string);
    NoHooks::Signature { name: path.to_owned(), found, expected: signature(params, false).to_string() }
}
