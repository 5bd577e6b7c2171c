//! A world that is made once: a set-up, and tests that each begin where it ended.

use airtight_tests::{Ran, digest, guest, guests_dir, guests_target_dir, read_report, run, scratch_dir, tests};
use serde_json::{Value, json};

/// Runs one target of the guests.
fn report_of(package: &str, target: &str, more: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    let report = dir.path().join("report.json");
    let target_dir = format!("build.target-dir={:?}", guests_target_dir());
    let told = format!("json={}", report.display());
    let args = ["test", ".", "-p", package, "--test", target, "--cargo-quiet", "--config", &target_dir];
    let ran = run(&guests_dir(), args.into_iter().chain(["--report", &told]).chain(more.iter().copied()));
    let report = read_report(&report);
    (ran, report)
}

fn test<'r>(report: &'r Value, name: &str) -> &'r Value {
    tests(report).find(|(_, test)| test["name"] == name).unwrap_or_else(|| panic!("there is no {name}")).1
}

fn paths(left: &Value) -> Vec<&str> {
    left.as_array().into_iter().flatten().filter_map(|left| left["path"].as_str()).collect()
}

/// The figures of a test are its own: what the set-up made is not among them. What it left is told with the place, by a second run in
/// which the set-up is called again.
#[test]
fn a_test_accounts_for_what_it_does_itself() {
    let (ran, report) = report_of("sdk", "world", &[]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let own = test(&report, "leak_of_its_own_and_nothing_of_the_set_up");
    assert_eq!(own["usage"]["heap"]["lost"], 300, "{own}");
    assert_eq!(own["usage"]["handles_peak"], 1);
    assert_eq!(paths(&own["leaks"]), ["/tmp/own", "/tmp/own"]);
    let heap = own["leaks"].as_array().unwrap().iter().find(|leak| leak["kind"] == "heap").unwrap();
    assert!(heap["stack"].to_string().contains("leak_of_its_own_and_nothing_of_the_set_up"), "{heap}");
    let given_back = test(&report, "pass_gives_back_what_the_set_up_acquired");
    assert_eq!((&given_back["leaks"], &given_back["tracked"]), (&Value::Null, &Value::Null));
    let figures =
        |name: &str| ["fuel", "linear_peak", "heap"].map(|figure| test(&report, name)["usage"][figure].clone());
    assert_eq!(figures("pass_memory"), figures("pass_memory_again"));
    assert_eq!(figures("pass_files")[2]["peak"], figures("pass_files_again")[2]["peak"]);
}

#[test]
fn neither_order_nor_workers_show() {
    let (_, report) = report_of("sdk", "world", &["-j", "1"]);
    let (_, shuffled) = report_of("sdk", "world", &["-j", "4", "--shuffle", "7"]);
    assert_eq!(digest(&report), digest(&shuffled));
    // One alone is as it is among the others.
    let (_, alone) = report_of("sdk", "world", &["pass_memory_again"]);
    assert_eq!(test(&alone, "pass_memory_again"), test(&report, "pass_memory_again"));
    assert_eq!(test(&alone, "pass_teardown"), test(&report, "pass_teardown"));
}

#[test]
fn what_a_set_up_leaves_is_told_once() {
    let (_, report) = report_of("sdk", "world_left", &[]);
    let left = test(&report, "leak_set_up");
    assert_eq!((paths(&left["leaks"]), &left["usage"]["heap"]["lost"]), (vec!["/tmp/kept", "/tmp/kept"], &json!(100)));
    for name in ["pass_one", "pass_another"] {
        let heap = &test(&report, name)["usage"]["heap"];
        assert_eq!([&heap["allocations"], &heap["lost"], &heap["retained"]], [&json!(0); 3], "{name}");
    }
    let (_, torn) = report_of("sdk", "world_torn", &[]);
    assert_eq!(test(&torn, "pass_set_up")["reclaimed"], Value::Null);
    let leaks = &test(&torn, "leak_teardown")["leaks"];
    assert_eq!(paths(leaks), ["/tmp/a"]);
    assert!(leaks.to_string().contains("pass_set_up"), "it says where the set-up acquired it: {leaks}");
}

/// A suite that knows nothing of airtight, and a profile that names a test of it.
#[test]
fn an_unmodified_suite_begins_where_a_test_of_it_ended() {
    let (ran, report) = report_of("plain", "fixture", &["--profile", "fixture"]);
    let verdicts: Vec<_> = tests(&report).map(|(_, test)| (&test["name"], &test["verdict"])).collect();
    let expected = [
        ("fail_without_the_set_up", "pass"),
        ("fail_without_the_set_up_again", "pass"),
        ("leak_loads", "leak"),
        ("leak_of_its_own", "leak"),
        ("pass_panics_on_purpose", "pass"),
    ];
    let expected = expected.map(|(name, verdict)| (json!(name), json!(verdict)));
    assert_eq!(verdicts, expected.each_ref().map(|(name, verdict)| (name, verdict)), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(paths(&test(&report, "leak_of_its_own")["leaks"]), ["/tmp/own", "/tmp/own"]);
    assert_eq!(paths(&test(&report, "leak_loads")["leaks"])[0], "/tmp/loaded");
    let (plain, _) = report_of("plain", "fixture", &[]);
    assert!(plain.stdout.contains("of what is loaded"), "{}", plain.stdout);
}

#[test]
fn a_set_up_that_no_module_has_is_told_of() {
    let (ran, _) = report_of("plain", "endings", &["--profile", "fixture", "pass_prints"]);
    let note = "no module has a test `leak_loads`, which `setup-test` of the profile names";
    assert!(ran.stdout.contains(note) || ran.stderr.contains(note), "{}{}", ran.stdout, ran.stderr);
}

/// A test that is expected to panic does not return, and one that is ignored is not run: no test can begin after either, which is a
/// failure, and not a run in which all others were skipped.
#[test]
fn a_set_up_that_does_not_return_fails() {
    let dir = scratch_dir();
    let module = guest("plain/fixture");
    for (name, said) in
        [("pass_panics_on_purpose", "it did not return, so that no test can begin where it ends"), ("nothing", "")]
    {
        std::fs::write(dir.path().join("airtight.toml"), format!("[profile.default]\nsetup-test = \"{name}\"\n"))
            .unwrap();
        let ran = run(dir.path(), ["run", module.to_str().unwrap()]);
        assert_eq!(ran.status, Some(100), "{}", ran.stdout);
        assert!(ran.stdout.contains(said), "{}", ran.stdout);
    }
    std::fs::write(dir.path().join("airtight.toml"), "[profile.default]\nsetup-test = \"skip_ignored\"\n").unwrap();
    let ran = run(dir.path(), ["run", guest("plain/endings").to_str().unwrap()]);
    assert_eq!(ran.status, Some(100), "{}", ran.stdout);
    assert!(ran.stdout.contains("tests are to begin where it ends, and it is not run: ignored"), "{}", ran.stdout);
}

/// A call that is made to fail is one of the test's, and the same in its second run.
#[test]
fn a_fault_reaches_tests_and_not_their_set_up() {
    let (ran, report) = report_of("sdk", "world", &["--fault", "open:1=ENOENT"]);
    assert!(!ran.stderr.contains("happened in no test"), "{}", ran.stderr);
    let injected = &test(&report, "leak_of_its_own_and_nothing_of_the_set_up")["injected"];
    assert_eq!((&injected[0]["fault"], &injected[0]["object"]), (&json!("open:1=ENOENT"), &json!("/tmp/own")));
    assert_eq!(test(&report, "pass_set_up")["injected"], Value::Null);
}

/// Modules of the guests that have a set-up.
const WITH_SET_UPS: [&str; 3] = ["sdk/world", "sdk/world_left", "sdk/world_torn"];

/// Parts of modules that have a set-up are merged into the report of one run, whichever part ran which set-up: in its gates and its
/// clean-up coverage each counts once.
#[test]
fn parts_of_a_suite_with_set_ups_are_merged() {
    let dir = scratch_dir();
    let gates = "gate = { lost = \"1MiB\", retained = \"64MiB\", handles = 2, cleanup-coverage = \"99%\" }";
    std::fs::write(dir.path().join("airtight.toml"), format!("[profile.default]\n{gates}\n")).unwrap();
    let modules = WITH_SET_UPS.map(guest);
    let with = |file: &str, more: &[&str]| {
        let told = format!("json={file}");
        let args = ["run"].into_iter().chain(modules.iter().map(|module| module.to_str().unwrap()));
        let ran = run(dir.path(), args.chain(["--report", &told]).chain(more.iter().copied()));
        assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
        read_report(&dir.path().join(file))
    };
    let whole = with("whole.json", &[]);
    for count in [2, 3] {
        let files: Vec<String> = (1..=count).map(|part| format!("{part}-of-{count}.json")).collect();
        for (part, file) in (1..).zip(&files) {
            with(file, &["--partition", &format!("slice:{part}/{count}")]);
        }
        let args =
            ["merge"].into_iter().chain(files.iter().map(String::as_str)).chain(["--report", "json=merged.json"]);
        let merged = run(dir.path(), args);
        assert_eq!(merged.status, Some(100), "{}{}", merged.stdout, merged.stderr);
        let merged = read_report(&dir.path().join("merged.json"));
        assert_eq!(merged["canonical"], whole["canonical"]);
        assert_eq!(digest(&merged), digest(&whole));
    }
    let roles = |role: &str| tests(&whole).filter(|(_, test)| test["role"] == role).count();
    assert_eq!((roles("setup"), roles("teardown")), (3, 2));
}

/// Files of one stem are modules of two names, so that parts in which one of them each was tested can be merged.
#[test]
fn files_of_one_stem_are_told_apart() {
    let dir = scratch_dir();
    for (folder, module) in [("a", "sdk/world_left"), ("b", "sdk/world_torn")] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
        std::fs::copy(guest(module), dir.path().join(folder).join("world.wasm")).unwrap();
    }
    for part in ["1", "2"] {
        let (partition, told) = (format!("hash:{part}/2"), format!("json={part}.json"));
        run(dir.path(), ["run", "a/world.wasm", "b/world.wasm", "--partition", &partition, "--report", &told]);
    }
    let merged = run(dir.path(), ["merge", "1.json", "2.json", "--report", "json=merged.json"]);
    assert_eq!(merged.status, Some(100), "{}{}", merged.stdout, merged.stderr);
    let whole = run(dir.path(), ["run", "a/world.wasm", "b/world.wasm", "--report", "json=whole.json"]);
    assert!(whole.stdout.contains("a/world leak_set_up") && whole.stdout.contains("b/world "), "{}", whole.stdout);
    assert_eq!(
        read_report(&dir.path().join("merged.json"))["digest"],
        read_report(&dir.path().join("whole.json"))["digest"]
    );
}

/// Where the teardown alone failed, it is run again, and a filter expression that names it selects it.
#[test]
fn a_teardown_that_failed_is_run_again_alone() {
    let dir = scratch_dir();
    let module = guest("sdk/world_torn");
    let module = module.to_str().unwrap();
    let first = run(dir.path(), ["run", module]);
    assert!(first.stdout.contains("3 tests run: 2 passed, 1 leaked"), "{}{}", first.stdout, first.stderr);
    let again = run(dir.path(), ["run", module, "--rerun"]);
    assert!(again.stdout.contains("2 tests run: 1 passed, 1 leaked"), "{}{}", again.stdout, again.stderr);
    let (named, report) = report_of("sdk", "world_torn", &["-E", "test(=leak_teardown)"]);
    assert_eq!(named.status, Some(100), "{}{}", named.stdout, named.stderr);
    let names: Vec<_> = tests(&report).map(|(_, test)| test["name"].clone()).collect();
    assert_eq!(names, [json!("leak_teardown"), json!("pass_set_up")]);
}

/// What a set-up changed in an overlay is told of it alone; tests and teardown are asked for what they changed after it.
#[test]
fn changes_of_overlays_are_told_of_whoever_made_them() {
    let (ran, report) = report_of("sdk", "world_overlay", &[]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    let changed = |name: &str| -> Vec<String> {
        let changes = test(&report, name)["changed"].as_array().cloned().unwrap_or_default();
        let told =
            |change: &Value| format!("{} {}", change["path"].as_str().unwrap(), change["what"].as_str().unwrap());
        changes.iter().map(told).collect()
    };
    let of_set_up =
        ["/work/hello.txt written", "/work/kept written", "/work/made directory", "/work/made/file written"];
    assert_eq!(changed("pass_set_up"), of_set_up);
    assert_eq!(changed("pass_reads"), [""; 0]);
    assert_eq!(changed("pass_writes"), ["/work/made/file written", "/work/made/own written"]);
    let removed = ["/work/kept removed", "/work/made/file removed", "/work/moved written"];
    assert_eq!(changed("pass_removes"), removed);
    assert_eq!(changed("pass_teardown"), ["/work/made removed"]);
}
