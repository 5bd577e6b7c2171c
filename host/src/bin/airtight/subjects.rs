//! The modules of a command that takes either a package or existing modules.

use crate::args::{BuildArgs, RunArgs, TestArgs};
use crate::build::{Built, build};
use crate::config_file::config_above;
use crate::config_file::config_of;
use crate::failure::{Failure, here};
use crate::loaded::{Loaded, module_files};
use crate::session::Session;
use airtight::config::Config;
use std::path::PathBuf;

/// What the command line names: either a package or modules.
pub struct NamedSubjects<'a> {
    /// The package or workspace.
    package: Option<&'a PathBuf>,
    /// The modules, if no package is named.
    files: Vec<PathBuf>,
}

impl<'a> NamedSubjects<'a> {
    /// Either one package or workspace, or existing modules.
    pub fn new(paths: &'a [PathBuf]) -> Result<Self, Failure> {
        let files = module_files(paths)?;
        let package = paths.first().filter(|_| files.is_none());
        Ok(Self { package, files: files.unwrap_or_default() })
    }

    /// The configuration that applies to them.
    pub fn config(&self) -> Result<Config, Failure> {
        match self.package {
            Some(path) => config_of(path),
            None => config_above(&here()?),
        }
    }

    /// Builds the package if one is named, and loads all modules. Gives also how many targets could not be built.
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
