//! The cases in a folder: modules below a `manifest.json` that says they are for preview 1.

use super::spec::Spec;
use anyhow::{Context, bail};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// What a manifest calls preview 1; a folder without a word in its manifest is named so.
const PREVIEW_1: &str = "wasm32-wasip1";

/// One case.
#[derive(Debug)]
pub struct Case {
    /// Its suite's name and its own.
    pub name: String,
    /// The module.
    pub module: PathBuf,
    /// What to run it with and to expect, or why that is not known.
    pub spec: anyhow::Result<Spec>,
}

/// Every preview-1 case below the folder, by suite and name.
///
/// # Errors
/// There is none, or the folder cannot be read.
pub fn cases(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let mut manifests = Vec::new();
    walk(folder, &mut manifests)?;
    manifests.sort();
    let mut cases = Vec::new();
    for manifest in &manifests {
        suite(manifest, &mut cases)?;
    }
    if cases.is_empty() {
        let folder = folder.display();
        bail!(
            "`{folder}` holds no preview-1 cases: use a checkout of the branch prod/testsuite-base, which has the binaries"
        );
    }
    Ok(cases)
}

fn walk(folder: &Path, manifests: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in entries(folder)? {
        // Links are not followed: one could lead anywhere, and in a circle.
        if fs::symlink_metadata(&entry)?.is_dir() {
            walk(&entry, manifests)?;
        } else if entry.file_name() == Some(OsStr::new("manifest.json")) {
            manifests.push(entry);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let told = || format!("`{}` cannot be read as a folder", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(told)? {
        paths.push(entry.with_context(told)?.path());
    }
    Ok(paths)
}

fn suite(manifest: &Path, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let told = || format!("`{}` is no manifest of a suite", manifest.display());
    let said: serde_json::Value = serde_json::from_slice(&fs::read(manifest).with_context(told)?).with_context(told)?;
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let named = folder.file_name().and_then(OsStr::to_str).unwrap_or_default();
    if said["version"].as_str().unwrap_or(named) != PREVIEW_1 {
        return Ok(());
    }
    let suite = said["name"].as_str().unwrap_or(named);
    let mut modules = entries(folder)?;
    modules.retain(|path| path.extension() == Some(OsStr::new("wasm")));
    modules.sort();
    cases.extend(modules.into_iter().map(|module| {
        let stem = module.file_stem().unwrap_or_default().to_string_lossy();
        Case { name: format!("{suite} {stem}"), spec: Spec::beside(&module), module }
    }));
    Ok(())
}
