//! Fuel by function: what a report says of it, and the function that a gate on fuel names.

use airtight_tests::{Ran, compile, digest, guest, guests_dir, read_report, run, scratch_dir, write};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A program in which `lex`, which `parse` calls twice, goes round a loop so often.
fn parser(dir: &Path, rounds: u32) -> PathBuf {
    let text = format!(
        r#"(module $parser (memory (export "memory") 1)
            (func $lex (param $left i32)
                (loop $again (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
            (func $parse (call $lex (i32.const {rounds})) (call $lex (i32.const 100)))
            (func (export "_start") (call $parse)))"#
    );
    let module = dir.join("parser.wasm");
    std::fs::write(&module, wat::parse_str(text).unwrap()).unwrap();
    module
}

fn airtight(dir: &Path, args: &[&str]) -> Ran {
    run(dir, [&["run", "--color", "never", "--report", "json=report.json"][..], args].concat())
}

fn report(dir: &Path) -> Value {
    read_report(&dir.join("report.json"))
}

/// The tests of a report.
fn tests(report: &Value) -> impl Iterator<Item = &Value> {
    airtight_tests::tests(report).map(|(_, test)| test)
}

/// Function, file and line, and fuel of what a test's record tells.
fn functions(test: &Value) -> Vec<(String, u64)> {
    let told = test["fuel_by_function"]["functions"].as_array().unwrap_or_else(|| panic!("{test:#}"));
    let place = |function: &Value| match &function["file"] {
        Value::Null => function["function"].as_str().unwrap().to_owned(),
        file => format!("{} {}:{}", function["function"].as_str().unwrap(), file.as_str().unwrap(), function["line"]),
    };
    told.iter().map(|function| (place(function), function["fuel"].as_u64().unwrap())).collect()
}

/// What all functions of a test spent together.
fn sum(test: &Value) -> u64 {
    let omitted = test["fuel_by_function"]["omitted_fuel"].as_u64().unwrap_or(0);
    functions(test).iter().map(|(_, fuel)| fuel).sum::<u64>() + omitted
}

#[test]
fn a_gate_names_the_function_that_costs_more() {
    let dir = scratch_dir();
    let module = parser(dir.path(), 10_000);
    let module = module.to_str().unwrap();
    let config = |base: &str| {
        let gate = format!("[profile.ci.gate]\nbase = \"{base}\"\nfuel = \"2%\"\n");
        write(&dir.path().join("airtight.toml"), &gate);
    };
    for (base, profile) in [("with.json", true), ("without.json", false)] {
        let args = [module, "--fuel-profile"];
        assert_eq!(airtight(dir.path(), &args[..if profile { 2 } else { 1 }]).status, Some(0));
        std::fs::rename(dir.path().join("report.json"), dir.path().join(base)).unwrap();
    }
    config("with.json");
    // The same costs the same; no test is run once more.
    assert_eq!(airtight(dir.path(), &["-P", "ci", module]).status, Some(0));
    assert!(report(dir.path())["canonical"]["modules"][0]["tests"][0].get("fuel_by_function").is_none());
    parser(dir.path(), 10_500);
    let over = airtight(dir.path(), &["-P", "ci", module]);
    assert_eq!(over.status, Some(100), "{}{}", over.stdout, over.stderr);
    let lines: Vec<_> = over.stdout.lines().skip_while(|line| !line.contains("GATE fuel")).take(3).collect();
    // A round is five operators that cost; what is around them is the same.
    let [of_all, of_test, of_function] = lines[..] else { panic!("{}", over.stdout) };
    assert!(of_all.contains("(+4.9%); 2% more is allowed: not kept"), "{of_all}");
    assert!(of_test.contains("parser parser: "), "{of_test}");
    assert!(
        of_function.trim_start().starts_with("most of it in `lex`: ") && of_function.contains("(+4.9%)"),
        "{of_function}"
    );
    let report_now = report(dir.path());
    let grown = &report_now["canonical"]["gates"][0]["tests"][0];
    let grew = |of: &Value| of["seen"].as_u64().unwrap() - of["base"].as_u64().unwrap();
    assert_eq!((&grown["function"]["function"], grew(&grown["function"])), (&"lex".into(), grew(grown)), "{grown:#}");
    assert_eq!(sum(&report_now["canonical"]["modules"][0]["tests"][0]), grown["seen"].as_u64().unwrap());
    // It is the same with another compiler, and on other threads.
    for other in ["winch", "pulley"] {
        airtight(dir.path(), &["-P", "ci", "-j", "1", "--engine", other, module]);
        assert_eq!(digest(&report(dir.path())), digest(&report_now), "{other}");
    }
    // `airtight diff` tells it of any two reports that have such figures.
    let diff = airtight_tests::run(dir.path(), ["diff", "with.json", "report.json"]);
    assert_eq!(diff.status, Some(0), "{}", diff.stderr);
    let told =
        diff.stdout.lines().find(|line| line.contains("COSTS MORE")).unwrap_or_else(|| panic!("{}", diff.stdout));
    assert!(told.contains("`lex`") && told.contains(" | +"), "{told}");
    // What asks for no verdict does without a base that is not there, and says so; what is named is wanted.
    config("gone.json");
    assert_eq!(airtight(dir.path(), &["-P", "ci", module]).status, Some(96));
    for command in ["verify", "trace"] {
        let args: &[&str] = if command == "trace" { &["trace", "parser", module] } else { &["verify", module] };
        let without = airtight_tests::run(dir.path(), [args, &["-P", "ci"]].concat());
        assert_eq!(without.status, Some(0), "{command}: {}{}", without.stdout, without.stderr);
        let note = "the base gone.json is not there, so that the report is without the gate `fuel`";
        assert!(without.stdout.contains(note), "{command}: {}", without.stdout);
        let named = airtight_tests::run(dir.path(), [args, &["-P", "ci", "--base", "none.json"]].concat());
        assert_eq!(named.status, Some(96), "{command}: {}", named.stdout);
    }
    write(&dir.path().join("airtight.toml"), "[profile.ci]\nbaseline = \"gone.toml\"\n");
    let without = airtight_tests::run(dir.path(), ["trace", "parser", module, "-P", "ci"]);
    assert_eq!(without.status, Some(0), "{}", without.stderr);
    assert!(
        without.stdout.contains("the baseline gone.toml is not there, so that nothing is accepted"),
        "{}",
        without.stdout
    );
    // A base that knows nothing of functions is not blamed on any.
    config("without.json");
    let over = airtight(dir.path(), &["-P", "ci", module]);
    let why = "in which function is not known: the base has no figures by function; make it with --fuel-profile";
    assert!(over.status == Some(100) && over.stdout.contains(why), "{}", over.stdout);
}

#[test]
fn figures_add_up_and_have_lines() {
    let dir = scratch_dir();
    let module = guest("plain/files").to_str().unwrap();
    let plain = airtight(dir.path(), &[module]);
    let without = report(dir.path());
    let with = airtight(dir.path(), &[module, "--fuel-profile"]);
    assert_eq!(with.status, plain.status, "{}", with.stderr);
    let with = report(dir.path());
    let mut counted = 0;
    for (test, plain) in tests(&with).zip(tests(&without)) {
        assert_eq!((&test["usage"], &test["verdict"]), (&plain["usage"], &plain["verdict"]), "it changes nothing");
        match test["fuel_by_function"]["why"].as_str() {
            Some(why) => panic!("{}: {why}", test["name"]),
            None if test["usage"]["fuel"].is_null() => {}
            None => {
                assert_eq!(sum(test), test["usage"]["fuel"].as_u64().unwrap(), "{}", test["name"]);
                counted += 1;
            }
        }
    }
    assert!(counted > 5, "{counted}");
    let test = tests(&with).find(|test| test["name"] == "pass_everything_closed").unwrap();
    let told = functions(test);
    assert!(told.is_sorted_by_key(|(_, fuel)| std::cmp::Reverse(*fuel)));
    let own = told.iter().find(|(place, _)| place.contains("pass_everything_closed tests/files.rs:"));
    assert!(own.is_some_and(|(_, fuel)| *fuel > 50), "{told:#?}");
    // The line is that of the function, whatever its first operator is.
    let source = std::fs::read_to_string(guests_dir().join("plain/tests/files.rs")).unwrap();
    let line = 1 + source.lines().position(|line| line.contains("fn pass_everything_closed")).unwrap();
    assert!(own.unwrap().0.ends_with(&format!(":{line}")), "{own:?} is not line {line}");
}

/// Set-ups, subtests with clean-ups, panics that unwind, C: whatever enters and leaves functions.
#[test]
fn figures_add_up_however_functions_are_left() {
    let dir = scratch_dir();
    let unwinding = guests_dir().join("unwinding/panics.wasm");
    let mut counted = 0;
    for module in [guest("sdk/subtests"), guest("sdk/world"), guest("sdk/cleanups"), guest("plain/panics"), &unwinding]
    {
        airtight(dir.path(), &[module.to_str().unwrap(), "--fuel", "100M", "--fuel-profile"]);
        let report = report(dir.path());
        for test in tests(&report).filter(|test| test.get("fuel_by_function").is_some()) {
            let known = test["usage"]["fuel"].as_u64().filter(|_| test["verdict"] != "timeout");
            match (known, test["fuel_by_function"]["why"].as_str()) {
                (Some(fuel), None) => {
                    assert_eq!(sum(test), fuel, "{} of {}", test["name"], module.display());
                    counted += 1;
                }
                // A test that its set-up left no memory for is over before it spends any.
                (None | Some(0), Some(_)) => {}
                (known, why) => panic!("{} of {}: {known:?}, {why:?}", test["name"], module.display()),
            }
        }
    }
    assert!(counted > 30, "{counted}");
}

#[test]
fn what_cannot_be_told_apart_is_said_to_be_unknown() {
    let dir = scratch_dir();
    let threads = guests_dir().join("threads/threads.wasm");
    airtight(dir.path(), &[threads.to_str().unwrap(), "--fuel", "100M", "--fuel-profile"]);
    let threaded = report(dir.path());
    let whys: Vec<_> = tests(&threaded).filter_map(|test| test["fuel_by_function"]["why"].as_str()).collect();
    assert!(whys.len() > 3 && whys.iter().all(|why| why.contains("its module has threads")), "{whys:?}");
    write(&dir.path().join("airtight.toml"), "[profile.default]\nclock = \"real\"\n");
    let empty = compile("pass_empty", dir.path());
    airtight(dir.path(), &["--trust", empty.to_str().unwrap(), "--fuel-profile"]);
    let real = report(dir.path());
    let why = real["canonical"]["modules"][0]["tests"][0]["fuel_by_function"]["why"].as_str();
    assert!(why.is_some_and(|why| why.contains("it is granted the real clock")), "{real:#}");
}

/// What Go's runtime spends before a test is not the test's.
#[test]
fn of_a_go_test_what_its_program_spent_before_is_left_out() {
    let Some(go) = airtight_tests::go("nobody looked at where a Go test spends its fuel") else { return };
    let dir = scratch_dir();
    let to = format!("json={}", dir.path().join("report.json").display());
    let mut command = airtight_tests::command();
    command.env("AIRTIGHT_GO", go).env("GOFLAGS", "").env("GOTOOLCHAIN", "local");
    command.current_dir(guests_dir().join("go/figures")).args(["go", ".", "--fuel-profile", "--report", &to]);
    let ran = Ran::from(command.output().unwrap());
    assert!(dir.path().join("report.json").is_file(), "{}{}", ran.stdout, ran.stderr);
    let report = report(dir.path());
    assert!(tests(&report).any(|test| test["go"]["start_fuel"].as_u64().is_some_and(|fuel| fuel > 0)), "{report:#}");
    let told: Vec<_> = tests(&report).filter(|test| test["fuel_by_function"]["functions"].is_array()).collect();
    assert!(told.len() > 3, "{report:#}");
    for test in &told {
        assert_eq!(sum(test), test["usage"]["fuel"].as_u64().unwrap(), "{}", test["name"]);
    }
    let lined = told.iter().flat_map(|test| functions(test)).find(|(place, _)| place.contains("_test.go:"));
    assert!(lined.is_some(), "no function of a test's own has a line");
}
