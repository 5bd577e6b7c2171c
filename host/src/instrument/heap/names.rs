//! Finds the functions to hook, by their names.

use super::hook::HookKind;
use super::{NoHooks, Window};
use crate::instrument::bodies::ModuleBodies;
use memchr::memmem;
use std::collections::BTreeMap;
use wasmparser::{BinaryReader, FuncType, ValType};

/// A function to hook.
#[derive(Debug, Clone)]
pub(super) struct HookTarget {
    pub(super) kind: HookKind,
    pub(super) name: String,
    pub(super) function: u32,
}

/// The functions of the allocator. They all work on the same blocks, so that every one that a module has must be hooked.
const ALLOCATOR: &[(&str, HookKind)] = &[
    ("malloc", HookKind::Malloc),
    ("calloc", HookKind::Calloc),
    ("realloc", HookKind::Realloc),
    ("free", HookKind::Free),
    ("posix_memalign", HookKind::PosixMemalign),
    ("aligned_alloc", HookKind::AlignedAlloc),
    ("memalign", HookKind::Memalign),
];

/// Functions of wasi-libc that allocate for the library itself, and never free: on the first use of the environment, of a path
/// or of an exit handler, whoever makes that use.
const LIBC: &[&str] = &[
    "__wasm_call_ctors",
    "__wasilibc_populate_preopens",
    "__wasilibc_register_preopened_fd",
    "__wasilibc_initialize_environ",
    "__wasilibc_initialize_environ_eagerly",
    "__wasilibc_maybe_reinitialize_environ_eagerly",
    "__wasilibc_ensure_environ",
    "__wasilibc_find_relpath_alloc",
    "__cxa_atexit",
    "__env_rm_add",
    "do_tzset",
];

/// Functions of wasi-libc that make a thread.
const MAKERS: &[&str] = &["__pthread_create", "pthread_create"];

/// Names by which runtimes with a heap of their own are recognised: whole names, or beginnings if they end with `/`.
const RUNTIMES: &[(&str, &str)] = &[
    ("runtime.mallocgc", "Go"),
    ("runtime.alloc", "TinyGo"),
    ("~lib/rt/", "AssemblyScript"),
    ("mono_gc_alloc_obj", ".NET"),
    ("caml_alloc_small", "OCaml"),
];

/// Names of main functions that take arguments. A function with such a name is the program's own, or only calls that.
const MAINS: &[&str] = &["__main_argc_argv", "main"];

/// Names of main functions without arguments. A function with such a name is the program's own; or it is wasi-libc's, which
/// reads the arguments and calls one of [`MAINS`].
const MAINS_WITHOUT: &[&str] = &["__original_main", "__main_void"];

/// The functions that call the main function of a Rust program.
const RUST_MAIN: &[&str] =
    &["std::sys::backtrace::__rust_begin_short_backtrace", "std::sys_common::backtrace::__rust_begin_short_backtrace"];

/// A part of the symbol by which `alloc` calls a `#[global_allocator]`. For the default allocator, the symbol is `__rdl_alloc`.
const GLOBAL_ALLOCATOR: &str = "__rg_alloc";

/// The functions with interesting names, in the order of the name section.
struct NamedFunctions<'a> {
    /// Functions of the C library and main functions, by their whole name.
    by_name: BTreeMap<&'a str, Vec<u32>>,
    /// Rust functions with a path that is looked for.
    by_path: Vec<(&'a str, u32)>,
}

/// The paths of the Rust functions that are looked for.
struct Paths {
    paths: &'static [&'static str],
    /// The last segments of the paths. A symbol without one of them need not be demangled.
    last_parts: Vec<memmem::Finder<'static>>,
}

impl Paths {
    fn of_window(window: Window) -> Self {
        let paths = match window {
            Window::Functions(functions) => functions.paths,
            Window::Main => RUST_MAIN,
            Window::None => &[],
        };
        let mut last_parts: Vec<&str> = paths.iter().map(|path| path.rsplit("::").next().unwrap_or(path)).collect();
        last_parts.sort_unstable();
        last_parts.dedup();
        Self { paths, last_parts: last_parts.into_iter().map(memmem::Finder::new).collect() }
    }

    fn contain(&self, name: &str) -> bool {
        let telling = self.last_parts.iter().any(|part| part.find(name.as_bytes()).is_some());
        telling && self.paths.contains(&&*path(name))
    }
}

/// Which names contain one of some parts: other names need not be demangled. The whole name section is searched at once, and
/// not name by name.
pub(super) struct TellingNames {
    /// The address of the module's first byte.
    start: usize,
    /// Where the parts occur in the module, in order.
    parts: Vec<usize>,
}

impl TellingNames {
    /// The names of a module.
    pub(super) fn new(module: &ModuleBodies<'_>, parts: &[&str]) -> Self {
        let sections = module.sections().iter().filter(|section| section.name == "name");
        let ranges: Vec<_> = sections.map(|section| section.contents.clone()).collect();
        let mut found = Vec::new();
        for part in parts {
            let finder = memmem::Finder::new(part);
            for range in &ranges {
                found.extend(finder.find_iter(&module.bytes()[range.clone()]).map(|at| range.start + at));
            }
        }
        found.sort_unstable();
        Self { start: module.bytes().as_ptr().addr(), parts: found }
    }

    /// Whether none of the parts is in any name.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether one of the parts is in a name. The name must be a slice of the module's bytes.
    pub(super) fn hold(&self, name: &str) -> bool {
        let start = name.as_ptr().addr().wrapping_sub(self.start);
        let next = self.parts.partition_point(|part| *part < start);
        // A part may begin in the name and end behind it. Such a name is demangled for nothing, which does no harm.
        self.parts.get(next).is_some_and(|part| *part < start + name.len())
    }
}

/// Finds everything to hook, in the order of the functions.
pub(super) fn find(module: &ModuleBodies<'_>, window: Window) -> Result<Vec<HookTarget>, NoHooks> {
    let mut named = read(module, &Paths::of_window(window))?;
    if has_own_allocator(module) {
        return Err(NoHooks::GlobalAllocator);
    }
    let mut targets = allocator(module, &mut named)?;
    targets.extend(windows(module, &named, window)?);
    let makers = if module.parsed.shared_memory().is_some() { MAKERS } else { &[] };
    let libc = LIBC.iter().map(|name| (HookKind::Libc, name));
    for (kind, name) in libc.chain(makers.iter().map(|name| (HookKind::MakesThread, name))) {
        for &function in named.by_name.get(name).into_iter().flatten() {
            let Some(function) = working(module, function) else { continue };
            if targets.iter().all(|target| target.function != function) {
                targets.push(target(kind, name, function));
            }
        }
    }
    targets.sort_by_key(|target| target.function);
    match targets.windows(2).find(|pair| pair[0].function == pair[1].function) {
        Some(twice) => Err(NoHooks::TwoNames { function: twice[0].function }),
        None => Ok(targets),
    }
}

/// The function of Rust's library that makes the value which stands for a thread. It is given the thread's number, and a
/// pointer to its name.
const THREADS: &[&str] = &[
    "<std::thread::thread::Thread>::new",
    "std::thread::thread::Thread::new",
    "<std::thread::Thread>::new",
    "std::thread::Thread::new",
];

/// Parts of these names: each has one of them, mangled or not.
const THREADS_PARTS: [&str; 3] = ["Thread3new", "Thread>::new", "Thread::new"];

/// The function to hook for the names of threads, in a module that has threads.
pub(super) fn of_threads(module: &ModuleBodies<'_>) -> Vec<HookTarget> {
    if module.parsed.shared_memory().is_none() {
        return Vec::new();
    }
    let telling = TellingNames::new(module, &THREADS_PARTS);
    let ty = FuncType::new([ValType::I64, ValType::I32], [ValType::I32]);
    let mut found = Vec::new();
    for (function, name) in module.parsed.function_names().flatten() {
        let named = telling.hold(name) && THREADS.contains(&&*path(name));
        if named && !module.imports_function(function) && module.function_type(function) == Some(&ty) {
            found.push(target(HookKind::NamesThread, name, function));
        }
    }
    if found.len() == 1 { found } else { Vec::new() }
}

pub(super) fn target(kind: HookKind, name: &str, function: u32) -> HookTarget {
    HookTarget { kind, name: name.to_owned(), function }
}

/// Reads the name section once.
fn read<'a>(module: &ModuleBodies<'a>, paths: &Paths) -> Result<NamedFunctions<'a>, NoHooks> {
    let mut named = NamedFunctions { by_name: BTreeMap::new(), by_path: Vec::new() };
    each_name(module, |function, name| named.take(name, function, paths))?;
    Ok(named)
}

/// Goes through the functions that have names, in the order of the name section.
///
/// # Errors
/// No function has a name, or the section names a function that does not exist; and the errors of `take`.
pub(super) fn each_name<'a>(
    module: &ModuleBodies<'a>,
    mut take: impl FnMut(u32, &'a str) -> Result<(), NoHooks>,
) -> Result<(), NoHooks> {
    let mut any = false;
    for naming in module.parsed.function_names() {
        let (function, name) = naming.map_err(|_| NoHooks::BadNames)?;
        if function >= module.function_count() {
            return Err(NoHooks::BadNames);
        }
        any = true;
        take(function, name)?;
    }
    if any { Ok(()) } else { Err(NoHooks::NoNames) }
}

impl<'a> NamedFunctions<'a> {
    fn take(&mut self, name: &'a str, function: u32, paths: &Paths) -> Result<(), NoHooks> {
        if let Some(&(_, language)) = RUNTIMES.iter().find(|(runtime, _)| runs(runtime, name)) {
            return Err(NoHooks::Runtime { language });
        }
        // Most names are mangled symbols of Rust and C++, which need not be compared with names of C.
        let mangled = name.starts_with("_R") || name.starts_with("_Z");
        let known =
            ALLOCATOR.iter().map(|(known, _)| known).chain(LIBC).chain(MAKERS).chain(MAINS).chain(MAINS_WITHOUT);
        if !mangled && known.into_iter().any(|&known| known == name) {
            self.by_name.entry(name).or_default().push(function);
        } else if paths.contain(name) {
            self.by_path.push((name, function));
        }
        Ok(())
    }
}

fn runs(runtime: &str, name: &str) -> bool {
    if runtime.ends_with('/') { name.starts_with(runtime) } else { name == runtime }
}

/// The path of a Rust function, without hash and type arguments, from its mangled or its readable name.
pub(super) fn path(name: &str) -> String {
    let readable = rustc_demangle::try_demangle(name).map_or_else(|_| name.to_owned(), |name| format!("{name:#}"));
    let path = readable.split_once("::<").map_or(&*readable, |(path, _)| path);
    // A linker that demangles names leaves the hash at the end: `::h` and sixteen digits.
    let hash = path.rsplit_once("::h").filter(|(_, hash)| hash.len() == 16 && u64::from_str_radix(hash, 16).is_ok());
    hash.map_or(path, |(path, _)| path).to_owned()
}

/// Whether Rust's `alloc` calls another allocator than the C library's. If the call was inlined, only debug information tells.
pub(super) fn has_own_allocator(module: &ModuleBodies<'_>) -> bool {
    let symbol = memmem::Finder::new(GLOBAL_ALLOCATOR);
    let mut told =
        module.sections().iter().filter(|section| section.name == "name" || section.name.starts_with(".debug_"));
    told.any(|section| symbol.find(&module.bytes()[section.contents.clone()]).is_some())
}

fn allocator(module: &ModuleBodies<'_>, named: &mut NamedFunctions<'_>) -> Result<Vec<HookTarget>, NoHooks> {
    let mut targets = Vec::new();
    for &(name, kind) in ALLOCATOR {
        let functions = named.by_name.remove(name).unwrap_or_default();
        if functions.iter().any(|&function| module.imports_function(function)) {
            return Err(NoHooks::Imported { name: name.to_owned() });
        }
        let Some(&first) = functions.first() else { continue };
        let Some((params, returns)) = kind.signature() else { continue };
        let expected = FuncType::new(vec![ValType::I32; params], vec![ValType::I32; usize::from(returns)]);
        let mut fitting = functions.iter().filter(|&&function| module.function_type(function) == Some(&expected));
        match (fitting.next(), fitting.next()) {
            (Some(&function), None) => targets.push(target(kind, name, function)),
            (Some(_), Some(_)) => return Err(NoHooks::Ambiguous { name: name.to_owned() }),
            (None, _) => {
                let found = module.function_type(first).map_or_else(|| "?".to_owned(), ToString::to_string);
                let expected = expected.to_string();
                return Err(NoHooks::Signature { name: name.to_owned(), found, expected });
            }
        }
    }
    let allocates = super::hook::allocator(targets.iter().map(|target| target.kind)).is_some();
    if allocates { Ok(targets) } else { Err(NoHooks::NoMalloc) }
}

/// The functions in which a test's own code runs.
fn windows(module: &ModuleBodies<'_>, named: &NamedFunctions<'_>, window: Window) -> Result<Vec<HookTarget>, NoHooks> {
    let by_path = || -> Vec<HookTarget> {
        named.by_path.iter().map(|(name, function)| target(HookKind::Window, name, *function)).collect()
    };
    let found = match window {
        Window::None => Vec::new(),
        Window::Functions(functions) if named.by_path.is_empty() => return Err(functions.missing()),
        Window::Main if named.by_path.is_empty() => mains(module, named)?,
        Window::Functions(_) | Window::Main => by_path(),
    };
    match found.iter().find(|target| module.imports_function(target.function)) {
        Some(imported) => Err(NoHooks::Imported { name: imported.name.clone() }),
        None => Ok(found),
    }
}

/// The main functions of a program that is not written in Rust. If one calls another, both are windows.
fn mains(module: &ModuleBodies<'_>, named: &NamedFunctions<'_>) -> Result<Vec<HookTarget>, NoHooks> {
    let mut found: Vec<_> = only(named, MAINS)?;
    if module.reads_arguments() {
        // The function that reads the arguments puts them into blocks that nobody frees. It is wasi-libc's, or, if `main` was
        // inlined into it, both: so it cannot be a window.
        return if found.is_empty() { Err(NoHooks::MainInlined) } else { Ok(found) };
    }
    found.extend(only(named, MAINS_WITHOUT)?);
    if found.is_empty() {
        found.push(target(HookKind::Window, "_start", module.start_export().ok_or(NoHooks::NoMain)?));
    }
    Ok(found)
}

/// The functions with these names. More than one function with the same name is an error.
fn only(named: &NamedFunctions<'_>, names: &[&str]) -> Result<Vec<HookTarget>, NoHooks> {
    let found = names.iter().filter_map(|name| Some((*name, named.by_name.get(name)?)));
    found
        .map(|(name, functions)| match functions[..] {
            [function] => Ok(target(HookKind::Window, name, function)),
            _ => Err(NoHooks::Ambiguous { name: name.to_owned() }),
        })
        .collect()
}

/// The function that does the work of a function of the library. For example, the function that calls all constructors may be
/// empty, or only call a single constructor; either is too short for a hook. `None` if there is nothing to do, or the work is
/// not done in this module.
fn working(module: &ModuleBodies<'_>, mut function: u32) -> Option<u32> {
    // A bound, in case functions call each other in a circle: a program that does so does not end.
    for _ in 0..4 {
        let body = &module.bytes()[module.body(function)?];
        let [0, code @ .., 0x0b] = body else { return Some(function) };
        let mut reader = BinaryReader::new(code, 0);
        if reader.eof() {
            return None;
        }
        match (reader.read_u8(), reader.read_var_u32()) {
            (Ok(0x10), Ok(callee)) if reader.eof() => function = callee,
            _ => break,
        }
    }
    Some(function)
}
