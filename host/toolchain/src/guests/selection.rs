//! The workspace, and which of its packages a request selects.

use crate::Toolchain;
use crate::guests::error::BuildError;
use crate::guests::request::BuildRequest;
use crate::system::command::{CommandLine, Launcher};
use cargo_metadata::{Metadata, Package, PackageId};
use cargo_util_schemas::core::PackageIdSpec;
use glob::Pattern;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// A workspace, as cargo describes it.
pub(crate) struct Workspace {
    pub metadata: Metadata,
    /// As written in the manifest: cargo's metadata types complete `1.70` to `1.70.0`, and cargo's variable does not.
    rust_versions: HashMap<String, String>,
}

impl Workspace {
    /// Loads the workspace around `request.dir`, without its dependencies.
    pub fn load(
        launcher: &dyn Launcher,
        toolchain: &Toolchain,
        request: &BuildRequest,
    ) -> Result<Workspace, BuildError> {
        Workspace::ask(launcher, metadata_command(toolchain, request).arg("--no-deps"))
    }

    /// Loads the workspace with dependencies resolved for the target.
    pub fn load_resolved(
        launcher: &dyn Launcher,
        toolchain: &Toolchain,
        request: &BuildRequest,
    ) -> Result<Workspace, BuildError> {
        read(&resolved_metadata(launcher, toolchain, request)?)
    }

    fn ask(launcher: &dyn Launcher, command: CommandLine) -> Result<Workspace, BuildError> {
        read(&answer(launcher, command)?)
    }

    pub fn package(&self, id: &PackageId) -> Option<&Package> {
        self.metadata.packages.iter().find(|package| package.id == *id)
    }

    pub fn rust_version(&self, id: &PackageId) -> Option<&str> {
        self.rust_versions.get(&id.repr).map(String::as_str)
    }

    /// The packages that a request selects, by cargo's rules.
    pub fn selected(&self, request: &BuildRequest) -> Vec<&Package> {
        let members = self.metadata.workspace_packages();
        let named = |specs: &[String], package: &Package| specs.iter().any(|spec| means(spec, package));
        if request.workspace {
            return members.into_iter().filter(|package| !named(&request.exclude, package)).collect();
        }
        if !request.packages.is_empty() {
            return members.into_iter().filter(|package| named(&request.packages, package)).collect();
        }
        match self.nearest(&request.dir) {
            Some(package) => vec![package],
            None => self.metadata.workspace_default_packages(),
        }
    }

    /// The member whose directory holds `dir`. `None` for a member at the workspace's root: there the default members
    /// count.
    fn nearest(&self, dir: &Path) -> Option<&Package> {
        let dir = fs::canonicalize(dir).ok()?;
        let members = self.metadata.workspace_packages().into_iter();
        let around = members.filter_map(|package| {
            let home = fs::canonicalize(package.manifest_path.parent()?).ok()?;
            dir.starts_with(&home).then_some((home, package))
        });
        let (home, package) = around.max_by_key(|(home, _)| home.components().count())?;
        let root = fs::canonicalize(&self.metadata.workspace_root).ok()?;
        (home != root).then_some(package)
    }
}

/// A command line of `cargo` with the variables that a toolchain needs.
pub(crate) fn cargo(toolchain: &Toolchain, request: &BuildRequest) -> CommandLine {
    let mut command = CommandLine::new(&toolchain.cargo).dir(&request.dir);
    for (name, value) in toolchain.env() {
        command = command.env(name, value);
    }
    command
}

/// The output of `cargo metadata` for the workspace, with dependencies resolved for the target: JSON.
pub(crate) fn resolved_metadata(
    launcher: &dyn Launcher,
    toolchain: &Toolchain,
    request: &BuildRequest,
) -> Result<String, BuildError> {
    let command = metadata_command(toolchain, request).args(["--filter-platform", toolchain.target]);
    // The root of a virtual workspace accepts no features. Then the members' default features are used.
    let features = request.feature_args();
    answer(launcher, command.clone().args(&features)).or_else(|error| match features.is_empty() {
        true => Err(error),
        false => answer(launcher, command),
    })
}

fn answer(launcher: &dyn Launcher, command: CommandLine) -> Result<String, BuildError> {
    let output =
        launcher.capture(&command).map_err(|source| BuildError::Start { command: command.display(), source })?;
    if output.ending.ok() {
        Ok(output.stdout)
    } else {
        Err(BuildError::Metadata { message: cargo_error(&output.stderr) })
    }
}

fn read(metadata: &str) -> Result<Workspace, BuildError> {
    let parsed = serde_json::from_str::<serde_json::Value>(metadata).and_then(|raw| {
        let metadata: Metadata = serde_json::from_value(raw.clone())?;
        Ok(Workspace { metadata, rust_versions: rust_versions(&raw) })
    });
    parsed.map_err(|error| BuildError::Metadata { message: format!("its answer is not understood: {error}") })
}

fn metadata_command(toolchain: &Toolchain, request: &BuildRequest) -> CommandLine {
    let command = cargo(toolchain, request).args(["metadata", "--format-version", "1", "--color", "never"]);
    command.args(request.manifest_args())
}

fn rust_versions(raw: &serde_json::Value) -> HashMap<String, String> {
    let packages = raw.get("packages").and_then(serde_json::Value::as_array).into_iter().flatten();
    let text = |package: &serde_json::Value, key| Some(package.get(key)?.as_str()?.to_owned());
    packages.filter_map(|package| Some((text(package, "id")?, text(package, "rust_version")?))).collect()
}

/// What cargo prints after its progress: its error, with causes.
pub(crate) fn cargo_error(stderr: &str) -> String {
    let start = stderr.lines().position(|line| line.starts_with("error"));
    let lines: Vec<_> = stderr.lines().skip(start.unwrap_or(0)).collect();
    lines.join("\n").trim_start_matches("error: ").trim().to_owned()
}

/// Whether an argument of `-p` or `--exclude` selects a package, by cargo's rules: a pattern is matched with names, and
/// anything else is a package ID specification (`name`, `name@1.2`, `url#name@1.2`). An argument that cargo cannot read
/// selects nothing: cargo reports it.
fn means(argument: &str, package: &Package) -> bool {
    if argument.contains(['*', '?', '[', ']']) {
        return Pattern::new(argument).is_ok_and(|pattern| pattern.matches(&package.name));
    }
    if argument == package.id.repr {
        return true;
    }
    let Ok(wanted) = PackageIdSpec::parse(argument) else { return false };
    let id = PackageIdSpec::parse(&package.id.repr).ok();
    wanted.name() == package.name.as_str()
        && wanted.partial_version().is_none_or(|version| version.matches(&package.version))
        && wanted.url().is_none_or(|url| id.as_ref().and_then(PackageIdSpec::url) == Some(url))
        && wanted.kind().is_none_or(|kind| id.as_ref().and_then(PackageIdSpec::kind) == Some(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn package(name: &str, id: &str) -> Package {
        let described = serde_json::json!({"name": name, "version": "1.2.3", "id": id, "dependencies": [], "targets": [],
            "features": {}, "manifest_path": "/w/Cargo.toml"});
        serde_json::from_value(described).unwrap()
    }

    #[test]
    fn patterns_are_for_names() {
        for (pattern, name, expected) in [
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a?c", "abc", true),
            ("a[bx]c", "abc", true),
            ("a*b*", "axbx", true),
            ("*", "", true),
            ("abc", "abc", true),
            ("ab", "abc", false),
            ("?", "", false),
            ("*x", "abc", false),
            ("a[", "a[", false),
        ] {
            let id = format!("path+file:///w/{name}#1.2.3");
            assert_eq!(means(pattern, &package(name, &id)), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn specifications_are_cargo_s() {
        let own = package("app", "path+file:///w/app#1.2.3");
        let moved = package("app", "path+file:///w/folder#app@1.2.3");
        let other = package("app", "registry+https://github.com/rust-lang/crates.io-index#app@1.2.3");
        for (specification, expected) in [
            ("app", [true, true, true]),
            ("app@1", [true, true, true]),
            ("app@1.2.3", [true, true, true]),
            ("app:1.2", [true, true, true]),
            ("app@1.3", [false, false, false]),
            ("path+file:///w/app#1.2.3", [true, false, false]),
            ("file:///w/app", [true, false, false]),
            ("file:///w/folder#app", [false, true, false]),
            ("path+file:///w/folder#app@1.2", [false, true, false]),
            ("https://github.com/rust-lang/crates.io-index#app", [false, false, true]),
            ("git+https://github.com/rust-lang/crates.io-index#app", [false, false, false]),
            ("", [false, false, false]),
        ] {
            let meant = [&own, &moved, &other].map(|package| means(specification, package));
            assert_eq!(meant, expected, "{specification}");
        }
    }

    #[test]
    fn the_error_comes_without_the_progress() {
        let stderr = "  Updating crates.io index\nerror: no matching package\n\nCaused by:\n  x\n";
        assert_eq!(cargo_error(stderr), "no matching package\n\nCaused by:\n  x");
        assert_eq!(cargo_error("killed\n"), "killed");
    }

    proptest! {
        #[test]
        fn a_name_means_itself_and_so_does_its_beginning_with_a_star(name in "[a-z_][a-z0-9_-]{0,12}", cut in 0usize..12) {
            let cut = cut.min(name.len());
            let package = package(&name, &format!("path+file:///w/{name}#1.2.3"));
            prop_assert!(means(&name, &package));
            let pattern = format!("{}*", &name[..cut]);
            prop_assert!(means(&pattern, &package));
        }

        #[test]
        fn any_argument_is_taken(argument in "\\PC{0,20}") {
            let _ = means(&argument, &package("app", "path+file:///w/app#1.2.3"));
        }
    }
}
