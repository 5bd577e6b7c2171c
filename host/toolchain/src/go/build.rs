//! From packages to modules: `go list` says what there is, and `go test -c` builds it.

use super::HOOK;
use super::find::{Go, GoVersion};
use super::limits::{self, GoLimit};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The target, in Go's words.
const TARGET: [(&str, &str); 2] = [("GOOS", "wasip1"), ("GOARCH", "wasm")];

/// The profile that tells which goroutines are blocked for ever is an experiment in this version, and built in from the next one on.
const LEAK_EXPERIMENT: (GoVersion, &str) = (GoVersion { major: 1, minor: 26 }, "goroutineleakprofile");

/// What to build.
#[derive(Debug, Clone, Default)]
pub struct GoRequest {
    /// Where Go runs.
    pub dir: PathBuf,
    /// Packages, as Go names them; none is the one in `dir`.
    pub packages: Vec<String>,
    /// Options of `go build`, as they are: `-tags`, `-ldflags`.
    pub flags: Vec<String>,
}

/// What was built.
#[derive(Debug, Default)]
pub struct GoBuild {
    /// The modules, by import path.
    pub artifacts: Vec<GoArtifact>,
    /// Packages whose tests could not be built.
    pub failures: Vec<GoFailure>,
    /// Packages without test files, by import path.
    pub without_tests: Vec<String>,
}

/// The tests of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoArtifact {
    /// Its import path.
    pub package: String,
    /// Its directory.
    pub dir: PathBuf,
    /// The module.
    pub wasm: PathBuf,
    /// The limits that its tests ask for themselves.
    pub limits: Vec<GoLimit>,
}

/// Tests that could not be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoFailure {
    /// The package's import path, or the pattern that names none.
    pub package: String,
    /// What Go said.
    pub why: String,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoBuildError {
    /// Go does not say which packages there are.
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
    /// Go cannot be started any more.
    #[error("cannot run {}", .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// What `go list` says of a package.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Listed {
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

/// Builds the tests of packages into a folder, one package after the other: Go itself uses all processors. `each` is told before
/// each.
///
/// # Errors
/// There is nothing that could be built. What of it cannot be is in [`GoBuild::failures`].
pub fn build(go: &Go, request: &GoRequest, into: &Path, each: &mut dyn FnMut(&str)) -> Result<GoBuild, GoBuildError> {
    let mut built = GoBuild::default();
    let overlay = overlay(go, into)?;
    for (nth, listed) in list(go, request)?.into_iter().enumerate() {
        let limits = limits_of(&listed);
        let Listed { import_path: package, dir, test_go_files, x_test_go_files, error } = listed;
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

/// The limits that the tests of a package ask for. A file that cannot be read is for Go to complain of.
fn limits_of(package: &Listed) -> Result<Vec<GoLimit>, String> {
    let mut all = Vec::new();
    for file in package.test_go_files.iter().chain(&package.x_test_go_files) {
        let Ok(source) = std::fs::read_to_string(package.dir.join(file)) else { continue };
        all.extend(limits::read(file, &source).map_err(|(line, why)| format!("{file}:{line}: {why}"))?);
    }
    Ok(all)
}

/// The packages that patterns name, by import path.
fn list(go: &Go, request: &GoRequest) -> Result<Vec<Listed>, GoBuildError> {
    let fields = "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles,Error";
    let said = run(
        go,
        command(go, &request.dir).args(["list", "-e", fields]).args(&request.flags).arg("--").args(&request.packages),
    )?;
    let listed: Result<Vec<Listed>, _> = serde_json::Deserializer::from_slice(&said.stdout).into_iter().collect();
    match listed {
        Ok(listed) if said.status.success() && !listed.is_empty() => {
            // Patterns may name a package twice.
            let by_path: BTreeMap<_, _> =
                listed.into_iter().map(|package| (package.import_path.clone(), package)).collect();
            Ok(by_path.into_values().collect())
        }
        Ok(_) if !said.stderr.is_empty() => Err(GoBuildError::List(text(&said.stderr))),
        Ok(_) => Err(GoBuildError::List("it names none".to_owned())),
        Err(error) => Err(GoBuildError::List(error.to_string())),
    }
}

/// Writes the hook, and the file that tells Go where in its own sources it is to be.
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
    use std::os::unix::fs::PermissionsExt;

    /// A Go of a few lines of shell, which builds every package but one.
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
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
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
