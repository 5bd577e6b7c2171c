//! Report files as their readers see them.

use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

/// Reads a report file: so each report that a test reads is held to the published schema.
///
/// # Panics
/// If it is not there, is no JSON, or is not what the schema says.
pub fn read_report(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let report = serde_json::from_str(&text).expect("a report is JSON");
    assert_follows_schema(&report);
    report
}

/// Holds a report to the published schema.
///
/// # Panics
/// If it is not what the schema says.
pub fn assert_follows_schema(report: &Value) {
    static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
        let schema = serde_json::from_str(airtight::report::REPORT_SCHEMA).expect("the schema is JSON");
        jsonschema::draft202012::new(&schema).expect("the schema is one")
    });
    let fault = SCHEMA.iter_errors(report).next().map(|error| format!("{}: {error}", error.instance_path));
    assert_eq!(fault, None, "the report is not what its schema says");
}

/// Holds a file to one of the other schemas.
///
/// # Panics
/// If it is not what the schema says.
pub fn assert_follows(schema: &str, file: &Value) {
    let schema = serde_json::from_str(schema).expect("the schema is JSON");
    let schema = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let faults: Vec<_> = schema.iter_errors(file).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The part that two machines compare.
pub fn canonical(report: &Value) -> &Value {
    &report["canonical"]
}

/// Its digest.
///
/// # Panics
/// If there is none.
pub fn digest(report: &Value) -> &str {
    report["digest"].as_str().expect("a report has a digest")
}

/// Every test with its module's name, in the report's order.
pub fn tests(report: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let modules = canonical(report)["modules"].as_array().into_iter().flatten();
    modules.flat_map(|module| {
        let name = module["name"].as_str().unwrap_or_default();
        module["tests"].as_array().into_iter().flatten().map(move |test| (name, test))
    })
}

/// `module test` and the verdict of each.
pub fn verdicts(report: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    tests(report).map(|(module, test)| (format!("{module} {}", text(&test["name"])), text(&test["verdict"]))).collect()
}

/// Asserts that each of so many tests has the verdict with which its name begins.
///
/// # Panics
/// One has another, or they are more or less.
pub fn assert_as_named(report: &Value, count: usize) {
    let found = verdicts(report);
    assert_eq!(found.len(), count);
    let wrong: Vec<_> = found
        .iter()
        .filter(|(test, verdict)| !test.rsplit(' ').next().is_some_and(|name| name.starts_with(&**verdict)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
