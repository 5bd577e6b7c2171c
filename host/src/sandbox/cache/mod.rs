//! What compiling gave, on disk: whole modules, and single functions for modules that changed in part.
//!
//! ```text
//! modules    one file a module
//! functions  packs of functions, looked into where the module itself is not there
//! pack       the format of one such file
//! ```
//!
//! Loading machine code trusts it, so an entry or a folder that another user owns or may write is foreign, and is passed over.
//! Entries appear by renaming whole files; two runs at once can only do the same work twice.

mod functions;
mod modules;
mod pack;

pub(super) use functions::FunctionCache;
pub use modules::Cache;
pub(super) use modules::CacheKey;

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether a path is this user's, and nobody else may write it.
fn is_ours(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_symlink() && belongs_to_us(&found))
}

/// Whether a file is this user's, and nobody else may write it.
fn belongs_to_us(found: &std::fs::Metadata) -> bool {
    let user = rustix::process::geteuid().as_raw();
    found.uid() == user && found.mode() & 0o022 == 0
}

/// The checksum by which files of the cache are named.
fn sum(bytes: &[u8]) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(bytes))
}
