//! A file of compiled functions. It never changes, and is sorted so that one function is found without reading the others.
//!
//! ```text
//! the functions' bytes, one after the other
//! a row for each function, sorted by key: key (32), offset (u64), length (u32), XXH3 of its bytes (u64)
//! the number of rows (u64)
//! ```
//!
//! Numbers are little-endian. The file's name is the checksum of its rows, and each row has the checksum of its function.
//! So neither a file that was cut off nor a changed byte is ever taken for machine code.

use super::{is_ours, is_private, sum};
use crate::files::{self, Links};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;
use xxhash_rust::xxh3::xxh3_64;

/// The key of a function: a hash of all that its machine code depends on.
pub type Key = [u8; 32];

/// Bytes of one row.
const ROW: usize = 52;

/// Most bytes of a pack's rows, which are read at once: a million functions have fewer.
const MOST_ROWS: u64 = 64 << 20;

/// The extension of packs.
const EXTENSION: &str = "pack";

/// An open pack.
#[derive(Debug)]
pub struct Pack {
    path: PathBuf,
    file: File,
    rows: Vec<u8>,
    /// Whether a function from it was used.
    used: AtomicBool,
}

impl Pack {
    /// Opens a pack of this user's. `None` if the path is not one.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        if path.extension().is_none_or(|extension| extension != EXTENSION) || !is_ours(path) {
            return Ok(None);
        }
        let file = files::open(path, Links::Refuse)?;
        let found = file.metadata()?;
        if !is_private(&found) {
            return Ok(None);
        }
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let mut count = [0; 8];
        let end = found.len().checked_sub(count.len() as u64).ok_or_else(damaged)?;
        file.read_exact_at(&mut count, end)?;
        let len = u64::from_le_bytes(count).checked_mul(ROW as u64).ok_or_else(damaged)?;
        let start = end.checked_sub(len).filter(|_| len <= MOST_ROWS).ok_or_else(damaged)?;
        let mut rows = vec![0; usize::try_from(len).map_err(|_| damaged())?];
        file.read_exact_at(&mut rows, start)?;
        if path.file_stem().and_then(|stem| stem.to_str()) != Some(&sum(&rows)) {
            return Err(damaged());
        }
        Ok(Some(Self { path: path.to_owned(), file, rows, used: AtomicBool::new(false) }))
    }

    /// Writes functions into a new pack in a folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(folder: &Path, functions: &BTreeMap<Key, Vec<u8>>) -> io::Result<Self> {
        let mut rows = Vec::with_capacity(functions.len() * ROW);
        let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
        let mut offset = 0_u64;
        for (key, bytes) in functions {
            let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
            rows.extend(key);
            rows.extend(offset.to_le_bytes());
            rows.extend(len.to_le_bytes());
            rows.extend(xxh3_64(bytes).to_le_bytes());
            file.write_all(bytes)?;
            offset += u64::from(len);
        }
        file.write_all(&rows)?;
        file.write_all(&(functions.len() as u64).to_le_bytes())?;
        let path = folder.join(sum(&rows)).with_extension(EXTENSION);
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?.persist(&path)?;
        Ok(Self { path, file, rows, used: AtomicBool::new(false) })
    }

    /// Where the pack is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many functions are in it.
    pub fn len(&self) -> usize {
        self.rows.len() / ROW
    }

    /// Its size on disk, in bytes.
    pub fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len())
    }

    /// The bytes of a function. `None` if it is not in the pack, or is damaged.
    pub fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let (rows, _) = self.rows.as_chunks::<ROW>();
        let row = &rows[rows.binary_search_by(|row| row[..32].cmp(key)).ok()?];
        let bytes = self.read(row)?;
        self.used.store(true, Ordering::Relaxed);
        Some(bytes)
    }

    /// All undamaged functions, with their keys.
    pub fn functions(&self) -> impl Iterator<Item = (Key, Vec<u8>)> + '_ {
        let (rows, _) = self.rows.as_chunks::<ROW>();
        rows.iter().filter_map(|row| Some((row[..32].try_into().ok()?, self.read(row)?)))
    }

    fn read(&self, row: &[u8; ROW]) -> Option<Vec<u8>> {
        let offset = u64::from_le_bytes(row[32..40].try_into().ok()?);
        let len = u32::from_le_bytes(row[40..44].try_into().ok()?);
        let expected = u64::from_le_bytes(row[44..].try_into().ok()?);
        let mut bytes = vec![0; len as usize];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        (xxh3_64(&bytes) == expected).then_some(bytes)
    }

    /// Makes the pack the youngest if a function from it was used since the last call: the oldest packs are dropped first.
    pub fn touch(&self) {
        if self.used.swap(false, Ordering::Relaxed) {
            // If this fails, the pack only seems older than it is.
            let _ = self.file.set_modified(SystemTime::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn functions(given: Vec<(u8, Vec<u8>)>) -> BTreeMap<Key, Vec<u8>> {
        given.into_iter().map(|(key, bytes)| ([key; 32], bytes)).collect()
    }

    #[test]
    fn what_is_no_pack_of_ours_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let pack = Pack::write(dir.path(), &functions(vec![(1, b"one".into())])).unwrap();
        let other = dir.path().join("other");
        fs::copy(pack.path(), &other).unwrap();
        assert!(Pack::open(&other).unwrap().is_none(), "its name says that it is something else");
        let mode = |mode| fs::set_permissions(pack.path(), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        mode(0o666);
        assert!(Pack::open(pack.path()).unwrap().is_none(), "others may write it");
        mode(0o600);
        assert_eq!(Pack::open(pack.path()).unwrap().unwrap().get(&[1; 32]).unwrap(), b"one");
    }

    proptest! {
        #[test]
        fn what_is_written_is_found(given: Vec<(u8, Vec<u8>)>, other: u8) {
            let dir = tempfile::tempdir().unwrap();
            let functions = functions(given);
            let written = Pack::write(dir.path(), &functions).unwrap();
            let opened = Pack::open(written.path()).unwrap().unwrap();
            for pack in [written, opened] {
                prop_assert_eq!(pack.len(), functions.len());
                for (key, bytes) in &functions {
                    prop_assert_eq!(pack.get(key), Some(bytes.clone()));
                }
                prop_assert_eq!(pack.get(&[other; 32]), functions.get(&[other; 32]).cloned());
                prop_assert_eq!(pack.functions().collect::<BTreeMap<_, _>>(), functions.clone());
            }
        }

        #[test]
        fn damage_is_never_taken_for_code(given: Vec<(u8, Vec<u8>)>, at: prop::sample::Index, bit in 0_u32..8, cut: bool) {
            let dir = tempfile::tempdir().unwrap();
            let functions = functions(given);
            let path = Pack::write(dir.path(), &functions).unwrap().path().to_owned();
            let mut bytes = fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1_u8 << bit;
            }
            fs::write(&path, bytes).unwrap();
            let Ok(Some(pack)) = Pack::open(&path) else { return Ok(()) };
            for (key, bytes) in &functions {
                prop_assert!(pack.get(key).is_none_or(|found| found == *bytes));
            }
            prop_assert!(pack.functions().all(|(key, bytes)| functions[&key] == bytes));
        }
    }
}
