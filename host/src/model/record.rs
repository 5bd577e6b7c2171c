//! Everything that is told of a module and of its tests.

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
    /// The module's harness; a test held another way says so itself.
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
    /// How it is held, where that differs from its module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<Harness>,
    /// What it is; absent for a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<EntryRole>,
    /// What became of it.
    pub verdict: Verdict,
    /// What it used; absent where it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Everything else there is to say.
    #[serde(flatten, default, deserialize_with = "some_details", skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
}

impl TestRecord {
    /// Whether it passed, and failed before that in the same run.
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
    /// The panic's, the error's or airtight's own message: why the verdict is what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to know about the platform, where the failure is one of the platform's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The status given to `proc_exit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_status: Option<u32>,
    /// The limit that ended the test, or was broken.
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
    /// Calls of its own that failed because the policy says so, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub injected: Vec<InjectedRecord>,
    /// Whether it panicked and its destructors ran. Then `leaks` is what they did not give back, and does not decide the
    /// verdict.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unwound: bool,
    /// What was left after a normal finish, or after a panic that unwound: what was still open by order of acquisition, lost heap blocks by order of
    /// allocation, files left in scratch by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Resource>,
    /// Heap blocks that static data still reaches after a normal finish, by place of allocation. They are not among the leaks,
    /// even where the policy has them fail the test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retained: Vec<Resource>,
    /// What a baseline accepts of these two lists, by what accepts it. The entries name it, and do not fail the test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<AcceptedRecord>,
    /// The resources of the user's own kinds that it tracked, by kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tracked: Vec<TrackedRecord>,
    /// What its subtests acquired and was released only when they had ended, in the order of the first release at each place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outlived: Vec<OutlivedRecord>,
    /// How many more such resources there are than are listed.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub outlived_omitted: u64,
    /// Its subtests, in the order in which they began.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subtests: Vec<SubtestRecord>,
    /// What it changed in directories that it is granted as overlays, its package's most often. The host's files are as they
    /// were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Change>,
    /// How many more changes there are than are listed.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub changed_omitted: u64,
    /// How it grew from round to round, where it was run several times in one instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// What a Go test says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<Box<GoRecord>>,
    /// What was open when the test ended another way; the host took it back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reclaimed: Vec<Resource>,
    /// Clean-ups that did not finish normally, in the order in which they ran.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cleanups: Vec<CleanupRecord>,
    /// How often it was run, where that was more than once: with `--retries`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<AttemptsRecord>,
    /// Failures reported with `t.fail`, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// What failed after the first failure, which decides the verdict: in order, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<SuppressedRecord>,
    /// What is left out of these lists.
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
    /// Its place in the order of running, from 1.
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
    /// Where.
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

/// Every field of [`Details`] has a default, so that serde finds one in a test that has none: an empty one is none.
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
