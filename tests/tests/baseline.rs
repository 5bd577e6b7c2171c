//! The baseline, the gates and the partitions of a suite, through the program.

use airtight_tests::{Ran, compile, guest, read_report, run, scratch_dir, write};
use serde_json::Value;
use std::path::Path;

/// The tests that are run here: two that leak and one that does not.
const TESTS: [&str; 4] = ["--", "leak_one_file", "leak_of_two_places", "pass_everything_closed"];

fn airtight(dir: &Path, command: &[&str], tests: &[&str]) -> Ran {
    let module = guest("plain/files").to_str().unwrap();
    run(dir, command.iter().copied().chain([module]).chain(tests.iter().copied()))
}

fn report(dir: &Path) -> Value {
    read_report(&dir.join("report.json"))
}

const RUN: [&str; 3] = ["run", "--report", "json=report.json"];

#[test]
fn what_is_accepted_does_not_fail_and_what_is_new_does() {
    let dir = scratch_dir();
    let written = airtight(dir.path(), &["baseline", "--reason", "before 2.0"], &TESTS);
    assert_eq!(written.status, Some(0), "{}{}", written.stdout, written.stderr);
    assert!(written.stdout.contains("Wrote airtight-baseline.toml: 3 added, 0 kept, 0 gone"), "{}", written.stdout);
    assert!(written.stdout.contains("--baseline airtight-baseline.toml"), "{}", written.stdout);
    let with = [&RUN[..], &["--baseline", "airtight-baseline.toml"]].concat();
    let ran = airtight(dir.path(), &with, &TESTS);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("airtight-baseline.toml: 3 leaks of 2 tests accepted"), "{}", ran.stdout);
    let accepted = report(dir.path());
    let policy = &accepted["canonical"]["policy"]["baseline"];
    assert!(policy.as_str().unwrap().starts_with("sha256:"), "{policy}");
    assert_eq!(accepted["volatile"]["baseline"]["judged"], 3);
    // Without it, or of another test, they fail.
    assert_eq!(airtight(dir.path(), &RUN, &TESTS).status, Some(100));
    let more = [&TESTS[..], &["leak_of_one_place_in_a_loop"]].concat();
    let ran = airtight(dir.path(), &with, &more);
    assert_eq!(ran.status, Some(100));
    assert!(ran.stdout.contains("1 leaked"), "{}", ran.stdout);
    // What is there already keeps what a person wrote; the reports of both runs agree on what is new.
    let file = dir.path().join("airtight-baseline.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    write(&file, &text.replacen("\"before 2.0\"", "\"issue 7\" # Ada", 1));
    let again = airtight(dir.path(), &["baseline"], &more);
    assert!(again.stdout.contains("1 added, 3 kept, 0 gone"), "{}", again.stdout);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("reason = \"issue 7\" # Ada") && text.contains("nobody has looked at it yet"), "{text}");
    let from = run(dir.path(), ["baseline", "--from", "report.json"]);
    assert!(from.stdout.contains("0 added, 4 kept, 0 gone"), "{}{}", from.stdout, from.stderr);
    assert_eq!(airtight(dir.path(), &with, &more).status, Some(0));
}

#[test]
fn what_cannot_be_accepted_is_told_before_anything_runs_and_what_expired_fails() {
    let dir = scratch_dir();
    let past = airtight(dir.path(), &["baseline", "--expires", "2001-01-01"], &TESTS);
    assert!(past.status == Some(2) && past.stderr.contains("that day is past"), "{}", past.stderr);
    let nowhere = airtight(dir.path(), &["baseline", "--baseline", "not/there/accepted.toml"], &TESTS);
    assert_eq!(nowhere.status, Some(96), "{}", nowhere.stderr);
    assert!(nowhere.stderr.contains("cannot write the baseline") && nowhere.stdout.is_empty(), "{}", nowhere.stderr);
    // What programs read stays theirs.
    let format = ["baseline", "--message-format", "libtest-json", "--expires", "2099-12-31"];
    let written = airtight(dir.path(), &format, &TESTS);
    assert!(written.stdout.lines().all(|line| line.starts_with('{')), "{}", written.stdout);
    assert!(written.stderr.contains("Wrote airtight-baseline.toml"), "{}", written.stderr);
    let again = ["baseline", "--baseline", "airtight-baseline.toml", "--date", "2100-01-01"];
    let expired = airtight(dir.path(), &again, &TESTS);
    assert_eq!(expired.status, Some(100), "{}{}", expired.stdout, expired.stderr);
    assert!(expired.stderr.contains("entries of the baseline expired"), "{}", expired.stderr);
}

#[test]
fn a_base_of_another_suite_is_told() {
    let dir = scratch_dir();
    let other = compile("pass_empty", dir.path());
    run(dir.path(), ["run", other.to_str().unwrap(), "--report", "json=base.json"]);
    write(&dir.path().join("airtight.toml"), "[profile.default.gate]\nbase = \"base.json\"\nfuel = \"2%\"\n");
    let passes = ["--", "pass_everything_closed"];
    let strange = airtight(dir.path(), &["run"], &passes);
    assert!(strange.stdout.contains("the base has none of these tests"), "{}{}", strange.stdout, strange.stderr);
    airtight(dir.path(), &["run", "--report", "json=own.json"], &passes);
    // What compares nothing needs none.
    let empty = compile("pass_empty", dir.path());
    write(&dir.path().join("airtight.toml"), "[profile.default.gate]\nbase = \"none.json\"\nfuel = \"2%\"\n");
    let searched = run(dir.path(), ["faults", empty.to_str().unwrap()]);
    assert_eq!(searched.status, Some(0), "{}{}", searched.stdout, searched.stderr);
    write(&dir.path().join("airtight.toml"), "[profile.default.gate]\nbase = \"base.json\"\nfuel = \"2%\"\n");
    let own = airtight(dir.path(), &["run", "--base", "own.json"], &passes);
    assert!(!own.stdout.contains("the base has none"), "{}", own.stdout);
}

#[test]
fn a_profile_names_it_and_days_and_what_is_gone_are_told() {
    let dir = scratch_dir();
    write(&dir.path().join("airtight.toml"), "[profile.default]\nbaseline = \"accepted.toml\"\n");
    let missing = airtight(dir.path(), &RUN, &TESTS);
    assert_eq!(missing.status, Some(96));
    assert!(
        missing.stderr.contains("accepted.toml: cannot be read: there is no such file; `airtight baseline`"),
        "{}",
        missing.stderr
    );
    let expires = ["baseline", "--expires", "2027-03-31", "--date"];
    let past = airtight(dir.path(), &[&expires[..], &["2027-04-01"]].concat(), &TESTS);
    assert_eq!(past.status, Some(2), "{}", past.stdout);
    assert!(past.stderr.contains("--expires 2027-03-31: that day is past (today is 2027-04-01)"), "{}", past.stderr);
    // What judges no leak needs no baseline.
    for command in ["list", "pollution"] {
        let ran = airtight(dir.path(), &[command], &TESTS);
        assert_ne!(ran.status, Some(96), "{command}: {}", ran.stderr);
    }
    let written = airtight(dir.path(), &[&expires[..], &["2027-03-31"]].concat(), &TESTS);
    assert!(!written.stdout.contains("--baseline"), "the profile names it: {}", written.stdout);
    let on = |day| airtight(dir.path(), &[&RUN[..], &["--date", day]].concat(), &TESTS);
    let (before, after) = (on("2027-03-31"), on("2027-04-01"));
    assert_eq!((before.status, after.status), (Some(0), Some(100)), "{}", after.stdout);
    assert!(after.stdout.contains("BASELINE accepted.toml"), "{}", after.stdout);
    assert!(
        after.stdout.contains("expired on 2027-03-31 (today is 2027-04-01), and still there: files-"),
        "{}",
        after.stdout
    );
    let digest = |ran: &Ran| ran.stdout.lines().find(|line| line.contains("Digest")).unwrap().to_owned();
    assert_eq!(digest(&before), digest(&after), "the day is not canonical");
    // Two ways of running agree, and a report is the same as itself.
    let verified = airtight(dir.path(), &["verify", "--date", "2027-03-31"], &["--", "leak_one_file"]);
    assert_eq!(verified.status, Some(0), "{}{}", verified.stdout, verified.stderr);
    let file = dir.path().join("accepted.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    write(&file, &text.replacen("kind = \"file\"", "kind = \"socket\"", 1));
    let gone = airtight(dir.path(), &[&RUN[..], &["--date", "2027-03-31"]].concat(), &TESTS);
    assert_eq!(gone.status, Some(100));
    assert!(
        gone.stdout.contains("gone: files-") && gone.stdout.contains("`airtight baseline` takes it out"),
        "{}",
        gone.stdout
    );
}

#[test]
fn suppressions_are_printed_ready_to_be_pasted() {
    let dir = scratch_dir();
    let ran = airtight(dir.path(), &[&RUN[..], &["--gen-suppressions"]].concat(), &["--", "leak_one_file"]);
    assert_eq!(ran.status, Some(100));
    let after = ran.stdout.split("paste this into the baseline, with a reason:\n").nth(1).unwrap();
    let pasted: String = after
        .lines()
        .take_while(|line| line.starts_with("          "))
        .map(|line| format!("{}\n", line.trim()))
        .collect();
    write(&dir.path().join("b.toml"), &format!("{pasted}reason = \"a test of the test\"\n"));
    let ran = airtight(dir.path(), &[&RUN[..], &["--baseline", "b.toml"]].concat(), &["--", "leak_one_file"]);
    assert_eq!(ran.status, Some(0), "{pasted}{}{}", ran.stdout, ran.stderr);
    // LeakSanitizer's pattern, and one that matches nothing.
    write(
        &dir.path().join("b.toml"),
        "[[suppress]]\nname = \"any\"\nleak = \"leak_one\"\n[[suppress]]\nname = \"none\"\nleak = \"^x$\"\n",
    );
    let ran = airtight(dir.path(), &[&RUN[..], &["--baseline", "b.toml"]].concat(), &["--", "leak_one_file"]);
    assert_eq!(ran.status, Some(0));
    assert!(ran.stdout.contains("suppressions that nothing matched: `none`"), "{}", ran.stdout);
    let fifo = airtight(dir.path(), &[&RUN[..], &["--baseline", "/dev/zero"]].concat(), &["--", "leak_one_file"]);
    assert_eq!(fifo.status, Some(96));
    assert!(fifo.stderr.contains("it is a device, and only regular files are read"), "{}", fifo.stderr);
    write(&dir.path().join("b.toml"), "[[supress]]\n");
    let broken = airtight(dir.path(), &[&RUN[..], &["--baseline", "b.toml"]].concat(), &["--", "leak_one_file"]);
    assert_eq!(broken.status, Some(96));
    assert!(
        broken.stderr.contains("b.toml:1: `supress` is not a setting; did you mean `suppress`?"),
        "{}",
        broken.stderr
    );
}

#[test]
fn gates_say_figure_limit_and_who() {
    let dir = scratch_dir();
    let gated = |gate: &str, tests: &[&str]| {
        write(&dir.path().join("airtight.toml"), &format!("[profile.default]\ngate = {{ {gate} }}\n"));
        airtight(dir.path(), &RUN, tests)
    };
    let passing = ["--", "pass_everything_closed", "pass_closed_by_number"];
    let kept = gated("lost = \"0B\", retained = \"1MiB\", handles = 1000, threads = 0, tasks-delta = 0", &passing);
    assert_eq!(kept.status, Some(0), "{}{}", kept.stdout, kept.stderr);
    let over = gated("handles = 0", &passing);
    assert_eq!(over.status, Some(100));
    assert!(
        over.stdout.contains("GATE handles: ") && over.stdout.contains("; 0 is allowed: not kept"),
        "{}",
        over.stdout
    );
    assert!(
        over.stdout.contains("plain/files pass_everything_closed: ")
            || over.stdout.contains(" pass_everything_closed: "),
        "{}",
        over.stdout
    );
    assert_eq!(report(dir.path())["canonical"]["gates"][0]["passed"], false);
    // Of what tests have lost and kept.
    let heap = |gate: &str, module: &str, test: &str| {
        let actions = "leaks = { heap = \"show\", threads = \"show\" }";
        write(&dir.path().join("airtight.toml"), &format!("[profile.default]\n{actions}\ngate = {{ {gate} }}\n"));
        let ran = run(dir.path(), ["run", guest(module).to_str().unwrap(), "--", test]);
        (ran.status, ran.stdout + &ran.stderr)
    };
    for (gate, module, test, said) in [
        ("lost = \"39B\"", "heap/lost", "leak_a_forgotten_box", "GATE lost: 40 bytes; 39 B is allowed: not kept"),
        ("retained = \"39B\"", "heap/kept", "pass_an_address", "GATE retained: 40 bytes; 39 B is allowed: not kept"),
    ] {
        let (status, text) = heap(gate, module, test);
        assert!(status == Some(100) && text.contains(said) && text.contains(&format!(" {test}: 40")), "{gate}: {text}");
        let (status, text) = heap(&gate.replace("39B", "40B"), module, test);
        assert!(status == Some(0) && !text.contains("GATE"), "{gate}: {text}");
    }
    // Against a base: the same run takes the same fuel.
    assert_eq!(gated("lost = \"0B\"", &passing).status, Some(0));
    std::fs::rename(dir.path().join("report.json"), dir.path().join("main.json")).unwrap();
    let same = gated("fuel = \"0%\", growth = \"0%\", base = \"main.json\"", &passing);
    assert_eq!(same.status, Some(0), "{}{}", same.stdout, same.stderr);
    let gate = &report(dir.path())["canonical"]["gates"][1];
    assert_eq!((&gate["seen"], &gate["gate"]), (&gate["base"], &Value::from("fuel")));
    let none = gated("fuel = \"0%\"", &passing);
    assert_eq!(none.status, Some(96));
    assert!(none.stderr.contains("the gate `fuel` of profile `default` compares with a report"), "{}", none.stderr);
}

/// Seven processes in seven folders run a part each; their reports joined have the digest of one run.
#[test]
fn seven_machines_come_to_the_digest_of_one() {
    let whole = scratch_dir();
    let config = "[profile.default]\ngate = { cleanup-coverage = \"1%\", lost = \"1MiB\", handles = 100 }\n";
    let modules: Vec<_> =
        ["leak_by_hand", "pass_empty", "exit_1", "fail_no_memory", "leak_renumbered", "memory_growth_is_refused"]
            .map(|name| compile(name, whole.path()))
            .to_vec();
    let suite = |dir: &Path, partition: Option<&str>, out: &Path| {
        write(&dir.join("airtight.toml"), config);
        let out = format!("json={}", out.display());
        let mut args: Vec<_> = ["run", "--report", &out].map(str::to_owned).to_vec();
        args.extend(modules.iter().map(|module| module.to_str().unwrap().to_owned()));
        args.push(guest("plain/files").to_str().unwrap().to_owned());
        args.extend(partition.map(|partition| format!("--partition={partition}")));
        args.extend(["--", "file", "_"].map(str::to_owned));
        let ran = run(dir, &args);
        assert!(matches!(ran.status, Some(0 | 100)), "{}{}", ran.stdout, ran.stderr);
    };
    suite(whole.path(), None, &whole.path().join("whole.json"));
    let digest = |name: &str| read_report(&whole.path().join(name))["digest"].as_str().unwrap().to_owned();
    for by in ["slice", "hash"] {
        let parts: Vec<String> = (1..=7).map(|part| format!("{by}-{part}.json")).collect();
        std::thread::scope(|scope| {
            for (nth, part) in parts.iter().enumerate() {
                let (suite, out) = (&suite, whole.path().join(part));
                scope.spawn(move || {
                    let dir = scratch_dir();
                    suite(dir.path(), Some(&format!("{by}:{}/7", nth + 1)), &out);
                });
            }
        });
        let args = ["merge", "--report", "json=merged.json"].into_iter().chain(parts.iter().map(String::as_str));
        let merged = run(whole.path(), args);
        assert_eq!(merged.status, Some(100), "{}{}", merged.stdout, merged.stderr);
        assert!(
            merged.stdout.contains("7 reports merged") && merged.stdout.contains(&digest("whole.json")),
            "{}",
            merged.stdout
        );
        assert_eq!(digest("merged.json"), digest("whole.json"));
        // A part that is missing, and one that is there twice.
        let few = run(whole.path(), ["merge"].into_iter().chain(parts[1..].iter().map(String::as_str)));
        assert_eq!(few.status, Some(96));
        assert!(few.stderr.contains(&format!("not all parts are there: {by}:1/7 is missing")), "{}", few.stderr);
        let twice =
            run(whole.path(), ["merge"].into_iter().chain([&*parts[0]]).chain(parts.iter().map(String::as_str)));
        assert!(twice.stderr.contains("are both of part"), "{}", twice.stderr);
    }
}

/// A part that happens to have no tests is a part all the same.
#[test]
fn a_part_without_tests_has_a_report() {
    let dir = scratch_dir();
    let module = compile("pass_empty", dir.path());
    let ran = |args: &[&str]| run(dir.path(), [&["run", module.to_str().unwrap()], args].concat());
    assert_eq!(ran(&["--report", "json=whole.json"]).status, Some(0));
    for part in ["1", "2"] {
        let (partition, report) = (format!("slice:{part}/2"), format!("json={part}.json"));
        let part = ran(&["--partition", &partition, "--report", &report]);
        assert_eq!(part.status, Some(0), "{}{}", part.stdout, part.stderr);
    }
    let merged = run(dir.path(), ["merge", "1.json", "2.json", "--report", "json=all.json"]);
    assert_eq!(merged.status, Some(0), "{}{}", merged.stdout, merged.stderr);
    let digest = |name: &str| read_report(&dir.path().join(name))["digest"].clone();
    assert_eq!(digest("all.json"), digest("whole.json"));
    assert_eq!(ran(&["--partition", "slice:1/2", "--", "no-such-test"]).status, Some(0));
}
