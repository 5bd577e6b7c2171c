//! The modules of a command that takes a package or modules that exist.

use crate::args::{BuildArgs, RunArgs, TestArgs};
use crate::build::{Built, build};
use crate::config_file::config_above;
use crate::config_file::config_of;
use crate::failure::{Failure, here};
use crate::loaded::{Loaded, module_files};
use crate::session::Session;
use airtight::config::Config;
use std::path::PathBuf;

/// What the words of a command line name.
pub struct Named<'a> {
    /// The package or workspace.
    package: Option<&'a PathBuf>,
    /// The modules, where those are named instead.
    files: Vec<PathBuf>,
}

impl<'a> Named<'a> {
    /// One package or workspace, or modules that exist.
    pub fn new(paths: &'a [PathBuf]) -> Result<Self, Failure> {
        let files = module_files(paths)?;
        let package = paths.first().filter(|_| files.is_none());
        Ok(Self { package, files: files.unwrap_or_default() })
    }

    /// The configuration that holds for them.
    pub fn config(&self) -> Result<Config, Failure> {
        match self.package {
            Some(path) => config_of(path),
            None => config_above(&here()?),
        }
    }

    /// Builds what is to be built, and loads all of it; and how many targets could not be built.
    pub fn load(
        &self,
        session: &Session,
        config: &Config,
        (build_args, tests, run): (&BuildArgs, &TestArgs, &RunArgs),
    ) -> Result<(Vec<Loaded>, usize), Failure> {
        let Some(path) = self.package else {
            tests.refuse_filtersets()?;
            return Ok((session.files(&self.files), 0));
        };
        let profile = config.profile(&run.profile).map_err(Failure::setup)?;
        let Built { output, filtersets, .. } = build(build_args, &tests.filterset, path, &profile)?;
        let load = |artifact| session.artifact(artifact, filtersets.as_ref());
        Ok((output.artifacts.iter().map(load).collect(), output.failures.len()))
    }
}
