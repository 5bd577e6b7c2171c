//! The compiler as guests are built with it: what it makes is the same in every folder, home and registry.
//!
//! Cargo lets path and symbol names depend on where things are: sources are compiled under their paths, and the symbols
//! of packages outside of the workspace, and of all that use them, are hashes over their paths. Flags in `RUSTFLAGS` could
//! change the first, not the second, and they are the user's. So cargo is given another compiler: a script that passes
//! everything on, with paths remapped and `-C metadata` made of the package's name, version and origin. See
//! `docs/decisions/0009-guests-without-paths.md`.

use super::TARGET;
use super::Toolchain;
use super::command::Call;
use super::error::ToolchainError;
use super::install::run;
use super::machine::Machine;
use super::rustc_info::RustcInfo;
use super::selection::Workspace;
use super::sysroot::quoted;
use crate::symbols::{VIRTUAL_PACKAGES, VIRTUAL_WORKSPACE};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Raised whenever the script would build something else from the same sources.
const RECIPE: u32 = 1;
const SCRIPT: &str = include_str!("portable.sh");

/// A compiler that leaves this machine's paths out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Portable {
    /// The program to give to cargo as `RUSTC`.
    pub rustc: PathBuf,
    /// The user's home, or a directory in its place.
    pub home: PathBuf,
    /// Where cargo keeps what it downloads.
    pub cargo_home: PathBuf,
}

impl Portable {
    /// Writes the script for a toolchain, unless it is there.
    pub fn of(machine: &Machine<'_>, toolchain: &Toolchain) -> Result<Portable, ToolchainError> {
        let rustc = direct(toolchain);
        let verbose = run(machine, &Call::new(&rustc).arg("-vV").dir(&machine.dir).env("LC_ALL", "C"), &mut |_| {})?;
        let script = script(&rustc, toolchain, &verbose);
        let path = machine.cache.join("compilers").join(key(&rustc, &script, &verbose)).join("rustc");
        if fs::read_to_string(&path).ok().as_deref() != Some(script.as_str()) {
            write(&path, &script)?;
        }
        let home = machine.var("HOME").map(PathBuf::from);
        let cargo_home = match (machine.var("CARGO_HOME"), &home) {
            (Some(dir), _) => machine.dir.join(dir),
            (None, Some(home)) => home.join(".cargo"),
            // Cargo does not work without either; a path that is nowhere does no harm.
            (None, None) => path.with_file_name("no-home"),
        };
        let home = home.filter(|home| home.is_absolute() && home.parent().is_some());
        Ok(Portable { rustc: path, home: home.unwrap_or_else(|| cargo_home.clone()), cargo_home })
    }

    /// What cargo is run with, for a workspace: variables to set, or to remove.
    pub fn env(&self, workspace: &Workspace) -> Vec<(&'static str, Option<OsString>)> {
        let root = workspace.metadata.workspace_root.as_std_path();
        let here = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
        let paths = [
            ("__AIRTIGHT_WORKSPACE", root),
            ("__AIRTIGHT_HERE", &here),
            ("__AIRTIGHT_TARGET_DIR", workspace.metadata.target_directory.as_std_path()),
            ("__AIRTIGHT_HOME", &self.home),
            ("__AIRTIGHT_CARGO_HOME", &self.cargo_home),
        ];
        let mut env = vec![
            ("RUSTC", Some(self.rustc.clone().into_os_string())),
            ("__AIRTIGHT_TWICE", Some(twice(&lock).into())),
            // It splits the code into other units than the profile does: another module from the same sources.
            ("CARGO_INCREMENTAL", None),
        ];
        env.extend(paths.map(|(name, path)| (name, Some(path.as_os_str().to_owned()))));
        env
    }
}

/// The compiler itself: rustup's stand-in would look it up anew each time.
fn direct(toolchain: &Toolchain) -> PathBuf {
    let rustc = toolchain.sysroot.join("bin/rustc");
    if rustc.is_file() { rustc } else { toolchain.rustc.clone() }
}

fn script(rustc: &Path, toolchain: &Toolchain, verbose: &str) -> String {
    let info = RustcInfo::parse(verbose);
    let commit = info.as_ref().map_or("unknown", |info| info.commit.as_deref().unwrap_or(&info.release));
    let recipe = RECIPE.to_string();
    let rust = format!("/rustc/{commit}");
    let values = [
        ("rustc", rustc.to_string_lossy()),
        ("recipe", recipe.as_str().into()),
        ("wasm", TARGET.into()),
        ("packages", VIRTUAL_PACKAGES.into()),
        ("workspace", VIRTUAL_WORKSPACE.into()),
        // Where the sources of std are, the compiler names them by their place on this machine.
        ("rust_src", toolchain.sysroot.join("lib/rustlib/src/rust").to_string_lossy().into_owned().into()),
        ("rust", rust.as_str().into()),
    ];
    let values: String = values.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
    format!("#!/bin/sh\n# Written by airtight.\n{values}{SCRIPT}")
}

/// A name that changes with the compiler: cargo asks it for its version only when its path or its time is another.
fn key(rustc: &Path, script: &str, verbose: &str) -> String {
    let mut hash = Sha256::new_with_prefix(script);
    hash.update(verbose);
    if let Ok(data) = fs::metadata(rustc) {
        let time = data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        hash.update(format!("{} {}", data.len(), time.as_nanos()));
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(path: &Path, script: &str) -> Result<(), ToolchainError> {
    let dir = path.parent().unwrap_or(path);
    fs::create_dir_all(dir).map_err(ToolchainError::file("create", dir))?;
    let written = tempfile::NamedTempFile::new_in(dir).and_then(|mut file| {
        file.write_all(script.as_bytes())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
        // Closed before it has its name: a program that is open for writing cannot be run.
        file.into_temp_path().persist(path).map_err(|error| error.error)
    });
    written.map_err(ToolchainError::file("write", path))
}

/// The packages that a lock file has from two registries under one name and version, `name-version` each.
fn twice(lock: &str) -> String {
    let lock: toml::Table = lock.parse().unwrap_or_default();
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for package in packages {
        let text = |key| package.get(key).and_then(toml::Value::as_str);
        let from_registry = text("source").is_some_and(|source| !source.starts_with("git+"));
        if let (Some(name), Some(version), true) = (text("name"), text("version"), from_registry) {
            *known.entry(format!("{name}-{version}")).or_default() += 1;
        }
    }
    let twice: Vec<_> = known.into_iter().filter(|(_, times)| *times > 1).map(|(name, _)| name).collect();
    twice.join(" ")
}
