//! The limits that Go tests ask for themselves, in comments directly above their functions.
//!
//! ```text
//! // TestMany opens one file after the other.
//! //
//! //airtight:limit handles=3 memory=64MiB
//! func TestMany(t *testing.T) {
//! ```

/// How such a comment begins, at the start of a line.
const DIRECTIVE: &str = "//airtight:";

/// The only directive.
const LIMIT: &str = "limit";

/// How the names of functions begin that `testing` runs.
const TESTS: [&str; 4] = ["Test", "Benchmark", "Fuzz", "Example"];

/// A limit that a test asks for, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoLimit {
    /// The test's name.
    pub test: String,
    /// The limit's name: `handles`.
    pub name: String,
    /// The limit's value: `3`, `64MiB`.
    pub value: String,
    /// Where the comment is: the name of the file, and the line.
    pub place: (String, usize),
}

/// Reads the limits that a file asks for.
///
/// # Errors
/// The line of a directive that cannot be understood, and why.
pub fn read(file: &str, source: &str) -> Result<Vec<GoLimit>, (usize, String)> {
    let mut limits = Vec::new();
    let mut waiting: Vec<GoLimit> = Vec::new();
    for (number, line) in code_lines(source) {
        if let Some(directive) = line.strip_prefix(DIRECTIVE) {
            let mut words = directive.split_whitespace();
            if words.next() != Some(LIMIT) {
                return Err((number, format!("`{}` is not `{DIRECTIVE}{LIMIT} NAME=VALUE`", line.trim_end())));
            }
            for word in words {
                let Some((name, value)) = word.split_once('=') else {
                    return Err((number, format!("`{word}` is not NAME=VALUE, such as handles=3")));
                };
                let (name, value) = (name.to_owned(), value.to_owned());
                waiting.push(GoLimit { test: String::new(), name, value, place: (file.to_owned(), number) });
            }
        } else if let Some(test) = test(line) {
            limits.extend(waiting.drain(..).map(|limit| GoLimit { test: test.to_owned(), ..limit }));
        } else if !line.starts_with("//")
            && let Some(first) = waiting.first()
        {
            return Err((first.place.1, format!("`{DIRECTIVE}{LIMIT}` stands directly above no test")));
        }
    }
    match waiting.first() {
        Some(first) => Err((first.place.1, format!("`{DIRECTIVE}{LIMIT}` stands directly above no test"))),
        None => Ok(limits),
    }
}

/// The name of the test whose function begins in this line.
fn test(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix("func ")?.split_once('(')?;
    let name = name.trim_end();
    // `Testify` is an ordinary function, and `TestMain` is not a test.
    let is_test = |rest: &str| !rest.starts_with(char::is_lowercase);
    (name != "TestMain" && TESTS.iter().any(|test| name.strip_prefix(test).is_some_and(is_test))).then_some(name)
}

/// The lines that begin neither in a raw string nor in a block comment, with their numbers from 1.
fn code_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut within = None;
    source.lines().enumerate().filter_map(move |(index, line)| {
        let begins_in_code = within.is_none();
        within = after(line, within);
        begins_in_code.then_some((index + 1, line))
    })
}

/// What can go on over several lines.
#[derive(Clone, Copy)]
enum Within {
    RawText,
    Comment,
}

/// What goes on after a line. `within` is what the line begins in; `None` for code.
fn after(line: &str, mut within: Option<Within>) -> Option<Within> {
    let mut rest = line;
    loop {
        let end = match within {
            Some(Within::RawText) => "`",
            Some(Within::Comment) => "*/",
            None => {
                let begin = rest.find(['`', '"', '\'', '/'])?;
                let (mark, behind) = rest[begin..].split_at(1);
                rest = match mark {
                    "`" => {
                        within = Some(Within::RawText);
                        behind
                    }
                    "/" if behind.starts_with('/') => return None,
                    "/" if behind.starts_with('*') => {
                        within = Some(Within::Comment);
                        &behind[1..]
                    }
                    "/" => behind,
                    quote => behind_text(behind, quote),
                };
                continue;
            }
        };
        let Some(at) = rest.find(end) else { return within };
        rest = &rest[at + end.len()..];
        within = None;
    }
}

/// The rest of `text` behind a string or character that ends in `quote`, and whose opening quote was read.
fn behind_text<'t>(text: &'t str, quote: &str) -> &'t str {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\\' => escaped = true,
            _ if quote.starts_with(c) => return &text[at + c.len_utf8()..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(source: &str) -> Result<Vec<String>, (usize, String)> {
        let told = |limit: GoLimit| {
            format!("{}:{} {} {}={}", limit.place.0, limit.place.1, limit.test, limit.name, limit.value)
        };
        read("a_test.go", source).map(|limits| limits.into_iter().map(told).collect())
    }

    #[test]
    fn comments_above_tests_are_limits() {
        let source = "package a\n\n// TestA does.\n//\n//airtight:limit handles=3 memory=64MiB\n//airtight:limit fuel=5M\n\
            func TestA(t *testing.T) {\n\ttext := `\n//airtight:limit no=1\n`\n\tc := '\"'\n\t/* \n//airtight:limit no=2\n*/\n}\n\n\
            func FuzzB (f *testing.F) {}\n";
        let expected = ["a_test.go:5 TestA handles=3", "a_test.go:5 TestA memory=64MiB", "a_test.go:6 TestA fuel=5M"];
        assert_eq!(told(source).unwrap(), expected);
        assert_eq!(told("func f() { s := \"`\" }\n//airtight:limit io=1\nfunc ExampleB() {\n").unwrap().len(), 1);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (source, line, why) in [
            ("\n//airtight:limits handles=3\nfunc TestA() {}\n", 2, "is not `//airtight:limit NAME=VALUE`"),
            ("//airtight:limit handles\nfunc TestA() {}\n", 1, "`handles` is not NAME=VALUE"),
            ("//airtight:limit handles=3\nfunc helper() {}\n", 1, "stands directly above no test"),
            ("//airtight:limit handles=3\n\nfunc TestA() {}\n", 1, "stands directly above no test"),
            ("//airtight:limit handles=3\n", 1, "stands directly above no test"),
        ] {
            let (at, said) = told(source).unwrap_err();
            assert!(at == line && said.contains(why), "{source}: {at}: {said}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_source_breaks_the_reader(source in "(func Test[A-B]\\(|//airtight:(limit )?|[a=`\"'/*\\\\é\n ]){0,30}") {
            let _ = told(&source);
        }
    }
}
