//! Every way in which a test can end, combined with everything that a test can have. The guests are generated in
//! `guests/matrix`. What is reported of each test is in a snapshot, a few lines a test.

use airtight_tests::{guests_dir, guests_target_dir, read_report, run, scratch_dir, tests};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The report of all of them, built with these options and under the target directory of this name.
fn report(target: &str, more: &[&str]) -> Value {
    let dir = scratch_dir();
    let report = dir.path().join("report.json");
    let target = format!("build.target-dir={:?}", guests_target_dir().with_file_name(target));
    let told = format!("json={}", report.display());
    let args = ["test", ".", "-p", "matrix", "--test", "*", "--cargo-quiet", "--config", &target, "--report", &told];
    let ran = run(&guests_dir(), args.into_iter().chain(more.iter().copied()));
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    read_report(&report)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `file:line` of the innermost frame of the guest's own.
fn place(stack: &Value) -> String {
    let own = |frame: &&Value| frame["library"].is_null() && text(&frame["file"]).starts_with("tests/");
    list(stack).find(own).map_or("-".to_owned(), |frame| format!("{}:{}", text(&frame["file"]), frame["line"]))
}

/// What does not depend on the compiler of the guest, of the tests of a module: no figures, and of stacks the place in the guest.
fn told(report: &Value, module: &str) -> String {
    let mut all = String::new();
    // What they begin with has another name and no ending.
    let of_module = tests(report).filter(|(name, test)| *name == module && test["name"] != "world");
    for (_, test) in of_module {
        let message = match text(&test["message"]) {
            refusal if refusal.starts_with("linear memory of ") => "[a refused growth]",
            message => message,
        };
        let unwound = if test["unwound"] == true { " (unwound)" } else { "" };
        let reason = test["reason"].as_str().map(|reason| format!("; {reason}")).unwrap_or_default();
        let (name, verdict) = (text(&test["name"]), text(&test["verdict"]));
        writeln!(all, "{name}: {verdict}{unwound}: {message}{reason}").unwrap();
        for subtest in list(&test["subtests"]) {
            let said = [&subtest["message"], &subtest["reason"]].map(text);
            let place = place(&subtest["stack"]);
            writeln!(all, "  - {}: {}: {said:?} at {place}", text(&subtest["name"]), text(&subtest["verdict"]))
                .unwrap();
            list(&subtest["suppressed"])
                .for_each(|later| writeln!(all, "      then {}", text(&later["message"])).unwrap());
        }
        list(&test["suppressed"]).for_each(|later| writeln!(all, "  then {}", text(&later["message"])).unwrap());
        for cleanup in list(&test["cleanups"]) {
            let [name, subtest, registered] = ["name", "subtest", "registered"].map(|key| text(&cleanup[key]));
            writeln!(all, "  clean-up {} {name} of {subtest}, registered at {registered}", cleanup["ordinal"]).unwrap();
        }
        for what in ["leaks", "reclaimed"] {
            for left in list(&test[what]) {
                let kind = left["tracked"].as_str().unwrap_or(text(&left["kind"]));
                let (path, scope) = (text(&left["path"]), text(&left["scope"]));
                writeln!(all, "  {what}: {} {kind} {path} of {scope} at {}", left["count"], place(&left["stack"]))
                    .unwrap();
            }
        }
        for outlived in list(&test["outlived"]) {
            let [acquired, released] = ["stack", "released"].map(|stack| place(&outlived[stack]));
            let (count, peak) = (&outlived["count"], &outlived["peak"]);
            writeln!(all, "  outlived: {count}, {peak} at once, acquired at {acquired}, released at {released}")
                .unwrap();
        }
    }
    all
}

#[test]
fn each_ending_meets_each_feature() {
    let report = report("guests", &[]);
    let endings = told(&report, "matrix/endings");
    assert_eq!(tests(&report).filter(|(module, _)| *module == "matrix/endings").count(), 196);
    insta::assert_snapshot!(endings);
    let forked = told(&report, "matrix/forked").replace("endings::", "");
    assert_eq!(forked, endings, "a test that begins where a set-up ended is told of as any other");
}

#[test]
#[ignore = "needs std's sources: run it with `--ignored`"]
fn each_ending_meets_each_feature_where_panics_unwind() {
    let report = report("guests-unwinding", &["--unwind"]);
    let endings = told(&report, "matrix/endings");
    insta::assert_snapshot!(endings);
    assert_eq!(told(&report, "matrix/forked").replace("endings::", ""), endings);
}

/// What is told of each test, by its name.
fn by_test(told: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in told.lines() {
        if !line.starts_with("  ") {
            name = line.split(": ").next().unwrap();
        }
        all.entry(name).or_default().push(line);
    }
    all
}

/// What the wall clock ends is told as what fuel ends is: subtests, forks, tasks and clean-ups. Only clean-ups that hang differ: all of
/// a test have one time together, and fuel each. Which of the two is used up first depends on the machine.
#[test]
fn the_wall_clock_ends_a_test_as_fuel_does() {
    let by_fuel = report("guests", &["--", "::hangs"]);
    let by_clock = report("guests", &["--fuel", "1000G", "--timeout", "1s", "--", "::hangs"]);
    for module in ["matrix/endings", "matrix/forked"] {
        let fuel = told(&by_fuel, module).replace("out of fuel: 50000000 units were spent", "[the end]");
        let clock = told(&by_clock, module).replace("still running after 1s of wall-clock time", "[the end]");
        let (fuel, clock) = (by_test(&fuel), by_test(&clock));
        assert_eq!(clock.len(), 14);
        for (name, told) in &clock {
            if name.contains("a_clean_up_hangs::") {
                let said = |words: &str| told.iter().any(|line| line.contains(words));
                let [by_clock, by_fuel] = ["the wall-clock limit was reached", "out of fuel"]
                    .map(|why| said(&format!("clean-up 2 `hangs` failed: {why}")));
                assert!(by_clock != by_fuel, "{told:#?}");
                let not_run = said("not run: those before had used up what they are given");
                assert_eq!(not_run, by_clock, "{told:#?}");
            } else {
                assert_eq!(told, &fuel[name]);
            }
        }
    }
}

/// A module with threads is told of as any other, but that it cannot be forked, and that no test begins after a set-up.
#[test]
fn each_ending_meets_each_feature_with_threads() {
    let (plain, threaded) = (report("guests", &[]), report("guests-threads", &["--threads"]));
    let is_world = |(module, test): &(&str, &Value)| *module == "matrix/forked" && test["name"] == "world";
    let (_, world) = tests(&threaded).find(is_world).unwrap();
    let why = "tests cannot begin where it ends: its module has threads, whose stacks the engine does not give";
    assert_eq!((text(&world["verdict"]), text(&world["message"])), ("fail", why));
    let (plain, threaded) = (told(&plain, "matrix/endings"), told(&threaded, "matrix/endings"));
    let (plain, threaded) = (by_test(&plain), by_test(&threaded));
    assert_eq!(threaded.len(), 196);
    for (name, told) in &threaded {
        if name.starts_with("in_a_fork::") || name.starts_with("after_forks::") {
            let why = "it cannot be forked here: its module has threads, whose stacks the engine does not give";
            assert!(told.iter().any(|line| line.contains(why)), "{told:#?}");
        } else {
            assert_eq!(told, &plain[name]);
        }
    }
}
