//! From compile errors to the user's packages: which of them have no tests to run, and why.

use crate::guests::error::{BuildFailure, FailedDependency, Relation};
use crate::guests::messages::{CompileError, Messages};
use crate::guests::package::{TargetKind, binary_name};
use crate::guests::request::BuildRequest;
use crate::guests::selection::Workspace;
use cargo_metadata::{DependencyKind, Node, Package, PackageId};
use std::collections::{HashMap, HashSet, VecDeque};

/// Explains a run's errors for the selected packages. The dependencies of `workspace` are resolved if that was possible.
pub(crate) fn explain(messages: &Messages, workspace: &Workspace, selected: &[&Package]) -> Vec<BuildFailure> {
    let built: HashSet<&PackageId> = messages.tests.iter().map(|artifact| &artifact.package_id).collect();
    let graph = DependencyGraph::new(workspace);
    let mut failures: Vec<BuildFailure> = Vec::new();
    for error in &messages.errors {
        let origin = origin(error, workspace);
        let mut explained = false;
        for package in selected {
            let is_own = Some(&package.id) == origin.as_ref();
            let culprit = match &origin {
                Some(_) if is_own => None,
                Some(origin) if !built.contains(&package.id) => match graph.path(&package.id, origin) {
                    Some((relation, between)) => Some(culprit(error, relation, &between, workspace)),
                    None => continue,
                },
                _ => continue,
            };
            explained = true;
            let target = error.target.as_ref().filter(|_| is_own && built.contains(&package.id));
            let target = target.map(|target| binary_name(&package.name, TargetKind::from_cargo(target), &target.name));
            let failure = failure(package.name.to_string(), target, culprit, error);
            let same = |known: &BuildFailure| {
                known.package == failure.package && known.target == failure.target && known.culprit == failure.culprit
            };
            if !failures.iter().any(same) {
                failures.push(failure);
            }
        }
        if !explained {
            // No selected package is known to depend on it. The error is given all the same, so that it is not lost.
            failures.push(failure(error.origin.name(), None, None, error));
        }
    }
    failures
}

/// After a failed run, adds a failure for each selected package that has tests, of which none was built, and that has no
/// failure so far. Errors of cargo itself (about the output of a build script, for example) have no machine-readable form.
pub(crate) fn explain_silent(
    messages: &Messages,
    selected: &[&Package],
    request: &BuildRequest,
    failures: &mut Vec<BuildFailure>,
) {
    let is_built = |package: &Package| messages.tests.iter().any(|artifact| artifact.package_id == package.id);
    for package in selected.iter().filter(|package| has_tests(package, request) && !is_built(package)) {
        if failures.iter().any(|failure| failure.package == package.name.as_str()) {
            continue;
        }
        let rendered = messages.objection(&package.name).unwrap_or("cargo did not get to it").to_owned();
        let headline = rendered.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let package = package.name.to_string();
        failures.push(BuildFailure {
            package,
            target: None,
            culprit: None,
            platform: crate::TARGET,
            error: headline,
            rendered,
        });
    }
}

/// Whether the request asks for tests that the package has with any features.
fn has_tests(package: &Package, request: &BuildRequest) -> bool {
    let mut tests = package.targets.iter().filter(|target| target.test && target.required_features.is_empty());
    tests.any(|target| request.targets.is_empty() || request.targets.iter().any(|filter| filter.means(target)))
}

fn failure(
    package: String,
    target: Option<String>,
    culprit: Option<FailedDependency>,
    error: &CompileError,
) -> BuildFailure {
    let (error, rendered) = (error.headline.clone(), error.rendered.clone());
    BuildFailure { package, target, culprit, platform: crate::TARGET, error, rendered }
}

fn culprit(error: &CompileError, relation: Relation, between: &[PackageId], workspace: &Workspace) -> FailedDependency {
    let name =
        |id: &PackageId| workspace.package(id).map_or_else(|| id.repr.clone(), |package| package.name.to_string());
    FailedDependency {
        package: error.origin.name(),
        version: error.origin.version(),
        relation,
        through: between.iter().map(name).collect(),
    }
}

/// The package that an error is about, if the workspace knows it.
fn origin(error: &CompileError, workspace: &Workspace) -> Option<PackageId> {
    if let crate::guests::messages::ErrorOrigin::Id(id) = &error.origin {
        return Some(id.clone());
    }
    let (name, version) = (error.origin.name(), error.origin.version());
    let is_it = |package: &&Package| {
        package.name.as_str() == name && version.as_ref().is_none_or(|version| package.version.to_string() == *version)
    };
    workspace.metadata.packages.iter().find(is_it).map(|package| package.id.clone())
}

/// The dependencies of each package for the target; empty if they were not resolved.
struct DependencyGraph<'a>(HashMap<&'a PackageId, &'a Node>);

impl<'a> DependencyGraph<'a> {
    fn new(workspace: &'a Workspace) -> Self {
        let nodes = workspace.metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        DependencyGraph(nodes.map(|node| (&node.id, node)).collect())
    }

    /// The shortest way from a package's tests to one of its dependencies: the kind of the first step, and the packages
    /// between. Development dependencies count only at the first step.
    fn path(&self, from: &'a PackageId, to: &PackageId) -> Option<(Relation, Vec<PackageId>)> {
        let mut seen = HashSet::from([from]);
        let mut queue: VecDeque<(&PackageId, Option<Relation>, Vec<PackageId>)> =
            VecDeque::from([(from, None, vec![])]);
        while let Some((at, first, between)) = queue.pop_front() {
            for dependency in self.0.get(at).into_iter().flat_map(|node| &node.deps) {
                let mut kinds = dependency.dep_kinds.iter().map(|info| relation(info.kind));
                let step = match first {
                    None => kinds.next(),
                    Some(_) => kinds.find(|kind| *kind != Relation::DevDependency),
                };
                let Some(step) = step else { continue };
                let relation = first.unwrap_or(step);
                if dependency.pkg == *to {
                    return Some((relation, between));
                }
                if seen.insert(&dependency.pkg) {
                    let mut between = between.clone();
                    between.push(dependency.pkg.clone());
                    queue.push_back((&dependency.pkg, Some(relation), between));
                }
            }
        }
        None
    }
}

fn relation(kind: DependencyKind) -> Relation {
    match kind {
        DependencyKind::Development => Relation::DevDependency,
        DependencyKind::Build => Relation::BuildDependency,
        _ => Relation::Dependency,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_a_sentence() {
        let own = BuildFailure {
            package: "app".into(),
            target: None,
            culprit: None,
            platform: crate::TARGET,
            error: "src/lib.rs:1: no".into(),
            rendered: String::new(),
        };
        assert_eq!(own.to_string(), "app does not build for wasm32-wasip1: src/lib.rs:1: no");
        let culprit = FailedDependency {
            package: "mio".into(),
            version: Some("1.0.3".into()),
            relation: Relation::DevDependency,
            through: vec!["tokio".into()],
        };
        let other = BuildFailure { culprit: Some(culprit), ..own.clone() };
        assert_eq!(
            other.to_string(),
            "app does not build for wasm32-wasip1: its dev-dependency mio 1.0.3 (through tokio) does not: src/lib.rs:1: no"
        );
        let one = BuildFailure { target: Some("app/it".into()), ..own };
        assert!(one.to_string().starts_with("app/it does not build"));
    }
}
