//! What a lesson's documentation promises, and what airtight found.

use airtight::report::console::render_findings;
use airtight::report::model::{ModuleRecord, Report, TestRecord};
use anyhow::{Context, Result};
use similar::TextDiff;
use std::fmt::Write;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The file with what a lesson promises.
pub const EXPECTED: &str = "expected.txt";

/// One of the crates beside this one.
pub struct Lesson {
    /// The package's name.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
}

impl Lesson {
    /// What airtight found in it: a line a test, then the findings as a person sees them. The same text on every machine, with
    /// every compiler.
    pub fn findings(&self, report: &Report) -> String {
        let mut part = Report { canonical: report.canonical.clone(), volatile: Default::default(), ..report.clone() };
        part.canonical.modules.retain(|module| self.holds(module));
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

    fn holds(&self, module: &ModuleRecord) -> bool {
        module.name.split('/').next() == Some(self.name.as_str())
    }

    /// What it promises; `None` where that was never written down.
    pub fn expected(&self) -> Result<Option<String>> {
        let path = self.dir.join(EXPECTED);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Makes the findings what it promises.
    pub fn bless(&self, findings: &str) -> Result<()> {
        let path = self.dir.join(EXPECTED);
        std::fs::write(&path, findings).with_context(|| format!("cannot write {}", path.display()))
    }

    /// How the findings differ from what it promises, if they do.
    pub fn difference(&self, findings: &str) -> Result<Option<String>> {
        Ok(Self::compare(&self.expected()?.unwrap_or_default(), findings))
    }

    /// How two texts differ, if they do.
    pub fn compare(expected: &str, findings: &str) -> Option<String> {
        let difference =
            || TextDiff::from_lines(expected, findings).unified_diff().header(EXPECTED, "found").to_string();
        (expected != findings).then(difference)
    }
}

fn summary(test: &TestRecord) -> String {
    let verdict = format!("{:?}", test.verdict).to_lowercase();
    match test.usage.as_ref().and_then(|usage| usage.handles_peak) {
        None | Some(0) => verdict,
        Some(peak) => format!("{verdict}, {peak} open at once"),
    }
}

/// Takes out what depends on the compiler and its standard library: how much memory a program has at the start, and by how
/// much its allocator wants more.
fn forget_the_compiler(test: &mut TestRecord) {
    let Some(details) = &mut test.details else { return };
    details.refused = None;
    let Some(limit) = details.limit.as_mut().filter(|limit| limit.name == "memory") else { return };
    limit.seen = None;
    let ended = details.message.as_deref().and_then(|message| message.split_once("; then: "));
    details.message = ended.map(|(_, ended)| ended.to_owned());
}
