//! The user's own frames of a stack.

use super::HarnessFrames;
use super::paths::Source;
use crate::model::Frame;
use std::sync::Arc;

/// Most frames of a stack in a report; the last one then says how many there are more.
pub(super) const MAX_FRAMES: usize = 32;

/// Crates of Rust's library and those it is made of, by the name in a function's path: their frames are nobody's own.
const LIBRARY_CRATES: &[&str] = &[
    "__rustc",
    "addr2line",
    "alloc",
    "backtrace",
    "compiler_builtins",
    "core",
    "dlmalloc",
    "gimli",
    "hashbrown",
    "libc",
    "panic_abort",
    "panic_unwind",
    "rustc_demangle",
    "std",
    "wasi",
    "wasip1",
];

/// Functions of the C library that end in a call of the host, or that run a program; with what begins with `__`, which is
/// reserved for it.
const C_LIBRARY: &[&str] = &[
    "_Exit",
    "_exit",
    "_start",
    "abort",
    "accept",
    "accept4",
    "aligned_alloc",
    "calloc",
    "close",
    "closedir",
    "creat",
    "dispose_chunk",
    "dlcalloc",
    "dlfree",
    "dlmalloc",
    "dlmemalign",
    "dlrealloc",
    "exit",
    "fclose",
    "fdopen",
    "fdopendir",
    "fflush",
    "find_relpath",
    "find_relpath2",
    "fopen",
    "fopen64",
    "fopendir",
    "fprintf",
    "fputc",
    "fputs",
    "fread",
    "free",
    "freopen",
    "fwrite",
    "internal_memalign",
    "malloc",
    "memalign",
    "memcpy",
    "memmove",
    "memset",
    "nanosleep",
    "open",
    "open64",
    "openat",
    "opendir",
    "opendirat",
    "perror",
    "posix_memalign",
    "printf",
    "puts",
    "read",
    "readdir",
    "realloc",
    "sbrk",
    "scandir",
    "vfprintf",
    "write",
    "writev",
];

/// What the entry of a program is called. In C it is the user's, in Rust it is made up and calls the runtime.
const MAINS: [&str; 3] = ["main", "__original_main", "__main_argc_argv"];

/// What wasm-ld appends to the name of an export that it wraps.
const EXPORT_WRAPPER: &str = ".command_export";

/// Packages that stand between Rust's library and the host, wherever their sources are.
const SHIM_PACKAGES: [&str; 2] = ["wasi-", "wasip1-"];

/// Whose a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    User,
    /// Rust's library or its test harness.
    Rust,
    /// The C library, the linker, or our SDK.
    Other,
}

/// One frame with what trimming needs to know.
#[derive(Debug, Clone)]
pub(super) struct Symbol {
    pub(super) frame: Frame,
    pub(super) owner: Owner,
}

impl Symbol {
    pub(super) fn new(
        function: String,
        source: Option<Source>,
        line: Option<u32>,
        harnesses: &[HarnessFrames],
    ) -> Self {
        let owner = owner(&function, source.as_ref(), harnesses);
        Self { frame: Frame { function, file: source.map(|source| source.path), line }, owner }
    }
}

fn owner(function: &str, source: Option<&Source>, harnesses: &[HarnessFrames]) -> Owner {
    // The sources of a harness may be anywhere.
    if harnesses.iter().any(|harness| harness.owns(function)) || function.ends_with(EXPORT_WRAPPER) {
        return Owner::Other;
    }
    if let Some(source) = source {
        let shim = SHIM_PACKAGES.iter().any(|package| source.path.starts_with(package));
        return if source.library || shim { Owner::Rust } else { Owner::User };
    }
    if function.contains("::") {
        return if is_library_path(function, harnesses) { Owner::Rust } else { Owner::User };
    }
    match function {
        "rust_begin_unwind" | "rust_panic" => Owner::Rust,
        _ if function.starts_with("__rust") || function.starts_with("__rdl") => Owner::Rust,
        _ if MAINS.contains(&function) => Owner::User,
        _ if function.starts_with("__") || C_LIBRARY.contains(&function) => Owner::Other,
        _ => Owner::User,
    }
}

/// Whether a path without a file is one of Rust's libraries. A trait of the user's on a type of the library is the user's.
fn is_library_path(function: &str, harnesses: &[HarnessFrames]) -> bool {
    let is_library = |name: &str| {
        LIBRARY_CRATES.contains(&name) || harnesses.iter().any(|harness| harness.library_crates.contains(&name))
    };
    let Some((ty, of_trait)) = impl_of(function) else { return is_library(head(function)) };
    let ty = head(ty);
    // A type without a crate is built in, or a parameter.
    let foreign = ty.is_empty() || is_library(ty);
    foreign && of_trait.is_none_or(|of_trait| is_library(head(of_trait)))
}

impl HarnessFrames {
    fn owns(&self, function: &str) -> bool {
        self.prefixes.iter().any(|prefix| function.starts_with(prefix)) || self.crates.contains(&head(function))
    }
}

/// `Type` and `Trait` of `<Type as Trait>::function`, or of `<Type>::function`.
fn impl_of(function: &str) -> Option<(&str, Option<&str>)> {
    let inner = function.strip_prefix('<')?;
    let (mut depth, mut of_trait) = (0usize, None);
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if inner[..at].ends_with('-') => {}
            b'>' if depth == 0 => {
                let ty = &inner[..of_trait.unwrap_or(at)];
                return Some((ty, of_trait.map(|start| &inner[start + " as ".len()..at])));
            }
            b'>' => depth -= 1,
            b' ' if depth == 0 && inner[at..].starts_with(" as ") => of_trait = Some(at),
            _ => {}
        }
    }
    None
}

/// The crate at the head of a path or a type: `demo` of `&mut demo::Thing<T>`; empty where there is none.
fn head(path: &str) -> &str {
    let mut rest = path;
    loop {
        let start = rest.trim_start_matches(['<', '&', '*', '(', '[', ' ']);
        let start =
            ["mut ", "const ", "dyn ", "impl "].iter().find_map(|word| start.strip_prefix(word)).unwrap_or(start);
        if start.len() == rest.len() {
            break;
        }
        rest = start;
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    if rest[end..].starts_with("::") { &rest[..end] } else { "" }
}

/// The frames to report of a stack whose frames come in groups (a function and what was inlined into it), innermost
/// first. `None` where none of them is the user's.
pub(super) fn user_frames(groups: &[Arc<[Symbol]>], harnesses: &[HarnessFrames]) -> Option<Vec<Frame>> {
    let all = || groups.iter().flat_map(|group| group.iter());
    let inner = all().position(|symbol| symbol.owner == Owner::User)?;
    let calls_closures = harnesses.iter().any(|harness| harness.calls_closures);
    let outer = outer_foreign(groups.iter().rev().flat_map(|group| group.iter().rev()), calls_closures);
    let total = all().count();
    // Where `main` alone is left of a stack it was the user's after all.
    let kept = total.checked_sub(inner + outer).filter(|kept| *kept > 0)?;
    Some(capped(all().skip(inner).take(kept), kept))
}

/// Every frame, as far as the report has room.
pub(super) fn all_frames(groups: &[Arc<[Symbol]>]) -> Vec<Frame> {
    let total = groups.iter().map(|group| group.len()).sum();
    capped(groups.iter().flat_map(|group| group.iter()), total)
}

fn capped<'s>(symbols: impl Iterator<Item = &'s Symbol>, total: usize) -> Vec<Frame> {
    let shown = if total > MAX_FRAMES { MAX_FRAMES - 1 } else { total };
    let mut frames: Vec<_> = symbols.take(shown).map(|symbol| symbol.frame.clone()).collect();
    if shown < total {
        frames.push(Frame { function: format!("… {} more", total - shown), file: None, line: None });
    }
    frames
}

/// How many frames at the outer end are not the user's. `outward` yields frames from the outermost on; `calls_closures` is
/// whether a harness calls a test through a closure.
fn outer_foreign<'s>(outward: impl Iterator<Item = &'s Symbol>, calls_closures: bool) -> usize {
    let mut outward = outward.peekable();
    let mut count = 0;
    while let Some(symbol) = outward.next() {
        let inner = outward.peek().copied();
        // A `main` made up by rustc has no file and calls the runtime.
        let shim = symbol.frame.file.is_none() && MAINS.contains(&symbol.frame.function.as_str());
        if symbol.owner != Owner::User || (shim && inner.is_some_and(|inner| inner.owner == Owner::Rust)) {
            count += 1;
        } else if calls_closures && is_closure_of(symbol, inner) {
            return count + 1;
        } else {
            break;
        }
    }
    count
}

/// Whether a frame is a closure in the function that it called.
fn is_closure_of(closure: &Symbol, called: Option<&Symbol>) -> bool {
    let function = closure.frame.function.as_str();
    let within = ["::{{closure}}", "::{closure#0}"].iter().find_map(|end| function.strip_suffix(end));
    within.is_some() && within == called.map(|called| called.frame.function.as_str())
}

#[cfg(test)]
mod tests;
