//! Configurations as users write them, and what they resolve to.

mod errors;
mod files;
mod heap;
mod policies;
mod schema;

use super::{Ask, Config, ConfigErrors};
use crate::policy::{Limit, LimitValues, PolicyPatch};
use std::path::Path;
use tempfile::TempDir;

/// A workspace with the directories that the examples grant.
fn workspace() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("tests/fixtures")).unwrap();
    std::fs::create_dir_all(root.path().join("data")).unwrap();
    std::fs::write(root.path().join("tests/file"), "").unwrap();
    root
}

fn config_in(root: &Path, text: &str) -> Result<Config, ConfigErrors> {
    Config::from_str(text, "airtight.toml", root)
}

fn config(text: &str) -> Config {
    config_in(workspace().path(), text).unwrap()
}

/// The errors of a text, without this machine's paths.
fn errors(text: &str) -> String {
    let root = workspace();
    let errors = config_in(root.path(), text).unwrap_err().to_string();
    errors.replace(&root.path().display().to_string(), "/root")
}

/// A patch of limits alone.
fn patch<const N: usize>(limits: [(Limit, u64); N]) -> PolicyPatch {
    PolicyPatch { limits: limits.into_iter().collect(), ..PolicyPatch::default() }
}

/// An ask for limits alone.
fn ask<const N: usize>(limits: [(Limit, u64); N]) -> Ask {
    Ask { limits: LimitValues::from_iter(limits), ..Ask::default() }
}
