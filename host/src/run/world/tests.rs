use crate::config::Config;
use crate::model::{Report, Verdict};
use crate::run::{Runner, Selection, Subject};
use crate::sandbox::{Compiler, LoadOptions};
use std::fmt::Write;
use std::path::Path;

/// A module of SDK tests. Each entry is a function's name and its role, which may be empty.
fn module(entries: &[(&str, &str)], code: &str) -> Vec<u8> {
    let (mut section, mut exports) = (String::new(), String::new());
    for (name, role) in entries {
        let export = format!("airtight:test/m::{name}");
        let mut body = format!("name\0m::{name}\0export\0{export}\0file\0src/lib.rs\0line\01\0");
        if !role.is_empty() {
            write!(body, "role\0{role}\0").unwrap();
        }
        let len = u32::try_from(body.len()).unwrap().to_le_bytes();
        let record = b"ATR1".iter().chain(&len).chain(body.as_bytes());
        record.for_each(|byte| write!(section, "\\{byte:02x}").unwrap());
        writeln!(exports, "(export \"{export}\" (func ${name}))").unwrap();
    }
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1 8)
            (global $__stack_pointer (mut i32) (i32.const 1024))
            (global $count (mut i64) (i64.const 0))
            (table 2 funcref)
            (func $nothing (result i32) (i32.const 0))
            (export "airtight:state" (func $nothing))
            (export "airtight:cleanup" (func $nothing))
            (export "airtight:flush" (func $nothing))
            (func $check (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
            {code}
            {exports}
            (@custom "airtight.tests" "{section}"))"#
    );
    wat::parse_str(text).unwrap()
}

/// A set-up that counts in memory and in a global, and grows memory.
const SETUP: &str = r#"(func $setup (result i32)
    (drop (memory.grow (i32.const 1)))
    (i32.store (i32.const 70000) (i32.add (i32.load (i32.const 70000)) (i32.const 1)))
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (i32.const 0))"#;

/// A test which checks that only the set-up has counted, and that it did so once; then it changes both counts.
fn counts(name: &str) -> String {
    format!(
        r#"(func ${name} (result i32)
            (call $check (i32.eq (memory.size) (i32.const 2)))
            (call $check (i32.eq (i32.load (i32.const 70000)) (i32.const 1)))
            (call $check (i64.eq (global.get $count) (i64.const 1)))
            (i32.store (i32.const 70000) (i32.const 9))
            (global.set $count (i64.const 9))
            (i32.const 0))"#
    )
}

fn run_with(text: &str, module: &[u8], selection: &Selection) -> Report {
    let config = Config::from_str(text, "airtight.toml", Path::new("/")).unwrap();
    let runner = Runner::builder(&config, "default").unwrap().jobs(4).build().unwrap();
    let module = runner.load(module.to_vec(), LoadOptions::named("m")).unwrap();
    let plan = runner.plan(vec![Subject::new(module)], selection).unwrap();
    runner.run(&plan, &mut ()).unwrap()
}

fn run(text: &str, module: &[u8]) -> Report {
    run_with(text, module, &Selection::default())
}

/// `name verdict: message` of each entry.
fn told(report: &Report) -> Vec<String> {
    let tests = report.canonical.modules.iter().flat_map(|module| &module.tests);
    let told = tests.map(|test| {
        let details = test.details.as_deref();
        let said = details.and_then(|details| details.message.clone().or_else(|| details.reason.clone()));
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        let verdict = format!("{:?}", test.verdict).to_lowercase();
        format!("{} {verdict}{said}", test.name)
    });
    told.collect()
}

#[test]
fn every_test_begins_where_the_set_up_ended() {
    let entries = [("a", ""), ("b", ""), ("c", ""), ("setup", "setup"), ("teardown", "teardown")];
    let code: String = ["a", "b", "c", "teardown"].map(counts).concat() + SETUP;
    let module = module(&entries, &code);
    let report = run("", &module);
    assert_eq!(told(&report), ["a pass", "b pass", "c pass", "setup pass", "teardown pass"]);
    let figure = |name: &str| {
        let test = report.canonical.modules[0].tests.iter().find(|test| *test.name == *name).unwrap();
        let usage = test.usage.as_ref().unwrap();
        (usage.fuel.unwrap(), usage.linear_peak.unwrap())
    };
    assert_eq!(figure("a"), figure("b"));
    assert_eq!((figure("a").1, figure("setup").1), (2 << 16, 2 << 16));
    let again = run("", &module);
    assert_eq!(again.digest, report.digest);
    for compiler in [Compiler::Winch, Compiler::Pulley] {
        let config = Config::default();
        let runner = Runner::builder(&config, "default").unwrap().compiler(compiler).build().unwrap();
        let module = runner.load(module.clone(), LoadOptions::named("m")).unwrap();
        let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
        assert_eq!(runner.run(&plan, &mut ()).unwrap().digest, report.digest, "{compiler:?}");
    }
}

#[test]
fn filters_leave_no_set_up_out_and_one_that_names_it_runs_it_alone() {
    let entries = [("a", ""), ("b", ""), ("setup", "setup")];
    let module = module(&entries, &(counts("a") + &counts("b") + SETUP));
    let filtered = |filter: &str| {
        let selection = Selection { filters: vec![filter.to_owned()], ..Selection::default() };
        told(&run_with("", &module, &selection))
    };
    assert_eq!(filtered("a"), ["a pass", "setup pass"]);
    assert_eq!(filtered("setup"), ["setup pass"]);
    assert_eq!(filtered("z"), [""; 0]);
}

#[test]
fn without_a_set_up_that_passes_no_test_is_run() {
    let entries = [("a", ""), ("setup", "setup"), ("teardown", "teardown")];
    let code = "(func $setup (result i32) unreachable) (func $teardown (result i32) unreachable)";
    let report = run("", &module(&entries, &(counts("a") + code)));
    let skipped = "a skip: not run: its set-up `setup` did not pass";
    assert_eq!(told(&report)[0], skipped);
    assert_eq!(report.canonical.modules[0].tests[1].verdict, Verdict::Fail);
    assert_eq!(told(&report)[2], "teardown skip: not run: there is nothing that it could undo");
}

#[test]
fn what_cannot_be_captured_is_refused_by_name() {
    let entries = [("a", ""), ("setup", "setup")];
    let code = counts("a")
        + "(elem declare func $check) (func $setup (result i32) (table.set (i32.const 1) (ref.func $check)) (i32.const 0))";
    let report = run("", &module(&entries, &code));
    let said = &told(&report)[1];
    assert!(said.starts_with("setup fail: tests cannot begin where it ends: its function"), "{said}");
    assert!(said.ends_with("has `table.set`, which changes a table that the host cannot read"), "{said}");
}

#[test]
fn a_test_that_is_granted_another_world_is_refused() {
    let entries = [("a", ""), ("b", ""), ("setup", "setup")];
    let module = module(&entries, &(counts("a") + &counts("b") + SETUP));
    let report = run("[[profile.default.overrides]]\nfilter = \"a\"\nenv = { A = \"b\" }\n", &module);
    let refused =
        "a fail: its environment is not that of its set-up `setup`, in whose world it begins: give both the same";
    assert_eq!(told(&report), [refused, "b pass", "setup pass"]);
    let limits = run("[[profile.default.overrides]]\nfilter = \"a\"\nhandles = 7\nmemory = \"64KiB\"\n", &module);
    assert!(told(&limits)[0].starts_with("a memory: "), "{:?}", told(&limits));
    assert_eq!(told(&limits)[1..], ["b pass", "setup pass"]);
}

/// A function that creates a file and keeps it open; the call must return this error number.
fn opens(name: &str, errno: u32) -> String {
    format!(
        r#"(func ${name} (result i32)
            (i32.store8 (i32.const 0) (i32.const 102))
            (call $check (i32.eq (i32.const {errno}) (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1)
                (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 8))))
            (i32.const 0))"#
    )
}

#[test]
fn a_teardown_has_limits_of_its_own() {
    const MFILE: u32 = 33;
    let entries = [("a", ""), ("setup", "setup"), ("teardown", "teardown")];
    let module =
        module(&entries, &(opens("setup", 0) + "(func $a (result i32) (i32.const 0))" + &opens("teardown", MFILE)));
    let report = run("[[profile.default.overrides]]\nfilter = \"teardown\"\nhandles = 1\n", &module);
    assert_eq!(told(&report), ["a pass", "setup pass", "teardown leak"]);
    assert!(told(&run("", &module))[2].starts_with("teardown fail"), "without a limit it may open one more");
}

#[test]
fn a_profile_names_a_test_as_the_set_up_where_the_module_declares_none() {
    let entries = [("a", ""), ("b", ""), ("setup", "")];
    let code = counts("a") + &counts("b") + SETUP;
    let named = run("[profile.default]\nsetup-test = \"setup\"\n", &module(&entries, &code));
    assert_eq!(told(&named), ["a pass", "b pass", "setup pass"]);
    let unnamed = run("", &module(&entries, &code));
    assert!(told(&unnamed)[0].starts_with("a fail"), "{:?}", told(&unnamed));
    let declared = [("a", ""), ("b", ""), ("setup", "setup")];
    let other = run("[profile.default]\nsetup-test = \"b\"\n", &module(&declared, &code));
    assert_eq!(told(&other), ["a pass", "b pass", "setup pass"], "what a module declares comes first");
}

#[test]
fn with_fail_fast_what_counts_does_not_depend_on_the_workers() {
    let entries = [("a", ""), ("b", ""), ("setup", "setup")];
    let module = module(&entries, &("(func $a (result i32) unreachable)".to_owned() + &counts("b") + SETUP));
    let config = Config::default();
    let builder = Runner::builder(&config, "default").unwrap().jobs(4).max_fail(std::num::NonZeroU32::new(1));
    let runner = builder.build().unwrap();
    let module = runner.load(module, LoadOptions::named("m")).unwrap();
    let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
    for _ in 0..20 {
        let told = told(&runner.run(&plan, &mut ()).unwrap());
        assert!(told[0].starts_with("a fail"), "{told:?}");
        assert_eq!(told[1..], ["b skip: not run: an earlier test failed (--fail-fast)", "setup pass"]);
    }
}

/// What a set-up adds to clean-up coverage is looked up by its module, and two modules may have one name.
#[test]
fn two_modules_of_one_name_have_coverages_of_their_own() {
    let entries = [("a", ""), ("setup", "setup")];
    let nothing = |name: &str| format!("(func ${name} (result i32) (i32.const 0))");
    let modules = [opens("setup", 0), nothing("setup")].map(|setup| module(&entries, &(setup + &nothing("a"))));
    let text = "[profile.default]\ngate = { cleanup-coverage = \"1%\" }\n";
    let config = Config::from_str(text, "airtight.toml", Path::new("/")).unwrap();
    let runner = Runner::builder(&config, "default").unwrap().build().unwrap();
    let load = |bytes: Vec<u8>| Subject::new(runner.load(bytes, LoadOptions::named("m")).unwrap());
    let selection = Selection { partition: Some("slice:1/1".parse().unwrap()), ..Selection::default() };
    let plan = runner.plan(modules.map(load).into(), &selection).unwrap();
    let worlds = runner.run(&plan, &mut ()).unwrap().volatile.worlds.unwrap();
    let mut sites: Vec<_> = worlds.entries.iter().map(|entry| entry.coverage.as_ref().unwrap().sites).collect();
    sites.sort_unstable();
    assert_eq!(sites, [0, 1]);
}

#[test]
fn a_socket_of_the_host_is_refused_by_name() {
    let entries = [("a", ""), ("setup", "setup")];
    let text = "[[profile.default.socket]]\nname = \"server\"\nlisten = \"127.0.0.1:0\"\n";
    let report = run(text, &module(&entries, &(counts("a") + SETUP)));
    let why = "it is granted the socket `server` of the host, which cannot be shared out";
    assert_eq!(told(&report)[1], format!("setup fail: tests cannot begin where it ends: {why}"));
}
