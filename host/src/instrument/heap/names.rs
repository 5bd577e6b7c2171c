//! Which functions are what, by their names.

use super::module::Module;
use super::{Hooked, NoHooks, Window};
use memchr::memmem;
use std::collections::BTreeMap;
use wasmparser::{FuncType, Name, NameSectionReader, ValType};

/// A function to hook.
pub(super) struct Target {
    pub(super) kind: Hooked,
    pub(super) name: String,
    pub(super) function: u32,
}

/// The allocator. All of it works on the same blocks, so each that a module has must be hooked.
const ALLOCATOR: &[(&str, Hooked)] = &[
    ("malloc", Hooked::Malloc),
    ("calloc", Hooked::Calloc),
    ("realloc", Hooked::Realloc),
    ("free", Hooked::Free),
    ("posix_memalign", Hooked::PosixMemalign),
    ("aligned_alloc", Hooked::AlignedAlloc),
    ("memalign", Hooked::Memalign),
];

/// Functions of wasi-libc that allocate for good, and for the library itself: on the first use of the environment, a path
/// or an exit handler, whoever is the first to use it.
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

/// How functions of runtimes with a heap of their own are called, or begin.
const RUNTIMES: &[(&str, &str)] = &[
    ("runtime.mallocgc", "Go"),
    ("runtime.alloc", "TinyGo"),
    ("~lib/rt/", "AssemblyScript"),
    ("mono_gc_alloc_obj", ".NET"),
    ("caml_alloc_small", "OCaml"),
];

/// Main functions that take arguments. One that bears such a name is the program's, or calls only that.
const MAINS: &[&str] = &["__main_argc_argv", "main"];

/// Main functions without: the program's, or wasi-libc's, which reads the arguments and calls one of [`MAINS`].
const MAINS_WITHOUT: &[&str] = &["__original_main", "__main_void"];

/// The last part of the name of what calls a Rust program's main function, or a test.
const SHORT_BACKTRACE: &str = "__rust_begin_short_backtrace";
const LIBTEST: &str = "test::__rust_begin_short_backtrace";
const RUST_MAIN: &[&str] =
    &["std::sys::backtrace::__rust_begin_short_backtrace", "std::sys_common::backtrace::__rust_begin_short_backtrace"];

/// Part of the symbol through which `alloc` calls a `#[global_allocator]`. That of the default one is `__rdl_alloc`.
const GLOBAL_ALLOCATOR: &str = "__rg_alloc";

/// Functions with names of interest, by name and in the order of the name section.
#[derive(Default)]
struct Named<'a> {
    by_name: BTreeMap<&'a str, Vec<u32>>,
    libtest: Vec<(&'a str, u32)>,
    rust_main: Vec<(&'a str, u32)>,
}

/// Finds everything to hook, in the order of the functions.
pub(super) fn find(module: &Module<'_>, window: Window) -> Result<Vec<Target>, NoHooks> {
    let mut named = read(module)?;
    if has_own_allocator(module) {
        return Err(NoHooks::GlobalAllocator);
    }
    let mut targets = allocator(module, &mut named)?;
    targets.extend(windows(module, &named, window)?);
    for name in LIBC {
        let functions = named.by_name.get(name).into_iter().flatten();
        // One that does nothing, such as the constructors of a module without any, cannot be hooked, and need not be.
        let functions = functions.filter(|&&function| module.body(function).is_some_and(|body| !empty(module, body)));
        targets.extend(functions.map(|&function| target(Hooked::Libc, name, function)));
    }
    targets.sort_by_key(|target| target.function);
    match targets.windows(2).find(|pair| pair[0].function == pair[1].function) {
        Some(twice) => Err(NoHooks::TwoNames { function: twice[0].function }),
        None => Ok(targets),
    }
}

fn target(kind: Hooked, name: &str, function: u32) -> Target {
    Target { kind, name: name.to_owned(), function }
}

/// Reads the name section once.
fn read<'a>(module: &Module<'a>) -> Result<Named<'a>, NoHooks> {
    let section = module.sections.iter().find(|section| section.name == "name").ok_or(NoHooks::NoNames)?;
    let short_backtrace = memmem::Finder::new(SHORT_BACKTRACE);
    let mut named = Named::default();
    let mut any = false;
    for subsection in NameSectionReader::new(section.reader(module.bytes)) {
        let Name::Function(names) = subsection.map_err(|_| NoHooks::BadNames)? else { continue };
        for naming in names {
            let naming = naming.map_err(|_| NoHooks::BadNames)?;
            if naming.index >= module.function_count() {
                return Err(NoHooks::BadNames);
            }
            any = true;
            named.take(naming.name, naming.index, &short_backtrace)?;
        }
    }
    if any { Ok(named) } else { Err(NoHooks::NoNames) }
}

impl<'a> Named<'a> {
    fn take(&mut self, name: &'a str, function: u32, short_backtrace: &memmem::Finder<'_>) -> Result<(), NoHooks> {
        if let Some(&(_, language)) = RUNTIMES.iter().find(|(runtime, _)| runs(runtime, name)) {
            return Err(NoHooks::Runtime { language });
        }
        // Symbols of Rust and C++ make up most of a module.
        let mangled = name.starts_with("_R") || name.starts_with("_Z");
        let known = ALLOCATOR.iter().map(|(known, _)| known).chain(LIBC).chain(MAINS).chain(MAINS_WITHOUT);
        if !mangled && known.into_iter().any(|&known| known == name) {
            self.by_name.entry(name).or_default().push(function);
        } else if name.len() >= SHORT_BACKTRACE.len() && short_backtrace.find(name.as_bytes()).is_some() {
            let path = path(name);
            if path == LIBTEST {
                self.libtest.push((name, function));
            } else if RUST_MAIN.contains(&&*path) {
                self.rust_main.push((name, function));
            }
        }
        Ok(())
    }
}

fn runs(runtime: &str, name: &str) -> bool {
    if runtime.ends_with('/') { name.starts_with(runtime) } else { name == runtime }
}

/// The path of a Rust function, without hash and type arguments; of a mangled or of a readable name.
fn path(name: &str) -> String {
    let readable = rustc_demangle::try_demangle(name).map_or_else(|_| name.to_owned(), |name| format!("{name:#}"));
    let path = readable.split_once("::<").map_or(&*readable, |(path, _)| path);
    // A linker that demangles leaves the hash: `::h` and sixteen digits.
    let hash = path.rsplit_once("::h").filter(|(_, hash)| hash.len() == 16 && u64::from_str_radix(hash, 16).is_ok());
    hash.map_or(path, |(path, _)| path).to_owned()
}

/// Whether Rust's `alloc` calls something else than the C library's allocator. Inlined, only debug information tells.
fn has_own_allocator(module: &Module<'_>) -> bool {
    let symbol = memmem::Finder::new(GLOBAL_ALLOCATOR);
    let mut told =
        module.sections.iter().filter(|section| section.name == "name" || section.name.starts_with(".debug_"));
    told.any(|section| symbol.find(&module.bytes[section.contents.clone()]).is_some())
}

fn allocator(module: &Module<'_>, named: &mut Named<'_>) -> Result<Vec<Target>, NoHooks> {
    let mut targets = Vec::new();
    for &(name, kind) in ALLOCATOR {
        let functions = named.by_name.remove(name).unwrap_or_default();
        if functions.iter().any(|&function| function < module.imported) {
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
    if targets.iter().any(|target| target.kind == Hooked::Malloc) { Ok(targets) } else { Err(NoHooks::NoMalloc) }
}

/// The functions in which a test's own code runs.
fn windows(module: &Module<'_>, named: &Named<'_>, window: Window) -> Result<Vec<Target>, NoHooks> {
    let all = |functions: &[(&str, u32)]| -> Vec<Target> {
        functions.iter().map(|(name, function)| target(Hooked::Window, name, *function)).collect()
    };
    let found = match window {
        Window::None => Vec::new(),
        Window::Libtest if named.libtest.is_empty() => return Err(NoHooks::NoLibtest),
        Window::Libtest => all(&named.libtest),
        Window::Main if !named.rust_main.is_empty() => all(&named.rust_main),
        Window::Main => mains(module, named)?,
    };
    match found.iter().find(|target| target.function < module.imported) {
        Some(imported) => Err(NoHooks::Imported { name: imported.name.clone() }),
        None => Ok(found),
    }
}

/// The main functions of a program that is not Rust's. Those that call another are windows around it.
fn mains(module: &Module<'_>, named: &Named<'_>) -> Result<Vec<Target>, NoHooks> {
    let mut found: Vec<_> = only(named, MAINS)?;
    if module.arguments {
        // What reads them puts them into blocks that nobody frees: wasi-libc's, or the program's if `main` was inlined.
        return if found.is_empty() { Err(NoHooks::MainInlined) } else { Ok(found) };
    }
    found.extend(only(named, MAINS_WITHOUT)?);
    if found.is_empty() {
        found.push(target(Hooked::Window, "_start", module.start_export.ok_or(NoHooks::NoMain)?));
    }
    Ok(found)
}

/// Those of the names that a module has, each of which one function may bear.
fn only(named: &Named<'_>, names: &[&str]) -> Result<Vec<Target>, NoHooks> {
    let found = names.iter().filter_map(|name| Some((*name, named.by_name.get(name)?)));
    found
        .map(|(name, functions)| match functions[..] {
            [function] => Ok(target(Hooked::Window, name, function)),
            _ => Err(NoHooks::Ambiguous { name: name.to_owned() }),
        })
        .collect()
}

/// Whether a function's body is its end alone.
fn empty(module: &Module<'_>, body: std::ops::Range<usize>) -> bool {
    module.bytes[body] == [0, 0x0b]
}
