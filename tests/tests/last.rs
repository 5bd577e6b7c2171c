//! The recording of the last run, and the explanations of codes, through the program.

use airtight_tests::{Ran, compile, read_report, run, scratch_dir};
use std::path::Path;

fn airtight(dir: &Path, args: &[&str]) -> Ran {
    run(dir, args)
}

#[test]
fn the_last_run_is_shown_again_and_what_failed_is_run_again() {
    let dir = scratch_dir();
    let none = airtight(dir.path(), &["show"]);
    assert_eq!(none.status, Some(96));
    assert!(none.stderr.contains("no run from this folder is recorded"), "{}", none.stderr);
    assert_eq!(airtight(dir.path(), &["run", "--rerun", "x.wasm"]).status, Some(96));
    let modules = ["leak_by_hand", "pass_empty", "fail_no_memory"].map(|name| compile(name, dir.path()));
    let modules = modules.each_ref().map(|module| module.to_str().unwrap());
    let with = |args: &[&str]| airtight(dir.path(), &[&["run"], &modules[..], args].concat());
    let first = with(&[]);
    assert_eq!(first.status, Some(100), "{}{}", first.stdout, first.stderr);
    assert!(
        first.stdout.contains("       Codes AT0001 (file), AT0004 (residue), AT0102 (fail): `airtight explain AT0001`"),
        "{}",
        first.stdout
    );
    let below = dir.path().join("below");
    std::fs::create_dir(&below).unwrap();
    let shown = airtight(&below, &["show", "--all-frames"]);
    assert_eq!(shown.status, Some(100), "a folder below is the same place: {}", shown.stderr);
    let findings =
        |text: &str| text.split_once("────────────\n").unwrap().1.split("     Summary").next().unwrap().to_owned();
    assert_eq!(findings(&shown.stdout), findings(&first.stdout));
    assert!(shown.stdout.contains("3 tests run: 1 passed, 1 leaked, 1 failed"), "{}", shown.stdout);
    let again = with(&["--rerun"]);
    assert!(again.stdout.contains("2 tests run: 0 passed, 1 leaked, 1 failed"), "{}{}", again.stdout, again.stderr);
    assert_eq!(airtight(dir.path(), &["run", modules[1]]).status, Some(0));
    let nothing = with(&["--rerun"]);
    assert_eq!(nothing.status, Some(4));
    assert!(nothing.stderr.contains("nothing failed in the last run from this folder"), "{}", nothing.stderr);
    // A run that keeps nothing is not the last one.
    assert_eq!(airtight(dir.path(), &["run", "--no-cache", modules[0]]).status, Some(100));
    assert_eq!(airtight(dir.path(), &["show"]).status, Some(0));
}

#[test]
fn what_failed_beside_tests_is_not_called_nothing() {
    let dir = scratch_dir();
    let module = compile("leak_by_hand", dir.path());
    let module = module.to_str().unwrap();
    let allowed = "[profile.default]\nleaks = { handles = \"show\", residue = \"ignore\" }\n[profile.default.gate]\nhandles = 0\n";
    airtight_tests::write(&dir.path().join("airtight.toml"), allowed);
    let missed = airtight(dir.path(), &["run", module]);
    assert!(missed.status == Some(100) && missed.stdout.contains("1 passed"), "{}{}", missed.stdout, missed.stderr);
    let again = airtight(dir.path(), &["run", "--rerun", module]);
    assert_eq!(again.status, Some(4));
    assert!(again.stderr.contains("what failed is the gate `handles`"), "{}", again.stderr);
    // A list takes --rerun, too.
    std::fs::remove_file(dir.path().join("airtight.toml")).unwrap();
    let empty = compile("pass_empty", dir.path());
    assert_eq!(airtight(dir.path(), &["run", module, empty.to_str().unwrap()]).status, Some(100));
    let listed = airtight(dir.path(), &["list", "--rerun", module, empty.to_str().unwrap()]);
    assert!(listed.stdout.starts_with("leak_by_hand ") && listed.stdout.lines().count() == 1, "{}", listed.stdout);
    let refused = airtight(dir.path(), &["list", module, "--message-format", "libtest-json"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("nothing is run"), "{}", refused.stderr);
}

#[test]
fn codes_and_words_are_explained() {
    let dir = scratch_dir();
    let one = airtight(dir.path(), &["explain", "at0007"]);
    assert_eq!(one.status, Some(0));
    assert!(one.stdout.starts_with("AT0007: heap blocks were lost\n\n`heap`."), "{}", one.stdout);
    let linked = airtight(dir.path(), &["explain", "leak"]);
    assert!(linked.stdout.contains("a baseline (baseline.md in the guide)."), "{}", linked.stdout);
    let word = airtight(dir.path(), &["explain", "lost"]);
    assert!(word.stdout.contains("AT0214: ") && word.stdout.contains("AT0501: "), "{}", word.stdout);
    let all = airtight(dir.path(), &["explain"]);
    assert!(all.stdout.lines().count() > 60 && all.stdout.starts_with("AT0001 file"), "{}", all.stdout);
    let unknown = airtight(dir.path(), &["explain", "AT9999"]);
    assert_eq!(unknown.status, Some(2));
    assert!(unknown.stderr.contains("`AT9999` is not a code"), "{}", unknown.stderr);
}

/// Fails while there is no file `a` in the directory that is granted (descriptor 4), and makes it.
const FLAKY: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "a")
  (func (export "_start")
    (if (i32.ne (i32.const 20)
          (call $path_open (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 5)
            (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 8)))
      (then unreachable))))"#;

#[test]
fn what_passes_when_it_is_run_again_is_flaky_and_the_report_says_so() {
    let dir = scratch_dir();
    let (module, granted) = (dir.path().join("flaky.wasm"), dir.path().join("granted"));
    std::fs::write(&module, wat::parse_str(FLAKY).unwrap()).unwrap();
    let with = |mode: &str, retries: &str| {
        let _ = std::fs::remove_dir_all(&granted);
        std::fs::create_dir(&granted).unwrap();
        let grant = format!("granted::/granted:{mode}");
        airtight(
            dir.path(),
            &["run", "flaky.wasm", "--dir", &grant, "--retries", retries, "--report", "json=report.json"],
        )
    };
    let once = with("read-write", "0");
    assert_eq!(once.status, Some(100), "{}{}", once.stdout, once.stderr);
    let flaky = with("read-write", "2");
    assert_eq!(flaky.status, Some(0), "{}{}", flaky.stdout, flaky.stderr);
    assert!(flaky.stdout.contains("FLAKY 2/3") && flaky.stdout.contains("1 passed (1 flaky)"), "{}", flaky.stdout);
    let report = read_report(&dir.path().join("report.json"));
    assert_eq!(report["canonical"]["doubts"][0]["cause"], "flaky");
    let attempts = &report["canonical"]["modules"][0]["tests"][0]["attempts"];
    assert_eq!((attempts["tried"].as_u64(), &attempts["failed"][0]["verdict"]), (Some(2), &"fail".into()));
    // In memory, each time begins with the same files: it ends the same way each time.
    let same = with("overlay", "2");
    assert_eq!(same.status, Some(100), "{}{}", same.stdout, same.stderr);
    assert!(same.stdout.contains("time 1 of 3: fail") && same.stdout.contains("time 2 of 3: fail"), "{}", same.stdout);
}

#[test]
fn a_set_up_is_begun_and_looked_at() {
    let dir = scratch_dir();
    let wrote = airtight(dir.path(), &["init"]);
    assert_eq!(wrote.status, Some(0), "{}", wrote.stderr);
    assert!(
        wrote.stdout.contains("Wrote airtight.toml\n")
            && wrote.stdout.contains("Wrote .github/workflows/airtight.yml\n"),
        "{}",
        wrote.stdout
    );
    let config = dir.path().join("airtight.toml");
    std::fs::write(&config, "[profile.ci]\nbaseline = \"none.toml\"\n").unwrap();
    let kept = airtight(dir.path(), &["init"]);
    assert!(kept.stdout.contains("Kept airtight.toml, which is there"), "{}", kept.stdout);
    assert!(std::fs::read_to_string(&config).unwrap().contains("none.toml"));
    let elsewhere = dir.path().join("elsewhere/.config");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::os::unix::fs::symlink("nothing", elsewhere.join("airtight.toml")).unwrap();
    let kept = airtight(&dir.path().join("elsewhere"), &["init"]);
    assert!(kept.stdout.contains("Kept .config/airtight.toml, which is there\n"), "{}", kept.stdout);
    assert!(!dir.path().join("elsewhere/airtight.toml").exists(), "there would be two");
    let lacking = airtight(dir.path(), &["doctor"]);
    assert_eq!(lacking.status, Some(96), "{}", lacking.stdout);
    assert!(
        lacking.stdout.contains("LACKING Baseline") && lacking.stdout.contains("ok Toolchain"),
        "{}",
        lacking.stdout
    );
    std::fs::write(&config, "").unwrap();
    assert_eq!(airtight(dir.path(), &["doctor"]).status, Some(0));
    std::fs::write(&config, "[profile.ci]\nmemroy = 1\n").unwrap();
    let wrong = airtight(dir.path(), &["doctor"]);
    assert!(
        wrong.stdout.contains("LACKING Config") && wrong.stdout.contains("did you mean `memory`?"),
        "{}",
        wrong.stdout
    );
}

#[test]
fn completions_and_manual_pages_are_made() {
    let dir = scratch_dir();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let made = airtight(dir.path(), &["completions", shell]);
        assert!(made.status == Some(0) && made.stdout.contains("gen-suppressions"), "{shell}: {}", made.stderr);
    }
    let page = airtight(dir.path(), &["man"]);
    assert!(page.stdout.contains(".TH airtight 1") && page.stdout.contains("Exit status"), "{}", page.stdout);
    let of_test = airtight(dir.path(), &["man", "test"]);
    assert!(of_test.stdout.contains("peak\\-heap"), "{}", of_test.stdout);
    assert_eq!(airtight(dir.path(), &["man", "none"]).status, Some(2));
}
