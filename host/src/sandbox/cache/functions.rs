//! Compiled functions, kept by what each is made of: after an edit, only the functions of a module that changed are
//! compiled.
//!
//! The key is the compiler's own: a hash of the function in the compiler's own language, of the compiler's version, of the
//! target and of all settings. Each run writes what it compiled as a new pack. A pack that is not larger than the new one
//! is merged into it, so that there are few packs.

use super::Cache;
use super::pack::{Key, Pack};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use wasmtime::CacheStore;

/// The folder of the packs, beside the folders of modules.
const FOLDER: &str = "functions";

/// With more packs than this, small ones are merged into the new pack, whatever their size.
const PACKS: usize = 24;

/// Functions that earlier runs compiled, and those of this run.
#[derive(Debug)]
pub struct FunctionCache {
    cache: Cache,
    /// Read when the first function is looked for: most runs compile nothing.
    packs: OnceLock<RwLock<Vec<Pack>>>,
    /// What was compiled since the last pack was written.
    fresh: Mutex<BTreeMap<Key, Vec<u8>>>,
}

impl FunctionCache {
    /// The function cache beside a cache's modules.
    pub fn beside(cache: &Cache) -> Self {
        Self { cache: cache.clone(), packs: OnceLock::new(), fresh: Mutex::default() }
    }

    /// The cache's folder, and how many bytes it may keep.
    pub fn place(&self) -> (PathBuf, u64) {
        (self.cache.dir().to_owned(), self.cache.max_bytes())
    }

    /// Writes the functions that were compiled since the last call. If the cache cannot be written, the next run is slower;
    /// that is not an error.
    pub fn keep(&self) {
        let fresh = std::mem::take(&mut *self.fresh());
        let packs = self.packs();
        packs.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(Pack::touch);
        if fresh.is_empty() {
            return;
        }
        if let Err(error) = self.try_keep(fresh, &mut packs.write().unwrap_or_else(PoisonError::into_inner)) {
            tracing::warn!("compiled functions cannot be kept in {}: {error:#}", self.cache.dir().display());
        }
    }

    fn try_keep(&self, mut fresh: BTreeMap<Key, Vec<u8>>, packs: &mut Vec<Pack>) -> anyhow::Result<()> {
        let folder = self.cache.make(FOLDER)?;
        let most = self.cache.max_bytes() / 2;
        let mut size: u64 = fresh.values().map(|bytes| bytes.len() as u64).sum();
        if size > most {
            return Ok(());
        }
        // The smallest packs are at the end, and are merged one after the other.
        packs.sort_by_key(|pack| Reverse(pack.len()));
        let mut taken = Vec::new();
        while let Some(smallest) = packs.pop() {
            size += smallest.size();
            let too_large = smallest.len() > fresh.len() && packs.len() < PACKS;
            if too_large || size > most {
                packs.push(smallest);
                break;
            }
            for (key, bytes) in smallest.functions() {
                fresh.entry(key).or_insert(bytes);
            }
            taken.push(smallest);
        }
        let written = Pack::write(&folder, &fresh)?;
        for pack in taken.iter().filter(|pack| pack.path() != written.path()) {
            // Another run may have removed it already.
            let _ = fs::remove_file(pack.path());
        }
        let path = written.path().to_owned();
        packs.push(written);
        self.cache.prune(|entry| entry == path)
    }

    fn fresh(&self) -> MutexGuard<'_, BTreeMap<Key, Vec<u8>>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn packs(&self) -> &RwLock<Vec<Pack>> {
        self.packs.get_or_init(|| self.open_packs().into())
    }

    fn open_packs(&self) -> Vec<Pack> {
        let Some(folder) = self.cache.find(FOLDER) else { return Vec::new() };
        let mut packs = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match Pack::open(&entry.path()) {
                Ok(pack) => packs.extend(pack),
                // Another run has merged it into a larger pack.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!("{} is damaged and is dropped: {error}", entry.path().display());
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        packs
    }
}

impl CacheStore for FunctionCache {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let key: &Key = key.try_into().ok()?;
        let kept = self.packs().read().unwrap_or_else(PoisonError::into_inner).iter().find_map(|pack| pack.get(key));
        kept.or_else(|| self.fresh().get(key).cloned()).map(Cow::Owned)
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let Ok(key) = key.try_into() else { return false };
        self.fresh().insert(key, value);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    /// Opens the cache in a folder, as another run would.
    fn open(dir: &Path, most: u64) -> FunctionCache {
        FunctionCache::beside(&Cache::new(dir.join("modules"), most))
    }

    fn compile(cache: &FunctionCache, keys: std::ops::Range<u8>) {
        keys.for_each(|key| assert!(cache.insert(&[key; 32], vec![key; 100])));
        cache.keep();
    }

    fn has(cache: &FunctionCache, key: u8) -> bool {
        let found = cache.get(&[key; 32]);
        assert!(found.as_ref().is_none_or(|bytes| **bytes == [key; 100]));
        found.is_some()
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir.join("modules").join(FOLDER)).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }

    #[test]
    fn what_one_run_compiles_another_finds() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), u64::MAX);
        compile(&first, 0..10);
        first.insert(&[10; 32], vec![10; 100]);
        assert!((0..11).all(|key| has(&first, key)), "before it is written too");
        let other = open(dir.path(), u64::MAX);
        assert!((0..10).all(|key| has(&other, key)) && !has(&other, 10));
        assert!(!other.insert(b"a key of another length", Vec::new()));
    }

    /// The compilation of a module without functions looks for none, and keeps none.
    #[test]
    fn what_was_kept_is_found_behind_a_compilation_that_looked_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        compile(&open(dir.path(), u64::MAX), 0..10);
        let cache = open(dir.path(), u64::MAX);
        cache.keep();
        assert!(has(&cache, 1));
    }

    #[test]
    fn small_packs_are_taken_into_larger_ones() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path(), u64::MAX);
        compile(&cache, 0..100);
        compile(&cache, 100..101);
        compile(&cache, 101..102);
        assert_eq!(files(dir.path()).len(), 2, "the second small one holds the first");
        compile(&cache, 102..250);
        assert_eq!(files(dir.path()).len(), 1);
        assert!((0..250).all(|key| has(&cache, key) && has(&open(dir.path(), u64::MAX), key)));
        cache.keep();
        assert_eq!(files(dir.path()).len(), 1, "nothing is new");
    }

    #[test]
    fn however_many_runs_there_were_there_are_few_packs() {
        let dir = tempfile::tempdir().unwrap();
        for size in (1_u8..100).rev() {
            let cache = open(dir.path(), u64::MAX);
            for key in 0..size {
                cache.insert(&[size, key].repeat(16), vec![key; 10]);
            }
            assert!(cache.get(&[0; 32]).is_none());
            cache.keep();
            assert!(files(dir.path()).len() <= PACKS + 1);
        }
        let cache = open(dir.path(), u64::MAX);
        assert!((1_u8..100).all(|size| (0..size).all(|key| cache.get(&[size, key].repeat(16)).is_some())));
    }

    #[test]
    fn it_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        for run in 0..40 {
            compile(&open(dir.path(), 4000), 5 * run..5 * run + 5);
            let size: u64 = files(dir.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
            assert!(size > 0 && size <= 4000, "{size}");
        }
        compile(&open(dir.path(), 4000), 0..200);
        assert!(!has(&open(dir.path(), 4000), 99), "more than fits is not written");
    }

    #[test]
    fn a_folder_that_others_may_write_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        compile(&open(dir.path(), u64::MAX), 0..10);
        let folder = dir.path().join("modules").join(FOLDER);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let cache = open(dir.path(), u64::MAX);
        assert!(!has(&cache, 1));
        compile(&cache, 20..30);
        assert_eq!(files(dir.path()).len(), 1, "nor is anything written into it");
    }

    #[test]
    fn damaged_packs_are_dropped() {
        let dir = tempfile::tempdir().unwrap();
        compile(&open(dir.path(), u64::MAX), 0..10);
        let [pack] = files(dir.path()).try_into().unwrap();
        let whole = fs::read(&pack).unwrap();
        fs::write(&pack, &whole[..whole.len() - 1]).unwrap();
        assert!(!has(&open(dir.path(), u64::MAX), 1));
        assert!(files(dir.path()).is_empty());
    }
}
