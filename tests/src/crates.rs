//! Packages that a test writes, for `airtight test` to build and run.

use crate::{Ran, command};
use std::fs;
use std::path::Path;

/// Writes a workspace with one package for each name and source: its library's, which holds its tests.
///
/// # Panics
/// If it cannot be written.
pub fn workspace(dir: &Path, packages: &[(&str, &str)]) {
    let members: Vec<&str> = packages.iter().map(|(name, _)| *name).collect();
    let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n");
    write(&dir.join("Cargo.toml"), &manifest);
    for (name, source) in packages {
        let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n");
        write(&dir.join(name).join("Cargo.toml"), &manifest);
        write(&dir.join(name).join("src/lib.rs"), source);
    }
}

/// Lets a package of such a workspace use the guest SDK in its tests.
///
/// # Panics
/// If its manifest cannot be written.
pub fn with_sdk(package: &Path) {
    let sdk = crate::guests_dir().join("../../guest-sdk");
    let dependency = format!("\n[dev-dependencies]\nairtight = {{ package = \"airtight-sdk\", path = {sdk:?} }}\n");
    let manifest = package.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("the package has a manifest");
    write(&manifest, &(text + &dependency));
}

/// Writes a file, and the folders it is in.
///
/// # Panics
/// If it cannot be written.
pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder can be made");
    fs::write(path, text).expect("the file can be written");
}

/// `airtight test` in a workspace of one's own, with a report in `report.json`.
///
/// # Panics
/// If it cannot be started.
pub fn airtight_test(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = command();
    command.current_dir(dir).env_remove("CARGO_TARGET_DIR").envs(env.iter().copied());
    let output = command.args(["test", "--report", "json=report.json"]).args(args).output();
    Ran::from(output.expect("the program starts"))
}
