//! Tests whose verdicts depend on which others ran before them in the same process.

use airtight_tests::{Ran, command, guest, guests_dir, run, scratch_dir, with_sdk, workspace, write};
use std::path::Path;

/// Tests whose names say what becomes of them together; `TEST` stands for a harness's attribute, `T` for what its tests take.
const SUITE: &str = r#"
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

static FLAG: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU32 = AtomicU32::new(0);

#[TEST] fn a_sets_the_flag(T) { FLAG.store(true, Relaxed); }
#[TEST] fn b_wants_no_flag(T) { assert!(!FLAG.load(Relaxed), "the flag is set"); }
#[TEST] fn c_counts(T) { COUNT.fetch_add(1, Relaxed); }
#[TEST] fn d_counts(T) { COUNT.fetch_add(1, Relaxed); }
#[TEST] fn e_wants_less_than_two(T) { assert!(COUNT.load(Relaxed) < 2, "there were {}", COUNT.load(Relaxed)); }
#[TEST] fn f_needs_the_flag(T) { assert!(FLAG.load(Relaxed), "no flag is set"); }
#[TEST] fn g_leaves_a_file(T) { std::fs::write("/tmp/left", "left").unwrap(); }
#[TEST] fn h_wants_an_empty_place(T) { assert!(!std::path::Path::new("/tmp/left").exists()); }
#[TEST] fn i_depends_on_nobody(T) { println!("test a_sets_the_flag ... ok"); }
#[TEST] fn j_fails_anyway(T) { panic!("anyway"); }
#[TEST] #[should_panic] fn k_panics(T) { panic!("as it should"); }
#[TEST] #[ignore] fn l_is_ignored(T) {}
#[TEST] fn m_exits(T) { std::process::exit(0); }
"#;

fn pollution(dir: &Path, args: &[&str]) -> Ran {
    let mut command = command();
    command.current_dir(dir).env_remove("CARGO_TARGET_DIR").args(["pollution", "--color", "never"]).args(args);
    Ran::from(command.output().unwrap())
}

/// What is found in the suite under this harness.
fn found(attribute: &str, takes: &str) -> String {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", "")]);
    with_sdk(&dir.path().join("suite"));
    write(&dir.path().join("suite/tests/t.rs"), &SUITE.replace("TEST", attribute).replace("(T)", takes));
    let ran = pollution(dir.path(), &["--test", "t"]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let again = pollution(dir.path(), &["--test", "t", "-j", "1", "--report", "json=found.json"]);
    assert_eq!((again.status, &again.stdout), (Some(100), &ran.stdout), "{}", again.stderr);
    let found: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("found.json")).unwrap()).unwrap();
    airtight_tests::assert_follows(airtight::pollution::POLLUTION_JSON_SCHEMA, &found);
    let dependent = &found["canonical"]["modules"][0]["found"][0];
    assert_eq!(
        (&dependent["test"], &dependent["dependence"]),
        (&"b_wants_no_flag".into(), &"polluted".into()),
        "{found:#}"
    );
    let other = pollution(dir.path(), &["--test", "t", "--report", "html=found.html"]);
    assert!(other.status == Some(2) && other.stderr.contains("every --report but json=PATH"), "{}", other.stderr);
    ran.stdout
}

#[test]
fn who_spoils_whose_world_is_found_for_libtest() {
    insta::assert_snapshot!(found("test", "()"));
}

#[test]
fn who_spoils_whose_world_is_found_for_the_sdk() {
    insta::assert_snapshot!(found("airtight::test", "(_: &mut airtight::T)"));
}

/// Where panics unwind, libtest goes on after a test that fails.
#[test]
fn tests_that_unwind_are_run_together_too() {
    let dir = scratch_dir();
    let module = guests_dir().join("unwinding/panics.wasm");
    let ran = run(dir.path(), ["pollution", module.to_str().unwrap()]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains(" tests together in 5 orders: 0 depend on others"), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_run_together_is_said() {
    let dir = scratch_dir();
    let program = run(dir.path(), ["pollution", guest("programs/pass_returns").to_str().unwrap()]);
    assert_eq!(program.status, Some(0), "{}{}", program.stdout, program.stderr);
    assert!(program.stdout.contains("its tests are not run together: there are not two"), "{}", program.stdout);
    write(&dir.path().join("airtight.toml"), "[profile.default]\nclock = \"real\"\n");
    let real = run(dir.path(), ["pollution", "--trust", guest("sdk/mixed").to_str().unwrap()]);
    assert!(real.stderr.contains("     Granted the host's clocks\n"), "{}", real.stderr);
    assert!(real.stdout.contains("not looked at: the real clock"), "{}{}", real.stdout, real.stderr);
    let refused = run(dir.path(), ["pollution", "--trust", guest("sdk/mixed").to_str().unwrap(), "--repeat", "3"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("--repeat"), "{}", refused.stderr);
    let nothing = run(dir.path(), ["pollution", "--trust", guest("sdk/mixed").to_str().unwrap(), "--", "no such test"]);
    assert_eq!(nothing.status, Some(4), "{}", nothing.stderr);
}
