//! What a test may see, use and leave behind: resolved, checked data that the sandbox acts on.
//!
//! A [`Policy`] is built by `config` from `airtight.toml`, or by an embedder with [`Policy::default`] and the public fields.
//! Nothing here reads a file or an environment variable.

mod clock;
mod grants;
mod limits;
mod patch;
mod record;
mod repeat;

pub use crate::model::resource::LeakSetting;
pub use crate::model::{Breach, Limit, LimitValues, Source};
pub use clock::{Clock, ClockPatch};
pub use grants::{DirGrant, Mode, SocketGrant, SocketSource};
pub use limits::{CLEANUP_FUEL, CLEANUP_MEMORY_RESERVE, Limits};
pub use patch::{LeakPatch, PolicyPatch};
pub use record::policy_record;

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What happens when a test finishes normally and something of one kind is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeakAction {
    /// The verdict becomes `leak`.
    Fail,
    /// It is listed in the report; the verdict stays.
    Show,
    /// It is not listed.
    Ignore,
}

/// A [`LeakAction`] for each kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeakActions {
    /// Files, directories and sockets.
    pub handles: LeakAction,
    /// Lost heap blocks: those that nothing reaches at the end.
    pub heap: LeakAction,
    /// Asynchronous jobs that were not finished. There are none that airtight can see, so no configuration sets it; it is here
    /// for the report's policy, whose bytes are to stay the same when there are.
    pub tasks: LeakAction,
    /// Resources of a kind that the user declared. As for `tasks`, there are none yet.
    pub tracked: LeakAction,
    /// Retained heap blocks: those that static data still reaches at the end.
    pub retained: LeakAction,
    /// Files left in the scratch file system.
    pub residue: LeakAction,
}

impl Default for LeakActions {
    fn default() -> Self {
        Self {
            handles: LeakAction::Fail,
            heap: LeakAction::Fail,
            tasks: LeakAction::Fail,
            tracked: LeakAction::Fail,
            retained: LeakAction::Show,
            residue: LeakAction::Show,
        }
    }
}

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
    /// The run's seed of `random_get`, mixed with each test's name.
    pub seed: u64,
}
