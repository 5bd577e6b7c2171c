//! Guests with threads, and hostile ones, as WebAssembly text.

use crate::config::Config;
use crate::model::{Exploration, TestRecord, Verdict};
use crate::run::planned::Decision;
use crate::run::{Runner, Selection, Subject};
use crate::sandbox::{Job, LoadOptions, LoadedModule, TurnEnd, run as run_job};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const IMPORTS: &str = r#"
    (import "env" "memory" (memory 1 100 shared))
    (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))"#;

/// The record of a program with these fields and this main function. `thread` is what its other threads do with `$given`.
pub(super) fn run_under(config: &str, fields: &str, main: &str, thread: &str) -> TestRecord {
    run_explored(config, 0, (fields, main, thread))
}

/// The same, under so many more schedules.
fn run_explored(config: &str, schedules: u32, guest: (&str, &str, &str)) -> TestRecord {
    run_text(config, schedules, &program(guest))
}

/// The text of a program with these fields, this main function, and threads that do this.
fn program((fields, main, thread): (&str, &str, &str)) -> String {
    format!(
        r#"(module {IMPORTS} (export "memory" (memory 0)) {fields}
            (func $main (export "_start") {main})
            (func $thread (export "wasi_thread_start") (param $id i32) (param $given i32) {thread}))"#
    )
}

/// A module, and the runner that has loaded it.
fn loaded(config: &str, schedules: u32, text: &str) -> (Runner, LoadedModule) {
    let config = Config::from_str(config, "airtight.toml", Path::new("/")).unwrap();
    let runner = Runner::builder(&config, "default").unwrap().jobs(1).schedules(schedules).build().unwrap();
    let module: LoadedModule = runner.load(wat::parse_str(text).unwrap(), LoadOptions::named("guest")).unwrap();
    assert!(module.has_threads());
    (runner, module)
}

/// The record of a module that is one test.
fn run_text(config: &str, schedules: u32, text: &str) -> TestRecord {
    let (runner, module) = loaded(config, schedules, text);
    let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
    let report = runner.run(&plan, &mut ()).unwrap();
    report.canonical.modules[0].tests[0].clone()
}

fn run(fields: &str, main: &str, thread: &str) -> TestRecord {
    run_under("", fields, main, thread)
}

pub(super) fn message(record: &TestRecord) -> &str {
    record.details.as_ref().and_then(|details| details.message.as_deref()).unwrap_or_default()
}

pub(super) const SPAWN: &str = "(drop (call $spawn (i32.const 7)))";
pub(super) const WAIT_AT_0: &str = "(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))";
pub(super) const TELL_0: &str = "(i32.atomic.store (i32.const 0) (i32.const 1))
    (drop (memory.atomic.notify (i32.const 0) (i32.const -1)))";

#[test]
fn a_thread_runs_and_is_waited_for() {
    let check = "(if (i32.ne (i32.load (i32.const 4)) (i32.const 8)) (then unreachable))";
    let work = "(i32.store (i32.const 4) (i32.add (local.get $id) (local.get $given)))";
    let passed = run("", &format!("{SPAWN} {WAIT_AT_0} {check}"), &format!("{work} {TELL_0}"));
    assert_eq!(passed.verdict, Verdict::Pass, "{}", message(&passed));
    assert_eq!(passed.usage.unwrap().linear_peak, Some(1 << 16));
}

#[test]
fn a_start_function_runs_in_every_thread_and_may_wait() {
    let fields = "(func $start (drop (i32.atomic.rmw.add (i32.const 8) (i32.const 1)))
        (drop (memory.atomic.wait32 (i32.const 12) (i32.const 0) (i64.const 1000)))) (start $start)";
    let check = "(if (i32.ne (i32.load (i32.const 8)) (i32.const 2)) (then unreachable))";
    let passed = run(fields, &format!("{SPAWN} {WAIT_AT_0} {check}"), TELL_0);
    assert_eq!(passed.verdict, Verdict::Pass, "{}", message(&passed));
    let stuck = run(&format!("(func $start {WAIT_AT_0}) (start $start)"), "", "");
    assert_eq!(stuck.verdict, Verdict::Timeout);
}

#[test]
fn who_spins_does_not_keep_others_from_running() {
    let spin = "(loop $again (br_if $again (i32.eqz (i32.atomic.load (i32.const 0)))))";
    let passed = run("", &format!("{SPAWN} {spin}"), TELL_0);
    assert_eq!(passed.verdict, Verdict::Pass, "{}", message(&passed));
}

#[test]
fn who_waits_for_a_time_wakes_in_order_and_time_stands_still_meanwhile() {
    // Each thread waits for as many seconds as it is given, and then appends its number.
    let main =
        "(drop (call $spawn (i32.const 3))) (drop (call $spawn (i32.const 1))) (drop (call $spawn (i32.const 2)))
        (loop $again
            (drop (memory.atomic.wait32 (i32.const 0) (i32.atomic.load (i32.const 0)) (i64.const -1)))
            (br_if $again (i32.lt_u (i32.atomic.load (i32.const 0)) (i32.const 3))))
        (if (i32.ne (i32.load (i32.const 8)) (i32.const 0x020301)) (then unreachable))
        (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 16)))
        (if (i64.gt_u (i64.load (i32.const 16)) (i64.const 86_403_001_000_000)) (then unreachable))";
    let thread = "(if (i32.ne (memory.atomic.wait32 (i32.const 64) (i32.const 0)
            (i64.mul (i64.extend_i32_u (local.get $given)) (i64.const 1_000_000_000))) (i32.const 2)) (then unreachable))
        (i32.store (i32.const 8) (i32.or (i32.shl (i32.load (i32.const 8)) (i32.const 8)) (local.get $id)))
        (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
        (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))";
    let passed = run("", main, thread);
    assert_eq!(passed.verdict, Verdict::Pass, "{}", message(&passed));
}

#[test]
fn a_sleep_of_one_thread_lets_others_run() {
    // A subscription to the monotonic clock, for one hour.
    let sleep = "(i32.store (i32.const 112) (i32.const 1)) (i64.store (i32.const 120) (i64.const 3_600_000_000_000))
        (drop (call $poll (i32.const 96) (i32.const 160) (i32.const 1) (i32.const 200)))";
    let check = "(if (i32.eqz (i32.load (i32.const 0))) (then unreachable))";
    let passed = run("", &format!("{SPAWN} {sleep} {check}"), TELL_0);
    assert_eq!(passed.verdict, Verdict::Pass, "{}", message(&passed));
}

#[test]
fn a_deadlock_is_told_at_once_with_all_threads() {
    let stuck = run(
        "",
        &format!("{SPAWN} {WAIT_AT_0}"),
        "(drop (memory.atomic.wait64 (i32.const 8) (i64.const 0) (i64.const -1)))",
    );
    assert_eq!(stuck.verdict, Verdict::Timeout);
    insta::assert_snapshot!(message(&stuck), @r"
    none of its 2 threads can ever go on: each waits for another
    the main thread waits for a notification of address 0x0 (at `main`, waited 12ns)
    thread 1 waits for a notification of address 0x8 (at `thread`, spawned at `main`)
    ");
}

#[test]
fn a_trap_and_an_exit_of_a_thread_end_the_test() {
    let trapped = run("", &format!("{SPAWN} {WAIT_AT_0}"), "unreachable");
    assert_eq!(trapped.verdict, Verdict::Fail);
    let left = run("", &format!("{SPAWN} {WAIT_AT_0}"), "(call $exit (i32.const 3))");
    assert_eq!((left.verdict, left.details.unwrap().exit_status), (Verdict::Exit, Some(3)));
}

#[test]
fn bad_addresses_trap() {
    for (operator, expected) in [
        ("(memory.atomic.wait32 (i32.const 65536) (i32.const 0) (i64.const 0))", "out-of-bounds"),
        ("(memory.atomic.wait32 (i32.const 2) (i32.const 0) (i64.const 0))", "misaligned"),
        ("(memory.atomic.wait64 (i32.const 4) (i64.const 0) (i64.const 0))", "misaligned"),
        ("(memory.atomic.wait64 offset=65528 (i32.const 8) (i64.const 0) (i64.const 0))", "out-of-bounds"),
        ("(memory.atomic.notify offset=4294967292 (i32.const -4) (i32.const 1))", "out-of-bounds"),
        ("(memory.atomic.notify (i32.const 65536) (i32.const 1))", "out-of-bounds"),
        ("(memory.atomic.notify (i32.const 1) (i32.const 1))", "misaligned"),
    ] {
        let trapped = run("", &format!("(drop {operator})"), "");
        assert!(message(&trapped).contains(expected), "{operator}: {}", message(&trapped));
    }
}

#[test]
fn fuel_is_that_of_all_threads() {
    let endless = "(loop $again (br $again))";
    let out = run_under("[profile.default]\nfuel = \"5M\"", "", &format!("{SPAWN} {SPAWN} {endless}"), endless);
    assert_eq!(out.verdict, Verdict::Timeout);
    assert_eq!(out.usage.unwrap().fuel, Some(5_000_000));
    // Each of the two threads needs more than half of the fuel.
    let most = "(local $n i32) (loop $again (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 500000))))";
    let both = |fuel: u32| {
        let config = format!("[profile.default]\nfuel = {fuel}");
        run_under(&config, "", &format!("{most} {SPAWN} {WAIT_AT_0}"), &format!("{most} {TELL_0}"))
    };
    let enough = both(20_000_000);
    assert_eq!(enough.verdict, Verdict::Pass, "{}", message(&enough));
    let spent = enough.usage.unwrap().fuel.unwrap();
    assert!(spent > 7_000_000, "{spent}");
    assert_eq!(both(spent as u32).verdict, Verdict::Pass, "exactly what it needs");
    assert_eq!(both(spent as u32 - 1).verdict, Verdict::Timeout, "one unit less");
}

#[test]
fn the_memory_of_all_threads_is_capped() {
    let grow = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))";
    let full = run_under(
        "[profile.default]\nmemory = \"1MiB\"",
        "",
        &format!("{SPAWN} {WAIT_AT_0}"),
        &format!("{grow} {TELL_0}"),
    );
    assert_eq!((full.verdict, full.usage.unwrap().linear_peak), (Verdict::Pass, Some(1 << 20)));
    let refused = full.details.unwrap().refused.unwrap();
    assert_eq!(
        (refused.current, refused.desired, refused.limit, refused.times),
        (1 << 20, (1 << 20) + (1 << 16), 1 << 20, 1)
    );
    let fails = format!("{grow} unreachable");
    let failed = run_under("[profile.default]\nmemory = \"1MiB\"", "", &format!("{SPAWN} {WAIT_AT_0}"), &fails);
    assert_eq!(failed.verdict, Verdict::Memory, "{}", message(&failed));
    let own_maximum = run("", &format!("{grow} unreachable"), "");
    assert_eq!((own_maximum.verdict, own_maximum.usage.unwrap().linear_peak), (Verdict::Fail, Some(100 << 16)));
    let none = run_under("[profile.default]\nmemory = \"1KiB\"", "", "", "");
    assert_eq!(none.verdict, Verdict::Memory, "{}", message(&none));
}

#[test]
fn hostile_guests_end() {
    let fuel = "[profile.default]\nfuel = \"20M\"";
    let spawn_for_ever = "(loop $again (drop (call $spawn (i32.const 0))) (br $again))";
    let storm = "(loop $again (drop (memory.atomic.notify (i32.const 0) (i32.const -1))) (br $again))";
    let mismatched =
        "(loop $again (drop (memory.atomic.wait32 (i32.const 0) (i32.const 1) (i64.const -1))) (br $again))";
    let zero = "(loop $again (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0))) (br $again))";
    let yields = "(loop $again (drop (call $yield)) (br $again))";
    for (main, thread) in [
        (spawn_for_ever, spawn_for_ever),
        (spawn_for_ever, WAIT_AT_0),
        (spawn_for_ever, ""),
        (storm, WAIT_AT_0),
        (mismatched, mismatched),
        (zero, zero),
        (yields, yields),
    ] {
        let ended = run_under(fuel, "", &format!("{SPAWN} {SPAWN} {main}"), thread);
        assert_eq!(ended.verdict, Verdict::Timeout, "{main} {thread}: {}", message(&ended));
        assert_eq!(ended.usage.unwrap().fuel, Some(20_000_000));
    }
}

/// Two threads spin until a third one has run, which is spawned last.
#[test]
fn threads_that_spin_starve_nobody_under_any_schedule() {
    let main = "(local $n i32) (drop (call $spawn (i32.const 0))) (drop (call $spawn (i32.const 0)))
        (loop $again (br_if $again (i32.lt_u (i32.atomic.rmw.add (i32.const 8) (i32.const 1)) (i32.const 100))))
        (drop (call $spawn (i32.const 1)))
        (loop $again
            (local.set $n (i32.atomic.load (i32.const 4)))
            (if (i32.lt_u (local.get $n) (i32.const 2)) (then
                (drop (memory.atomic.wait32 (i32.const 4) (local.get $n) (i64.const -1)))
                (br $again))))";
    let thread = "(if (local.get $given) (then (i32.atomic.store (i32.const 0) (i32.const 1)) (return)))
        (loop $again (br_if $again (i32.eqz (i32.atomic.load (i32.const 0)))))
        (drop (i32.atomic.rmw.add (i32.const 4) (i32.const 1)))
        (drop (memory.atomic.notify (i32.const 4) (i32.const 1)))";
    let passed = run_explored("[profile.default]\nfuel = \"20M\"", 60, ("", main, thread));
    assert_eq!(passed.verdict, Verdict::Pass, "{}", message(&passed));
}

#[test]
fn who_waits_at_every_address_is_told_at_its_own() {
    // Each waits at the address that it is given, and counts itself at address 0.
    let each = |of: &str| {
        format!(
            "(local.set $n (i32.const 8))
            (loop $again {of} (local.set $n (i32.add (local.get $n) (i32.const 4)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 8008))))"
        )
    };
    let spawn = each("(if (i32.lt_s (call $spawn (local.get $n)) (i32.const 0)) (then unreachable))");
    // It may not have begun to wait.
    let tell = each(
        "(loop $asleep (drop (call $yield))
            (br_if $asleep (i32.eqz (memory.atomic.notify (local.get $n) (i32.const 1)))))",
    );
    let main = format!(
        "(local $n i32) {spawn} {tell}
        (loop $again (drop (call $yield)) (br_if $again (i32.ne (i32.atomic.load (i32.const 0)) (i32.const 2000))))"
    );
    let thread = "(drop (memory.atomic.wait32 (local.get $given) (i32.const 0) (i64.const -1)))
        (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))";
    let passed = run_under("[profile.default]\nlive-threads = 2000", "", &main, thread);
    assert_eq!(passed.verdict, Verdict::Pass, "{}", message(&passed));
    // One thread waits at every address of the memory, one after the other, and nobody tells it.
    let all = "(loop $again
        (drop (memory.atomic.wait32 (local.get $n) (i32.const 0) (i64.const 1000)))
        (local.set $n (i32.add (local.get $n) (i32.const 4)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 65536))))";
    let main = format!("(local $n i32) {SPAWN} {all} (local.set $n (i32.const 0)) {all}");
    let waited = run("", &main, &format!("(local $n i32) {all}"));
    assert_eq!(waited.verdict, Verdict::Pass, "{}", message(&waited));
}

#[test]
fn threads_that_make_memory_grow_at_once_are_capped_together() {
    let grow = "(loop $again (drop (call $yield)) (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))";
    let main = format!(
        "{SPAWN} {SPAWN} {SPAWN} {grow}
        (loop $again (drop (call $yield)) (br_if $again (i32.ne (i32.atomic.load (i32.const 0)) (i32.const 3))))"
    );
    let thread = format!("{grow} (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))");
    for schedules in [0, 20] {
        let config = "[profile.default]\nmemory = \"2MiB\"";
        let full = run_explored(config, schedules, ("", &main, &thread));
        assert_eq!(
            (full.verdict, full.usage.unwrap().linear_peak),
            (Verdict::Pass, Some(2 << 20)),
            "{:?}",
            full.details
        );
        assert_eq!(full.details.unwrap().refused.unwrap().times, 4, "each was refused once");
    }
}

/// What a module says of its memory is not a promise: the most that it may be, or more than the machine has.
#[test]
fn a_memory_that_says_too_much_is_capped_all_the_same() {
    let grow = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))";
    for maximum in [17, 100, 65_536] {
        let text = format!(
            r#"(module {} (export "memory" (memory 0)) (func (export "_start") {grow} {SPAWN} {WAIT_AT_0})
                (func (export "wasi_thread_start") (param i32 i32) {grow} {TELL_0}))"#,
            IMPORTS.replace("1 100", &format!("1 {maximum}"))
        );
        let capped = run_text("[profile.default]\nmemory = \"4MiB\"", 0, &text);
        let most = u64::from(4_u32 << 20).min(maximum << 16);
        let peak = capped.usage.unwrap().linear_peak.unwrap();
        assert!(peak <= most && peak + (16 << 16) > most, "{maximum}: {peak}");
        assert_eq!(capped.verdict, Verdict::Pass, "{maximum}");
    }
    // More than the test may have from the start.
    let text = format!(r#"(module {} (func (export "_start")))"#, IMPORTS.replace("1 100", "65536 65536"));
    let refused = run_text("[profile.default]\nmemory = \"4MiB\"", 0, &text);
    assert_eq!(refused.verdict, Verdict::Memory, "{}", message(&refused));
}

#[test]
fn a_thread_that_had_not_ended_is_told_with_what_it_opened() {
    // A file `x` in the first directory, made anew, for reading and writing.
    let open = "(i32.store8 (i32.const 600) (i32.const 120))
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 600) (i32.const 1) (i32.const 1) (i64.const 66) (i64.const 0)
            (i32.const 0) (i32.const 700)) (then unreachable))";
    let text = format!(
        r#"(module {IMPORTS}
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (export "memory" (memory 0))
            (func (export "_start") {SPAWN} (drop (call $yield)) (drop (call $yield)) (drop (call $yield)))
            (func (export "wasi_thread_start") (param i32 i32) {open} {open} {WAIT_AT_0}))"#
    );
    let record = run_text("", 0, &text);
    assert_eq!(record.verdict, Verdict::Leak, "{}", message(&record));
    let leaks = record.details.unwrap().leaks;
    let threads: Vec<u64> = leaks.iter().filter_map(|leak| Some(leak.thread.as_ref()?.handles)).collect();
    assert_eq!(threads, [2], "{leaks:?}");
    assert_eq!(
        leaks.iter().filter(|leak| leak.kind.name() == "file").map(|leak| leak.count).sum::<u64>(),
        2,
        "{leaks:?}"
    );
}

#[test]
fn a_module_without_an_entry_for_threads_fails_when_one_begins() {
    let text = format!(r#"(module {IMPORTS} (func (export "_start") {SPAWN} {WAIT_AT_0}))"#);
    let runner = Runner::builder(&Config::default(), "default").unwrap().build().unwrap();
    let module = runner.load(wat::parse_str(text).unwrap(), LoadOptions::named("guest")).unwrap();
    let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
    let report = runner.run(&plan, &mut ()).unwrap();
    let record = &report.canonical.modules[0].tests[0];
    assert_eq!(record.verdict, Verdict::Fail);
    assert!(message(record).contains("wasi_thread_start"), "{}", message(record));
}

#[test]
fn a_thread_that_had_not_ended_is_a_leak() {
    let ends = "(drop (call $yield))";
    let leaks = |config: &str, thread: &str| {
        let record = run_under(config, "", &format!("{SPAWN} {SPAWN} {ends}"), thread);
        let leaks = record.details.map(|details| details.leaks).unwrap_or_default();
        let told = leaks.iter().map(|leak| {
            let thread = leak.thread.as_ref().unwrap();
            format!("{} {} {}", leak.count, leak.kind.name(), thread.does)
        });
        (record.verdict, told.collect::<Vec<_>>())
    };
    assert_eq!(leaks("", ""), (Verdict::Pass, vec![]), "they end in the turns that they have");
    let waits = (Verdict::Leak, vec!["2 thread waits for a notification of address 0x0".to_owned()]);
    assert_eq!(leaks("", WAIT_AT_0), waits);
    assert_eq!(leaks("", "(loop $again (br $again))"), (Verdict::Leak, vec!["2 thread runs".to_owned()]));
    let sleeps = "(i32.store (i32.const 112) (i32.const 1)) (i64.store (i32.const 120) (i64.const 1000000))
        (drop (call $poll (i32.const 96) (i32.const 160) (i32.const 1) (i32.const 200)))";
    assert_eq!(leaks("", sleeps), (Verdict::Leak, vec!["2 thread sleeps".to_owned()]));
    let with = |action: &str| format!("[profile.default]\nleaks = {{ threads = \"{action}\" }}");
    assert_eq!(leaks(&with("ignore"), WAIT_AT_0), (Verdict::Pass, vec![]));
    assert_eq!(leaks(&with("show"), WAIT_AT_0).0, Verdict::Pass);
    assert_eq!(leaks("", "unreachable").0, Verdict::Fail, "it trapped while the main thread yielded");
}

#[test]
fn more_threads_than_there_may_be_are_refused_and_that_is_told() {
    let refused = "(if (i32.ge_s (call $spawn (i32.const 0)) (i32.const 0)) (then unreachable))";
    let limit = "[profile.default]\nlive-threads = 1";
    let one_more = format!("{SPAWN} {refused} {TELL_0}");
    let passed = run_under(limit, "", &one_more, WAIT_AT_0);
    assert_eq!((passed.verdict, passed.details.unwrap().refused_threads), (Verdict::Pass, 1));
    let failed = run_under(limit, "", &format!("{one_more} unreachable"), WAIT_AT_0);
    assert_eq!(failed.verdict, Verdict::Fail);
    assert!(failed.details.unwrap().hint.unwrap().contains("`live-threads`"));
    assert_eq!(run_under("[profile.default]\nlive-threads = 0", "", refused, "").verdict, Verdict::Pass);
}

#[test]
fn a_thread_that_uses_up_its_stack_fails_the_test() {
    let fields = "(func $deep (param i64) (result i64) (i64.add (call $deep (local.get 0)) (local.get 0)))";
    let deep = "(drop (call $deep (i64.const 1)))";
    for (main, thread) in [(WAIT_AT_0, deep), (deep, WAIT_AT_0)] {
        let failed = run(fields, &format!("{SPAWN} {main}"), thread);
        assert_eq!(failed.verdict, Verdict::Fail);
        assert!(message(&failed).contains("call stack exhausted"), "{}", message(&failed));
    }
}

#[test]
fn ten_thousand_threads_wait_and_end() {
    let main = "(local $n i32)
        (loop $again
            (if (i32.lt_s (call $spawn (i32.const 0)) (i32.const 0)) (then unreachable))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 10000))))
        (i32.atomic.store (i32.const 0) (i32.const 1))
        (loop $again (drop (memory.atomic.notify (i32.const 0) (i32.const -1))) (drop (call $yield))
            (br_if $again (i32.lt_u (i32.atomic.load (i32.const 4)) (i32.const 10000))))";
    let thread = format!("{WAIT_AT_0} (drop (i32.atomic.rmw.add (i32.const 4) (i32.const 1)))");
    let passed = run_under("[profile.default]\nlive-threads = 10000", "", main, &thread);
    assert_eq!(passed.verdict, Verdict::Pass, "{}", message(&passed));
}

/// Two threads that add 1 to the same word, and a main thread that checks the sum. Nothing in their loops lets other threads
/// run: only the fuel of a turn ends it.
const ADDING: (&str, &str, &str) = (
    "(func $adds (local $x i32) (local $n i32)
        (local.set $x (i32.load (i32.const 8)))
        (loop $again
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 800))))
        (i32.store (i32.const 8) (i32.add (local.get $x) (i32.const 1)))
        (call $tells))
        (func $tells (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
            (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))",
    "(drop (call $spawn (i32.const 0))) (drop (call $spawn (i32.const 0)))
        (loop $again
            (drop (memory.atomic.wait32 (i32.const 0) (i32.atomic.load (i32.const 0)) (i64.const 1000000)))
            (br_if $again (i32.lt_u (i32.atomic.load (i32.const 0)) (i32.const 2))))
        (if (i32.ne (i32.load (i32.const 8)) (i32.const 2)) (then unreachable))",
    "(call $adds)",
);

#[test]
fn a_thread_that_its_quantum_interrupts_is_told_with_its_place() {
    let failed = run_explored("", 100, ADDING);
    assert_eq!(failed.verdict, Verdict::Fail, "{}", message(&failed));
    let text = message(&failed);
    assert!(text.contains(" was interrupted at `adds`\n"), "{text}");
    assert!(!text.contains("not known"), "{text}");
}

#[test]
fn a_run_whose_turns_are_told_is_the_run_that_it_is_without() {
    let (runner, module) = loaded("", 0, &program(ADDING));
    let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
    let planned = &plan.modules()[0];
    let test = &planned.tests[0];
    let Decision::Run { grants, entry, .. } = &test.decision else { panic!("it is not run") };
    let interrupt = Arc::new(AtomicBool::new(false));
    for number in 0..40 {
        let plain = Job::plain(&planned.module, (grants, &test.name, entry.call()), &interrupt);
        let job = Job { schedule: Some(Exploration::new(number)), ..plain };
        let [plain, followed] = [false, true].map(|follows_turns| run_job(&Job { follows_turns, ..job.clone() }));
        assert_eq!(
            (plain.fuel, plain.preemptions, plain.ending),
            (followed.fuel, followed.preemptions, followed.ending)
        );
        let turns = followed.turns.0;
        assert!(turns.iter().all(|turn| turn.end == TurnEnd::Ended || !turn.stack.is_empty()), "{number}: {turns:?}");
    }
}
