//! What a lesson's documentation promises, and what airtight found.

use crate::suite::Ran;
use airtight::policy::Limit;
use airtight::report::console::{render_faults, render_findings, render_pollution};
use airtight::report::{Report, TestRecord};
use anyhow::{Context, Result};
use similar::TextDiff;
use std::fmt::Write;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The file with what a lesson promises.
pub const EXPECTED: &str = "expected.txt";

/// The file with what it promises of tests that are called [`ROUNDS`] times in one instance. Most lessons have none.
pub const EXPECTED_REPEATED: &str = "expected-repeat.txt";

/// The file with what it promises of subtests that are each run alone. Most lessons have none.
pub const EXPECTED_ISOLATED: &str = "expected-isolated.txt";

/// The file with what it promises of tests that are run together. Most lessons have none.
pub const EXPECTED_POLLUTION: &str = "expected-pollution.txt";

/// The file with what it promises of tests whose calls fail, one after the other. Most lessons have none.
pub const EXPECTED_FAULTS: &str = "expected-faults.txt";

/// `--repeat` of the second run.
pub const ROUNDS: u32 = 50;

/// One of the crates beside this one.
pub struct Lesson {
    /// The package's name.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
}

/// What airtight found in a lesson.
pub struct Findings {
    /// The file with what was expected instead.
    pub file: &'static str,
    pub text: String,
}

impl Lesson {
    /// Each file of promises, and what was found instead.
    pub fn findings(&self, ran: &Ran) -> Vec<Findings> {
        let mut findings = vec![Findings { file: EXPECTED, text: self.found(&ran.report) }];
        if self.repeats() {
            let mut report = ran.repeated.clone();
            for module in &mut report.canonical.modules {
                module.tests.retain(|test| test.details.as_ref().is_some_and(|details| details.growth.is_some()));
            }
            findings.push(Findings { file: EXPECTED_REPEATED, text: without_linear_memory(&self.found(&report)) });
        }
        if self.is_isolated() {
            findings.push(Findings { file: EXPECTED_ISOLATED, text: self.found(&ran.isolated) });
        }
        if self.is_run_together() {
            let mut pollution = ran.pollution.clone();
            pollution.modules.retain(|module| self.holds(&module.module));
            findings.push(Findings { file: EXPECTED_POLLUTION, text: render_pollution(&pollution, false) });
        }
        if self.calls_fail() {
            let mut faults = ran.faults.clone();
            faults.canonical.modules.retain(|module| self.holds(&module.module));
            findings.push(Findings { file: EXPECTED_FAULTS, text: render_faults(&faults, false) });
        }
        findings
    }

    /// Whether it promises something of tests whose calls fail.
    pub fn calls_fail(&self) -> bool {
        self.dir.join(EXPECTED_FAULTS).exists()
    }

    /// Whether it promises something of subtests that are each run alone.
    pub fn is_isolated(&self) -> bool {
        self.dir.join(EXPECTED_ISOLATED).exists()
    }

    /// Whether it promises something of tests that are run together.
    pub fn is_run_together(&self) -> bool {
        self.dir.join(EXPECTED_POLLUTION).exists()
    }

    /// Whether it promises something of tests that are called several times.
    pub fn repeats(&self) -> bool {
        self.dir.join(EXPECTED_REPEATED).exists()
    }

    /// What airtight found in it: a line a test, then the findings as a person sees them. The same text on every machine, with
    /// every compiler.
    fn found(&self, report: &Report) -> String {
        let mut part = report.clone();
        part.volatile = Default::default();
        part.canonical.modules.retain(|module| self.holds(&module.name));
        part.canonical.modules.iter_mut().flat_map(|module| &mut module.tests).for_each(forget_the_compiler);
        let mut text = String::new();
        for module in &part.canonical.modules {
            for test in &module.tests {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{} {}: {}", module.name, test.name, summary(test));
            }
        }
        let findings = render_findings(&part, false);
        if findings.is_empty() { text } else { format!("{text}\n{findings}") }
    }

    fn holds(&self, module: &str) -> bool {
        module.split('/').next() == Some(self.name.as_str())
    }

    /// What it promises; `None` where that was never written down.
    pub fn expected(&self, file: &str) -> Result<Option<String>> {
        let path = self.dir.join(file);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Makes the findings what it promises.
    pub fn bless(&self, findings: &Findings) -> Result<()> {
        let path = self.dir.join(findings.file);
        std::fs::write(&path, &findings.text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// How the findings differ from what it promises, if they do.
    pub fn difference(&self, findings: &Findings) -> Result<Option<String>> {
        Ok(findings.compare(&self.expected(findings.file)?.unwrap_or_default()))
    }
}

impl Findings {
    /// How they differ from what was expected, if they do.
    pub fn compare(&self, expected: &str) -> Option<String> {
        let difference =
            || TextDiff::from_lines(expected, &self.text).unified_diff().header(self.file, "found").to_string();
        (expected != self.text).then(difference)
    }
}

fn summary(test: &TestRecord) -> String {
    let verdict = format!("{:?}", test.verdict).to_lowercase();
    match test.usage.as_ref().and_then(|usage| usage.handles_peak) {
        None | Some(0) => verdict,
        Some(peak) => format!("{verdict}, {peak} open at once"),
    }
}

/// Leaves out the column and the line of linear memory: how much there is of it at the start, and whether a page of it is
/// taken for a block, depends on the compiler.
fn without_linear_memory(text: &str) -> String {
    const COLUMN: &str = "  linear pages";
    let (mut kept, mut column) = (String::new(), None);
    for line in text.lines().filter(|line| !line.starts_with("    linear memory: ")) {
        // The rows of a table are deeper than what follows it.
        column = line.find(COLUMN).or(column).filter(|_| line.starts_with("        "));
        let cells = column.and_then(|from| Some((line.get(..from)?, line.get(from + COLUMN.len()..)?)));
        let (before, after) = cells.unwrap_or((line, ""));
        kept.extend([before, after, "\n"]);
    }
    kept
}

/// Takes out what depends on the compiler and its standard library: how much memory a program has at the start, and by how
/// much its allocator wants more.
fn forget_the_compiler(test: &mut TestRecord) {
    let Some(details) = &mut test.details else { return };
    details.refused = None;
    let Some(limit) = details.limit.as_mut().filter(|limit| limit.name == Limit::Memory.into()) else { return };
    limit.seen = None;
    let ended = details.message.as_deref().and_then(|message| message.split_once("; then: "));
    details.message = ended.map(|(_, ended)| ended.to_owned());
}
