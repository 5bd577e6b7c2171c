//! Running a test inside a `#[test]` function: natively, and under libtest on wasm.

use crate::book::Book;
use crate::runner::{LeavePayload, Runner};
use crate::{Outcome, T, Test};
use airtight_abi::State;
use airtight_abi::journal::{JournalEntry, Kind, entries};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

/// The message of a panic, or whatever else unwound.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs a test and its clean-ups, and tells libtest the verdict in libtest's way: by panicking or not.
#[doc(hidden)]
#[track_caller]
pub fn libtest<R: Outcome>(test: &'static Test, body: fn(&mut T) -> R) {
    let group = test.serial.map(serial_group);
    // A test that panicked has left nothing behind that the next one has to know of.
    let _alone = group.as_ref().map(|group| group.lock().unwrap_or_else(PoisonError::into_inner));
    let mut t = T::new(test, Runner::Libtest(Rc::new(Book::new())));
    let panic = match catch_unwind(AssertUnwindSafe(|| {
        let outcome = body(&mut t);
        t.end_tasks();
        outcome
    })) {
        Ok(outcome) => {
            t.returned(outcome.failure());
            None
        }
        Err(payload) => Some(payload).filter(|payload| !payload.is::<LeavePayload>()),
    };
    run_cleanups(t.book(), 0, "");
    if panic.is_none() && t.book().is_blank() {
        return;
    }
    let (failures, skipped) = read(t.book());
    tell(t.name(), &failures, skipped.as_deref());
    match test.should_panic {
        // libtest looks for the panic: not to show it one is the way to fail.
        Some(_) if !failures.is_empty() => {}
        // And to show it the expected one is the way to pass.
        Some(expected) if panic.is_none() && skipped.is_some() => resume_unwind(Box::new(expected)),
        _ => end(panic, failures),
    }
}

/// The tests of a group, of which one runs at a time: under libtest they all run in one process.
fn serial_group(name: &'static str) -> Arc<Mutex<()>> {
    static GROUPS: Mutex<BTreeMap<&str, Arc<Mutex<()>>>> = Mutex::new(BTreeMap::new());
    let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(groups.entry(name).or_default())
}

#[track_caller]
fn end(panic: Option<Payload>, failures: Vec<String>) {
    if let Some(payload) = panic {
        resume_unwind(payload);
    }
    if !failures.is_empty() {
        let failures = failures.join("\n");
        if cfg!(panic = "unwind") {
            resume_unwind(Box::new(failures));
        }
        panic!("{failures}");
    }
}

/// Runs the clean-ups of scopes of this depth and deeper ones, each once; tells whether one of them failed. `whose` stands before
/// what is said of these.
pub(crate) fn run_cleanups(book: &Book, depth: u32, whose: &str) -> bool {
    let mut failed = false;
    while let Some(job) = book.take_cleanup(depth) {
        let name = job.tag().name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| job.run())) {
            let text = format!("{whose}a clean-up{name} panicked: {}", message(&*payload));
            book.enter(State::FAILED, Kind::Failure, "", &text);
            failed = true;
        }
    }
    failed
}

/// A panic's message.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("(not a text)")
}

/// The failures, and the reason for which the test was skipped.
fn read(book: &Book) -> (Vec<String>, Option<String>) {
    let (mut failures, mut skipped) = (Vec::new(), None);
    for JournalEntry { kind, at, text } in entries(&book.journal()).flatten() {
        match kind {
            Kind::Skip => skipped = Some(text.into_owned()),
            _ => failures.push(match at {
                Some(at) => format!("{at}: {text}"),
                None => text.into_owned(),
            }),
        }
    }
    if book.has(State::TRUNCATED) {
        failures.push("more was said than can be kept".to_owned());
    }
    (failures, skipped)
}

/// Prints what libtest does not: it gets failures without a panic's message, and knows nothing of skips.
fn tell(test: &str, failures: &[String], skipped: Option<&str>) {
    if failures.is_empty() {
        if let Some(reason) = skipped {
            eprintln!("{test} skipped: {reason}");
        }
    } else if cfg!(panic = "unwind") {
        eprintln!("{test} failed:\n  {}", failures.join("\n").replace('\n', "\n  "));
    }
}

#[cfg(test)]
#[path = "libtest_tests.rs"]
mod tests;
