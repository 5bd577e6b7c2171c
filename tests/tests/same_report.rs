//! The report is the same, byte for byte, however the tests are run. `airtight verify` checks that.

use airtight_tests::{
    Ran, canonical, command, compile, digest, guest, guests_dir, guests_target_dir, read_report, run, scratch_dir,
    tests,
};
use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;

/// A clean-up that hangs takes its fuel, a billion units: half a minute for an interpreter. What it shows of fuel, others
/// show cheaply: clean-ups' own fuel is in no report.
const SLOW: [&str; 2] = ["fail_in_a_cleanup_that_hangs", "a_clean_up_hangs::"];

/// The arguments that name all guests but the slow one.
fn guests(subcommand: &str, report: &Path) -> Vec<String> {
    let target = format!("build.target-dir={:?}", guests_target_dir());
    let report = format!("json={}", report.display());
    let args = [subcommand, ".", "--workspace", "--cargo-quiet", "--config", &target, "--report", &report];
    args.into_iter().chain(SLOW.iter().flat_map(|slow| ["--skip", slow])).map(str::to_owned).collect()
}

/// All guests, verified once: what was said, and the report.
fn verified() -> &'static (Ran, Value) {
    static VERIFIED: OnceLock<(Ran, Value)> = OnceLock::new();
    VERIFIED.get_or_init(|| {
        let dir = scratch_dir();
        let report = dir.path().join("report.json");
        let ran = run(&guests_dir(), guests("verify", &report));
        (ran, read_report(&report))
    })
}

/// Workers, order, cache, allocator, environment and compiler change nothing.
#[test]
fn for_every_guest_in_every_way() {
    let (Ran { status, stdout, stderr }, report) = verified();
    assert_eq!(*status, Some(0), "{stdout}\n{stderr}");
    let ways = ["in order", "from the cache", "shuffled", "no pool", "time zone", "Winch", "Pulley"];
    for way in ways {
        let line = stdout.lines().find(|line| line.contains(way)).unwrap_or_else(|| panic!("{way}: {stdout}"));
        assert!(line.trim_start().starts_with("SAME"), "{line}");
    }
    let last = stdout.lines().last().unwrap_or_default();
    assert_eq!(last.trim_start(), format!("Digest {}", digest(report)));
}

/// Fuel and peaks are in the report but where they cannot be the same: fuel after a fault, peaks too after a stack that is
/// used up, whose depth is the compiler's choice.
#[test]
fn figures_are_left_out_only_where_they_must_be() {
    let (_, report) = verified();
    let mut seen = [0; 3];
    for (module, test) in tests(report).filter(|(_, test)| test["usage"] != Value::Null) {
        // How a test ended is said behind what failed before.
        let later = test["suppressed"].as_array().into_iter().flatten().map(|later| &later["message"]);
        let said: Vec<&str> = std::iter::once(&test["message"]).chain(later).filter_map(Value::as_str).collect();
        let says = |words: &str| said.iter().any(|message| message.contains(words));
        let (fault, overflow) = (says("out-of-bounds memory access"), says("stack exhausted"));
        let present = |figure: &str| test["usage"][figure] != Value::Null;
        assert_eq!(present("fuel"), !fault && !overflow, "{module}: {test}");
        assert_eq!([present("linear_peak"), present("handles_peak")], [!overflow; 2], "{module}: {test}");
        seen[usize::from(fault) + 2 * usize::from(overflow)] += 1;
    }
    assert!(seen[0] > 50 && seen[1] > 0, "{seen:?}");
    for ending in ["timeout", "exit", "memory", "fail", "leak", "pass"] {
        let mut of_verdict = tests(report).filter(|(_, test)| test["verdict"] == ending);
        assert!(of_verdict.any(|(_, test)| test["usage"]["fuel"] != Value::Null), "{ending}");
    }
}

/// The pool's address space cannot be had: memory is allocated on demand.
#[test]
fn with_little_address_space() {
    let dir = scratch_dir();
    let report = dir.path().join("report.json");
    let program = command().get_program().to_owned();
    let output = assert_cmd::Command::new("sh")
        .current_dir(guests_dir())
        .env("AIRTIGHT_CACHE_DIR", airtight_tests::cache_dir())
        .envs(airtight_tests::toolchain().env())
        .args(["-c", "ulimit -v 6000000 && exec \"$0\" -v \"$@\""])
        .arg(program)
        .args(guests("test", &report))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(100), "{stderr}");
    assert!(stderr.contains("allocating on demand"), "the pool was there: {stderr}");
    let limited = read_report(&report);
    for (a, b) in tests(&verified().1).zip(tests(&limited)) {
        assert_eq!(a, b);
    }
    assert_eq!(canonical(&verified().1), canonical(&limited));
}

/// A recursion whose depth is the engine's choice: its figures are not told, and all else is the same.
#[test]
fn after_a_stack_overflow() {
    let dir = scratch_dir();
    let module = compile("trap_endless_recursion", dir.path());
    let Ran { status, stdout, stderr } =
        run(dir.path(), ["verify".as_ref(), module.as_os_str(), "--report".as_ref(), "json=report.json".as_ref()]);
    assert_eq!(status, Some(0), "{stdout}\n{stderr}");
    let report = read_report(&dir.path().join("report.json"));
    let (_, test) = tests(&report).next().unwrap();
    let usage: Vec<&String> = test["usage"].as_object().unwrap().keys().collect();
    assert_eq!(usage, ["heap"]);
}

/// A guest that was granted real time, and tells it: `verify` says where.
#[test]
fn a_guest_that_is_not_deterministic_is_named() {
    const CONFIG: &str = "[[profile.default.overrides]]\nfilter = \"says_what_time_it_is\"\nclock = \"real\"\n";
    let dir = scratch_dir();
    std::fs::write(dir.path().join("airtight.toml"), CONFIG).unwrap();
    let module = dir.path().join("planted.wasm");
    std::fs::copy(guest("plain/time"), &module).unwrap();
    let planted = "skip_says_what_time_it_is";
    let ran = run(
        dir.path(),
        [
            &["verify", "--trust", "planted.wasm", "--include-ignored", "--verification", "ways.json"][..],
            &["--report", "json=report.json", "--", planted, "pass_work_takes_time"],
        ]
        .concat(),
    );
    assert_eq!(ran.status, Some(100), "{}\n{}", ran.stdout, ran.stderr);
    for said in [
        &format!("planted {planted}: /message"),
        &format!("not reproducible: the real clock is granted: planted {planted}"),
    ] {
        assert!(ran.stdout.contains(said.as_str()), "{said} is not in\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("pass_work_takes_time"), "it is the same: {}", ran.stdout);
    assert!(!ran.stdout.contains("Digest"), "there is none to trust: {}", ran.stdout);
    // What a program reads says the same.
    let found = ways(&dir.path().join("ways.json"));
    assert_eq!(found["holds"], false);
    assert_eq!(found["digest"], read_report(&dir.path().join("report.json"))["digest"]);
    let [first, others @ ..] = &found["ways"].as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!((&first["ended"], &first["doubts"][0]["cause"]), (&"same".into(), &"real-clock".into()));
    let differs = |way: &&Value| way["ended"] == "differs" && way["differences"][0]["test"] == planted;
    assert!(others.iter().filter(differs).count() > 3, "{found}");
    let alone = run(
        dir.path(),
        ["verify", "--trust", "planted.wasm", "--verification", "ways.json", "--", "pass_work_takes_time"],
    );
    assert_eq!(alone.status, Some(0), "{}", alone.stdout);
    let found = ways(&dir.path().join("ways.json"));
    assert_eq!((&found["holds"], &found["tests"]), (&true.into(), &1.into()), "{found}");
}

/// What `--verification` wrote, which follows its schema.
fn ways(path: &Path) -> Value {
    let found: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    airtight_tests::assert_follows(airtight::verify::VERIFICATION_JSON_SCHEMA, &found);
    found
}

/// A slow test on the slowest compiler: the wall clock, not the test.
#[test]
fn what_the_wall_clock_ends_is_named() {
    let dir = scratch_dir();
    let module = compile("timeout_in_the_start_function", dir.path());
    let ran = run(dir.path(), ["verify", module.to_str().unwrap(), "--timeout", "50ms"]);
    assert_eq!(ran.status, Some(100), "{}", ran.stderr);
    assert!(ran.stdout.contains("not reproducible: the wall-clock limit ended something"), "{}", ran.stdout);
}

/// By default there is more fuel than any machine can spend on an endless loop in the time that a test has.
#[test]
fn an_endless_loop_ends_on_the_wall_clock_with_the_same_bytes() {
    let dir = scratch_dir();
    let module = compile("timeout_in_the_start_function", dir.path());
    let [one, two] = ["one.json", "two.json"].map(|file| {
        let ran = run(
            dir.path(),
            ["run", module.to_str().unwrap(), "--timeout", "300ms", "--report", &format!("json={file}")],
        );
        assert_eq!(ran.status, Some(100), "{}", ran.stderr);
        assert!(ran.stdout.contains("or raise `timeout` where it is set: airtight.toml, its attribute or `--timeout`"));
        read_report(&dir.path().join(file))
    });
    assert_eq!((&one["canonical"]["reproducible"], digest(&one)), (&Value::Bool(false), digest(&two)));
    let (_, test) = tests(&one).next().unwrap();
    assert_eq!((&test["verdict"], &test["limit"]["name"]), (&"timeout".into(), &"timeout".into()), "{test}");
    assert_eq!(test["usage"]["fuel"], Value::Null, "{test}");
}

#[test]
fn what_cannot_be_verified() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    for (args, status, said) in [
        (&["verify", "pass_empty.wasm", "--no-capture"][..], 2, "--no-capture"),
        (&["verify", "pass_empty.wasm", "--fail-fast"], 2, "--fail-fast"),
        (&["verify", "pass_empty.wasm", "."], 2, "one package or workspace, or modules"),
        (&["verify", "pass_empty.wasm", "--", "nothing"], 4, "no tests"),
        (&["verify", "elsewhere"], 96, "there is no package"),
        (&["verify", "pass_empty.wasm", "--verification", "no/ways.json"], 96, "there is no directory"),
        (&["verify", "pass_empty.wasm", "--verification", "a", "--report", "json=a"], 96, "goes to the same file"),
        (&["verify", "pass_empty.wasm", "--verification", "a", "--cached"], 2, "--cached"),
    ] {
        let ran = run(dir.path(), args);
        assert_eq!(ran.status, Some(status), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
    }
}

/// Handed one test, libtest runs it as it does when it is given the list of all and its name. What the list itself costs, and only
/// that, is gone.
#[test]
fn libtest_s_list_changes_nothing_but_what_it_costs() {
    let (_, handed) = verified();
    let dir = scratch_dir();
    let path = dir.path().join("report.json");
    let ran = run(&guests_dir(), guests("test", &path).into_iter().chain(["--no-shortcut".to_owned()]));
    let whole = read_report(&path);
    assert_eq!(whole["canonical"]["policy"]["shortcut"], false, "{}", ran.stderr);
    let modules = |report: &Value| report["canonical"]["modules"].as_array().unwrap().clone();
    let (mut saved, mut same) = (0, 0);
    for (handed, whole) in modules(handed).into_iter().zip(modules(&whole)) {
        assert_eq!((&handed["name"], &handed["code"]), (&whole["name"], &whole["code"]));
        for (handed, whole) in handed["tests"].as_array().unwrap().iter().zip(whole["tests"].as_array().unwrap()) {
            // What fills all memory finds less of it, and is done earlier; one counts up to the address of a block.
            let name = handed["name"].as_str().unwrap_or_default();
            let fills = name.ends_with("_at_the_top");
            let counts = name == "leak_what_integers_in_a_retained_block_equal";
            let fuel = |test: &Value| test["usage"]["fuel"].as_u64().filter(|_| !fills && !counts);
            match (fuel(handed), fuel(whole)) {
                (Some(handed), Some(whole)) if handed < whole => saved += 1,
                (handed, whole) => {
                    assert_eq!(handed, whole);
                    same += 1;
                }
            }
            assert_eq!(without_costs(handed, fills), without_costs(whole, fills));
        }
    }
    assert!(saved > 50 && same > 50, "{saved} of libtest, {same} of others");
}

/// A test without what its harness's list of tests is part of.
fn without_costs(test: &Value, fills_memory: bool) -> Value {
    let mut test = test.clone();
    if let Some(usage) = test.get_mut("usage").and_then(Value::as_object_mut) {
        usage.remove("fuel");
        usage.remove("linear_peak");
        if fills_memory {
            usage.remove("heap");
        }
    }
    // One says what time it is and where a block of it lies.
    if test["name"] == "fail_with_all_that_is_random" {
        test["message"] = Value::Null;
    }
    // Which of its blocks point to which depends on where they lie.
    if test["name"] == "pass_lists_by_addresses" {
        test["retained"] = Value::Null;
    }
    // libtest's own allocations are numbered too.
    if let Some((before, _)) = test["message"].as_str().and_then(|message| message.split_once(" (allocation ")) {
        test["message"] = before.into();
    }
    test
}
