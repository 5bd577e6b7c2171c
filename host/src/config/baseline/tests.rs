//! Files of baselines, what they accept, and how they are rewritten.

use super::*;
use crate::config::ConfigErrors;
use crate::model::resource::LeakAction;
use crate::model::{BaselineEntry, Canonical, Date, Details, Report, TestRecord, Verdict, samples};
use proptest::prelude::*;
use std::path::Path;

fn read(text: &str) -> Result<Baseline, ConfigErrors> {
    Baseline::from_str(text, "baseline.toml")
}

fn wrong(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

/// A report of a test that left two files and lost some blocks.
fn leaky() -> Report {
    let leaks = vec![samples::file("a.txt", 2), samples::file("b.txt", 1), samples::blocks(2, 1024)];
    let test = samples::left(Verdict::Leak, leaks, vec![samples::blocks(1, 48)]);
    samples::report(vec![samples::module("m", vec![samples::passed("a"), test])])
}

fn name_of_leaky() -> String {
    leaky().canonical.modules[0].tests[1].name.to_string()
}

fn fails(_: &str, _: &str, _: &Resource, retained: bool) -> LeakAction {
    if retained { LeakAction::Show } else { LeakAction::Fail }
}

fn update(baseline: &Baseline, text: &str, report: &Canonical, grounds: &NewGrounds) -> BaselineUpdate {
    baseline.updated(text, report, &fails, grounds)
}

/// Marks the leaks of a report that the baseline accepts; returns how many it does not accept.
fn accept(baseline: &Baseline, report: &mut Report) -> usize {
    let mut open = 0;
    for module in &mut report.canonical.modules {
        for test in &mut module.tests {
            let TestRecord { name, details: Some(details), .. } = test else { continue };
            let Details { leaks, retained, accepted, .. } = &mut **details;
            *accepted = baseline.accept((&module.name, name), leaks, retained);
            open += details.open_leaks().count();
            if details.open_leaks().next().is_none() && test.verdict == Verdict::Leak {
                test.verdict = Verdict::Pass;
            }
        }
    }
    open
}

#[test]
fn what_a_report_has_is_accepted_and_nothing_else() {
    let grounds = NewGrounds { reason: Some("before 2.0".to_owned()), expires: Date::new(2027, 3, 31) };
    let done = update(&Baseline::default(), "", &leaky().canonical, &grounds);
    insta::assert_snapshot!(done.text);
    assert_eq!((done.added.len(), done.kept, done.gone.len(), done.refused.len()), (3, 0, 0, 0));
    let baseline = read(&done.text).unwrap();
    let mut report = leaky();
    assert_eq!(accept(&baseline, &mut report), 0);
    let records = &report.canonical.modules[0].tests[1].details.as_ref().unwrap().accepted;
    assert_eq!(records.iter().map(|record| record.count).collect::<Vec<_>>(), [2, 1, 2]);
    assert_eq!(records[2].bytes, 1024);
    assert!(records.iter().all(|record| record.reason.as_deref() == Some("before 2.0") && !record.by_pattern));
    // A higher count is still the same leak, and so is another line; another file is another leak.
    let mut moved = leaky();
    let leaks = &mut moved.canonical.modules[0].tests[1].details.as_mut().unwrap().leaks;
    (leaks[0].count, leaks[0].stack[0].line) = (70, Some(1));
    leaks.push(samples::file("c.txt", 1));
    assert_eq!(accept(&baseline, &mut moved), 1);
    // The same leak of another test is another leak, too.
    let mut renamed = leaky();
    renamed.canonical.modules[0].tests[1].name = "another".into();
    assert_eq!(accept(&baseline, &mut renamed), 3);
}

#[test]
fn rewriting_keeps_what_a_person_wrote() {
    let first = update(&Baseline::default(), "", &leaky().canonical, &NewGrounds::default()).text;
    assert_eq!(first.matches("nobody has looked at it yet").count(), 3);
    let reviewed = first.replacen("\"nobody has looked at it yet\"", "\"issue 7\" # Ada\nexpires = 2030-01-01", 1);
    let suppress = "\n# by hand\n[[suppress]]\nname = \"x\"\npath = \"*.log\"\n";
    let reviewed = reviewed + suppress;
    let same = update(&read(&reviewed).unwrap(), &reviewed, &leaky().canonical, &NewGrounds::default());
    assert_eq!((same.added.len(), same.kept, &same.text), (0, 3, &reviewed));
    // One leak is gone, another is new.
    let mut other = leaky();
    let leaks = &mut other.canonical.modules[0].tests[1].details.as_mut().unwrap().leaks;
    leaks[1].path = Some("c.txt".to_owned());
    let done = update(&read(&reviewed).unwrap(), &reviewed, &other.canonical, &NewGrounds::default());
    assert_eq!((done.added.len(), done.kept, done.gone.len()), (1, 2, 1));
    assert!(done.gone[0].what.starts_with("file b.txt in "), "{:?}", done.gone);
    assert!(done.text.contains("\"issue 7\" # Ada\nexpires = 2030-01-01"), "{}", done.text);
    assert!(done.text.contains("# by hand") && !done.text.contains("b.txt") && done.text.contains("c.txt"));
    assert_eq!(accept(&read(&done.text).unwrap(), &mut other), 0);
    // Of a test that was not run, or did not come to its end, it is not known whether its leaks are gone.
    let none = samples::report(Vec::new());
    assert_eq!(update(&read(&reviewed).unwrap(), &reviewed, &none.canonical, &NewGrounds::default()).text, reviewed);
    let mut failed = leaky();
    let test = &mut failed.canonical.modules[0].tests[1];
    (test.verdict, test.details) = (Verdict::Fail, None);
    let kept = update(&read(&reviewed).unwrap(), &reviewed, &failed.canonical, &NewGrounds::default());
    assert_eq!((kept.text, kept.gone.len()), (reviewed, 0));
}

#[test]
fn what_has_no_entry_of_its_own_cannot_be_accepted() {
    let mut report = leaky();
    let leaks = &mut report.canonical.modules[0].tests[1].details.as_mut().unwrap().leaks;
    leaks[0].omitted_places = 12;
    let done = update(&Baseline::default(), "", &report.canonical, &NewGrounds::default());
    assert_eq!(done.added.len(), 2);
    assert!(
        done.refused[0].ends_with("12 further places have no entry of their own in a report"),
        "{:?}",
        done.refused
    );
    let all = read("[[suppress]]\nname = \"all\"\nkind = [\"file\", \"heap\"]\n").unwrap();
    assert_eq!(accept(&all, &mut report), 1);
    // A test with the verdict `leak`, but without an entry for a leak.
    let grows =
        samples::with("grows", Verdict::Leak, Details { message: Some("it grows".into()), ..Details::default() });
    let report = samples::report(vec![samples::module("m", vec![grows])]);
    let done = update(&Baseline::default(), "", &report.canonical, &NewGrounds::default());
    assert!(done.refused[0].starts_with("m grows: it leaks by what has no place"), "{:?}", done.refused);
}

#[test]
fn what_became_of_it_is_told() {
    let test = name_of_leaky();
    let text = update(&Baseline::default(), "", &leaky().canonical, &NewGrounds::default()).text;
    let text = text.replace("reason = ", "expires = 2027-03-31\nreason = ")
        + &format!("[[accepted]]\nmodule = \"m\"\ntest = {test:?}\nkind = \"socket\"\n")
        + "[[accepted]]\nmodule = \"m\"\ntest = \"unheard of\"\nkind = \"socket\"\n"
        + &format!("[[accepted]]\nmodule = \"m\"\ntest = {test:?}\nscope = \"{test}/case\"\nkind = \"file\"\n")
        + "[[suppress]]\nname = \"unused\"\nkind = \"thread\"\n";
    let baseline = read(&text).unwrap();
    let mut report = leaky();
    accept(&baseline, &mut report);
    let on = |day: &str| baseline.used_in(&report.canonical, Some(day.parse().unwrap()));
    let usage = on("2027-03-31");
    assert!(usage.passes());
    assert_eq!((usage.entries, usage.judged, usage.unused), (6, 4, vec!["unused".to_owned()]));
    let [BaselineEntry { what, test: of, .. }] = &usage.gone[..] else { panic!("{:?}", usage.gone) };
    assert_eq!((&**what, of.as_deref()), ("socket", Some(&*test)));
    let usage = on("2027-04-01");
    assert_eq!((usage.passes(), usage.expired.len()), (false, 3));
    report.volatile.baseline = Some(usage);
    assert_eq!(report.worst(), 100);
    report.volatile.baseline = Some(baseline.used_in(&report.canonical, None));
    assert_eq!(report.worst(), 0, "without a day, none is over");
}

#[test]
fn patterns_accept_what_they_describe() {
    let accepts = |rule: &str| {
        let baseline =
            read(&format!("[[suppress]]\nname = \"n\"\n{rule}\n")).unwrap_or_else(|errors| panic!("{errors}"));
        3 - accept(&baseline, &mut leaky())
    };
    for (rule, accepted) in [
        ("kind = \"file\"", 2),
        ("kind = [\"heap\", \"socket\"]", 1),
        ("path = \"?.txt\"", 2),
        ("path = \"a*\"\nkind = \"file\"", 1),
        ("path = \"a*\"\nkind = \"heap\"", 0),
        ("module = \"m\"", 3),
        ("test = \"no*\"", 0),
        ("leak = \"semver::io\"", 2),
        ("leak = \"^open_all\"", 0),
        ("leak = \"io.rs$\"", 2),
        ("frames = [\"fun:semver::io::*\"]", 2),
        ("frames = [\"...\", \"src:tests/io.rs\"]", 2),
        ("frames = [\"src:tests/io.rs\"]", 0),
        ("kind = \"retained\"", 0),
    ] {
        assert_eq!(accepts(rule), accepted, "{rule}");
    }
}

#[test]
fn what_is_printed_to_be_pasted_accepts_that_leak() {
    let report = leaky();
    let details = report.canonical.modules[0].tests[1].details.as_ref().unwrap();
    insta::assert_snapshot!(suppression_text(&details.leaks[0], false));
    for (leak, retained) in [(&details.leaks[0], false), (&details.leaks[2], false), (&details.retained[0], true)] {
        let baseline = read(&suppression_text(leak, retained)).unwrap();
        let (mut leaks, mut kept) = (vec![leak.clone()], Vec::new());
        if retained {
            std::mem::swap(&mut leaks, &mut kept);
        }
        assert_eq!(baseline.accept(("any", "test"), &mut leaks, &mut kept).len(), 1);
    }
}

#[test]
fn what_is_wrong_with_a_file_is_named_with_its_place() {
    for (text, said) in [
        ("[[acepted]]\n", "baseline.toml:1: `acepted` is not a setting; did you mean `accepted`?"),
        (
            "accepted = 1\n",
            "baseline.toml:1: accepted: expected an array of tables, each under [[accepted]], found an integer",
        ),
        ("[[accepted]]\nmodule = \"m\"\nkind = \"file\"\n", "`test`, the name of the test, is missing"),
        (
            "[[accepted]]\nmodule = \"m\"\ntest = \"t\"\nkind = \"flie\"\n",
            "\"flie\" is not a kind of leak; did you mean `file`?",
        ),
        ("[[accepted]]\nmodule = \"m\"\ntest = \"t\"\nkind = [\"file\", \"dir\"]\n", "write an entry for each"),
        (
            "[[accepted]]\nmodule = \"m\"\ntest = \"t\"\nkind = \"file\"\nline = 7\n",
            "accepted[0]: `line` is not a setting",
        ),
        ("[[suppress]]\nname = \"n\"\n", "it would accept every leak"),
        ("[[suppress]]\nkind = \"heap\"\n", "`name`, which says what is suppressed, is missing"),
        ("[[suppress]]\nname = \"n\"\nframes = [\"malloc\"]\n", "\"malloc\" cannot be a frame; write \"fun:FUNCTION\""),
        ("[[suppress]]\nname = \"n\"\nkind = \"heap\"\nexpires = \"2027-01-01\"\n", "expected a day without quotes"),
        ("[[suppress]]\nname = \"n\"\nkind = \"heap\"\nexpires = 2027-01-01T00:00:00Z\n", "write a day alone"),
        ("[[suppress]\n", "baseline.toml:1: "),
    ] {
        let errors = wrong(text);
        assert!(errors.contains(said), "{text}: {errors}");
    }
    let missing = Baseline::load(Path::new("/nowhere/baseline.toml")).unwrap_err().to_string();
    assert!(missing.contains("there is no such file; `airtight baseline` writes it"), "{missing}");
    let device = Baseline::load(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(device.contains("it is a device, and only regular files are read"), "{device}");
    assert!(Baseline::text_of(Path::new("/dev/zero")).is_err());
    assert_eq!(Baseline::text_of(Path::new("/nowhere/baseline.toml")).unwrap(), None);
}

#[test]
fn the_digest_is_of_what_is_accepted_and_why() {
    let digest = |text: &str| read(text).unwrap().digest().to_owned();
    let one = "[[suppress]]\nname = \"n\"\nkind = \"heap\"\nreason = \"r\"\n";
    assert_eq!(
        digest(one),
        digest("# c\n[[suppress]]\nkind = 'heap'\nname = 'n'\nreason = 'r'\nexpires = 2027-01-01\n")
    );
    assert_ne!(digest(one), digest(&one.replace("\"r\"", "\"s\"")));
    assert_ne!(digest(one), digest(&one.replace("heap", "file")));
    assert_ne!(digest(one), digest(""));
}

proptest! {
    #[test]
    fn any_leak_is_accepted_by_what_is_written_of_it(mut report in samples::any_report()) {
        for test in report.canonical.modules.iter_mut().flat_map(|module| &mut module.tests) {
            test.verdict = Verdict::Leak;
        }
        let done = update(&Baseline::default(), "", &report.canonical, &NewGrounds::default());
        let baseline = read(&done.text).map_err(|errors| TestCaseError::fail(errors.to_string()))?;
        let omitted = |leak: &&Resource| leak.omitted_places > 0;
        let details = report.canonical.modules.iter().flat_map(|module| &module.tests).flat_map(|test| &test.details);
        let left: usize = details.map(|details| details.leaks.iter().filter(omitted).count()).sum();
        prop_assert_eq!(accept(&baseline, &mut report), left);
        let again = update(&baseline, &done.text, &report.canonical, &NewGrounds::default());
        prop_assert_eq!((again.text, again.added.len()), (done.text, 0));
    }

    #[test]
    fn damage_is_an_error_or_another_baseline_and_never_a_panic(at in any::<prop::sample::Index>(), byte in 32_u8..127) {
        let mut text = update(&Baseline::default(), "", &leaky().canonical, &NewGrounds::default()).text.into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let _ = read(&String::from_utf8_lossy(&text));
    }
}
