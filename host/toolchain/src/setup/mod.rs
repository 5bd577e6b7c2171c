//! The compiler for guests: found, or installed as far as the caller permits.

pub(crate) mod debian;
pub(crate) mod find;
pub(crate) mod ingredients;
pub(crate) mod install;
pub(crate) mod linker;
pub(crate) mod linking;
pub(crate) mod progress;
pub(crate) mod rustc_info;
pub(crate) mod rustup;
pub(crate) mod std_build;
pub(crate) mod sysroot;
pub(crate) mod sysroot_build;
pub(crate) mod threads;
pub(crate) mod unwinding;
