//! The library, used in a program as its users do.

use airtight::LoadOptions;
use airtight::config::{Config, Profile};
use airtight::policy::{Limit, Limits, Policy, policy_record};
use airtight::report::{Report, Verdict};
use airtight::{Plan, RunError, Runner, RunnerBuilder, Selection, Subject};
use airtight_tests::{compile, guest, scratch_dir};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

/// The descriptor list is the process's, so that tests which look at it may not run at once.
static ALONE: Mutex<()> = Mutex::new(());

fn builder() -> RunnerBuilder {
    Runner::builder(&Config::default(), "default").unwrap()
}

fn plan(runner: &Runner, module: &Path) -> Plan {
    let bytes = std::fs::read(module).unwrap();
    let options = LoadOptions::named("guest");
    let module = runner.load(bytes, options).unwrap();
    let subject = Subject::new(module);
    runner.plan(vec![subject], &Selection::default()).unwrap()
}

fn run(runner: &Runner, module: &Path) -> Report {
    runner.run(&plan(runner, module), &mut ()).unwrap()
}

/// What the process has open, by number and target.
fn open() -> BTreeSet<(String, String)> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let targets = entries.filter_map(|path| {
        let target = std::fs::read_link(&path).ok()?;
        Some((path.file_name()?.to_str()?.to_owned(), target.to_str()?.to_owned()))
    });
    targets.filter(|(_, target)| !target.ends_with("/fd")).collect()
}

/// More than a thousand tests, of which most leave something open.
#[test]
fn a_thousand_tests_leave_the_process_s_descriptors_as_they_were() {
    let _alone = ALONE.lock().unwrap();
    let outside = open();
    let runner = builder().build().unwrap();
    let planned = plan(&runner, guest("plain/files"));
    let run = || runner.run(&planned, &mut ()).unwrap().canonical.modules[0].tests.len();
    run();
    let before = open();
    let mut tests = 0;
    while tests < 1000 {
        tests += run();
    }
    assert_eq!(open(), before);
    drop((planned, runner));
    assert_eq!(open(), outside, "nor does the runner keep any");
}

/// Guests have the stack that they need wherever the embedder calls from.
#[test]
fn a_caller_with_a_small_stack_is_no_danger() {
    let _alone = ALONE.lock().unwrap();
    let dir = scratch_dir();
    let module = compile("trap_endless_recursion", dir.path());
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(move || {
        let runner = builder().jobs(1).build().unwrap();
        run(&runner, &module).canonical.modules[0].tests[0].verdict
    });
    assert_eq!(thread.unwrap().join().unwrap(), Verdict::Fail);
}

#[test]
fn the_allocator_does_not_show() {
    let _alone = ALONE.lock().unwrap();
    let reports = [true, false].map(|pooling| {
        let runner = builder().pooling(pooling).build().unwrap();
        assert_eq!(runner.is_pooled(), pooling);
        run(&runner, guest("plain/endings")).digest
    });
    assert_eq!(reports[0], reports[1]);
}

/// A profile whose scratch file system holds so many bytes.
fn scratch_of(bytes: u64) -> Profile {
    let limits = Limits::default().with(Limit::Scratch, bytes);
    Profile::for_policy(Policy { limits, ..Policy::default() })
}

/// The tests of a plan have the policy that it was made under, so that a report of another one would be wrong.
#[test]
fn a_plan_that_another_runner_runs_keeps_its_policy_and_reports_it() {
    let _alone = ALONE.lock().unwrap();
    let runner = builder().build().unwrap();
    let [one, other] = [1 << 20, 2 << 20].map(|bytes| runner.under(scratch_of(bytes)).unwrap());
    let planned = plan(&one, guest("plain/files"));
    let own = one.run(&planned, &mut ()).unwrap();
    let by_other = other.run(&planned, &mut ()).unwrap();
    assert_eq!(own.canonical, by_other.canonical);
    assert_eq!(own.canonical.policy, policy_record(scratch_of(1 << 20).policy()));
    assert_ne!(own.canonical.policy, other.run(&plan(&other, guest("plain/files")), &mut ()).unwrap().canonical.policy);
}

/// Machine code belongs to one engine; another would give every test a failure of its own.
#[test]
fn what_another_engine_loaded_is_refused_by_name() {
    let _alone = ALONE.lock().unwrap();
    let [loads, runs] = [(); 2].map(|()| builder().build().unwrap());
    let refused = |error: RunError| {
        assert!(matches!(&error, RunError::OtherEngine { module } if module == "guest"), "{error}");
    };
    refused(runs.run(&plan(&loads, guest("plain/files")), &mut ()).unwrap_err());
    let loaded = || {
        let bytes = std::fs::read(guest("plain/files")).unwrap();
        Subject::new(loads.load(bytes, LoadOptions::named("guest")).unwrap())
    };
    refused(runs.plan(vec![loaded()], &Selection::default()).map(|_| ()).unwrap_err());
}
