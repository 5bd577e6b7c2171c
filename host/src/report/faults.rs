//! What a search for failures found: it made the calls of tests fail, one after the other.

use crate::config::{Baseline, BaselineUpdate, NewGrounds};
pub use crate::model::FindingKind;
use crate::model::{BaselineUse, Date, FindingId, Frame, GateKind, GateRecord};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// The version of the JSON schema.
pub const FAULTS_SCHEMA: &str = "airtight.faults/1";

/// The JSON Schema of what [`Faults::to_json`] gives. It refuses fields and kinds that this version does not write.
pub const FAULTS_JSON_SCHEMA: &str = include_str!("../../schemas/faults.schema.json");

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
    /// How the search used the baseline, if there is one. It depends on the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineUse>,
    /// The length of the search in milliseconds.
    pub wall_ms: u64,
    /// Whether it is kept what was tried, of a search that did not come to its end: another one can go on there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_kept: bool,
}

/// The part that is the same bytes everywhere.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CanonicalFaults {
    /// False where another search may find something else: there was no time for all of it, or the wall clock ended a test.
    pub reproducible: bool,
    /// How often the fuel of the plain run is given to a run with a failure; [`CanonicalFaults::fuel_beyond`] is added.
    pub fuel_times: u64,
    /// See [`CanonicalFaults::fuel_times`].
    pub fuel_beyond: u64,
    /// The digest of the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// What the search came to for the gate `fault-leaks`, if the profile has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateRecord>,
    /// Each module that has tests, by name.
    pub modules: Vec<ModuleFaults>,
}

/// What was found in one module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModuleFaults {
    /// Its name.
    pub module: String,
    /// The tests whose calls were made to fail, by name.
    pub tests: Vec<SweptTest>,
    /// The tests that were not looked at, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<UnsweptTest>,
    /// Why no allocation of its tests is made to fail, where that cannot be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_allocations: Option<String>,
    /// What was found: by place, and alike paths once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<FaultFinding>,
}

/// A test whose calls were made to fail, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SweptTest {
    /// Its name.
    pub test: String,
    /// How many calls of the test can fail and are looked at.
    pub calls: u64,
    /// How many further calls can fail. Nothing is known of their failures.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls_omitted: u64,
    /// How many allocations it makes beside these that are not made to fail: who asks for the memory is not told that there is none, and the
    /// program would end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unheard: u64,
    /// How many failures these have together.
    pub failures: u64,
    /// How many failures were tried: failures of one call, and of two.
    pub tried: u64,
    /// How many failures were not tried because they are like one that was: at the same place, with the same handles open.
    pub alike: u64,
    /// After how many failures everything was given back, and the test came to its end or told of the failure.
    pub handled: u64,
    /// Failures that were not tried, by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_tried: Vec<NotTried>,
    /// Failures after which it is not known what the code gives back.
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

/// A failure after which it is not known what the code gives back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NotJudged {
    /// What failed, in the words of `--fault`.
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
    /// What the finding is about, without a count: a path, or what leaks. Empty if it is about nothing in particular.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// Why the baseline accepts the finding; it fails nothing then. `None` if the baseline does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
    /// The place of the call that fails: the innermost frame of the user's own, and the frames that called it.
    pub stack: Vec<Frame>,
    /// A place to show beside it: where the resource was acquired, or where the test panicked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub place: Vec<Frame>,
    /// The message of a panic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The failures that lead to the finding.
    pub paths: Vec<FaultPath>,
}

/// A test, and which of its calls fail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaultPath {
    /// The test.
    pub test: String,
    /// One or two failures, in the words of `--fault`.
    pub faults: Vec<String>,
}

impl Faults {
    /// The report of a search that took `wall_ms`.
    pub(crate) fn new(canonical: CanonicalFaults, baseline: Option<BaselineUse>, wall_ms: u64) -> Self {
        let digest = format!("sha256:{:x}", Sha256::digest(canonical_bytes(&canonical)));
        Self { schema: FAULTS_SCHEMA.to_owned(), digest, canonical, baseline, wall_ms, is_kept: false }
    }

    /// All that was found, each with its module.
    pub fn found(&self) -> impl Iterator<Item = (&str, &FaultFinding)> {
        self.canonical.found()
    }

    /// Whether the search fails. It does if it found more unaccepted findings than the gate allows, or any if there is no
    /// gate. It also does if the day until which something is accepted has passed.
    #[must_use]
    pub fn fails(&self) -> bool {
        let is_over = match &self.canonical.gate {
            Some(gate) => !gate.passed,
            None => self.canonical.to_mend() > 0,
        };
        is_over || self.baseline.as_ref().is_some_and(|baseline| !baseline.passes())
    }

    /// The text of a baseline that accepts all that was found. `text` is what `baseline` was read from.
    #[must_use]
    pub fn accepted_in(&self, baseline: &Baseline, text: &str, grounds: &NewGrounds) -> BaselineUpdate {
        baseline.updated_by_faults(text, &self.canonical.failing(), &self.canonical.swept(), grounds)
    }

    /// The report in JSON, for `--report json=PATH`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a report is plain data with text keys");
        bytes.push(b'\n');
        bytes
    }
}

impl CanonicalFaults {
    /// All that was found, each with its module.
    fn found(&self) -> impl Iterator<Item = (&str, &FaultFinding)> {
        self.modules.iter().flat_map(|module| module.found.iter().map(|found| (&*module.module, found)))
    }

    /// How many findings have to be mended: those that fail a search and are not accepted.
    pub(crate) fn to_mend(&self) -> u64 {
        self.found().filter(|(_, found)| found.fails()).count() as u64
    }

    /// Marks what the baseline accepts, and returns how the baseline was used. `date` is the day of the search.
    pub(crate) fn accept(&mut self, baseline: &Baseline, date: Option<Date>) -> BaselineUse {
        for module in &mut self.modules {
            for found in module.found.iter_mut().filter(|found| found.kind.fails()) {
                found.accepted = baseline.accepts_fault(&found.id(&module.module)).map(str::to_owned);
            }
        }
        self.baseline = Some(baseline.digest().to_owned());
        baseline.used_by_faults(&self.failing(), &self.swept(), date)
    }

    /// Judges the gate, which allows `most` findings.
    pub(crate) fn judge(&mut self, most: u64) {
        let mut record = GateRecord::new(GateKind::FaultLeaks, GateRecord::amount(GateKind::FaultLeaks, most));
        record.seen = self.to_mend();
        record.passed = record.seen <= most;
        self.gate = Some(record);
    }

    /// The findings of kinds that fail a search, accepted or not: each with the first of its tests.
    fn failing(&self) -> Vec<(FindingId<'_>, &str)> {
        let failing = self.found().filter(|(_, found)| found.kind.fails());
        failing.filter_map(|(module, found)| Some((found.id(module), found.paths.first()?.test.as_str()))).collect()
    }

    /// The tests whose failures were all tried and judged.
    fn swept(&self) -> BTreeSet<(&str, &str)> {
        let is_whole =
            |test: &SweptTest| test.not_tried.is_empty() && test.not_judged.is_empty() && test.calls_omitted == 0;
        let tests = self.modules.iter().flat_map(|module| module.tests.iter().map(move |test| (module, test)));
        tests.filter(|(_, test)| is_whole(test)).map(|(module, test)| (&*module.module, &*test.test)).collect()
    }
}

impl FaultFinding {
    /// Whether the finding fails the search.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.kind.fails() && self.accepted.is_none()
    }

    /// What identifies the finding.
    pub(crate) fn id<'a>(&'a self, module: &'a str) -> FindingId<'a> {
        FindingId::new((module, self.kind, &self.object), &self.stack, &self.place)
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The bytes that are hashed.
fn canonical_bytes(canonical: &CanonicalFaults) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(canonical).expect("a report is plain data with text keys")
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::assert_describes;
    use super::*;
    use crate::model::samples;
    use serde_json::{Value, json};

    /// A search with everything that one can have, but a finding of each kind.
    fn whole() -> Value {
        let stack = || vec![samples::frame("save", "src/store.rs", 41).of_library("std"), Frame::folding("9 calls")];
        let found = |kind| FaultFinding {
            kind,
            what: "leaks 1 file".to_owned(),
            object: "file /tmp/a".to_owned(),
            accepted: Some("before 2.0".to_owned()),
            stack: stack(),
            place: stack(),
            message: Some("no space".to_owned()),
            paths: vec![FaultPath { test: "t".to_owned(), faults: vec!["write:3=ENOSPC".to_owned()] }],
        };
        let module = ModuleFaults {
            module: "m".to_owned(),
            tests: vec![SweptTest {
                test: "t".to_owned(),
                calls_omitted: 1,
                unheard: 1,
                not_tried: vec![NotTried { at: stack().remove(0), count: 1 }],
                not_judged: vec![NotJudged { faults: vec!["open:1=EIO".to_owned()], why: "it ended".to_owned() }],
                ..SweptTest::default()
            }],
            left_out: vec![UnsweptTest { test: "u".to_owned(), why: "it fails".to_owned() }],
            no_allocations: Some("its allocator has no name".to_owned()),
            found: FindingKind::ALL.map(found).into(),
        };
        let mut canonical = CanonicalFaults { modules: vec![module], ..CanonicalFaults::default() };
        canonical.baseline = Some(format!("sha256:{}", "0".repeat(64)));
        canonical.judge(3);
        let usage = Some(samples::baseline_use("leak"));
        let found = Faults { is_kept: true, ..Faults::new(canonical, usage, 7) };
        serde_json::from_slice(&found.to_json()).unwrap()
    }

    #[test]
    fn what_is_written_is_what_its_schema_says_and_nothing_else() {
        let schema: Value = serde_json::from_str(FAULTS_JSON_SCHEMA).unwrap();
        assert_eq!(schema["$defs"]["finding-kind"]["enum"], json!(FindingKind::ALL.map(FindingKind::name)));
        let module = "/canonical/modules/0";
        let [test, found] = ["tests", "found"].map(|list| format!("{module}/{list}/0"));
        let shared = ["digest", "figure", "frame", "stack", "baseline", "baseline-entry"];
        assert_describes(&schema, &whole(), &["", "/canonical", module, &test, &found], &shared);
    }
}
