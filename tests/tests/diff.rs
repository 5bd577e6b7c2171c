//! `airtight diff`, through the program: its output, and each of its exit statuses.

use airtight::report::json::{self, read};
use airtight::report::{Details, Frame, Heap, Report, Resource, ResourceKind, TestRecord};
use airtight_tests::{Ran, compile, run, scratch_dir};
use std::fs;
use std::path::Path;

/// The report of a run of two modules: one leaves files open, the other does nothing.
fn base(dir: &Path) -> Report {
    let modules = ["leak_by_hand", "pass_empty"].map(|name| compile(name, dir));
    let args = ["run".as_ref(), modules[0].as_os_str(), modules[1].as_os_str(), "--report".as_ref()];
    let ran = run(dir, args.into_iter().chain(["json=run.json".as_ref()]));
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    read(&dir.join("run.json")).unwrap()
}

/// Writes a report with what `change` does to it; the digest is that of the changed one.
fn write(dir: &Path, name: &str, report: &Report, change: impl Fn(&mut TestRecord)) {
    let mut canonical = report.canonical.clone();
    canonical.modules.iter_mut().flat_map(|module| &mut module.tests).for_each(change);
    fs::write(dir.join(name), json::write(&Report::new(canonical, report.volatile.clone()))).unwrap();
}

/// Makes the second module's test retain blocks of one function.
fn retain(count: u64, bytes: u64) -> impl Fn(&mut TestRecord) {
    move |test| {
        let heap = &mut test.usage.as_mut().unwrap().heap;
        if test.verdict.is_success() {
            *heap = Heap::default();
            (heap.tracked, heap.peak, heap.lost, heap.lost_blocks) = (true, Some(4096), Some(0), Some(0));
            (heap.retained, heap.retained_blocks) = (Some(bytes), Some(count));
            let retained = if count == 0 { Vec::new() } else { vec![blocks(count, bytes)] };
            let mut details = Details::default();
            details.retained = retained;
            test.details = (count > 0).then(|| Box::new(details));
        } else {
            *heap = Heap::default();
            heap.why = Some("for this test".into());
        }
    }
}

fn blocks(count: u64, bytes: u64) -> Resource {
    let frame = Frame::new("cache::fill").at("src/cache.rs", 7);
    let mut blocks = Resource::new(ResourceKind::Heap, "main", vec![frame]);
    (blocks.count, blocks.bytes) = (count, Some(bytes));
    blocks
}

fn diff(dir: &Path, args: &[&str]) -> Ran {
    run(dir, ["diff"].iter().chain(args))
}

#[test]
fn differences_are_shown_and_are_no_failure() {
    let dir = scratch_dir();
    let report = base(dir.path());
    write(dir.path(), "old.json", &report, retain(1, 48));
    write(dir.path(), "new.json", &report, |test| {
        retain(3, 4144)(test);
        if let Some(details) = &mut test.details {
            details.leaks.truncate(1);
        }
    });
    let ran = diff(dir.path(), &["old.json", "new.json"]);
    assert_eq!((ran.status, &*ran.stderr), (Some(0), ""));
    insta::assert_snapshot!(ran.stdout);
    let same = diff(dir.path(), &["old.json", "old.json"]);
    assert_eq!(same.status, Some(0));
    assert!(same.stdout.contains("All the same"), "{}", same.stdout);
    let again = diff(dir.path(), &["old.json", "new.json"]);
    assert_eq!(again, ran);
}

#[test]
fn growth_over_the_threshold_is_100() {
    let dir = scratch_dir();
    let report = base(dir.path());
    for (name, count, bytes) in [("none", 0, 0), ("old", 10, 1000), ("more", 11, 1100), ("new", 11, 1101)] {
        write(dir.path(), name, &report, retain(count, bytes));
    }
    for (old, new, threshold, status) in [
        ("old", "new", "10%", 100),
        ("old", "more", "10%", 0),
        ("old", "more", "0%", 100),
        ("old", "more", "99B", 100),
        ("old", "more", "100B", 0),
        ("new", "old", "0B", 0),
        ("none", "old", "1000%", 100),
        ("none", "old", "4KiB", 0),
        ("none", "none", "0%", 0),
    ] {
        let ran = diff(dir.path(), &[old, new, "--fail-on-growth", threshold]);
        assert_eq!(ran.status, Some(status), "{old} {new} {threshold}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stdout.contains("GROWN pass_empty"), status == 100, "{}", ran.stdout);
    }
    let ran = diff(dir.path(), &["old", "new", "--fail-on-growth=10%"]);
    let growth = ran.stdout.rsplit_once("────────────\n").unwrap().1;
    insta::assert_snapshot!(growth);
}

#[test]
fn a_threshold_that_is_none_is_2() {
    let dir = scratch_dir();
    for (threshold, way_out) in [
        ("10", "write 10% or 10B"),
        ("ten%", "such as 10% or 2.5%"),
        ("4kb", "a size with its unit such as 4KiB or 100B"),
        ("", "write a share such as 10%, or a size with its unit"),
    ] {
        let ran = diff(dir.path(), &["old.json", "new.json", &format!("--fail-on-growth={threshold}")]);
        assert_eq!(ran.status, Some(2), "{threshold}: {}", ran.stderr);
        assert!(ran.stderr.contains("--fail-on-growth") && ran.stderr.contains(way_out), "{}", ran.stderr);
    }
    assert_eq!(diff(dir.path(), &["old.json"]).status, Some(2));
}

#[test]
fn a_report_that_cannot_be_read_is_96() {
    let dir = scratch_dir();
    let report = base(dir.path());
    write(dir.path(), "good.json", &report, |_| ());
    let good = fs::read_to_string(dir.path().join("good.json")).unwrap();
    fs::write(dir.path().join("changed.json"), good.replacen("\"pass\"", "\"leak\"", 1)).unwrap();
    fs::write(dir.path().join("wrong.json"), good.replacen("\"pass\"", "\"green\"", 1)).unwrap();
    fs::write(dir.path().join("later.json"), good.replacen("airtight.report/1", "airtight.report/9", 1)).unwrap();
    fs::write(dir.path().join("other.json"), "{}").unwrap();
    fs::write(dir.path().join("text.json"), "hello").unwrap();
    for (file, said) in [
        ("missing.json", "missing.json: No such file"),
        ("text.json", "it is not JSON"),
        ("other.json", "the field `schema` is not there"),
        ("later.json", "the report's schema is `airtight.report/9`"),
        ("wrong.json", "the field `canonical.modules[1].tests[0].verdict` is not as airtight.report/1 has it"),
        ("changed.json", "the report was changed after it was written"),
    ] {
        for args in [[file, "good.json"], ["good.json", file]] {
            let ran = diff(dir.path(), &args);
            assert_eq!((ran.status, &*ran.stdout), (Some(96), ""), "{file}");
            let expected = format!("error: cannot read the report {file}");
            assert!(ran.stderr.starts_with(&expected) && ran.stderr.contains(said), "{file}: {}", ran.stderr);
        }
    }
}

#[test]
fn a_profile_is_written_beside_the_report() {
    let dir = scratch_dir();
    let module = compile("pass_empty", dir.path());
    let args = ["run", module.to_str().unwrap(), "--report", "pprof=heap.pb.gz", "--report", "json=report.json"];
    let profiles = [(); 2].map(|()| {
        let ran = run(dir.path(), args);
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        fs::read(dir.path().join("heap.pb.gz")).unwrap()
    });
    assert_eq!(profiles[0], profiles[1]);
    assert_eq!(profiles[0][..3], [0x1f, 0x8b, 8], "gzip");
}
