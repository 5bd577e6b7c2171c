//! The flags of a Go test binary, with the meaning that they have there.

/// The arguments of a Go test binary: which tests are run, and how.
///
/// ```
/// use airtight::GoFlags;
///
/// let args = ["-test.run=^TestStore$/disk", "-test.short", "-update"].map(str::to_owned);
/// let flags = GoFlags::parse(&args)?;
/// assert_eq!(flags.run.as_deref(), Some("^TestStore$/disk"));
/// assert_eq!(flags.passed, ["-test.short=true", "-update"]);
/// # Ok::<(), airtight::GoFlagError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoFlags {
    /// `-test.run`: Go's pattern for tests, examples and fuzz tests; after a slash, for their subtests.
    pub run: Option<String>,
    /// `-test.skip`: the pattern for what is left out.
    pub skip: Option<String>,
    /// `-test.bench`: the pattern for benchmarks; without it, none is run.
    pub bench: Option<String>,
    /// `-test.list`: print the names that match, and run nothing.
    pub list: Option<String>,
    /// `-test.failfast`.
    pub fail_fast: bool,
    /// What the program of every test gets unchanged: flags of `testing` that change what a test sees, and the user's own
    /// flags.
    pub passed: Vec<String>,
}

/// A flag of a Go test binary that cannot have its meaning here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{flag}: {why}")]
pub struct GoFlagError {
    flag: String,
    why: &'static str,
}

/// What is done about a flag.
#[derive(Clone, Copy)]
enum Use {
    Run,
    Skip,
    Bench,
    List,
    FailFast,
    /// The program gets the flag, with its value.
    Pass,
    /// The flag is dropped: what it asks for is so in any case, or would change no test.
    Drop,
    /// The flag is refused, with this reason, unless it has this value.
    Only(&'static str, &'static str),
}

/// A flag; whether its value may be the next argument; what is done about it.
type FlagRow = (&'static str, bool, Use);

const REPEATED: &str = "a test ends the same way each time; it is run once";
const ORDER: &str = "each test has an instance of its own, so their order says nothing; for another one, `--shuffle`";
const PROFILED: &str = "no files leave the sandbox, so profiles and coverage cannot be written";
const FUZZED: &str = "new inputs are not searched for here; the seeds and the corpus are run";

/// The flags of `testing`, without `-test.`.
const FLAGS: &[FlagRow] = &[
    ("run", true, Use::Run),
    ("skip", true, Use::Skip),
    ("bench", true, Use::Bench),
    ("list", true, Use::List),
    ("failfast", false, Use::FailFast),
    ("short", false, Use::Pass),
    ("fullpath", false, Use::Pass),
    ("parallel", true, Use::Pass),
    ("cpu", true, Use::Only("1", REPEATED)),
    ("benchtime", true, Use::Pass),
    ("benchmem", false, Use::Pass),
    ("v", false, Use::Drop),
    ("paniconexit0", false, Use::Drop),
    ("testlogfile", true, Use::Drop),
    // The profile says how long a test may take.
    ("timeout", true, Use::Drop),
    ("count", true, Use::Only("1", REPEATED)),
    ("shuffle", true, Use::Only("off", ORDER)),
    ("fuzz", true, Use::Only("", FUZZED)),
    ("fuzztime", true, Use::Drop),
    ("fuzzminimizetime", true, Use::Drop),
    ("fuzzcachedir", true, Use::Drop),
    ("fuzzworker", false, Use::Only("false", FUZZED)),
    ("coverprofile", true, Use::Only("", PROFILED)),
    ("gocoverdir", true, Use::Only("", PROFILED)),
    ("cpuprofile", true, Use::Only("", PROFILED)),
    ("memprofile", true, Use::Only("", PROFILED)),
    ("memprofilerate", true, Use::Drop),
    ("blockprofile", true, Use::Only("", PROFILED)),
    ("blockprofilerate", true, Use::Drop),
    ("mutexprofile", true, Use::Only("", PROFILED)),
    ("mutexprofilefraction", true, Use::Drop),
    ("trace", true, Use::Only("", PROFILED)),
    ("outputdir", true, Use::Drop),
    ("artifacts", false, Use::Only("false", PROFILED)),
];

impl GoFlags {
    /// Reads arguments as a Go test binary does: `-test.NAME VALUE`, `-test.NAME=VALUE`, with one dash or two. From the
    /// first argument that is not a flag on, or after `--`, they are the tests' own.
    ///
    /// # Errors
    /// A flag of `testing` cannot have its meaning here, lacks its value, or is not one.
    pub fn parse(args: &[String]) -> Result<Self, GoFlagError> {
        let mut flags = Self::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let Some(flag) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')).filter(|flag| !flag.is_empty())
            else {
                flags.passed.push(arg.clone());
                break;
            };
            let Some(own) = flag.strip_prefix("test.") else {
                flags.passed.push(arg.clone());
                continue;
            };
            let error = |why| GoFlagError { flag: arg.clone(), why };
            let (name, value) = own.split_once('=').map_or((own, None), |(name, value)| (name, Some(value)));
            let row = FLAGS.iter().find(|(known, ..)| *known == name);
            let (_, takes_value, usage) = row.ok_or_else(|| error("is no flag of a Go test binary"))?;
            let value = match (value, takes_value) {
                (Some(value), _) => value.to_owned(),
                (None, true) => rest.next().ok_or_else(|| error("needs a value"))?.clone(),
                (None, false) => "true".to_owned(),
            };
            flags.apply(name, *usage, value).map_err(error)?;
        }
        flags.passed.extend(rest.cloned());
        Ok(flags)
    }

    fn apply(&mut self, name: &str, usage: Use, value: String) -> Result<(), &'static str> {
        match usage {
            Use::Run => self.run = Some(value).filter(|pattern| !pattern.is_empty()),
            Use::Skip => self.skip = Some(value).filter(|pattern| !pattern.is_empty()),
            Use::Bench => self.bench = Some(value).filter(|pattern| !pattern.is_empty()),
            Use::List => self.list = Some(value).filter(|pattern| !pattern.is_empty()),
            Use::FailFast => self.fail_fast = value != "false",
            Use::Pass => self.passed.push(format!("-test.{name}={value}")),
            Use::Drop => {}
            Use::Only(allowed, why) => return if value == allowed { Ok(()) } else { Err(why) },
        }
        Ok(())
    }
}

/// One alternative of a `-test.run` pattern, taken apart as `testing` does: `^TestStore$/disk` asks for `^TestStore$` of a
/// test's name and for `disk` of its subtests' names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alternative {
    /// The pattern of the test's own name.
    pub test: String,
    /// The patterns of its subtests' names, with slashes between; `None` where the whole test is meant.
    pub within: Option<String>,
}

/// The alternatives of a pattern: split at `|`, and each at `/`, outside of brackets and groups.
pub(super) fn alternatives(pattern: &str) -> Vec<Alternative> {
    let mut all = Vec::new();
    for alternative in split(pattern, '|', usize::MAX) {
        let mut parts = split(alternative, '/', 2).into_iter();
        let test = parts.next().unwrap_or_default().to_owned();
        all.push(Alternative { test, within: parts.next().map(str::to_owned) });
    }
    all
}

/// Splits a regular expression into at most `most` parts.
fn split(pattern: &str, at: char, most: usize) -> Vec<&str> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let (mut brackets, mut groups, mut escaped) = (0_usize, 0_usize, false);
    for (index, c) in pattern.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' => escaped = true,
            '[' => brackets += 1,
            ']' => brackets = brackets.saturating_sub(1),
            '(' if brackets == 0 => groups += 1,
            ')' if brackets == 0 => groups = groups.saturating_sub(1),
            _ if c == at && brackets == 0 && groups == 0 && parts.len() + 1 < most => {
                parts.push(&pattern[from..index]);
                from = index + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&pattern[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str) -> Result<GoFlags, String> {
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        GoFlags::parse(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn what_go_test_gives_its_binaries_is_understood() {
        let given = "-test.paniconexit0 -test.timeout=10m0s -test.v=test2json --test.run ^TestA$ -test.testlogfile /x -test.short -test.count=1";
        let flags = parse(given).unwrap();
        assert_eq!(flags.run.as_deref(), Some("^TestA$"));
        assert_eq!(flags.passed, ["-test.short=true"]);
        let flags = parse("-update -test.skip=Slow -test.failfast files -test.run=TestA").unwrap();
        assert_eq!((flags.run, flags.skip.as_deref(), flags.fail_fast), (None, Some("Slow"), true));
        assert_eq!(flags.passed, ["-update", "files", "-test.run=TestA"]);
        assert_eq!(parse("-test.run=").unwrap(), GoFlags::default());
    }

    #[test]
    fn what_has_no_meaning_here_is_refused_with_the_reason() {
        for (args, why) in [
            ("-test.count=2", "a test ends the same way"),
            ("-test.shuffle on", "--shuffle"),
            ("-test.fuzz=FuzzA", "seeds and the corpus are run"),
            ("-test.coverprofile=c.out", "no files leave the sandbox"),
            ("-test.run", "needs a value"),
            ("-test.rnu=TestA", "is no flag"),
        ] {
            let error = parse(args).unwrap_err();
            assert!(error.contains(why) && error.starts_with(args.split(' ').next().unwrap()), "{error}");
        }
    }

    #[test]
    fn patterns_are_taken_apart_as_go_does_it() {
        let parts = |pattern: &str| -> Vec<(String, Option<String>)> {
            alternatives(pattern).into_iter().map(|one| (one.test, one.within)).collect()
        };
        let one = |test: &str, within: Option<&str>| (test.to_owned(), within.map(str::to_owned));
        assert_eq!(parts("^TestA$"), [one("^TestA$", None)]);
        assert_eq!(parts("TestA/x/y|TestB"), [one("TestA", Some("x/y")), one("TestB", None)]);
        assert_eq!(parts("Test(A|B)/[a/|]"), [one("Test(A|B)", Some("[a/|]"))]);
        assert_eq!(parts(r"a\|b\/c"), [one(r"a\|b\/c", None)]);
        assert_eq!(parts("/x"), [one("", Some("x"))]);
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_is_lost(pattern in ".{0,30}") {
            proptest::prop_assert_eq!(split(&pattern, '|', usize::MAX).join("|"), pattern);
        }
    }
}
