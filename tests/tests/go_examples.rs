//! The lessons in Go: each package of `examples/go` gives the report in its `expected.txt`. `BLESS=1` writes these files
//! anew.

use airtight_tests::{command, go, go_minor, gos, package_dir, read_report, scratch_dir};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// How many packages there are.
const LESSONS: usize = 11;

/// What is promised of a test: its verdict, why, and what it left. Names that a random number ends are told without it, and places in
/// Go's library without lines, which differ between its versions.
fn told(test: &Value) -> String {
    let mut told = format!("{}: {}\n", text(&test["name"]), text(&test["verdict"]));
    for line in text(&test["message"]).lines() {
        let _ = writeln!(told, "    {line}");
    }
    if test["verdict"] != "leak" && test["stack"].as_array().is_some_and(|stack| !stack.is_empty()) {
        let _ = writeln!(told, "    stopped{}", place(&test["stack"]));
    }
    for sub in test["subtests"].as_array().into_iter().flatten() {
        let _ = writeln!(told, "    {}: {} {}", text(&sub["name"]), text(&sub["verdict"]), text(&sub["message"]));
    }
    // How many bytes the runtime adds is its version's to say, and what its library keeps.
    let is_own = |site: &&Value| {
        site["stack"].as_array().is_some_and(|stack| stack.iter().any(|frame| frame["library"].is_null()))
    };
    if let Some(most) = test["go"]["heap"]["sites"].get(0).filter(is_own) {
        let _ = writeln!(told, "    Go's heap grew, most{}", place(&most["stack"]));
    }
    let mut leaks = BTreeMap::<String, u64>::new();
    for leak in test["leaks"].as_array().into_iter().flatten() {
        let scope = if leak["scope"] == test["name"] { String::new() } else { format!("{}: ", text(&leak["scope"])) };
        let path = leak["path"].as_str().map(|path| format!(" {}", without_numbers(path))).unwrap_or_default();
        let does = leak["thread"]["does"].as_str().map(|does| format!(", which {does}")).unwrap_or_default();
        let what = format!("{scope}{}{path}{}{does}", text(&leak["kind"]), place(&leak["stack"]));
        *leaks.entry(what).or_default() += leak["count"].as_u64().unwrap_or(0);
    }
    for (what, count) in leaks {
        let _ = writeln!(told, "    {count} {what}");
    }
    told.replace(" \n", "\n")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The innermost place of the user's own, or else of all.
fn place(stack: &Value) -> String {
    let frames = stack.as_array().cloned().unwrap_or_default();
    let own = frames.iter().find(|frame| frame["library"].is_null());
    let at = own.and_then(|frame| Some(format!(" at {}:{}", frame["file"].as_str()?, frame["line"])));
    let function = own.or(frames.first()).map(|frame| format!(" in {}", text(&frame["function"])));
    at.unwrap_or_default() + &function.unwrap_or_default()
}

/// A path with a star for each number of several digits.
fn without_numbers(path: &str) -> String {
    let mut parts = String::new();
    let mut digits = String::new();
    for c in path.chars().chain(['/']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        parts += if digits.len() > 3 { "*" } else { &digits };
        digits.clear();
        parts.push(c);
    }
    parts.pop();
    parts
}

#[test]
fn every_lesson_is_as_promised() {
    // An older Go words panics otherwise, does not mark errors, and does not tell which goroutines are blocked for ever.
    for go in gos("the lessons in Go were not run").into_iter().filter(|go| go_minor(go) >= Some(26)) {
        lessons_are_as_promised(&go);
    }
}

fn lessons_are_as_promised(go: &Path) {
    let lessons = package_dir().join("../examples/go");
    let dir = scratch_dir();
    let json = format!("json={}", dir.path().join("report.json").display());
    let mut command = command();
    command.env("AIRTIGHT_GO", go).env("GOFLAGS", "").env("GOTOOLCHAIN", "local").current_dir(&lessons);
    let ran = command.args(["go", "./...", "--go-heap", "--report", &json]).output().unwrap();
    assert_eq!(ran.status.code(), Some(100), "{}", String::from_utf8_lossy(&ran.stderr));
    let report = read_report(&dir.path().join("report.json"));
    let modules = report["canonical"]["modules"].as_array().unwrap();
    assert_eq!(modules.len(), LESSONS);
    for module in modules {
        let name = module["name"].as_str().unwrap().strip_prefix("example.com/lessons/").unwrap();
        let found: String = module["tests"].as_array().unwrap().iter().map(told).collect();
        let promised = lessons.join(name).join("expected.txt");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&promised, &found).unwrap();
        }
        assert_eq!(found, std::fs::read_to_string(&promised).unwrap_or_default(), "{name}");
    }
}

/// Under `go test` one of the two fails; here both pass, and it is told which spoils which.
#[test]
fn who_pollutes_whom_is_told() {
    let Some(go) = go("nobody looked for tests of Go that depend on others") else { return };
    let lessons = package_dir().join("../examples/go");
    let environment = [("GOFLAGS", ""), ("GOTOOLCHAIN", "local")];
    let natively = std::process::Command::new(&go)
        .args(["test", "-count=1", "./singleton"])
        .envs(environment)
        .current_dir(&lessons)
        .output()
        .unwrap();
    let natively = String::from_utf8_lossy(&natively.stdout).into_owned();
    assert!(natively.contains("--- FAIL: TestSecondSetting"), "{natively}");
    let mut command = command();
    command.env("AIRTIGHT_GO", &go).envs(environment).current_dir(&lessons);
    let ran = command.args(["go", "./singleton", "--pollution"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(100), "{}", String::from_utf8_lossy(&ran.stderr));
    let found = String::from_utf8_lossy(&ran.stdout).into_owned();
    let promised = lessons.join("singleton/expected-pollution.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&promised, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&promised).unwrap_or_default());
}

/// What `go tool pprof` makes of the profiles of two tests.
#[test]
fn heap_profiles_are_compared_by_go_s_own_tool() {
    let Some(go) = go("no heap profile of Go was compared") else { return };
    let lessons = package_dir().join("../examples/go");
    let dir = scratch_dir();
    let profile = |test: &str| {
        let path = dir.path().join(test).with_extension("pb.gz");
        let report = format!("pprof={}", path.display());
        let mut command = command();
        command.env("AIRTIGHT_GO", &go).env("GOFLAGS", "").env("GOTOOLCHAIN", "local").current_dir(&lessons);
        let ran =
            command.args(["go", "./profile", "-run", &format!("^{test}$"), "--report", &report]).output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
        path
    };
    let (three, thirty) = (profile("TestThreeEntries"), profile("TestThirtyEntries"));
    let pprof = |args: &[&std::ffi::OsStr]| {
        let mut command = std::process::Command::new(&go);
        command.env("GOTOOLCHAIN", "local").args(["tool", "pprof", "-top", "-nodefraction=0"]).args(args);
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).into_owned()
    };
    let line = |text: &str| {
        let line = text.lines().find(|line| line.ends_with("profile.(*store).add"));
        line.unwrap_or_else(|| panic!("{text}")).split_whitespace().next().unwrap_or_default().to_owned()
    };
    let index = |index: &str| std::ffi::OsString::from(format!("-sample_index={index}"));
    let base = std::ffi::OsString::from(format!("-diff_base={}", three.display()));
    assert_eq!(line(&pprof(&[&index("inuse_objects"), thirty.as_os_str()])), "30");
    assert_eq!(line(&pprof(&[&index("inuse_objects"), &base, thirty.as_os_str()])), "27");
    assert_eq!(line(&pprof(&[&index("alloc_space"), &base, thirty.as_os_str()])), "27648B");
}
