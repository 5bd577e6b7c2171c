//! Go, if it is installed, and test binaries that it builds.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The `go` that `AIRTIGHT_GO`, `GO` or the search path names. Where there is none, says what is not checked for that.
pub fn go(not_checked: &str) -> Option<PathBuf> {
    let named = ["AIRTIGHT_GO", "GO"].into_iter().find_map(std::env::var_os);
    let go = named.map_or_else(|| "go".into(), PathBuf::from);
    match Command::new(&go).args(["env", "GOROOT"]).output() {
        Ok(found) if found.status.success() => {
            Some(Path::new(String::from_utf8_lossy(&found.stdout).trim()).join("bin").join("go"))
        }
        _ => {
            eprintln!("NOT CHECKED: there is no Go (PATH, GO, AIRTIGHT_GO), so {not_checked}");
            None
        }
    }
}

/// Every Go to test with: [`go`], and those of other versions that `AIRTIGHT_OTHER_GOS` names, with a colon between two. What is not
/// checked where there is none, or only one, is said on standard error.
///
/// # Panics
/// If one that is named is not a Go.
pub fn gos(not_checked: &str) -> Vec<PathBuf> {
    let Some(first) = go(not_checked) else { return Vec::new() };
    let others = std::env::var("AIRTIGHT_OTHER_GOS").unwrap_or_default();
    let others = others.split(':').filter(|other| !other.is_empty());
    let all: Vec<PathBuf> = std::iter::once(first).chain(others.map(PathBuf::from)).collect();
    if all.len() < 2 {
        eprintln!("NOT CHECKED: AIRTIGHT_OTHER_GOS names no other Go, so with one version alone: {not_checked}");
    }
    for go in &all {
        assert!(go_minor(go).is_some(), "{} is not a Go", go.display());
    }
    all
}

/// The minor version of a Go: 26 of `go1.26.6`.
pub fn go_minor(go: &Path) -> Option<u32> {
    let said = Command::new(go).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let minor = said.trim().strip_prefix("go1.")?;
    minor.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Go's own directory.
///
/// # Panics
/// If there is no such Go.
pub fn goroot(go: &Path) -> PathBuf {
    let said = Command::new(go).args(["env", "GOROOT"]).env("GOTOOLCHAIN", "local").output().expect("Go runs");
    PathBuf::from(String::from_utf8_lossy(&said.stdout).trim())
}

/// Builds the tests of a package as `go test -c` does; the module's path.
///
/// # Panics
/// If they do not build.
pub fn go_test_binary(go: &Path, package: &Path, into: &Path) -> PathBuf {
    go_test_binary_with(go, package, into, &[])
}

/// The same with more flags of `go test`.
///
/// # Panics
/// If they do not build.
pub fn go_test_binary_with(go: &Path, package: &Path, into: &Path, flags: &[&str]) -> PathBuf {
    let module = into.join(package.file_name().expect("a package's folder has a name")).with_extension("test.wasm");
    let built = Command::new(go)
        .args(["test", "-c"])
        .args(flags)
        .arg("-o")
        .arg(&module)
        .arg(".")
        .current_dir(package)
        .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "")])
        .output()
        .expect("Go runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    module
}
