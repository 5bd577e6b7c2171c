//! From packages to modules: `go list` lists the packages, and `go test -c` builds their tests.

use super::HOOK;
use super::find::{Go, GoVersion};
use super::limits::{self, GoLimit};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The target, in Go's words.
const TARGET: [(&str, &str); 2] = [("GOOS", "wasip1"), ("GOARCH", "wasm")];

/// The profile that finds goroutines blocked for ever is an experiment in this version. From the next version on it is
/// built in.
const LEAK_EXPERIMENT: (GoVersion, &str) = (GoVersion { major: 1, minor: 26 }, "goroutineleakprofile");

/// What to build.
#[derive(Debug, Clone, Default)]
pub struct GoRequest {
    /// The directory in which Go runs.
    pub dir: PathBuf,
    /// Packages, as Go names them. Without any, the package in `dir` is built.
    pub packages: Vec<String>,
    /// Options of `go build`, passed on unchanged: `-tags`, `-ldflags`.
    pub flags: Vec<String>,
}

/// The result of a build.
#[derive(Debug, Default)]
pub struct GoBuild {
    /// The modules, by import path.
    pub artifacts: Vec<GoArtifact>,
    /// Packages whose tests could not be built.
    pub failures: Vec<GoFailure>,
    /// Packages without test files, by import path.
    pub without_tests: Vec<String>,
}

/// The built tests of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoArtifact {
    /// The package's import path.
    pub package: String,
    /// The package's directory.
    pub dir: PathBuf,
    /// The module.
    pub wasm: PathBuf,
    /// The limits that the package's tests ask for themselves.
    pub limits: Vec<GoLimit>,
}

/// A package whose tests could not be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoFailure {
    /// The package's import path, or a pattern that names no package.
    pub package: String,
    /// What Go said.
    pub why: String,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoBuildError {
    /// `go list` does not list any package.
    #[error("`go list` finds no packages: {0}")]
    List(String),
    /// A file that Go is to read cannot be written.
    #[error("cannot write {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Go cannot be started.
    #[error("cannot run {}", .program.display())]
    Start {
        /// The program of Go.
        program: PathBuf,
        /// Why it cannot be started.
        source: std::io::Error,
    },
}

/// What `go list` prints about a package.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedPackage {
    import_path: String,
    dir: PathBuf,
    test_go_files: Vec<String>,
    #[serde(rename = "XTestGoFiles")]
    x_test_go_files: Vec<String>,
    error: Option<ListedError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedError {
    err: String,
}

/// Builds the tests of packages into a folder. The packages are built one after the other, since Go itself uses all
/// processors. `each` is called with each package before it is built.
///
/// # Errors
/// Nothing could be listed, or a file or Go itself fails. Packages that cannot be built are in [`GoBuild::failures`].
pub fn build(go: &Go, request: &GoRequest, into: &Path, each: &mut dyn FnMut(&str)) -> Result<GoBuild, GoBuildError> {
    let mut built = GoBuild::default();
    let overlay = overlay(go, into)?;
    for (nth, listed) in list(go, request)?.into_iter().enumerate() {
        let limits = limits_of(&listed);
        let ListedPackage { import_path: package, dir, test_go_files, x_test_go_files, error } = listed;
        if let Some(error) = error {
            built.failures.push(GoFailure { package, why: error.err.trim().to_owned() });
        } else if test_go_files.is_empty() && x_test_go_files.is_empty() {
            built.without_tests.push(package);
        } else if let Err(why) = &limits {
            built.failures.push(GoFailure { package, why: why.clone() });
        } else {
            each(&package);
            let wasm = into.join(format!("{nth}.wasm"));
            let said = run(
                go,
                command(go, &request.dir)
                    .args(["test", "-c", "-overlay"])
                    .arg(&overlay)
                    .args(&request.flags)
                    .arg("-o")
                    .arg(&wasm)
                    .arg(&package),
            )?;
            if said.status.success() && wasm.exists() {
                built.artifacts.push(GoArtifact { package, dir, wasm, limits: limits.unwrap_or_default() });
            } else {
                built.failures.push(GoFailure { package, why: text(&said.stderr) });
            }
        }
    }
    built.artifacts.sort_by(|a, b| a.package.cmp(&b.package));
    Ok(built)
}

/// The limits that the tests of a package ask for. A file that cannot be read is skipped: Go will complain about it.
fn limits_of(package: &ListedPackage) -> Result<Vec<GoLimit>, String> {
    let mut all = Vec::new();
    for file in package.test_go_files.iter().chain(&package.x_test_go_files) {
        let Ok(source) = std::fs::read_to_string(package.dir.join(file)) else { continue };
        all.extend(limits::read(file, &source).map_err(|(line, why)| format!("{file}:{line}: {why}"))?);
    }
    Ok(all)
}

/// The packages that the request's patterns name, by import path.
fn list(go: &Go, request: &GoRequest) -> Result<Vec<ListedPackage>, GoBuildError> {
    let fields = "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles,Error";
    let said = run(
        go,
        command(go, &request.dir).args(["list", "-e", fields]).args(&request.flags).arg("--").args(&request.packages),
    )?;
    let listed: Result<Vec<ListedPackage>, _> =
        serde_json::Deserializer::from_slice(&said.stdout).into_iter().collect();
    match listed {
        Ok(listed) if said.status.success() && !listed.is_empty() => {
            // Patterns may name the same package twice.
            let by_path: BTreeMap<_, _> =
                listed.into_iter().map(|package| (package.import_path.clone(), package)).collect();
            Ok(by_path.into_values().collect())
        }
        Ok(_) if !said.stderr.is_empty() => Err(GoBuildError::List(text(&said.stderr))),
        Ok(_) => Err(GoBuildError::List("it names none".to_owned())),
        Err(error) => Err(GoBuildError::List(error.to_string())),
    }
}

/// Writes the hook, and the file that tells Go to add it to its own sources.
fn overlay(go: &Go, into: &Path) -> Result<PathBuf, GoBuildError> {
    let write = |name: &str, text: &str| {
        let path = into.join(name);
        std::fs::write(&path, text).map_err(|source| GoBuildError::File { path: path.clone(), source })?;
        Ok(path)
    };
    let hook = write("airtight_hook.go", HOOK)?;
    let place = go.goroot.join("src").join("testing").join("airtight_hook.go");
    write("overlay.json", &serde_json::json!({ "Replace": { place.to_string_lossy(): hook } }).to_string())
}

fn command(go: &Go, dir: &Path) -> Command {
    let mut command = Command::new(&go.program);
    command.current_dir(dir).envs(TARGET);
    if go.number() == Some(LEAK_EXPERIMENT.0) {
        let own = std::env::var("GOEXPERIMENT").unwrap_or_default();
        let all: Vec<&str> = own.split(',').chain([LEAK_EXPERIMENT.1]).filter(|name| !name.is_empty()).collect();
        command.env("GOEXPERIMENT", all.join(","));
    }
    command
}

fn run(go: &Go, command: &mut Command) -> Result<Output, GoBuildError> {
    command.output().map_err(|source| GoBuildError::Start { program: go.program.clone(), source })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::fake::write_script;

    /// A fake Go, a few lines of shell, which builds every package but one.
    fn fake(dir: &Path) -> Go {
        let program = dir.join("go");
        let script = r#"#!/bin/sh
echo "$GOOS/$GOARCH/$GOEXPERIMENT $*" >> "$(dirname "$0")/log"
case "$1" in
list)
    for name in b a; do
        echo "{\"ImportPath\": \"m/$name\", \"Dir\": \"/m/$name\", \"TestGoFiles\": [\"x_test.go\"]}"
    done
    echo '{"ImportPath": "m/none", "Dir": "/m/none"}'
    echo '{"ImportPath": "m/gone", "Error": {"Err": "no such package"}}';;
test)
    while [ $# -gt 1 ]; do
        if [ "$1" = -o ]; then out=$2; fi
        shift
    done
    if [ "$1" = m/b ]; then echo "b.go:1: bad" >&2; exit 1; fi
    echo wasm > "$out";;
esac
"#;
        write_script(&program, script);
        Go { program, version: "go1.26.1".to_owned(), goroot: "/usr/lib/go".into() }
    }

    #[test]
    fn each_package_is_built_and_what_fails_keeps_no_other_from_it() {
        let dir = tempfile::tempdir().unwrap();
        let go = fake(dir.path());
        let request =
            GoRequest { dir: dir.path().into(), packages: vec!["./...".to_owned()], flags: vec!["-tags=x".to_owned()] };
        let mut told = Vec::new();
        let built = build(&go, &request, dir.path(), &mut |package| told.push(package.to_owned())).unwrap();
        assert_eq!(told, ["m/a", "m/b"]);
        let names: Vec<_> = built.artifacts.iter().map(|artifact| &*artifact.package).collect();
        assert_eq!((names, built.without_tests), (vec!["m/a"], vec!["m/none".to_owned()]));
        let failures: Vec<_> = built.failures.iter().map(|failure| (&*failure.package, &*failure.why)).collect();
        assert_eq!(failures, [("m/b", "b.go:1: bad"), ("m/gone", "no such package")]);
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
        assert!(log.starts_with("wasip1/wasm/goroutineleakprofile list -e "), "{log}");
        assert!(log.lines().nth(1).unwrap().contains("test -c -overlay") && log.contains("-tags=x"), "{log}");
        let overlay = std::fs::read_to_string(dir.path().join("overlay.json")).unwrap();
        assert!(overlay.contains("/usr/lib/go/src/testing/airtight_hook.go"), "{overlay}");
    }
}
