//! The heap of tests with threads. The module is committed: see `guests/threads/build.sh`.

use airtight_tests::{assert_as_named, canonical, guests_dir, read_report, run, scratch_dir, tests, write};
use serde_json::Value;

/// What each guest loses and what static data still reaches, in blocks and bytes. The list of its thread-locals' destructors, which the
/// standard library keeps of the main thread, is 32 bytes of the latter.
const LEFT: [(&str, [u64; 4]); 12] = [
    ("leak_a_list_whose_head_a_thread_lost", [100, 400, 1, 32]),
    ("leak_a_thread_with_what_it_holds", [0, 0, 6, 636]),
    ("leak_lost_by_each_of_four", [12, 1200, 1, 32]),
    ("leak_lost_in_a_thread", [1, 40, 1, 32]),
    ("leak_that_numbers_point_into", [1, 262_144, 1, 32]),
    ("leak_what_a_dead_stack_knows", [1, 72, 1, 32]),
    ("pass_a_detached_thread_that_ended", [0, 0, 1, 32]),
    ("pass_a_pointer_that_threads_pass_on", [0, 0, 1, 32]),
    ("pass_all_that_threads_do_to_one_vector", [0, 0, 1, 32]),
    ("pass_freed_by_another_thread", [0, 0, 3, 88]),
    ("pass_kept_in_a_static", [0, 0, 5, 272]),
    ("pass_thread_locals", [0, 0, 1, 32]),
];

fn run_heap(config: &str, more: &[&str]) -> Value {
    let dir = scratch_dir();
    write(&dir.path().join("airtight.toml"), config);
    let module = guests_dir().join("threads/heap.wasm");
    let args = ["run", module.to_str().unwrap(), "--report", "json=report.json"];
    run(dir.path(), args.into_iter().chain(more.iter().copied()));
    read_report(&dir.path().join("report.json"))
}

fn heap<'r>(report: &'r Value, name: &str) -> &'r Value {
    &tests(report).find(|(_, test)| test["name"] == name).unwrap().1["usage"]["heap"]
}

fn assert_left(report: &Value) {
    assert_as_named(report, LEFT.len());
    for (name, expected) in LEFT {
        let heap = heap(report, name);
        let found = ["lost_blocks", "lost", "retained_blocks", "retained"].map(|figure| heap[figure].as_u64().unwrap());
        assert_eq!(found, expected, "{name}: {heap}");
        assert_eq!(heap["doubt"].is_null(), name != "leak_a_thread_with_what_it_holds", "{name}: {heap}");
    }
}

/// The canary of the hooks in modules with threads, and of the second run: none of the figures can be had without both.
#[test]
fn what_is_left_is_told_exactly_under_any_schedule() {
    let first = run_heap("", &["-j", "1"]);
    assert_left(&first);
    // Three of the six blocks are the thread's alone: its vector, and what the library keeps of it on its stack.
    let left = tests(&first).find(|(_, test)| test["name"] == "leak_a_thread_with_what_it_holds").unwrap().1;
    let thread = &left["leaks"][0]["thread"];
    assert_eq!(["blocks", "bytes"].map(|figure| thread[figure].as_u64()), [Some(3), Some(564)], "{thread}");
    assert!(thread["waited_ns"].as_u64() >= Some(1_000_000_000), "{thread}");
    assert_eq!(canonical(&run_heap("", &["-j", "4"])), canonical(&first));
    for more in [&["--seed", "1"][..], &["--seed", "random"], &["--schedule", "3"], &["--schedule", "8"]] {
        assert_left(&run_heap("", more));
    }
}

#[test]
fn limits_on_the_heap_are_those_of_all_threads_together() {
    let report = run_heap("[profile.default]\npeak-heap = \"10KiB\"\n", &[]);
    let verdict = |name: &str| tests(&report).find(|(_, test)| test["name"] == name).unwrap().1["verdict"].clone();
    let peak = heap(&report, "pass_all_that_threads_do_to_one_vector")["peak"].as_u64().unwrap();
    assert!(peak > 10_240, "{peak}");
    assert_ne!(verdict("pass_all_that_threads_do_to_one_vector"), "pass");
    assert_eq!(verdict("pass_freed_by_another_thread"), "pass");
}
