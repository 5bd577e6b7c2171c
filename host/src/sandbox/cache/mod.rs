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
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use xxhash_rust::xxh3::Xxh3;

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

/// The same of a whole file, of which only a piece is in memory at a time.
///
/// # Errors
/// It cannot be read.
fn sum_of_file(file: &File) -> io::Result<String> {
    let mut hash = Xxh3::new();
    let mut piece = vec![0; 1 << 16];
    let mut at = 0;
    loop {
        match file.read_at(&mut piece, at) {
            Ok(0) => return Ok(format!("{:032x}", hash.digest128())),
            Ok(read) => {
                hash.update(&piece[..read]);
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_has_the_sum_of_its_bytes() {
        for len in [0, 1, 1 << 16, (1 << 16) + 1, 300_000] {
            let bytes: Vec<u8> = (0..len).map(|at: u32| (at % 251) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            assert_eq!(sum_of_file(&file).unwrap(), sum(&bytes), "{len}");
        }
    }
}
