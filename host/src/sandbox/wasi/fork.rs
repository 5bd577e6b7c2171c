//! A context that begins where another one stands: with its descriptors and their offsets, its files, network, clock and
//! randomness.

use super::captured::{CapturedOutput, Streams};
use super::context::Wasi;
use super::goroutines::{GoAccount, GoStart, GoroutineDumps};
use super::grants::Grants;
use super::host::ListenTurn;
use super::missing_paths::MissingPaths;
use super::open::ContextOptions;
use super::random::Random;
use super::trace::Tracer;
use super::watch::CallWatch;
use crate::policy::Limit;
use std::sync::Arc;

/// Why a context cannot be captured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCaptured {
    /// It has something of the host's open, which there is once.
    #[error("it has {0} open, which is the host's and cannot be shared out; close it before")]
    Open(String),
    /// The context is granted a socket of the host.
    #[error("it is granted the socket `{0}` of the host, which cannot be shared out")]
    Socket(String),
    /// A file below an overlay that the context has open is gone.
    #[error("a file below an overlay, which it has open, cannot be opened again")]
    Below,
}

impl Wasi {
    /// A copy of the context as it stands now, with these options and with the output limit of these grants.
    ///
    /// # Errors
    /// The context has something that exists only once on the host.
    pub(crate) fn fork(&self, grants: &Grants, options: ContextOptions) -> Result<Self, NotCaptured> {
        if let Some(socket) = self.grants.policy.sockets.first() {
            return Err(NotCaptured::Socket(socket.name.clone()));
        }
        let ContextOptions { args, watchdog, streams, test: _, notes_sites: _, go, watch, trace, notes_reads } =
            options;
        let capture = CapturedOutput::new(grants.policy.limits.most(Limit::Output), streams);
        Ok(Self {
            world: self.world.fork(capture, watchdog).map_err(|_| NotCaptured::Below)?,
            table: self.table.fork().map_err(NotCaptured::Open)?,
            ledger: self.ledger.clone(),
            random: self.random.clone(),
            grants: Arc::clone(&self.grants),
            args,
            env_sockets: None,
            max_handles: self.max_handles,
            quota: self.quota.clone(),
            stack: None,
            has_threads: false,
            began: None,
            given_paths: self.given_paths.clone(),
            missing_paths: self.missing_paths.clone(),
            goroutines: GoroutineDumps::default(),
            go: GoAccount::default(),
            go_test: None,
            go_args: go.args,
            go_heap: go.tells_heap,
            collects: false,
            collected: self.collected.clone(),
            watch: watch.map(CallWatch::new).map(Box::new),
            trace: trace.map(Tracer::new).map(Box::new),
            reads: notes_reads.then(Box::default),
            _turn: ListenTurn::default(),
        })
    }

    /// The same context as it stands now, to be forked once more with options of its own.
    ///
    /// # Errors
    /// It has something that the host has once.
    pub(crate) fn fork_as_it_is(&self) -> Result<Self, NotCaptured> {
        let options = ContextOptions {
            test: Arc::default(),
            args: self.args.clone(),
            watchdog: self.world.watchdog.clone(),
            streams: Streams::Captured,
            watch: None,
            trace: None,
            notes_reads: false,
            notes_sites: false,
            go: GoStart { args: Vec::new(), common: None, tells_heap: self.go_heap },
        };
        self.fork(&self.grants, options)
    }

    /// Tests begin where this context stands: what can be shared by them is.
    pub(crate) fn share(&mut self) {
        self.world.scratch.share();
    }

    /// A test of this name begins where its program was ready. It is the test's own start, and what is there is the test's.
    pub(crate) fn begin_go_test(&mut self, test: &Arc<str>) {
        self.random = Random::new(self.grants.policy.seed, Arc::clone(test));
    }

    /// The teardown begins where the set-up ended, with grants that differ from those of the set-up in limits alone. What is there is
    /// its own, and was counted before.
    pub(crate) fn begin_teardown(&mut self, grants: &Arc<Grants>) {
        let limits = grants.policy.limits;
        self.ledger.begin_teardown();
        self.begin_with(grants);
        self.world.scratch.begin_teardown(limits.most(Limit::Scratch), limits.most(Limit::ScratchEntries));
    }

    /// A test begins where its set-up ended. Its grants differ from the set-up's in limits alone. Everything there was
    /// there before the test.
    pub(crate) fn begin_test(&mut self, grants: &Arc<Grants>) {
        let limits = grants.policy.limits;
        self.ledger.begin_test();
        self.collected.clear();
        self.begin_with(grants);
        self.world.scratch.begin_test(limits.most(Limit::Scratch), limits.most(Limit::ScratchEntries));
    }

    /// Gives the test or the teardown limits of its own, of which nothing is used up.
    fn begin_with(&mut self, grants: &Arc<Grants>) {
        let limits = grants.policy.limits;
        self.ledger.limit_all_tracked(grants.policy.tracked.iter().map(|(kind, most)| (&**kind, *most)));
        self.max_handles = u32::try_from(limits.most(Limit::Handles)).unwrap_or(u32::MAX);
        self.quota.begin_test(limits.most(Limit::Io), limits.most(Limit::HostMemory));
        self.missing_paths = MissingPaths::default();
        if !Arc::ptr_eq(&self.grants, grants) {
            // The directories are those that the set-up was granted.
            self.grants = Arc::new(self.grants.under(&grants.policy));
        }
    }
}
