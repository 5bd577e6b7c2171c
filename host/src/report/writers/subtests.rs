//! Subtests as tests of their own, for formats that know nothing but tests.

use crate::model::{Details, Resource, SubtestRecord, TestRecord};

/// The subtests of a test, each as a test by the name `test/case`: with its own verdict and figures, and what it left itself. Where
/// subtests are run alone, one is the test itself: only those within it are subtests then.
pub(super) fn as_tests(test: &TestRecord) -> Vec<TestRecord> {
    named(test).map(|(name, subtest)| as_test(test, name, subtest)).collect()
}

/// The subtests of a test, each with its whole name; without one that is the test itself.
pub(super) fn named(test: &TestRecord) -> impl Iterator<Item = (String, &SubtestRecord)> {
    let subtests = test.details.iter().flat_map(|details| &details.subtests);
    subtests.map(|subtest| (full_name(test, subtest), subtest)).filter(|(name, _)| **name != *test.name)
}

/// The name of a subtest with that of its test: `test/case`.
pub(super) fn full_name(test: &TestRecord, subtest: &SubtestRecord) -> String {
    format!("{}/{}", test_name(test), subtest.name)
}

/// The path of a subtest below its test, from its full name.
pub(super) fn path<'n>(test: &TestRecord, full_name: &'n str) -> Option<&'n str> {
    full_name.strip_prefix(test_name(test))?.strip_prefix('/')
}

/// The name of the test that the subtests of a record are of. A subtest that is run alone is a record `test/case`, whose first subtest
/// is `case`.
fn test_name(test: &TestRecord) -> &str {
    let first = test.details.as_ref().and_then(|details| details.subtests.first());
    let before = first.and_then(|first| test.name.strip_suffix(&*first.name)?.strip_suffix('/'));
    before.unwrap_or(&test.name)
}

fn as_test(test: &TestRecord, name: String, subtest: &SubtestRecord) -> TestRecord {
    let SubtestRecord { name: path, verdict, usage, tracked, message, reason, stack, suppressed, .. } = subtest;
    let of_subtest = |left: &[Resource]| -> Vec<Resource> {
        left.iter().filter(|entry| entry.by_place().any(|at| at.scope == name)).cloned().collect()
    };
    let mut details = Details {
        message: message.clone(),
        reason: reason.clone(),
        stack: stack.clone(),
        tracked: tracked.clone(),
        suppressed: suppressed.clone(),
        ..Details::default()
    };
    if let Some(of_test) = &test.details {
        let cleanups = of_test.cleanups.iter().filter(|cleanup| cleanup.subtest.as_deref() == Some(path));
        let outlived = of_test.outlived.iter().filter(|outlived| outlived.scope == name);
        details = Details {
            unwound: of_test.unwound,
            leaks: of_subtest(&of_test.leaks),
            retained: of_subtest(&of_test.retained),
            reclaimed: of_subtest(&of_test.reclaimed),
            cleanups: cleanups.cloned().collect(),
            outlived: outlived.cloned().collect(),
            ..details
        };
    }
    let details = (details != Details::default()).then(|| Box::new(details));
    TestRecord { verdict: *verdict, usage: usage.clone(), details, ..TestRecord::new(name, *verdict) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Verdict, samples};

    fn names(test: &TestRecord) -> Vec<String> {
        as_tests(test).iter().map(|test| test.name.to_string()).collect()
    }

    fn with(name: &str, subtests: &[&str]) -> TestRecord {
        let subtests = subtests.iter().map(|name| SubtestRecord::new(*name, Verdict::Pass)).collect();
        samples::with(name, Verdict::Pass, Details { subtests, ..Details::default() })
    }

    #[test]
    fn a_subtest_has_the_name_of_its_test_before_its_own() {
        assert_eq!(names(&samples::passed("t")), [""; 0]);
        assert_eq!(names(&with("t", &["a", "a/b", "a#01"])), ["t/a", "t/a/b", "t/a#01"]);
        assert_eq!(names(&with("a", &["a"])), ["a/a"]);
        assert_eq!(names(&with("t/a", &["a", "a/b"])), ["t/a/b"], "one that is run alone is the test itself");
    }

    #[test]
    fn a_subtest_has_what_it_left_itself() {
        let left = |scope: &str| Resource { scope: scope.to_owned(), ..samples::file(scope, 1) };
        let mut test = with("t", &["a", "b"]);
        test.details.as_mut().unwrap().leaks = vec![left("t"), left("t/b"), left("t/a")];
        let left: Vec<Vec<String>> = as_tests(&test)
            .into_iter()
            .map(|test| test.details.map(|details| details.leaks).unwrap_or_default())
            .map(|leaks| leaks.into_iter().map(|leak| leak.scope).collect::<Vec<_>>())
            .collect();
        assert_eq!(left, [vec!["t/a".to_owned()], vec!["t/b".to_owned()]]);
        assert_eq!(path(&test, "t/a"), Some("a"));
        assert_eq!(path(&test, "t"), None);
    }
}
