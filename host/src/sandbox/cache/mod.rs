//! What compiling gave, on disk: whole modules, and single functions for modules that changed in part.
//!
//! ```text
//! modules    one file a module
//! functions  packs of functions, looked into where the module itself is not there
//! pack       the format of one such file
//! ```
//!
//! Loading machine code trusts it, so an entry or a folder that another user owns or may write is foreign, and is passed over; so is
//! the whole cache where that holds for a folder above it. What is read is a regular file of a size, and says itself what it is of.
//! Entries appear by renaming whole files; two runs at once can only do the same work twice.

mod functions;
mod modules;
mod pack;

pub(super) use functions::FunctionCache;
pub use modules::Cache;
pub(super) use modules::CacheKey;

use crate::files::owner::{belongs_to_us, is_ours, open_to_strangers};
use std::os::unix::fs::MetadataExt;

/// Whether a file is this user's, and nobody else may even read it: so airtight writes its entries, and so no repository, archive or
/// checkout brings a file along, whose code would be run by whoever let a variable name a folder of it as the cache.
fn is_private(found: &std::fs::Metadata) -> bool {
    belongs_to_us(found) && found.mode() & 0o077 == 0
}

/// The checksum by which files of the cache are named.
fn sum(bytes: &[u8]) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(bytes))
}
