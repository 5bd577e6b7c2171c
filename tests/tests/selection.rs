//! Which tests run: filters, partitions, listing.

use airtight_tests::{guest, read_report, run, scratch_dir, verdicts};
use std::collections::BTreeSet;

/// The names of the tests that `airtight run` ran.
fn ran(module: &str, args: &[&str]) -> BTreeSet<String> {
    let dir = scratch_dir();
    let all = ["run", guest(module).to_str().unwrap(), "--report", "json=report.json"].into_iter();
    let done = run(dir.path(), all.chain(args.iter().copied()));
    assert!(matches!(done.status, Some(0 | 100)), "{args:?}: {}", done.stderr);
    let report = read_report(&dir.path().join("report.json"));
    verdicts(&report).into_keys().map(|key| key.split_once(' ').unwrap().1.to_owned()).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn filters_are_parts_of_names_and_any_will_do() {
    assert_eq!(ran("plain/endings", &["--", "exit_zero", "exit_three"]), names(&["exit_three", "exit_zero"]));
    assert_eq!(ran("sdk/mixed", &["--", "same_name"]), names(&["first::pass_same_name", "second::pass_same_name"]));
}

#[test]
fn exact_filters_are_whole_names() {
    assert_eq!(ran("sdk/mixed", &["--exact", "--", "pass_plain"]), names(&["pass_plain"]));
}

#[test]
fn skipped_names_are_left_out() {
    let left = ran("sdk/mixed", &["--skip", "first", "--", "same_name"]);
    assert_eq!(left, names(&["second::pass_same_name"]));
}

#[test]
fn ignored_tests_run_when_asked_for() {
    let dir = scratch_dir();
    for (flag, verdict) in [("--include-ignored", "fail"), ("--ignored", "fail"), ("--no-fail-fast", "skip")] {
        let module = guest("plain/endings").to_str().unwrap();
        run(dir.path(), ["run", module, flag, "--report", "json=report.json", "--", "skip_ignored"]);
        let found = verdicts(&read_report(&dir.path().join("report.json")));
        assert!(found.len() == 2 && found.values().all(|found| found == verdict), "{flag}: {found:?}");
    }
    let sdk = ran("sdk/mixed", &["--ignored"]);
    assert_eq!(sdk, names(&["skip_ignored"]));
}

#[test]
fn partitions_cover_everything_once() {
    let all = ran("sdk/mixed", &[]);
    for by in ["slice", "hash"] {
        let parts: Vec<_> = (1..=3).map(|part| ran("sdk/mixed", &["--partition", &format!("{by}:{part}/3")])).collect();
        assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), all.len());
        assert_eq!(parts.into_iter().flatten().collect::<BTreeSet<_>>(), all);
    }
}

/// The names of a module's tests are not output of any test: capping that does not lose any.
#[test]
fn however_little_output_is_kept_every_test_is_found() {
    let module = guest("plain/endings").to_str().unwrap();
    let list = |output| {
        let done = run(scratch_dir().path(), ["list", "--output", output, module]);
        assert_eq!(done.status, Some(0), "{}", done.stderr);
        done.stdout
    };
    assert_eq!(list("0"), list("1MiB"));
}

#[test]
fn a_list_names_every_test_and_runs_none() {
    let dir = scratch_dir();
    let modules = ["sdk/mixed", "plain/endings", "programs/exit_three"].map(|name| guest(name).to_str().unwrap());
    let listed = run(dir.path(), ["list"].into_iter().chain(modules));
    assert_eq!(listed.status, Some(0), "{}", listed.stderr);
    let tests: BTreeSet<String> =
        listed.stdout.lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
    let mut all = ran("sdk/mixed", &[]);
    all.extend(ran("plain/endings", &[]));
    assert!(tests.is_superset(&all), "{:?}", all.difference(&tests));
    for ignored in [
        "skip_ignored (ignored: not today)",
        "skip_ignored (ignored)",
        "skip_ignored_for_a_reason (ignored: not today)",
    ] {
        assert!(listed.stdout.contains(ignored), "{}", listed.stdout);
    }
}

/// The harness can be named: libtest sees SDK tests as its own.
#[test]
fn the_harness_can_be_chosen() {
    let dir = scratch_dir();
    let module = guest("sdk/mixed").to_str().unwrap();
    let count = |harness: &str| {
        let listed = run(dir.path(), ["list", "--harness", harness, module]);
        assert_eq!(listed.status, Some(0), "{harness}: {}", listed.stderr);
        listed.stdout.lines().count()
    };
    let (sdk, libtest, command) = (count("sdk"), count("libtest"), count("command"));
    assert!(sdk < libtest, "{sdk} of {libtest}");
    assert_eq!(command, 1);
    let wrong = run(dir.path(), ["list", "--harness", "sdk", guest("plain/endings").to_str().unwrap()]);
    assert_eq!(wrong.status, Some(104), "{}", wrong.stderr);
}

#[test]
fn the_first_failure_ends_the_run_if_asked_to() {
    let dir = scratch_dir();
    let module = guest("plain/endings").to_str().unwrap();
    let mut digests = BTreeSet::new();
    let report = |flags: &[&str]| {
        run(dir.path(), [&["run", module, "--report", "json=report.json"], flags].concat());
        read_report(&dir.path().join("report.json"))
    };
    for flags in [["--fail-fast", "-j1"], ["--fail-fast", "-j2"], ["--max-fail=1", "-j2"]] {
        let report = report(&flags);
        let not_run = airtight_tests::tests(&report)
            .filter(|(_, test)| test["reason"].as_str().is_some_and(|reason| reason.contains("--fail-fast")));
        assert!(not_run.count() > 10);
        digests.insert(airtight_tests::digest(&report).to_owned());
    }
    assert_eq!(digests.len(), 1);
    for jobs in ["-j1", "-j2"] {
        let report = report(&["--max-fail", "3", jobs]);
        let tests = airtight_tests::tests(&report).map(|(_, test)| test["verdict"].as_str().unwrap());
        let (ran, not_run): (Vec<_>, Vec<_>) = tests.enumerate().partition(|(_, verdict)| *verdict != "skip");
        let failed: Vec<_> = ran.iter().filter(|(_, verdict)| *verdict != "pass").map(|(index, _)| *index).collect();
        assert_eq!((failed.len(), failed.last()), (3, ran.last().map(|(index, _)| index)), "the third is the last");
        assert!(not_run.len() > 10);
        digests.insert(airtight_tests::digest(&report).to_owned());
    }
    assert_eq!(digests.len(), 2);
}
