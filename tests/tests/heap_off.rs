//! Heap accounting changes nothing but what is said of the heap: with and without it a test spends the same fuel, runs out of
//! it at the same place, and ends in the same way.

use airtight::config::{Config, Profile};
use airtight::report::model::{Canonical, Heap, ResourceKind, TestRecord, Verdict};
use airtight::run::{ModuleGrants, Runner, RunnerOptions, Selection, Subject};
use airtight::sandbox::{Cache, Compiler, LoadOptions};
use airtight_tests::{cache_dir, compile, guests, guests_dir, scratch_dir, wat_guests};
use std::path::{Path, PathBuf};

fn runner(heap: bool, compiler: Compiler) -> Runner {
    // Modules are loaded again for each amount of fuel.
    let cache = Some(Cache::new(cache_dir().join("modules"), u64::MAX));
    Runner::new(RunnerOptions { heap, compiler, cache, ..RunnerOptions::default() }).unwrap()
}

/// The guests' own profile, with changes.
fn profile(changes: &str) -> Profile {
    let config = std::fs::read_to_string(guests_dir().join("airtight.toml")).unwrap();
    let config = config.replace("fuel = \"50M\"", changes);
    let config = Config::from_str(&config, "airtight.toml", &guests_dir()).unwrap_or_else(|error| panic!("{error}"));
    config.profile("default").unwrap()
}

fn run(runner: &Runner, profile: &Profile, module: &Path) -> Canonical {
    let options = LoadOptions { name: "guest".into(), ..LoadOptions::default() };
    let module = runner.load(std::fs::read(module).unwrap(), options).unwrap();
    let subject = Subject { module, grants: ModuleGrants::default() };
    let planned = runner.plan(vec![subject], profile, &Selection::default()).unwrap();
    runner.run(&planned, profile, &mut ()).unwrap().canonical
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

/// Whether a test freed what is no block, which only accounting sees.
fn freed_nothing(test: &TestRecord) -> bool {
    let message = test.details.as_ref().and_then(|details| details.message.as_deref()).unwrap_or_default();
    message.contains("free of ") || message.contains("realloc of ")
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
            assert!(seen == unseen || freed_nothing(&seen), "{}: {seen:#?} {unseen:#?}", module.display());
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
