//! Building test binaries with cargo.

use crate::Toolchain;
use crate::guests::error::{BuildError, BuildFailure};
use crate::guests::events::BuildEvent;
use crate::guests::failures::{explain, explain_silent};
use crate::guests::messages::Messages;
use crate::guests::package::{TargetKind, binary_name, harness_is_off, is_portable, run_time_env};
use crate::guests::portable::Portable;
use crate::guests::request::BuildRequest;
use crate::guests::selection::{Workspace, cargo, cargo_error, resolved_metadata};
use crate::places::Places;
use crate::system::command::{Launcher, ProcessEnding, Stream, System};
use crate::system::machine::Machine;
use cargo_metadata::{Package, PackageId, Target};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// The result of a build.
#[derive(Debug, Clone, Default)]
pub struct BuildOutput {
    /// Test binaries by name.
    pub artifacts: Vec<Artifact>,
    /// Tests that could not be built, while the others were.
    pub failures: Vec<BuildFailure>,
    /// Packages with a library whose documentation tests `cargo test` would run. They are not built here.
    pub doctests: Vec<String>,
    /// Tests that are programs of the host, by name: those of procedural macros. They are built, and not run.
    pub host_tests: Vec<String>,
    /// Test binaries that cargo leaves out because features are not active, with those features.
    pub without_features: Vec<(String, Vec<String>)>,
    /// Members of the workspace that are not tested although nobody left them out. Without `--workspace` or `-p`, cargo
    /// takes the package in whose directory it starts, or the default members.
    pub other_members: Vec<String>,
    /// The directory of the workspace.
    pub workspace_root: PathBuf,
    /// The directory that cargo writes to.
    pub target_directory: PathBuf,
}

/// A test binary.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Artifact {
    /// The module.
    pub wasm: PathBuf,
    /// The name, unique in the workspace and always the same: `package` for unit tests of the library, `package/test`,
    /// `package/bin/name`, `package/example/name`, `package/bench/name`.
    pub name: String,
    /// The package's name.
    pub package: String,
    /// The target's name in cargo.
    pub target: String,
    /// The kind of target.
    pub target_kind: TargetKind,
    /// The package's directory: `CARGO_MANIFEST_DIR` at compile time.
    pub manifest_dir: PathBuf,
    /// The directory of the workspace.
    pub workspace_root: PathBuf,
    /// Variables that cargo sets when it runs tests: `CARGO_PKG_*`, and those of the build script. None of them holds a
    /// path of the host: `CARGO_MANIFEST_DIR` is added by the caller.
    pub env: BTreeMap<String, String>,
    /// Whether the manifest says `harness = false`.
    pub harness_false: bool,
    /// The directories of the host that the build used, which the module should not contain. They decide whether the
    /// module's tests get the package's own path as an alias.
    #[serde(with = "shared")]
    pub places: Arc<Places>,
}

/// Serialises a shared value: each artifact has a whole copy of it.
mod shared {
    use super::{Arc, Places};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(places: &Arc<Places>, serializer: S) -> Result<S::Ok, S::Error> {
        places.as_ref().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Places>, D::Error> {
        Places::deserialize(deserializer).map(Arc::new)
    }
}

/// Builds test binaries. Packages that do not build are in [`BuildOutput::failures`], and the others are built, as far as
/// cargo allows.
///
/// # Errors
/// Nothing was built, or cargo failed for another reason than code that does not compile.
pub fn build(
    toolchain: &Toolchain,
    request: &BuildRequest,
    on_event: &mut dyn FnMut(BuildEvent<'_>),
) -> Result<BuildOutput, BuildError> {
    // The compiler is asked for its version while cargo reads the workspace: neither waits for the other's start.
    let (portable, workspace) = std::thread::scope(|scope| {
        let workspace = scope.spawn(|| Workspace::load(&System, toolchain, request));
        let portable = Machine::current(&request.dir).and_then(|machine| Portable::set_up(&machine, toolchain));
        (portable, workspace.join())
    });
    let portable = portable?;
    let workspace = workspace.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    build_in(&workspace, &Build { launcher: &System, toolchain, portable: &portable, request }, on_event)
}

/// The output of `cargo metadata` for the workspace around a request's directory, with dependencies resolved for the
/// guests' platform: JSON.
///
/// # Errors
/// Cargo cannot be started, or only gives an error.
pub fn metadata(toolchain: &Toolchain, request: &BuildRequest) -> Result<String, BuildError> {
    resolved_metadata(&System, toolchain, request)
}

/// The members of a workspace, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// The members that a request selects, by cargo's rules.
    pub selected: Vec<String>,
    /// The members that it does not select although nobody left them out: see [`BuildOutput::other_members`].
    pub others: Vec<String>,
}

/// The members of the workspace around a request's directory, split by whether the request selects them.
///
/// # Errors
/// Cargo cannot be started, or only gives an error.
pub fn members(toolchain: &Toolchain, request: &BuildRequest) -> Result<Members, BuildError> {
    members_with(&System, toolchain, request)
}

pub(crate) fn members_with(
    launcher: &dyn Launcher,
    toolchain: &Toolchain,
    request: &BuildRequest,
) -> Result<Members, BuildError> {
    let workspace = Workspace::load(launcher, toolchain, request)?;
    let selected = workspace.selected(request);
    let names = selected.iter().map(|package| package.name.to_string()).collect();
    Ok(Members { selected: names, others: other_members(request, &workspace, &selected) })
}

impl BuildOutput {
    /// Adds the result of another build in the same workspace: of other packages, for another target.
    pub fn join(&mut self, other: BuildOutput) {
        self.artifacts.extend(other.artifacts);
        self.artifacts.sort_by(|a, b| a.name.cmp(&b.name));
        self.failures.extend(other.failures);
        self.doctests.extend(other.doctests);
        self.host_tests.extend(other.host_tests);
        self.without_features.extend(other.without_features);
        self.other_members.extend(other.other_members);
        for names in [&mut self.doctests, &mut self.host_tests, &mut self.other_members] {
            names.sort();
            names.dedup();
        }
    }
}

/// Everything that a build needs.
#[derive(Clone, Copy)]
pub(crate) struct Build<'a> {
    pub launcher: &'a dyn Launcher,
    pub toolchain: &'a Toolchain,
    pub portable: &'a Portable,
    pub request: &'a BuildRequest,
}

fn build_in(
    workspace: &Workspace,
    build: &Build<'_>,
    on_event: &mut dyn FnMut(BuildEvent<'_>),
) -> Result<BuildOutput, BuildError> {
    let selected = workspace.selected(build.request);
    let mut messages = Messages::default();
    let failures = run_cargo(build, workspace, &selected, &mut messages, on_event)?;
    let output = collect(build, workspace, &selected, &messages, failures);
    if output.artifacts.is_empty() && !output.failures.is_empty() {
        return Err(BuildError::NothingBuilt { failures: output.failures });
    }
    Ok(output)
}

/// Runs cargo until everything is built that can be. With `--keep-going`, one run is enough. Without it, each further run
/// leaves out the packages that failed.
fn run_cargo(
    build: &Build<'_>,
    workspace: &Workspace,
    selected: &[&Package],
    messages: &mut Messages,
    on_event: &mut dyn FnMut(BuildEvent<'_>),
) -> Result<Vec<BuildFailure>, BuildError> {
    let Build { launcher, toolchain, portable, request } = *build;
    let mut only: Option<Vec<String>> = None;
    loop {
        let known = messages.errors.len();
        messages.stderr.clear();
        let mut command = cargo(toolchain, request).args(request.build_args(toolchain.target, only.as_deref()));
        command.env.extend(portable.env(workspace).into_iter().map(|(name, value)| (name.into(), value)));
        let ending = launcher
            .run(&command, &mut |stream: Stream, line: &str| messages.take(stream, line, on_event))
            .map_err(|source| BuildError::Start { command: command.display(), source })?;
        messages.finish();
        if let ProcessEnding::Signal(signal) = ending {
            return Err(BuildError::Interrupted { signal });
        }
        if !ending.ok() && messages.errors.len() == known {
            return Err(BuildError::Cargo { message: cargo_error(&messages.stderr) });
        }
        if messages.errors.is_empty() {
            return Ok(Vec::new());
        }
        let resolved = Workspace::load_resolved(launcher, toolchain, request);
        let mut failures = explain(messages, resolved.as_ref().unwrap_or(workspace), selected);
        let failed: BTreeSet<&str> = failures.iter().map(|failure| failure.package.as_str()).collect();
        let names = selected.iter().map(|package| package.name.to_string());
        let rest: Vec<String> = names.filter(|name| !failed.contains(name.as_str())).collect();
        let before = only.as_ref().map_or(selected.len(), Vec::len);
        if ending.ok() || request.can_keep_going() || rest.is_empty() || rest.len() == before {
            if !ending.ok() {
                explain_silent(messages, selected, request, &mut failures);
            }
            failures.iter_mut().for_each(|failure| failure.platform = toolchain.target);
            return Ok(failures);
        }
        only = Some(rest);
    }
}

fn collect(
    build: &Build<'_>,
    workspace: &Workspace,
    selected: &[&Package],
    messages: &Messages,
    failures: Vec<BuildFailure>,
) -> BuildOutput {
    let mut output = BuildOutput {
        failures,
        workspace_root: workspace.metadata.workspace_root.clone().into(),
        target_directory: workspace.metadata.target_directory.clone().into(),
        ..BuildOutput::default()
    };
    let mut manifests = Manifests::default();
    let places = Arc::new(places(build.portable, workspace, messages));
    for built in &messages.tests {
        let (Some(package), Some(file)) = (workspace.package(&built.package_id), &built.executable) else { continue };
        let kind = TargetKind::from_cargo(&built.target);
        let name = binary_name(&package.name, kind, &built.target.name);
        if file.extension() != Some("wasm") {
            output.host_tests.push(name);
            continue;
        }
        output.artifacts.push(Artifact {
            wasm: file.clone().into(),
            name,
            package: package.name.to_string(),
            target: built.target.name.clone(),
            target_kind: kind,
            manifest_dir: package.manifest_path.parent().map(PathBuf::from).unwrap_or_default(),
            workspace_root: output.workspace_root.clone(),
            env: env(workspace, package, messages),
            harness_false: harness_is_off(manifests.read(package), kind, &built.target.name),
            places: Arc::clone(&places),
        });
    }
    output.artifacts.sort_by(|a, b| a.name.cmp(&b.name));
    output.artifacts.dedup_by(|a, b| a.name == b.name);
    output.host_tests.sort();
    output.host_tests.dedup();
    output.without_features = without_features(build.request, selected, messages);
    output.other_members = other_members(build.request, workspace, selected);
    if build.request.targets.is_empty() {
        let tested = selected.iter().filter(|package| package.targets.iter().any(|target| target.doctest));
        output.doctests = tested.map(|package| package.name.to_string()).collect();
    }
    output
}

/// Test binaries that cargo would test and silently does not build. A target that failed to build is not among them.
fn without_features(request: &BuildRequest, selected: &[&Package], messages: &Messages) -> Vec<(String, Vec<String>)> {
    let is_wanted = |target: &Target| match request.targets.is_empty() {
        true => target.test,
        false => request.targets.iter().any(|filter| filter.means(target)),
    };
    let mut found = Vec::new();
    for package in selected {
        for target in package.targets.iter().filter(|target| is_wanted(target) && !target.required_features.is_empty())
        {
            let same = |other: &Target| other.name == target.name && other.kind == target.kind;
            let is_built = messages.tests.iter().any(|built| built.package_id == package.id && same(&built.target));
            let has_failed = messages.errors.iter().any(|error| error.target.as_ref().is_some_and(same));
            if !is_built && !has_failed {
                let name = binary_name(&package.name, TargetKind::from_cargo(target), &target.name);
                found.push((name, target.required_features.clone()));
            }
        }
    }
    found
}

fn other_members(request: &BuildRequest, workspace: &Workspace, selected: &[&Package]) -> Vec<String> {
    if request.workspace || !request.packages.is_empty() {
        return Vec::new();
    }
    let members = workspace.metadata.workspace_packages().into_iter();
    let others = members.filter(|member| selected.iter().all(|package| package.id != member.id));
    let mut names: Vec<String> = others.map(|member| member.name.to_string()).collect();
    names.sort();
    names
}

fn env(workspace: &Workspace, package: &Package, messages: &Messages) -> BTreeMap<String, String> {
    let mut env = run_time_env(package, workspace.rust_version(&package.id));
    let script = messages.script_env.get(&package.id).into_iter().flatten();
    env.extend(script.filter(|(_, value)| is_portable(value)).cloned());
    env
}

fn places(portable: &Portable, workspace: &Workspace, messages: &Messages) -> Places {
    let metadata = &workspace.metadata;
    Places {
        packages: messages.packages.clone(),
        // A path that is not UTF-8 cannot be in a Rust string, and cannot be serialised for another process.
        dirs: [
            Some(metadata.workspace_root.as_str()),
            Some(metadata.target_directory.as_str()),
            portable.cargo_home.to_str(),
        ]
        .into_iter()
        .flatten()
        .map(PathBuf::from)
        .collect(),
    }
}

/// The manifests of packages, each read once.
#[derive(Default)]
struct Manifests(HashMap<PackageId, toml::Table>);

impl Manifests {
    fn read(&mut self, package: &Package) -> &toml::Table {
        self.0.entry(package.id.clone()).or_insert_with(|| {
            // Cargo has just read the file. If it cannot be read now, the manifest counts as empty.
            let text = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
            text.parse().unwrap_or_default()
        })
    }
}

#[cfg(test)]
mod tests;
