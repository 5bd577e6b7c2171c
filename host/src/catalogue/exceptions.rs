//! Tags of exceptions that a linked module imports. Linkers do not define them, so that several modules that run together can
//! throw and catch the same exceptions. Here a module runs alone, and the tag is made its own.

/// The module name of the imports.
pub(crate) const MODULE: &str = "env";

/// The names of the imports: the tag of C++, which Rust's panics use too, and that of C's `longjmp`. See
/// <https://github.com/WebAssembly/tool-conventions/blob/main/EHScheme.md>.
pub(crate) const TAGS: [&str; 2] = ["__cpp_exception", "__c_longjmp"];
