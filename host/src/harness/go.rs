//! Go's own test harness: the binary that `go test -c` builds. It lists its tests and runs one of them. What became of the
//! test and of its subtests it says in a stream; see [`stream`].
//!
//! A test passes if the stream says so and the program leaves with status 0. Neither is enough alone: a program that ran no
//! test also leaves with status 0, and a test can print to the same stream.
//!
//! What all Go guests have in common is here too, whatever harness holds their tests: how a panic is printed.

mod dump;
pub(super) mod flags;
mod gave_up;
mod list;
mod metrics;
mod sequence;
mod sites;
mod stream;

pub use dump::{Goroutine, goroutines};
pub use flags::{GoFlagError, GoFlags};
pub use gave_up::last_panic;
pub use metrics::metrics;
pub use sequence::has_any_place;
pub use sites::{ParsedGoSite, sites};

use self::gave_up::GaveUp;
use self::stream::{Closing, Stream, StreamTest};
use super::{Evidence, Finish, ListError, Lister, Sequence, Test, TestEntry, TestHarness};
use crate::catalogue::{CatalogueError, Module, SdkTest};
use crate::instrument::Window;
use crate::model::{ENDED_WITHIN, Harness, SubtestRecord, SuppressedRecord, Verdict};
use crate::policy::Policy;
use crate::sandbox::{Ending, LoadedModule, Run};
use airtight_abi::go;
use memchr::memmem;
use std::borrow::Cow;

pub(super) struct GoTests;

/// Functions of `testing` that only a test binary holds, by their names in Go's own tables, which no tool drops.
const TEXTS: [&[u8]; 2] = [b"\0testing.(*M).Run\0", b"\0testing.runTests\0"];

/// The status with which a Go program leaves after a panic.
pub const PANICKED: u32 = 2;

/// The status with which a Go test binary leaves if one of its tests failed.
const FAILED: u32 = 1;

/// What Go's runtime says if no goroutine can go on.
const DEADLOCK: &str = "all goroutines are asleep - deadlock!";

/// Goroutines named in a message; the rest are counted.
const NAMED: usize = 8;

/// Whether `airtight go` built a module. So it holds tests, even where they are never called and Go's linker has left out what would run them.
fn has_hook(module: &Module<'_>) -> bool {
    module.imports.iter().any(|import| (import.module, import.name) == (go::MODULE, go::GOROUTINES))
}

impl TestHarness for GoTests {
    fn detect(&self, module: &Module<'_>, _declared: &[SdkTest], _others: bool) -> bool {
        let texts = || module.data().is_some_and(|data| TEXTS.iter().all(|text| memmem::find(data, text).is_some()));
        module.start().is_ok() && (texts() || has_hook(module))
    }

    fn require(&self, module: &Module<'_>, _declared: &[SdkTest]) -> Result<(), CatalogueError> {
        module.start().map_err(|start| CatalogueError::NoStart { harness: Harness::Go, start })
    }

    fn window(&self) -> Window {
        Window::None
    }

    fn list(&self, lister: &Lister<'_>) -> Result<Vec<Test>, ListError> {
        list::tests(&lister.program()?, lister.go)
    }

    fn entry(&self, test: &Test, _module: &LoadedModule, _policy: &Policy) -> Result<TestEntry, String> {
        Ok(TestEntry::Start(test.start.clone()))
    }

    fn sequence(&self, tests: &[&TestEntry]) -> Result<Sequence, String> {
        sequence::entry_for(tests)
    }

    fn all_passed(&self, run: &Run, entry: &TestEntry) -> bool {
        sequence::all_passed(run, entry)
    }

    fn first_failure(&self, run: &Run, entry: &TestEntry) -> Option<(usize, String)> {
        sequence::first_failure(run, entry)
    }

    fn finish(&self, evidence: &Evidence<'_>) -> Finish {
        let output = &evidence.run.remains.output;
        let stream = Stream::read(&output.stdout);
        let test = stream.test(evidence.test);
        match &evidence.run.ending {
            Ending::Returned | Ending::Exit { status: 0, .. } => ended_well(&stream, test, output.dropped > 0),
            Ending::Exit { status, .. } => {
                let said = (*status == PANICKED).then(|| last_panic(&output.stderr)).flatten();
                said.map_or_else(|| left(*status, &stream, evidence.test), |said| gave_up(&said, test))
            }
            _ => Finish::Abnormal,
        }
    }

    fn left(&self, status: u32) -> String {
        format!("it left through os.Exit({status}) before it had ended")
    }

    fn subtests(&self, evidence: &Evidence<'_>) -> Vec<SubtestRecord> {
        let output = &evidence.run.remains.output;
        let stream = Stream::read(&output.stdout);
        // A subtest without an end may have ended in output that was not kept.
        let told = |test: &StreamTest| output.dropped == 0 || test.closing().is_some();
        let subtests = stream.subtests(evidence.test).filter(|(_, test)| told(test));
        // A benchmark's own benchmarks have no closing line either.
        let passed = is_benchmark(evidence.test) && stream.passed;
        subtests.map(|(path, test)| subtest(path, test, passed)).collect()
    }

    fn own_output<'o>(&self, stdout: &'o [u8], _test: &str) -> Cow<'o, [u8]> {
        Stream::read(stdout).own.into()
    }
}

/// What became of a test whose program left with a status other than 0.
fn left(status: u32, stream: &Stream, test: &str) -> Finish {
    match stream.test(test).and_then(StreamTest::closing) {
        Some(Closing::Fail) if status == FAILED => failed(stream.failure(test)),
        Some(Closing::Fail) => failed(format!("{}\nand the program left through exit({status})", stream.failure(test))),
        Some(Closing::Pass | Closing::Skip) => Finish::Told {
            verdict: Verdict::Exit,
            message: format!("the test ended, and then the program left through exit({status})"),
            stack: Some(Vec::new()),
        },
        None => Finish::Abnormal,
    }
}

/// What the stream says of a test whose program returned or left with status 0.
fn ended_well(stream: &Stream, test: Option<&StreamTest>, is_cut: bool) -> Finish {
    // If lines are missing, the others may seem out of place.
    if let Some(doubt) = stream.doubt.as_ref().filter(|_| !is_cut) {
        return failed(format!(
            "what it printed is not what Go's `testing` alone prints: {doubt}; so nothing tells whether it passed"
        ));
    }
    let cut = if is_cut { "; it printed more than is kept, see `output` in airtight.toml" } else { "" };
    let Some(test) = test else {
        return failed(format!("the program ended and had not run the test{cut}"));
    };
    match test.closing() {
        None if is_benchmark(&test.name) && stream.passed && !stream.has_failure() => Finish::RETURNED,
        None => failed(format!("the program left through exit(0) before the test had ended{cut}")),
        Some(Closing::Skip) if !stream.has_failure() => Finish::Skipped(test.reason()),
        Some(Closing::Pass) if !stream.has_failure() => Finish::RETURNED,
        _ => failed(stream.failure(&test.name)),
    }
}

/// A failure with the places that the test's own account names; the stack on which `testing` leaves the program is far from
/// them.
fn failed(message: impl Into<String>) -> Finish {
    Finish::Told { verdict: Verdict::Fail, message: message.into(), stack: Some(Vec::new()) }
}

/// Whether this is the name of a benchmark: one that passes has no closing line.
fn is_benchmark(name: &str) -> bool {
    name.starts_with("Benchmark")
}

/// What became of a test during which Go's runtime gave up.
fn gave_up(said: &GaveUp, test: Option<&StreamTest>) -> Finish {
    let (goroutines, more) = dump::goroutines(&said.stacks, dump::READ);
    if said.message.strip_prefix(gave_up::FATAL).is_some_and(|said| said.starts_with(DEADLOCK)) {
        return Finish::Told {
            verdict: Verdict::Timeout,
            message: deadlock(&goroutines, more),
            stack: Some(goroutines.iter().find(|one| one.is_users()).map(Goroutine::user_frames).unwrap_or_default()),
        };
    }
    let logged = test.map(StreamTest::failures).unwrap_or_default();
    let message = std::iter::once(said.message.clone()).chain(logged).collect::<Vec<_>>().join("\n");
    let stack = goroutines.first().map(Goroutine::frames_of_panic).unwrap_or_default();
    Finish::Told { verdict: Verdict::Fail, message, stack: Some(stack) }
}

/// The message for a deadlock. It says where each goroutine is that runs the user's code or was started by it.
fn deadlock(goroutines: &[Goroutine], more: usize) -> String {
    let users: Vec<_> = goroutines.iter().filter(|goroutine| goroutine.is_users()).collect();
    let named = users.iter().take(NAMED).map(|goroutine| goroutine.words());
    let rest = users.len().saturating_sub(NAMED) + more;
    let rest = (rest > 0).then(|| format!("and {rest} more"));
    let words: Vec<String> = std::iter::once(DEADLOCK.to_owned()).chain(named).chain(rest).collect();
    words.join("\n")
}

fn subtest(path: &str, test: &StreamTest, passes_without_end: bool) -> SubtestRecord {
    let mut record = SubtestRecord::new(path, Verdict::Pass);
    match test.closing() {
        Some(Closing::Pass) => {}
        Some(Closing::Skip) => {
            record.verdict = Verdict::Skip;
            record.reason = Some(test.reason());
        }
        Some(Closing::Fail) => {
            record.verdict = Verdict::Fail;
            let mut failures = test.failures().into_iter();
            record.message = failures.next();
            record.suppressed = failures.map(|message| SuppressedRecord::new(message, None)).collect();
        }
        None if passes_without_end => {}
        None => {
            record.verdict = Verdict::Fail;
            record.message = Some(ENDED_WITHIN.to_owned());
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(stream: &str, test: &str) -> Finish {
        let stream = Stream::read(stream.replace("^V", "\u{16}").as_bytes());
        ended_well(&stream, stream.test(test), false)
    }

    #[test]
    fn a_pass_takes_the_test_s_own_closing_line() {
        let run = "^V=== RUN   TestA\n";
        let pass = "^V--- PASS: TestA (0.00s)\n^VPASS\n";
        assert_eq!(ended(&format!("{run}{pass}"), "TestA"), Finish::RETURNED);
        let skip = "    a_test.go:7: not today\n^V--- SKIP: TestA (0.00s)\n^VPASS\n";
        assert_eq!(ended(&format!("{run}{skip}"), "TestA"), Finish::Skipped("not today".to_owned()));
        assert_eq!(ended("^V=== RUN   BenchmarkA\nBenchmarkA\n^VPASS\n", "BenchmarkA"), Finish::RETURNED);
        for (text, why) in [
            ("testing: warning: no tests to run\n^VPASS\n".to_owned(), "had not run the test"),
            (format!("{run}--- PASS: TestA (0.00s)\nPASS\n"), "before the test had ended"),
            // TestMain left with status 0 although a test failed.
            (format!("{run}^V--- FAIL: TestA (0.00s)\n^VFAIL\n"), "did not say why"),
            (format!("{run}{pass}^VFAIL\n"), "did not say why"),
            (format!("{run}^V--- FAIL: TestA (0.00s)\n{pass}"), "nothing tells whether it passed"),
        ] {
            let finish = ended(&text, "TestA");
            assert!(
                matches!(&finish, Finish::Told { message, verdict: Verdict::Fail, .. } if message.contains(why)),
                "{text}: {finish:?}"
            );
        }
    }

    #[test]
    fn lines_that_are_missing_make_no_doubt() {
        let text =
            "\u{16}=== RUN   TestA\n\u{16}--- PASS: TestA/b (0.00s)\n\u{16}--- PASS: TestA (0.00s)\n\u{16}PASS\n";
        let stream = Stream::read(text.as_bytes());
        assert_eq!(ended_well(&stream, stream.test("TestA"), true), Finish::RETURNED);
        assert_ne!(ended_well(&stream, stream.test("TestA"), false), Finish::RETURNED);
    }

    #[test]
    fn a_deadlock_names_the_goroutines_that_are_the_user_s() {
        let blocked = |number: u32| {
            format!("goroutine {number} [chan send]:\nexample.com/ex.f()\n\t/h/ex/a_test.go:{number} +0x1\n\n")
        };
        let others = "goroutine 1 [chan receive]:\ntesting.(*M).Run()\n\t/go/src/testing/testing.go:1 +0x1\n\n";
        let stacks = format!("\n{others}{}", (2..12).map(blocked).collect::<String>());
        let said = GaveUp { message: format!("fatal error: {DEADLOCK}"), stacks };
        let Finish::Told { verdict, message, stack } = gave_up(&said, None) else { panic!() };
        assert_eq!((verdict, stack.unwrap().len()), (Verdict::Timeout, 1));
        assert!(message.starts_with("all goroutines are asleep - deadlock!\ngoroutine 2 [chan send] at a_test.go:2\n"));
        assert!(message.ends_with("goroutine 9 [chan send] at a_test.go:9\nand 2 more"), "{message}");
    }
}
