//! The formats of report files: a file for each, and one table that registers them. A writer is a function from a report to
//! bytes. The same report gives the same bytes. Text that a guest chose can neither break a format nor command a program
//! that reads it.

mod chrome_trace;
mod faults;
mod findings;
mod github;
mod go_test;
mod html;
mod junit;
mod libtest;
mod prometheus;
mod sarif;
mod subtests;
#[cfg(test)]
pub(super) mod tests;
mod words;

use super::faults::Faults;
use super::pollution::Pollution;
use super::{json, pprof};
use crate::model::Report;
use std::fmt::{self, Display};

/// What a writer is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct WriterInput<'a> {
    pub report: &'a Report,
    /// An earlier report that this one is compared with.
    pub base: Option<&'a Report>,
}

/// All there is to know of a format.
struct Row {
    /// Its name in `--report KIND=PATH`.
    name: &'static str,
    /// Who reads it, in a few words.
    about: &'static str,
    /// Whether it shows [`Report::profile`].
    wants_profile: bool,
    /// Whether it shows [`Report::timelines`].
    wants_timelines: bool,
    /// Whether it shows which places never release, or holds what tells that.
    wants_coverage: bool,
    /// Whether it may be mixed with the console's lines on standard output.
    is_log: bool,
    write: fn(WriterInput<'_>) -> Vec<u8>,
    /// Writes what a search for failures found; `None` if the format cannot show that.
    write_faults: Option<fn(&Faults) -> Vec<u8>>,
    /// Likewise, what a search for tests that depend on others found.
    write_pollution: Option<fn(&Pollution) -> Vec<u8>>,
}

/// Makes [`ReportKind`] from rows, so that no format is without one.
macro_rules! writers {
    ($($(#[$doc:meta])* $kind:ident: $row:expr;)*) => {
        /// The format of a report file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ReportKind {
            $($(#[$doc])* $kind,)*
        }

        impl ReportKind {
            /// Every kind that this version writes.
            pub const ALL: [Self; [$(Self::$kind),*].len()] = [$(Self::$kind),*];

            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$kind => {
                        const ROW: Row = $row;
                        &ROW
                    })*
                }
            }
        }
    };
}

/// What the rows have in common.
const FILE: Row = Row {
    name: "",
    about: "",
    wants_profile: false,
    wants_timelines: false,
    wants_coverage: false,
    is_log: false,
    write: |_| Vec::new(),
    write_faults: None,
    write_pollution: None,
};

writers! {
    /// The whole report, see [`json::write`].
    Json: Row {
        name: "json",
        about: "the whole report",
        wants_coverage: true,
        write: |input| json::write(input.report),
        write_faults: Some(Faults::to_json),
        write_pollution: Some(Pollution::to_json),
        ..FILE
    };
    /// One page for a browser, which needs nothing but itself. It shows what changed where there is an earlier report.
    Html: Row { name: "html", about: "a page for a browser", wants_timelines: true, write: html::write, ..FILE };
    /// JUnit's XML, as Jenkins reads it.
    Junit: Row {
        name: "junit",
        about: "Jenkins, GitLab and others",
        write: |input| junit::write(input.report),
        write_faults: Some(faults::junit),
        ..FILE
    };
    /// SARIF 2.1.0: what was found, for code scanning and editors.
    Sarif: Row {
        name: "sarif",
        about: "code scanning and editors",
        wants_coverage: true,
        write: |input| sarif::write(input.report),
        write_faults: Some(faults::sarif),
        ..FILE
    };
    /// Annotations of GitHub Actions: lines for the log of a job.
    Github: Row {
        name: "github",
        about: "annotations of GitHub Actions",
        is_log: true,
        write: |input| github::write(input.report),
        ..FILE
    };
    /// The lines of Rust's test harness, as nextest writes them for `libtest-json`.
    LibtestJson: Row {
        name: "libtest-json",
        about: "tools that read Rust's test harness",
        write: |input| libtest::write(input.report, libtest::Dialect::Plain),
        ..FILE
    };
    /// The same with nextest's object, as nextest writes them for `libtest-json-plus`.
    LibtestJsonPlus: Row {
        name: "libtest-json-plus",
        about: "the same, with nextest's object",
        write: |input| libtest::write(input.report, libtest::Dialect::Plus),
        ..FILE
    };
    /// The stream of Go's package `testing`, of which `go test -json` makes its events.
    Test2json: Row {
        name: "test2json",
        about: "the stream of Go's tests, for `go tool test2json`",
        write: |input| go_test::write(input.report),
        ..FILE
    };
    /// Figures in the text format of OpenMetrics, which Prometheus reads.
    Prometheus: Row {
        name: "prometheus",
        about: "figures as OpenMetrics",
        write: |input| prometheus::write(input.report),
        ..FILE
    };
    /// When each test ran on which worker, in Chrome's trace format, which Perfetto opens.
    ChromeTrace: Row {
        name: "chrome-trace",
        about: "when each test ran, for Perfetto",
        write: |input| chrome_trace::write(input.report),
        ..FILE
    };
    /// Where the heap's blocks were allocated, in the format of pprof: see [`Report::profile`].
    Pprof: Row {
        name: "pprof",
        about: "where the heap was allocated, for `go tool pprof`",
        wants_profile: true,
        write: |input| pprof::write(input.report),
        ..FILE
    };
}

impl ReportKind {
    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in `--report KIND=PATH`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Who reads it, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.row().about
    }

    /// Whether it shows [`Report::profile`]. A run only makes a profile if
    /// [`RunnerBuilder::heap_profile`](crate::RunnerBuilder::heap_profile) tells it to.
    #[must_use]
    pub fn wants_profile(self) -> bool {
        self.row().wants_profile
    }

    /// Whether it shows [`Report::timelines`]. A run makes them only where
    /// [`RunnerBuilder::timelines`](crate::RunnerBuilder::timelines) tells it to.
    #[must_use]
    pub fn wants_timelines(self) -> bool {
        self.row().wants_timelines
    }

    /// Whether it shows [`Volatile::places`](crate::report::Volatile::places). A run notes them only if
    /// [`RunnerBuilder::coverage`](crate::RunnerBuilder::coverage) tells it to.
    #[must_use]
    pub fn wants_coverage(self) -> bool {
        self.row().wants_coverage
    }

    /// Whether it is lines for a log, which may stand among the console's on standard output.
    #[must_use]
    pub fn is_log(self) -> bool {
        self.row().is_log
    }

    /// Whether it can show what a search for failures found.
    #[must_use]
    pub fn tells_faults(self) -> bool {
        self.row().write_faults.is_some()
    }

    /// The bytes of the file about a search for failures; `None` if this kind cannot show it.
    pub(super) fn write_faults(self, faults: &Faults) -> Vec<u8> {
        self.row().write_faults.map(|write| write(faults)).unwrap_or_default()
    }

    /// Whether it can show what a search for tests that depend on others found.
    #[must_use]
    pub fn tells_pollution(self) -> bool {
        self.row().write_pollution.is_some()
    }

    /// The bytes of the file that shows that; nothing where the kind cannot.
    #[must_use]
    pub(super) fn write_pollution(self, found: &Pollution) -> Vec<u8> {
        self.row().write_pollution.map(|write| write(found)).unwrap_or_default()
    }

    /// The bytes of the file. `base` is an earlier report, for the kinds that show what has changed since.
    ///
    /// ```
    /// use airtight::report::files::ReportKind;
    /// use airtight::report::{Canonical, Report, Volatile};
    ///
    /// let report = Report::new(Canonical::new(serde_json::json!({}), Vec::new()), Volatile::default());
    /// let page = String::from_utf8(ReportKind::Html.write(&report, None))?;
    /// assert!(page.starts_with("<!DOCTYPE html>"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn write(self, report: &Report, base: Option<&Report>) -> Vec<u8> {
        (self.row().write)(WriterInput { report, base })
    }
}

impl Display for ReportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
