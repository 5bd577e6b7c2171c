//! Where a package's tests run: its directory is `/` in the guest, read-only, and the working directory; the path that
//! `env!("CARGO_MANIFEST_DIR")` baked in when it was compiled is an alias of it.

use super::plan::ModuleGrants;
#[cfg(feature = "build")]
use super::{Runner, Subject};
use crate::policy::{DirGrant, Mode};
#[cfg(feature = "build")]
use crate::{
    sandbox::{LoadError, LoadOptions},
    symbols::PathRoots,
    toolchain::Artifact,
};
use std::path::Path;

/// The package's directory in the guest. WASI has no working directory: the C library starts every program at `/`.
const PACKAGE_DIR: &str = "/";

/// How reports name the package's directory: what is in it is named relative to it.
const REPORTED_AS: &str = ".";

impl ModuleGrants {
    /// What the tests of a package get: its directory at `/` (and at its own path, which `env!` baked in), read-only, and
    /// these variables beside `CARGO_MANIFEST_DIR` and `PWD`.
    pub fn package(dir: &Path, env: impl IntoIterator<Item = (String, String)>) -> Self {
        let grant = |guest: String| DirGrant {
            guest,
            host: dir.to_owned(),
            mode: Mode::ReadOnly,
            name: None,
            alias_of: Some(REPORTED_AS.to_owned()),
        };
        let mut dirs = vec![grant(PACKAGE_DIR.to_owned())];
        // A directory whose name is no UTF-8 cannot have been baked into a Rust string either.
        dirs.extend(dir.to_str().filter(|path| *path != PACKAGE_DIR).map(|path| grant(path.to_owned())));
        let places = [("CARGO_MANIFEST_DIR", PACKAGE_DIR), ("PWD", PACKAGE_DIR)];
        let places = places.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { dirs, env: env.into_iter().chain(places).collect() }
    }

    /// The same for a program that cargo or nextest runs: they tell by environment variables what it belongs to.
    pub fn from_cargo(here: &Path) -> Self {
        let dir = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| here.to_owned(), Into::into);
        let env =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::package(&dir, env.filter(|(name, _)| name.starts_with("CARGO_PKG_")))
    }
}

/// A test binary that was built and cannot be loaded.
#[cfg(feature = "build")]
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Its file cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is not what airtight runs.
    #[error("cannot load {}", .path.display())]
    Load {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        source: LoadError,
    },
}

#[cfg(feature = "build")]
impl Runner {
    /// Loads a test binary that cargo built, with what its package's tests get: see [`ModuleGrants::package`].
    ///
    /// # Errors
    /// See [`ArtifactError`].
    pub fn load_artifact(&self, artifact: &Artifact) -> Result<Subject, ArtifactError> {
        let path = || artifact.wasm.clone();
        let unreadable = |source| ArtifactError::Unreadable { path: path(), source };
        let cap = self.options().module_size;
        let size = std::fs::metadata(&artifact.wasm).map_err(unreadable)?.len();
        if size > cap {
            return Err(ArtifactError::Load { path: path(), source: LoadError::TooLarge { size, cap } });
        }
        let bytes = std::fs::read(&artifact.wasm).map_err(unreadable)?;
        let roots = PathRoots {
            package: Some(artifact.manifest_dir.clone()),
            workspace: Some(artifact.workspace_root.clone()),
        };
        let options = LoadOptions { name: artifact.name.clone(), harness: None, roots };
        let module = self.load(bytes, options).map_err(|source| ArtifactError::Load { path: path(), source })?;
        let env = artifact.env.iter().map(|(name, value)| (name.clone(), value.clone()));
        Ok(Subject { module, grants: ModuleGrants::package(&artifact.manifest_dir, env) })
    }
}
