//! The report as one page for a browser. The page loads nothing from anywhere. It shows what was found, every test to
//! search, filter and sort, who holds what was left, and what changed since an earlier report.
//!
//! Text that a guest chose reaches the page in only two ways: escaped in the markup, and as JSON that the page's script
//! shows as text. The page's content security policy lets no other script and no other style run.

mod data;
mod figure;
mod timeline;
mod trees;

use super::super::console::diff::{DiffOptions, DiffText};
use super::super::diff::ReportDiff;
use super::WriterInput;
use crate::model::safe_text::{Lines, OneLine};
use crate::model::{CleanupCoverage, GateRecord, Percent, Report, exit_status};
use crate::report::console::GroupedDigits;
use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};
use std::fmt::{self, Display, Formatter, Write};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

pub(super) fn write(input: WriterInput<'_>) -> Vec<u8> {
    Page(input).to_string().into_bytes()
}

struct Page<'a>(WriterInput<'a>);

impl Display for Page<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let WriterInput { report, base } = self.0;
        let (style, script) = (hash(STYLE), hash(SCRIPT));
        let title = match report.counts().unsuccessful() {
            0 if report.worst() == exit_status::PASSED => "airtight: all passed".to_owned(),
            0 => "airtight: the run did not pass".to_owned(),
            failed => format!("airtight: {failed} did not pass"),
        };
        write!(
            f,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{style}'; script-src '{script}'; \
             base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#tests\">Go to the tests</a>\n"
        )?;
        write_summary(f, report)?;
        f.write_str("<main>\n")?;
        write!(f, "{}{}{}", TESTS.0, timelines_text(report), TESTS.1)?;
        trees::write(f, report)?;
        if let Some(base) = base {
            write_comparison(f, base, report)?;
        }
        write!(
            f,
            "</main>\n<script type=\"application/json\" id=\"data\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
            data::json(report)
        )
    }
}

/// What is said of timelines.
fn timelines_text(report: &Report) -> &'static str {
    match report.timelines.is_empty() {
        false => {
            "<p>The name of a test opens what is told of it, with its memory and what it did over the fuel that it spent.</p>\n"
        }
        true => {
            "<p>The name of a test opens what is told of it. There are no timelines of memory and events here: a JSON report has none. \
             <code>airtight test --report html=PATH</code>, and <code>run</code> and <code>go</code> alike, draw them while tests run.</p>\n"
        }
    }
}

/// The frame that the script fills, before and behind what is said of timelines.
const TESTS: (&str, &str) = (
    "<section id=\"tests\" aria-labelledby=\"tests-title\" tabindex=\"-1\">\n<h2 id=\"tests-title\">Tests</h2>\n\
<noscript><p>The table of tests needs JavaScript. Everything else on this page does not.</p></noscript>\n",
    "\
<form id=\"filters\" role=\"search\">\n\
<label for=\"search\">Search names and details</label>\n<input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\">\n\
<fieldset id=\"verdicts\"><legend>Verdicts</legend></fieldset>\n</form>\n\
<p id=\"shown\" role=\"status\"></p>\n\
<div class=\"wide\"><table id=\"table\" aria-describedby=\"shown\"><thead><tr id=\"columns\"></tr></thead><tbody id=\"rows\"></tbody></table></div>\n\
<button id=\"more\" type=\"button\" hidden>Show more tests</button>\n</section>\n",
);

fn write_summary(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let (counts, volatile) = (report.counts(), &report.volatile);
    f.write_str("<header>\n<h1>airtight report</h1>\n<ul class=\"counts\">\n")?;
    let verdicts = [
        ("pass", counts.pass),
        ("leak", counts.leak),
        ("fail", counts.fail),
        ("memory", counts.memory),
        ("timeout", counts.timeout),
        ("exit", counts.exit),
        ("skip", counts.skip),
    ];
    for (word, count) in verdicts {
        writeln!(f, "<li class=\"{word}\"><b>{}</b> {word}</li>", GroupedDigits(count as u64))?;
    }
    f.write_str("</ul>\n<dl>\n")?;
    let mut facts = vec![
        ("Started", volatile.started.clone()),
        ("Took", format!("{}.{:03} s", volatile.wall_ms / 1000, volatile.wall_ms % 1000)),
        ("On", format!("{}, {} workers, airtight {}", volatile.host, volatile.jobs, volatile.version)),
        ("Digest", report.digest.clone()),
    ];
    if volatile.interrupted {
        facts.push(("Interrupted", "some tests were not run".to_owned()));
    }
    for doubt in &report.canonical.doubts {
        facts.push(("May differ", format!("another run may give another report: {doubt}")));
    }
    for refused in &report.canonical.refused {
        facts.push(("Not tested", refused.to_string()));
    }
    for gate in &report.canonical.gates {
        let kept = if gate.passed { "kept" } else { "not kept" };
        let seen = GateRecord::amount(gate.gate, gate.seen);
        facts.push(("Gate", format!("{} {kept}: {seen}; {} is allowed", gate.gate.name(), gate.limit)));
    }
    for entry in volatile.baseline.iter().flat_map(|baseline| &baseline.expired) {
        facts.push(("Expired", entry.what.clone()));
    }
    facts.extend(report.canonical.cleanup_coverage.as_ref().map(|coverage| ("Clean-ups", coverage_text(coverage))));
    for (term, text) in facts {
        writeln!(f, "<dt>{term}</dt><dd>{}</dd>", Html(&OneLine(&text).to_string()))?;
    }
    f.write_str("</dl>\n<button id=\"theme\" type=\"button\" hidden>Dark or light</button>\n</header>\n")
}

fn coverage_text(coverage: &CleanupCoverage) -> String {
    let CleanupCoverage { sites, released, cleanups, finished, .. } = coverage;
    let mut text = format!(
        "{} of {sites} places released in time, {} of {cleanups} clean-ups finished",
        Percent::from_part(*released, *sites),
        Percent::from_part(*finished, *cleanups)
    );
    if let Some(gate) = coverage.gate {
        let reached = if coverage.passes() { "reached" } else { "not reached" };
        write!(text, " ({gate} is asked for, and {reached})").expect("a string takes everything");
    }
    text
}

fn write_comparison(f: &mut Formatter<'_>, base: &Report, report: &Report) -> fmt::Result {
    let diff = ReportDiff::between(base, report);
    let options = DiffOptions { old: "the earlier report", new: "this one", all: false, colours: false };
    let text = DiffText::new(&diff, options).to_string();
    let text = Lines(&text).to_string();
    writeln!(
        f,
        "<section aria-labelledby=\"changed\">\n<h2 id=\"changed\">What changed since the earlier report</h2>\n\
         <pre tabindex=\"0\" aria-labelledby=\"changed\">{}</pre>\n</section>",
        Html(&text)
    )
}

/// Text that is escaped for the markup, or for an attribute in double quotes.
pub(super) struct Html<'a>(pub &'a str);

impl Display for Html<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&quick_xml::escape::escape(self.0))
    }
}

/// The hash of a script or style, as a content security policy names it.
fn hash(source: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(source)))
}
