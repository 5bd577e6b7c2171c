//! What the benchmarks share: modules with SDK tests that need no toolchain, and medians. Each uses a part of it.

#![allow(dead_code, reason = "every benchmark is a program of its own")]

pub mod bare;

use airtight::LoadOptions;
use airtight::config::Config;
use airtight::{Event, Listener};
use airtight::{ModuleGrants, Plan, Runner, Selection, Subject};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The export of the `index`th test.
pub fn export(index: usize) -> String {
    format!("airtight:test/bench::t{index:06}")
}

/// What a test of [`module`] does: it fills a little memory of its own, and returns.
const FILLS_MEMORY: &str = r#"
    (func $test (result i32) (local $i i32)
        (loop $again
            (i32.store (i32.add (i32.const 1049600) (i32.shl (local.get $i) (i32.const 2))) (local.get $i))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16))))
        (i32.const 0))"#;

/// A module with `tests` SDK tests, each of which writes to its memory a little and returns.
pub fn module(tests: usize) -> Vec<u8> {
    let imports = r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
    module_of(tests, imports, FILLS_MEMORY)
}

/// A module with `tests` SDK tests that are all the function `$test`.
pub fn module_of(tests: usize, imports: &str, test: &str) -> Vec<u8> {
    module_with_setup(tests, imports, test, None)
}

/// The same, with the function `$setup` among the functions as its set-up, and memory of so many pages.
pub fn module_with_setup(tests: usize, imports: &str, test: &str, setup_pages: Option<u32>) -> Vec<u8> {
    let mut records = Vec::new();
    let mut exports = String::new();
    let mut add = |export: &str, more: &str, function: &str| {
        let name = export.trim_start_matches("airtight:test/");
        let body = format!("name\0{name}\0export\0{export}\0file\0src/lib.rs\0line\01\0{more}");
        records.extend_from_slice(b"ATR1");
        records.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
        records.extend_from_slice(body.as_bytes());
        writeln!(exports, "(export \"{export}\" (func ${function}))").unwrap();
    };
    (0..tests).for_each(|index| add(&export(index), "", "test"));
    if setup_pages.is_some() {
        add("airtight:test/bench::setup", "role\0setup\0", "setup");
    }
    let pages = setup_pages.unwrap_or(17);
    let section: String = records.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module
            {imports}
            (memory (export "memory") {pages})
            (global $__stack_pointer (mut i32) (i32.const 1048576))
            (data (i32.const 1048576) "some static data")
            {test}
            (func $nothing (result i32) (i32.const 0))
            (export "airtight:state" (func $nothing))
            (export "airtight:cleanup" (func $nothing))
            (export "airtight:flush" (func $nothing))
            {exports}
            (@custom "airtight.tests" "{section}"))"#
    );
    wat::parse_str(text).unwrap()
}

/// A module with `tests` SDK tests that all do this, and whose other threads do that. Each has a local `$n` to count with.
pub fn threaded_module(tests: usize, test: &str, thread: &str) -> Vec<u8> {
    let mut records = Vec::new();
    let mut exports = String::new();
    for index in 0..tests {
        let export = export(index);
        let name = export.trim_start_matches("airtight:test/");
        let body = format!("name\0{name}\0export\0{export}\0file\0src/lib.rs\0line\01\0");
        records.extend_from_slice(b"ATR1");
        records.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
        records.extend_from_slice(body.as_bytes());
        writeln!(exports, "(export \"{export}\" (func $test))").unwrap();
    }
    let section: String = records.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module
            (import "env" "memory" (memory 17 100 shared))
            (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
            (export "memory" (memory 0))
            (global $__stack_pointer (mut i32) (i32.const 1048576))
            (func $test (result i32) (local $n i32) {test} (i32.const 0))
            (func $nothing (result i32) (i32.const 0))
            (export "airtight:state" (func $nothing))
            (export "airtight:cleanup" (func $nothing))
            (export "airtight:flush" (func $nothing))
            (func (export "wasi_thread_start") (param $id i32) (param $given i32) (local $n i32) {thread})
            {exports}
            (@custom "airtight.tests" "{section}"))"#
    );
    wat::parse_str(text).unwrap()
}

/// A runner with one worker and the tests of [`module`], planned.
pub fn planned(tests: usize) -> (Runner, Plan) {
    planned_with(tests, module(tests), ModuleGrants::default())
}

/// The same with a module and grants of one's own.
pub fn planned_with(tests: usize, module: Vec<u8>, grants: ModuleGrants) -> (Runner, Plan) {
    planned_as(true, tests, module, grants)
}

/// The same, with heap accounting or without.
pub fn planned_as(heap_accounting: bool, tests: usize, module: Vec<u8>, grants: ModuleGrants) -> (Runner, Plan) {
    let builder = Runner::builder(&Config::default(), "default").unwrap();
    let runner = builder.jobs(1).heap_accounting(heap_accounting).build().unwrap();
    let options = LoadOptions::named("bench");
    let module = runner.load(module, options).unwrap();
    let planned = runner.plan(vec![Subject::new(module).with_grants(grants)], &Selection::default()).unwrap();
    assert_eq!(planned.modules()[0].tests.iter().filter(|test| test.is_test()).count(), tests);
    (runner, planned)
}

/// Measures from the start of a run to the end of its last test: without the report, which is made once a run.
#[derive(Default)]
pub struct Stopwatch {
    began: Option<Instant>,
    pub took: Duration,
    pub passed: usize,
}

impl Listener for Stopwatch {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::RunStarted { .. } => self.began = Some(Instant::now()),
            Event::TestFinished { test, .. } => {
                self.passed += usize::from(test.verdict == airtight::report::Verdict::Pass);
                self.took = self.began.map(|began| began.elapsed()).unwrap_or_default();
            }
            _ => {}
        }
    }
}

/// The middle of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
