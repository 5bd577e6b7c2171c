//! The parts of Rust's test harness that airtight talks to: listing, running one test, and its closing line.

use crate::sandbox::wasi::Grants;
use crate::sandbox::{Ending, Engine, Entry, Job, LoadedModule, run};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A libtest binary that does not list its tests.
#[derive(Debug, thiserror::Error)]
#[error("the tests of `{module}` cannot be listed: `--list` {problem}")]
pub struct ListError {
    module: String,
    problem: String,
}

/// One listed test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `path::name`.
    pub name: Arc<str>,
    /// Whether it is marked `#[ignore]`, and why: an empty text where it does not say.
    pub ignored: Option<String>,
}

/// Asks a libtest binary for its tests, in a fresh instance each time.
///
/// # Errors
/// The binary does not answer as libtest does.
pub fn list(
    engine: &Engine,
    module: &LoadedModule,
    grants: &Arc<Grants>,
    interrupted: &Arc<AtomicBool>,
) -> Result<Vec<Listed>, ListError> {
    let ask = |args: &[&str]| {
        let args: Vec<Arc<str>> = args.iter().map(|arg| Arc::from(*arg)).collect();
        let job = Job {
            module,
            grants,
            test: &Arc::from(""),
            entry: Entry::Start(&args),
            interrupted,
            counts_heap: false,
            rounds: 1,
            echo: None,
            inject_host_leak: false,
            inject_host_panic: false,
        };
        let done = run(engine, &job);
        if done.ending != Ending::Returned {
            let stderr = String::from_utf8_lossy(&done.remains.output.stderr);
            let said = stderr.lines().next_back().unwrap_or_default();
            let problem = format!("{} {said}", done.ending.words());
            return Err(ListError { module: module.name.to_string(), problem: problem.trim_end().to_owned() });
        }
        // Half a list would be tests that are not run, and nobody told.
        if done.remains.output.dropped > 0 {
            let problem = "prints more than can be kept; raise `output`".to_owned();
            return Err(ListError { module: module.name.to_string(), problem });
        }
        Ok(done.remains.output.stdout)
    };
    let all = names(&ask(&["--list", "--format", "terse"])?);
    let ignored = names(&ask(&["--list", "--format", "terse", "--ignored"])?);
    let mut reasons: HashMap<Arc<str>, String> = HashMap::new();
    if !ignored.is_empty() {
        // Named and not asked to be run all the same, none of them is run: each is only said to be ignored.
        let args: Vec<&str> = ignored.iter().map(AsRef::as_ref).chain(["--exact"]).collect();
        let said = ask(&args).ok().and_then(|stdout| reasons_in(&stdout, &ignored));
        let said = said.unwrap_or_else(|| vec![String::new(); ignored.len()]);
        reasons.extend(ignored.into_iter().zip(said));
    }
    Ok(all.into_iter().map(|name| Listed { ignored: reasons.remove(&name), name }).collect())
}

/// Why each of the tests is ignored, from what the harness says when it is asked to run them: `test NAME ... ignored, WHY`.
/// `None` if that is not all that it says.
fn reasons_in(stdout: &[u8], names: &[Arc<str>]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(stdout).ok()?;
    let (running, mut rest) = text.strip_prefix("\nrunning ")?.split_once('\n')?;
    if running.split_once(' ')?.0.parse() != Ok(names.len()) {
        return None;
    }
    let mut reasons = Vec::with_capacity(names.len());
    for (nth, name) in names.iter().enumerate() {
        rest = rest.strip_prefix("test ")?.strip_prefix(&**name)?;
        rest = rest.strip_prefix(" - should panic").unwrap_or(rest).strip_prefix(" ... ignored")?;
        // A reason may be of several lines: it ends where the next test's begins.
        let next = names.get(nth + 1).map_or_else(|| "\n\ntest result: ".to_owned(), |name| format!("\ntest {name} "));
        let end = rest.find(&next)?;
        let (reason, after) = rest.split_at(end);
        reasons.push(if reason.is_empty() { String::new() } else { reason.strip_prefix(", ")?.to_owned() });
        rest = after.strip_prefix('\n')?;
    }
    rest.starts_with("\ntest result: ok. 0 passed; 0 failed;").then_some(reasons)
}

fn names(stdout: &[u8]) -> Vec<Arc<str>> {
    let text = String::from_utf8_lossy(stdout);
    text.lines().filter_map(|line| line.strip_suffix(": test")).map(Arc::from).collect()
}

/// The arguments that run one test.
pub fn arguments(name: &Arc<str>, ignored: bool) -> Vec<Arc<str>> {
    let mut args = vec![Arc::clone(name), "--exact".into(), "--nocapture".into()];
    if ignored {
        args.push("--include-ignored".into());
    }
    args
}

/// What the harness counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were ignored.
    pub ignored: u64,
}

/// Reads the closing line, `test result: ok. 1 passed; 0 failed; 0 ignored; …`: the last one there is. By itself it proves
/// nothing, since a test can print one.
pub fn closing(stdout: &[u8]) -> Option<Closing> {
    let start = memchr::memmem::rfind(stdout, b"test result: ")?;
    let line = stdout[start..].split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let (_, counts) = line.split_once(". ")?;
    let count = |word: &str| {
        let mut parts = counts.split("; ").filter_map(|part| part.split_once(' '));
        parts.find(|(_, what)| *what == word)?.0.parse().ok()
    };
    Some(Closing { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
}

/// What the test itself wrote to standard output: without the lines that the harness puts before and after it.
pub fn own_output<'a>(stdout: &'a [u8], name: &str) -> &'a [u8] {
    let mut own = stdout.strip_prefix(b"\nrunning 1 test\n").unwrap_or(stdout);
    own = own.strip_prefix(format!("test {name} ... ").as_bytes()).unwrap_or(own);
    let Some(end) = memchr::memmem::rfind(own, b"\ntest result: ") else { return own };
    let ended = &own[..end];
    let failures = memchr::memmem::rfind(ended, b"FAILED\n\nfailures:\n").map(|at| &ended[..at]);
    failures.or_else(|| ended.strip_suffix(b"ok\n")).unwrap_or(own)
}

/// A panic as Rust's default hook prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    /// The message.
    pub message: String,
    /// `file:line:column`, as the compiler wrote it.
    pub place: String,
}

/// The last panic on standard error.
pub fn last_panic(stderr: &[u8]) -> Option<Panic> {
    let text = String::from_utf8_lossy(stderr);
    let start = text.rmatch_indices("panicked at ").find(|(at, _)| {
        let line = text[..*at].rfind('\n').map_or(0, |newline| newline + 1);
        text[line..*at].starts_with("thread ")
    })?;
    let rest = &text[start.0 + start.1.len()..];
    let (place, rest) = rest.split_once(":\n")?;
    let end = ["\nnote: run with `RUST_BACKTRACE", "\nstack backtrace:"].iter().filter_map(|end| rest.find(end)).min();
    let message = rest[..end.unwrap_or(rest.len())].trim_end().to_owned();
    Some(Panic { message, place: place.to_owned() })
}

/// The text of an error that a test returned, as libtest prints it.
pub fn returned_error(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let line = text.rfind("\nError: ").map(|before| before + 1);
    let start = line.or_else(|| text.starts_with("Error: ").then_some(0))?;
    Some(text[start..].trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_those_that_the_harness_gives() {
        let names: Vec<Arc<str>> = ["a", "b", "c", "d"].map(Arc::from).into();
        let end =
            "\n\ntest result: ok. 0 passed; 0 failed; 4 ignored; 0 measured; 9 filtered out; finished in 0.00s\n\n";
        let lines = "test a ... ignored\ntest b ... ignored, later\ntest c - should panic ... ignored, of\ntwo, lines\n\
            test d ... ignored, test c ... ignored";
        let said = format!("\nrunning 4 tests\n{lines}{end}");
        assert_eq!(reasons_in(said.as_bytes(), &names).unwrap(), ["", "later", "of\ntwo, lines", "test c ... ignored"]);
        let one =
            "\nrunning 1 test\ntest a ... ignored\n\ntest result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0";
        assert_eq!(reasons_in(one.as_bytes(), &names[..1]).unwrap(), [""]);
        for not_what_it_says in [
            said.replace("4 tests", "3 tests"),
            said.replace("test b", "test x"),
            said.replace("ignored\n", "ok\n"),
            said.replace("ok. 0 passed", "ok. 1 passed"),
            String::new(),
        ] {
            assert_eq!(reasons_in(not_what_it_says.as_bytes(), &names), None, "{not_what_it_says}");
        }
    }

    #[test]
    fn the_last_closing_line_counts() {
        let forged = b"test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.00s\n\
            test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.00s\n";
        assert_eq!(closing(forged), Some(Closing { passed: 0, failed: 1, ignored: 0 }));
        assert_eq!(closing(b"test result: "), None);
        assert_eq!(closing(b""), None);
    }

    #[test]
    fn panics_are_found_with_and_without_thread_ids() {
        let old =
            b"noise\nthread 'a::b' panicked at src/lib.rs:5:9:\nleft: 1\nright: 2\nnote: run with `RUST_BACKTRACE=1`\n";
        let found = last_panic(old).unwrap();
        assert_eq!((found.place.as_str(), found.message.as_str()), ("src/lib.rs:5:9", "left: 1\nright: 2"));
        let new = b"\nthread 'a' (1) panicked at src/lib.rs:1:2:\nboo\n";
        assert_eq!(last_panic(new).unwrap().message, "boo");
        assert_eq!(last_panic(b"someone panicked at the disco:\n"), None);
    }

    #[test]
    fn returned_errors_are_found() {
        assert_eq!(
            returned_error(b"x\nError: ParseIntError { kind: Empty }\n").unwrap(),
            "Error: ParseIntError { kind: Empty }"
        );
        assert_eq!(returned_error(b"Error: printed by the test\nError: 1\n").unwrap(), "Error: 1");
        assert_eq!(returned_error(b"no Error: here"), None);
    }

    #[test]
    fn the_harness_s_own_lines_are_not_the_test_s() {
        let end = "\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n";
        let quiet = format!("\nrunning 1 test\ntest a::b ... ok\n{end}");
        assert_eq!(own_output(quiet.as_bytes(), "a::b"), b"");
        let said = format!("\nrunning 1 test\ntest a::b ... hello\nok\n{end}");
        assert_eq!(own_output(said.as_bytes(), "a::b"), b"hello\n");
        let failed =
            "\nrunning 1 test\ntest a ... hello\nFAILED\n\nfailures:\n\nfailures:\n    a\n\ntest result: FAILED. 0 p";
        assert_eq!(own_output(failed.as_bytes(), "a"), b"hello\n");
        assert_eq!(own_output(b"\nrunning 1 test\ntest a ... half a li", "a"), b"half a li");
        assert_eq!(own_output(b"anything", "a"), b"anything");
    }

    proptest::proptest! {
        #[test]
        fn no_output_breaks_the_readers(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = (reasons_in(&bytes, &["x".into()]), closing(&bytes), last_panic(&bytes), returned_error(&bytes), own_output(&bytes, "x"));
        }
    }
}
