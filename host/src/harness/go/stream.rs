//! The stream that Go's package `testing` writes to standard output with `-test.v=test2json`. It says which tests and
//! subtests ran, how each ended, and what each said.
//!
//! A line of `testing`'s own begins with the byte ^V, even in the middle of a line: a test may have printed text without a
//! line's end before it. `testing` escapes ^V in what a test logs, but not in what a test prints directly. So a test can
//! print lines that look like `testing`'s own. It cannot keep `testing` from writing the true lines after them, unless it
//! ends the process itself with status 0 (`syscall.Exit`). Therefore a stream is [doubtful](Stream::doubt) that tells two
//! ends of one test, or the end of one that never began.

use memchr::memchr2_iter;
use std::collections::HashMap;

/// The byte with which a line of `testing`'s own begins.
const FRAMING: u8 = 0x16;
/// The byte with which the text of an error begins, from Go 1.27 on; the next one ends it.
const ERROR_BEGIN: u8 = 0x0f;
const ERROR_END: u8 = 0x0e;
/// The byte that `testing` puts before one of the three above if a test logged it.
const ESCAPE: u8 = 0x1b;

/// Most bytes that are kept of what one test logged: a message is there to be read.
const KEPT: usize = 16 << 10;

/// What `testing` says of the end of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    Pass,
    Skip,
    Fail,
}

/// One text that a test logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedText {
    /// The text, without indentation; with the place, `file.go:7: `, that `testing` put before it.
    pub text: String,
    /// Whether the text is an error's. Before Go 1.27 nothing says so.
    pub is_error: bool,
}

/// A test, or a subtest under its whole path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTest {
    pub name: String,
    pub logged: Vec<LoggedText>,
    /// What was printed after its closing line. For an example that is what it printed and should have printed.
    after: String,
    bytes: usize,
    /// How it ended after it last began; `earlier` is the worst of its ends before that.
    closing: Option<Closing>,
    earlier: Option<Closing>,
    /// Whether it began after the last line that is about all tests.
    is_open: bool,
}

/// The stream of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    /// Tests and subtests, in the order in which they began.
    pub tests: Vec<StreamTest>,
    /// The index in `tests` of each name.
    by_name: HashMap<String, usize>,
    /// Whether a line about all tests was FAIL.
    pub failed: bool,
    /// Whether a line about all tests was PASS.
    pub passed: bool,
    /// Why the stream cannot be `testing`'s alone, in words.
    pub doubt: Option<String>,
    /// What the tests printed themselves, without the lines of `testing`'s own.
    pub own: Vec<u8>,
    /// The index of the test that the next lines belong to.
    current: Option<usize>,
    /// Whether an error's text is being read.
    in_error: bool,
}

impl Stream {
    /// Reads a stream.
    pub fn read(stdout: &[u8]) -> Self {
        let mut stream = Self::default();
        for line in lines(stdout) {
            match line.strip_prefix(&[FRAMING]) {
                Some(own) if stream.control(own) => {}
                // A line that begins as one of `testing`'s own but is not one was printed by a test.
                _ => stream.output(line),
            }
        }
        stream
    }

    /// The test of this name.
    pub fn test(&self, name: &str) -> Option<&StreamTest> {
        self.by_name.get(name).map(|index| &self.tests[*index])
    }

    /// The subtests of a test, each with its path below the test.
    pub fn subtests<'a>(&'a self, test: &'a str) -> impl Iterator<Item = (&'a str, &'a StreamTest)> {
        self.tests.iter().filter_map(move |sub| Some((sub.name.strip_prefix(test)?.strip_prefix('/')?, sub)))
    }

    /// Why a test failed, by what it and its subtests logged.
    pub fn failure(&self, test: &str) -> String {
        let own = self.test(test).map(StreamTest::failures).unwrap_or_default();
        if !own.is_empty() {
            return own.join("\n");
        }
        let failed = self.subtests(test).filter(|(_, sub)| sub.closing() == Some(Closing::Fail));
        match failed.last() {
            Some(_) => crate::model::FAILED_WITHIN.to_owned(),
            None => "it failed, and did not say why".to_owned(),
        }
    }

    /// Whether any test failed.
    pub fn has_failure(&self) -> bool {
        self.failed || self.tests.iter().any(|test| test.closing() == Some(Closing::Fail))
    }

    /// Reads a line of `testing`'s own, without its mark. `false` if it is not such a line.
    fn control(&mut self, line: &[u8]) -> bool {
        let Ok(line) = std::str::from_utf8(line.strip_suffix(b"\n").unwrap_or(line)) else { return false };
        if let Some(name) = line.strip_prefix("=== RUN   ") {
            self.begin(name);
        } else if let Some(name) =
            ["=== PAUSE ", "=== CONT  ", "=== NAME  "].iter().find_map(|start| line.strip_prefix(start))
        {
            self.current = self.by_name.get(name).copied();
        } else if line.starts_with("=== ATTR  ") || line.starts_with("=== ARTIFACTS ") {
            // The line is about a test, and is part of that test's output.
        } else if let Some((closing, name)) = closing(line) {
            self.end(name, closing);
        } else if line == "PASS" || line == "FAIL" || line.starts_with("FAIL: ") {
            self.conclude(line != "PASS");
        } else {
            return false;
        }
        self.in_error = false;
        true
    }

    fn begin(&mut self, name: &str) {
        let known = self.by_name.get(name).copied();
        let index = match known {
            None => {
                self.tests.push(StreamTest {
                    name: name.to_owned(),
                    logged: Vec::new(),
                    after: String::new(),
                    bytes: 0,
                    closing: None,
                    earlier: None,
                    is_open: true,
                });
                self.by_name.insert(name.to_owned(), self.tests.len() - 1);
                self.tests.len() - 1
            }
            // If TestMain runs all tests again, the worst of the ends counts.
            Some(index) if !self.tests[index].is_open => {
                let test = &mut self.tests[index];
                test.is_open = true;
                test.earlier = test.earlier.max(test.closing.take());
                index
            }
            Some(index) => {
                self.doubt(format!("it says twice that {name} began"));
                index
            }
        };
        self.current = Some(index);
    }

    fn end(&mut self, name: &str, closing: Closing) {
        let index = self.by_name.get(name).copied();
        match index.map(|index| &mut self.tests[index]) {
            None => self.doubt(format!("it tells the end of {name}, which never began")),
            Some(test) if test.closing.is_some() && test.is_open => {
                // Of two ends, a failure is believed.
                test.closing = test.closing.max(Some(closing));
                self.doubt(format!("it tells two ends of {name}"));
            }
            Some(test) if !test.is_open => {
                test.closing = test.closing.max(Some(closing));
                self.doubt(format!("it tells the end of {name} after that of all tests"));
            }
            Some(test) => test.closing = Some(closing),
        }
        self.current = index;
    }

    /// Reads the line about all tests. A test that begins after it is in another round: TestMain ran all tests again.
    fn conclude(&mut self, failed: bool) {
        self.failed |= failed;
        self.passed |= !failed;
        self.current = None;
        self.tests.iter_mut().for_each(|test| test.is_open = false);
    }

    fn doubt(&mut self, why: String) {
        self.doubt.get_or_insert(why);
    }

    /// Reads what a test printed or logged: a line, or part of one.
    fn output(&mut self, line: &[u8]) {
        let mut rest = line;
        while !rest.is_empty() {
            let mark = marks(rest).find(|at| [ERROR_BEGIN, ERROR_END].contains(&rest[*at]));
            let (part, after) = rest.split_at(mark.unwrap_or(rest.len()));
            self.part(part);
            let Some((mark, after)) = after.split_first() else { break };
            self.in_error = *mark == ERROR_BEGIN;
            rest = after;
        }
    }

    fn part(&mut self, part: &[u8]) {
        self.own.extend_from_slice(part);
        let Some(test) = self.current.map(|index| &mut self.tests[index]) else { return };
        test.bytes += part.len();
        if test.bytes > KEPT {
            return;
        }
        if test.closing.is_some() {
            test.after += &String::from_utf8_lossy(part);
            return;
        }
        // Logged text is indented by four, and its further lines by four more.
        let Some(text) = part.strip_prefix(b"    ") else { return };
        let text = unescaped(text);
        match (text.strip_prefix("    "), test.logged.last_mut()) {
            (Some(more), Some(last)) => last.text += more,
            _ => test.logged.push(LoggedText { text, is_error: self.in_error }),
        }
    }
}

impl StreamTest {
    /// How the test ended; `None` if it did not come to its end.
    pub fn closing(&self) -> Option<Closing> {
        match (self.closing, self.earlier) {
            (None, Some(Closing::Fail)) => Some(Closing::Fail),
            (None, _) => None,
            (Some(last), earlier) => earlier.max(Some(last)),
        }
    }

    /// Why the test failed, by its own account: its errors, or, if nothing marks errors, everything that it logged. For an
    /// example: what it printed and should have printed.
    pub fn failures(&self) -> Vec<String> {
        if self.name.starts_with("Example") {
            return Some(self.after.trim_end().to_owned()).filter(|said| !said.is_empty()).into_iter().collect();
        }
        let marked = self.logged.iter().any(|logged| logged.is_error);
        let told = self.logged.iter().filter(|logged| !marked || logged.is_error);
        told.map(|logged| logged.text.trim_end().to_owned()).collect()
    }

    /// Why the test was skipped: the last text that it logged, without its place.
    pub fn reason(&self) -> String {
        let Some(last) = self.logged.last() else { return "skipped".to_owned() };
        without_place(&last.text).trim_end().to_owned()
    }
}

impl Closing {
    /// How bad an end is: a failure is worse than a pass.
    const fn rank(self) -> u8 {
        match self {
            Self::Skip => 0,
            Self::Pass => 1,
            Self::Fail => 2,
        }
    }
}

impl PartialOrd for Closing {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Closing {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// The closing line of a test: `--- PASS: TestName (0.00s)`.
fn closing(line: &str) -> Option<(Closing, &str)> {
    let line = line.trim_start_matches("    ").strip_prefix("--- ")?;
    let (word, rest) = line.split_once(": ")?;
    let closing = match word {
        "PASS" | "BENCH" => Closing::Pass,
        "SKIP" => Closing::Skip,
        "FAIL" => Closing::Fail,
        _ => return None,
    };
    // A benchmark that failed has no time.
    Some((closing, rest.rsplit_once(" (").map_or(rest, |(name, _)| name)))
}

/// The text without the place, `file.go:7: `, that `testing` put before it.
fn without_place(text: &str) -> &str {
    let after = || {
        let (file, rest) = text.split_once(".go:")?;
        let (line, rest) = rest.split_once(": ")?;
        (!file.contains([' ', '\n']) && line.bytes().all(|digit| digit.is_ascii_digit())).then_some(rest)
    };
    after().unwrap_or(text)
}

/// The indices of marks that are not escaped: no test logged them.
fn marks(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let is_mark = |byte: u8| [FRAMING, ERROR_BEGIN, ERROR_END].contains(&byte);
    (0..text.len()).filter(move |at| is_mark(text[*at]) && (*at == 0 || text[*at - 1] != ESCAPE))
}

/// The lines of a stream, with their ends. A mark in the middle of a line begins a new line.
fn lines(stdout: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut ends = memchr2_iter(b'\n', FRAMING, stdout)
        .filter_map(|at| match stdout[at] {
            b'\n' => Some(at + 1),
            _ => (at > 0 && stdout[at - 1] != ESCAPE).then_some(at),
        })
        .chain([stdout.len()]);
    let mut from = 0;
    std::iter::from_fn(move || {
        let to = ends.find(|end| *end > from)?;
        Some(&stdout[std::mem::replace(&mut from, to)..to])
    })
}

/// A text that a test logged, without the escapes before marks.
fn unescaped(text: &[u8]) -> String {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = bytes.next_if(|next| byte == ESCAPE && [FRAMING, ERROR_BEGIN, ERROR_END, ESCAPE].contains(next));
        plain.push(escaped.unwrap_or(byte));
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests;
