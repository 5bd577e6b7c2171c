//! A whole run. Everything in [`Canonical`] is the same on every machine for the same module, policy and seed.

use super::change::KeptChange;
use super::doubt::Doubt;
use super::figure;
use super::profile::HeapProfile;
use super::timeline::TestTimeline;
use super::trace::TestTrace;
use super::{BaselineUse, CleanupCoverage, GateRecord, MissedSite, ModuleRecord, RecordedResults, WorldFigures};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the JSON schema.
pub const SCHEMA: &str = "airtight.report/1";

/// A whole run.
///
/// ```
/// use airtight::report::{ResourceKind, json};
/// use std::path::Path;
///
/// # fn open_files(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
/// let report = json::read(path)?;
/// let counts = report.counts();
/// println!("{} of {} tests did not pass", counts.unsuccessful(), counts.run());
/// for module in &report.canonical.modules {
///     for test in &module.tests {
///         let leaks = test.details.iter().flat_map(|details| &details.leaks);
///         for file in leaks.filter(|leak| leak.kind == ResourceKind::File) {
///             println!("{} {} left {} open", module.name, test.name, file.path.as_deref().unwrap_or("a file"));
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// `sha256:` and the hex SHA-256 of [`Report::canonical`] in canonical JSON (RFC 8785).
    pub digest: String,
    /// What two machines compare.
    pub canonical: Canonical,
    /// What may differ.
    pub volatile: Volatile,
    /// Where heap blocks were allocated; only if a profile was asked for; not in the JSON.
    #[serde(skip)]
    pub profile: Option<HeapProfile>,
    /// What tests changed in overlays; only if changes are to be kept; not in the JSON. See [`Report::write_back`].
    #[serde(skip)]
    pub(crate) kept: Vec<KeptChange>,
    /// What each test did, event by event, by module and name; only if traces were asked for; not in the JSON.
    #[serde(skip)]
    pub traces: Vec<TestTrace>,
    /// Memory and events of each test over its fuel, where that was asked for: by module and name; not in the JSON.
    #[serde(skip)]
    pub timelines: Vec<TestTimeline>,
    /// What was taken of recorded results, where it was to be; not in the JSON.
    #[serde(skip)]
    pub recorded: Option<RecordedResults>,
}

/// The part that is the same bytes everywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Canonical {
    /// False where another run may differ, for the reasons in `doubts`.
    pub reproducible: bool,
    /// Why another run may differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// The profile's policy, by guest names only.
    #[serde(serialize_with = "figure::policy")]
    pub policy: serde_json::Value,
    /// Modules by name.
    pub modules: Vec<ModuleRecord>,
    /// Clean-up coverage of the run; absent unless the profile has a gate for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup_coverage: Option<CleanupCoverage>,
    /// The gates of the profile, except that of clean-up coverage, and the figures of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateRecord>,
    /// Modules that should have been tested but could not be, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedModule>,
}

/// A module that was not tested: it cannot be loaded, or does not list its tests.
///
/// ```
/// use airtight::report::RefusedModule;
///
/// let refused = RefusedModule::new("parser/tests/grammar", "it is not a WebAssembly module");
/// assert_eq!(refused.to_string(), "parser/tests/grammar: it is not a WebAssembly module");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefusedModule {
    /// Its name, formed as [`ModuleRecord::name`] is.
    pub name: String,
    /// Its [`ModuleRecord::code`], where it can be loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it was not tested, in words that are the same on every machine.
    pub why: String,
    /// Whether compiling it took more time or memory than it may. Another machine may find otherwise, so that the report has a
    /// doubt of it.
    #[serde(skip)]
    pub over_budget: bool,
}

impl RefusedModule {
    /// A module of this name, and why it is not tested.
    #[must_use]
    pub fn new(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), code: None, why: why.into(), over_budget: false }
    }
}

impl std::fmt::Display for RefusedModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.why)
    }
}

impl Canonical {
    /// The same with these doubts; it is reproducible only if there are none.
    #[must_use]
    pub fn with_doubts(self, doubts: Vec<Doubt>) -> Self {
        Self { reproducible: doubts.is_empty(), doubts, ..self }
    }

    /// The canonical part of a run without doubts. The modules are to be in the order of their names.
    #[must_use]
    pub fn new(policy: serde_json::Value, modules: Vec<ModuleRecord>) -> Self {
        Self {
            reproducible: true,
            doubts: Vec::new(),
            policy,
            modules,
            cleanup_coverage: None,
            gates: Vec::new(),
            refused: Vec::new(),
        }
    }
}

/// What differs between two runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Volatile {
    /// Start of the run, RFC 3339, UTC.
    pub started: String,
    /// Length of the run in milliseconds.
    pub wall_ms: u64,
    /// Operating system and architecture.
    pub host: String,
    /// Worker threads.
    pub jobs: usize,
    /// Version of airtight.
    pub version: String,
    /// Whether the run was interrupted before every test had run.
    pub interrupted: bool,
    /// Paths of this machine that stand in the code or data of modules. Because of them, the same sources built in another
    /// folder have another `code`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baked: Vec<BakedRecord>,
    /// What tests were granted of the machine, beside the package and `/tmp`, with paths and addresses of the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<String>,
    /// How long each test took, in the order of the canonical part; without tests that were not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<TestTime>,
    /// The codes of everything that did not pass, each with the name of its topic; `airtight explain` has a page for each. They
    /// follow from the canonical part and the baseline.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<String, String>,
    /// Which part of the tests this is, as `--partition` named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Every place at which tests acquired something, whether or not they released it in time; absent if that was not noted. In
    /// a part of a suite, places of set-ups and teardowns are in `worlds`. Another part may have the same place, which the
    /// merged report has once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Vec<MissedSite>>,
    /// What set-ups and teardowns add to the figures of a part; absent if it ran none. Another part may have run the same ones,
    /// which the merged report counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worlds: Option<WorldFigures>,
    /// What became of the baseline, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineUse>,
}

/// The wall-clock time of one test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestTime {
    /// The module's name.
    pub module: String,
    /// The test's name.
    pub test: String,
    /// The time in microseconds.
    pub us: u64,
    /// When it began, in microseconds from the start of the run; absent in reports of old versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_us: Option<u64>,
    /// The number of the worker that ran it, from 0; absent in reports of old versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<u32>,
    /// The times of its subtests, in the order in which they began; without those of which none is known: those that Go's own
    /// harness runs, and all of reports of old versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtests: Vec<SubtestTime>,
}

/// The wall-clock time of one subtest, its clean-ups included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubtestTime {
    /// Its path below the test.
    pub name: String,
    /// The time in microseconds.
    pub us: u64,
    /// When it began, in microseconds from the start of the run; absent in reports that were merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_us: Option<u64>,
}

impl SubtestTime {
    /// The time of one subtest, in microseconds; when it began is not known.
    #[must_use]
    pub fn new(name: impl Into<String>, us: u64) -> Self {
        Self { name: name.into(), us, start_us: None }
    }
}

impl TestTime {
    /// The time of one test, in microseconds; when it began is not known.
    #[must_use]
    pub fn new(module: impl Into<String>, test: impl Into<String>, us: u64) -> Self {
        Self { module: module.into(), test: test.into(), us, start_us: None, worker: None, subtests: Vec::new() }
    }
}

/// A path of the machine in a module's code or data: `env!("CARGO_MANIFEST_DIR")`, most often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BakedRecord {
    /// The module.
    pub module: String,
    /// The package that the path belongs to.
    pub package: String,
    /// The directory.
    pub path: String,
}

impl BakedRecord {
    /// A path that belongs to a package.
    #[must_use]
    pub fn new(module: impl Into<String>, package: impl Into<String>, path: impl Into<String>) -> Self {
        Self { module: module.into(), package: package.into(), path: path.into() }
    }
}
