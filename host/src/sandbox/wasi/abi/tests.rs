//! What has gone wrong in other hosts of WASI, function by function, over a memory that the test can look at.

use crate::policy::{DirGrant, Mode, Policy};
use crate::sandbox::wasi::context::{ContextOptions, Wasi};
use crate::sandbox::wasi::grants::Grants;
use crate::sandbox::wasi::meter::MAX_VECTORS;
use crate::sandbox::wasi::stdio::Streams;
use crate::sandbox::wasi::watchdog::Watchdog;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasi_common::snapshots::preview_1::types::{Errno, Rights};
use wasi_common::snapshots::preview_1::wasi_snapshot_preview1 as preview1;
use wiggle::GuestMemory;

/// The descriptors of the scratch file system and of the granted directory.
const SCRATCH: i32 = 3;
const GRANTED: i32 = 4;

/// Where a call's results go, and where its arguments lie.
const OUT: i32 = 0;
const ARGS: i32 = 1024;

const CREATE: i32 = 1;

struct Guest {
    wasi: Wasi,
    memory: Vec<u8>,
    _host: tempfile::TempDir,
}

macro_rules! call {
    ($guest:ident.$name:ident($($arg:expr),*)) => {{
        let mut memory = GuestMemory::Unshared(&mut $guest.memory);
        let done = wiggle::run_in_dummy_executor(preview1::$name(&mut $guest.wasi, &mut memory $(, $arg)*));
        done.unwrap().unwrap()
    }};
}

impl Guest {
    /// With a directory of the host that may be written to, and a memory full of `filler`.
    fn new(filler: u8) -> Self {
        let host = tempfile::tempdir().unwrap();
        let grant = DirGrant {
            guest: "/d".into(),
            host: host.path().into(),
            mode: Mode::ReadWrite,
            name: None,
            alias_of: None,
        };
        let grants = Grants::new(Arc::new(Policy { dirs: vec![grant], ..Policy::default() })).unwrap();
        let watchdog = Watchdog { deadline: Instant::now() + Duration::from_secs(60), interrupted: Arc::default() };
        let options = ContextOptions { test: "t".into(), args: Vec::new(), watchdog, streams: Streams::Captured };
        let wasi = Wasi::new(Arc::new(grants), options).unwrap();
        Self { wasi, memory: vec![filler; 1 << 16], _host: host }
    }

    fn put(&mut self, at: i32, bytes: &[u8]) {
        self.memory[at as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    fn out(&self, at: i32) -> u32 {
        u32::from_le_bytes(self.memory[at as usize..][..4].try_into().unwrap())
    }

    /// Opens a new file, and returns its descriptor.
    fn create(&mut self, dir: i32, name: u8) -> i32 {
        self.put(ARGS, &[name]);
        let rights =
            (Rights::FD_READ | Rights::FD_WRITE | Rights::FD_FILESTAT_SET_TIMES | Rights::FD_FILESTAT_GET).bits();
        let opened = call!(self.path_open(dir, 0, ARGS, 1, CREATE, rights as i64, 0, 0, OUT));
        assert_eq!(opened, 0);
        self.out(OUT) as i32
    }

    /// A subscription to the clock, in a hundred nanoseconds.
    fn put_clock(&mut self, at: i32) {
        let mut subscription = [0; 48];
        subscription[..8].copy_from_slice(&7u64.to_le_bytes());
        subscription[24..32].copy_from_slice(&100u64.to_le_bytes());
        self.put(at, &subscription);
    }
}

#[test]
fn a_renumbered_descriptor_leaves_nothing_of_the_host_open() {
    let mut guest = Guest::new(0);
    let count = guest.wasi.host_count();
    let (a, b) = (guest.create(GRANTED, b'a'), guest.create(GRANTED, b'b'));
    let open = guest.wasi.host_count().open();
    assert_eq!(open, 2);
    assert_eq!(call!(guest.fd_renumber(a, a)), 0);
    assert_eq!(guest.wasi.host_count().open(), 2, "onto itself");
    assert_eq!(call!(guest.fd_renumber(a, b)), 0);
    assert_eq!(guest.wasi.host_count().open(), 1, "onto an open one");
    for (from, to) in [(a, b), (b, a), (b, 99), (99, b), (-1, b), (b, -1)] {
        assert_eq!(call!(guest.fd_renumber(from, to)), Errno::Badf as i32, "{from} onto {to}");
    }
    for nth in 0..1000u32 {
        let again = guest.create(GRANTED, b'a' + (nth % 20) as u8);
        assert_eq!(call!(guest.fd_renumber(again, b)), 0);
    }
    assert_eq!(guest.wasi.host_count().open(), 1);
    // Over a directory that was granted, and over a stream.
    assert_eq!(call!(guest.fd_renumber(b, GRANTED)), 0);
    assert_eq!(call!(guest.fd_renumber(GRANTED, 1)), 0);
    assert_eq!((guest.wasi.host_count().open(), guest.wasi.handles_open()), (1, 1));
    assert_eq!(call!(guest.fd_close(1)), 0);
    assert_eq!((guest.wasi.host_count().open(), guest.wasi.handles_open()), (0, 0));
    drop(guest);
    assert_eq!(count.open(), 0);
}

#[test]
fn any_time_can_be_set_and_is_read_again() {
    let mut guest = Guest::new(0);
    for dir in [SCRATCH, GRANTED] {
        let fd = guest.create(dir, b'a');
        for time in [0, 1, i64::MAX, i64::MIN, -1, -2] {
            // Both, to what is given.
            let (set, at) = (1 | 4, time);
            assert_eq!(call!(guest.fd_filestat_set_times(fd, at, at, set)), 0, "{time}");
            assert_eq!(call!(guest.path_filestat_set_times(dir, 0, ARGS, 1, at, at, set)), 0, "{time}");
            assert_eq!(call!(guest.fd_filestat_get(fd, OUT)), 0);
            assert_eq!(guest.memory[40..48], time.to_le_bytes());
            assert_eq!(guest.memory[48..56], time.to_le_bytes());
        }
    }
}

#[test]
fn so_many_subscriptions_are_refused_before_they_are_read() {
    let mut guest = Guest::new(0);
    for count in [0, MAX_VECTORS as i32 + 1, i32::MAX, -1, 1 << 28] {
        assert_eq!(call!(guest.poll_oneoff(ARGS, OUT, count, 512)), Errno::Inval as i32, "{count}");
    }
    guest.put_clock(ARGS);
    assert_eq!(call!(guest.poll_oneoff(ARGS, OUT, 1, 512)), 0);
}

/// The bytes of a structure that no field has: they must be the guest's own, as they were, or zeros.
#[test]
fn padding_shows_nothing_of_the_host() {
    for filler in [0x00, 0x55, 0xAA] {
        let mut guest = Guest::new(filler);
        let fd = guest.create(GRANTED, b'a');
        let check = |guest: &Guest, what: &str, size: usize, padding: &[std::ops::Range<usize>]| {
            let shown = padding.iter().flat_map(|range| &guest.memory[range.clone()]);
            assert!(shown.into_iter().all(|byte| *byte == filler || *byte == 0), "{what}");
            assert!(guest.memory[size..ARGS as usize].iter().all(|byte| *byte == filler), "{what}: after its end");
        };
        for fd in [1, SCRATCH, GRANTED, fd] {
            guest.put(OUT, &[filler; 512]);
            assert_eq!(call!(guest.fd_fdstat_get(fd, OUT)), 0);
            check(&guest, "fdstat", 24, &[1..2, 4..8]);
            guest.put(OUT, &[filler; 512]);
            assert_eq!(call!(guest.fd_filestat_get(fd, OUT)), 0);
            check(&guest, "filestat", 64, &[17..24]);
        }
        guest.put(OUT, &[filler; 512]);
        assert_eq!(call!(guest.fd_prestat_get(GRANTED, OUT)), 0);
        check(&guest, "prestat", 8, &[1..4]);
        guest.put(OUT, &[filler; 512]);
        guest.put_clock(ARGS);
        assert_eq!(call!(guest.poll_oneoff(ARGS, OUT, 1, ARGS + 64)), 0);
        check(&guest, "event", 32, &[11..16, 26..32]);
        // `.`, `..` and `a`, whose entries follow each other without a gap.
        guest.put(OUT, &[filler; 512]);
        assert_eq!(call!(guest.fd_readdir(GRANTED, OUT, 512, 0, ARGS)), 0);
        let size = 3 * 24 + 4;
        assert_eq!(guest.out(ARGS), size);
        check(&guest, "dirent", size as usize, &[21..24, 25 + 21..25 + 24, 51 + 21..51 + 24]);
    }
}
