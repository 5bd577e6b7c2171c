//! What came of letting the calls of tests fail, one after the other.

use crate::model::Frame;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of the JSON schema.
pub const FAULTS_SCHEMA: &str = "airtight.faults/1";

/// What was found in a whole suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Faults {
    /// [`FAULTS_SCHEMA`].
    pub schema: String,
    /// `sha256:` and the hex SHA-256 of [`Faults::canonical`] in canonical JSON (RFC 8785).
    pub digest: String,
    /// What two machines compare.
    pub canonical: CanonicalFaults,
    /// The length of the search in milliseconds.
    pub wall_ms: u64,
}

/// The part that is the same bytes everywhere.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CanonicalFaults {
    /// False where another search may find something else: there was no time for all of it, or the wall clock ended a test.
    pub reproducible: bool,
    /// A run with a failure has the fuel of the plain run so many times, and [`CanonicalFaults::fuel_beyond`].
    pub fuel_times: u64,
    /// See [`CanonicalFaults::fuel_times`].
    pub fuel_beyond: u64,
    /// Each module that has tests, by name.
    pub modules: Vec<ModuleFaults>,
}

/// What was found in one module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModuleFaults {
    /// Its name.
    pub module: String,
    /// Its tests whose calls failed, by name.
    pub tests: Vec<SweptTest>,
    /// The tests that were not looked at, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<UnsweptTest>,
    /// What was found: by place, and alike paths once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<FaultFinding>,
}

/// A test whose calls failed, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SweptTest {
    /// Its name.
    pub test: String,
    /// How many calls it makes that can fail.
    pub calls: u64,
    /// How many failures these have together.
    pub failures: u64,
    /// How many of the failures were tried: those of one call, and those of two.
    pub tried: u64,
    /// How many were not tried because another was that fails alike at the same place, with the same handles open.
    pub alike: u64,
    /// After how many everything was given back, and the test came to its end or told of the failure.
    pub handled: u64,
    /// Failures that were not tried, by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_tried: Vec<NotTried>,
    /// Failures after which it cannot be told what the code gives back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_judged: Vec<NotJudged>,
}

/// Failures at one place that were not tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NotTried {
    /// The innermost frame of the user's own.
    pub at: Frame,
    /// How many.
    pub count: u64,
}

/// A failure after which it cannot be told what the code gives back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NotJudged {
    /// What failed, as `--fault` is given it.
    pub faults: Vec<String>,
    /// Why.
    pub why: String,
}

/// A test that was not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnsweptTest {
    /// Its name.
    pub test: String,
    /// Why.
    pub why: String,
}

/// Something that is wrong after a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaultFinding {
    /// What is wrong.
    pub kind: FindingKind,
    /// In words: `leaks 1 file`, `leaves /tmp/a`.
    pub what: String,
    /// The place of the call that fails: the innermost frame of the user's own, and those that called it.
    pub stack: Vec<Frame>,
    /// What is to be shown of it: where the resource was acquired, or where it panicked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub place: Vec<Frame>,
    /// What a panic said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The failures that bring it about: as `--fault` is given them, the first with its test.
    pub paths: Vec<FaultPath>,
}

/// A test, and the calls that fail in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaultPath {
    /// The test.
    pub test: String,
    /// As `--fault` is given them: one, or two.
    pub faults: Vec<String>,
}

/// What is wrong after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FindingKind {
    /// Something was not given back.
    Leak,
    /// A file is left that is not left otherwise.
    Residue,
    /// A file is left that was written by half.
    HalfWritten,
    /// A descriptor is closed twice.
    DoubleClose,
    /// A descriptor is used that is closed.
    UseAfterClose,
    /// The test goes on for ever.
    Hang,
    /// Code under test was ended by a trap, other than by a panic.
    Crash,
    /// Code under test panicked. A note: it may be meant.
    Panic,
    /// Code under test panicked because it demanded that there is no error. A note, too.
    UnwrapPanic,
    /// A file is written on after a write to it failed. A note: it may be right.
    WriteAfterFailure,
    /// The test passes, and the call was not tried again. A note: its result may not matter.
    Lie,
}

impl FindingKind {
    /// Whether it fails the search. What does not is told.
    #[must_use]
    pub fn fails(self) -> bool {
        match self {
            Self::Leak
            | Self::Residue
            | Self::HalfWritten
            | Self::DoubleClose
            | Self::UseAfterClose
            | Self::Hang
            | Self::Crash => true,
            Self::Panic | Self::UnwrapPanic | Self::WriteAfterFailure | Self::Lie => false,
        }
    }
}

impl Faults {
    /// The report of a search that took so long.
    pub(crate) fn new(canonical: CanonicalFaults, wall_ms: u64) -> Self {
        let digest = format!("sha256:{:x}", Sha256::digest(canonical_bytes(&canonical)));
        Self { schema: FAULTS_SCHEMA.to_owned(), digest, canonical, wall_ms }
    }

    /// All that was found, each with its module.
    pub fn found(&self) -> impl Iterator<Item = (&str, &FaultFinding)> {
        self.canonical.modules.iter().flat_map(|module| module.found.iter().map(|found| (&*module.module, found)))
    }

    /// Whether something was found that fails the search.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.found().any(|(_, found)| found.kind.fails())
    }

    /// The report in JSON, for `--report json=PATH`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a report is plain data with text keys");
        bytes.push(b'\n');
        bytes
    }
}

/// The bytes that are hashed.
fn canonical_bytes(canonical: &CanonicalFaults) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(canonical).expect("a report is plain data with text keys")
}
