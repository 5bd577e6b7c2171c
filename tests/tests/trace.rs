//! `airtight trace`: what one test does, event by event.

use airtight_tests::{Ran, compile, digest, guest, guests_dir, read_report, run, scratch_dir};
use serde_json::Value;
use std::path::Path;

/// Runs `airtight trace` on a test of a module, and reads the trace too.
fn trace(dir: &Path, module: &Path, test: &str, args: &[&str]) -> (Ran, Value) {
    let file = dir.join("trace.json");
    let report = format!("json={}", file.display());
    let mut all = vec!["trace".into(), test.into(), module.as_os_str().to_owned()];
    all.extend(["--exact", "--color", "never", "--report", &report].map(Into::into));
    all.extend(args.iter().map(Into::into));
    let ran = run(dir, all);
    let trace: Value = match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
        Err(_) => panic!("{}{}", ran.stdout, ran.stderr),
    };
    assert_eq!(trace["schema"], "airtight.trace/1");
    let schema = serde_json::from_str(airtight::report::trace::TRACE_JSON_SCHEMA).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let fault = schema.iter_errors(&trace).next().map(|error| format!("{}: {error}", error.instance_path));
    assert_eq!(fault, None, "the trace is not what its schema says");
    (ran, trace)
}

fn events(trace: &Value) -> &[Value] {
    trace["canonical"]["tests"][0]["events"].as_array().unwrap()
}

/// Kind, call and object of each event of the test's own code.
fn own_calls(trace: &Value) -> Vec<String> {
    let word = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let words = |event: &Value| ["kind", "call", "object"].map(|key| word(event, key)).join(" ").trim_end().to_owned();
    let all = events(trace).iter().skip_while(|event| event["kind"] != "test");
    all.take_while(|event| event["call"] != "ends" || event["kind"] != "test").map(words).collect()
}

/// Whether these words begin events in this order, others between them or not.
fn in_order(calls: &[String], wanted: &[&str]) -> bool {
    let mut calls = calls.iter();
    wanted.iter().all(|wanted| calls.any(|call| call.starts_with(wanted)))
}

#[test]
fn a_test_is_told_call_by_call_with_its_lines() {
    let dir = scratch_dir();
    let module = guest("plain/files");
    let (ran, traced) = trace(dir.path(), module, "leak_one_file", &[]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let calls = own_calls(&traced);
    let wanted = ["test begins", "open path_open /tmp/one", "write fd_write /tmp/one"];
    assert!(in_order(&calls, &wanted), "{calls:#?}");
    // Each with its place: the test's own line.
    let all = events(&traced);
    let write = all.iter().find(|event| event["object"] == "/tmp/one" && event["kind"] == "write").unwrap();
    assert_eq!((&write["bytes"], &write["fd"]), (&4.into(), &4.into()), "{write}");
    let sites = traced["canonical"]["tests"][0]["sites"].as_array().unwrap();
    let site = sites[write["site"].as_u64().unwrap() as usize].as_array().unwrap();
    let own = site.iter().find(|frame| frame.get("library").is_none()).unwrap();
    assert_eq!(own["file"], "tests/files.rs", "{own}");
    assert!(ran.stdout.contains("open       path_open /tmp/one gives fd 4 at tests/files.rs:27"), "{}", ran.stdout);
    assert!(ran.stdout.contains("write      fd_write /tmp/one (fd 4), 4 bytes"), "{}", ran.stdout);
    // Fuel never goes back, and events are numbered without a gap.
    let fuel: Vec<u64> = all.iter().filter_map(|event| event["fuel"].as_u64()).collect();
    assert!(fuel.is_sorted() && fuel.len() > 10, "{fuel:?}");
    assert!(all.iter().zip(1u64..).all(|(event, nth)| event["nth"] == nth));
    // Then what any run says at its end.
    assert!(ran.stdout.contains("LEAK") && ran.stdout.contains("/tmp/one"), "{}", ran.stdout);
}

#[test]
fn a_trace_is_the_same_each_time_and_changes_nothing() {
    let dir = scratch_dir();
    let module = guest("plain/files");
    let (first, traced) = trace(dir.path(), module, "pass_everything_closed", &[]);
    assert_eq!(first.status, Some(0), "{}{}", first.stdout, first.stderr);
    for engine in ["cranelift", "winch"] {
        let (again, same) = trace(dir.path(), module, "pass_everything_closed", &["--engine", engine]);
        let lines = |ran: &Ran| {
            ran.stdout.lines().take_while(|line| !line.contains("───")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!((lines(&again), &same), (lines(&first), &traced), "{engine}");
    }
    let wanted = [
        "call path_create_directory /tmp/a",
        "open path_open /tmp/a/b/c",
        "write fd_write /tmp/a/b/c",
        "call fd_seek /tmp/a/b/c",
        "read fd_read /tmp/a/b/c",
        "call path_rename /tmp/a/b/c",
        "read fd_readdir /tmp",
        "call path_remove_directory /tmp/a",
    ];
    let calls = own_calls(&traced);
    assert!(in_order(&calls, &wanted), "{calls:#?}");
    // A run with a trace has the figures of one without: the digest is that of `airtight run`.
    let report = dir.path().join("report.json");
    let to = format!("json={}", report.display());
    let plain = ["run", module.to_str().unwrap(), "--report", &to, "--exact", "--", "pass_everything_closed"];
    run(dir.path(), plain);
    let spent = &read_report(&report)["canonical"]["modules"][0]["tests"][0]["usage"]["fuel"];
    let last = events(&traced).last().unwrap();
    assert_eq!((&last["call"], &last["fuel"]), (&"is over".into(), spent), "{}", digest(&read_report(&report)));
}

#[test]
fn subtests_and_clean_ups_have_their_scopes() {
    let dir = scratch_dir();
    let (ran, traced) = trace(dir.path(), guest("sdk/subtests"), "pass_table", &[]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    let all = events(&traced);
    let of = |scope: &str| -> Vec<String> {
        let here = all.iter().filter(|event| event["scope"] == scope);
        here.map(|event| format!("{} {}", event["kind"].as_str().unwrap(), event["call"].as_str().unwrap())).collect()
    };
    let expected = ["open path_open", "cleanup begins", "close fd_close", "cleanup ends"].map(str::to_owned);
    assert!(in_order(&of("22"), &expected.each_ref().map(|word| &**word)), "{:?}", of("22"));
    let subtests: Vec<_> =
        all.iter().filter(|event| event["kind"] == "subtest").map(|event| &event["object"]).collect();
    assert_eq!(subtests.len(), 8, "{subtests:?}");
    assert!(
        ran.stdout.contains("subtest    begins 3_3") || ran.stdout.contains("subtest    begins 3 3"),
        "{}",
        ran.stdout
    );
}

#[test]
fn blocks_and_memory_have_the_lines_that_asked_for_them() {
    let dir = scratch_dir();
    let module = guest("heap/numbers");
    let listed = run(dir.path(), ["list", module.to_str().unwrap()]);
    let test = listed.stdout.lines().next().unwrap().split(' ').nth(1).unwrap();
    let (_, traced) = trace(dir.path(), module, test, &["--min-allocation", "1"]);
    let blocks: Vec<_> = events(&traced).iter().filter(|event| event["kind"] == "allocation").collect();
    assert!(!blocks.is_empty() && blocks.iter().all(|event| event["bytes"].as_u64().is_some_and(|bytes| bytes > 0)));
    let sites = traced["canonical"]["tests"][0]["sites"].as_array().unwrap();
    let has_own = |event: &&Value| {
        let site = event["site"].as_u64().map(|site| &sites[site as usize]);
        site.is_some_and(|site| site.as_array().unwrap().iter().any(|frame| frame.get("library").is_none()))
    };
    assert!(blocks.iter().any(has_own), "{blocks:#?}");
    let (_, traced) = trace(dir.path(), module, test, &["--min-allocation", "3GiB"]);
    assert!(events(&traced).iter().all(|event| event["kind"] != "allocation"));
}

#[test]
fn threads_are_told_apart() {
    let dir = scratch_dir();
    let module = guests_dir().join("threads/threads.wasm");
    let (ran, traced) = trace(dir.path(), &module, "leak_a_thread_with_a_name", &[]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let spawn = events(&traced).iter().find(|event| event["kind"] == "thread").unwrap();
    assert_eq!((&spawn["call"], &spawn["object"]), (&"spawn".into(), &"keeper".into()), "{spawn}");
    let number = spawn["opened"].as_u64().unwrap();
    let waits = events(&traced).iter().find(|event| event["kind"] == "wait" && event["thread"] == number).unwrap();
    assert!(waits["object"].as_str().unwrap().starts_with("a notification at 0x"), "{waits}");
    let (_, again) = trace(dir.path(), &module, "leak_a_thread_with_a_name", &["-j", "2"]);
    assert_eq!(again, traced);
}

/// Modules that do one thing for ever, and what one does to memory.
#[test]
fn a_hostile_test_costs_no_more_than_its_trace_may() {
    let dir = scratch_dir();
    let module = compile("pass_growth_is_refused", dir.path());
    let (_, traced) = trace(dir.path(), &module, "pass_growth_is_refused", &["--memory", "1MiB"]);
    let memory: Vec<_> = events(&traced).iter().filter(|event| event["kind"] == "memory").collect();
    assert!(memory.iter().any(|event| event["failed"] == "refused" && event.get("fuel").is_none()), "{traced}");
    let module = compile("timeout_overlapping_buffers", dir.path());
    let args = ["--events", "20", "--fuel", "20M"];
    let (ran, traced) = trace(dir.path(), &module, "timeout_overlapping_buffers", &args);
    assert!(events(&traced).len() <= 20, "{traced}");
    assert!(!ran.stdout.contains('\u{1b}'));
}

#[test]
fn a_trace_is_of_one_test() {
    let dir = scratch_dir();
    let module = guest("plain/files").to_str().unwrap();
    let several = run(dir.path(), ["trace", "leak_", module]);
    assert_eq!(several.status, Some(2), "{}", several.stderr);
    assert!(several.stderr.contains("leak_one_file") && several.stderr.contains("--exact"), "{}", several.stderr);
    let none = run(dir.path(), ["trace", "no_such_test", module]);
    assert_eq!(none.status, Some(4), "{}", none.stderr);
    let turned = run(dir.path(), ["trace", module, "leak_one_file"]);
    assert!(
        turned.status == Some(2) && turned.stderr.contains("the test comes before the module"),
        "{}",
        turned.stderr
    );
    let refused = run(dir.path(), ["trace", "leak_one_file", module, "--report", "junit=x.xml"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("json=PATH"), "{}", refused.stderr);
}
