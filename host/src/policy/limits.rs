use serde::Serialize;
use std::time::Duration;

/// Fuel given to each clean-up after the test's own budget is spent: 1,000,000,000 units.
pub const CLEANUP_FUEL: u64 = 1_000_000_000;

/// Linear memory that clean-ups may use above the test's cap: 1 MiB.
pub const CLEANUP_MEMORY_RESERVE: u64 = 1 << 20;

/// Caps on what one test may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Linear memory, in bytes, over all memories of the instance.
    pub memory: u64,
    /// Fuel: wasm operators executed, and host work by the tariff in [`crate::sandbox::wasi::meter`]. Deterministic.
    pub fuel: u64,
    /// Wall-clock watchdog behind the fuel; a test that ends on it makes the report not reproducible.
    #[serde(serialize_with = "as_millis", rename = "timeout-ms")]
    pub timeout: Duration,
    /// The guest's call stack on the host, in bytes. One value a run: it is compiled into the engine.
    pub stack: u64,
    /// Captured standard output and error together, in bytes; what is over is dropped, and the report says so. The last
    /// 8 KiB of each stream are kept in any case: a panic message comes last.
    pub output: u64,
    /// Descriptors of the test's own open at once; standard streams and what was granted are not counted. Those of host files
    /// and sockets are the host's too: a test for which the host has none left fails, and says so. The programs raise the
    /// process's soft limit (`ulimit -n`) to the hard one as they start; whoever embeds the library may do the same.
    pub handles: u32,
    /// Bytes that a test may hold in files in memory: the scratch file system and what it writes to overlays, together. With 0
    /// there is no scratch file system.
    pub scratch: u64,
    /// Names that a test may make in memory, unlinked files that are open included.
    pub scratch_entries: u64,
    /// Bytes moved by the calls of one test: read and written through descriptors, directory entries, randomness. The test
    /// ends after the call that goes over it.
    pub io: u64,
    /// Bytes that the host holds for one test, beside its linear memory: captured output, scratch and overlay files and their
    /// names, buffers of sockets inside the test, open descriptors with their stacks, directories being read, and what is
    /// remembered of each file of a grant that the test has met. The test ends after the call that goes over it.
    pub host_memory: u64,
    /// Most bytes of the test's own heap blocks that may be live at once, judged at its end. `None`, as for the three below,
    /// is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_heap: Option<u64>,
    /// Most bytes that a test may lose: heap blocks that nothing reaches at its end. What a lost block does to the verdict
    /// otherwise is [`super::LeakActions::heap`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Most bytes of its own heap blocks that static data may still reach at its end. What such a block does to the verdict
    /// otherwise is [`super::LeakActions::retained`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained: Option<u64>,
    /// Most allocations, reallocations included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocations: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            fuel: 10_000_000_000,
            timeout: Duration::from_secs(300),
            stack: 8 << 20,
            output: 1 << 20,
            handles: 1024,
            scratch: 256 << 20,
            scratch_entries: 1 << 16,
            io: 16 << 30,
            host_memory: 512 << 20,
            peak_heap: None,
            lost: None,
            retained: None,
            allocations: None,
        }
    }
}

fn as_millis<S: serde::Serializer>(timeout: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))
}
