//! What `airtight test` and `airtight verify` build.

use airtight::toolchain::{BuildRequest, CargoProfile, TARGET, THREADS_TARGET, TargetFilter};
use clap::Args;
use clap::builder::PossibleValuesParser;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What to build: cargo's options, with cargo's meaning.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "What to build (as for cargo test)")]
pub struct BuildArgs {
    /// Install a toolchain where there is none, system packages included.
    #[arg(long)]
    pub setup: bool,
    /// Panics unwind: `catch_unwind` catches, destructors run. Std is built for that once, and `panic = "unwind"` in the
    /// profile of airtight.toml means the same.
    #[arg(long)]
    pub unwind: bool,
    /// Tests have threads: they are built for wasm32-wasip1-threads, and which thread runs when is decided by `--seed`. `threads =
    /// true` in the profile of airtight.toml means the same.
    #[arg(long)]
    pub threads: bool,
    /// Packages.
    #[arg(short, long, value_name = "SPEC")]
    pub package: Vec<String>,
    /// All packages of the workspace.
    #[arg(long, visible_alias = "all")]
    pub workspace: bool,
    /// Packages to leave out.
    #[arg(long, value_name = "SPEC", requires = "workspace")]
    pub exclude: Vec<String>,
    /// The library's unit tests.
    #[arg(long)]
    pub lib: bool,
    /// The binaries' unit tests.
    #[arg(long)]
    pub bins: bool,
    /// One binary's unit tests.
    #[arg(long, value_name = "NAME")]
    pub bin: Vec<String>,
    /// All test targets.
    #[arg(long)]
    pub tests: bool,
    /// One test target.
    #[arg(long, value_name = "NAME")]
    pub test: Vec<String>,
    /// All examples.
    #[arg(long)]
    pub examples: bool,
    /// One example.
    #[arg(long, value_name = "NAME")]
    pub example: Vec<String>,
    /// All benchmarks, each run once as a test.
    #[arg(long)]
    pub benches: bool,
    /// One benchmark, run once as a test.
    #[arg(long, value_name = "NAME")]
    pub bench: Vec<String>,
    /// All targets.
    #[arg(long)]
    pub all_targets: bool,
    /// Features to activate.
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub features: Vec<String>,
    /// All features.
    #[arg(long)]
    pub all_features: bool,
    /// Without the default feature.
    #[arg(long)]
    pub no_default_features: bool,
    /// With the release profile.
    #[arg(short, long, conflicts_with = "cargo_profile")]
    pub release: bool,
    /// With this cargo profile.
    #[arg(long, value_name = "NAME")]
    pub cargo_profile: Option<String>,
    /// Cargo.lock has to be up to date.
    #[arg(long)]
    pub locked: bool,
    /// Without the network.
    #[arg(long)]
    pub offline: bool,
    /// Both.
    #[arg(long)]
    pub frozen: bool,
    /// A setting of cargo's configuration.
    #[arg(long, value_name = "KEY=VALUE")]
    pub config: Vec<String>,
    /// The package's or workspace's Cargo.toml, instead of PATH.
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,
    /// Where cargo builds.
    #[arg(long, value_name = "DIRECTORY")]
    pub target_dir: Option<PathBuf>,
    /// Compilers at once.
    #[arg(long, value_name = "N")]
    pub build_jobs: Option<u32>,
    /// wasm32-wasip1, for which everything is built in any case; wasm32-wasip1-threads means `--threads`.
    #[arg(long, value_name = "TRIPLE", hide = true, value_parser = PossibleValuesParser::new([TARGET, THREADS_TARGET]))]
    pub target: Option<String>,
    /// Builds what can be built: the default.
    #[arg(long, hide = true)]
    pub keep_going: bool,
    /// Packages that want another compiler are built all the same.
    #[arg(long, hide = true)]
    pub ignore_rust_version: bool,
    /// Keep cargo's progress to itself.
    #[arg(long)]
    pub cargo_quiet: bool,
}

impl BuildArgs {
    /// Whether tests are to have threads.
    pub fn wants_threads(&self) -> bool {
        self.threads || self.target.as_deref() == Some(THREADS_TARGET)
    }

    /// The request to build what is at `path`.
    pub fn request(&self, path: &Path) -> BuildRequest {
        let named = |names: &[String], filter: fn(String) -> TargetFilter| -> Vec<TargetFilter> {
            names.iter().cloned().map(filter).collect()
        };
        let flag = |set: bool, filter: TargetFilter| set.then_some(filter);
        let flags = [
            flag(self.lib, TargetFilter::Lib),
            flag(self.bins, TargetFilter::Bins),
            flag(self.tests, TargetFilter::Tests),
            flag(self.examples, TargetFilter::Examples),
            flag(self.benches, TargetFilter::Benches),
            flag(self.all_targets, TargetFilter::AllTargets),
        ];
        let mut targets: Vec<TargetFilter> = flags.into_iter().flatten().collect();
        targets.extend(named(&self.bin, TargetFilter::Bin));
        targets.extend(named(&self.test, TargetFilter::Test));
        targets.extend(named(&self.example, TargetFilter::Example));
        targets.extend(named(&self.bench, TargetFilter::Bench));
        BuildRequest {
            packages: self.package.clone(),
            workspace: self.workspace,
            exclude: self.exclude.clone(),
            targets,
            features: self.features.clone(),
            all_features: self.all_features,
            no_default_features: self.no_default_features,
            profile: match (&self.cargo_profile, self.release) {
                (Some(name), _) => CargoProfile::Named(name.clone()),
                (None, true) => CargoProfile::Release,
                (None, false) => CargoProfile::Test,
            },
            locked: self.locked,
            offline: self.offline,
            frozen: self.frozen,
            config: self.config.iter().cloned().chain(self.target_dir_setting()).collect(),
            cargo_args: self.more_args(),
            quiet: self.cargo_quiet,
            ..BuildRequest::new(path)
        }
    }

    /// `--target-dir` as a setting: so `cargo metadata` knows it too, and it means the folder in which airtight was started.
    fn target_dir_setting(&self) -> Option<String> {
        let dir = std::path::absolute(self.target_dir.as_ref()?).ok()?;
        Some(format!("build.target-dir={}", toml::Value::from(dir.to_str()?)))
    }

    fn more_args(&self) -> Vec<OsString> {
        let jobs = self.build_jobs.map(|jobs| format!("--jobs={jobs}").into());
        let rust_version = self.ignore_rust_version.then(|| "--ignore-rust-version".into());
        jobs.into_iter().chain(rust_version).collect()
    }
}
