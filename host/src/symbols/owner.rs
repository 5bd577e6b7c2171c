//! Finds out to whom a frame of a stack belongs: to the user, to a dependency, or to a library that every program has.

use super::harness_frames::HarnessFrames;
use super::paths::{Origin, RUST, Source};

/// Crates of Rust's library, and those that it is made of, by their names in functions' paths.
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

/// Functions of the C library that call the host, that allocate for their caller, or that run a program. Names that begin with
/// `__` are reserved for the library, and belong to it without being listed.
const C_LIBRARY: &[&str] = &[
    "_Exit",
    "_exit",
    "_start",
    "abort",
    "accept",
    "accept4",
    "access",
    "aligned_alloc",
    "asprintf",
    "atexit",
    "bsearch",
    "calloc",
    "clock_nanosleep",
    "close",
    "closedir",
    "creat",
    "dispose_chunk",
    "dlcalloc",
    "dlfree",
    "dlmalloc",
    "dlmemalign",
    "dlrealloc",
    "dprintf",
    "duplocale",
    "exit",
    "fclose",
    "fdopen",
    "fdopendir",
    "fflush",
    "fgets",
    "find_relpath",
    "find_relpath2",
    "fmemopen",
    "fopen",
    "fopen64",
    "fopendir",
    "fprintf",
    "fputc",
    "fputs",
    "fread",
    "free",
    "freopen",
    "fscanf",
    "fseek",
    "fseeko",
    "fstat",
    "ftell",
    "ftello",
    "ftruncate",
    "fwrite",
    "getcwd",
    "getdelim",
    "getenv",
    "getline",
    "gets",
    "glob",
    "hcreate",
    "hcreate_r",
    "hsearch",
    "hsearch_r",
    "iconv_open",
    "internal_memalign",
    "lseek",
    "lstat",
    "malloc",
    "memalign",
    "memcpy",
    "memmove",
    "memset",
    "mkdir",
    "mkdtemp",
    "mkstemp",
    "nanosleep",
    "newlocale",
    "open",
    "open64",
    "open_memstream",
    "open_wmemstream",
    "openat",
    "opendir",
    "opendirat",
    "perror",
    "poll",
    "posix_memalign",
    "printf",
    "printf_core",
    "putc",
    "putchar",
    "putenv",
    "puts",
    "putw",
    "qsort",
    "qsort_r",
    "read",
    "readdir",
    "realloc",
    "reallocarray",
    "realpath",
    "recv",
    "regcomp",
    "regerror",
    "regexec",
    "remove",
    "rename",
    "rmdir",
    "sbrk",
    "scandir",
    "scanf",
    "sched_yield",
    "select",
    "send",
    "setenv",
    "setlocale",
    "setvbuf",
    "shutdown",
    "sleep",
    "snprintf",
    "sprintf",
    "sscanf",
    "stat",
    "strcat",
    "strcpy",
    "strdup",
    "strlen",
    "strncpy",
    "strndup",
    "tdelete",
    "tempnam",
    "tmpfile",
    "tsearch",
    "ungetc",
    "unlink",
    "usleep",
    "valloc",
    "vasprintf",
    "vdprintf",
    "vfprintf",
    "vprintf",
    "vsnprintf",
    "vsprintf",
    "wasi_thread_start",
    "wcsdup",
    "write",
    "writev",
];

/// Names of the entry of a program. In C it is the user's function; in Rust it is made up and calls the runtime.
pub(super) const MAINS: [&str; 3] = ["main", "__original_main", "__main_argc_argv"];

/// The end of the name of an export that wasm-ld has wrapped.
const EXPORT_WRAPPER: &str = ".command_export";

/// Packages between Rust's library and the host. They count as Rust's library, wherever their sources are.
const SHIM_PACKAGES: [&str; 3] = ["libc", "wasi", "wasip1"];

/// Packages of Go's library, by the first segments of their paths.
const GO_LIBRARY: &[&str] = &[
    "archive",
    "bufio",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "type:",
    "type_",
    "unicode",
    "unique",
    "unsafe",
    "vendor",
    "weak",
];

/// Functions of Go's runtime without a package.
const GO_RUNTIME: &[&str] =
    &["_rt0_wasm_wasip1", "callRet", "gcWriteBarrier", "wasm_pc_f_loop", "wasm_pc_f_loop_export"];

/// The names of libraries in reports: airtight's own, and those of languages.
const SDK: &str = "airtight_sdk";
const C: &str = "libc";
const CPP: &str = "libc++";
pub(super) const GO: &str = "go";

/// Airtight's package for Go: its path as it is imported, and as Go's linker writes it.
const GO_SDK: [&str; 2] =
    ["github.com/airtight-rs/airtight/guest-sdk/go", "github.com_airtight_rs_airtight_guest_sdk_go"];

/// To whom a frame belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// To the user, as far as is known.
    User,
    /// To a package that the user's code depends on, by its name.
    Package(String),
    /// To Rust's library, or its test harness.
    Rust,
    /// To the library of another language, to a harness or to the linker; with the name of the library.
    Library(&'static str),
    /// Unknown: the entry stands for calls that were left out of a stack that was too deep.
    LeftOut,
}

impl Owner {
    /// To whom a frame belongs, from its function and its source.
    pub(super) fn new(function: &str, source: Option<&Source>, harnesses: &[HarnessFrames]) -> Self {
        // The sources of a harness may be anywhere, so that its functions are recognised by their names first.
        if harnesses.iter().any(|harness| harness.owns(function)) || function.ends_with(EXPORT_WRAPPER) {
            return Self::Library(SDK);
        }
        // Rustc makes this function up, but with the place at which the user's code declares the allocator.
        if is_entry_of_allocator(function) {
            return Self::Rust;
        }
        match source.map(|source| &source.origin) {
            Some(Origin::Own) => Self::User,
            Some(Origin::Package(name)) if SHIM_PACKAGES.contains(&name.as_str()) => Self::Rust,
            Some(Origin::Package(name)) => Self::Package(name.clone()),
            Some(Origin::Library(library)) if *library == RUST => Self::Rust,
            Some(Origin::Library(library)) => Self::Library(library),
            None => Self::from_name(function, harnesses),
        }
    }

    fn from_name(function: &str, harnesses: &[HarnessFrames]) -> Self {
        if ["std::__", "__cxa_", "__cxx", "operator new", "operator delete"]
            .iter()
            .any(|start| function.starts_with(start))
        {
            return Self::Library(CPP);
        }
        if function.contains("::") {
            return if is_library_path(function, harnesses) { Self::Rust } else { Self::User };
        }
        match function {
            "rust_begin_unwind" | "rust_panic" => Self::Rust,
            _ if function.starts_with("__rust") || function.starts_with("__rdl") => Self::Rust,
            _ if MAINS.contains(&function) => Self::User,
            _ => match go_library(function) {
                Some(library) => Self::Library(library),
                None if function.starts_with("__") || function.starts_with("pthread_") => Self::Library(C),
                None if C_LIBRARY.contains(&function) => Self::Library(C),
                None => Self::User,
            },
        }
    }

    /// The name of the library that the frame belongs to, if it belongs to one.
    pub(super) fn library(&self) -> Option<&str> {
        match self {
            Self::User | Self::LeftOut => None,
            Self::Package(name) => Some(name),
            Self::Rust => Some(RUST),
            Self::Library(name) => Some(name),
        }
    }

    /// Whether it belongs neither to the user nor to a dependency: it lies between their code and the host.
    pub(super) fn is_foreign(&self) -> bool {
        matches!(self, Self::Rust | Self::Library(_) | Self::LeftOut)
    }
}

/// The library that a function of a Go program belongs to: Go's own library with its runtime, or airtight's package for tests.
/// Go's linker writes `internal/poll.(*FD).Read` as `internal_poll.__FD_.Read`; both forms are known.
pub(super) fn go_library(function: &str) -> Option<&'static str> {
    if GO_SDK.iter().any(|package| function.strip_prefix(package).is_some_and(|rest| rest.starts_with('.'))) {
        return Some(SDK);
    }
    let of_go = match function.split_once('.') {
        None => GO_RUNTIME.contains(&function),
        Some((package, _)) => GO_LIBRARY.iter().any(|library| {
            package.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '/']))
        }),
    };
    of_go.then_some(GO)
}

/// Whether a function is the entry of Rust's global allocator: all Rust code allocates by it, unless it has an allocator of its
/// own.
pub(super) fn is_entry_of_allocator(function: &str) -> bool {
    let last = function.rsplit("::").next().unwrap_or(function);
    ["__rust_alloc", "__rust_alloc_zeroed", "__rust_realloc"].contains(&last)
}

/// Whether a function is part of an allocator, whoever wrote it: it implements one of Rust's traits for allocators, or C++'s
/// `operator new`.
pub(super) fn is_allocator(function: &str) -> bool {
    let implements = impl_of(function)
        .and_then(|(_, of_trait)| of_trait?.rsplit_once("::"))
        .is_some_and(|(path, name)| path.starts_with("core::alloc") && ["Allocator", "GlobalAlloc"].contains(&name));
    // The form of the name if the type and the `impl` for it are in different modules.
    let apart = function.contains("::<impl core::alloc::global::GlobalAlloc for ");
    implements || apart || function.starts_with("operator new")
}

/// Whether a function without a file belongs to Rust's library, by its path. If the user implements a trait of their own for a
/// type of the library, the function is the user's.
fn is_library_path(function: &str, harnesses: &[HarnessFrames]) -> bool {
    let is_library = |name: &str| {
        LIBRARY_CRATES.contains(&name) || harnesses.iter().any(|harness| harness.library_crates.contains(&name))
    };
    let Some((ty, of_trait)) = impl_of(function) else { return is_library(head(function)) };
    let ty = head(ty);
    // A type without a crate is built in, or a type parameter.
    let foreign = ty.is_empty() || is_library(ty);
    foreign && of_trait.is_none_or(|of_trait| is_library(head(of_trait)))
}

impl HarnessFrames {
    fn owns(&self, function: &str) -> bool {
        self.prefixes.iter().any(|prefix| function.starts_with(prefix)) || self.crates.contains(&head(function))
    }
}

/// `Type` and `Trait` of `<Type as Trait>::function`; `Type` alone of `<Type>::function`.
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

/// The crate at the beginning of a path or a type: `demo` of `&mut demo::Thing<T>`; empty if there is none.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::tests::{LIBTEST, SDK as OURS};

    const HARNESSES: [HarnessFrames; 2] = [OURS, LIBTEST];

    fn owner(function: &str, origin: Option<Origin>) -> Owner {
        let source = origin.map(|origin| Source { path: "src/lib.rs".to_owned(), origin });
        Owner::new(function, source.as_ref(), &HARNESSES)
    }

    #[test]
    fn names_tell_whose_a_frame_is() {
        for (function, expected) in [
            ("demo::open", Owner::User),
            ("semver::parse::version", Owner::User),
            ("std::fs::File::open", Owner::Rust),
            ("<std::fs::File>::open::{closure#0}", Owner::Rust),
            ("<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop", Owner::Rust),
            ("<alloc::vec::Vec<T> as demo::Trait>::f", Owner::User),
            ("<demo::Thing<std::fs::File> as core::ops::drop::Drop>::drop", Owner::User),
            ("<T as core::convert::Into<U>>::into", Owner::Rust),
            ("<&mut F as core::ops::function::FnOnce<A>>::call_once", Owner::Rust),
            ("<fn() -> u32 as core::ops::function::FnOnce<()>>::call_once", Owner::Rust),
            ("core::ptr::drop_in_place<demo::Thing>", Owner::Rust),
            ("__rustc::rust_begin_unwind", Owner::Rust),
            ("wasi::lib_generated::path_open", Owner::Rust),
            ("test::run_test", Owner::Rust),
            ("__wasi_path_open", Owner::Library(C)),
            ("fopen", Owner::Library(C)),
            ("strdup", Owner::Library(C)),
            ("_start.command_export", Owner::Library(SDK)),
            ("airtight:test/demo::leaks", Owner::Library(SDK)),
            ("airtight_sdk::__private::direct", Owner::Library(SDK)),
            ("main", Owner::User),
            ("load_config", Owner::User),
            ("ns::Class::method(int)", Owner::User),
            ("std::__2::vector<int, std::__2::allocator<int>>::push_back(int const&)", Owner::Library(CPP)),
            ("operator new(unsigned long)", Owner::Library(CPP)),
            ("__cxa_throw", Owner::Library(CPP)),
            ("my::operator new(unsigned long)", Owner::User),
        ] {
            assert_eq!(owner(function, None), expected, "{function}");
        }
    }

    #[test]
    fn gos_library_is_told_from_programs_as_its_linker_names_them() {
        for function in [
            "syscall.path_open",
            "os.OpenFile",
            "internal_poll.__FD_.Read",
            "internal/poll.(*FD).Read",
            "net_http.__Client_.Do",
            "runtime.main",
            "testing.tRunner",
            "_rt0_wasm_wasip1",
            "wasm_pc_f_loop",
        ] {
            assert_eq!(owner(function, None), Owner::Library(GO), "{function}");
        }
        for function in [
            "github.com/airtight-rs/airtight/guest-sdk/go.Dial",
            "github.com_airtight_rs_airtight_guest_sdk_go.hostTrack",
        ] {
            assert_eq!(owner(function, None), Owner::Library(SDK), "{function}");
        }
        for function in [
            "main.main",
            "main.__Store_.open",
            "demo.TestLeak",
            "github.com_me_os.Open",
            "osprey.Open",
            "loop",
            "github.com/airtight-rs/airtight/guest-sdk/go_test.TestX",
        ] {
            assert_eq!(owner(function, None), Owner::User, "{function}");
        }
    }

    #[test]
    fn files_tell_more_than_names() {
        assert_eq!(owner("<alloc::vec::Vec<T> as Trait>::f", Some(Origin::Own)), Owner::User);
        assert_eq!(owner("open", Some(Origin::Own)), Owner::User);
        assert_eq!(owner("operator new(unsigned long)", Some(Origin::Own)), Owner::User);
        assert_eq!(owner("fold", Some(Origin::Library(RUST))), Owner::Rust);
        assert_eq!(owner("__rustc::__rust_alloc", Some(Origin::Own)), Owner::Rust);
        assert_eq!(owner("grow", Some(Origin::Library(CPP))), Owner::Library(CPP));
        let package = |name: &str| Some(Origin::Package(name.to_owned()));
        assert_eq!(owner("path_open", package("wasi")), Owner::Rust);
        assert_eq!(owner("core::fmt::f", package("semver")), Owner::Package("semver".to_owned()));
        assert_eq!(owner("airtight_sdk::T::temp_dir", Some(Origin::Own)), Owner::Library(SDK));
    }

    #[test]
    fn allocators_are_known_by_what_they_implement() {
        for function in [
            "<demo::Counting as core::alloc::global::GlobalAlloc>::alloc",
            "<demo::Counting as core::alloc::global::GlobalAlloc>::realloc::{{closure}}",
            "<&demo::Arena as core::alloc::Allocator>::allocate",
            "demo::elsewhere::<impl core::alloc::global::GlobalAlloc for demo::Counting>::alloc",
            "operator new[](unsigned long)",
        ] {
            assert!(is_allocator(function), "{function}");
        }
        for function in ["demo::alloc", "<demo::Pool as demo::GlobalAlloc>::alloc", "my_operator new"] {
            assert!(!is_allocator(function), "{function}");
        }
        assert!(is_entry_of_allocator("__rustc::__rust_alloc") && is_entry_of_allocator("__rust_realloc"));
        assert!(!is_entry_of_allocator("__rustc::__rdl_alloc") && !is_entry_of_allocator("__rust_dealloc"));
    }
}
