//! Tests with threads, of Rust's own harness. The module is committed, since not every machine has the target. See
//! `guests/threads/build.sh`.

use airtight_tests::{
    Ran, airtight_test, assert_as_named, canonical, command, digest, guests_dir, read_report, run, scratch_dir, tests,
    toolchain, verdicts, workspace, write,
};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn module() -> PathBuf {
    guests_dir().join("threads/threads.wasm")
}

/// How many guests there are.
const TESTS: usize = 40;

/// Runs the guests with little fuel, for those that never end, and these arguments.
fn run_threads(more: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    let (module, report) = (module(), dir.path().join("report.json"));
    let told = format!("json={}", report.display());
    let args = ["run", module.to_str().unwrap(), "--fuel", "100M", "--report", &told, "--show-output", "never"];
    let ran = run(dir.path(), args.into_iter().chain(more.iter().copied()));
    (ran, read_report(&report))
}

fn test<'r>(report: &'r Value, name: &str) -> &'r Value {
    tests(report).find(|(_, test)| test["name"] == name).unwrap().1
}

#[test]
fn every_test_ends_as_it_does_natively_under_any_seed() {
    for seed in ["0", "1", "2", "3", "random"] {
        let (Ran { status, stdout, .. }, report) = run_threads(&["--seed", seed]);
        assert_eq!(status, Some(100), "{stdout}");
        assert_as_named(&report, TESTS);
    }
}

#[test]
fn a_seed_is_one_report_whoever_runs_it() {
    let (_, first) = run_threads(&["-j", "1", "--seed", "7"]);
    for more in [&["-j", "4", "--seed", "7"][..], &["-j", "2", "--seed", "7", "--shuffle", "3"]] {
        let (_, again) = run_threads(more);
        assert_eq!(canonical(&again), canonical(&first));
    }
    let (_, other) = run_threads(&["-j", "1", "--seed", "8"]);
    assert_ne!(digest(&other), digest(&first), "another seed is another schedule");
}

#[test]
fn verify_names_the_engines_without_threads() {
    let dir = scratch_dir();
    let ran = run(dir.path(), ["verify".as_ref(), module().as_os_str(), "--fuel".as_ref(), "100M".as_ref()]);
    assert_eq!(ran.status, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for engine in ["Winch", "Pulley"] {
        assert!(said.contains(&format!("{engine} does not run threads")), "{said}");
    }
}

#[test]
fn a_deadlock_names_every_thread() {
    let (_, report) = run_threads(&["-j", "1"]);
    let message = test(&report, "timeout_lock_order")["message"].as_str().unwrap().to_owned();
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines[0], "none of its 2 threads can ever go on: each waits for another");
    assert!(lines[1].starts_with("the main thread locks a mutex that thread 1 holds"), "{message}");
    assert!(lines[2].starts_with("thread 1 locks a mutex that the main thread holds"), "{message}");
    assert_eq!(lines[3], "each waits for the next: the main thread -> thread 1 -> the main thread");
    let message = test(&report, "timeout_join_of_a_thread_that_locks")["message"].as_str().unwrap().to_owned();
    let lines: Vec<&str> = message.lines().collect();
    assert!(lines[1].starts_with("the main thread joins a thread (thread 1)"), "{message}");
    assert_eq!(lines[3], "each waits for the next: the main thread -> thread 1 -> the main thread");
    let message = test(&report, "timeout_join_of_a_parked_thread")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("the main thread joins a thread"), "{message}");
    assert!(!message.contains("each waits for the next"), "who is parked waits for anybody: {message}");
}

#[test]
fn a_thread_is_told_by_its_name() {
    let (_, report) = run_threads(&["-j", "1"]);
    let leaks = test(&report, "leak_a_thread_with_a_name")["leaks"].as_array().unwrap();
    let [leak] = &leaks[..] else { panic!("{leaks:?}") };
    assert_eq!((&leak["thread"]["name"], &leak["thread"]["does"]), (&"keeper".into(), &"is parked".into()));
    let unnamed = &test(&report, "leak_a_parked_thread")["leaks"][0]["thread"];
    assert!(unnamed["name"].is_null(), "{unnamed}");
    // Where it stands is told from the user's own function on.
    let job = &test(&report, "leak_a_job_that_nobody_stops")["leaks"][0]["thread"];
    assert_eq!(job["stack"][0]["function"], "threads::leak_a_job_that_nobody_stops::{{closure}}", "{job}");
}

/// The canary: what looks for threads is awake.
#[test]
fn threads_that_nobody_ended_are_leaks() {
    let (_, report) = run_threads(&["-j", "1"]);
    let leaks = |name: &str| -> Vec<(u64, String)> {
        let leaks = test(&report, name)["leaks"].as_array().unwrap();
        let told = leaks.iter().filter(|leak| leak["kind"] == "thread");
        told.map(|leak| (leak["count"].as_u64().unwrap(), leak["thread"]["does"].as_str().unwrap().to_owned()))
            .collect()
    };
    assert_eq!(leaks("leak_a_job_that_nobody_stops"), [(1, "sleeps".to_owned())]);
    assert_eq!(leaks("leak_a_spinning_thread"), [(1, "runs".to_owned())]);
    let workers = leaks("leak_three_workers_of_a_channel");
    assert_eq!(workers.iter().map(|(count, _)| count).sum::<u64>(), 3, "{workers:?}");
    assert!(workers.contains(&(1, "receives from a channel".to_owned())), "{workers:?}");
    let parked = &test(&report, "leak_a_parked_thread")["leaks"][0];
    let waited = parked["thread"]["waited_ns"].as_u64().unwrap();
    assert!((2_000_000_000..2_001_000_000).contains(&waited), "{parked}");
    let (_, allowed) = run_allowed();
    let found = verdicts(&allowed);
    // Of what a thread left that has ended, nothing is allowed.
    let of_threads = |name: &str| name.contains(" leak_") && !name.contains("leak_a_file_that_a_thread_opened");
    assert!(found.iter().all(|(name, verdict)| !of_threads(name) || verdict == "pass"), "{found:?}");
}

/// The same under a profile that allows threads to be left.
fn run_allowed() -> (Ran, Value) {
    let dir = scratch_dir();
    write(&dir.path().join("airtight.toml"), "[profile.default]\nfuel = \"100M\"\nleaks = { threads = \"ignore\" }\n");
    let module = module();
    let ran = run(dir.path(), ["run", module.to_str().unwrap(), "--report", "json=report.json"]);
    let report = read_report(&dir.path().join("report.json"));
    (ran, report)
}

fn run_sdk(more: &[&str]) -> Value {
    let dir = scratch_dir();
    let module = guests_dir().join("threads/sdk.wasm");
    let args = ["run", module.to_str().unwrap(), "--fuel", "100M", "--report", "json=report.json"];
    run(dir.path(), args.iter().chain(more).copied());
    read_report(&dir.path().join("report.json"))
}

/// How many guests of the SDK there are.
const SDK_TESTS: usize = 12;

/// Tests of the SDK, their subtests and clean-ups among threads.
#[test]
fn tests_of_the_sdk_have_threads_too() {
    let report = run_sdk(&["-j", "1"]);
    assert_as_named(&report, SDK_TESTS);
    assert_eq!(canonical(&run_sdk(&["-j", "3"])), canonical(&report));
    let subtests = |name: &str| -> Vec<(String, String)> {
        let all = test(&report, name)["subtests"].as_array().cloned().unwrap_or_default();
        let text = |subtest: &Value, key: &str| subtest[key].as_str().unwrap().to_owned();
        all.iter().map(|subtest| (text(subtest, "name"), text(subtest, "verdict"))).collect()
    };
    let verdicts = |name| subtests(name).into_iter().map(|(_, verdict)| verdict).collect::<Vec<_>>();
    assert_eq!(verdicts("pass_subtests_that_spawn_and_join"), ["pass"; 3]);
    assert_eq!(verdicts("pass_a_thread_that_serves_subtests"), ["pass"; 3]);
    assert_eq!(verdicts("fail_in_one_subtest"), ["fail", "pass"]);
    let stuck = test(&report, "timeout_by_a_deadlock_in_a_subtest")["message"].as_str().unwrap();
    assert!(stuck.contains("the main thread waits for its scoped threads"), "{stuck}");
    for seed in ["1", "2", "3", "4"] {
        assert_as_named(&run_sdk(&["--seed", seed]), SDK_TESTS);
    }
}

/// A leaked thread's sockets and files count as its own, and each is told with the thread's stack.
#[test]
fn a_leaked_thread_is_told_with_the_connection_and_the_file_that_it_holds() {
    let report = run_sdk(&["-j", "1"]);
    let leaks = test(&report, "leak_a_thread_that_holds_a_connection_and_a_file")["leaks"].as_array().unwrap();
    let count = |kind: &str| -> u64 {
        leaks.iter().filter(|leak| leak["kind"] == kind).map(|leak| leak["count"].as_u64().unwrap()).sum()
    };
    assert_eq!((count("socket"), count("file"), count("thread")), (2, 1, 1), "{leaks:#?}");
    let thread = &leaks.iter().find(|leak| leak["kind"] == "thread").unwrap()["thread"];
    assert_eq!(thread["handles"], 3, "{thread:#}");
    assert!(thread["does"].as_str().unwrap().contains("bytes"), "{thread:#}");
    assert!((1_000_000_000..1_001_000_000).contains(&thread["waited_ns"].as_u64().unwrap()), "{thread:#}");
    // Nobody holds the file that is left in scratch, so it has no stack.
    for leak in leaks.iter().filter(|leak| leak["kind"] == "socket" || leak["kind"] == "file") {
        let functions: Vec<&str> =
            leak["stack"].as_array().unwrap().iter().filter_map(|frame| frame["function"].as_str()).collect();
        assert!(functions.contains(&"wasi_thread_start"), "{functions:?}");
    }
}

/// The stack is that of the thread that opened the file, however it was joined.
#[test]
fn what_a_thread_that_ended_left_is_told_with_its_stack() {
    let (_, report) = run_threads(&["-j", "1"]);
    let leak = &test(&report, "leak_a_file_that_a_thread_opened_and_ended")["leaks"][0];
    assert_eq!(leak["kind"], "file", "{leak}");
    let functions: Vec<&str> =
        leak["stack"].as_array().unwrap().iter().filter_map(|frame| frame["function"].as_str()).collect();
    // The test's own code is inlined there, and the thread begins there; the main thread's stack has `_start` in it.
    assert!(functions.contains(&"wasi_thread_start") && !functions.contains(&"_start"), "{functions:?}");
}

/// A panic or an exit in a spawned thread is told with that thread's stack: the main thread stands in its join.
#[test]
fn what_ended_the_test_is_told_with_the_stack_of_the_thread_that_did_it() {
    let (_, report) = run_threads(&["-j", "1"]);
    for name in ["fail_in_another_thread", "exit_from_another_thread"] {
        let stack = test(&report, name)["stack"].as_array().unwrap();
        let [frame] = &stack[..] else { panic!("{name}: {stack:?}") };
        assert_eq!(frame["function"], format!("threads::{name}::{{{{closure}}}}"), "{name}");
    }
}

/// What threads print is the test's output, each line whole.
#[test]
fn what_threads_print_is_captured() {
    let dir = scratch_dir();
    let module = module();
    let args = [
        "run",
        module.to_str().unwrap(),
        "--fuel",
        "100M",
        "--show-output",
        "always",
        "--",
        "pass_printing_from_threads",
    ];
    let ran = run(dir.path(), args);
    for n in 0..3 {
        assert!(ran.stdout.contains(&format!("thread {n}")), "{}", ran.stdout);
    }
}

/// Built by `guests/threads/c/build.sh`.
#[test]
fn c_programs_with_pthreads_are_tests_like_any() {
    let dir = scratch_dir();
    let program = |name: &str| {
        let module = guests_dir().join("threads/c").join(name).with_extension("wasm");
        run(dir.path(), ["run", module.to_str().unwrap(), "--report", "json=report.json"]);
        let report = read_report(&dir.path().join("report.json"));
        assert_as_named(&report, 1);
        report
    };
    program("pass_two_threads");
    let lost = program("leak_lost_in_a_thread");
    let heap = &test(&lost, "leak_lost_in_a_thread")["usage"]["heap"];
    assert_eq!((heap["lost"].as_u64(), heap["retained"].as_u64()), (Some(40), Some(0)), "{heap}");
    let stuck = program("timeout_lock_order");
    let message = test(&stuck, "timeout_lock_order")["message"].as_str().unwrap();
    assert!(message.contains("the main thread locks a mutex that thread 1 holds (at `takes`"), "{message}");
    assert!(message.ends_with("each waits for the next: the main thread -> thread 1 -> the main thread"), "{message}");
}

const SUITE: &str = "
#[cfg(test)]
mod tests {
    use std::thread;
    #[test] fn pass_joining() { assert_eq!(thread::spawn(|| 7).join().unwrap(), 7); }
    #[test] fn leak_a_thread() { thread::spawn(thread::park); }
}
";

#[test]
fn a_test_that_needs_threads_says_which_option_builds_it() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", SUITE)]);
    let ran = airtight_test(dir.path(), &[], &[]);
    let report = read_report(&dir.path().join("report.json"));
    let failed = test(&report, "tests::pass_joining");
    assert_eq!(failed["verdict"], "fail", "{}", ran.stdout);
    assert!(failed["hint"].as_str().unwrap().contains("`airtight test --threads`"), "{failed}");
}

#[test]
fn threads_and_unwinding_exclude_each_other() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", SUITE)]);
    let ran = airtight_test(dir.path(), &["--threads", "--unwind"], &[]);
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("a profile of airtight.toml for each"), "{}", ran.stderr);
}

/// The number of the first schedule under which each race of the corpus is found. `racy_stop` fails under that of every run.
const FOUND_UNDER: [(&str, u32); 22] = [
    ("racy_aba", 1160),
    ("racy_bounded_queue", 1),
    ("racy_check_then_act", 3),
    ("racy_double_checked_initialisation", 28),
    ("racy_flags", 1467),
    ("racy_last_one_cleans", 72),
    ("racy_lazy_value", 51),
    ("racy_lock_order", 94),
    ("racy_lost_update", 23),
    ("racy_lost_wake_up", 52),
    ("racy_missing_notify", 73),
    ("racy_notify_one_of_two", 9),
    ("racy_once", 7),
    ("racy_philosophers", 87),
    ("racy_references", 88),
    ("racy_ring", 16),
    ("racy_sequence_lock", 72),
    ("racy_shutdown", 226),
    ("racy_spin_lock", 763),
    ("racy_torn_read", 41),
    ("racy_upgraded_lock", 29),
    ("racy_withdrawal", 24),
];

/// Runs the tests of the corpus whose names have these parts in them.
fn races(more: &[&str], parts: &[&str]) -> Value {
    let dir = scratch_dir();
    let module = guests_dir().join("threads/races.wasm");
    let args = ["run", module.to_str().unwrap(), "--fuel", "100M", "--report", "json=report.json"];
    run(dir.path(), args.iter().chain(more).chain(&["--"]).chain(parts).copied());
    read_report(&dir.path().join("report.json"))
}

/// Each `racy_` test fails, each under the schedule that is stated, and no mended one does under any of them.
#[test]
fn every_race_of_the_corpus_is_found() {
    let report = races(&[], &[]);
    let names: Vec<String> = tests(&report).map(|(_, test)| test["name"].as_str().unwrap().to_owned()).collect();
    let (racy, mended): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.starts_with("racy_"));
    let twins: Vec<String> = racy.iter().map(|name| name.replacen("racy", "mended", 1)).collect();
    assert!(racy.len() >= 20 && mended.iter().all(|name| twins.contains(name)) && twins.len() == mended.len());
    assert_eq!(test(&report, "racy_stop")["verdict"], "fail");
    assert_eq!(FOUND_UNDER.len() + 1, racy.len());
    for (name, number) in FOUND_UNDER {
        let report = races(&["--schedule", &number.to_string()], &[name, &name.replacen("racy", "mended", 1)]);
        for (_, test) in tests(&report).filter(|(_, test)| test["verdict"] != "skip") {
            let fails = test["verdict"] != "pass";
            assert_eq!(fails, test["name"] == name, "{test}");
        }
    }
}

/// The guide states for each race under how many schedules it is found: up to the one that is held to here.
#[test]
fn the_guide_states_how_soon_each_race_is_found() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/docs/guide/races.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let rows = guide.lines().filter(|line| line.starts_with("| racy_")).map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        (cells.next().unwrap().to_owned(), cells.next().unwrap().parse::<u32>().unwrap())
    });
    let mut stated: Vec<(String, u32)> = rows.collect();
    stated.sort();
    let mut held: Vec<(String, u32)> =
        FOUND_UNDER.iter().map(|(name, number)| ((*name).to_owned(), number + 1)).collect();
    held.push(("racy_stop".to_owned(), 0));
    held.sort();
    assert_eq!(stated, held);
}

/// What was found is made simpler, told with the turns before it, and can be repeated.
#[test]
fn a_race_is_made_simple_and_told_and_repeated() {
    let found = races(&["--schedules", "40"], &["lost_update"]);
    assert_eq!(canonical(&races(&["--schedules", "40", "-j", "1"], &["lost_update"])), canonical(&found));
    assert_eq!(test(&found, "mended_lost_update")["verdict"], "pass");
    let failed = test(&found, "racy_lost_update");
    let message = failed["message"].as_str().unwrap();
    assert!(message.contains("\nthe turns before that:\n  "), "{message}");
    assert!(message.contains(" was interrupted at ") && message.contains(" spawned a thread at "), "{message}");
    assert!(message.contains(", found as number 24 of 40: "), "{message}");
    let (_, schedule) = message.split_once("`--schedule ").unwrap_or_else(|| panic!("{message}"));
    let schedule = schedule.split('`').next().unwrap();
    let repeated = races(&["--schedule", schedule], &["lost_update"]);
    // Nothing of it differs, but what is said of the search.
    let mut again = test(&repeated, "racy_lost_update").clone();
    let told = again["message"].as_str().unwrap();
    assert!(message.strip_prefix(told).unwrap().starts_with("\nunder schedule "), "{told}");
    again["message"] = failed["message"].clone();
    assert_eq!(&again, failed, "{schedule}");
}

/// The twins of the races have none. It takes a quarter of an hour and more.
#[test]
#[ignore = "ten thousand schedules of each test"]
fn mended_races_pass_under_ten_thousand_schedules() {
    assert_mended_pass("10000");
}

/// Some of the ten thousand, for which every run of the tests has the time.
#[test]
fn mended_races_pass_under_some_schedules() {
    assert_mended_pass("10");
}

fn assert_mended_pass(schedules: &str) {
    let report = races(&["--schedules", schedules], &["mended_"]);
    let mended = tests(&report).filter(|(_, test)| test["name"].as_str().unwrap().starts_with("mended_"));
    let verdicts: Vec<_> = mended.map(|(_, test)| (&test["name"], &test["verdict"])).collect();
    let passed = verdicts.iter().filter(|(_, verdict)| *verdict == "pass").count();
    assert!(passed == verdicts.len() && passed > FOUND_UNDER.len(), "{verdicts:?}");
}

/// The numbers that are stated are those of the first schedules that find a race.
#[test]
#[ignore = "more than a thousand schedules of some tests"]
fn no_race_is_found_sooner_than_stated() {
    let report = races(&["--schedules", "1500"], &["racy_"]);
    for (name, number) in FOUND_UNDER {
        let message = test(&report, name)["message"].as_str().unwrap_or_default();
        assert!(message.contains(&format!("found as number {} of 1500", number + 1)), "{name}: {message}");
    }
}

/// Where the target is not there, setup would install it: no test does that to a machine.
#[test]
fn setup_finds_the_target_with_threads() {
    if !has_target() {
        return;
    }
    let dir = scratch_dir();
    let ran = run(dir.path(), ["setup", "--threads"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.lines().any(|line| line.starts_with("ready: ") && line.contains("threads")), "{}", ran.stdout);
}

fn has_target() -> bool {
    toolchain().sysroot.join("lib/rustlib/wasm32-wasip1-threads").is_dir()
}

/// Where the target is not there, the way to it is named, and nothing is installed unasked.
#[test]
fn a_crate_is_built_for_it_by_option_and_by_setting() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", SUITE)]);
    let by_option = airtight_test(dir.path(), &["--threads"], &[]);
    if !has_target() {
        assert_eq!(by_option.status, Some(96));
        assert!(by_option.stderr.contains("rustup target add wasm32-wasip1-threads"), "{}", by_option.stderr);
        return;
    }
    let report = read_report(&dir.path().join("report.json"));
    let found = verdicts(&report);
    assert_eq!(found["suite tests::pass_joining"], "pass", "{}", by_option.stdout);
    assert_eq!(found["suite tests::leak_a_thread"], "leak", "{}", by_option.stdout);
    let leak = &test(&report, "tests::leak_a_thread")["leaks"][0];
    assert_eq!((&leak["thread"]["does"], &leak["stack"][0]["line"]), (&"is parked".into(), &6.into()), "{leak}");
    write(&dir.path().join("airtight.toml"), "[profile.default]\nthreads = true\n");
    airtight_test(dir.path(), &[], &[]);
    assert_eq!(digest(&read_report(&dir.path().join("report.json"))), digest(&report));
    // The module that is kept is what its sources make today.
    let guest = guests_dir().join("threads");
    let kept = dir.path().join("guest.json");
    build_guest(&guest, &kept, &dir.path().join("guest-target"));
    assert_as_named(&read_report(&kept), TESTS);
}

/// Of one workspace, the one package has threads and the other has not: each is built for its own target.
#[test]
fn a_package_may_have_threads_where_others_have_none() {
    let dir = scratch_dir();
    let plain = "#[test] fn pass_without() { assert!(std::thread::Builder::new().spawn(|| ()).is_err()); }";
    workspace(dir.path(), &[("queue", SUITE), ("plain", plain)]);
    let config = "[[profile.default.overrides]]\npackage = \"queue\"\nthreads = true\n";
    write(&dir.path().join("airtight.toml"), config);
    let ran = airtight_test(dir.path(), &[], &[]);
    if !has_target() {
        assert_eq!(ran.status, Some(96));
        assert!(ran.stderr.contains("rustup target add wasm32-wasip1-threads"), "{}", ran.stderr);
        return;
    }
    let found = verdicts(&read_report(&dir.path().join("report.json")));
    let verdict = |name: &str| found[name].as_str();
    assert_eq!(
        ["queue tests::pass_joining", "queue tests::leak_a_thread", "plain pass_without"].map(verdict),
        ["pass", "leak", "pass"],
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    // One of the two alone is built as it is among both, and one that does not build keeps no other from being built.
    let ran = airtight_test(dir.path(), &["-p", "plain"], &[]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    write(&dir.path().join("queue/src/lib.rs"), "fn broken(");
    let ran = airtight_test(dir.path(), &[], &[]);
    assert_eq!(verdicts(&read_report(&dir.path().join("report.json"))).len(), 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("not tested: "), "{}", ran.stdout);
}

fn build_guest(guest: &Path, report: &Path, target: &Path) {
    let told = format!("json={}", report.display());
    let mut command = command();
    command.current_dir(guest).env_remove("CARGO_TARGET_DIR").args([
        "test",
        ".",
        "--threads",
        "--test",
        "threads",
        "--fuel",
        "1G",
        // Twenty threads have as many stacks, which are more than the guests' own configuration allows.
        "--memory",
        "256MiB",
        "--report",
        &told,
    ]);
    let ran = command.arg("--target-dir").arg(target).output().unwrap();
    assert_eq!(ran.status.code(), Some(100), "{}", String::from_utf8_lossy(&ran.stderr));
}
