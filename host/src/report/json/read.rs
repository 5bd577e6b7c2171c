//! Reading a report file back, and checking that it is whole and unchanged.

use crate::files::{self, Links};
use crate::model::digest::CheckError;
use crate::model::{Details, Report, SCHEMA};
use serde::Deserialize;
use serde_json::Value;
use serde_path_to_error::{Path as Field, Segment};
use std::io;
use std::path::{Path, PathBuf};

/// Most bytes of a report file: far more than one that this program writes.
const MOST_BYTES: u64 = 1 << 30;

/// A report that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the report {}: {why}", path.display())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// The reason. The message includes it, so it is not the error's source.
    pub why: Unreadable,
}

/// Why a report cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is not JSON.
    #[error("it is not JSON ({0}); give a file that `--report json=PATH` wrote")]
    NotJson(serde_json::Error),
    /// The file is JSON and not a report.
    #[error("the field `schema` is not there, or no text: give a file that `--report json=PATH` wrote")]
    NoReport,
    /// A field is not what the schema [`SCHEMA`] says.
    #[error("the field `{field}` is not as {SCHEMA} has it: {why}")]
    Field {
        /// The field, in the notation of JavaScript: `canonical.modules[0].name`.
        field: String,
        /// What is wrong there.
        why: serde_json::Error,
    },
    /// The report follows another schema, or was changed after it was written.
    #[error(transparent)]
    Check(#[from] CheckError),
}

/// Reads a JSON report and checks its digest.
///
/// # Errors
/// The file cannot be read, is not a report, or was changed after it was written.
pub fn read(path: &Path) -> Result<Report, ReadError> {
    let report = files::read(path, Links::Follow, MOST_BYTES).map_err(Unreadable::from).and_then(|bytes| parse(&bytes));
    report.map_err(|why| ReadError { path: path.to_owned(), why })
}

fn parse(bytes: &[u8]) -> Result<Report, Unreadable> {
    /// The field that tells a report of another version from a file that is not a report.
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        schema: Value,
    }
    let head: Value = serde_json::from_slice(bytes).map_err(Unreadable::NotJson)?;
    let head = Head::deserialize(&head).map_err(|_| Unreadable::NoReport)?;
    match head.schema {
        Value::String(schema) if schema == SCHEMA => {}
        Value::String(found) => return Err(CheckError::Schema { found }.into()),
        _ => return Err(Unreadable::NoReport),
    }
    let from = &mut serde_json::Deserializer::from_slice(bytes);
    let report: Report = serde_path_to_error::deserialize(from).map_err(|error| {
        let field = error.path().to_string() + &within_details(bytes, error.path());
        Unreadable::Field { field, why: error.into_inner() }
    })?;
    report.check()?;
    Ok(report)
}

/// The end of the path to a wrong field of [`Details`]. In JSON, these fields stand among those of the test. serde collects
/// them and reads them after the others, so the path that serde reports ends at the test.
fn within_details(bytes: &[u8], field: &Field) -> String {
    let Ok(whole) = serde_json::from_slice::<Value>(bytes) else { return String::new() };
    let step = |value: Value, segment: &Segment| match (value, segment) {
        (Value::Object(mut object), Segment::Map { key }) => object.remove(key),
        (Value::Array(mut list), Segment::Seq { index }) if *index < list.len() => Some(list.swap_remove(*index)),
        _ => None,
    };
    let test = field.iter().try_fold(whole, step).filter(|value| value.get("verdict").is_some());
    let wrong = test.and_then(|test| serde_path_to_error::deserialize::<_, Details>(test).err());
    wrong.map_or_else(String::new, |error| format!(".{}", error.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples;
    use crate::report::json;
    use proptest::prelude::*;

    fn sample() -> Report {
        samples::report(vec![samples::module("m", vec![samples::passed("a"), samples::leaked()])])
    }

    fn refusal(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    /// The sample report with another value at this pointer.
    fn with(pointer: &str, value: Value) -> String {
        let mut report: Value = serde_json::from_slice(&json::write(&sample())).unwrap();
        *report.pointer_mut(pointer).unwrap() = value;
        refusal(&serde_json::to_vec(&report).unwrap())
    }

    #[test]
    fn what_was_written_is_read() {
        let report = sample();
        assert_eq!(parse(&json::write(&report)).unwrap().canonical, report.canonical);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for (text, why) in [
            (
                "",
                "it is not JSON (EOF while parsing a value at line 1 column 0); give a file that `--report json=PATH` wrote",
            ),
            ("[1]", "the field `schema` is not there, or no text: give a file that `--report json=PATH` wrote"),
            ("{}", "the field `schema` is not there, or no text: give a file that `--report json=PATH` wrote"),
            (
                r#"{ "schema": "airtight.report/2" }"#,
                "the report's schema is `airtight.report/2`; this version of airtight reads `airtight.report/1`",
            ),
        ] {
            assert_eq!(refusal(text.as_bytes()), why, "{text}");
        }
        assert!(refusal(&b"[".repeat(100_000)).starts_with("it is not JSON (recursion limit"));
    }

    #[test]
    fn a_wrong_field_is_named() {
        let said = with("/canonical/modules/0/tests/0/verdict", "green".into());
        let field = "the field `canonical.modules[0].tests[0].verdict` is not as airtight.report/1 has it: ";
        assert!(said.starts_with(&format!("{field}unknown variant `green`, expected one of `pass`")), "{said}");
        for (pointer, field) in [
            ("/digest", "digest"),
            ("/canonical/modules/0/tests/0/usage/heap/tracked", "canonical.modules[0].tests[0].usage.heap.tracked"),
            ("/canonical/modules/0/tests/1/leaks/0/count", "canonical.modules[0].tests[1].leaks[0].count"),
            (
                "/canonical/modules/0/tests/1/leaks/0/stack/1/line",
                "canonical.modules[0].tests[1].leaks[0].stack[1].line",
            ),
        ] {
            let said = with(pointer, serde_json::json!([-1]));
            assert!(said.starts_with(&format!("the field `{field}` is not as")), "{pointer}: {said}");
        }
    }

    #[test]
    fn a_changed_report_is_said_to_be() {
        let said = with("/canonical/modules/0/tests/0/verdict", "leak".into());
        assert!(
            said.starts_with("the report was changed after it was written: it states the digest sha256:"),
            "{said}"
        );
    }

    #[test]
    fn the_file_is_named() {
        let error = read(Path::new("/nowhere/report.json")).unwrap_err();
        let said = "cannot read the report /nowhere/report.json: No such file or directory (os error 2)";
        assert_eq!(error.to_string(), said);
    }

    proptest! {
        #[test]
        fn damage_is_refused_and_never_a_panic(at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = json::write(&sample());
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(read) = parse(&bytes) {
                prop_assert_eq!(read.canonical, sample().canonical);
            }
            bytes.truncate(at);
            // Without its last line feed, the report still reads the same.
            if let Ok(read) = parse(&bytes) {
                prop_assert_eq!(read.canonical, sample().canonical);
            }
        }
    }
}
