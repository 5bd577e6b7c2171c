//! The policy of a test: what it may see, use and leave behind. It is resolved and checked data, on which the sandbox acts.
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

/// How reports name the directory of the package whose tests are run. Files in it are named relative to it.
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
    /// Granted directories, in the order in which the guest sees them (after the scratch directory).
    pub dirs: Vec<DirGrant>,
    /// Pre-opened sockets, numbered after the directories.
    pub sockets: Vec<SocketGrant>,
    /// Addresses of the real network that the test may connect to through the guest SDK. An address at which the test itself
    /// listens is not looked up here.
    pub outbound: BTreeSet<SocketAddr>,
    /// The whole environment of the guest: nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// Arguments after `argv[0]`, for `command` modules; a harness that takes arguments sets its own.
    pub args: Vec<String>,
    /// The bytes the guest reads from its standard input.
    pub stdin: Vec<u8>,
    /// What the test's clocks show.
    pub clock: Clock,
    /// The most resources of each of the user's own kinds that a test may hold at once. A kind without an entry has no limit.
    pub tracked: BTreeMap<String, u64>,
    /// Whether a test fails if its heap is not tracked, for whatever reason. Without the heap it is not known whether it
    /// leaked.
    pub heap_required: bool,
    /// The seed of the run. With the test's name it decides what `random_get` returns.
    pub seed: u64,
    /// Calls of the test that fail on purpose.
    pub faults: Vec<Fault>,
}
