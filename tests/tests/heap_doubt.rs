//! A heap that is known only in part, because the test cannot be run a second time. Nothing about it is reported as
//! certain, and no limit is kept or broken by a guess. Also limits of the command line, which come before the
//! configuration's.

use airtight::LoadOptions;
use airtight::config::Config;
use airtight::report::Verdict;
use airtight::report::{HeapProfile, ProfileSite};
use airtight::{Runner, Selection, Subject};
use airtight_tests::{Ran, guests_dir, read_report, run, scratch_dir, tests};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

/// Why there is no second run, in all that follows.
const DOUBT: &str = "a second run cannot be done: the test is granted the real clock";

/// Runs one of the C programs with the real clock and these settings.
fn with_doubt(program: &str, settings: &str, args: &[&str]) -> (Ran, Value) {
    with(program, &format!("clock = \"real\"\n{settings}"), args)
}

/// Runs one of the C programs with these settings.
fn with(program: &str, settings: &str, args: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    let file = format!("{program}.wasm");
    fs::copy(guests_dir().join("c").join(&file), dir.path().join(&file)).unwrap();
    fs::write(dir.path().join("airtight.toml"), format!("[profile.default]\n{settings}\n")).unwrap();
    let ran = run(dir.path(), ["run", "--trust", &file, "--report", "json=report.json"].iter().chain(args));
    let report = read_report(&dir.path().join("report.json"));
    let (_, test) = tests(&report).next().unwrap_or_else(|| panic!("{}", ran.stderr));
    (ran, test.clone())
}

/// Lines of the console that say something of the heap.
fn said(ran: &Ran) -> Vec<&str> {
    ran.stdout.lines().map(str::trim).filter(|line| line.contains("Heap ") || line.contains("not certain")).collect()
}

#[test]
fn what_is_retained_is_at_most_so_much() {
    let (ran, test) = with_doubt("pass_a_static_head", "", &[]);
    assert_eq!((ran.status, &test["verdict"]), (Some(0), &json!("pass")), "{}", ran.stdout);
    let heap = &test["usage"]["heap"];
    assert_eq!((&heap["lost"], &heap["retained"], &heap["doubt"]), (&json!(0), &json!(800), &json!(DOUBT)));
    assert_eq!(heap["doubt_code"], "unrepeatable");
    let expected = [
        "Heap retained in at most 1 test: at most 100 blocks (800 bytes)",
        &format!("Heap not certain in 1 test: {DOUBT}"),
    ];
    assert_eq!(said(&ran), expected);
    let (ran, _) = with_doubt("pass_a_static_head", "", &["--status-level", "all"]);
    assert!(
        ran.stdout.contains("(static data may still reach it): at most 100 heap blocks (800 bytes)"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains(&format!("    not certain what is lost: {DOUBT}\n")), "{}", ran.stdout);
}

#[test]
fn where_nothing_can_be_retained_the_figures_are_certain() {
    let (ran, test) = with_doubt("leak_a_list_by_its_head", "", &[]);
    assert_eq!((ran.status, &test["verdict"]), (Some(100), &json!("leak")), "{}", ran.stdout);
    let expected =
        [&format!("not certain where it was allocated: {DOUBT}"), "Heap lost in 1 test: 100 blocks (800 bytes)"];
    assert_eq!(said(&ran), expected);
}

/// The whole megabyte is lost, and without a second run it only may be.
#[test]
fn what_only_integers_reach_may_be_lost() {
    for (limits, verdict, message) in [
        ("", "pass", ""),
        ("lost = \"1MiB\"", "pass", ""),
        ("retained = \"1MiB\"", "pass", ""),
        ("lost = 0", "fail", "`lost` cannot be judged: from 0 to 1048576 bytes, and the limit is 0"),
        ("retained = 0", "fail", "`retained` cannot be judged: from 0 to 1048576 bytes, and the limit is 0"),
        ("peak-heap = 1\nretained = 0", "memory", "1048576 bytes of its heap were live at once"),
    ] {
        let (ran, test) = with_doubt("leak_that_integers_point_into", limits, &[]);
        assert_eq!(test["verdict"], verdict, "{limits}: {}", ran.stdout);
        assert_eq!(ran.status, Some(if verdict == "pass" { 0 } else { 100 }), "{limits}");
        assert!(test["message"].as_str().unwrap_or_default().starts_with(message), "{limits}: {test}");
        if verdict == "fail" {
            let shown = format!("{message} ({DOUBT})");
            assert!(test["message"] == shown && ran.stdout.contains(&shown), "{limits}: {}", ran.stdout);
        }
    }
}

#[test]
fn a_profile_without_a_test_says_so() {
    let (ran, _) = with_doubt("pass_a_static_head", "", &["--report", "pprof=heap.pb.gz"]);
    let note =
        "Note the profile has nothing of 1 test: pass_a_static_head pass_a_static_head; `go tool pprof -comments`";
    assert!(ran.stdout.contains(note), "{}", ran.stdout);
    let (ran, _) = with("pass_a_static_head", "", &["--report", "pprof=heap.pb.gz"]);
    assert!(!ran.stdout.contains("the profile has"), "{}", ran.stdout);
}

/// Wherever the fuel ends, the profile has every block that was allocated before, and which of them were live.
#[test]
fn a_test_that_ran_out_of_fuel_has_a_profile() {
    let whole = Runner::builder(&Config::default(), "default").unwrap().heap_profile(true).build().unwrap();
    let mut seen = BTreeSet::new();
    for program in ["leak_a_list_by_its_head", "pass_everything_freed", "leak_a_realloc_chain"] {
        let bytes = fs::read(guests_dir().join("c").join(program).with_extension("wasm")).unwrap();
        for fuel in (600..6000).step_by(101) {
            let config = format!("[profile.default]\nfuel = {fuel}\n");
            let profile = Config::from_str(&config, "airtight.toml", "/".as_ref()).unwrap().profile("default").unwrap();
            let runner = whole.under(profile).unwrap();
            let module = runner.load(bytes.clone(), LoadOptions::named(program));
            let subject = Subject::new(module.unwrap());
            let planned = runner.plan(vec![subject], &Selection::default()).unwrap();
            let report = runner.run(&planned, &mut ()).unwrap();
            let test = &report.canonical.modules[0].tests[0];
            let heap = &test.usage.as_ref().unwrap().heap;
            let HeapProfile { sites, missing, .. } = report.profile.unwrap();
            assert!(heap.tracked && missing.is_empty(), "{program} {fuel}: {missing:?}");
            let sum = |figure: fn(&ProfileSite) -> u64| Some(sites.iter().map(figure).sum::<u64>());
            let allocated = heap.allocations.zip(heap.reallocations).map(|(new, again)| new + again);
            assert_eq!((sum(|site| site.alloc_objects), sum(|site| site.alloc_space)), (allocated, heap.total));
            let live = heap.allocations.zip(heap.frees).map(|(allocated, freed)| allocated - freed);
            assert_eq!(sum(|site| site.inuse_objects), live, "{program} {fuel}");
            seen.insert((test.verdict, live));
        }
    }
    assert!(seen.iter().filter(|(verdict, _)| *verdict == Verdict::Timeout).count() > 10, "{seen:?}");
}

#[test]
fn each_limit_is_kept_at_its_figure_and_broken_below() {
    for (program, limit, figure, otherwise) in [
        ("pass_a_static_head", "peak-heap", 800, "pass"),
        ("pass_a_static_head", "allocations", 100, "pass"),
        ("pass_a_static_head", "largest-allocation", 8, "pass"),
        ("pass_a_static_head", "retained", 800, "pass"),
        ("leak_malloc", "lost", 40, "leak"),
    ] {
        let (_, test) = with(program, "", &[&format!("--{limit}"), &figure.to_string()]);
        assert_eq!(test["verdict"], otherwise, "{limit}: {test}");
        // What the profile allows does not matter.
        let (ran, test) = with(program, &format!("{limit} = 1000000"), &[&format!("--{limit}={}", figure - 1)]);
        assert_eq!((ran.status, test["verdict"].as_str()), (Some(100), Some("memory")), "{limit}: {}", ran.stdout);
        assert_eq!((&test["limit"]["name"], &test["limit"]["value"]), (&limit.into(), &(figure - 1).into()));
        let (_, test) = with(program, &format!("{limit} = 1"), &[&format!("--{limit}={figure}")]);
        assert_eq!(test["verdict"], otherwise, "{limit}: it is raised, too");
    }
}

#[test]
fn units_are_those_of_the_configuration() {
    let (_, test) = with("pass_a_static_head", "", &["--peak-heap", "1KiB", "--allocations", "1K"]);
    assert_eq!(test["verdict"], "pass");
    let dir = scratch_dir();
    for (args, way_out) in [
        (["--peak-heap", "1K"], "is not a size; write for example"),
        (["--retained", "few"], "is not a size; write for example"),
        (["--lost", "fail"], "is not a size; write for example"),
        (["--allocations", "1KiB"], "is not a"),
    ] {
        let ran = run(dir.path(), ["run"].iter().chain(&args).chain(&["x.wasm"]));
        assert_eq!(ran.status, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(args[0]) && ran.stderr.contains(way_out), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn where_the_heap_is_not_tracked_a_limit_is_not_kept() {
    let (ran, test) = with("pass_a_static_head", "heap-accounting = false", &["--peak-heap", "1MiB"]);
    assert_eq!((ran.status, test["verdict"].as_str()), (Some(100), Some("fail")), "{}", ran.stdout);
    let message = test["message"].as_str().unwrap();
    assert!(message.starts_with("`peak-heap` cannot be judged: heap not tracked ("), "{message}");
}
