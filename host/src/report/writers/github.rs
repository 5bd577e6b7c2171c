//! Annotations of GitHub Actions: commands in the log of a job. Each of them shows a finding beside its line.
//!
//! A command ends at the end of its line. So a guest's text is written with its control characters escaped, and then
//! escaped as commands demand: it can neither end a command nor begin one.

use super::findings::{Finding, Level, findings};
use crate::model::{Report, Verdict};

pub(super) fn write(report: &Report) -> Vec<u8> {
    // Without a gate on them, places are not annotated beside the leaks of the tests.
    let missed = report.canonical.cleanup_coverage.iter().flat_map(|coverage| &coverage.missed);
    let mut text: String =
        findings(report, missed).iter().filter(|finding| finding.accepted.is_none()).map(line).collect();
    let counts = report.counts();
    let bad = [
        (counts.leak, Verdict::Leak),
        (counts.fail, Verdict::Fail),
        (counts.memory, Verdict::Memory),
        (counts.timeout, Verdict::Timeout),
        (counts.exit, Verdict::Exit),
    ];
    let bad: Vec<_> = (bad.into_iter().filter(|(count, _)| *count > 0))
        .map(|(count, kind)| format!(", {count} {}", kind.name()))
        .collect();
    let summary = format!("{} passed{}, {} skipped", counts.pass, bad.concat(), counts.skip);
    text.push_str(&command("notice", &[("title", "airtight".to_owned())], &summary));
    text.into_bytes()
}

fn line(finding: &Finding<'_>) -> String {
    let command_name = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = finding.place {
        properties.extend(place.file.clone().map(|file| ("file", file)));
        properties.extend(place.line.map(|line| ("line", line.to_string())));
    }
    properties.push(("title", format!("airtight {}", finding.rule)));
    let mut message = format!("{} {}", finding.module, finding.message);
    for related in &finding.related {
        let line = related.line.map(|line| format!(":{line}")).unwrap_or_default();
        message.push_str(&format!("\n{}: {}{line}", related.what, related.file));
    }
    command(command_name, &properties, &message)
}

/// `::error file=src/lib.rs,line=7::text`. An empty property is left out: it would name nothing.
fn command(name: &str, properties: &[(&str, String)], message: &str) -> String {
    let properties: Vec<_> = (properties.iter().filter(|(_, value)| !value.is_empty()))
        .map(|(key, value)| format!("{key}={}", escaped(value, true)))
        .collect();
    format!("::{name} {}::{}\n", properties.join(","), escaped(message, false))
}

/// Text within a command, escaped. In a property, a comma and a colon are escaped, too.
fn escaped(text: &str, in_property: bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => safe.push_str("%25"),
            '\n' => safe.push_str("%0A"),
            ':' if in_property => safe.push_str("%3A"),
            ',' if in_property => safe.push_str("%2C"),
            c if crate::model::safe_text::is_deceptive(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    // Other services take `##` anywhere in a line for the beginning of a command.
    safe.replace("##", r"#\u{23}")
}
