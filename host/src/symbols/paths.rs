//! Names source files in a way that does not depend on who built the module, and where.

use airtight_toolchain::places::{VIRTUAL_PACKAGES, VIRTUAL_WORKSPACE};
use std::path::{Path, PathBuf};

/// Directories whose paths are left out of reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathRoots {
    /// The package that the module was built from: its files are named relative to this directory.
    pub package: Option<PathBuf>,
    /// The workspace that the package belongs to: files of its other packages are named relative to this directory.
    pub workspace: Option<PathBuf>,
}

/// A source file as a report names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) origin: Origin,
}

/// To whom a source file belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// To the user: it is in the workspace, or in a directory of which nothing is known.
    Own,
    /// To a package that the workspace depends on, by its name.
    Package(String),
    /// To a language's library: `std` with all packages that it is made of, `libc`, `libc++`.
    Library(&'static str),
}

/// The name of Rust's library, with all packages that it is made of.
pub(super) const RUST: &str = "std";

/// The packages of Rust's library that programs may contain.
const RUST_LIBRARIES: [&str; 14] = [
    "alloc",
    "backtrace",
    "compiler-builtins",
    "core",
    "panic_abort",
    "panic_unwind",
    "portable-simd",
    "proc_macro",
    "std",
    "std_detect",
    "stdarch",
    "sysroot",
    "test",
    "unwind",
];

/// Directories with sources of the libraries of C and C++, each with the library's name.
const C_LIBRARIES: [(&str, &str); 7] = [
    ("libc-bottom-half", "libc"),
    ("libc-top-half", "libc"),
    ("dlmalloc", "libc"),
    ("libcxx", "libc++"),
    ("libcxxabi", "libc++"),
    ("libunwind", "libc++"),
    // Headers, wherever they are installed.
    ("c++/v1", "libc++"),
];

impl PathRoots {
    /// The file that a compiler found at this path, as a report names it; `None` if the path names no file.
    pub(super) fn source(&self, compiled: &str) -> Option<Source> {
        let path = tidy(compiled);
        if path.is_empty() || path == "/" {
            return None;
        }
        Some(self.named(path))
    }

    fn named(&self, path: String) -> Source {
        let own = |path: String| Source { path, origin: Origin::Own };
        if let Some(inside) = self.inside(&path) {
            // Directories of cargo may lie in the workspace.
            return self.of_cargo(&inside).unwrap_or_else(|| own(inside));
        }
        if let Some(source) = of_rust(&path).or_else(|| self.of_cargo(&path)).or_else(|| of_c(&path)) {
            return source;
        }
        if let Some(inside) = below(&path, VIRTUAL_PACKAGES) {
            return self.of_package(inside.to_owned());
        }
        own(if path.starts_with('/') || is_drive(&path) { tail(&path, 2) } else { path })
    }

    /// A file of a package, whose directory comes first in the path: `semver-1.0.26/src/lib.rs`.
    fn of_package(&self, path: String) -> Source {
        let directory = path.split('/').next().unwrap_or_default();
        // In a registry, the directory's name ends with the version; in git checkouts and for generated code it does not.
        let versioned = |(at, _): &(usize, &str)| directory[at + 1..].starts_with(|c: char| c.is_ascii_digit());
        let name = directory.match_indices('-').find(versioned).map_or(directory, |(at, _)| &directory[..at]);
        let tested = self.package.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        // Code that a build script generated for the tested package lies beside the generated code of other packages.
        let own = path.strip_prefix(name).is_some_and(|rest| rest.starts_with("/out/")) && tested == Some(name);
        let origin = if own { Origin::Own } else { Origin::Package(name.to_owned()) };
        Source { path, origin }
    }

    /// A file that cargo fetched or a build script generated.
    fn of_cargo(&self, path: &str) -> Option<Source> {
        let package = |path: String| Some(self.of_package(path));
        if let Some((_, rest)) = split_at_directory(path, "registry/src/") {
            // index.crates.io-1949cf8c6b5b557f/semver-1.0.26/src/lib.rs
            return package(rest.split_once('/')?.1.to_owned());
        }
        if let Some((_, rest)) = split_at_directory(path, "git/checkouts/") {
            // semver-0d4f6a5b/1a2b3c4/src/lib.rs
            let (name, rest) = rest.split_once('/')?;
            let (_revision, rest) = rest.split_once('/')?;
            return package(format!("{}/{rest}", without_hash(name)));
        }
        // target/debug/build/semver-0d4f6a5b/out/generated.rs
        let (build, generated) = path.split_once("/out/")?;
        let (directory, name) = build.rsplit_once('/')?;
        let built = directory == "build" || directory.ends_with("/build");
        if built { package(format!("{}/out/{generated}", without_hash(name))) } else { None }
    }

    /// The path relative to the package or the workspace, if it lies in one of them.
    fn inside(&self, path: &str) -> Option<String> {
        let root = |root: &Option<PathBuf>| Some(tidy(root.as_deref().map(Path::to_str)??));
        let (package, workspace) = (root(&self.package), root(&self.workspace));
        let absolute = [&package, &workspace].into_iter().flatten().find_map(|root| below(path, root));
        // Without a workspace, the virtual path of one tells no more than any other directory.
        let from_workspace = workspace.as_deref().and_then(|_| below(path, VIRTUAL_WORKSPACE));
        let member = || below(package.as_deref()?, workspace.as_deref()?);
        absolute.map(str::to_owned).or_else(|| {
            // Compilers run in the workspace's root, and may name files relative to it.
            let in_member = member().and_then(|member| below(from_workspace.unwrap_or(path), member));
            in_member.or(from_workspace).map(str::to_owned)
        })
    }
}

/// A file of Rust's library, wherever Rust's sources are: `std/src/fs.rs` for `…/library/std/src/fs.rs`.
fn of_rust(path: &str) -> Option<Source> {
    let library = |path: String| Some(Source { path, origin: Origin::Library(RUST) });
    if let Some(rest) = path.strip_prefix("/rust/deps/") {
        return library(rest.to_owned());
    }
    let starts = path.match_indices("library/").filter(|(at, _)| *at == 0 || path[..*at].ends_with('/'));
    for (at, word) in starts {
        let rest = &path[at + word.len()..];
        if RUST_LIBRARIES.iter().any(|package| below(rest, package).is_some()) {
            return library(rest.to_owned());
        }
        if let Some(vendored) = rest.strip_prefix("vendor/") {
            return library(vendored.to_owned());
        }
    }
    // Linux distributions keep the dependencies of Rust's library beside it.
    let (before, vendored) = path.split_once("/vendor/")?;
    let of_rustc = before.rsplit('/').next().is_some_and(|directory| directory.starts_with("rustc-"));
    if of_rustc { library(vendored.to_owned()) } else { None }
}

fn of_c(path: &str) -> Option<Source> {
    C_LIBRARIES.iter().find_map(|(directory, library)| {
        let at = path.match_indices(directory).map(|(at, _)| at).find(|at| {
            let (before, rest) = (&path[..*at], &path[at + directory.len()..]);
            (before.is_empty() || before.ends_with('/')) && rest.starts_with('/')
        })?;
        Some(Source { path: path[at..].to_owned(), origin: Origin::Library(library) })
    })
}

fn split_at_directory<'p>(path: &'p str, directory: &str) -> Option<(&'p str, &'p str)> {
    let (before, rest) = path.split_once(directory)?;
    (before.is_empty() || before.ends_with('/')).then_some((before, rest))
}

fn without_hash(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(name, _)| name)
}

/// The part of a path below a directory; `None` if it does not lie there.
fn below<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    path.strip_prefix(directory)?.strip_prefix('/').filter(|rest| !rest.is_empty())
}

/// The last components of a path.
fn tail(path: &str, components: usize) -> String {
    let start = path.rmatch_indices('/').nth(components - 1).map_or(0, |(at, _)| at + 1);
    path[start..].trim_start_matches('/').to_owned()
}

fn is_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic())
}

/// Appends a path to another one. An absolute path replaces the other.
pub(super) fn push(path: &mut String, more: &str) {
    if more.starts_with('/') || more.starts_with('\\') || is_drive(&more.replace('\\', "/")) {
        path.clear();
    } else if !path.is_empty() && !path.ends_with(['/', '\\']) {
        path.push('/');
    }
    path.push_str(more);
}

/// The path with `/` between its components and without `.`; `..` removes the component before it, without a look at the file
/// system.
fn tidy(path: &str) -> String {
    let windows = path.starts_with("\\\\") || is_drive(&path.replace('\\', "/"));
    let path = if windows { path.replace('\\', "/") } else { path.to_owned() };
    let mut components: Vec<&str> = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." if components.last().is_some_and(|last| *last != "..") => {
                components.pop();
            }
            component => components.push(component),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", components.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn roots() -> PathRoots {
        PathRoots { package: Some("/home/u/ws/pkg".into()), workspace: Some("/home/u/ws".into()) }
    }

    fn source(compiled: &str) -> Source {
        roots().source(compiled).unwrap()
    }

    #[test]
    fn machine_paths_become_relative() {
        for (compiled, expected) in [
            ("/home/u/ws/pkg/src/lib.rs", "src/lib.rs"),
            ("pkg/src/lib.rs", "src/lib.rs"),
            ("src/lib.rs", "src/lib.rs"),
            ("./tests/it.rs", "tests/it.rs"),
            ("/home/u/ws/other/src/lib.rs", "other/src/lib.rs"),
            ("/home/u/ws/pkg/../other/src/lib.rs", "other/src/lib.rs"),
            ("/home/u/ws/vendor/semver/src/lib.rs", "vendor/semver/src/lib.rs"),
            ("/home/u/ws/target/debug/build/pkg-0d4f6a5b/out/gen.rs", "pkg/out/gen.rs"),
            ("/home/u/ws/.cargo/registry/src/index.crates.io-19/semver-1.0.26/src/lib.rs", "semver-1.0.26/src/lib.rs"),
            ("/home/u/.cargo/registry/src/index.crates.io-19/semver-1.0.26/src/lib.rs", "semver-1.0.26/src/lib.rs"),
            ("C:\\Users\\u\\.cargo\\registry\\src\\index\\semver-1.0.26\\src\\lib.rs", "semver-1.0.26/src/lib.rs"),
            ("/home/u/.cargo/git/checkouts/my-crate-0d4f6a5b/1a2b3c4/src/lib.rs", "my-crate/src/lib.rs"),
            ("/opt/elsewhere/lib/src/thing.c", "src/thing.c"),
            ("/workspace/pkg/src/lib.rs", "src/lib.rs"),
            ("/workspace/other/src/lib.rs", "other/src/lib.rs"),
            ("/cargo/semver-1.0.26/src/lib.rs", "semver-1.0.26/src/lib.rs"),
            ("/cargo/registry/src/index.crates.io-19/semver-1.0.26/src/lib.rs", "semver-1.0.26/src/lib.rs"),
            ("/cargo/pkg/out/gen.rs", "pkg/out/gen.rs"),
            ("/thing.c", "thing.c"),
        ] {
            let found = source(compiled);
            assert_eq!(found.path, expected, "{compiled}");
            assert!(!matches!(found.origin, Origin::Library(_)), "{compiled}");
        }
    }

    #[test]
    fn a_module_of_an_unknown_package_is_named_as_from_anywhere() {
        let roots = PathRoots::default();
        for root in ["/workspace", "/home/u/ws"] {
            assert_eq!(roots.source(&format!("{root}/pkg/tests/it.rs")).unwrap().path, "tests/it.rs");
        }
        let package = PathRoots { package: Some("/home/u/pkg".into()), workspace: Some("/home/u/pkg".into()) };
        assert_eq!(package.source("/workspace/src/lib.rs").unwrap().path, "src/lib.rs");
    }

    #[test]
    fn libraries_are_known() {
        for (compiled, expected) in [
            ("/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/fs.rs", "std/src/fs.rs"),
            ("/rustc/59807616e1fa/library/core/src/../src/option.rs", "core/src/option.rs"),
            ("/usr/src/rustc-1.96.0/library/alloc/src/vec/mod.rs", "alloc/src/vec/mod.rs"),
            ("/usr/src/rustc-1.96.0/vendor/hashbrown-0.15.5/src/map.rs", "hashbrown-0.15.5/src/map.rs"),
            ("/home/u/.rustup/toolchains/x/lib/rustlib/src/rust/library/test/src/lib.rs", "test/src/lib.rs"),
            ("library/std/src/rt.rs", "std/src/rt.rs"),
            ("/rust/deps/dlmalloc-0.2.8/src/dlmalloc.rs", "dlmalloc-0.2.8/src/dlmalloc.rs"),
            ("/build/wasi-libc/libc-bottom-half/sources/preopens.c", "libc-bottom-half/sources/preopens.c"),
        ] {
            let library = if expected.starts_with("libc") { "libc" } else { "std" };
            let expected = Source { path: expected.into(), origin: Origin::Library(library) };
            assert_eq!(source(compiled), expected, "{compiled}");
        }
        assert_eq!(source("/home/u/ws/library/core/src/lib.rs").origin, Origin::Own);
    }

    #[test]
    fn sources_of_cpps_library_are_known_where_they_were_built_and_where_they_are_installed() {
        for (compiled, expected) in [
            ("/usr/include/wasm32-wasi/c++/v1/__memory/shared_ptr.h", "c++/v1/__memory/shared_ptr.h"),
            ("/build/llvm-toolchain-19-19.1.7/libcxx/src/stdlib_new_delete.cpp", "libcxx/src/stdlib_new_delete.cpp"),
            ("/build/llvm-project/libcxxabi/src/cxa_virtual.cpp", "libcxxabi/src/cxa_virtual.cpp"),
        ] {
            let expected = Source { path: expected.into(), origin: Origin::Library("libc++") };
            assert_eq!(source(compiled), expected, "{compiled}");
        }
        assert_eq!(source("/opt/mylibcxx/src/a.cpp").origin, Origin::Own);
    }

    #[test]
    fn a_dependency_is_told_from_the_users_own() {
        for (compiled, expected) in [
            ("/workspace/pkg/src/lib.rs", None),
            ("/workspace/other/src/lib.rs", None),
            ("/opt/elsewhere/lib/src/thing.c", None),
            ("/cargo/semver-1.0.26/src/lib.rs", Some("semver")),
            ("/cargo/wasm-bindgen-0.2.100/src/lib.rs", Some("wasm-bindgen")),
            ("/home/u/ws/.cargo/registry/src/index.crates.io-19/semver-1.0.26/src/lib.rs", Some("semver")),
            ("/home/u/.cargo/git/checkouts/my-crate-0d4f6a5b/1a2b3c4/src/lib.rs", Some("my-crate")),
            ("/cargo/serde/out/private.rs", Some("serde")),
            ("/cargo/pkg/out/gen.rs", None),
        ] {
            let expected = expected.map_or(Origin::Own, |name| Origin::Package(name.to_owned()));
            assert_eq!(source(compiled).origin, expected, "{compiled}");
        }
    }

    #[test]
    fn a_package_in_the_registry_is_a_package() {
        let package = "/home/u/.cargo/registry/src/index/semver-1.0.26";
        let roots = PathRoots { package: Some(package.into()), workspace: None };
        assert_eq!(roots.source(&format!("{package}/src/lib.rs")).unwrap().path, "src/lib.rs");
    }

    proptest! {
        #[test]
        fn every_name_is_relative_and_some(path in "[a-z./\\\\:]{0,40}") {
            if let Some(source) = roots().source(&path) {
                prop_assert!(!source.path.starts_with('/') && !source.path.is_empty(), "{}", source.path);
            }
        }
    }
}
