//! The report as data. Everything in [`Canonical`] is the same on every machine for the same module, policy and seed.

use super::doubt::Doubt;
use super::figure;
use super::growth::Growth;
use super::profile::HeapProfile;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The version of the JSON schema.
pub const SCHEMA: &str = "airtight.report/1";

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// `sha256:` and the hex SHA-256 of [`Report::canonical`] in canonical JSON (RFC 8785).
    pub digest: String,
    /// What two machines compare.
    pub canonical: Canonical,
    /// What may differ.
    pub volatile: Volatile,
    /// Where the heap's blocks were allocated, where a profile was asked for; not in the JSON.
    #[serde(skip)]
    pub profile: Option<HeapProfile>,
}

/// The part that is the same bytes everywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Canonical {
    /// False where another run may differ, for the reasons in `doubts`.
    pub reproducible: bool,
    /// Why it may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// The profile's policy, by guest names only.
    #[serde(serialize_with = "figure::policy")]
    pub policy: serde_json::Value,
    /// Modules by name.
    pub modules: Vec<ModuleRecord>,
}

/// What differs between two runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// Paths of this machine that modules hold in their code or data, so that the same sources built in another folder give
    /// another `code`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baked: Vec<BakedRecord>,
}

/// A path of the machine in a module's code or data: `env!("CARGO_MANIFEST_DIR")`, most often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BakedRecord {
    /// The module.
    pub module: String,
    /// The package that the path belongs to.
    pub package: String,
    /// The directory.
    pub path: String,
}

/// How a test is held by its module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Harness {
    /// Custom section and exports of the guest SDK.
    Sdk,
    /// Rust's own test harness.
    Libtest,
    /// The module is one test.
    Command,
}

/// One module and its tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Finished normally and left nothing.
    Pass,
    /// Finished normally, but left something.
    Leak,
    /// Panicked, trapped, returned an error or reported a failure.
    Fail,
    /// Broke a memory limit.
    Memory,
    /// Ran out of fuel or wall-clock time, or waited for what could never come.
    Timeout,
    /// Left through `proc_exit` where that is no normal finish.
    Exit,
    /// Was not run, or ended itself as skipped; [`Details::reason`] says why.
    Skip,
}

/// One test. A test that passed and left nothing has no [`Details`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestRecord {
    /// The name its harness gives it.
    #[serde(with = "shared_str")]
    pub name: Arc<str>,
    /// How it is held, where that differs from its module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<Harness>,
    /// What became of it.
    pub verdict: Verdict,
    /// What it used; absent where it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Everything else there is to say.
    #[serde(flatten, default, deserialize_with = "some_details", skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
}

/// Figures of one test, exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Fuel spent, without clean-ups; for a test that was called several times, by all calls together. Absent after a trap other than `unreachable` (a memory fault, a stack overflow, a
    /// division by zero), and after the wall clock, where it depends on the engine or the machine.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// The highest that the test made its linear memory, in bytes, without clean-ups: what these add stays, and counts once
    /// the test, called again, needs more. Absent after a stack overflow and after the wall clock.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub linear_peak: Option<u64>,
    /// Most descriptors of the test's own open at once, pre-opened ones and standard streams not counted; absent
    /// after a stack overflow and after the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handles_peak: Option<u32>,
    /// Heap figures.
    pub heap: Heap,
}

/// Heap accounting of one test: only of blocks that were allocated while the test itself ran, not its harness or start-up.
/// Sizes are those that were asked for, in bytes, without the allocator's own overhead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heap {
    /// Whether the heap was seen at all. Where it was not, there are no figures.
    pub tracked: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<std::borrow::Cow<'static, str>>,
    /// Most bytes that were live at once. Absent, as the other figures of the whole test, after a stack overflow and after
    /// the wall clock.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub peak: Option<u64>,
    /// Bytes allocated in all; a reallocation counts its whole new size.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Successful allocations, without reallocations of a live block.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub allocations: Option<u64>,
    /// Blocks freed.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub frees: Option<u64>,
    /// Successful reallocations of a live block.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub reallocations: Option<u64>,
    /// Bytes of blocks that nothing reaches at the end; absent, as the three below, where the test did not finish normally.
    /// Where [`Heap::is_bounded`], more may be lost: at least so much, and at most so much with what is retained.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// How many blocks these are.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub lost_blocks: Option<u64>,
    /// Bytes of blocks that static data still reaches at the end. Where [`Heap::is_bounded`], at most so much: some or all of it
    /// may be lost. Together with what is lost it is exact in any case.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub retained: Option<u64>,
    /// How many blocks these are.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub retained_blocks: Option<u64>,
    /// Why the four figures above, or the places where the blocks were allocated, are not certain: a second run that would
    /// tell was not possible, or differed. The figures are certain all the same where no block is retained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}

impl Heap {
    /// Whether [`Heap::lost`] and [`Heap::lost_blocks`] are only lower bounds, and [`Heap::retained`] and
    /// [`Heap::retained_blocks`] upper ones, as are the entries for these blocks: there is a doubt, and there are blocks that
    /// seem to be retained.
    pub fn is_bounded(&self) -> bool {
        self.doubt.is_some() && self.retained_blocks.is_some_and(|blocks| blocks > 0)
    }
}

/// What there is to say of a test beyond verdict and usage. Empty fields are not written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
    /// Where it failed: the guest's stack, user frames first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<Frame>,
    /// What was left after a normal finish: what was still open by order of acquisition, lost heap blocks by order of
    /// allocation, files left in scratch by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Resource>,
    /// Heap blocks that static data still reaches after a normal finish, by place of allocation. They are not among the leaks,
    /// even where the policy has them fail the test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retained: Vec<Resource>,
    /// How it grew from round to round, where it was run several times in one instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// What was open when the test ended another way; the host took it back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reclaimed: Vec<Resource>,
    /// Clean-ups that did not finish normally, in the order in which they ran.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cleanups: Vec<CleanupRecord>,
    /// Failures reported with `t.fail`, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// Standard output and error, as far as they were kept; not canonical.
    #[serde(skip)]
    pub output: Output,
}

/// Captured output.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Bytes dropped because they were over the cap.
    pub dropped: u64,
}

/// A limit, its value and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitRecord {
    /// The setting's name in `airtight.toml`: `memory`, `fuel`, `timeout`, `stack`, `handles`, `peak-heap`, `lost`,
    /// `retained`, `allocations`.
    pub name: String,
    /// Its value in the setting's unit (bytes, fuel, milliseconds).
    #[serde(with = "figure")]
    pub value: u64,
    /// What was asked for or reached, where that is known exactly; absent for `lost` where [`Heap::is_bounded`].
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
}

/// A growth of linear memory that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedGrowth {
    /// Bytes of linear memory when it was asked for.
    #[serde(with = "figure")]
    pub current: u64,
    /// Bytes that were asked for.
    #[serde(with = "figure")]
    pub desired: u64,
    /// The limit in bytes.
    #[serde(with = "figure")]
    pub limit: u64,
    /// How many growths were refused.
    #[serde(with = "figure")]
    pub times: u64,
}

/// What kind of thing was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceKind {
    /// A file.
    File,
    /// A directory.
    Dir,
    /// A socket.
    Socket,
    /// A file left in the scratch file system: nothing that is open, and not a leak unless the policy says so.
    Residue,
    /// Blocks of the heap that were allocated at one place.
    Heap,
}

/// Something a test held at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// How many were acquired at the same place with the same path (a leak in a loop is one entry).
    #[serde(with = "figure")]
    pub count: u64,
    /// The guest's path, package-relative where it is the package's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The descriptor at the end; of the first, where there are several. Absent for what is not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<u32>,
    /// Size of what is left, for residue; bytes of all blocks together, for the heap.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// `read`, `write`, `read-write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Bytes read through it.
    #[serde(with = "figure")]
    pub bytes_read: u64,
    /// Bytes written through it.
    #[serde(with = "figure")]
    pub bytes_written: u64,
    /// What else there is to say of a socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<SocketRecord>,
    /// The test or subtest that acquired it.
    pub scope: String,
    /// The guest's stack at the acquisition, user frames first.
    pub stack: Vec<Frame>,
}

/// The two sides of a socket that was held. Of several in one entry, the addresses are the first one's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SocketRecord {
    /// The address of its own side; absent where the host chose the port, which differs from run to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// The address of its other side; absent for a listening socket, and where the host chose the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Bytes that it had received and the test never read; absent for a socket of the host's, where that depends on the
    /// moment.
    #[serde(with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
    /// Connections to a listening socket that the test never accepted; absent for a socket of the host's.
    #[serde(with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub unaccepted: Option<u64>,
}

/// One frame of a guest's stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// Demangled function name, or `wasm function N`.
    pub function: String,
    /// Source file, relative to the package or to its registry or library root; absent without debug information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A clean-up that failed, hung or trapped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CleanupRecord {
    /// Its place in the order of running, from 1.
    pub ordinal: u32,
    /// What went wrong.
    pub message: String,
    /// Where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<Frame>,
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
