//! Rust's own test harness. It lists its tests, runs one of them, and counts in its closing line how the tests ended.
//!
//! libtest copies its whole list of tests before it looks for the one that it is to run. So it is given a list of that test
//! alone. Such a list exists already: the word of libtest's static list that points to the test's descriptor.
//!
//! On wasm, libtest does not run a test that is expected to panic. The test's descriptor says that it is, and loses that
//! mark in the instance that runs the test ([`crate::sandbox::MarkedPanic`]). libtest then runs it as any other test, and
//! the message of its panic is judged here.

mod descriptors;

use self::descriptors::{Descriptor, ShouldPanic};
use super::rust::last_panic;
use super::{Evidence, Finish, ListError, Lister, Sequence, Test, TestEntry, TestHarness};
use crate::catalogue::{CatalogueError, Module, SdkTest};
use crate::instrument::{Window, WindowFunctions};
use crate::model::Harness;
use crate::policy::Policy;
use crate::sandbox::{Ending, LoadedModule, MarkedPanic, PanicSaid, Run, StartCall};
use crate::symbols::HarnessFrames;
use memchr::memmem;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) struct Libtest;

/// The entry points of libtest. The `main` that rustc generates for a test binary calls one of the two `_static` ones; the
/// others are what these call. With link-time optimisation, only functions that were not inlined keep a name.
const ENTRY: [&str; 4] =
    ["test::test_main_static", "test::test_main_static_abort", "test::test_main", "test::test_main_with_exit_callback"];

/// The function in which a test is called.
const TEST_CALLERS: &[&str] = &["test::__rust_begin_short_backtrace"];

/// Texts of libtest that no other program has all of: the middle of its usage text, and variables that it reads.
const TEXTS: [&[u8]; 3] =
    [b"The FILTER string is tested against the name of all tests", b"RUST_TEST_THREADS", b"RUST_TEST_NOCAPTURE"];

/// Why libtest ignores a test whose descriptor has lost the mark of an expected panic.
const NOT_LOOKED_AT: &str = "libtest does not look at its descriptor, which the compiler has copied into code";

/// Most characters that are shown of a panic's message.
const SHOWN: usize = 4096;

/// Why a test that is expected to panic is not run.
fn not_run(why: &str) -> String {
    format!("should_panic: {why}; airtight::test can run such a test")
}

impl TestHarness for Libtest {
    fn detect(&self, module: &Module<'_>, _declared: &[SdkTest], _others: bool) -> bool {
        module.start().is_ok() && is_held_by(module)
    }

    fn require(&self, module: &Module<'_>, _declared: &[SdkTest]) -> Result<(), CatalogueError> {
        module.start().map_err(|start| CatalogueError::NoStart { harness: Harness::Libtest, start })
    }

    fn window(&self) -> Window {
        Window::Functions(&WindowFunctions { paths: TEST_CALLERS, purpose: "in which Rust's harness calls a test" })
    }

    fn expects_panics(&self) -> bool {
        true
    }

    fn frames(&self) -> HarnessFrames {
        HarnessFrames {
            windows: TEST_CALLERS,
            library_crates: &["test"],
            calls_closures: true,
            ..HarnessFrames::default()
        }
    }

    fn list(&self, lister: &Lister<'_>) -> Result<Vec<Test>, ListError> {
        let program = lister.program()?;
        let all = names(&program.answer(&["--list", "--format", "terse"])?);
        let ignored = names(&program.answer(&["--list", "--format", "terse", "--ignored"])?);
        let described = described(lister.module, &all, &ignored);
        let mut reasons: HashMap<Arc<str>, String> = HashMap::new();
        if described.is_err() && !ignored.is_empty() {
            // libtest gets the names of ignored tests and is not told to run ignored tests. So it only says of each that it
            // is ignored.
            let args: Vec<&str> = ignored.iter().map(AsRef::as_ref).chain(["--exact"]).collect();
            let said = program.answer(&args).ok().and_then(|stdout| reasons_in(&stdout, &ignored));
            let said = said.unwrap_or_else(|| vec![String::new(); ignored.len()]);
            reasons.extend(ignored.into_iter().zip(said));
        }
        let (mut described, if_ignored) = match described {
            Ok(described) => (described, NOT_LOOKED_AT.into()),
            Err(why) => (HashMap::new(), Arc::from(why)),
        };
        let test = |name: Arc<str>| {
            let described = described.remove(&name);
            let ignored = reasons.remove(&name).or_else(|| described.as_ref()?.ignored.clone());
            let mut args = vec![Arc::clone(&name), "--exact".into(), "--nocapture".into()];
            if ignored.is_some() {
                args.push("--include-ignored".into());
            }
            let list = described.as_ref().and_then(|described| described.list);
            let should_panic = described.and_then(marked);
            let says = should_panic.as_ref().map(|expected| expected.text.is_some());
            let untold = says.and_then(|says| lister.module.untold_panics(says)).map(not_run);
            let start = StartCall {
                args,
                list,
                should_panic,
                if_ignored: Arc::clone(&if_ignored),
                words: Vec::new(),
                ..StartCall::default()
            };
            Test { name, ignored, start, untold, ..Test::default() }
        };
        Ok(all.into_iter().map(test).collect())
    }

    fn entry(&self, test: &Test, _module: &LoadedModule, _policy: &Policy) -> Result<TestEntry, String> {
        Ok(TestEntry::Start(test.start.clone()))
    }

    /// Through libtest's own list: the words that point to the wanted tests stay where they are, and each is made to point
    /// to the test whose turn it is. libtest then looks for these tests alone, in the order of its list.
    fn sequence(&self, tests: &[&TestEntry]) -> Result<Sequence, String> {
        let mut args = Vec::new();
        let mut listed = Vec::new();
        for test in tests {
            let TestEntry::Start(start) = test else { return Err("they are not libtest's".to_owned()) };
            args.extend(start.args.first().cloned());
            listed.push(start.list.ok_or("libtest's list of them is not found in the module")?);
        }
        args.extend(["--exact", "--nocapture", "--test-threads=1"].map(Arc::from));
        let mut places: Vec<u32> = listed.iter().map(|listed| listed.address).collect();
        places.sort_unstable();
        let words = places.into_iter().zip(listed.iter().map(|listed| listed.descriptor)).collect();
        Ok(Sequence::Start(TestEntry::Start(StartCall { args, words, ..StartCall::default() })))
    }

    fn all_passed(&self, run: &Run, entry: &TestEntry) -> bool {
        let TestEntry::Start(start) = entry else { return false };
        let names = &start.args[..start.words.len()];
        let stdout = &run.remains.output.stdout;
        run.ending == Ending::Returned
            && closing(stdout) == Some(Closing { passed: names.len() as u64, failed: 0, ignored: 0 })
            && are_told_in_order(stdout, names)
    }

    fn finish(&self, evidence: &Evidence<'_>) -> Finish {
        let TestEntry::Start(start) = evidence.entry else { return Finish::Abnormal };
        let output = &evidence.run.remains.output;
        if let Some(finish) = panicked(evidence, start) {
            return finish;
        }
        match (&evidence.run.ending, closing(&output.stdout)) {
            (Ending::Returned, Some(Closing { passed: 1, failed: 0, ignored: 0 })) => match &start.should_panic {
                None => Finish::RETURNED,
                Some(expected) => Finish::Failed {
                    message: format!(
                        "test did not panic as expected at {}",
                        evidence.symbols.place(&expected.declared)
                    ),
                    at_declaration: true,
                },
            },
            (Ending::Returned, Some(Closing { passed: 0, failed: 0, ignored: 1 })) => {
                Finish::Skipped(not_run(&start.if_ignored))
            }
            (Ending::Returned, _) => Finish::failed("the harness returned without having run the test"),
            // The harness itself can have left only if the test's own code is not on the stack.
            (Ending::Exit { stack, .. }, Some(Closing { passed: 0, failed: 1, ignored: 0 }))
                if !evidence.symbols.in_test_window(stack) =>
            {
                if evidence.run.unwound.unwrap_or_else(|| ends_with_panic(&output.stderr)) {
                    return Finish::panicked(last_panic(&output.stderr));
                }
                let message = returned_error(&output.stderr).unwrap_or_else(|| "the test returned an error".into());
                Finish::Failed { message, at_declaration: true }
            }
            _ => Finish::Abnormal,
        }
    }

    fn own_output<'o>(&self, stdout: &'o [u8], test: &str) -> Cow<'o, [u8]> {
        own_output(stdout, test).into()
    }
}

/// The descriptors of a module's tests, or in words why they are not known.
fn described(
    module: &LoadedModule,
    listed: &[Arc<str>],
    ignored: &[Arc<str>],
) -> Result<HashMap<Arc<str>, Descriptor>, String> {
    let (bytes, _) = module.symbols.module();
    let module = Module::read(bytes).map_err(|error| error.to_string())?;
    descriptors::read(&module, listed, ignored).map_err(|why| why.to_string())
}

/// The panic that a test's descriptor expects.
fn marked(test: Descriptor) -> Option<MarkedPanic> {
    let ShouldPanic { address, mark, text } = test.should_panic?;
    Some(MarkedPanic { address, mark, text, declared: test.declared })
}

/// What the panic that ended a test means, if the test is expected to panic and nothing in the guest was to catch it.
fn panicked(evidence: &Evidence<'_>, start: &StartCall) -> Option<Finish> {
    let (expected, raised) = (start.should_panic.as_ref()?, evidence.run.panic.as_ref()?);
    let stack = evidence.run.ending.stack()?;
    // A panic of the harness itself is not the test's. A panic that was to be caught would not end the test natively.
    if !evidence.symbols.in_test_window(stack) || evidence.symbols.catches_panics(stack) {
        return None;
    }
    let Some(text) = &expected.text else { return Some(Finish::ExpectedPanic) };
    Some(match raised.said.as_ref()? {
        Ok(PanicSaid::Text(message)) if message.contains(&**text) => Finish::ExpectedPanic,
        Ok(PanicSaid::Text(message)) => {
            let shown: String = message.chars().take(SHOWN).collect();
            let more = if shown.len() < message.len() { " (and more)" } else { "" };
            Finish::failed(format!(
                "panic did not contain expected string\n      panic message: {shown:?}{more}\n expected substring: {text:?}"
            ))
        }
        Ok(PanicSaid::NoText) => Finish::failed(format!(
            "expected panic with string value, found a value of another type\n expected substring: {text:?}"
        )),
        Err(why) => Finish::Skipped(not_run(&format!("it panicked, and the message cannot be read: {why}"))),
    })
}

/// Whether Rust's harness is in a module. Names of functions can say that it is. They cannot say that it is not: a tool may
/// have dropped or shortened them. libtest's texts are there even then.
fn is_held_by(module: &Module<'_>) -> bool {
    has_its_names(module) || has_its_texts(module)
}

fn has_its_names(module: &Module<'_>) -> bool {
    // Names after an unreadable one are lost for every other reader too.
    module.function_names().map_while(Result::ok).any(|(_, name)| is_own(name))
}

fn is_own(name: &str) -> bool {
    if !name.contains("test_main") && !name.contains("__rust_begin_short_backtrace") {
        return false;
    }
    let path = format!("{:#}", rustc_demangle::demangle(name));
    // `test::f::<type arguments>` is an instance of `test::f`. If `test::f` was inlined into its caller,
    // `test::f::{closure#0}` is what is left of it.
    let function = path.split("::<").next().and_then(|path| path.split("::{").next()).unwrap_or_default();
    ENTRY.contains(&function) || TEST_CALLERS.contains(&function)
}

fn has_its_texts(module: &Module<'_>) -> bool {
    module.data().is_some_and(|data| TEXTS.iter().all(|text| memmem::find(data, text).is_some()))
}

/// Why each of the tests is ignored: libtest, asked to run them, says `test NAME ... ignored, WHY`. `None` if it says
/// anything else.
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
        // A reason may have several lines: it ends where the next test's line begins.
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

/// How many tests ended in each way, by the harness's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Closing {
    /// Tests that passed.
    passed: u64,
    /// Tests that failed.
    failed: u64,
    /// Tests that were ignored.
    ignored: u64,
}

/// Reads the last closing line, `test result: ok. 1 passed; 0 failed; 0 ignored; …`. Alone it proves nothing, since a test
/// can print one.
fn closing(stdout: &[u8]) -> Option<Closing> {
    let start = memmem::rfind(stdout, b"test result: ")?;
    let line = stdout[start..].split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let (_, counts) = line.split_once(". ")?;
    let count = |word: &str| {
        let mut parts = counts.split("; ").filter_map(|part| part.split_once(' '));
        parts.find(|(_, what)| *what == word)?.0.parse().ok()
    };
    Some(Closing { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
}

/// Whether the harness named these tests in this order.
fn are_told_in_order(stdout: &[u8], names: &[Arc<str>]) -> bool {
    let mut rest = stdout;
    names.iter().all(|name| {
        let told = format!("test {name} ... ");
        let found = memmem::find(rest, told.as_bytes());
        rest = &rest[found.map_or(0, |at| at + told.len())..];
        found.is_some()
    })
}

/// What the test itself wrote to standard output: without the lines that the harness puts before and after it.
fn own_output<'a>(stdout: &'a [u8], name: &str) -> &'a [u8] {
    let mut own = stdout.strip_prefix(b"\nrunning 1 test\n").unwrap_or(stdout);
    own = own.strip_prefix(format!("test {name} ... ").as_bytes()).unwrap_or(own);
    let Some(end) = memmem::rfind(own, b"\ntest result: ") else { return own };
    let ended = &own[..end];
    let failures = memmem::rfind(ended, b"FAILED\n\nfailures:\n").map(|at| &ended[..at]);
    failures.or_else(|| ended.strip_suffix(b"ok\n")).unwrap_or(own)
}

/// Whether the last account of an end is a panic's, and not that of an error which a test returned.
fn ends_with_panic(stderr: &[u8]) -> bool {
    let last = |needle: &[u8]| memmem::rfind(stderr, needle);
    last_panic(stderr).is_some() && last(b"panicked at ") > last(b"\nError: ")
}

/// The text of an error that a test returned, as libtest prints it.
fn returned_error(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let line = text.rfind("\nError: ").map(|before| before + 1);
    let start = line.or_else(|| text.starts_with("Error: ").then_some(0))?;
    Some(text[start..].trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str) -> bool {
        let bytes = wat::parse_str(text).unwrap();
        is_held_by(&Module::read(&bytes).unwrap())
    }

    #[test]
    fn known_by_name_in_both_manglings() {
        assert!(held("(module (func $_ZN4test16test_main_static17h0123456789abcdefE))"));
        assert!(held("(module (func $_RNvCs7hHA8GJrt0_4test16test_main_static))"));
        assert!(held("(module (func $_ZN4test28__rust_begin_short_backtrace17h0123456789abcdefE))"));
    }

    #[test]
    fn the_order_of_tests_is_looked_at() {
        let stdout = b"\nrunning 2 tests\ntest b ... ok\ntest a ... half a line ok\n\ntest result: ok. 2 passed;";
        let names = |names: [&str; 2]| names.map(Arc::from);
        assert!(are_told_in_order(stdout, &names(["b", "a"])));
        assert!(!are_told_in_order(stdout, &names(["a", "b"])));
        assert!(!are_told_in_order(stdout, &names(["b", "c"])));
    }

    #[test]
    fn a_sequence_moves_words_and_no_places() {
        let test = |name: &str, address, descriptor| {
            let list = Some(crate::sandbox::ListedTest { address, descriptor });
            TestEntry::Start(StartCall { args: vec![name.into()], list, ..StartCall::default() })
        };
        let (a, b, c) = (test("a", 96, 1), test("b", 100, 2), test("c", 104, 3));
        let Ok(Sequence::Start(TestEntry::Start(start))) = Libtest.sequence(&[&c, &a, &b]) else { panic!("one call") };
        assert_eq!(start.words, [(96, 3), (100, 1), (104, 2)]);
        assert_eq!(start.args[..4].iter().map(|arg| &**arg).collect::<Vec<_>>(), ["c", "a", "b", "--exact"]);
        let unlisted = TestEntry::Start(StartCall::default());
        assert!(Libtest.sequence(&[&a, &unlisted]).is_err());
    }

    #[test]
    fn a_function_of_the_users_is_not_mistaken() {
        assert!(!held("(module (func $_ZN4mine4test16test_main_static17h0123456789abcdefE))"));
        assert!(!held("(module (func $_ZN3std3sys9backtrace28__rust_begin_short_backtrace17h0123456789abcdefE))"));
        assert!(!held("(module (func $test_main_static))"));
    }

    #[test]
    fn known_by_what_link_time_optimisation_leaves() {
        let result = "INtNtCsdHhIpgkcIfN_4core6result6ResultuNtNtCsi9YzqDQQz2q_5alloc6string6StringE";
        for name in [
            "_RNvCs2TpYSQqjWyK_4test9test_main",
            "_RNCINvCs2TpYSQqjWyK_4test28test_main_with_exit_callbackNCNvB4_9test_main0E0B4_",
            &format!("_RINvCs2TpYSQqjWyK_4test28___rust_begin_short_backtrace{result}FEBQ_EB2_"),
            "_ZN4test28test_main_with_exit_callback28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE",
        ] {
            assert!(held(&format!("(module (func ${name}))")), "{name}");
        }
    }

    #[test]
    fn texts_count_whatever_the_names_are() {
        let texts = TEXTS.map(|text| String::from_utf8_lossy(text)).join(", ");
        let memory = |texts: &str| format!(r#"(memory 1) (data (i32.const 8) "{texts}")"#);
        assert!(held(&format!("(module (func) {})", memory(&texts))));
        assert!(held(&format!("(module (func $a) {})", memory(&texts))));
        for text in TEXTS.map(|text| String::from_utf8_lossy(text)) {
            assert!(!held(&format!("(module {})", memory(&text))), "{text} alone may be a quotation");
            assert!(!held(&format!("(module {})", memory(&texts.replace(&*text, "")))), "without {text}");
        }
    }

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
            let _ = (reasons_in(&bytes, &["x".into()]), closing(&bytes), returned_error(&bytes), own_output(&bytes, "x"));
        }
    }
}
