//! Compiled modules on disk.
//!
//! The layout is `<dir>/<key>/<sum>.cwasm`. `key` is the SHA-256 of the rewritten module, the engine's compatibility hash,
//! the caps on compiling and airtight's version, so that a stale entry is never found. It also says whether the single-pass
//! compiler made the entry. `sum` is the XXH3 of the file, so that a corrupt entry is never loaded. The file ends with
//! the key, so that the entry of another module is not loaded wherever it was copied to. It begins with the code, which is
//! mapped and not copied: an entry is never written again, it appears under its name whole and goes by losing it.

use super::{is_ours, is_private, open_to_strangers, sum, sum_of_file};
use crate::catalogue::CompileCaps;
use crate::files::{self, Links};
use crate::instrument::REWRITER_VERSION;
use anyhow::Context;
use sha2::{Digest, Sha256};
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use wasmtime::Module;

/// The version of an entry's format. In version 1 the code was all, and in version 2 the key came before it.
const FORMAT: u32 = 3;

/// The name of a compiled module in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKey(String);

impl CacheKey {
    /// The caps are part of the key. A cached module is not weighed again, so a module that lower caps refuse must not be
    /// found under them.
    pub(in crate::sandbox) fn new(engine: &wasmtime::Engine, caps: CompileCaps, rewritten: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(REWRITER_VERSION.to_le_bytes());
        hash.update(FORMAT.to_le_bytes());
        hash.update(caps.function.to_le_bytes());
        hash.update(caps.module.to_le_bytes());
        hash.update(caps.single_pass.to_le_bytes());
        let mut engine_hash = ShaHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut engine_hash);
        hash.update(engine_hash.0.finalize());
        hash.update(Sha256::digest(rewritten));
        Self(hex(&hash.finalize()))
    }

    /// The key for the same module, compiled by the single-pass engine beside this one.
    pub(in crate::sandbox) fn single_pass(&self) -> Self {
        Self(format!("{}-single-pass", self.0))
    }
}

/// Feeds all that would be hashed to SHA-256: the result of the standard hasher may change between compilers.
struct ShaHasher(Sha256);

impl Hasher for ShaHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder of compiled modules.
///
/// ```
/// use airtight::{Cache, Runner, config::Config};
///
/// let folder = std::env::temp_dir().join("modules");
/// let runner = Runner::builder(&Config::default(), "default")?.cache(Cache::new(folder, 1 << 30)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
    max_bytes: u64,
}

impl Cache {
    /// A cache in `dir`, which is created when it is first needed. It is kept below `max_bytes`.
    pub fn new(dir: PathBuf, max_bytes: u64) -> Self {
        Self { dir, max_bytes }
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A folder of the cache, if it exists, all of it is this user's, and nobody else could put another in its place.
    pub(super) fn find(&self, name: &str) -> Option<PathBuf> {
        let folder = self.dir.join(name);
        (is_ours(&self.dir) && is_ours(&folder) && open_to_strangers(&self.dir).is_none()).then_some(folder)
    }

    /// A folder of the cache; it is created if it does not exist.
    ///
    /// # Errors
    /// It cannot be created, or is not this user's.
    pub(super) fn make(&self, name: &str) -> anyhow::Result<PathBuf> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(self.dir.join(name))?;
        self.find(name).with_context(|| {
            let folder = open_to_strangers(&self.dir).unwrap_or_else(|| self.dir.clone());
            format!("it is not used, for {} is another user's, or others may write it", folder.display())
        })
    }

    /// The most bytes that the cache keeps.
    pub(super) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Whether there may be a compiled module. Only loading it tells whether it is whole and this user's.
    pub(in crate::sandbox) fn holds(&self, key: &CacheKey) -> bool {
        self.dir.join(&key.0).is_dir()
    }

    /// The compiled module, if there is a whole one of this user's.
    pub(in crate::sandbox) fn load(&self, engine: &wasmtime::Engine, key: &CacheKey) -> Option<Module> {
        for entry in fs::read_dir(self.find(&key.0)?).ok()?.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "cwasm") || !is_ours(&path) {
                continue;
            }
            if let Some(module) = self.load_entry(engine, key, &path) {
                return Some(module);
            }
            tracing::warn!("the cached module {} is damaged or another's, and is compiled anew", path.display());
            let _ = fs::remove_file(&path);
        }
        None
    }

    fn load_entry(&self, engine: &wasmtime::Engine, key: &CacheKey, path: &Path) -> Option<Module> {
        let file = files::open(path, Links::Refuse).ok()?;
        let found = file.metadata().ok()?;
        if !is_private(&found) || found.len() > self.max_bytes {
            return None;
        }
        let mut end = vec![0; footer(key).len()];
        let at = found.len().checked_sub(end.len() as u64)?;
        file.read_exact_at(&mut end, at).ok()?;
        if end != footer(key) || path.file_stem()?.to_str()? != sum_of_file(&file).ok()? {
            return None;
        }
        let mapped = file.try_clone().ok()?;
        // SAFETY: `Module::serialize` gave these bytes to a run of this user with the same version and engine: the key
        // names both and is among the bytes. The sum in the file's name covers every byte. Nobody else may write the file
        // or a folder that it is in. This user's runs never write to a file that has its name: it stays as it is as long as
        // it is mapped.
        match unsafe { Module::deserialize_open_file(engine, mapped) } {
            Ok(module) => {
                // Entries are dropped oldest first. If this fails, the entry only seems older than it is.
                let _ = file.set_modified(SystemTime::now());
                Some(module)
            }
            Err(error) => {
                tracing::warn!("the cached module {} does not load: {error:#}", path.display());
                None
            }
        }
    }

    /// Keeps a compiled module. If the cache cannot be written, the next run is slower; that is not an error.
    pub(in crate::sandbox) fn store(&self, key: &CacheKey, module: &Module) {
        if let Err(error) = self.try_store(key, module) {
            tracing::warn!("the compiled module cannot be kept in {}: {error:#}", self.dir.display());
        }
    }

    fn try_store(&self, key: &CacheKey, module: &Module) -> anyhow::Result<()> {
        let mut bytes = module.serialize()?;
        bytes.extend(footer(key));
        if bytes.len() as u64 > self.max_bytes {
            return Ok(());
        }
        let folder = self.make(&key.0)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        file.write_all(&bytes)?;
        file.persist(folder.join(format!("{}.cwasm", sum(&bytes))))?;
        self.prune(|entry| entry.parent() == Some(&folder))
    }

    /// Drops the entries that were used longest ago until the cache is below its bound. What was just written stays.
    pub(super) fn prune(&self, written: impl Fn(&Path) -> bool) -> anyhow::Result<()> {
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for folder in fs::read_dir(&self.dir)?.flatten() {
            for entry in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                if let Ok(found) = entry.metadata() {
                    entries.push((found.modified()?, found.len(), entry.path()));
                }
            }
        }
        entries.sort();
        let mut total: u64 = entries.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in entries {
            if total <= self.max_bytes {
                break;
            }
            if written(&path) {
                continue;
            }
            // Another run may have removed it already.
            if fs::remove_file(&path).is_ok() {
                total -= size;
                let _ = path.parent().map(fs::remove_dir);
            }
        }
        Ok(())
    }
}

/// The end of the file of a module with this key.
fn footer(key: &CacheKey) -> Vec<u8> {
    format!("\nairtight compiled module {}\n", key.0).into_bytes()
}
