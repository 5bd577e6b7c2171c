//! The list of what needs attention.

use super::details::Full;
use super::status::{StatusLine, Time};
use super::style::Styles;
use super::wrap::WrappedText;
use crate::model::{Report, TestRecord};
use std::fmt::{self, Display, Formatter};

/// The text about every test that neither passed nor was skipped, with all there is to say of each. It is empty if there is
/// no such test. Two reports with the same canonical part have the same text: it has no times, no figures of the machine
/// and no captured output.
pub fn render_findings(report: &Report, colours: bool) -> String {
    let styles = &Styles::new(colours);
    let tests =
        report.canonical.modules.iter().flat_map(|module| module.tests.iter().map(|test| (&*module.name, test)));
    let findings = tests.filter(|(_, test)| !test.verdict.is_success());
    let blocks: Vec<_> = findings
        .map(|(module, test)| {
            Finding { module, test, time: Time::Omitted, all: false, columns: None, styles }.to_string()
        })
        .collect();
    blocks.join("\n")
}

/// The line of a test and what there is to say of it.
pub(super) struct Finding<'a> {
    pub module: &'a str,
    pub test: &'a TestRecord,
    pub time: Time,
    /// See [`Full::all`].
    pub all: bool,
    /// See [`WrappedText::columns`].
    pub columns: Option<usize>,
    pub styles: &'a Styles,
}

impl Display for Finding<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { module, test, time, all, columns, styles } = *self;
        let text = Full { test, all, styles };
        write!(f, "{}{}", StatusLine { module, test, time, styles }, WrappedText { text, columns })
    }
}
