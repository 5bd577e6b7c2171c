//! Tags of exceptions that a linker leaves to whoever runs the module: one for each language, so that modules that are put
//! together throw and catch the same. Here a module is alone, and the tag becomes its own.

/// The module name of the imports.
pub(crate) const MODULE: &str = "env";

/// The names: of C++, which Rust's panics use too, and of C's `longjmp`. See
/// <https://github.com/WebAssembly/tool-conventions/blob/main/EHScheme.md>.
pub(crate) const TAGS: [&str; 2] = ["__cpp_exception", "__c_longjmp"];
