//! The crates' published sources, in a workspace whose lock file is committed here.

use super::Options;
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

macro_rules! stand_in {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../thread-suites/stand-ins/", $name, "/Cargo.toml")),
            include_str!(concat!("../../thread-suites/stand-ins/", $name, "/src/lib.rs")),
        )
    };
}

/// Members are `name-version`, one a line.
const MANIFEST: &str = include_str!("../../heap-suites/Cargo.toml");
const LOCK: &str = include_str!("../../heap-suites/Cargo.lock");

/// The same of crates whose tests have threads.
const THREADS_MANIFEST: &str = include_str!("../../thread-suites/Cargo.toml");
const THREADS_LOCK: &str = include_str!("../../thread-suites/Cargo.lock");

/// The crates that stand there for others, which are not built for WASI: name, manifest and source.
const STAND_INS: [(&str, &str, &str); 4] =
    [stand_in!("async-std"), stand_in!("criterion"), stand_in!("rusty-fork"), stand_in!("signal-hook")];

/// Manifest and lock file of the crates that are wanted.
fn files(options: &Options) -> (&'static str, &'static str) {
    if options.threads { (THREADS_MANIFEST, THREADS_LOCK) } else { (MANIFEST, LOCK) }
}

/// A published crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedCrate {
    /// Its name.
    pub name: String,
    /// Its version, exactly.
    pub version: String,
}

impl PublishedCrate {
    /// `name-version`: its folder.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

/// Every crate of the list.
pub fn listed(options: &Options) -> Vec<PublishedCrate> {
    let members = files(options).0.split_once("members = [").and_then(|(_, rest)| rest.split_once(']'));
    let members = members.map_or("", |(members, _)| members).split(',');
    let members = members.map(|member| member.trim().trim_matches('"'));
    let parts = members.filter_map(|member| member.rsplit_once('-'));
    parts.map(|(name, version)| PublishedCrate { name: name.to_owned(), version: version.to_owned() }).collect()
}

/// The crates that were asked for.
///
/// # Errors
/// One is not on the list.
pub fn chosen(options: &Options) -> anyhow::Result<Vec<PublishedCrate>> {
    let (all, names) = (listed(options), &options.crates);
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|suite| suite.name != **name)) {
        let known: Vec<_> = all.iter().map(|suite| suite.name.as_str()).collect();
        let list = if options.threads { "tests/thread-suites/Cargo.toml" } else { "tests/heap-suites/Cargo.toml" };
        bail!("`{unknown}` is not on the list of {list}: {}", known.join(", "));
    }
    Ok(all.into_iter().filter(|suite| names.is_empty() || names.contains(&suite.name)).collect())
}

/// Puts the sources of every listed crate into a workspace. What is there already stays.
///
/// # Errors
/// Cargo cannot fetch them, or the folder cannot be written.
pub fn fetch(options: &Options) -> anyhow::Result<()> {
    let workspace = options.plain();
    let missing = |suite: &PublishedCrate| !workspace.join(suite.folder()).join("Cargo.toml").is_file();
    if listed(options).iter().any(missing) {
        for (suite, source) in sources(options)? {
            copy_source(&source, &workspace.join(suite.folder()), &BTreeMap::new())?;
        }
    }
    put(options, &workspace, "")
}

/// Writes manifest and lock file of a workspace that holds all crates, in folders whose names start with `prefix`.
///
/// # Errors
/// The folder cannot be written.
pub fn put(options: &Options, workspace: &Path, prefix: &str) -> anyhow::Result<()> {
    fs::create_dir_all(workspace).with_context(|| format!("cannot make `{}`", workspace.display()))?;
    let (manifest, lock) = files(options);
    let manifest = manifest.replace("\n  \"", &format!("\n  \"{prefix}"));
    fs::write(workspace.join("Cargo.toml"), manifest)?;
    fs::write(workspace.join("Cargo.lock"), lock)?;
    if options.threads {
        for (name, manifest, source) in STAND_INS {
            let folder = workspace.join("stand-ins").join(name);
            fs::create_dir_all(folder.join("src"))?;
            fs::write(folder.join("Cargo.toml"), manifest)?;
            fs::write(folder.join("src/lib.rs"), source)?;
        }
    }
    Ok(())
}

/// Where cargo has unpacked the crates, after it fetched them for a package that depends on each.
fn sources(options: &Options) -> anyhow::Result<Vec<(PublishedCrate, PathBuf)>> {
    let dir = &options.folder.join(if options.threads { "fetch-threads" } else { "fetch" });
    fs::create_dir_all(dir.join("src")).with_context(|| format!("cannot make `{}`", dir.display()))?;
    fs::write(dir.join("src/lib.rs"), "")?;
    let mut manifest = "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\n[workspace]\n[dependencies]\n".to_owned();
    let suites = listed(options);
    for PublishedCrate { name, version } in &suites {
        manifest += &format!("{name} = \"={version}\"\n");
    }
    fs::write(dir.join("Cargo.toml"), manifest)?;
    let metadata = metadata(dir, &[])?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let find = |suite: PublishedCrate| {
        let package =
            packages.iter().find(|package| package["name"] == *suite.name && package["version"] == *suite.version);
        let manifest = package.and_then(|package| package["manifest_path"].as_str());
        let manifest = manifest.with_context(|| format!("cargo did not fetch {}", suite.folder()))?;
        Ok((suite, Path::new(manifest).parent().context("a manifest is in a folder")?.to_owned()))
    };
    suites.into_iter().map(find).collect()
}

/// What `cargo metadata` says of the package or workspace in a folder.
///
/// # Errors
/// Cargo fails: no network, most often.
pub fn metadata(dir: &Path, options: &[&str]) -> anyhow::Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(dir)
        .args(["metadata", "--format-version=1"])
        .args(options)
        .stdin(Stdio::null())
        .output()
        .context("cargo cannot be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata in `{}`:\n{said}", dir.display());
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Copies a crate's folder, without what its author's cargo or this machine's put beside the sources. A file of `edited` gets
/// that text instead. A file that stays the same keeps its time of writing, so that cargo builds nothing again.
///
/// # Errors
/// A file cannot be read or written.
pub fn copy_source(from: &Path, to: &Path, edited: &BTreeMap<PathBuf, String>) -> anyhow::Result<()> {
    const LEFT_OUT: &[&str] = &["Cargo.lock", ".cargo-ok", "target"];
    fs::create_dir_all(to).with_context(|| format!("cannot make `{}`", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list `{}`", from.display()))? {
        let entry = entry?;
        let (name, path, target) = (entry.file_name(), entry.path(), to.join(entry.file_name()));
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_source(&path, &target, edited)?;
            continue;
        }
        let content = match edited.get(&path) {
            Some(text) => text.clone().into_bytes(),
            None => fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?,
        };
        if fs::read(&target).ok().as_ref() != Some(&content) {
            fs::write(&target, content).with_context(|| format!("cannot write `{}`", target.display()))?;
        }
    }
    Ok(())
}
