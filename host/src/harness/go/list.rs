//! Which tests a Go test binary holds, by its own account: what `-test.list` prints.

use super::flags::{GoFlags, alternatives};
use super::stream::Stream;
use crate::harness::listing::Program;
use crate::harness::{ListError, Test};
use crate::sandbox::StartCall;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A pattern that matches no name.
const NONE: &str = "$^";

/// Why a benchmark is not run unless somebody asks for it.
const BENCHMARK: &str = "a benchmark; `-bench` or --include-ignored runs it once";

/// How a test is run, by how its name begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Tests, examples and fuzz tests with their seeds: `-test.run` runs them.
    Test,
    Benchmark,
}

const KINDS: [(&str, Kind); 4] =
    [("Test", Kind::Test), ("Benchmark", Kind::Benchmark), ("Fuzz", Kind::Test), ("Example", Kind::Test)];

/// The tests of a module.
pub(super) fn tests(program: &Program<'_>, flags: &GoFlags) -> Result<Vec<Test>, ListError> {
    let lister = Asker { program, noise: program.answer_of_exit(&["-test.list", NONE])? };
    let all = lister.names("^")?;
    if all.is_empty() {
        lister.reaches_tests()?;
    }
    let run = Choice::new(&lister, flags.run.as_deref())?;
    let skip = Choice::new(&lister, flags.skip.as_deref())?;
    let bench = Choice::new(&lister, flags.bench.as_deref())?;
    let tests = all.into_iter().map(|name| {
        let kind = kind(&name).unwrap_or(Kind::Test);
        let benchmark = kind == Kind::Benchmark;
        // `-run` says nothing of benchmarks, and `-bench` nothing of tests.
        let choice = if benchmark { &bench } else { &run };
        let pattern = choice.pattern_for(&name);
        let skipped = skip.pattern_for(&name);
        let whole = Some(format!("^{name}$"));
        // A user who selects tests by `-run` does not ask for benchmarks.
        let unasked = benchmark && bench.is_whole() && !run.is_whole();
        let left_out = unasked || !choice.is_whole() && pattern.is_none() || skipped.is_some() && skipped == whole;
        let pattern = pattern.or(whole).unwrap_or_default();
        let own = if benchmark {
            vec!["-test.run=^$".to_owned(), format!("-test.bench={pattern}"), "-test.benchtime=1x".to_owned()]
        } else {
            vec![format!("-test.run={pattern}")]
        };
        let first = vec!["-test.v=test2json".to_owned(), "-test.paniconexit0".to_owned()];
        let skips = flags.skip.iter().map(|skip| format!("-test.skip={skip}"));
        let last = skips.chain(flags.passed.iter().cloned()).collect();
        let start = start([first, own, last], program.asks_for_own_args());
        let ignored = (benchmark && flags.bench.is_none()).then(|| BENCHMARK.to_owned());
        Test { name: Arc::from(name), ignored, start, left_out, ..Test::default() }
    });
    Ok(tests.collect())
}

/// How a test is started: with arguments of its own between the first and the last of all tests. A program that asks for the test's own
/// arguments when it is ready is not told them before: until then, every test is the same.
fn start(args: [Vec<String>; 3], asks: bool) -> StartCall {
    let [first, own, last] = args.map(|args| args.into_iter().map(Arc::from).collect::<Vec<Arc<str>>>());
    if asks {
        StartCall { args: [first, last].concat(), own_args: own, ..StartCall::default() }
    } else {
        StartCall { args: [first, own, last].concat(), ..StartCall::default() }
    }
}

/// Asks a module for its tests, of which TestMain may say more than their names.
struct Asker<'a> {
    program: &'a Program<'a>,
    /// What the module prints if no name matches.
    noise: Vec<u8>,
}

impl Asker<'_> {
    /// The names that match a pattern.
    fn names(&self, pattern: &str) -> Result<Vec<String>, ListError> {
        let said = self.program.answer_of_exit(&["-test.list", pattern])?;
        names_in(&said, &self.noise).ok_or_else(|| ListError::Answer {
            problem: "prints other things than their names, which cannot be told apart".to_owned(),
            by_wall_clock: false,
        })
    }

    /// A module without tests says that it has run all of them. Where it does not, its program never comes to them.
    fn reaches_tests(&self) -> Result<(), ListError> {
        let none = format!("-test.run={NONE}");
        let answer = self.program.answer_of_exit(&["-test.v=test2json", &none])?;
        if Stream::read(&answer).passed { Ok(()) } else { Err(ListError::NeverRuns { said: said(&answer) }) }
    }
}

/// The last line of what a program printed, to be added to a message.
fn said(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(stdout);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.map(|line| format!(", and said {line:?}")).unwrap_or_default()
}

/// The most ways to cut the names out of what TestMain prints that are tried.
const MOST_CUTS: usize = 64;

/// The names in an answer. `noise` is the answer without names: what TestMain prints before them and after them.
fn names_in(said: &[u8], noise: &[u8]) -> Option<Vec<String>> {
    let same = |(a, b): &(&u8, &u8)| a == b;
    let common = said.iter().zip(noise).take_while(same).count();
    let suffix = said.iter().rev().zip(noise.iter().rev()).take_while(same).count();
    // The text before the names may end as the text after them begins. Then there are several ways to cut; few are worth a
    // look.
    (noise.len().saturating_sub(suffix)..=common).rev().take(MOST_CUTS).find_map(|before| {
        let end = said.len().checked_sub(noise.len() - before).filter(|end| *end >= before)?;
        let between = &said[before..end];
        if !between.is_empty() && !between.ends_with(b"\n") {
            return None;
        }
        let lines = between.split(|byte| *byte == b'\n');
        lines.filter(|line| !line.is_empty()).map(name).collect()
    })
}

/// A line as the name of a test; `None` if it cannot be one.
fn name(line: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(line).ok()?;
    kind(name).map(|_| name.to_owned())
}

/// The kind that a name is of, by Go's rule: no small letter follows the first word. So `Testing` is not a test.
fn kind(name: &str) -> Option<Kind> {
    let is_identifier = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let (_, kind) = KINDS.into_iter().find(|(word, _)| {
        let rest = name.strip_prefix(word);
        rest.is_some_and(|rest| !rest.starts_with(char::is_lowercase))
    })?;
    is_identifier.then_some(kind)
}

/// Which tests a pattern selects.
struct Choice {
    /// For each selected test, the pattern that runs the selected part of it; `None` if no pattern was given.
    patterns: Option<HashMap<String, String>>,
}

impl Choice {
    /// Asks the module itself which tests a pattern selects, so that the pattern has the meaning that Go gives it.
    fn new(lister: &Asker<'_>, pattern: Option<&str>) -> Result<Self, ListError> {
        let Some(pattern) = pattern else { return Ok(Self { patterns: None }) };
        let mut patterns = HashMap::<String, Vec<Option<String>>>::new();
        for alternative in alternatives(pattern) {
            let matching = if alternative.test.is_empty() { "^" } else { &alternative.test };
            for name in lister.names(matching)?.into_iter().collect::<HashSet<_>>() {
                patterns.entry(name).or_default().push(alternative.within.clone());
            }
        }
        let joined = patterns.into_iter().map(|(name, within)| {
            let of = |within: &Option<String>| within.as_ref().map(|within| format!("^{name}$/{within}"));
            // An alternative that selects the whole test is not narrowed by another.
            let parts: Option<Vec<String>> = within.iter().map(of).collect();
            let pattern = parts.map_or_else(|| format!("^{name}$"), |parts| parts.join("|"));
            (name, pattern)
        });
        Ok(Self { patterns: Some(joined.collect()) })
    }

    /// Whether no pattern was given, so that everything is selected.
    fn is_whole(&self) -> bool {
        self.patterns.is_none()
    }

    /// The pattern that runs the selected part of this test; `None` if nothing of it is selected, or if no pattern was
    /// given.
    fn pattern_for(&self, name: &str) -> Option<String> {
        self.patterns.as_ref()?.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_test_main_prints() {
        let names = |said: &str, noise: &str| names_in(said.as_bytes(), noise.as_bytes());
        let ab = Some(vec!["TestA".to_owned(), "ExampleB_x".to_owned()]);
        assert_eq!(names("TestA\nExampleB_x\n", ""), ab);
        assert_eq!(names("set-up\nTestA\nExampleB_x\nTeardown\n", "set-up\nTeardown\n"), ab);
        assert_eq!(names("set-up...TestA\nExampleB_x\n", "set-up..."), ab);
        assert_eq!(names("TestA\nExampleB_x\nTestA\nTestA\n", "TestA\nTestA\n").map(|names| names.len()), Some(2));
        assert_eq!(names("set-up\n", "set-up\n"), Some(Vec::new()));
        assert_eq!(names("Testing\n", ""), None);
        assert_eq!(names("now 1\nTestA\n", "now 2\n"), None);
    }

    #[test]
    fn a_program_that_never_comes_to_its_tests_is_told_with_its_last_line() {
        let told = |stdout: &[u8]| ListError::NeverRuns { said: said(stdout) }.to_string();
        assert!(told(b"set-up\nno database\n\n").contains("`m.Run`, and said \"no database\"; "));
        assert!(told(b"").contains("`m.Run`; "));
    }

    #[test]
    fn what_is_a_test_is_told_as_go_tells_it() {
        for (text, is) in [
            ("TestA", Some(Kind::Test)),
            ("Test", Some(Kind::Test)),
            ("Test_a", Some(Kind::Test)),
            ("TestÄ", Some(Kind::Test)),
            ("FuzzA", Some(Kind::Test)),
            ("Example", Some(Kind::Test)),
            ("BenchmarkA", Some(Kind::Benchmark)),
            ("Testing", None),
            ("TestA B", None),
            ("ok", None),
        ] {
            assert_eq!(kind(text), is, "{text}");
        }
    }
}
