//! Builds with a fake cargo and, if that is asked for, with the real one.

use crate::guests::build::{Artifact, Build, BuildOutput, build_in, members_with};
use crate::guests::error::{BuildError, FailedDependency, Relation};
use crate::guests::events::BuildEvent;
use crate::guests::package::TargetKind;
use crate::guests::portable::Portable;
use crate::guests::request::{BuildRequest, CargoProfile, TargetFilter};
use crate::guests::selection::Workspace;
use crate::setup::find::find;
use crate::setup::install::{Permission, install};
use crate::system::command::{CommandLine, Launcher, ProcessEnding, Stream, System};
use crate::system::fake::FakeMachine;
use crate::system::machine::Machine;
use crate::{TARGET, Toolchain, ToolchainKind};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

fn toolchain() -> Toolchain {
    Toolchain {
        rustc: "rustc".into(),
        cargo: "cargo".into(),
        sysroot: "/usr".into(),
        target: TARGET,
        kind: ToolchainKind::Active,
    }
}

fn id(name: &str) -> String {
    format!("path+file:///w/{name}#0.1.0")
}

fn target(kind: &str, name: &str) -> Value {
    json!({"kind": [kind], "crate_types": [kind], "name": name, "src_path": "/w/x.rs", "doctest": kind == "lib", "test": true})
}

fn package(name: &str) -> Value {
    json!({"name": name, "version": "0.1.0", "id": id(name), "dependencies": [], "targets": [target("lib", name)],
        "features": {}, "manifest_path": format!("/w/{name}/Cargo.toml"), "rust_version": "1.70",
        "authors": ["A", "B"], "readme": "README.md", "license_file": "/abs/LICENSE"})
}

/// Metadata of a workspace whose members are `members`; `edges` are (from, to, kind).
fn metadata(members: &[&str], others: &[&str], edges: &[(&str, &str, Value)]) -> String {
    let all = members.iter().chain(others);
    let nodes = all.clone().map(|name| {
        let deps = edges
            .iter()
            .filter(|(from, _, _)| from == name)
            .map(|(_, to, kind)| json!({"name": to, "pkg": id(to), "dep_kinds": [{"kind": kind, "target": null}]}));
        json!({"id": id(name), "deps": deps.collect::<Vec<_>>(), "dependencies": [], "features": []})
    });
    json!({"packages": all.clone().map(|name| package(name)).collect::<Vec<_>>(),
        "workspace_members": members.iter().map(|name| id(name)).collect::<Vec<_>>(),
        "workspace_default_members": members.iter().map(|name| id(name)).collect::<Vec<_>>(),
        "resolve": {"nodes": nodes.collect::<Vec<_>>(), "root": null},
        "workspace_root": "/w", "target_directory": "/w/target", "version": 1, "metadata": null})
    .to_string()
}

fn artifact(name: &str, target: Value, file: &str) -> String {
    json!({"reason": "compiler-artifact", "package_id": id(name), "manifest_path": "/w/Cargo.toml", "target": target,
        "profile": {"opt_level": "0", "debuginfo": 2, "debug_assertions": true, "overflow_checks": true, "test": true},
        "features": [], "filenames": [file], "executable": file, "fresh": false})
    .to_string()
}

fn error(name: &str, message: &str) -> String {
    json!({"reason": "compiler-message", "package_id": id(name), "manifest_path": "/w/Cargo.toml",
        "target": target("lib", name), "message": {"rendered": format!("error: {message}\n"), "level": "error",
        "message": message, "children": [], "code": null, "spans": []}})
    .to_string()
}

fn build_with(build: &Build<'_>, on_event: &mut dyn FnMut(BuildEvent<'_>)) -> Result<BuildOutput, BuildError> {
    build_in(&Workspace::load(build.launcher, build.toolchain, build.request)?, build, on_event)
}

fn run(fake: &FakeMachine, request: &BuildRequest) -> Result<BuildOutput, BuildError> {
    let portable = Portable { rustc: "rustc".into(), home: "/home/u".into(), cargo_home: "/home/u/.cargo".into() };
    build_with(&Build { launcher: fake, toolchain: &toolchain(), portable: &portable, request }, &mut |_| {})
}

fn names(output: &BuildOutput) -> Vec<&str> {
    output.artifacts.iter().map(|artifact| artifact.name.as_str()).collect()
}

#[test]
fn artifacts_are_named_and_described() {
    let fake = FakeMachine::new();
    fake.answer("cargo metadata", &metadata(&["app"], &[], &[]));
    let script = json!({"reason": "build-script-executed", "package_id": id("app"), "linked_libs": [], "linked_paths": [],
        "cfgs": [], "env": [["GIT", "abc"], ["OUT", "/w/target/out"]], "out_dir": "/w/target/out"});
    let lines = [
        script.to_string(),
        artifact("app", target("test", "it"), "/w/target/it-1.wasm"),
        artifact("app", target("lib", "app"), "/w/target/app-1.wasm"),
        artifact("app", target("proc-macro", "app"), "/w/target/app-2"),
        "a procedural macro prints".to_owned(),
    ];
    fake.answer("cargo build", &lines.join("\n"));
    let output = run(&fake, &BuildRequest::new(Path::new("."))).unwrap();
    assert_eq!(names(&output), ["app", "app/it"]);
    assert_eq!((output.doctests, output.host_tests), (vec!["app".to_owned()], vec!["app".to_owned()]));
    let test = &output.artifacts[1];
    assert_eq!((test.target.as_str(), test.target_kind), ("it", TargetKind::Test));
    assert_eq!((&*test.manifest_dir, &*test.workspace_root), (Path::new("/w/app"), Path::new("/w")));
    for (name, value) in [
        ("CARGO_PKG_NAME", "app"),
        ("CARGO_PKG_VERSION_MINOR", "1"),
        ("CARGO_PKG_AUTHORS", "A:B"),
        ("CARGO_PKG_RUST_VERSION", "1.70"),
        ("CARGO_PKG_README", "README.md"),
        ("CARGO_PKG_LICENSE_FILE", ""),
        ("GIT", "abc"),
    ] {
        assert_eq!(test.env.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!test.env.contains_key("OUT") && !test.env.contains_key("CARGO_MANIFEST_DIR"));
    // Another process that runs the same artifacts gets everything, the directories of the build included.
    assert!(!test.places.dirs.is_empty());
    let told = serde_json::to_string(&output.artifacts).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Artifact>>(&told).unwrap(), output.artifacts);
}

#[test]
fn a_dependency_that_does_not_build_is_named_for_each_package_it_stops() {
    let fake = FakeMachine::new();
    let edges = [
        ("app", "tokio", json!("dev")),
        ("tokio", "mio", json!(null)),
        // A development dependency of another package does not count for those that depend on it.
        ("other", "app", json!(null)),
    ];
    fake.answer("cargo metadata", &metadata(&["app", "other"], &["tokio", "mio"], &edges));
    let lines = [error("mio", "unsupported"), artifact("other", target("lib", "other"), "/w/target/o.wasm")];
    fake.answer("cargo build", &lines.join("\n"));
    let output = run(&fake, &BuildRequest { workspace: true, ..BuildRequest::new(Path::new(".")) }).unwrap();
    assert_eq!(names(&output), ["other"]);
    assert_eq!(output.failures.len(), 1);
    let failure = &output.failures[0];
    assert_eq!((failure.package.as_str(), failure.error.as_str()), ("app", "unsupported"));
    let expected = FailedDependency {
        package: "mio".into(),
        version: Some("0.1.0".into()),
        relation: Relation::DevDependency,
        through: vec!["tokio".into()],
    };
    assert_eq!(failure.culprit, Some(expected));
}

#[test]
fn what_cargo_objects_to_is_a_failure_too() {
    let fake = FakeMachine::new();
    fake.answer("cargo metadata", &metadata(&["a", "b", "c"], &[], &[]));
    fake.fail("cargo build", 101, "error: the output of `a v0.1.0 (/w/a)` is too new.\nwarning: build failed");
    fake.rule_stdout(&[error("b", "no"), artifact("c", target("lib", "c"), "/w/c.wasm")].join("\n"));
    let output = run(&fake, &BuildRequest { workspace: true, ..BuildRequest::new(Path::new(".")) }).unwrap();
    let told: Vec<_> = output.failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "b does not build for wasm32-wasip1: no",
            "a does not build for wasm32-wasip1: the output of `a v0.1.0 (/w/a)` is too new."
        ]
    );
}

#[test]
fn an_error_that_concerns_nobody_known_is_still_told() {
    let fake = FakeMachine::new();
    fake.answer("cargo metadata", &metadata(&["app"], &[], &[]));
    fake.answer("cargo build", &error("stranger", "no"));
    let BuildError::NothingBuilt { failures } = run(&fake, &BuildRequest::new(Path::new("."))).unwrap_err() else {
        panic!("another error");
    };
    assert_eq!(failures[0].to_string(), "stranger does not build for wasm32-wasip1: no");
}

#[test]
fn where_cargo_cannot_keep_going_the_rest_is_built_without_what_failed() {
    let fake = FakeMachine::new();
    fake.answer("cargo metadata", &metadata(&["a", "b", "c"], &[], &[("c", "b", json!(null))]));
    fake.fail("cargo test", 101, "error: could not compile `b` (lib) due to 1 previous error");
    fake.rule_stdout(&error("b", "no"));
    // The second run names the remaining packages.
    fake.answer(
        "cargo test --no-run --target wasm32-wasip1 --message-format json --color never -p a --lib",
        &artifact("a", target("lib", "a"), "/w/a.wasm"),
    );
    let request =
        BuildRequest { workspace: true, targets: vec![TargetFilter::Lib], ..BuildRequest::new(Path::new(".")) };
    let output = run(&fake, &request).unwrap();
    assert_eq!(names(&output), ["a"]);
    let failed: Vec<_> = output.failures.iter().map(|failure| failure.package.as_str()).collect();
    assert_eq!(failed, ["b", "c"]);
    assert!(output.doctests.is_empty());
}

#[test]
fn cargos_own_errors_come_as_they_are() {
    let fake = FakeMachine::new();
    fake.answer("cargo metadata", &metadata(&["app"], &[], &[]));
    fake.fail("cargo build", 101, "    Updating index\nerror: no test target named `x`\n");
    let error = run(&fake, &BuildRequest::new(Path::new("."))).unwrap_err();
    assert_eq!(error.to_string(), "cargo failed: no test target named `x`");
    fake.fail("cargo metadata", 101, "error: could not find `Cargo.toml`");
    let error = run(&fake, &BuildRequest::new(Path::new("."))).unwrap_err();
    assert_eq!(error.to_string(), "cargo cannot describe the workspace: could not find `Cargo.toml`");
}

/// The system with variables added for every child.
struct WithEnv<'a>(&'a [(&'a str, &'a str)]);

impl Launcher for WithEnv<'_> {
    fn run(&self, command: &CommandLine, line: &mut dyn FnMut(Stream, &str)) -> io::Result<ProcessEnding> {
        System.run(&self.0.iter().fold(command.clone(), |command, (name, value)| command.env(name, value)), line)
    }
}

fn file(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A workspace with a good package, one that does not compile, and one with a development dependency that does not.
fn real_workspace(root: &Path) {
    let manifest = |name: &str, more: &str| {
        format!("[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2021'\nrust-version = '1.70'\n{more}")
    };
    file(root, "Cargo.toml", "[workspace]\nresolver = '2'\nmembers = ['good', 'broken', 'stopped', 'macros']\n");
    file(
        root,
        "good/Cargo.toml",
        &manifest(
            "good",
            "[dependencies]\nmacros = { path = '../macros' }\n[[test]]\nname = 'plain'\nharness = false\n",
        ),
    );
    file(root, "good/build.rs", "fn main() { println!(\"cargo:rustc-env=BUILT=yes\"); }");
    file(
        root,
        "good/src/lib.rs",
        "/// ```\n/// ```\npub fn f() -> u8 { macros::seven!() }\n#[test] fn unit() { assert_eq!(f(), 7) }\n",
    );
    file(root, "good/tests/it.rs", "#[test] fn it() { std::thread::spawn(|| ()).join().unwrap() }\n");
    file(root, "good/tests/plain.rs", "fn main() {}\n");
    file(root, "macros/Cargo.toml", &manifest("macros", "[lib]\nproc-macro = true\n"));
    file(
        root,
        "macros/src/lib.rs",
        "#[proc_macro]\npub fn seven(_: proc_macro::TokenStream) -> proc_macro::TokenStream { \"7\".parse().unwrap() }\n",
    );
    file(root, "broken/Cargo.toml", &manifest("broken", ""));
    file(root, "broken/src/lib.rs", "\npub fn f() -> u8 { std::os::unix::process::parent_id() }\n");
    file(root, "stopped/Cargo.toml", &manifest("stopped", "[dev-dependencies]\nbroken = { path = '../broken' }\n"));
    file(root, "stopped/src/lib.rs", "#[test] fn t() { broken::f(); }\n");
}

/// The toolchain of this machine, which `airtight setup` has prepared for these tests.
fn real_toolchain(dir: &Path) -> Toolchain {
    install(dir, Permission::Cache, &mut |event| eprintln!("{event:?}")).unwrap()
}

/// A build with the real cargo.
fn real_build(
    launcher: &dyn Launcher,
    toolchain: &Toolchain,
    request: &BuildRequest,
    on_event: &mut dyn FnMut(BuildEvent<'_>),
) -> Result<BuildOutput, BuildError> {
    let portable = Portable::set_up(&Machine::current(&request.dir)?, toolchain)?;
    build_with(&Build { launcher, toolchain, portable: &portable, request }, on_event)
}

#[test]
#[ignore = "needs a wasm32-wasip1 toolchain, or installed packages to build one from: run `airtight setup` first"]
fn a_real_workspace_is_built() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    real_workspace(root);
    let toolchain = real_toolchain(root);
    let started = Instant::now();
    assert_eq!(find(root).unwrap().as_ref(), Some(&toolchain));
    let taken = started.elapsed();
    eprintln!("{toolchain}, found in {taken:?}");
    assert!(taken < Duration::from_secs(1), "finding took {taken:?}");

    let mut diagnostics = 0;
    let request = BuildRequest { workspace: true, ..BuildRequest::new(root) };
    let output = real_build(&System, &toolchain, &request, &mut |event| {
        diagnostics += usize::from(matches!(event, BuildEvent::Diagnostic { is_error: true, .. }));
    })
    .unwrap();
    assert_eq!(names(&output), ["good", "good/it", "good/plain"]);
    assert_eq!(output.host_tests, ["macros"]);
    assert!(output.artifacts.iter().all(|artifact| fs::read(&artifact.wasm).unwrap().starts_with(b"\0asm")));
    let flags: Vec<_> = output.artifacts.iter().map(|artifact| artifact.harness_false).collect();
    assert_eq!(flags, [false, false, true]);
    assert_eq!(output.artifacts[0].env["BUILT"], "yes");
    assert_eq!(output.artifacts[0].env["CARGO_PKG_RUST_VERSION"], "1.70");
    let told: Vec<_> = output.failures.iter().map(ToString::to_string).collect();
    assert!(told[0].starts_with("broken does not build for wasm32-wasip1: broken/src/lib.rs:2: "), "{told:?}");
    assert!(told[1].starts_with("stopped does not build for wasm32-wasip1: its dev-dependency broken 0.1.0 does not"));
    assert_eq!((told.len(), diagnostics), (2, 1), "{told:?}");

    let lib = BuildRequest { targets: vec![TargetFilter::Lib], ..request.clone() };
    let output = real_build(&System, &toolchain, &lib, &mut |_| {}).unwrap();
    assert_eq!((names(&output), output.failures.len()), (vec!["good"], 2));
    let inside = BuildRequest { profile: CargoProfile::Release, ..BuildRequest::new(&root.join("good/src")) };
    let output = real_build(&System, &toolchain, &inside, &mut |_| {}).unwrap();
    assert_eq!((names(&output).len(), output.failures.len()), (3, 0));
    assert!(output.artifacts[0].wasm.to_string_lossy().contains("/release/"));
}

#[test]
#[ignore = "needs a wasm32-wasip1 toolchain, or installed packages to build one from: run `airtight setup` first"]
fn the_users_flags_hold_wherever_they_come_from() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    file(root, "Cargo.toml", "[package]\nname = 'flags'\nversion = '0.1.0'\nedition = '2021'\n[workspace]\n");
    file(root, "src/lib.rs", "#[cfg(not(mine))]\ncompile_error!(\"the flags are lost\");\n#[test] fn t() {}\n");
    let toolchain = real_toolchain(root);
    let build = |env: &[(&str, &str)]| real_build(&WithEnv(env), &toolchain, &BuildRequest::new(root), &mut |_| {});
    assert!(matches!(build(&[]), Err(BuildError::NothingBuilt { .. })));
    for name in
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS"]
    {
        assert!(build(&[(name, "--cfg=mine")]).is_ok(), "{name}");
    }
    for table in ["build", "target.wasm32-wasip1", "target.'cfg(target_os = \"wasi\")'"] {
        file(root, ".cargo/config.toml", &format!("[{table}]\nrustflags = ['--cfg=mine']\n"));
        assert!(build(&[]).is_ok(), "{table}");
    }
}

#[test]
fn packages_for_two_targets_are_built_apart_and_told_together() {
    let fake = FakeMachine::new();
    fake.answer("cargo metadata", &metadata(&["app", "base", "queue"], &[], &[]));
    let all = BuildRequest { workspace: true, exclude: vec!["app".into()], ..BuildRequest::new(Path::new("/w")) };
    let found = members_with(&fake, &toolchain(), &all).unwrap();
    assert_eq!((found.selected, found.others), (vec!["base".to_owned(), "queue".to_owned()], Vec::new()));
    let some = all.only(vec!["queue".to_owned()]);
    assert_eq!((&some.packages[..], some.workspace, some.exclude.len()), (&["queue".to_owned()][..], false, 0));
    assert_eq!(members_with(&fake, &toolchain(), &some).unwrap().selected, ["queue"]);
    let part = |names: &[&str]| BuildOutput {
        doctests: names.iter().map(|name| (*name).to_owned()).collect(),
        ..BuildOutput::default()
    };
    let mut whole = part(&["queue"]);
    whole.join(part(&["base", "queue"]));
    assert_eq!(whole.doctests, ["base", "queue"]);
}
