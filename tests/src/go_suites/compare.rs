//! How a package's tests ended here and natively.

use super::known::{self, KnownDifference, Why};
use super::suite::{Here, Native};
use std::collections::BTreeMap;

/// The figures of one package, or of several together.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// Tests that native Go runs.
    pub native: u64,
    /// Those of them that pass natively.
    pub native_passed: u64,
    /// Those of these that are built for this platform and do not skip themselves here.
    pub run: u64,
    /// Those of these that pass here.
    pub passed: u64,
    /// Those that come to their end as well, and whose true leaks are found.
    pub leaks: u64,
    /// Tests that do not pass natively and do as well here.
    pub agreed: u64,
    /// Why others have other results, with their number.
    pub explained: BTreeMap<String, u64>,
    /// What is not explained.
    pub unexplained: Vec<Difference>,
    /// Known differences that were found.
    pub known: Vec<&'static KnownDifference>,
}

/// A test with different results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub test: String,
    /// Its result natively.
    pub native: &'static str,
    /// Its verdict here.
    pub here: String,
    /// What the report says of it.
    pub why: String,
}

impl Comparison {
    /// Compares the results of one package.
    pub fn new(package: &str, native: &BTreeMap<String, Native>, here: &BTreeMap<String, Here>) -> Self {
        let mut own = Self { native: native.len() as u64, ..Self::default() };
        for (test, native) in native {
            own.native_passed += u64::from(*native == Native::Passed);
            own.judge((package, test), *native, here.get(test));
        }
        // Benchmarks are listed here, and not run.
        let only_here =
            here.iter().filter(|(test, here)| here.verdict != "skip" && !native.contains_key(*test)).count();
        own.explain("only built for wasm", only_here as u64);
        own
    }

    fn judge(&mut self, (package, test): (&str, &str), native: Native, here: Option<&Here>) {
        let Some(here) = here else { return self.explain("not built for wasm", 1) };
        self.run += u64::from(native == Native::Passed && here.verdict != "skip");
        match (native, &*here.verdict) {
            (Native::Passed, "pass") => self.passed += 1,
            (Native::Skipped, "pass" | "skip") => self.agreed += 1,
            (Native::Failed, verdict) if verdict != "pass" => self.agreed += 1,
            (Native::Passed, "skip") => self.explain(&format!("skips itself here: {}", without_path(&here.said)), 1),
            _ => match known::find(package, test, &here.verdict) {
                Some(known) => {
                    self.known.push(known);
                    self.explain(&known.why.words(), 1);
                    self.leaks += u64::from(matches!(known.why, Why::Leaks(_)));
                }
                None => self.unexplained.push(Difference {
                    test: test.to_owned(),
                    native: word(native),
                    here: here.verdict.clone(),
                    why: here.said.clone(),
                }),
            },
        }
    }

    fn explain(&mut self, reason: &str, tests: u64) {
        if tests > 0 {
            *self.explained.entry(reason.to_owned()).or_default() += tests;
        }
    }

    /// Adds another package's.
    pub fn add(&mut self, other: Self) {
        self.native += other.native;
        self.native_passed += other.native_passed;
        self.run += other.run;
        self.passed += other.passed;
        self.leaks += other.leaks;
        self.agreed += other.agreed;
        self.unexplained.extend(other.unexplained);
        self.known.extend(other.known);
        for (reason, tests) in other.explained {
            self.explain(&reason, tests);
        }
    }

    /// How many of the tests that pass natively and run here pass here, in percent; those with a true leak among them.
    pub fn share_of_run(&self) -> f64 {
        share(self.passed + self.leaks, self.run)
    }

    /// How many of all tests that pass natively pass here, in percent.
    pub fn share_of_all(&self) -> f64 {
        share(self.passed, self.native_passed)
    }

    /// The head of the table whose lines [`Comparison::row`] gives.
    pub fn head() -> String {
        let columns = ["native", "passed there", "run here", "passed here", "true leaks", "both not", "not explained"];
        let columns: String = columns.iter().map(|column| format!("{column:>15}")).collect();
        format!("{:20}{columns}", "package")
    }

    /// A line of the table.
    pub fn row(&self, name: &str) -> String {
        let Self { native, native_passed, run, passed, leaks, agreed, unexplained, .. } = self;
        let unexplained = unexplained.len();
        format!("{name:20}{native:>15}{native_passed:>15}{run:>15}{passed:>15}{leaks:>15}{agreed:>15}{unexplained:>15}")
    }
}

/// A reason without a path in scratch that it ends with, which has a random number.
fn without_path(reason: &str) -> &str {
    reason.split(" /tmp/").next().unwrap_or(reason)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 100.0 } else { 100.0 * part as f64 / whole as f64 }
}

fn word(native: Native) -> &'static str {
    match native {
        Native::Passed => "passed",
        Native::Failed => "failed",
        Native::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_is_explained_or_told() {
        let native = [("A", Native::Passed), ("B", Native::Passed), ("C", Native::Passed), ("D", Native::Skipped)];
        let more = [("E", Native::Failed), ("F", Native::Passed), ("G", Native::Failed)];
        let native = native.into_iter().chain(more).map(|(test, native)| (test.to_owned(), native)).collect();
        let here = [
            ("A", "pass"),
            ("B", "skip"),
            ("D", "pass"),
            ("E", "timeout"),
            ("F", "leak"),
            ("G", "pass"),
            ("H", "pass"),
        ];
        let here = here.map(|(test, verdict)| {
            (test.to_owned(), Here { verdict: verdict.to_owned(), said: format!("{test} says so") })
        });
        let compared = Comparison::new("none", &native, &here.into());
        assert_eq!(
            (compared.native, compared.native_passed, compared.run, compared.passed, compared.agreed),
            (7, 4, 2, 1, 2)
        );
        let explained: Vec<_> = compared.explained.keys().map(String::as_str).collect();
        assert_eq!(explained, ["not built for wasm", "only built for wasm", "skips itself here: B says so"]);
        let unexplained: Vec<_> = compared.unexplained.iter().map(|one| (&*one.test, &*one.here)).collect();
        assert_eq!(unexplained, [("F", "leak"), ("G", "pass")]);
        assert_eq!((compared.share_of_run(), compared.share_of_all()), (50.0, 25.0));
        let leak = Here { verdict: "leak".to_owned(), said: String::new() };
        let one = |here: Here| {
            let test = "TestDirSeek".to_owned();
            Comparison::new("os", &[(test.clone(), Native::Passed)].into(), &[(test, here)].into())
        };
        let compared = one(leak.clone());
        assert_eq!((compared.passed, compared.leaks, compared.share_of_run()), (0, 1, 100.0));
        // What is a leak by the list has to be one.
        assert_eq!(one(Here { verdict: "fail".to_owned(), ..leak }).unexplained.len(), 1);
    }
}
