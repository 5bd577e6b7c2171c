//! nextest's filter expressions (`-E`), read by nextest's own parser: which tests of a workspace's packages they select.
//!
//! <https://nexte.st/docs/filtersets/reference>

use crate::failure::Failure;
use airtight::report::console::OneLine;
use airtight::toolchain::{Artifact, TargetKind};
use guppy::PackageId;
use guppy::graph::PackageGraph;
use guppy::graph::cargo::BuildPlatform;
use miette::Diagnostic;
use nextest_filtering::errors::ParseSingleError;
use nextest_filtering::{
    BinaryQuery, CompiledExpr, EvalContext, Filterset, FiltersetKind, ParseContext, ParsedExpr, TestQuery,
};
use nextest_metadata::{RustBinaryId, RustTestBinaryKind};
use std::fmt::Write;

/// Filter expressions. A test is selected if any of them selects it.
#[derive(Debug, Clone)]
pub struct Filtersets {
    expressions: Vec<CompiledExpr>,
    graph: PackageGraph,
}

/// A test binary as nextest knows it.
struct Binary {
    package: PackageId,
    id: RustBinaryId,
    name: String,
    kind: RustTestBinaryKind,
}

/// Reports errors in expressions early, before cargo is asked, which takes time.
///
/// # Errors
/// One of them cannot be read.
pub fn check(expressions: &[String]) -> Result<(), Failure> {
    for expression in expressions {
        ParsedExpr::parse(expression).map_err(|errors| refused(expression, &errors))?;
    }
    Ok(())
}

impl Filtersets {
    /// Reads expressions about the workspace that `metadata` describes: the output of `cargo metadata` with dependencies
    /// resolved.
    ///
    /// # Errors
    /// One of them cannot be read, or names a package or a test binary that is not there.
    pub fn compile(expressions: &[String], metadata: &str) -> Result<Self, Failure> {
        let graph = PackageGraph::from_json(metadata).map_err(Failure::setup)?;
        let context = ParseContext::new(&graph);
        let compile = |expression: &String| {
            let read = Filterset::parse(expression.clone(), &context, FiltersetKind::Test);
            read.map(|read| read.compiled).map_err(|wrong| refused(&wrong.input, &wrong.errors))
        };
        let expressions = expressions.iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { expressions, graph })
    }

    /// Says by a test's name whether it is selected, for the tests of one binary of that workspace.
    pub fn matcher(&self, artifact: &Artifact) -> impl Fn(&str) -> bool + Send + Sync + use<> {
        let binary = self.binary(artifact);
        let expressions = self.expressions.clone();
        move |test| binary.as_ref().is_some_and(|binary| expressions.iter().any(|one| binary.holds(test, one)))
    }

    fn binary(&self, artifact: &Artifact) -> Option<Binary> {
        let package = self.graph.workspace().member_by_name(&artifact.package).ok()?;
        let kind = match artifact.target_kind {
            TargetKind::Lib => RustTestBinaryKind::LIB,
            TargetKind::Bin => RustTestBinaryKind::BIN,
            TargetKind::Test => RustTestBinaryKind::TEST,
            TargetKind::Example => RustTestBinaryKind::EXAMPLE,
            TargetKind::Bench => RustTestBinaryKind::BENCH,
        };
        let id = RustBinaryId::from_parts(&artifact.package, &kind, &artifact.target);
        Some(Binary { package: package.id().clone(), id, name: artifact.target.clone(), kind })
    }
}

impl Binary {
    fn holds(&self, test_name: &str, expression: &CompiledExpr) -> bool {
        let binary_query = BinaryQuery {
            package_id: &self.package,
            binary_id: &self.id,
            binary_name: &self.name,
            kind: &self.kind,
            platform: BuildPlatform::Target,
        };
        // What `default()` means would be a setting of nextest's.
        let context = EvalContext { default_filter: &CompiledExpr::ALL };
        expression.matches_test(&TestQuery { binary_query, test_name }, &context)
    }
}

/// What is wrong with an expression, and where in it.
fn refused(expression: &str, errors: &[ParseSingleError]) -> Failure {
    let mut text = format!("the filter expression `{}` cannot be read", OneLine(expression));
    for error in errors {
        let _ = write!(text, "{} {error}", if text.ends_with("read") { ":" } else { ";" });
        for label in error.labels().into_iter().flatten() {
            let rest = expression.get(label.offset()..).unwrap_or_default();
            let rest = rest.get(..label.len()).filter(|marked| !marked.is_empty()).unwrap_or(rest);
            let place = if rest.is_empty() { "at its end".to_owned() } else { format!("at `{}`", OneLine(rest)) };
            let _ = match label.label() {
                Some(what) if what != error.to_string() => write!(text, ", {place}: {}", OneLine(what)),
                _ => write!(text, ", {place}"),
            };
        }
    }
    Failure::usage(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A workspace of two packages, the second of which depends on the first.
    fn metadata() -> String {
        let target = |kind: &str, name: &str| {
            json!({"kind": [kind], "crate_types": ["bin"], "name": name, "src_path": format!("/w/{name}.rs"), "edition": "2021",
                "doc": false, "doctest": false, "test": true})
        };
        let id = |name: &str| format!("path+file:///w/{name}#{name}@1.0.0");
        let package = |name: &str, dependencies: &[&str], targets: Vec<serde_json::Value>| {
            let dependency = |name: &&str| {
                json!({"name": name, "source": null, "req": "*", "kind": null, "rename": null, "optional": false,
                    "uses_default_features": true, "features": [], "target": null, "registry": null,
                    "path": format!("/w/{name}")})
            };
            json!({"name": name, "version": "1.0.0", "id": id(name), "license": null, "license_file": null, "description": null,
                "source": null, "dependencies": dependencies.iter().map(dependency).collect::<Vec<_>>(), "targets": targets,
                "features": {}, "manifest_path": format!("/w/{name}/Cargo.toml"), "metadata": null, "publish": null,
                "authors": [], "categories": [], "keywords": [], "readme": null, "repository": null, "homepage": null,
                "documentation": null, "edition": "2021", "links": null, "default_run": null, "rust_version": null})
        };
        let lib = |name: &str| {
            let mut lib = target("lib", name);
            lib["crate_types"] = json!(["lib"]);
            lib
        };
        let packages = [
            package("base", &[], vec![lib("base")]),
            package("app", &["base"], vec![lib("app"), target("test", "smoke"), target("bin", "app")]),
        ];
        let edge = json!({"name": "base", "pkg": id("base"), "dep_kinds": [{"kind": null, "target": null}]});
        let nodes = json!([
            {"id": id("base"), "dependencies": [], "deps": [], "features": []},
            {"id": id("app"), "dependencies": [id("base")], "deps": [edge], "features": []},
        ]);
        json!({"packages": packages, "workspace_members": [id("base"), id("app")], "workspace_default_members": [id("app")],
            "resolve": {"nodes": nodes, "root": null}, "target_directory": "/w/target", "version": 1, "workspace_root": "/w",
            "metadata": null})
        .to_string()
    }

    fn artifact(package: &str, kind: &str, target: &str) -> Artifact {
        let described = json!({"wasm": "/w/a.wasm", "name": package, "package": package, "target": target, "target_kind": kind,
            "manifest_dir": format!("/w/{package}"), "workspace_root": "/w", "env": {}, "harness_false": false,
            "places": {"packages": {}, "dirs": []}});
        serde_json::from_value(described).unwrap()
    }

    #[test]
    fn expressions_mean_what_they_mean_to_nextest() {
        let smoke = artifact("app", "Test", "smoke");
        let app = artifact("app", "Lib", "app");
        let base = artifact("base", "Lib", "base");
        let of = |expressions: &[&str], artifact: &Artifact, test: &str| {
            let expressions: Vec<String> = expressions.iter().map(|one| (*one).to_owned()).collect();
            Filtersets::compile(&expressions, &metadata()).unwrap().matcher(artifact)(test)
        };
        for (expression, expected) in [
            ("all()", [true, true, true]),
            ("none()", [false, false, false]),
            ("default()", [true, true, true]),
            ("test(parse)", [true, true, true]),
            ("test(=parse)", [false, false, false]),
            ("test(=a::parses)", [true, true, true]),
            ("test(/^a::.*s$/)", [true, true, true]),
            ("test(#*parses)", [true, true, true]),
            ("not test(parse)", [false, false, false]),
            ("package(app)", [true, true, false]),
            ("rdeps(base)", [true, true, true]),
            ("deps(base)", [false, false, true]),
            ("kind(test)", [true, false, false]),
            ("binary(smoke)", [true, false, false]),
            ("binary_id(app::smoke) | package(base)", [true, false, true]),
            ("package(app) & !kind(lib)", [true, false, false]),
            ("platform(target)", [true, true, true]),
            ("platform(host)", [false, false, false]),
        ] {
            let selected = [&smoke, &app, &base].map(|artifact| of(&[expression], artifact, "a::parses"));
            assert_eq!(selected, expected, "{expression}");
        }
        assert!(of(&["kind(test)", "package(base)"], &base, "a"), "any of several");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let said = |expression: &str| {
            let expressions = [expression.to_owned()];
            let refused = match check(&expressions) {
                Ok(()) => Filtersets::compile(&expressions, &metadata()).unwrap_err(),
                Err(refused) => refused,
            };
            refused.to_string()
        };
        insta::assert_snapshot!(
            ["test(a", "test(/(/)", "tset(a)", "package(nobody)", "a\u{1b}[31m", ""].map(said).join("\n")
        );
    }
}
