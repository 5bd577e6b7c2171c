use crate::config::Config;
use crate::model::{Report, TestRecord, Verdict};
use crate::run::{Runner, Selection, Subject};
use crate::sandbox::{Compiler, LoadOptions};
use std::fmt::Write;
use std::path::Path;

/// A module with one SDK test, `$test`, that forks by `$fork`; `$enter` is what a fork calls, with the function's number and the data.
fn module(fields: &str) -> Vec<u8> {
    let body = "name\0m::t\0export\0airtight:test/m::t\0file\0src/lib.rs\0line\x001\0";
    let len = u32::try_from(body.len()).unwrap().to_le_bytes();
    let mut section = String::new();
    let record = b"ATR1".iter().chain(&len).chain(body.as_bytes());
    record.for_each(|byte| write!(section, "\\{byte:02x}").unwrap());
    let text = format!(
        r#"(module
            (import "airtight" "scope_fork" (func $scope_fork (param i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
            (memory (export "memory") 2 8)
            (global $__stack_pointer (mut i32) (i32.const 1024))
            (global $wide (mut i64) (i64.const 1))
            (data (i32.const 2000) "case")
            ;; The state of the test: version 1, and nothing said.
            (data (i32.const 3000) "\01\00\00\00")
            (func $state (export "airtight:state") (result i32) (i32.const 3000))
            (func $nothing (export "airtight:cleanup") (export "airtight:flush") (result i32) (i32.const 0))
            (func (export "airtight:next-cleanup") (param i32) (result i32) (i32.const 0))
            (func $check (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
            (func $fork (param $function i32) (param $data i32)
                (drop (call $scope_fork (i32.const 3000) (i32.const 2000) (i32.const 4) (local.get 0) (local.get 1))))
            (export "airtight:subtest" (func $enter))
            (export "airtight:test/m::t" (func $test))
            {fields}
            (@custom "airtight.tests" "{section}"))"#
    );
    wat::parse_str(text).unwrap()
}

fn run_on(compiler: Compiler, text: &str, module: &[u8]) -> Report {
    let config = Config::from_str(text, "airtight.toml", Path::new("/")).unwrap();
    let runner = Runner::builder(&config, "default").unwrap().compiler(compiler).build().unwrap();
    let module = runner.load(module.to_vec(), LoadOptions::named("m")).unwrap();
    let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
    runner.run(&plan, &mut ()).unwrap()
}

fn run(module: &[u8]) -> TestRecord {
    run_on(Compiler::default(), "", module).canonical.modules[0].tests[0].clone()
}

/// `name verdict: message` of each subtest.
fn told(test: &TestRecord) -> Vec<String> {
    let subtests = test.details.iter().flat_map(|details| &details.subtests);
    let told = subtests.map(|subtest| {
        let said = subtest.message.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
        format!("{} {}{said}", subtest.name, format!("{:?}", subtest.verdict).to_lowercase())
    });
    told.collect()
}

/// Each fork finds memory, a page that was grown, globals and randomness as they were, and what it does to them is gone with it.
const WHOLE: &str = r#"
    (func $test (result i32)
        (local $nth i32)
        (call $check (i32.eq (memory.grow (i32.const 1)) (i32.const 2)))
        (global.set $__stack_pointer (i32.const 960))
        (global.set $wide (i64.const -7))
        (loop $again
            (i32.store (i32.const 140000) (i32.add (local.get $nth) (i32.const 100)))
            (call $fork (i32.const 1) (local.get $nth))
            (local.set $nth (i32.add (local.get $nth) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $nth) (i32.const 3))))
        (call $check (i32.eqz (i32.load (i32.const 170000))))
        (call $check (i64.eq (global.get $wide) (i64.const -7)))
        (i32.const 0))
    (func $enter (param $function i32) (param $data i32) (result i32)
        (call $check (i32.eq (local.get $function) (i32.const 1)))
        (call $check (i32.eq (memory.size) (i32.const 3)))
        (call $check (i32.eq (i32.load (i32.const 140000)) (i32.add (local.get $data) (i32.const 100))))
        (call $check (i32.eqz (i32.load (i32.const 170000))))
        (call $check (i32.eq (global.get $__stack_pointer) (i32.const 960)))
        (call $check (i64.eq (global.get $wide) (i64.const -7)))
        (i32.store (i32.const 170000) (i32.const 1))
        (i32.store (i32.const 2000) (i32.const 0))
        (global.set $wide (i64.const 9))
        (i32.const 0))"#;

#[test]
fn a_fork_begins_where_its_test_stands() {
    let module = module(WHOLE);
    let report = run_on(Compiler::default(), "", &module);
    let test = &report.canonical.modules[0].tests[0];
    assert_eq!(told(test), ["case pass", "case#01 pass", "case#02 pass"]);
    assert_eq!(test.verdict, Verdict::Pass, "{test:?}");
    let forks = &test.details.as_ref().unwrap().subtests;
    let usage = |nth: usize| forks[nth].usage.as_ref().unwrap();
    assert_eq!((usage(0), usage(0).linear_peak), (usage(2), Some(3 << 16)), "each counts from nothing");
    for compiler in [Compiler::Winch, Compiler::Pulley] {
        assert_eq!(run_on(compiler, "", &module).digest, report.digest, "{compiler:?}");
    }
}

/// Two forks of one place find the same randomness, and a test that begins from an image forks as any other.
#[test]
fn forks_share_what_was_not_drawn_yet() {
    let code = r#"
        (func $test (result i32)
            (drop (call $random (i32.const 4000) (i32.const 8)))
            (call $fork (i32.const 0) (i32.const 0))
            (call $fork (i32.const 0) (i32.const 0))
            (i32.const 0))
        (func $enter (param i32 i32) (result i32)
            (drop (call $random (i32.const 4008) (i32.const 8)))
            (call $check (i64.ne (i64.load (i32.const 4000)) (i64.load (i32.const 4008))))
            ;; The number is told by how the fork ends: it exits with a part of it.
            (i32.store8 (i32.const 2000) (i32.or (i32.const 64) (i32.and (i32.const 15) (i32.load (i32.const 4008)))))
            (call $fork (i32.const 1) (i32.const 0))
            (i32.const 0))"#;
    let once = code.replacen(
        "(func $enter (param i32 i32) (result i32)",
        "(func $enter (param i32 i32) (result i32) (if (local.get 0) (then (return (i32.const 0))))",
        1,
    );
    let told = told(&run(&module(&once)));
    assert_eq!(told.len(), 4, "{told:?}");
    let drawn = |told: &str| told.split('/').nth(1).map(str::to_owned);
    assert_eq!(drawn(&told[1]), drawn(&told[3]), "{told:?}");
}

#[test]
fn what_cannot_be_captured_is_refused_by_name() {
    let forks = "(func $test (result i32) (call $fork (i32.const 0) (i32.const 0)) (i32.const 0))";
    let enters = "(func $enter (param i32 i32) (result i32) (i32.const 0))";
    for (fields, why) in [
        ("(table 2 funcref) (func (table.set 0 (i32.const 0) (ref.null func)))", "`table.set`, which changes a table"),
        ("(func $starts) (start $starts)", "its module has a start function, which would run once more"),
        ("(global (mut f64) (f64.const 1))", "has the type f64, which the host cannot read"),
    ] {
        let test = run(&module(&[forks, enters, fields].concat()));
        let [told] = &told(&test)[..] else { panic!("{test:?}") };
        assert!(told.starts_with("case fail: it cannot be forked here: ") && told.contains(why), "{told}");
        assert_eq!(test.details.unwrap().message.unwrap(), "its subtest `case` failed");
        assert_eq!(test.verdict, Verdict::Fail);
    }
}

/// A hostile test that forks for ever ends with its limits, and a host that is not much larger.
#[test]
fn forks_have_an_end() {
    let code = r#"
        (func $test (result i32) (loop $again (call $fork (i32.const 0) (i32.const 0)) (br $again)) (i32.const 0))
        (func $enter (param i32 i32) (result i32) (call $fork (i32.const 0) (i32.const 0)) (unreachable))"#;
    let report = run_on(Compiler::default(), "[profile.default]\nfuel = \"1M\"\n", &module(code));
    let test = &report.canonical.modules[0].tests[0];
    assert_eq!(test.verdict, Verdict::Timeout, "{test:?}");
    let deep = r#"
        (func $test (result i32) (call $fork (i32.const 0) (i32.const 0)) (i32.const 0))
        (func $enter (param i32 i32) (result i32) (call $fork (i32.const 0) (i32.const 0)) (i32.const 0))"#;
    let test = run(&module(deep));
    let all = told(&test);
    assert!(all.last().unwrap().contains("subtests are nested more than 64 deep"), "{:?}", all.last());
}

/// Whatever a module hands over, its fork ends by itself, and the next one is none the worse for it.
#[test]
fn hostile_forks_fail_alone() {
    let code = r#"
        (func $test (result i32)
            (call $fork (i32.const 1) (i32.const 0))
            (call $fork (i32.const 2) (i32.const 0))
            (call $fork (i32.const 0) (i32.const 0))
            (i32.const 0))
        (func $enter (param i32 i32) (result i32)
            (if (i32.eq (local.get 0) (i32.const 1)) (then
                ;; The state of a test of another version.
                (i32.store (i32.const 3000) (i32.const 77))))
            (if (i32.eq (local.get 0) (i32.const 2)) (then
                (memory.fill (i32.const 0) (i32.const 255) (i32.const 131072)) (unreachable)))
            (i32.const 0))"#;
    let test = run(&module(code));
    let told = told(&test);
    assert_eq!(told[2], "case#02 pass");
    assert!(told[..2].iter().all(|told| told.contains(" fail: ")), "{told:?}");
    assert_eq!(test.verdict, Verdict::Fail);
}
