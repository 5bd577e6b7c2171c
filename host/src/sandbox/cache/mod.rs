//! The results of compiling, on disk: whole modules, and single functions for modules that changed in part.
//!
//! ```text
//! modules    one file for each module
//! functions  packs of functions, searched if the whole module is not there
//! pack       the format of one such file
//! ```
//!
//! Loading machine code means trusting it. So an entry or a folder that another user owns or may write is passed over. If
//! that holds for a folder above the cache, the whole cache is passed over. An entry must be a regular file of bounded
//! size, and name what it is compiled from. Entries appear by renaming whole files: two runs at once can at worst do the
//! same work twice.

mod functions;
mod modules;
mod pack;

pub(super) use functions::FunctionCache;
pub use modules::Cache;
pub(super) use modules::CacheKey;

use crate::files::owner::{belongs_to_us, is_ours, open_to_strangers};
use std::os::unix::fs::MetadataExt;

/// Whether a file is this user's, and nobody else may even read it. airtight writes its entries like that. Files from a
/// repository, an archive or a checkout are never like that. So if somebody makes a variable name such a folder as the
/// cache, no code from it is run.
fn is_private(found: &std::fs::Metadata) -> bool {
    belongs_to_us(found) && found.mode() & 0o077 == 0
}

/// The checksum by which files of the cache are named.
fn sum(bytes: &[u8]) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(bytes))
}
