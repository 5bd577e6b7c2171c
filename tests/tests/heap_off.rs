//! Heap accounting changes only what is reported of the heap. With and without it, a test spends the same fuel, runs out of
//! fuel at the same place, and ends in the same way.

use airtight::config::{Config, Profile};
use airtight::policy::CLEANUP_FUEL;
use airtight::report::{Canonical, Heap, ResourceKind, TestRecord, Verdict};
use airtight::{Cache, Compiler, LoadOptions};
use airtight::{Runner, RunnerBuilder, Selection, Streams, Subject};
use airtight_tests::sdk::{sdk_module, state};
use airtight_tests::{cache_dir, compile, guests, guests_dir, scratch_dir, wat_guests};
use std::path::{Path, PathBuf};

fn runner(heap: bool, compiler: Compiler) -> Runner {
    builder(heap).compiler(compiler).build().unwrap()
}

fn builder(heap: bool) -> RunnerBuilder {
    // Modules are loaded again for each amount of fuel.
    uncached(heap).cache(Cache::new(cache_dir().join("modules"), u64::MAX))
}

fn uncached(heap: bool) -> RunnerBuilder {
    Runner::builder(&Config::default(), "default").unwrap().heap_accounting(heap)
}

/// The guests' own profile, with changes.
fn profile(changes: &str) -> Profile {
    let config = std::fs::read_to_string(guests_dir().join("airtight.toml")).unwrap();
    let config = config.replace("fuel = \"50M\"", changes);
    let config = Config::from_str(&config, "airtight.toml", &guests_dir()).unwrap_or_else(|error| panic!("{error}"));
    config.profile("default").unwrap()
}

fn run(runner: &Runner, profile: &Profile, module: &Path) -> Canonical {
    run_bytes(runner, profile, std::fs::read(module).unwrap())
}

fn run_bytes(runner: &Runner, profile: &Profile, module: Vec<u8>) -> Canonical {
    let options = LoadOptions::named("guest");
    let module = runner.load(module, options).unwrap();
    let subject = Subject::new(module);
    let runner = runner.under(profile.clone()).unwrap();
    let planned = runner.plan(vec![subject], &Selection::default()).unwrap();
    runner.run(&planned, &mut ()).unwrap().canonical
}

/// A report without what only heap accounting sees.
fn without_heap(canonical: &Canonical) -> Vec<TestRecord> {
    let tests = canonical.modules.iter().flat_map(|module| &module.tests).cloned();
    tests.map(blind).collect()
}

fn blind(mut test: TestRecord) -> TestRecord {
    if let Some(usage) = &mut test.usage {
        usage.heap = Heap::default();
    }
    let mut details = test.details.take().unwrap_or_default();
    details.retained = Vec::new();
    // It is kept of tests that leak, too.
    details.output = Default::default();
    details.leaks.retain(|leak| leak.kind != ResourceKind::Heap);
    for subtest in &mut details.subtests {
        if let Some(usage) = &mut subtest.usage {
            usage.heap = Heap::default();
        }
        // Its leaks are those of the test that are in its scope.
        subtest.leaks = 0;
        if subtest.verdict == Verdict::Leak {
            subtest.verdict = Verdict::Pass;
        }
    }
    if let Some(growth) = &mut details.growth {
        (growth.heap_blocks, growth.heap_bytes) = (None, None);
        growth.sites.clear();
        for round in &mut growth.rounds {
            (round.heap_blocks, round.heap_bytes) = (None, None);
        }
    }
    if test.verdict == Verdict::Leak && details.leaks.is_empty() {
        test.verdict = Verdict::Pass;
    }
    test.details = (*details != Default::default()).then_some(details);
    test
}

fn c_modules() -> Vec<PathBuf> {
    let entries = guests_dir().join("c").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut modules: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "wasm")).collect();
    modules.sort();
    modules
}

fn every_guest(dir: &Path) -> Vec<PathBuf> {
    let by_hand = wat_guests().into_iter().map(|source| compile(source.file_stem().unwrap().to_str().unwrap(), dir));
    guests().values().cloned().chain(by_hand).chain(c_modules()).collect()
}

fn message(test: &TestRecord) -> &str {
    test.details.as_ref().and_then(|details| details.message.as_deref()).unwrap_or_default()
}

/// Whether a test freed what is not a block, which only accounting sees.
fn freed_nothing(test: &TestRecord) -> bool {
    let message = message(test);
    message.contains("free of ") || message.contains("realloc of ")
}

/// Whether a test has a limit on its heap, which nothing can hold it to without accounting: it then fails, and says so.
fn is_unjudged(test: &TestRecord) -> bool {
    test.verdict == Verdict::Fail && message(test).contains("cannot be judged: heap not tracked")
}

#[test]
fn every_guest_behaves_the_same_without_accounting() {
    let dir = scratch_dir();
    let profile = profile("fuel = \"20M\"");
    let [on, off] = [true, false].map(|heap| runner(heap, Compiler::Cranelift));
    let (mut tests, mut tracked) = (0, 0);
    for module in every_guest(dir.path()) {
        let [seen, unseen] = [&on, &off].map(|runner| run(runner, &profile, &module));
        for (seen, unseen) in without_heap(&seen).into_iter().zip(without_heap(&unseen)) {
            let differs_rightly = freed_nothing(&seen) || is_unjudged(&unseen);
            assert!(seen == unseen || differs_rightly, "{}: {seen:#?} {unseen:#?}", module.display());
        }
        let heaps = |canonical: &Canonical| {
            let tests = canonical.modules.iter().flat_map(|module| &module.tests);
            tests.filter(|test| test.usage.as_ref().is_some_and(|usage| usage.heap.tracked)).count()
        };
        assert_eq!(heaps(&unseen), 0);
        tests += seen.modules.iter().map(|module| module.tests.len()).sum::<usize>();
        tracked += heaps(&seen);
    }
    assert!(tests > 150 && tracked > 100, "{tracked} of {tests} were tracked");
}

/// A program that allocates ends in every amount of fuel as it does without hooks: at the same place, and as far from it.
#[test]
fn fuel_ends_at_the_same_place() {
    for compiler in [Compiler::Cranelift, Compiler::Winch] {
        let [on, off] = [true, false].map(|heap| runner(heap, compiler));
        for name in ["leak_a_realloc_chain", "leak_of_every_kind"] {
            let module = guests_dir().join(format!("c/{name}.wasm"));
            let whole = run(&off, &profile("fuel = \"50M\""), &module).modules[0].tests[0].usage.clone().unwrap();
            let whole = whole.fuel.unwrap();
            // Close to where hooks are called and everywhere else, without taking all day.
            let step = usize::try_from(whole / 200 + 1).unwrap();
            let amounts = (1..whole.min(400)).chain((400..whole).step_by(step)).chain(whole - 40..whole + 40);
            for fuel in amounts {
                let profile = profile(&format!("fuel = {fuel}"));
                let [seen, unseen] = [&on, &off].map(|runner| without_heap(&run(runner, &profile, &module)));
                assert_eq!(seen, unseen, "{name} with {fuel} of {whole} units of fuel, {compiler:?}");
            }
        }
    }
}

/// An allocator that only takes, in memory enough for the probe; a count at address 8.
const ALLOCATOR: &str = r#"
    (memory (export "memory") 8)
    (data (i32.const 2048) "\00\10\00\00")
    (func $malloc (param $size i32) (result i32) (local $at i32)
        (local.set $at (i32.load (i32.const 2048)))
        (i32.store (i32.const 2048)
            (i32.add (local.get $at) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -8))))
        (local.get $at))
    (func $free (param i32) nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop)
    (func $count (result i32)
        (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
        (i32.load (i32.const 8)))
    (func $pairs (param $times i32)
        (loop $again
            (call $free (call $malloc (i32.const 24)))
            (local.set $times (i32.sub (local.get $times) (i32.const 1)))
            (br_if $again (i32.gt_s (local.get $times) (i32.const 0)))))"#;

/// A test of the SDK that allocates, more in each call, and loses a block; and has two clean-ups, which do that and allocate too.
fn with_cleanups(in_cleanup: &str, more: &str) -> Vec<u8> {
    let fields = format!(
        "{ALLOCATOR} {more}
        (func $test (result i32)
            (i32.store (i32.const 1032) (i32.const 2))
            (call $pairs (call $count))
            (drop (call $malloc (i32.const 100)))
            (i32.const 1024))
        (func $cleanup (result i32)
            (if (i32.eqz (i32.load (i32.const 1032))) (then (return (i32.const 0))))
            (i32.store (i32.const 1032) (i32.sub (i32.load (i32.const 1032)) (i32.const 1)))
            {in_cleanup}
            (call $free (call $malloc (i32.const 8)))
            (i32.const 1))"
    );
    sdk_module(&state(0, 0, 0), &fields)
}

/// A program whose main function calls itself, with nothing between its returns.
fn nested_windows(depth: u32) -> Vec<u8> {
    let text = format!(
        r#"(module {ALLOCATOR}
        (func $__original_main (result i32)
            (if (i32.le_u (call $count) (i32.const {depth})) (then (return (call $__original_main))))
            (call $pairs (i32.const 2))
            (i32.const 0))
        (func (export "_start") (drop (call $__original_main))))"#
    );
    wat::parse_str(text).unwrap()
}

/// Runs a module in every amount of fuel up to what it needs, and a little more, with and without accounting: there is no
/// difference.
fn sweep(module: &[u8], [on, off]: [&Runner; 2]) {
    let whole = run_bytes(on, &profile("fuel = \"50M\""), module.to_vec()).modules[0].tests[0].usage.clone().unwrap();
    assert!(whole.heap.tracked, "{:?}", whole.heap);
    let whole = whole.fuel.unwrap();
    for fuel in 1..whole + 60 {
        let profile = profile(&format!("fuel = {fuel}"));
        let seen = run_bytes(on, &profile, module.to_vec());
        let unseen = run_bytes(off, &profile, module.to_vec());
        assert_eq!(without_heap(&seen), without_heap(&unseen), "with {fuel} of {whole} units of fuel");
        let test = &seen.modules[0].tests[0];
        assert!(test.usage.as_ref().unwrap().heap.tracked, "with {fuel} of {whole}: {test:#?}");
    }
}

#[test]
fn fuel_of_each_call_and_each_clean_up_ends_at_the_same_place() {
    for compiler in [Compiler::Cranelift, Compiler::Winch] {
        for repeat in [1, 3] {
            let [on, off] = [true, false].map(|heap| builder(heap).compiler(compiler).repeat(repeat).build().unwrap());
            sweep(&with_cleanups("", ""), [&on, &off]);
        }
    }
}

/// However deep: where nothing is spent between returns, each of them is near the end of the fuel.
#[test]
fn fuel_ends_at_the_same_place_in_nested_windows() {
    let [on, off] = [true, false].map(|heap| runner(heap, Compiler::Cranelift));
    for depth in [5, 70] {
        sweep(&nested_windows(depth), [&on, &off]);
    }
}

/// Clean-ups have fuel of their own, much of it: each of the two uses it up but for a few units, or those too.
#[test]
fn fuel_of_clean_ups_ends_at_the_same_place() {
    const UNITS: u64 = 1000;
    let burn = |units: u64| {
        let (times, rest) = (units / UNITS, units % UNITS);
        let spend = |units: u64| "(drop (i32.const 0))".repeat(usize::try_from(units).unwrap());
        let each = spend(UNITS - 8);
        format!(
            "(func $burn (local $times i32)
                (loop $again
                    {each}
                    (local.set $times (i32.add (local.get $times) (i32.const 1)))
                    (br_if $again (i32.ne (local.get $times) (i32.const {times}))))
                {})",
            spend(rest)
        )
    };
    // Each module is another one, so there is no cache.
    let [on, off] = [true, false].map(|heap| uncached(heap).build().unwrap());
    let profile = profile("fuel = \"50M\"");
    let (mut finished, mut ran_out) = (0, 0);
    for left in 0..110 {
        let module = with_cleanups("(call $burn)", &burn(CLEANUP_FUEL - left));
        let [seen, unseen] = [&on, &off].map(|runner| run_bytes(runner, &profile, module.clone()));
        assert_eq!(without_heap(&seen), without_heap(&unseen), "{left} units less than all");
        let test = &seen.modules[0].tests[0];
        assert!(test.usage.as_ref().unwrap().heap.tracked, "{left} units less than all: {test:#?}");
        match test.details.as_ref().map_or(0, |details| details.cleanups.len()) {
            0 => finished += 1,
            2 => ran_out += 1,
            cleanups => panic!("{cleanups} clean-ups failed: {test:#?}"),
        }
    }
    assert!(finished > 10 && ran_out > 30, "{finished} finished, {ran_out} ran out of fuel");
}

/// Output that is copied as it is written is written once, however often a test is run.
#[test]
fn fuel_ends_at_the_same_place_where_output_is_copied() {
    let [on, off] = [true, false].map(|heap| builder(heap).streams(Streams::Copied).build().unwrap());
    sweep(&with_cleanups("", ""), [&on, &off]);
}
