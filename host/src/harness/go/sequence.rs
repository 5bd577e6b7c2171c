//! Several tests of a Go binary in one instance, in a chosen order: the hook in the binary puts them into it.
//!
//! `testing` runs all tests, then all fuzz tests, then all examples. So only tests can be put into any order.

use super::gave_up::last_panic;
use super::stream::{Closing, Stream, StreamTest};
use crate::harness::{Sequence, TestEntry};
use crate::sandbox::{Ending, Run, StartCall};
use std::sync::Arc;

/// What a `-test.run` argument for whole tests begins with: `-test.run=^TestA$`, `-test.run=^(TestB|TestA)$`.
const RUN: &str = "-test.run=^";

/// How the names begin that `testing` runs first: those of tests.
const TEST: &str = "Test";

/// Whether a test of this name can be put into any order with others.
pub fn has_any_place(name: &str) -> bool {
    name.starts_with(TEST)
}

/// The entry that runs these tests in this order, in one instance.
pub fn entry_for(tests: &[&TestEntry]) -> Result<Sequence, String> {
    let mut names = Vec::new();
    let mut start = StartCall::default();
    for test in tests {
        let TestEntry::Start(one) = test else { return Err("they are not tests of Go".to_owned()) };
        let name = one
            .own_args
            .iter()
            .chain(&one.args)
            .find_map(|arg| name(arg))
            .ok_or("only a part of one of its tests is selected")?;
        names.push(name);
        start = one.clone();
    }
    let pattern: Arc<str> = format!("{RUN}({})$", names.join("|")).into();
    for arg in start.own_args.iter_mut().chain(&mut start.args).filter(|arg| arg.starts_with(RUN)) {
        *arg = Arc::clone(&pattern);
    }
    Ok(Sequence::Start(TestEntry::Start(start)))
}

/// The name of the test that an argument runs as a whole: `TestA` of `-test.run=^TestA$`.
fn name(arg: &str) -> Option<&str> {
    let name = arg.strip_prefix(RUN)?.strip_suffix('$')?;
    name.chars().all(|c| c.is_alphanumeric() || c == '_').then_some(name)
}

/// The names of the tests that an entry of [`of`] runs, in their order.
fn names(entry: &TestEntry) -> Vec<&str> {
    let TestEntry::Start(start) = entry else { return Vec::new() };
    let mut args = start.own_args.iter().chain(&start.args);
    let pattern = args.find_map(|arg| arg.strip_prefix(RUN)?.strip_prefix('(')?.strip_suffix(")$"));
    pattern.map(|names| names.split('|').collect()).unwrap_or_default()
}

/// Whether all tests of an entry ran in their order and passed.
pub fn all_passed(run: &Run, entry: &TestEntry) -> bool {
    let output = &run.remains.output;
    let stream = Stream::read(&output.stdout);
    let ended_well = matches!(run.ending, Ending::Returned | Ending::Exit { status: 0, .. });
    let names = names(entry);
    let began = stream.tests.iter().filter(|test| !test.name.contains('/')).map(|test| &*test.name);
    // If lines are missing, the others may seem out of place.
    let is_in_order = output.dropped > 0 || stream.doubt.is_none() && began.eq(names.iter().copied());
    let has_passed =
        |name: &&str| stream.test(name).and_then(StreamTest::closing).is_some_and(|end| end != Closing::Fail);
    ended_well && is_in_order && stream.passed && !stream.has_failure() && names.iter().all(has_passed)
}

/// The place in the order of the first test that failed, and why it failed.
pub fn first_failure(run: &Run, entry: &TestEntry) -> Option<(usize, String)> {
    let output = &run.remains.output;
    let stream = Stream::read(&output.stdout);
    let names = names(entry);
    let place = |name: &str| names.iter().position(|one| *one == name);
    let failed = names.iter().position(|name| stream.test(name).and_then(StreamTest::closing) == Some(Closing::Fail));
    // A test that ended the program itself has no closing line.
    let open = stream.tests.iter().rfind(|test| test.closing().is_none() && place(&test.name).is_some());
    match (failed, open) {
        (Some(at), _) => Some((at, stream.failure(names[at]))),
        (None, Some(test)) => {
            let said = last_panic(&output.stderr).map(|said| said.message);
            Some((place(&test.name)?, said.unwrap_or_else(|| "the program ended within it".to_owned())))
        }
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pattern: &str) -> TestEntry {
        let args = ["-test.v=test2json", pattern, "-test.short=true"].map(Arc::from).to_vec();
        TestEntry::Start(StartCall { args, ..StartCall::default() })
    }

    #[test]
    fn tests_are_named_in_their_order() {
        let (one, other) = (entry("-test.run=^TestB$"), entry("-test.run=^TestA$"));
        let Ok(Sequence::Start(both)) = entry_for(&[&one, &other]) else { panic!() };
        let TestEntry::Start(start) = &both else { panic!() };
        assert_eq!(&*start.args[1], "-test.run=^(TestB|TestA)$");
        assert_eq!((names(&both), &*start.args[2]), (vec!["TestB", "TestA"], "-test.short=true"));
        assert!(entry_for(&[&one, &entry("-test.run=^TestA$/sub")]).is_err());
        assert!(names(&one).is_empty());
    }
}
