//! Report files, as they are read back.

use crate::report::digest::CheckError;
use crate::report::model::{Details, Report, SCHEMA};
use serde::Deserialize;
use serde_json::Value;
use serde_path_to_error::{Path as Field, Segment};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A report that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the report {}: {why}", path.display())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// The reason; part of the message, hence no source of it.
    pub why: Unreadable,
}

/// Why a report cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The operating system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("it is not JSON ({0}); give a file that `--report json=PATH` wrote")]
    NotJson(serde_json::Error),
    /// It is other JSON.
    #[error("the field `schema` is not there, or no text: give a file that `--report json=PATH` wrote")]
    NoReport,
    /// A field is not as [`SCHEMA`] has it.
    #[error("the field `{field}` is not as {SCHEMA} has it: {why}")]
    Field {
        /// Where, in the notation of JavaScript.
        field: String,
        /// What is wrong there.
        why: serde_json::Error,
    },
    /// It follows another schema, or was changed after it was written.
    #[error(transparent)]
    Check(#[from] CheckError),
}

/// Reads a JSON report and checks its digest.
///
/// # Errors
/// It cannot be read, is no report, or was changed after it was written.
pub fn read(path: &Path) -> Result<Report, ReadError> {
    let report = fs::read(path).map_err(Unreadable::from).and_then(|bytes| parse(&bytes));
    report.map_err(|why| ReadError { path: path.to_owned(), why })
}

fn parse(bytes: &[u8]) -> Result<Report, Unreadable> {
    /// What tells a report of another version from what is none.
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

/// The rest of the way to a wrong field among [`Details`], which are part of their test in JSON: serde collects these fields
/// and reads them after the rest of the test, so that the way ends there.
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
