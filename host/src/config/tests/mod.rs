//! What a user writes, and what becomes of it.

mod errors;
mod files;
mod heap;
mod policies;

use super::{Config, ConfigErrors};
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
