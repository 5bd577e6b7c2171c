//! What a report says about places in the code, as findings. The writers for code scanning and for annotations show the
//! same ones.

use super::super::console::plain_title;
use super::subtests;
use super::words::{self, place};
use crate::model::growth::Growth;
use crate::model::resource::{LeakAction, LeakSetting};
use crate::model::{
    CoveredPlaces, Details, ENDED_WITHIN, FAILED_WITHIN, Frame, GateKind, GateRecord, MissedSite, Report, Resource,
    ResourceKind, TestRecord, Verdict,
};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::Write;

/// What stands in place of a module if a finding is about the whole run.
pub(super) const WHOLE_RUN: &str = "the whole run";

/// The rule for blocks that static data keeps.
const RETAINED: &str = "retained/heap";

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// The finding fails the run.
    Error,
    /// The finding fails nothing, but is worth a look.
    Warning,
    /// It would fail the run, if that were not allowed.
    Note,
}

/// A place that belongs to a finding, beside its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RelatedPlace<'a> {
    /// What is there: `acquired in mine::open`.
    pub what: String,
    pub file: &'a str,
    pub line: Option<u32>,
}

/// One thing to look at.
#[derive(Debug, Clone)]
pub(super) struct Finding<'a> {
    /// The kind of the finding: `leak/file`. It keeps its meaning from version to version.
    pub rule: String,
    pub level: Level,
    /// Why the finding fails nothing, if the policy or the baseline says so.
    pub accepted: Option<String>,
    /// The finding in one line.
    pub message: String,
    pub module: &'a str,
    /// The test, or the subtest by its whole name; `None` if the finding is about the module or the whole run.
    pub test: Option<Cow<'a, str>>,
    pub place: Option<&'a Frame>,
    pub related: Vec<RelatedPlace<'a>>,
    /// A text that is the same for the same finding in two reports: neither a line nor a count is part of it.
    pub fingerprint: String,
}

/// Every place of a report at which something was acquired. Of a report that lists only the places which its gate on clean-up
/// coverage counts as missed, these.
pub(super) fn all_places(report: &Report) -> Vec<MissedSite> {
    let Some(of_tests) = &report.volatile.places else {
        return report.canonical.cleanup_coverage.iter().flat_map(|coverage| &coverage.missed).cloned().collect();
    };
    // A set-up and a test may acquire at one place.
    let mut places = CoveredPlaces::default();
    let of_worlds = report.volatile.worlds.iter().flat_map(|worlds| &worlds.entries).flat_map(|entry| &entry.places);
    of_tests.iter().chain(of_worlds).for_each(|place| places.add(place.clone()));
    places.all()
}

/// All findings, in the report's order. Those of `places` are findings of their own that never released what they acquired.
pub(super) fn findings<'r>(report: &'r Report, places: impl Iterator<Item = &'r MissedSite>) -> Vec<Finding<'r>> {
    let tests = words::tests(report).flat_map(|(module, test)| of_test(report, &module.name, test));
    let refused = report.canonical.refused.iter().map(|refused| Finding {
        rule: "module/refused".to_owned(),
        level: Level::Error,
        accepted: None,
        message: format!("the module was not tested: {}", refused.why),
        module: &refused.name,
        test: None,
        place: None,
        related: Vec::new(),
        fingerprint: fingerprint(&["module/refused", &refused.name]),
    });
    tests.chain(refused).chain(never_released(places)).chain(of_run(report)).collect()
}

/// What fails a whole run beside its tests.
pub(super) fn of_run(report: &Report) -> Vec<Finding<'_>> {
    let of_run = |rule: String, message: String, known: &[&str]| Finding {
        level: Level::Error,
        accepted: None,
        message,
        module: WHOLE_RUN,
        test: None,
        place: None,
        related: Vec::new(),
        fingerprint: fingerprint(&[&[&*rule], known].concat()),
        rule,
    };
    let gates = report.canonical.gates.iter().filter(|gate| !gate.passed).map(|record| {
        let name = record.gate.name();
        let base = record.base.map(|base| format!(", in the base {}", GateRecord::amount(record.gate, base)));
        let seen = GateRecord::amount(record.gate, record.seen) + &base.unwrap_or_default();
        of_run(
            format!("gate/{name}"),
            format!("the gate `{name}` is not kept: {seen}; {} is allowed", record.limit),
            &[],
        )
    });
    let coverage = report.canonical.cleanup_coverage.as_ref().filter(|coverage| !coverage.passes()).map(|coverage| {
        let asked = coverage.gate.map(|gate| gate.to_string()).unwrap_or_default();
        of_run("gate/cleanup-coverage".to_owned(), format!("clean-up coverage does not reach {asked}"), &[])
    });
    let expired = report.volatile.baseline.iter().flat_map(|baseline| &baseline.expired).map(|entry| {
        let [module, test] = [&entry.module, &entry.test].map(|name| name.as_deref().unwrap_or_default());
        let day = entry.expires.map(|day| format!(" on {day}")).unwrap_or_default();
        let what = [module, test, &entry.what].into_iter().filter(|word| !word.is_empty()).map(safe);
        let message = format!("what the baseline accepts expired{day}: {}", what.collect::<Vec<_>>().join(" "));
        of_run("baseline/expired".to_owned(), message, &[module, test, &entry.what])
    });
    gates.chain(coverage).chain(expired).collect()
}

fn of_test<'a>(report: &'a Report, module: &'a str, test: &'a TestRecord) -> Vec<Finding<'a>> {
    let Some(details) = test.details.as_deref() else {
        return if test.verdict.is_success() { Vec::new() } else { vec![of_verdict(module, test, None)] };
    };
    let mut found = Vec::new();
    // What the destructors of a failed test did not give back is not shown as a leak: the test failed for another reason.
    if matches!(test.verdict, Verdict::Leak | Verdict::Pass) {
        let fails = |leak: &Resource| {
            test.verdict == Verdict::Leak && leak.accepted.is_none() && !only_shows(report, leak.setting())
        };
        // If the profile only shows all of these leaks, an override makes one of them fail the test. It is not known which
        // one.
        let told_apart = details.leaks.iter().any(fails);
        for leak in &details.leaks {
            let may_fail = test.verdict == Verdict::Leak && !told_apart && leak.accepted.is_none();
            let level = if fails(leak) || may_fail { Level::Error } else { Level::Warning };
            found.push(of_leak(report, (module, test), (leak, details), "leak", level));
        }
    }
    if let Some(attempts) = details.attempts.as_ref().filter(|_| test.is_flaky()) {
        let message = format!("{}: passed at attempt {} of {}", safe(&test.name), attempts.tried, attempts.allowed);
        found.push(Finding {
            message,
            level: Level::Warning,
            rule: "test/flaky".to_owned(),
            ..of_verdict(module, test, None)
        });
    }
    let grows = details.growth.as_ref().is_some_and(Growth::grows);
    if test.verdict == Verdict::Leak && details.open_leaks().next().is_none() && !grows {
        found.extend(details.retained.iter().map(|kept| {
            let level = if kept.accepted.is_none() { Level::Error } else { Level::Warning };
            of_leak(report, (module, test), (kept, details), "retained", level)
        }));
    }
    let explained = found.iter().any(|finding| finding.level == Level::Error);
    if !test.verdict.is_success() && !explained {
        found.push(of_verdict(module, test, Some(details)));
    }
    found.extend(subtests::as_tests(test).into_iter().filter_map(|subtest| of_subtest(module, test, subtest)));
    found
}

/// The finding about a subtest that failed by itself. What it left is told as a finding of its own. Where the test ended within it, that
/// is told of the test; and where a subtest in it failed, of that one.
fn of_subtest<'a>(module: &'a str, test: &'a TestRecord, subtest: TestRecord) -> Option<Finding<'a>> {
    if subtest.verdict.is_success() || subtest.verdict == Verdict::Leak {
        return None;
    }
    let path = subtests::path(test, &subtest.name)?;
    let record = test.details.as_ref()?.subtests.iter().find(|record| record.name == path)?;
    let elsewhere = match record.message.as_deref() {
        Some(ENDED_WITHIN) => true,
        Some(FAILED_WITHIN) | None => has_failed_within(test, path),
        Some(_) => false,
    };
    if elsewhere && record.suppressed.is_empty() {
        return None;
    }
    let rule = format!("test/{}", record.verdict.name());
    Some(Finding {
        message: format!("{}: {}", safe(&subtest.name), words::headline(&subtest)),
        level: Level::Error,
        accepted: None,
        module,
        place: place(&record.stack),
        related: callers(&record.stack, "called from"),
        fingerprint: fingerprint(&[&rule, module, &subtest.name, ""]),
        rule,
        test: Some(subtest.name.to_string().into()),
    })
}

/// Whether a subtest failed that is in the one of this path.
fn has_failed_within(test: &TestRecord, path: &str) -> bool {
    let subtests = test.details.iter().flat_map(|details| &details.subtests);
    subtests.into_iter().any(|subtest| {
        let is_within = subtest.name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        is_within && !subtest.verdict.is_success()
    })
}

/// The name of a test; or of the innermost subtest in which the test ended, with its own before it.
fn ended_in(test: &TestRecord) -> Cow<'_, str> {
    let mut subtests = test.details.iter().flat_map(|details| &details.subtests);
    let ended_in = subtests.rfind(|subtest| subtest.message.as_deref() == Some(ENDED_WITHIN));
    ended_in.map_or(Cow::Borrowed(&*test.name), |subtest| subtests::full_name(test, subtest).into())
}

/// The finding about the verdict of a test.
fn of_verdict<'a>(module: &'a str, test: &'a TestRecord, details: Option<&'a Details>) -> Finding<'a> {
    let rule = format!("test/{}", test.verdict.name());
    let stack = details.map_or(&[][..], |details| &details.stack);
    let limit = details.and_then(|details| details.limit.as_ref()).map(|limit| limit.name.as_str());
    Finding {
        message: format!("{}: {}", safe(&ended_in(test)), words::headline(test)),
        level: Level::Error,
        accepted: None,
        module,
        test: Some(ended_in(test)),
        place: place(stack),
        related: callers(stack, "called from"),
        fingerprint: fingerprint(&[&rule, module, &test.name, limit.unwrap_or_default()]),
        rule,
    }
}

fn of_leak<'a>(
    report: &'a Report,
    (module, test): (&'a str, &'a TestRecord),
    (leak, details): (&'a Resource, &'a Details),
    word: &str,
    level: Level,
) -> Finding<'a> {
    let rule = match word {
        // This list holds only heap blocks.
        "retained" => RETAINED.to_owned(),
        _ => format!("{word}/{}", leak.kind.name()),
    };
    let known = leak.fingerprint();
    let mut related = callers(&leak.stack, "called from");
    let blocks = leak.blocks.as_deref();
    if let Some(keeper) = blocks.and_then(|blocks| blocks.kept_by.as_ref())
        && let Some(file) = &keeper.file
    {
        related.push(RelatedPlace { what: format!("kept by {}", safe(&keeper.name)), file, line: keeper.line });
    }
    for step in blocks.map_or(&[][..], |blocks| &blocks.ring) {
        if let Some(Frame { function, file: Some(file), line, .. }) = &step.at {
            related.push(RelatedPlace {
                what: format!("the cycle goes through {}", safe(function)),
                file,
                line: *line,
            });
        }
    }
    if let Some(last) = blocks.and_then(|blocks| blocks.last_pointer.as_ref())
        && let (Some(how), Some(Frame { file: Some(file), line, .. })) = (last.went.words(), &last.at)
    {
        related.push(RelatedPlace { what: format!("the last pointer in memory {how}"), file, line: *line });
    }
    if let Some(thread) = &leak.thread
        && let Some(Frame { file: Some(file), line, .. }) = place(&thread.stack)
    {
        related.push(RelatedPlace { what: format!("it {}", safe(&thread.does)), file, line: *line });
    }
    // What a subtest acquired is its own.
    let scope = subtests::path(test, &leak.scope).map_or(&*test.name, |_| &leak.scope);
    let what = match word {
        "retained" => "retained",
        _ => leak.kind.heading().words(),
    };
    Finding {
        level,
        accepted: leak.accepted.as_deref().map(|by| accepted(by, details)).or_else(|| {
            let is_shown =
                test.verdict == Verdict::Pass || (level == Level::Warning && only_shows(report, leak.setting()));
            is_shown.then(|| format!("the policy only shows it: `{}` in `leaks`", leak.setting().key()))
        }),
        message: format!("{}: {what}: {}", safe(scope), plain_title(leak)),
        module,
        test: Some(scope.into()),
        place: place(&leak.stack),
        related,
        fingerprint: fingerprint(&[
            &rule,
            module,
            &leak.scope,
            known.tracked.unwrap_or_default(),
            known.path.unwrap_or_default(),
            known.function.unwrap_or_default(),
            known.file.unwrap_or_default(),
        ]),
        rule,
    }
}

/// Why a leak that the baseline accepts fails nothing.
fn accepted(by: &str, details: &Details) -> String {
    let reason = details.accepted.iter().find(|record| record.by == by).and_then(|record| record.reason.as_deref());
    let why = reason.map(|reason| format!(": {}", safe(reason))).unwrap_or_default();
    format!("the baseline accepts it ({}){why}", safe(by))
}

/// Places whose resources were never released in time, whichever test acquired them.
fn never_released<'r>(places: impl Iterator<Item = &'r MissedSite>) -> impl Iterator<Item = Finding<'r>> {
    let never = places.filter(|site| site.missed > 0 && site.missed == site.acquired);
    never.map(|site| {
        let MissedSite { module, kind, place, acquired, test, .. } = site;
        let rule = format!("never-released/{}", kind.name());
        let function = place.as_ref().map_or("a place that is not known", |place| &place.function);
        let known = [place.as_ref().and_then(|place| place.file.as_deref()).unwrap_or_default(), function];
        let noun = kind.noun(*acquired);
        Finding {
            level: Level::Warning,
            accepted: None,
            message: format!(
                "none of {acquired} {noun} that {} acquires is released in time, in any test; the first is {}",
                safe(function),
                safe(test)
            ),
            module,
            test: None,
            place: place.as_ref().filter(|place| place.file.is_some()),
            related: Vec::new(),
            fingerprint: fingerprint(&[&rule, module, known[0], known[1]]),
            rule,
        }
    })
}

/// The user's own frames outside of the one that is shown.
pub(super) fn callers<'a>(stack: &'a [Frame], what: &str) -> Vec<RelatedPlace<'a>> {
    let Some(shown) = place(stack) else { return Vec::new() };
    let below = stack.iter().skip_while(|frame| !std::ptr::eq(*frame, shown)).skip(1).filter(|frame| frame.is_own());
    let related = |frame: &'a Frame| {
        let file = frame.file.as_deref()?;
        Some(RelatedPlace { what: format!("{what} {}", safe(&frame.function)), file, line: frame.line })
    };
    below.filter_map(related).collect()
}

/// Whether the profile's policy only shows leaks of this setting. A policy states all settings that are not at their
/// default.
fn only_shows(report: &Report, setting: LeakSetting) -> bool {
    let leaks = &report.canonical.policy["leaks"];
    leaks.get(setting.key()).map_or(setting.default_action() == LeakAction::Show, |action| action == "show")
}

fn safe(text: &str) -> String {
    super::super::console::OneLine(text).to_string()
}

/// Hex digits that stand for these texts. The length of each text is part of them, so that no two lists of texts have the
/// same.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digits = hash.finalize();
    digits.iter().take(16).fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

/// All rules that a finding can have, and what each means, in order.
pub(super) fn rules() -> Vec<(String, String)> {
    let verdicts = [
        (Verdict::Leak, "A test left something that its report does not list one by one, or grew from call to call."),
        (Verdict::Fail, "A test panicked, trapped, returned an error or reported a failure."),
        (Verdict::Memory, "A test broke a limit of memory."),
        (Verdict::Timeout, "A test ran out of fuel or of wall-clock time, or waited for what could never come."),
        (Verdict::Exit, "A test left through `exit` where that is no normal end."),
    ];
    let mut rules: Vec<_> =
        verdicts.map(|(kind, text)| (format!("test/{}", kind.name()), text.to_owned())).into_iter().collect();
    for kind in ResourceKind::ALL {
        let noun = kind.noun(1);
        rules.push((format!("leak/{}", kind.name()), format!("A test left a {noun}: {}.", kind.heading().words())));
        rules.push((
            format!("never-released/{}", kind.name()),
            format!("A place acquires a {noun}, and no test releases one in time."),
        ));
    }
    rules.push((RETAINED.to_owned(), "Static data still reaches heap blocks when a test has returned.".to_owned()));
    rules.push(("module/refused".to_owned(), "A module that was to be tested was not.".to_owned()));
    rules.push(("test/flaky".to_owned(), "A test passed only when it was run again.".to_owned()));
    rules.push(("baseline/expired".to_owned(), "A leak is accepted until a day that is over.".to_owned()));
    for name in GateKind::ALL.map(GateKind::name).into_iter().chain(["cleanup-coverage"]) {
        rules.push((format!("gate/{name}"), format!("The whole run does not keep the gate `{name}` of its profile.")));
    }
    rules.sort();
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_is_missed_and_a_flaky_test_are_findings() {
        use crate::model::{AttemptsRecord, FailedAttempt, samples};
        let mut details = Details::default();
        let failed = vec![FailedAttempt::new(Verdict::Fail, None)];
        details.attempts = Some(AttemptsRecord { tried: 2, allowed: 3, failed });
        let test = samples::with("t", Verdict::Pass, details);
        let mut report = samples::report(vec![samples::module("m", vec![test])]);
        report.canonical.gates = vec![samples::missed_gate()];
        let found: Vec<_> =
            findings(&report, std::iter::empty()).into_iter().map(|finding| (finding.rule, finding.message)).collect();
        assert_eq!(
            found,
            [
                ("test/flaky".to_owned(), "t: passed at attempt 2 of 3".to_owned()),
                ("gate/threads".to_owned(), "the gate `threads` is not kept: 2; 1 is allowed".to_owned()),
            ]
        );
    }

    #[test]
    fn texts_are_told_apart_by_their_borders() {
        assert_ne!(fingerprint(&["a", "bc"]), fingerprint(&["ab", "c"]));
        assert_eq!(fingerprint(&["a"]).len(), 32);
    }
}
