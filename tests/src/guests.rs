//! The guests in `guests/`, built for wasm with the toolchain that airtight finds or makes.

use crate::once::once_a_run;
use crate::program::{Ran, command, scratch_root};
use airtight::toolchain::{BuildRequest, Permission, TargetFilter, Toolchain, build, install};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The guests' workspace.
pub fn guests_dir() -> PathBuf {
    crate::package_dir().join("guests")
}

/// Where cargo puts the guests.
pub fn guests_target_dir() -> PathBuf {
    scratch_root().join("guests")
}

/// Every test binary of the guests, by name.
///
/// # Panics
/// If there is no toolchain, or a guest does not build.
pub fn guests() -> &'static BTreeMap<String, PathBuf> {
    static GUESTS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    GUESTS.get_or_init(|| {
        let made = once_a_run("guests", build_all);
        let lines = made.lines().filter_map(|line| line.split_once('='));
        lines.map(|(name, path)| (name.to_owned(), path.into())).collect()
    })
}

/// The path of one test binary.
///
/// # Panics
/// If there is none of this name.
pub fn guest(name: &str) -> &'static Path {
    guests().get(name).unwrap_or_else(|| panic!("no guest is called {name}"))
}

/// The toolchain for guests: that of the user, or made in the user's cache.
///
/// # Panics
/// If there is none and none can be made without the user.
pub fn toolchain() -> &'static Toolchain {
    static TOOLCHAIN: OnceLock<Toolchain> = OnceLock::new();
    TOOLCHAIN.get_or_init(|| {
        install(&guests_dir(), Permission::Cache, &mut |_| {}).expect("a wasm toolchain: see `airtight setup`")
    })
}

fn build_all() -> String {
    let (dir, toolchain) = (guests_dir(), toolchain());
    let request = BuildRequest {
        workspace: true,
        targets: vec![TargetFilter::Lib, TargetFilter::Tests],
        config: vec![format!("build.target-dir={:?}", guests_target_dir())],
        ..BuildRequest::new(&dir)
    };
    let built = build(toolchain, &request, &mut |_| {}).expect("the guests build");
    assert!(built.failures.is_empty(), "{:?}", built.failures);
    built.artifacts.iter().map(|artifact| format!("{}={}\n", artifact.name, artifact.wasm.display())).collect()
}

/// Runs the program in `dir` on the package of ways out: a command, and what follows the package.
///
/// # Panics
/// If it cannot be run, or there is no command.
pub fn run_on_faults(dir: &Path, args: &[&str]) -> Ran {
    let mut command = command();
    let package = guests_dir().join("faults");
    let (first, rest) = args.split_first().expect("a command comes first");
    command.current_dir(dir).env("CARGO_TARGET_DIR", guests_target_dir().join("faults"));
    command.arg(first).arg(package).args(["--color", "never"]).args(rest);
    Ran::from(command.output().expect("the program runs"))
}
