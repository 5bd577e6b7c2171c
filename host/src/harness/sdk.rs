//! Tests of the guest SDK: a custom section lists them, and each has an export of its own.

use super::rust::last_panic;
use super::rust::{self, OUT_OF_MEMORY};
use super::{Evidence, Finish, ListError, Lister, Sequence, Test, TestEntry, TestHarness};
use crate::catalogue::{CatalogueError, ExportProblem, Module, SdkTest};
use crate::config::Ask;
use crate::instrument::Window;
use crate::model::units::format_duration;
use crate::policy::{CLEANUP_TIME, Policy};
use crate::sandbox::{Ending, FailedCleanup, Failure, LoadedModule, SubtestRun, TrapKind};
use crate::symbols::{HarnessFrames, Symbols, TrapCause};
use airtight_abi::{CLEANUP_EXPORT, FLUSH_EXPORT, SECTION, STATE_EXPORT, parse_section};
use wasmparser::ValType;

pub(super) struct Sdk;

/// Why the SDK's tests of a module cannot be listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SdkError {
    /// The SDK's tests were asked for, and there are none.
    #[error("it has no tests of the airtight SDK (no custom section `{SECTION}`); leave the harness to be detected")]
    NoTests,
    /// The list of tests cannot be read. The message includes why, so that is not the error's source.
    #[error("its list of airtight SDK tests (custom section `{SECTION}`) is broken: {0}")]
    Metadata(airtight_abi::MetaError),
    /// The export that a test names, or one that all need, is missing or has another type.
    #[error(
        "its export `{export}`{for_test} {problem}; use the airtight and the airtight-sdk of one release, and do not \
         strip exports", for_test = for_test(.test.as_deref())
    )]
    Export {
        /// The test that needs the export; `None` if all tests do.
        test: Option<String>,
        /// The export's name.
        export: String,
        /// What is wrong with it.
        problem: ExportProblem,
    },
}

impl From<SdkError> for CatalogueError {
    fn from(error: SdkError) -> Self {
        Self::Tests(Box::new(error))
    }
}

fn for_test(test: Option<&str>) -> String {
    test.map_or_else(String::new, |test| format!(", of the test `{test}`,"))
}

impl TestHarness for Sdk {
    /// The tests that the module lists. The export of each is there and has the right type.
    fn declared(&self, module: &Module<'_>) -> Result<Vec<SdkTest>, CatalogueError> {
        let list: Vec<u8> = module.custom(SECTION).flatten().copied().collect();
        let tests = parse_section(&list).map_err(SdkError::Metadata)?;
        if !tests.is_empty() {
            for export in [STATE_EXPORT, CLEANUP_EXPORT, FLUSH_EXPORT] {
                check_export(module, None, export)?;
            }
        }
        for test in &tests {
            check_export(module, Some(&test.name), &test.export)?;
        }
        Ok(tests)
    }

    fn detect(&self, _module: &Module<'_>, declared: &[SdkTest], _others: bool) -> bool {
        !declared.is_empty()
    }

    fn require(&self, _module: &Module<'_>, declared: &[SdkTest]) -> Result<(), CatalogueError> {
        if declared.is_empty() { Err(SdkError::NoTests.into()) } else { Ok(()) }
    }

    /// No window is needed: the host calls the test's export, and so knows when the test runs.
    fn window(&self) -> Window {
        Window::None
    }

    fn frames(&self) -> HarnessFrames {
        HarnessFrames { crates: &["airtight_sdk"], prefixes: &["airtight:"], ..HarnessFrames::default() }
    }

    fn list(&self, lister: &Lister<'_>) -> Result<Vec<Test>, ListError> {
        let test = |(index, test): (usize, &SdkTest)| Test {
            name: test.libtest_name().into(),
            ignored: test.ignore.clone(),
            ask: ask(test),
            declared: Some(index),
            ..Test::default()
        };
        Ok(lister.module.catalogue.declared.iter().enumerate().map(test).collect())
    }

    fn entry(&self, test: &Test, module: &LoadedModule, _policy: &Policy) -> Result<TestEntry, String> {
        let declared = test.declared.and_then(|index| module.catalogue.declared.get(index));
        let declared = declared.ok_or_else(|| format!("the module does not declare `{}`", test.name))?;
        let call = module.sdk_call(&declared.export, declared.should_panic.clone());
        call.map(TestEntry::Sdk).ok_or_else(|| format!("the module does not export `{}`", declared.export))
    }

    fn sequence(&self, tests: &[&TestEntry]) -> Result<Sequence, String> {
        let call = |test: &&TestEntry| match test {
            TestEntry::Sdk(call) => Ok(call.clone()),
            TestEntry::Start(_) => Err("they have no exports".to_owned()),
        };
        tests.iter().map(call).collect::<Result<_, _>>().map(Sequence::Exports)
    }

    fn finish(&self, evidence: &Evidence<'_>) -> Finish {
        let run = evidence.run;
        let Some(said) = &run.sdk else { return Finish::Abnormal };
        if let Some(broken) = &said.broken {
            return Finish::failed(format!("the test's record of itself cannot be read: {broken}"));
        }
        if run.ending == Ending::Interrupted {
            return Finish::Abnormal;
        }
        if let Some(first) = said.said.failures.first() {
            return Finish::failed(failure_message(first, evidence.symbols));
        }
        if let Some(failure) = subtests_failure(&said.subtests) {
            return Finish::failed(failure);
        }
        let should_panic = match evidence.entry {
            TestEntry::Sdk(call) => call.should_panic.as_deref(),
            TestEntry::Start(_) => None,
        };
        let ended = matches!(run.ending, Ending::Trap { kind: TrapKind::Unreachable, .. } | Ending::Returned);
        if let (Some(panic), true) = (&said.said.panic, ended) {
            match should_panic {
                Some(expected) if panic.text.contains(expected) => return Finish::ExpectedPanic,
                Some(expected) => {
                    let message = &panic.text;
                    return Finish::failed(format!(
                        "panicked, but not as expected: `{message}` does not contain `{expected}`"
                    ));
                }
                // The panic unwound and was caught: the test returned.
                None if run.ending == Ending::Returned => {
                    // The code that caught the panic knows its message. Its place is only in the printed text.
                    let printed = last_panic(&run.remains.output.stderr[..said.own_stderr]);
                    let place = printed.filter(|printed| printed.message == panic.text).map(|printed| printed.place);
                    return Finish::Panicked { message: panic.text.clone(), place };
                }
                None => {}
            }
        }
        match (&run.ending, &said.said.skipped) {
            (Ending::Trap { kind: TrapKind::Unreachable, .. } | Ending::Returned, Some(reason)) => {
                Finish::Skipped(reason.clone())
            }
            (Ending::Returned, None) if should_panic.is_some() => Finish::failed("did not panic, and should have"),
            (Ending::Returned, None) => Finish::RETURNED,
            _ => Finish::Abnormal,
        }
    }
}

fn check_export(module: &Module<'_>, test: Option<&str>, export: &str) -> Result<(), SdkError> {
    module.exports(export, &[ValType::I32]).map_err(|problem| SdkError::Export {
        test: test.map(str::to_owned),
        export: export.to_owned(),
        problem,
    })
}

/// What a test's attributes ask for.
fn ask(test: &SdkTest) -> Ask {
    Ask { limits: test.limits, grants: test.grants.clone() }
}

/// The failure that a test reported, with the place in front.
pub(crate) fn failure_message(failure: &Failure, symbols: &Symbols) -> String {
    match &failure.at {
        Some(at) => format!("{}: {}", symbols.place(at), failure.text),
        None => failure.text.clone(),
    }
}

/// Most failed subtests that a test's message names; the rest are counted.
const NAMED: usize = 3;

/// The message for a test whose subtests failed; `None` if none failed. The subtest in which the test itself ended does not
/// count.
pub(crate) fn subtests_failure(subtests: &[SubtestRun]) -> Option<String> {
    let failed = || subtests.iter().filter(|subtest| subtest.ending.is_some() && subtest.failed());
    let count = failed().count();
    let own: Vec<_> = failed().filter(|subtest| !subtest.failed_within).map(|subtest| subtest.path.clone()).collect();
    (count > 0).then(|| failed_subtests((count, subtests.len()), &own))
}

/// What is said of a test of which so many of its subtests failed, of all that it has; these of them by themselves.
pub(crate) fn failed_subtests((count, all): (usize, usize), own: &[String]) -> String {
    let mut named: Vec<String> = own.iter().take(NAMED + 1).map(|path| format!("`{path}`")).collect();
    if named.len() > NAMED {
        named[NAMED] = "…".to_owned();
    }
    match all {
        1 => format!("its subtest {} failed", named.join(", ")),
        all => format!("{count} of its {all} subtests failed: {}", named.join(", ")),
    }
}

/// The message for a clean-up that did not finish, if it stands beside other failures.
pub(crate) fn cleanup_failure(cleanup: &FailedCleanup, symbols: &Symbols) -> String {
    format!("{} failed: {}", cleanup.title(), cleanup_message(cleanup, symbols))
}

/// What went wrong in a clean-up.
pub(crate) fn cleanup_message(cleanup: &FailedCleanup, symbols: &Symbols) -> String {
    if let Some(panic) = rust::last_panic(&cleanup.stderr) {
        return panic.message;
    }
    match &cleanup.ending {
        Ending::Trap { kind: TrapKind::Unreachable, stack } if symbols.cause(stack) == TrapCause::AllocError => {
            OUT_OF_MEMORY.into()
        }
        ending @ Ending::Wall { .. } => {
            let most = format_duration(CLEANUP_TIME);
            format!("{} (clean-ups have {most} together, or the test's `timeout` where that is less)", ending.words())
        }
        ending => ending.words(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    fn subtest(path: &str, ending: Ending, failed_within: bool) -> SubtestRun {
        SubtestRun { path: path.to_owned(), ending: Some(ending), failed_within, ..SubtestRun::default() }
    }

    #[test]
    fn a_broken_list_says_its_reason_once() {
        let why = parse_section(b"nonsense").unwrap_err();
        let error = CatalogueError::from(SdkError::Metadata(why.clone()));
        assert!(error.to_string().contains(&why.to_string()), "{error}");
        assert!(error.source().is_none(), "who prints an error prints its sources behind it");
    }

    #[test]
    fn a_test_names_the_subtests_that_failed_themselves() {
        let failed = |path: &str| subtest(path, Ending::Fuel { stack: [].into() }, false);
        let passed = subtest("fine", Ending::Returned, false);
        assert_eq!(subtests_failure(std::slice::from_ref(&passed)), None);
        assert_eq!(subtests_failure(&[failed("a")]).unwrap(), "its subtest `a` failed");
        let nested = [subtest("a", Ending::Returned, true), failed("a/b"), passed];
        assert_eq!(subtests_failure(&nested).unwrap(), "2 of its 3 subtests failed: `a/b`");
        let many: Vec<_> = (0..9).map(|n| failed(&n.to_string())).collect();
        assert_eq!(subtests_failure(&many).unwrap(), "9 of its 9 subtests failed: `0`, `1`, `2`, …");
    }
}
