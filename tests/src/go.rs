//! Go, where it is to be had, and test binaries that it builds.

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

/// Builds the tests of a package as `go test -c` does; the module's path.
///
/// # Panics
/// If they do not build.
pub fn go_test_binary(go: &Path, package: &Path, into: &Path) -> PathBuf {
    let module = into.join(package.file_name().expect("a package's folder has a name")).with_extension("test.wasm");
    let built = Command::new(go)
        .args(["test", "-c", "-o"])
        .arg(&module)
        .arg(".")
        .current_dir(package)
        .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "")])
        .output()
        .expect("Go runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    module
}
