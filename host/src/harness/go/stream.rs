//! The stream that Go's package `testing` writes to standard output with `-test.v=test2json`: which tests and subtests ran, what
//! became of each, and what each said.
//!
//! A line of `testing`'s own begins with ^V, wherever it stands: what a test prints without a line's end may come before it. In
//! what a test logs, ^V is escaped; in what it prints itself, it is not. So a test can print lines that look like `testing`'s own.
//! Unless it ends the process itself with status 0 (`syscall.Exit`), it cannot keep `testing` from writing the true ones after them,
//! and a stream that tells two ends of one test, or the end of one
//! that never began, is [doubtful](Stream::doubt).

use memchr::memchr2_iter;
use std::collections::HashMap;

/// Begins a line of `testing`'s own.
const FRAMING: u8 = 0x16;
/// Begins and ends what is an error, from Go 1.27 on.
const ERROR_BEGIN: u8 = 0x0f;
const ERROR_END: u8 = 0x0e;
/// Stands before one of these where a test logged it.
const ESCAPE: u8 = 0x1b;

/// Bytes that are kept of what one test logged: a message is there to be read.
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
pub struct Logged {
    /// The text, without indentation; with the place, `file.go:7: `, that `testing` put before it.
    pub text: String,
    /// Whether it is an error's. Before Go 1.27 nothing tells.
    pub is_error: bool,
}

/// A test, or a subtest by its whole path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTest {
    pub name: String,
    pub logged: Vec<Logged>,
    /// What was printed after its end: of an example, what it should have printed.
    after: String,
    bytes: usize,
    /// How it ended since it was begun last, and the worst of its ends before that.
    closing: Option<Closing>,
    earlier: Option<Closing>,
    /// Whether it was begun since the last word on all tests.
    is_open: bool,
}

/// The stream of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    /// Tests and subtests, in the order in which they began.
    pub tests: Vec<StreamTest>,
    /// The places of the tests, by name.
    by_name: HashMap<String, usize>,
    /// Whether the word on all tests was FAIL.
    pub failed: bool,
    /// Whether it was PASS, at least once.
    pub passed: bool,
    /// Why it cannot be `testing`'s alone, in words.
    pub doubt: Option<String>,
    /// What the tests printed themselves, without the lines of `testing`'s own.
    pub own: Vec<u8>,
    /// The test that what follows belongs to.
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
                // What begins as a line of its own and is none is what a test printed.
                _ => stream.output(line),
            }
        }
        stream
    }

    /// The test of this name.
    pub fn test(&self, name: &str) -> Option<&StreamTest> {
        self.by_name.get(name).map(|index| &self.tests[*index])
    }

    /// The subtests of a test, each with its path below it.
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
            Some(_) => "a subtest of it failed".to_owned(),
            None => "it failed, and did not say why".to_owned(),
        }
    }

    /// Whether any test failed.
    pub fn has_failure(&self) -> bool {
        self.failed || self.tests.iter().any(|test| test.closing() == Some(Closing::Fail))
    }

    /// Reads a line of `testing`'s own, without its mark. False where it is none.
    fn control(&mut self, line: &[u8]) -> bool {
        let Ok(line) = std::str::from_utf8(line.strip_suffix(b"\n").unwrap_or(line)) else { return false };
        if let Some(name) = line.strip_prefix("=== RUN   ") {
            self.begin(name);
        } else if let Some(name) =
            ["=== PAUSE ", "=== CONT  ", "=== NAME  "].iter().find_map(|start| line.strip_prefix(start))
        {
            self.current = self.by_name.get(name).copied();
        } else if line.starts_with("=== ATTR  ") || line.starts_with("=== ARTIFACTS ") {
            // Says something of a test, and belongs to what it said.
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
            // Where TestMain runs all tests again, the worst of the ends counts.
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

    /// The word on all tests. What begins after it is another round of them.
    fn conclude(&mut self, failed: bool) {
        self.failed |= failed;
        self.passed |= !failed;
        self.current = None;
        self.tests.iter_mut().for_each(|test| test.is_open = false);
    }

    fn doubt(&mut self, why: String) {
        self.doubt.get_or_insert(why);
    }

    /// Reads what a test printed or logged: a line, or a part of one.
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
        // What is logged is indented by four, and by four more where a text has several lines.
        let Some(text) = part.strip_prefix(b"    ") else { return };
        let text = unescaped(text);
        match (text.strip_prefix("    "), test.logged.last_mut()) {
            (Some(more), Some(last)) => last.text += more,
            _ => test.logged.push(Logged { text, is_error: self.in_error }),
        }
    }
}

impl StreamTest {
    /// What became of it; `None` where it did not come to its end.
    pub fn closing(&self) -> Option<Closing> {
        match (self.closing, self.earlier) {
            (None, Some(Closing::Fail)) => Some(Closing::Fail),
            (None, _) => None,
            (Some(last), earlier) => earlier.max(Some(last)),
        }
    }

    /// Why it failed, by its own account: its errors, or where nothing tells these, all that it logged. Of an example, what it
    /// printed and should have printed.
    pub fn failures(&self) -> Vec<String> {
        if self.name.starts_with("Example") {
            return Some(self.after.trim_end().to_owned()).filter(|said| !said.is_empty()).into_iter().collect();
        }
        let marked = self.logged.iter().any(|logged| logged.is_error);
        let told = self.logged.iter().filter(|logged| !marked || logged.is_error);
        told.map(|logged| logged.text.trim_end().to_owned()).collect()
    }

    /// Why it was skipped: the last that it logged, without its place.
    pub fn reason(&self) -> String {
        let Some(last) = self.logged.last() else { return "skipped".to_owned() };
        without_place(&last.text).trim_end().to_owned()
    }
}

impl Closing {
    /// How bad it is: a failure is worse than a pass.
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

/// What follows the place that `testing` puts before a text: `file.go:7: `.
fn without_place(text: &str) -> &str {
    let after = || {
        let (file, rest) = text.split_once(".go:")?;
        let (line, rest) = rest.split_once(": ")?;
        (!file.contains([' ', '\n']) && line.bytes().all(|digit| digit.is_ascii_digit())).then_some(rest)
    };
    after().unwrap_or(text)
}

/// The places of marks that no test logged.
fn marks(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let is_mark = |byte: u8| [FRAMING, ERROR_BEGIN, ERROR_END].contains(&byte);
    (0..text.len()).filter(move |at| is_mark(text[*at]) && (*at == 0 || text[*at - 1] != ESCAPE))
}

/// The lines of a stream, with their ends. One also ends before a mark in its middle.
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

/// A text that a test logged, without the escapes of marks.
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
