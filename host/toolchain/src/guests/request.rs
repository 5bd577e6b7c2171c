//! What to build, and cargo's command line for it.

use crate::guests::package::TargetKind;
use cargo_metadata::Target;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What to build: cargo's own options for selection, features and profile, with cargo's meaning.
#[derive(Debug, Clone, Default)]
pub struct BuildRequest {
    /// The directory in which cargo runs: that of the package or workspace, or one inside. Its `.cargo/config.toml` and
    /// `rust-toolchain.toml` apply.
    pub dir: PathBuf,
    /// `-p`
    pub packages: Vec<String>,
    /// `--workspace`
    pub workspace: bool,
    /// `--exclude`
    pub exclude: Vec<String>,
    /// `--lib`, `--test NAME`, …; without any, everything that `cargo test` would run.
    pub targets: Vec<TargetFilter>,
    /// `--features`
    pub features: Vec<String>,
    /// `--all-features`
    pub all_features: bool,
    /// `--no-default-features`
    pub no_default_features: bool,
    /// `--release`, `--profile NAME`
    pub profile: CargoProfile,
    /// `--locked`
    pub locked: bool,
    /// `--offline`
    pub offline: bool,
    /// `--frozen`
    pub frozen: bool,
    /// `--config KEY=VALUE`
    pub config: Vec<String>,
    /// More options for `cargo build`, passed on unchanged.
    pub cargo_args: Vec<OsString>,
    /// Whether diagnostics are coloured.
    pub color: bool,
    /// Whether cargo's progress is hidden; errors are reported all the same.
    pub quiet: bool,
}

/// A cargo profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CargoProfile {
    /// The test profile.
    #[default]
    Test,
    /// `--release`
    Release,
    /// `--profile NAME`
    Named(String),
}

impl CargoProfile {
    /// The variable that sets the profile's debug information in cargo: for example `CARGO_PROFILE_RELEASE_DEBUG`.
    #[must_use]
    pub fn debug_variable(&self) -> String {
        let name = match self {
            Self::Test => "TEST",
            Self::Release => "RELEASE",
            Self::Named(name) => name,
        };
        format!("CARGO_PROFILE_{}_DEBUG", name.to_ascii_uppercase().replace('-', "_"))
    }
}

/// One of cargo's target options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetFilter {
    /// `--lib`
    Lib,
    /// `--bins`
    Bins,
    /// `--bin NAME`
    Bin(String),
    /// `--tests`
    Tests,
    /// `--test NAME`
    Test(String),
    /// `--examples`
    Examples,
    /// `--example NAME`
    Example(String),
    /// `--benches`
    Benches,
    /// `--bench NAME`
    Bench(String),
    /// `--all-targets`
    AllTargets,
}

impl TargetFilter {
    fn args(&self) -> Vec<&str> {
        match self {
            TargetFilter::Lib => vec!["--lib"],
            TargetFilter::Bins => vec!["--bins"],
            TargetFilter::Bin(name) => vec!["--bin", name],
            TargetFilter::Tests => vec!["--tests"],
            TargetFilter::Test(name) => vec!["--test", name],
            TargetFilter::Examples => vec!["--examples"],
            TargetFilter::Example(name) => vec!["--example", name],
            TargetFilter::Benches => vec!["--benches"],
            TargetFilter::Bench(name) => vec!["--bench", name],
            TargetFilter::AllTargets => vec!["--all-targets"],
        }
    }

    /// Whether this option selects a target.
    pub(crate) fn means(&self, target: &Target) -> bool {
        let (kind, name) = (TargetKind::from_cargo(target), &target.name);
        match self {
            TargetFilter::Lib => kind == TargetKind::Lib,
            TargetFilter::Bins => kind == TargetKind::Bin,
            TargetFilter::Bin(wanted) => kind == TargetKind::Bin && wanted == name,
            TargetFilter::Tests => target.test,
            TargetFilter::Test(wanted) => kind == TargetKind::Test && wanted == name,
            TargetFilter::Examples => kind == TargetKind::Example,
            TargetFilter::Example(wanted) => kind == TargetKind::Example && wanted == name,
            TargetFilter::Benches => kind == TargetKind::Bench,
            TargetFilter::Bench(wanted) => kind == TargetKind::Bench && wanted == name,
            TargetFilter::AllTargets => true,
        }
    }
}

impl BuildRequest {
    /// A request for everything that `cargo test` would run in a package or workspace. `path` is its directory or its
    /// `Cargo.toml`.
    pub fn new(path: &Path) -> BuildRequest {
        let dir = if path.file_name().is_some_and(|name| name == "Cargo.toml") { path.parent() } else { Some(path) };
        let dir = dir.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        BuildRequest { dir: dir.to_owned(), ..BuildRequest::default() }
    }

    /// The same request for these packages of the workspace alone.
    #[must_use]
    pub fn only(&self, packages: Vec<String>) -> BuildRequest {
        BuildRequest { packages, workspace: false, exclude: Vec::new(), ..self.clone() }
    }

    /// Whether `cargo build --tests` builds the same test binaries as `cargo test --no-run`. Only the former has
    /// `--keep-going`.
    pub(crate) fn can_keep_going(&self) -> bool {
        self.targets.iter().all(|filter| matches!(filter, TargetFilter::Tests | TargetFilter::Test(_)))
    }

    /// Cargo's arguments for a target. If `only` is given, it replaces the selection of packages.
    pub(crate) fn build_args(&self, target: &str, only: Option<&[String]>) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        let mut push = |words: &[&str]| args.extend(words.iter().map(OsString::from));
        if self.can_keep_going() {
            push(&["build", "--keep-going"]);
            if self.targets.is_empty() {
                push(&["--tests"]);
            }
        } else {
            push(&["test", "--no-run"]);
        }
        let format = if self.color { "json,json-diagnostic-rendered-ansi" } else { "json" };
        push(&["--target", target, "--message-format", format]);
        // Cargo's own lines are parsed, so only diagnostics are coloured, by the compiler.
        push(&["--color", "never"]);
        match only {
            Some(packages) => packages.iter().for_each(|name| push(&["-p", name])),
            None => {
                self.packages.iter().for_each(|name| push(&["-p", name]));
                if self.workspace {
                    push(&["--workspace"]);
                }
                self.exclude.iter().for_each(|name| push(&["--exclude", name]));
            }
        }
        self.targets.iter().for_each(|filter| push(&filter.args()));
        match &self.profile {
            // `cargo test` uses this profile by default, `cargo build` does not.
            CargoProfile::Test if self.can_keep_going() => push(&["--profile", "test"]),
            CargoProfile::Test => {}
            CargoProfile::Release => push(&["--release"]),
            CargoProfile::Named(name) => push(&["--profile", name]),
        }
        if self.quiet {
            push(&["--quiet"]);
        }
        args.extend(self.feature_args());
        args.extend(self.manifest_args());
        args.extend(self.cargo_args.iter().cloned());
        args
    }

    pub(crate) fn feature_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        if !self.features.is_empty() {
            args.extend(["--features".into(), self.features.join(",").into()]);
        }
        args.extend(self.all_features.then(|| "--all-features".into()));
        args.extend(self.no_default_features.then(|| "--no-default-features".into()));
        args
    }

    /// The arguments that `cargo metadata` needs, too.
    pub(crate) fn manifest_args(&self) -> Vec<OsString> {
        let switches = [(self.locked, "--locked"), (self.offline, "--offline"), (self.frozen, "--frozen")];
        let mut args: Vec<OsString> = switches.iter().filter(|(on, _)| *on).map(|(_, name)| name.into()).collect();
        for setting in &self.config {
            args.extend(["--config".into(), setting.into()]);
        }
        args
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(request: &BuildRequest, only: Option<&[String]>) -> String {
        let args = request.build_args(crate::TARGET, only);
        args.iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_profile_has_a_variable_of_its_own() {
        let variable = |profile: CargoProfile| profile.debug_variable();
        assert_eq!(variable(CargoProfile::Test), "CARGO_PROFILE_TEST_DEBUG");
        assert_eq!(variable(CargoProfile::Release), "CARGO_PROFILE_RELEASE_DEBUG");
        assert_eq!(variable(CargoProfile::Named("ci-fast".to_owned())), "CARGO_PROFILE_CI_FAST_DEBUG");
    }

    #[test]
    fn a_manifest_stands_for_its_directory() {
        assert_eq!(BuildRequest::new(Path::new("a/Cargo.toml")).dir, Path::new("a"));
        assert_eq!(BuildRequest::new(Path::new("Cargo.toml")).dir, Path::new("."));
        assert_eq!(BuildRequest::new(Path::new("a/b")).dir, Path::new("a/b"));
    }

    #[test]
    fn without_a_filter_cargo_keeps_going() {
        let request = BuildRequest::new(Path::new("."));
        assert_eq!(
            line(&request, None),
            "build --keep-going --tests --target wasm32-wasip1 --message-format json --color never --profile test"
        );
        let one = BuildRequest { targets: vec![TargetFilter::Test("it".into())], ..request };
        assert!(line(&one, None).starts_with("build --keep-going --target"));
        assert!(line(&one, None).ends_with("--test it --profile test"));
    }

    #[test]
    fn a_filter_that_only_cargo_test_understands_goes_there() {
        let request = BuildRequest { targets: vec![TargetFilter::Lib], ..BuildRequest::default() };
        assert!(line(&request, None).starts_with("test --no-run "));
    }

    #[test]
    fn everything_reaches_cargo() {
        let request = BuildRequest {
            dir: ".".into(),
            packages: vec!["p".into()],
            workspace: true,
            exclude: vec!["x".into()],
            targets: vec![TargetFilter::Bin("b".into()), TargetFilter::Example("e".into())],
            features: vec!["f".into(), "g/h".into()],
            all_features: true,
            no_default_features: true,
            profile: CargoProfile::Named("fast".into()),
            locked: true,
            offline: true,
            frozen: true,
            config: vec!["net.retry=1".into()],
            cargo_args: vec!["--timings".into()],
            color: true,
            quiet: true,
        };
        assert_eq!(
            line(&request, None),
            "test --no-run --target wasm32-wasip1 --message-format json,json-diagnostic-rendered-ansi --color never \
             -p p --workspace --exclude x --bin b --example e --profile fast --quiet --features f,g/h --all-features \
             --no-default-features --locked --offline --frozen --config net.retry=1 --timings"
        );
        assert!(line(&request, Some(&["q".into()])).contains("--color never -p q --bin b"));
    }
}
