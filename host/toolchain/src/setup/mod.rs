//! A compiler for guests: found, or installed as far as the caller permits.

pub(crate) mod debian;
pub(crate) mod find;
pub(crate) mod install;
pub(crate) mod linker;
pub(crate) mod progress;
pub(crate) mod rustc_info;
pub(crate) mod rustup;
pub(crate) mod sysroot;
pub(crate) mod sysroot_build;
