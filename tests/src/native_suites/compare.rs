//! How a suite's tests ended here and natively.

use super::known::{self, KnownDifference};
use super::native::{Native, Results};
use crate::heap_suites::fetch::PublishedCrate;
use airtight::Harness;
use airtight::report::{Report, TestRecord, Verdict};
use std::collections::BTreeMap;

/// The figures of one suite, or of several together.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// Tests that this machine's build has.
    pub native: u64,
    /// Those of them that pass natively.
    pub native_passed: u64,
    /// Those of these that pass here.
    pub passed: u64,
    /// Tests that neither way runs or both fail.
    pub agreed: u64,
    /// Why tests that pass natively do not pass here, or the other way round, with their number.
    pub explained: BTreeMap<String, u64>,
    /// What is not explained.
    pub unexplained: Vec<Difference>,
    /// Known differences that were found.
    pub known: Vec<&'static KnownDifference>,
    /// Seconds that the tests took natively.
    pub took_natively: f64,
    /// Seconds that they took here.
    pub took: f64,
}

/// A test with different results.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Its module and name.
    pub test: String,
    /// Its result natively.
    pub native: &'static str,
    /// Its result here.
    pub here: &'static str,
    /// What the report says of it.
    pub why: String,
}

impl Comparison {
    /// Compares the results of one suite.
    pub fn new(suite: &PublishedCrate, native: &Results, report: &Report) -> Self {
        let modules = report.canonical.modules.iter().filter(|module| module.harness == Harness::Libtest);
        let tests = modules.flat_map(|module| {
            module.tests.iter().map(move |test| ((module.name.clone(), test.name.to_string()), test))
        });
        let here: BTreeMap<(String, String), &TestRecord> = tests.collect();
        let mut own = Self { native: native.len() as u64, ..Self::default() };
        for (name, native) in native {
            own.native_passed += u64::from(*native == Native::Passed);
            own.judge(suite, &format!("{} {}", name.0, name.1), *native, here.get(name).copied());
        }
        let only_here = here.keys().filter(|name| !native.contains_key(*name)).count() as u64;
        own.explain("only built for wasm", only_here);
        own
    }

    fn judge(&mut self, suite: &PublishedCrate, test: &str, native: Native, here: Option<&TestRecord>) {
        let Some(here) = here else { return self.explain("not built for wasm (`cfg`)", 1) };
        let passed = here.verdict == Verdict::Pass;
        match (native, here.verdict) {
            (Native::Passed, Verdict::Pass) => self.passed += 1,
            (Native::Ignored, Verdict::Skip) => self.agreed += 1,
            (Native::Failed, _) if !passed => self.agreed += 1,
            _ => match (known::find(suite, test), stated(here)) {
                (Some(known), _) => {
                    self.known.push(known);
                    self.explain(known.why, 1);
                }
                (None, Some(limit)) if native == Native::Passed => self.explain(&limit, 1),
                (None, _) => self.unexplained.push(Difference {
                    test: test.to_owned(),
                    native: word(native),
                    here: here.verdict.name(),
                    why: said(here),
                }),
            },
        }
    }

    fn explain(&mut self, reason: &str, tests: u64) {
        if tests > 0 {
            *self.explained.entry(reason.to_owned()).or_default() += tests;
        }
    }

    /// Adds another suite's.
    pub fn add(&mut self, other: Self) {
        self.native += other.native;
        self.native_passed += other.native_passed;
        self.passed += other.passed;
        self.agreed += other.agreed;
        self.unexplained.extend(other.unexplained);
        self.known.extend(other.known);
        self.took_natively += other.took_natively;
        self.took += other.took;
        for (reason, tests) in other.explained {
            self.explain(&reason, tests);
        }
    }

    /// The head of the table whose lines [`Comparison::row`] gives.
    pub fn head() -> String {
        format!(
            "{:28}{:>7}{:>15}{:>10}{:>10}{:>14}{:>13}{:>9}",
            "suite", "native", "passed there", "and here", "both not", "not explained", "native s", "here s"
        )
    }

    /// A line of the table.
    pub fn row(&self, name: &str) -> String {
        let Self { native, native_passed, passed, agreed, unexplained, took_natively, took, .. } = self;
        let unexplained = unexplained.len();
        let times = format!("{took_natively:>13.2}{took:>9.2}");
        format!("{name:28}{native:>7}{native_passed:>15}{passed:>10}{agreed:>10}{unexplained:>14}{times}")
    }
}

/// The limit of the platform that the report states for a test which did not pass.
fn stated(test: &TestRecord) -> Option<String> {
    let details = test.details.as_ref()?;
    match test.verdict {
        // Natively it ran: the crate's own attributes say so of other targets.
        Verdict::Skip if details.reason.as_ref().is_some_and(|reason| reason.starts_with("ignored")) => {
            Some("ignored by the crate's own attributes where panics do not unwind, or on wasm".to_owned())
        }
        Verdict::Skip => details.reason.clone().filter(|reason| reason.starts_with("should_panic")),
        _ => details.hint.clone(),
    }
}

/// What the report says of a test, in one line.
fn said(test: &TestRecord) -> String {
    let Some(details) = &test.details else { return "nothing is said".to_owned() };
    let leaks = details.leaks.first().map(|leak| format!("{} leaks, the first {:?}", details.leaks.len(), leak.kind));
    let said = details.message.clone().or_else(|| details.reason.clone()).or(leaks);
    said.unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

fn word(native: Native) -> &'static str {
    match native {
        Native::Passed => "passed",
        Native::Failed => "failed",
        Native::Ignored => "ignored",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airtight::report::{Canonical, ModuleRecord, Volatile};

    #[test]
    fn a_difference_is_explained_or_listed() {
        let suite = PublishedCrate { name: "m".to_owned(), version: "1.0.0".to_owned() };
        let native = [
            ("both_pass", Native::Passed),
            ("both_fail", Native::Failed),
            ("ignored", Native::Ignored),
            ("only_natively", Native::Passed),
            ("fails_here", Native::Passed),
            ("passes_here", Native::Failed),
        ];
        let native: Results =
            native.into_iter().map(|(name, result)| (("m".to_owned(), name.to_owned()), result)).collect();
        let here = [
            ("both_fail", Verdict::Fail),
            ("both_pass", Verdict::Pass),
            ("fails_here", Verdict::Fail),
            ("ignored", Verdict::Skip),
            ("only_here", Verdict::Pass),
            ("passes_here", Verdict::Pass),
        ];
        let tests = here.map(|(name, verdict)| TestRecord::new(name, verdict)).to_vec();
        let module = ModuleRecord::new("m", Harness::Libtest, "sha256:0", tests);
        let report = Report::new(Canonical::new(serde_json::Value::Null, vec![module]), Volatile::default());
        let found = Comparison::new(&suite, &native, &report);
        assert_eq!((found.native, found.native_passed, found.passed, found.agreed), (6, 3, 1, 2));
        let unexplained: Vec<&str> = found.unexplained.iter().map(|difference| &*difference.test).collect();
        assert_eq!(unexplained, ["m fails_here", "m passes_here"]);
        let explained: Vec<_> = found.explained.iter().map(|(why, tests)| (&**why, *tests)).collect();
        assert_eq!(explained, [("not built for wasm (`cfg`)", 1), ("only built for wasm", 1)]);
    }
}
