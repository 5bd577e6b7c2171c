//! SARIF 2.1.0: the findings of a report for code scanning and editors. Rules keep their names from version to version. A
//! finding keeps its fingerprint from report to report: it is made of kind, guest path or place, and scope, without lines.

use super::findings::{Finding, Level, all_places, findings, rules};
use crate::model::Report;
use crate::model::safe_text::OneLine;
use serde::Serialize;
use std::collections::BTreeMap;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// What the paths of findings are relative to, in the words of GitHub's code scanning.
const SOURCE_ROOT: &str = "%SRCROOT%";
/// The name and version of the fingerprint.
const FINGERPRINT: &str = "airtight/v1";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    invocations: [Invocation<'a>; 1],
    column_kind: &'static str,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    information_uri: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Text,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    execution_successful: bool,
    properties: RunProperties<'a>,
}

#[derive(Serialize)]
struct RunProperties<'a> {
    digest: &'a str,
    reproducible: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression<'a>>,
}

#[derive(Serialize)]
struct Suppression<'a> {
    kind: &'static str,
    status: &'static str,
    justification: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<PhysicalLocation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

pub(super) fn write(report: &Report) -> Vec<u8> {
    let invocation = Invocation {
        execution_successful: !report.volatile.interrupted,
        properties: RunProperties { digest: &report.digest, reproducible: report.canonical.reproducible },
    };
    log(&findings(report, all_places(report).iter()), rules(), (&report.volatile.version, invocation))
}

/// The SARIF file of a search that came to its end.
pub(super) fn of_search(
    findings: &[Finding<'_>],
    rules: Vec<(String, String)>,
    (digest, reproducible): (&str, bool),
) -> Vec<u8> {
    let properties = RunProperties { digest, reproducible };
    log(findings, rules, (env!("CARGO_PKG_VERSION"), Invocation { execution_successful: true, properties }))
}

fn log(
    findings: &[Finding<'_>],
    rules: Vec<(String, String)>,
    (version, invocation): (&str, Invocation<'_>),
) -> Vec<u8> {
    let results = findings.iter().map(|finding| outcome(finding, &rules)).collect();
    let rules = rules.iter().map(|(id, text)| Rule { id: id.clone(), short_description: Text { text: text.clone() } });
    let driver =
        Driver { name: "airtight", information_uri: env!("CARGO_PKG_REPOSITORY"), version, rules: rules.collect() };
    let run = Run { tool: Tool { driver }, invocations: [invocation], column_kind: "unicodeCodePoints", results };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    let mut bytes = serde_json::to_vec_pretty(&log).expect("plain data with text keys");
    bytes.push(b'\n');
    bytes
}

fn outcome<'a>(finding: &'a Finding<'_>, rules: &[(String, String)]) -> Outcome<'a> {
    let logical = |name: String, kind| LogicalLocation { fully_qualified_name: name, kind };
    let module = OneLine(finding.module).to_string();
    let logical_location = match &finding.test {
        Some(test) => logical(format!("{module} {}", OneLine(test)), "function"),
        None => logical(module, "module"),
    };
    let shown = finding.place.and_then(|place| physical(place.file.as_deref()?, place.line));
    let location =
        Location { id: None, message: None, physical_location: shown, logical_locations: vec![logical_location] };
    let related = finding.related.iter().enumerate().filter_map(|(nth, related)| {
        let physical_location = Some(physical(related.file, related.line)?);
        let message = Some(Text { text: related.what.clone() });
        Some(Location { id: Some(nth), message, physical_location, logical_locations: Vec::new() })
    });
    Outcome {
        rule_id: &finding.rule,
        rule_index: rules.iter().position(|(id, _)| *id == finding.rule).expect("every rule is in the list"),
        level: match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        },
        message: Text { text: OneLine(&finding.message).to_string() },
        locations: vec![location],
        related_locations: related.collect(),
        partial_fingerprints: [(FINGERPRINT, &*finding.fingerprint)].into(),
        suppressions: (finding.accepted.iter())
            .map(|why| Suppression { kind: "external", status: "accepted", justification: why })
            .collect(),
    }
}

/// A line of a file; `None` if the file has no name. Line 0 means that the line is not known.
fn physical(file: &str, line: Option<u32>) -> Option<PhysicalLocation> {
    let artifact_location = ArtifactLocation { uri: uri(file)?, uri_base_id: SOURCE_ROOT };
    let region = line.filter(|line| *line > 0).map(|start_line| Region { start_line });
    Some(PhysicalLocation { artifact_location, region })
}

/// A path as a relative reference (RFC 3986): every byte that is neither unreserved nor a slash is written in hex. The
/// result has no scheme and no authority, whatever the path begins with.
fn uri(path: &str) -> Option<String> {
    let path = path.trim_start_matches('/');
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    (!uri.is_empty()).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_relative_reference() {
        let texts = ["src/lib.rs", "/abs/a b.rs", "javascript:alert(1)", "//host/é", "/"];
        let uris = ["src/lib.rs", "abs/a%20b.rs", "javascript%3Aalert%281%29", "host/%C3%A9"];
        assert_eq!(texts.into_iter().filter_map(uri).collect::<Vec<_>>(), uris);
    }
}
