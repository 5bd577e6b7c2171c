//! What a test may see, use and leave behind: resolved, checked data that the sandbox acts on.
//!
//! A [`Policy`] is built by `config` from `airtight.toml`, or by an embedder with [`Policy::default`] and the public fields.
//! Nothing here reads a file or an environment variable.

mod clock;
mod faults;
mod grants;
mod leaks;
mod limits;
mod patch;
mod record;
mod repeat;
mod told;

pub use crate::model::resource::{LeakAction, LeakSetting};
pub use crate::model::{Breach, Limit, LimitValues, Source};
pub use clock::{Clock, ClockPatch};
pub use faults::{Call, Failure, Fault, FaultError};
pub use grants::{DirGrant, Mode, SocketGrant, SocketSource};
pub use leaks::{LeakActions, LeakPatch};
pub use limits::{CLEANUP_FUEL, CLEANUP_MEMORY_RESERVE, CLEANUP_TIME, Limits};
pub use patch::PolicyPatch;
pub use record::policy_record;
pub(crate) use record::requestable_record;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// How reports name the directory of a package whose tests are run: what is in it is named relative to it.
pub(crate) const PACKAGE: &str = ".";

/// Everything a test is granted and every limit it runs under.
///
/// The default grants nothing but an empty in-memory scratch file system at `/tmp`.
///
/// ```
/// use airtight::policy::{Clock, DirGrant, Limit, Limits, Mode, Policy};
///
/// let fixtures = DirGrant {
///     guest: "/fixtures".to_owned(),
///     host: "tests/fixtures".into(),
///     mode: Mode::ReadOnly,
///     name: None,
///     alias_of: None,
/// };
/// let policy = Policy {
///     limits: Limits::default().with(Limit::Memory, 16 << 20),
///     dirs: vec![fixtures],
///     env: [("RUST_BACKTRACE".to_owned(), "0".to_owned())].into(),
///     clock: Clock::Virtual { start: 0 },
///     ..Policy::default()
/// };
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// Caps on memory, time, stack, output and handles.
    pub limits: Limits,
    /// What a leak of each kind does to the verdict.
    pub leaks: LeakActions,
    /// Host directories, in the order in which the guest sees them (after the scratch directory).
    pub dirs: Vec<DirGrant>,
    /// Pre-opened sockets, numbered after the directories.
    pub sockets: Vec<SocketGrant>,
    /// Addresses of the host's that the test may connect to through the guest SDK, where it does not listen there itself.
    pub outbound: BTreeSet<SocketAddr>,
    /// The whole environment of the guest: nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// Arguments after `argv[0]`, for `command` modules; a harness that takes arguments sets its own.
    pub args: Vec<String>,
    /// The bytes the guest reads from its standard input.
    pub stdin: Vec<u8>,
    /// What time it is.
    pub clock: Clock,
    /// The most resources of the user's own kinds that a test may have at once, by kind; a kind without an entry has no limit.
    pub tracked: BTreeMap<String, u64>,
    /// Whether a test whose heap is not tracked, for whatever reason, fails: what it leaked on the heap is not known then.
    pub heap_required: bool,
    /// The run's seed of `random_get`, mixed with each test's name.
    pub seed: u64,
    /// Calls of the test's own that fail.
    pub faults: Vec<Fault>,
}
