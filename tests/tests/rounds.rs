//! A test that is called several times in one instance. Each call has fuel, time and limits of its own. Figures for all
//! calls together do not include their clean-ups.

use airtight::LoadOptions;
use airtight::config::{Config, Trust};
use airtight::report::{TestRecord, Verdict};
use airtight::{Runner, Selection, Subject};
use airtight_tests::sdk::{sdk_module, state};
use std::path::Path;

fn run(module: &[u8], settings: &str, repeat: u32) -> TestRecord {
    let text = format!("[profile.default]\n{settings}");
    let config = Config::from_str(&text, "airtight.toml", Path::new("/")).unwrap();
    let runner =
        Runner::builder(&config, "default").unwrap().trust(Trust::everything()).repeat(repeat).build().unwrap();
    let module = runner.load(module.to_vec(), LoadOptions::named("guest")).unwrap();
    let subject = Subject::new(module);
    let planned = runner.plan(vec![subject], &Selection::default()).unwrap();
    let mut canonical = runner.run(&planned, &mut ()).unwrap().canonical;
    canonical.modules.remove(0).tests.remove(0)
}

/// The calls of the host that the guests here make, one page of memory, and a count of rounds at address 8.
const COMMON: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (func $round (result i32)
        (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
        (i32.load (i32.const 8)))
    (func $write (param $bytes i32)
        (i32.store (i32.const 16) (i32.const 2048))
        (i32.store (i32.const 20) (local.get $bytes))
        (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))
    (func $spend (param $times i32)
        (loop $again
            (local.set $times (i32.sub (local.get $times) (i32.const 1)))
            (br_if $again (i32.gt_s (local.get $times) (i32.const 0)))))
    (func $grow (param $pages i32) (drop (memory.grow (local.get $pages))))"#;

/// A test that does something in each call, and has one clean-up each time, which does something too.
fn guest(test: &str, cleanup: &str) -> Vec<u8> {
    let fields = format!(
        "{COMMON}
        (func $test (result i32)
            (i32.store (i32.const 1032) (i32.const 1))
            {test}
            (i32.const 1024))
        (func $cleanup (result i32)
            (if (i32.eqz (i32.load (i32.const 1032))) (then (return (i32.const 0))))
            (i32.store (i32.const 1032) (i32.const 0))
            {cleanup}
            (i32.const 1))"
    );
    sdk_module(&state(0, 0, 0), &fields)
}

/// The same without anything of the SDK's but its export.
fn guest_without_state(test: &str) -> Vec<u8> {
    let fields =
        format!("{COMMON} (func $test (result i32) {test} (i32.const 0)) (func $cleanup (result i32) (i32.const 0))");
    sdk_module(&state(0, 0, 0), &fields)
}

fn fuel(test: &TestRecord) -> u64 {
    test.usage.as_ref().unwrap().fuel.unwrap()
}

fn message(test: &TestRecord) -> &str {
    test.details.as_ref().and_then(|details| details.message.as_deref()).unwrap_or_default()
}

#[test]
fn fuel_is_that_of_all_calls_without_clean_ups() {
    let (idle, busy) = ("", "(call $spend (i32.const 1000))");
    let once = fuel(&run(&guest(busy, idle), "", 1));
    for cleanup in [idle, busy] {
        for repeat in [1, 2, 7] {
            let test = run(&guest(busy, cleanup), "", repeat);
            assert_eq!((test.verdict, fuel(&test)), (Verdict::Pass, once * u64::from(repeat)), "{cleanup} {repeat}");
        }
    }
}

#[test]
fn each_call_has_fuel_of_its_own() {
    let guest = |rounds: &str| guest(rounds, "(call $spend (i32.const 5000))");
    let even = guest("(call $spend (i32.const 1000))");
    let once = fuel(&run(&even, "", 1));
    let limit = format!("fuel = {}", once + 2);
    assert_eq!(run(&even, &limit, 20).verdict, Verdict::Pass);
    // The third call takes more.
    let rising = guest("(call $spend (i32.mul (call $round) (i32.const 1000)))");
    let [two, three] = [2, 3].map(|repeat| fuel(&run(&rising, "", repeat)));
    let limit = three - two - 10;
    let test = run(&rising, &format!("fuel = {limit}"), 20);
    assert_eq!((test.verdict, fuel(&test)), (Verdict::Timeout, two + limit));
}

#[test]
fn memory_that_clean_ups_take_or_are_refused_is_not_the_test_s() {
    let page = 65_536;
    let settings = "memory = \"256KiB\"";
    // Two pages to begin with, and four are allowed; clean-ups may have sixteen more.
    let test = run(&guest("", "(call $grow (i32.const 3)) (call $grow (i32.const 100))"), settings, 3);
    assert_eq!(test.usage.as_ref().unwrap().linear_peak, Some(2 * page), "{test:?}");
    assert_eq!(test.details.as_ref().unwrap().refused, None);
    let growth = test.details.as_ref().unwrap().growth.as_ref().unwrap();
    assert_eq!(growth.rounds[2].linear.after, 11 * page, "the rounds show what there is");
    // In the second call the reserve is closed.
    let second = "(if (i32.eq (call $round) (i32.const 2)) (then (call $grow (i32.const 3))))";
    let test = run(&guest(second, ""), settings, 3);
    let refused = test.details.as_ref().unwrap().refused.unwrap();
    assert_eq!((refused.current, refused.desired, refused.times), (2 * page, 5 * page, 1));
}

#[test]
fn each_call_may_move_as_many_bytes_and_no_more() {
    let settings = "io = 70000\noutput = \"1KiB\"";
    let sixty = "(call $write (i32.const 60000))";
    assert_eq!(run(&guest(sixty, sixty), settings, 6).verdict, Verdict::Pass);
    // More than is allowed, and less than clean-ups may have: in the second call as in the first.
    for call in [1, 2] {
        let over = format!("(if (i32.eq (call $round) (i32.const {call})) (then (call $write (i32.const 90000))))");
        let test = run(&guest(&over, ""), settings, 6);
        assert_eq!(test.verdict, Verdict::Fail, "{test:?}");
        assert!(message(&test).contains("over the limit `io`: 90"), "{}", message(&test));
    }
}

#[test]
fn each_call_has_the_time_of_one() {
    // Half a second by the host's clock, relative: its record is at 64.
    let sleep = "(i32.store8 (i32.const 72) (i32.const 0)) (i32.store (i32.const 80) (i32.const 1))
        (i64.store (i32.const 88) (i64.const 500000000))
        (drop (call $poll_oneoff (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 192)))";
    for guest in [guest_without_state(sleep), guest(sleep, "")] {
        let test = run(&guest, "timeout = \"2s\"\nclock = \"real\"", 6);
        assert_eq!(test.verdict, Verdict::Pass, "{}", message(&test));
    }
}
