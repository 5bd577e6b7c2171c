//! Where the tests of a package run. The package's directory is `/` in the guest, and the working directory. The path that
//! `env!("CARGO_MANIFEST_DIR")` baked in when the module was compiled is an alias of `/`. Both are one overlay: a test may
//! write beside its sources, and they never change. A module that holds no such path gets no alias, and sees no path of the
//! host.

use super::module_grants::ModuleGrants;
use super::runner::Runner;
use crate::files::{self, Links, TooLong};
use crate::model::RefusedModule;
use crate::policy::{DirGrant, Mode, PACKAGE};
use crate::sandbox::{LoadError, LoadOptions, LoadedModule};
#[cfg(feature = "build")]
use crate::{model::Harness, run::Subject, symbols::PathRoots, toolchain::Artifact};
#[cfg(feature = "build")]
use airtight_toolchain::places::VIRTUAL_PACKAGES;
use std::path::{Path, PathBuf};
#[cfg(feature = "build")]
use std::sync::Arc;

/// The package's directory in the guest. WASI has no working directory: the C library starts every program at `/`.
const PACKAGE_DIR: &str = "/";

impl ModuleGrants {
    /// What the tests of a package get: an overlay of its directory at `/` (and at its own path, which `env!` baked in), and
    /// these variables beside `CARGO_MANIFEST_DIR` and `PWD`.
    pub fn package(dir: &Path, env: impl IntoIterator<Item = (String, String)>) -> Self {
        let grant = |guest: String| DirGrant {
            guest,
            host: dir.to_owned(),
            mode: Mode::Overlay,
            name: None,
            alias_of: Some(PACKAGE.to_owned()),
        };
        let mut dirs = vec![grant(PACKAGE_DIR.to_owned())];
        // A path that is not UTF-8 cannot have been baked into a Rust string.
        dirs.extend(dir.to_str().filter(|path| *path != PACKAGE_DIR).map(|path| grant(path.to_owned())));
        let places = [("CARGO_MANIFEST_DIR", PACKAGE_DIR), ("PWD", PACKAGE_DIR)];
        let places = places.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { dirs, env: env.into_iter().chain(places).collect() }
    }

    /// Leaves out the alias if the module does not hold its path. The C library reads the names of all directories when the
    /// module starts, or when it first opens a file. The length of the package's own path would then be part of the fuel
    /// that every test spends.
    pub(super) fn for_module(mut self, module: &LoadedModule) -> Self {
        let mut dirs = std::mem::take(&mut self.dirs);
        let is_alias = |dir: &DirGrant| dir.alias_of.is_some() && !self.is_working_directory(dir);
        dirs.retain(|dir| !is_alias(dir) || module.may_name(&dir.guest));
        Self { dirs, ..self }.for_harness(module.harness())
    }

    /// The same for a program that cargo or nextest runs: environment variables say which package it belongs to.
    pub fn from_cargo(here: &Path) -> Self {
        let dir = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| here.to_owned(), Into::into);
        let env =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::package(&dir, env.filter(|(name, _)| name.starts_with("CARGO_PKG_")))
    }
}

/// Why a file cannot be loaded as a module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not a module that airtight runs.
    #[error("cannot load {}", .path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: LoadError,
    },
    /// The manifest and the module's bytes say different things about its tests.
    #[error("{module}: {disagreement}; say which it is by --harness (and please report what hides it)")]
    Harness {
        /// The module's name.
        module: String,
        /// What each of them says.
        disagreement: &'static str,
    },
}

impl FileError {
    /// What the report says of the module, under the name that it would have had: why it is not tested, without its path on
    /// this machine.
    #[must_use]
    pub fn refusal(&self, name: impl Into<String>) -> RefusedModule {
        let refused = RefusedModule::new(
            name,
            match self {
                Self::Unreadable { source, .. } => format!("it cannot be read: {}", with_causes(source)),
                Self::Load { source, .. } => with_causes(source),
                Self::Harness { disagreement, .. } => (*disagreement).to_owned(),
            },
        );
        let over_budget = matches!(self, Self::Load { source: LoadError::OverBudget { .. }, .. });
        RefusedModule { over_budget, ..refused }
    }
}

/// The text of an error, followed by those of its causes.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl Runner {
    /// Reads and loads the file of a module. A file over the size cap is not read.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn load_file(&self, path: &Path, options: LoadOptions) -> Result<LoadedModule, FileError> {
        let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
        let unusable = |source| FileError::Load { path: path.to_owned(), source };
        let cap = self.module_size();
        let bytes = files::read(path, Links::Follow, cap).map_err(|error| match TooLong::find_in(&error) {
            Some(TooLong { size, .. }) => unusable(LoadError::TooLarge { size, cap }),
            None => unreadable(error),
        })?;
        self.load(bytes, options).map_err(unusable)
    }

    /// Loads a test binary that cargo built, with what its package's tests get: see [`ModuleGrants::package`]. `harness` is
    /// the harness to take it for. Without it, what the manifest says and what is found in the module have to agree.
    ///
    /// # Errors
    /// See [`FileError`].
    #[cfg(feature = "build")]
    pub fn load_artifact(&self, artifact: &Artifact, harness: Option<Harness>) -> Result<Subject, FileError> {
        let roots =
            PathRoots { package: Some(package_root(artifact)), workspace: Some(artifact.workspace_root.clone()) };
        let options = LoadOptions {
            name: artifact.name.clone(),
            harness,
            roots,
            places: Arc::clone(&artifact.places),
            ..LoadOptions::default()
        };
        let module = self.load_file(&artifact.wasm, options)?;
        if harness.is_none()
            && let Some(disagreement) = disagreement(artifact, &module)
        {
            return Err(FileError::Harness { module: artifact.name.clone(), disagreement });
        }
        let env = artifact.env.iter().map(|(name, value)| (name.clone(), value.clone()));
        Ok(Subject::new(module).with_grants(ModuleGrants::package(&artifact.manifest_dir, env)))
    }
}

/// How the manifest and the module's bytes disagree about who runs its tests. It would not help to believe one of them:
/// tests would not be run, or all of them would be run as one.
#[cfg(feature = "build")]
fn disagreement(artifact: &Artifact, module: &LoadedModule) -> Option<&'static str> {
    let is_libtest = module.catalogue.harnesses().any(|harness| harness == Harness::Libtest);
    match (artifact.harness_false, is_libtest) {
        (false, false) => Some("cargo built it with Rust's test harness, and its bytes show none"),
        (true, true) => Some("its manifest says `harness = false`, and its bytes show Rust's test harness"),
        _ => None,
    }
}

/// The directory of the package's sources as the compiler saw them. A member of a workspace may lie outside of the
/// workspace's directory.
#[cfg(feature = "build")]
fn package_root(artifact: &Artifact) -> PathBuf {
    match artifact.env.get("CARGO_PKG_VERSION") {
        Some(version) if !artifact.manifest_dir.starts_with(&artifact.workspace_root) => {
            Path::new(VIRTUAL_PACKAGES).join(format!("{}-{version}", artifact.package))
        }
        _ => artifact.manifest_dir.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn a_profile_s_grant_of_the_package_holds_for_both_its_names() {
        let package = ModuleGrants::package(Path::new("/work/pkg"), []);
        let modes = |policy: &Policy| package.dirs_under(policy).map(|dir| dir.mode).collect::<Vec<_>>();
        let mut policy = Policy::default();
        assert_eq!(modes(&policy), [Mode::Overlay; 2]);
        let grant = |guest: &str| DirGrant {
            guest: guest.to_owned(),
            host: "/work/pkg".into(),
            mode: Mode::ReadWrite,
            name: None,
            alias_of: None,
        };
        policy.dirs = vec![grant("/elsewhere")];
        assert_eq!(modes(&policy), [Mode::Overlay; 2]);
        policy.dirs = vec![grant(PACKAGE_DIR)];
        assert_eq!(modes(&policy), [Mode::ReadWrite; 2]);
    }
}
