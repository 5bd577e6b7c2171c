//! A fresh context, with everything that the policy grants.

use super::captured::{CapturedOutput, Streams};
use super::clock::Clock;
use super::context::Wasi;
use super::given_paths::GivenPaths;
use super::goroutines::{GoAccount, GoStart, GoroutineDumps};
use super::grants::{Grants, SocketError};
use super::host::ListenTurn;
use super::missing_paths::MissingPaths;
use super::quota::Quota;
use super::random::Random;
use super::scratch::Scratch;
use super::stdio::{Stdin, Stdout};
use super::table::{DescriptorEntry, Object, RightsPair, Table};
use super::trace::Tracer;
use super::watch::{CallWatch, WatchOptions};
use super::watchdog::Watchdog;
use super::world::World;
use crate::ledger::{Access, Acquisition, Kind, Ledger, Origin};
use crate::model::trace::TraceOptions;
use crate::policy::Limit;
use std::sync::Arc;

/// What a context is made from, beside the grants.
pub struct ContextOptions {
    /// The test's name.
    pub test: Arc<str>,
    /// `argv`, the program's name included.
    pub args: Vec<Arc<str>>,
    /// When the test has to stop.
    pub watchdog: Watchdog,
    /// How the test's standard streams relate to the program's.
    pub streams: Streams,
    /// What to watch of the calls that can fail; `None` for nothing.
    pub watch: Option<WatchOptions>,
    /// What to keep of the test's events; `None` if it is not traced.
    pub trace: Option<TraceOptions>,
    /// Whether to note what the test asks of the host.
    pub notes_reads: bool,
    /// Whether to note where handles are acquired.
    pub notes_sites: bool,
    /// How this run differs from others of a program of Go's.
    pub go: GoStart,
}

impl Wasi {
    /// A fresh context with everything the policy grants.
    ///
    /// # Errors
    /// A granted socket could not be opened.
    pub fn new(grants: Arc<Grants>, options: ContextOptions) -> Result<Self, SocketError> {
        let ContextOptions { test, args, watchdog, streams, notes_sites, go, watch, trace, notes_reads } = options;
        let limits = grants.policy.limits;
        let turn = ListenTurn::take(&grants.policy.sockets, &watchdog);
        let clock = Clock::new(grants.policy.clock);
        let scratch = Scratch::new(limits.most(Limit::Scratch), limits.most(Limit::ScratchEntries), clock.start());
        let mut wasi = Self {
            world: World::new(scratch, CapturedOutput::new(limits.most(Limit::Output), streams), watchdog, clock),
            table: Table::with_capacity(8),
            ledger: Ledger::default(),
            random: Random::new(grants.policy.seed, Arc::clone(go.common.as_ref().unwrap_or(&test))),
            go_test: go.common.is_some().then_some(test),
            go_args: go.args,
            args,
            env_sockets: None,
            max_handles: u32::try_from(limits.most(Limit::Handles)).unwrap_or(u32::MAX),
            quota: Quota::new(limits.most(Limit::Io), limits.most(Limit::HostMemory)),
            stack: None,
            has_threads: false,
            began: None,
            given_paths: GivenPaths::default(),
            missing_paths: MissingPaths::default(),
            goroutines: GoroutineDumps::default(),
            go: GoAccount::default(),
            go_heap: go.tells_heap,
            collects: false,
            collected: Vec::new(),
            watch: watch.map(CallWatch::new).map(Box::new),
            trace: trace.map(Tracer::new).map(Box::new),
            reads: notes_reads.then(Box::default),
            grants,
            _turn: turn,
        };
        wasi.open_streams(streams);
        wasi.open_directories();
        wasi.open_sockets()?;
        for (kind, most) in &Arc::clone(&wasi.grants).policy.tracked {
            wasi.ledger.limit_tracked(kind, *most);
        }
        if notes_sites {
            wasi.ledger.note_sites();
        }
        Ok(wasi)
    }

    fn open_streams(&mut self, streams: Streams) {
        let stdin = match streams {
            Streams::Inherited => Stdin::Inherited,
            Streams::Captured | Streams::Copied | Streams::Shown { .. } => {
                Stdin::Bytes { bytes: Arc::clone(&self.grants.stdin), at: 0 }
            }
        };
        let names = Arc::clone(&self.grants.names);
        self.grant(Kind::Stream, Object::File(Box::new(stdin)), Access::Read, &names.stdin, None);
        self.grant(Kind::Stream, Object::File(Box::new(Stdout { error: false })), Access::Write, &names.stdout, None);
        self.grant(Kind::Stream, Object::File(Box::new(Stdout { error: true })), Access::Write, &names.stderr, None);
    }

    fn open_directories(&mut self) {
        let grants = Arc::clone(&self.grants);
        if grants.policy.limits.most(Limit::Scratch) > 0 {
            let scratch = Object::Dir { dir: Arc::clone(&grants.scratch), listing: None };
            self.grant(Kind::Dir, scratch, Access::None, &grants.names.scratch, Some(&grants.names.scratch));
        }
        for dir in &grants.dirs {
            let object = Object::Dir { dir: dir.dir.clone(), listing: None };
            self.grant(Kind::Dir, object, Access::None, &dir.report_as, Some(&dir.guest));
        }
    }

    fn open_sockets(&mut self) -> Result<(), SocketError> {
        let grants = Arc::clone(&self.grants);
        if grants.policy.sockets.is_empty() {
            return Ok(());
        }
        let mut told = Vec::new();
        for (name, socket) in grants.open_sockets(&mut self.world)? {
            let fd = self.grant(Kind::Socket, Object::File(socket), Access::ReadWrite, &name, None);
            told.push(format!("{name}={fd}"));
        }
        self.env_sockets = Some(format!("{}={}", airtight_abi::SOCKETS_ENV, told.join(":")));
        Ok(())
    }

    fn grant(
        &mut self,
        kind: Kind,
        object: Object,
        access: Access,
        path: &Arc<str>,
        preopen: Option<&Arc<str>>,
    ) -> u32 {
        let fd = self.table.next_fd();
        let id = self.ledger.acquire(Acquisition {
            kind,
            path: Some(Arc::clone(path)),
            fd,
            access,
            origin: Origin::Granted,
            stack: None,
        });
        self.note_ends(id, kind, &object);
        let rights = RightsPair::whole(kind, access);
        self.table.insert(DescriptorEntry { object, id, rights, path: Arc::clone(path), preopen: preopen.cloned() })
    }
}
