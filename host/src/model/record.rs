//! The records of a module and of its tests.

use super::change::Change;
use super::figure;
use super::growth::Growth;
use super::{
    AcceptedRecord, AttemptsRecord, EntryRole, Frame, FuelByFunction, GoRecord, Harness, InjectedRecord, LimitRecord,
    Omitted, OutlivedRecord, Output, RefusedGrowth, Resource, SubtestRecord, SuppressedRecord, TrackedRecord, Usage,
    Verdict,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One module and its tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModuleRecord {
    /// Stable name: `package/target` for what cargo built, the file's stem for `airtight run`.
    pub name: String,
    /// The module's harness. A test with another harness says so in its own record.
    pub harness: Harness,
    /// `sha256:` of the module without its custom sections, except those named `airtight.*`.
    pub code: String,
    /// Tests by name.
    pub tests: Vec<TestRecord>,
}

impl ModuleRecord {
    /// A module and its tests, which are to be in the order of their names.
    #[must_use]
    pub fn new(name: impl Into<String>, harness: Harness, code: impl Into<String>, tests: Vec<TestRecord>) -> Self {
        Self { name: name.into(), harness, code: code.into(), tests }
    }

    /// The same module with other tests.
    pub(crate) fn with_tests(&self, tests: Vec<TestRecord>) -> Self {
        Self::new(self.name.clone(), self.harness, self.code.clone(), tests)
    }
}

/// One test. A test that passed and left nothing has no [`Details`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestRecord {
    /// The name its harness gives it.
    #[serde(with = "shared_str")]
    pub name: Arc<str>,
    /// The test's harness, where it is not that of its module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<Harness>,
    /// Its role, where it is a set-up or a teardown; absent for a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<EntryRole>,
    /// Its verdict.
    pub verdict: Verdict,
    /// What it used; absent where it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Everything else there is to say.
    #[serde(flatten, default, deserialize_with = "some_details", skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
}

impl TestRecord {
    /// Whether the test passed after it had failed in the same run.
    #[must_use]
    pub fn is_flaky(&self) -> bool {
        let attempts = self.details.as_ref().and_then(|details| details.attempts.as_ref());
        self.verdict == Verdict::Pass && attempts.is_some_and(|attempts| !attempts.failed.is_empty())
    }

    /// A test of which nothing is known but its verdict.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, verdict: Verdict) -> Self {
        Self { name: name.into(), harness: None, role: None, verdict, usage: None, details: None }
    }
}

/// What there is to say of a test beyond verdict and usage. Empty fields are not written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Details {
    /// Why the verdict is what it is: the message of the panic or of the error, or airtight's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the user should know about the platform, where the platform explains the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The status given to `proc_exit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_status: Option<u32>,
    /// The limit that ended the test, or that the test broke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitRecord>,
    /// Growth of linear memory that the limit refused, whether or not the test then passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedGrowth>,
    /// Threads that were refused because there were as many as `live-threads` allows, whether or not the test then passed.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub refused_threads: u64,
    /// In which functions it spent its fuel, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_by_function: Option<Box<FuelByFunction>>,
    /// Where it failed: the guest's stack, user frames first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<Frame>,
    /// Calls of the test that failed on purpose, because of faults in the policy, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub injected: Vec<InjectedRecord>,
    /// Whether the test panicked and its destructors ran. Then `leaks` lists what the destructors did not release, and does not
    /// decide the verdict.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unwound: bool,
    /// The resources that were left after a normal finish, or after a panic that unwound: open handles in the order of
    /// acquisition, lost heap blocks in the order of allocation, files left in scratch by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Resource>,
    /// Heap blocks that static data still reaches after a normal finish, by place of allocation. They are not in `leaks`, even
    /// if the policy makes them fail the test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retained: Vec<Resource>,
    /// The rules of the baseline that accept entries of `leaks` and `retained`. Each accepted entry names its rule, and does
    /// not fail the test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<AcceptedRecord>,
    /// The resources of the user's own kinds that the test tracked, by kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tracked: Vec<TrackedRecord>,
    /// The resources of its subtests that outlived them, in the order of the first release at each place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outlived: Vec<OutlivedRecord>,
    /// How many more such resources there are than are listed.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub outlived_omitted: u64,
    /// Its subtests, in the order in which they began.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subtests: Vec<SubtestRecord>,
    /// What the test changed in directories that it is granted as overlays; most often in its package's. The host's files were
    /// not changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Change>,
    /// How many more changes there are than are listed.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub changed_omitted: u64,
    /// How the test grew from round to round, where it was called several times in one instance (`--repeat`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// What a Go test reports of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<Box<GoRecord>>,
    /// The resources that were open when the test ended otherwise than by a normal finish. The host took them back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reclaimed: Vec<Resource>,
    /// Clean-ups that did not finish normally, in the order in which they ran.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cleanups: Vec<CleanupRecord>,
    /// The attempts at the test, where it was run more than once (`--retries`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<AttemptsRecord>,
    /// Failures reported with `t.fail`, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// The failures after the first one, which decides the verdict; in order, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<SuppressedRecord>,
    /// How many entries are left out of the lists of this record.
    #[serde(skip_serializing_if = "Omitted::is_nothing")]
    pub omitted: Omitted,
    /// Standard output and error, as far as they were kept; not canonical.
    #[serde(skip)]
    pub output: Output,
}

impl Details {
    /// The leaks that no baseline accepts.
    pub fn open_leaks(&self) -> impl Iterator<Item = &Resource> + Clone {
        self.leaks.iter().filter(|leak| leak.accepted.is_none())
    }
}

/// A clean-up that failed, hung or trapped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CleanupRecord {
    /// Its position in the order in which clean-ups ran, from 1.
    pub ordinal: u32,
    /// Its name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The path of the subtest that it was registered in; absent for the test itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtest: Option<String>,
    /// Where it was registered: `file:line:column`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<String>,
    /// What went wrong.
    pub message: String,
    /// The guest's stack where it went wrong, user frames first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<Frame>,
}

impl CleanupRecord {
    /// A clean-up that went wrong somewhere.
    #[must_use]
    pub fn new(ordinal: u32, message: impl Into<String>) -> Self {
        Self { ordinal, name: None, subtest: None, registered: None, message: message.into(), stack: Vec::new() }
    }
}

/// Reads the details of a test, which stand beside its other fields. Every field of [`Details`] has a default, so that serde
/// finds details even in a test that has none: empty details are read as `None`.
fn some_details<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Box<Details>>, D::Error> {
    let details = Details::deserialize(from)?;
    Ok((details != Details::default()).then(|| Box::new(details)))
}

/// Serde for `Arc<str>`, which serde itself has only behind its `rc` feature.
mod shared_str {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::sync::Arc;

    pub fn serialize<S: Serializer>(value: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }
}
