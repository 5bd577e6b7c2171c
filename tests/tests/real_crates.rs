//! Published crates' own tests: a test that passes natively passes here, except those that are listed with an explanation.

use airtight_tests::{command, guests_dir, read_report, scratch_root, tests, toolchain};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tests that pass natively and not here, each with its reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (UNWINDS_IN_DROP, "skip", "its authors ignore it where a panic cannot be caught"),
    (UNWINDS_TWICE, "skip", "its authors ignore it where a panic cannot be caught"),
];
const UNWINDS_IN_DROP: &str = "bytes/test_bytes owned_safe_drop_on_as_ref_panic";
const UNWINDS_TWICE: &str = "bytes/test_bytes split_off_to_at_gt_len";

/// Tests that their authors leave out on wasm: this one spawns threads.
const NATIVE_ONLY: &[&str] = &["bytes/test_bytes stress"];

/// Members of `guests/real/Cargo.toml`, `name-version`.
fn members() -> Vec<String> {
    let manifest = fs::read_to_string(guests_dir().join("real/Cargo.toml")).unwrap();
    let list = manifest.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    list.split(',').map(|member| member.trim().trim_matches('"').to_owned()).collect()
}

/// Cargo, without what this test's own cargo told it.
fn cargo(dir: &Path) -> Command {
    let mut cargo = Command::new(&toolchain().cargo);
    cargo.current_dir(dir).env("CARGO_TARGET_DIR", dir.join("target"));
    cargo
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A workspace of the crates' published sources, kept between runs.
fn workspace() -> PathBuf {
    let dir = scratch_root().join("real-crates");
    let members = members();
    fs::create_dir_all(dir.join("fetch/src")).unwrap();
    fs::write(dir.join("fetch/src/lib.rs"), "").unwrap();
    let mut manifest = "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\n[workspace]\n[dependencies]\n".to_owned();
    for member in &members {
        let (name, version) = member.rsplit_once('-').unwrap();
        manifest += &format!("{name} = \"={version}\"\n");
    }
    fs::write(dir.join("fetch/Cargo.toml"), manifest).unwrap();
    if members.iter().any(|member| !dir.join(member).exists()) {
        run(cargo(&dir.join("fetch")).args(["vendor", "--versioned-dirs", "../vendor"]));
        for member in &members {
            let _ = fs::remove_dir_all(dir.join(member));
            fs::rename(dir.join("vendor").join(member), dir.join(member)).unwrap();
        }
    }
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(guests_dir().join("real").join(file), dir.join(file)).unwrap();
    }
    dir
}

/// What each test comes to natively: `pass`, `fail` or `skip`, under the name that airtight gives it.
fn natively(dir: &Path) -> BTreeMap<String, String> {
    let messages = run(cargo(dir).args([
        "test",
        "--locked",
        "--workspace",
        "--lib",
        "--tests",
        "--no-run",
        "--message-format=json",
    ]));
    let mut found = BTreeMap::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let Some(executable) = message["executable"].as_str() else { continue };
        let package = Path::new(message["manifest_path"].as_str().unwrap()).parent().unwrap();
        let (name, _) = package.file_name().unwrap().to_str().unwrap().rsplit_once('-').unwrap();
        let module = match message["target"]["kind"][0].as_str().unwrap() {
            "test" => format!("{name}/{}", message["target"]["name"].as_str().unwrap()),
            _ => name.to_owned(),
        };
        let output = Command::new(executable).arg("--test-threads=1").current_dir(package).output().unwrap();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Some((test, result)) = line.strip_prefix("test ").and_then(|line| line.rsplit_once(" ... ")) else {
                continue;
            };
            let verdict = match result.split([',', ' ']).next().unwrap() {
                "ok" => "pass",
                "ignored" => "skip",
                _ => "fail",
            };
            let test = test.strip_suffix(" - should panic").unwrap_or(test);
            found.insert(format!("{module} {test}"), verdict.to_owned());
        }
    }
    found
}

#[test]
fn what_passes_natively_passes_here() {
    let dir = workspace();
    let native = natively(&dir);
    let output = command()
        .current_dir(&dir)
        .env("CARGO_TARGET_DIR", dir.join("target"))
        .args([
            "test",
            ".",
            "--locked",
            "--workspace",
            "--lib",
            "--tests",
            "--cargo-quiet",
            "--report",
            "json=report.json",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report = read_report(&dir.join("report.json"));
    let mut different = BTreeSet::new();
    let mut only_natively: BTreeSet<&String> = native.keys().collect();
    for (module, test) in tests(&report) {
        let key = format!("{module} {}", test["name"].as_str().unwrap());
        let here = test["verdict"].as_str().unwrap();
        let there = native.get(&key).unwrap_or_else(|| panic!("{key} is not among the native tests"));
        only_natively.remove(&key);
        // What libtest cannot do on wasm is said so of each test.
        let unsupported = here == "skip" && test["reason"].as_str().is_some_and(|why| why.starts_with("should_panic"));
        if here != there && !unsupported {
            different.insert((key, here.to_owned()));
        }
    }
    assert_eq!(only_natively.into_iter().collect::<Vec<_>>(), NATIVE_ONLY);
    assert!(native.len() > 500, "only {} tests were compared", native.len());
    let explained = DIFFERENCES.iter().map(|(test, verdict, _)| ((*test).to_owned(), (*verdict).to_owned())).collect();
    assert_eq!(different, explained);
}
