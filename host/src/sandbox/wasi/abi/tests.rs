//! Errors that other hosts of WASI have made, function by function, over a memory that the test can look at.

use crate::policy::{DirGrant, Limit, Limits, Mode, Policy};
use crate::sandbox::wasi::ContextOptions;
use crate::sandbox::wasi::captured::Streams;
use crate::sandbox::wasi::context::Wasi;
use crate::sandbox::wasi::goroutines::GoStart;
use crate::sandbox::wasi::grants::Grants;
use crate::sandbox::wasi::meter::{self, MAX_BYTES, MAX_VECTORS};
use crate::sandbox::wasi::watchdog::Watchdog;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasi_common::snapshots::preview_1::types::{Errno, Rights};
use wasi_common::snapshots::preview_1::wasi_snapshot_preview1 as preview1;
use wiggle::GuestMemory;

/// The descriptors of the scratch file system and of the granted directories.
const SCRATCH: i32 = 3;
const GRANTED: i32 = 4;
const READ_ONLY: i32 = 5;

/// Where a call's results go, and where its arguments are.
const OUT: i32 = 0;
const ARGS: i32 = 1024;

const CREATE: i32 = 1;
const TRUNCATE: i32 = 8;

struct Guest {
    wasi: Wasi,
    memory: Vec<u8>,
    host: tempfile::TempDir,
    read_only: tempfile::TempDir,
}

macro_rules! call {
    ($guest:ident.$name:ident($($arg:expr),*)) => {{
        let mut memory = GuestMemory::Unshared(&mut $guest.memory);
        let done = wiggle::run_in_dummy_executor(preview1::$name(&mut $guest.wasi, &mut memory $(, $arg)*));
        done.unwrap().unwrap()
    }};
}

impl Guest {
    /// A guest with a directory of the host that it may write to, one that it may only read, and a memory full of `filler`.
    fn new(filler: u8) -> Self {
        Self::limited(filler, Limits::default())
    }

    fn limited(filler: u8, limits: Limits) -> Self {
        let [host, read_only] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let grant = |guest: &str, host: &tempfile::TempDir, mode| DirGrant {
            guest: guest.into(),
            host: host.path().into(),
            mode,
            name: None,
            alias_of: None,
        };
        let dirs = vec![grant("/d", &host, Mode::ReadWrite), grant("/r", &read_only, Mode::ReadOnly)];
        let grants = Grants::new(Arc::new(Policy { dirs, limits, ..Policy::default() })).unwrap();
        let watchdog = Watchdog { deadline: Instant::now() + Duration::from_secs(60), interrupted: Arc::default() };
        let options = ContextOptions {
            test: "t".into(),
            args: Vec::new(),
            watchdog,
            streams: Streams::Captured,
            notes_sites: false,
            go: GoStart::default(),
            watch: None,
            trace: None,
            notes_reads: false,
        };
        let wasi = Wasi::new(Arc::new(grants), options).unwrap();
        Self { wasi, memory: vec![filler; 1 << 16], host, read_only }
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

    /// What a call costs in fuel, without the guest's own code.
    fn cost(&mut self, call: impl FnOnce(&mut Self)) -> u64 {
        self.wasi.begin_call(0, None, false);
        call(self);
        self.wasi.end_call()
    }

    /// A subscription to the clock that is due in a hundred nanoseconds.
    fn put_clock(&mut self, at: i32) {
        let mut subscription = [0; 48];
        subscription[..8].copy_from_slice(&7u64.to_le_bytes());
        subscription[24..32].copy_from_slice(&100u64.to_le_bytes());
        self.put(at, &subscription);
    }
}

#[test]
fn what_tests_of_go_tell_and_ask_is_checked() {
    let mut guest = Guest::new(b'x');
    macro_rules! own {
        ($function:path, $($arg:expr),*) => {{
            let mut memory = GuestMemory::Unshared(&mut guest.memory);
            $function(&mut guest.wasi, &mut memory, $($arg),*).map_err(|error| error.to_string())
        }};
    }
    assert_eq!(own!(super::goroutines::sites, (0, 100)), Ok(0));
    assert_eq!(guest.wasi.go.sites, None, "nobody asked for it");
    assert_eq!(super::goroutines::begins(&mut guest.wasi), 0);
    guest.wasi.go_heap = true;
    assert_eq!(super::goroutines::begins(&mut guest.wasi), 1);
    assert_eq!(own!(super::goroutines::sites, (0, 3)), Ok(0));
    assert_eq!(guest.wasi.go.sites.as_deref(), Some("xxx"));
    assert!(own!(super::goroutines::sites, (0, 5 << 20)).unwrap_err().contains("they may have 4194304"));
    assert!(own!(super::goroutines::sites, (65_530, 100)).is_err(), "it lies outside of the memory");
    assert!(own!(super::goroutines::sites, (-1, 1)).is_err());
    assert_eq!(super::goroutines::heap(&mut guest.wasi, [0, -1, 5]).unwrap(), 0);
    assert!(super::goroutines::heap(&mut guest.wasi, [2, 0, 0]).unwrap_err().to_string().contains("a moment 2"));

    let mark = super::held::mark(&guest.wasi).unwrap();
    assert_eq!(own!(super::held::since, [mark, 4096, 0]), Ok(0));
    let file = guest.create(GRANTED, b'a');
    guest.create(GRANTED, b'b');
    assert_eq!(own!(super::held::since, [mark, 4096, 64]), Ok(2));
    let text = String::from_utf8(guest.memory[4096..][..64].to_vec()).unwrap();
    let words: Vec<_> = text.trim_end_matches('\0').split(", ").collect();
    assert!(words.len() == 2 && words[0].starts_with("file ") && words[1].ends_with("/b"), "{words:?}");
    // The text has no room, and the number is given all the same.
    assert_eq!(own!(super::held::since, [mark, 4096, 3]), Ok(2));
    assert_eq!(guest.memory[4096..][..4], [0, 0, 0, text.as_bytes()[3]]);
    assert_eq!(call!(guest.fd_close(file)), 0);
    assert_eq!(own!(super::held::since, [mark, 4096, 64]), Ok(1));
    assert_eq!(own!(super::held::since, [-1, 4096, 64]), Ok(0));
    assert!(own!(super::held::since, [mark, 0, 4097]).unwrap_err().contains("it may have 4096"));
    assert!(own!(super::held::since, [mark, 65_530, 100]).is_err(), "it lies outside of the memory");
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
    // Onto a granted directory, and onto a stream.
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
            // Both times are set, to the given value.
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

/// The host looks at that many subscriptions, and writes that many events.
#[test]
fn a_poll_costs_fuel_for_each_of_its_subscriptions() {
    let mut guest = Guest::new(0);
    guest.memory.resize(1 << 17, 0);
    let most = MAX_VECTORS as i32;
    for nth in 0..most {
        guest.put_clock(ARGS + 48 * nth);
    }
    let events = ARGS + 48 * most;
    for count in [1, 2, most] {
        let cost = guest.cost(|guest| assert_eq!(call!(guest.poll_oneoff(ARGS, events, count, OUT)), 0));
        assert_eq!(guest.out(OUT), count as u32, "all of them are due at once");
        assert_eq!(cost, meter::CALL + meter::ENTRY * count as u64);
    }
    for count in [0, most + 1, -1] {
        let refused = Errno::Inval as i32;
        let cost = guest.cost(|guest| assert_eq!(call!(guest.poll_oneoff(ARGS, events, count, OUT)), refused));
        assert_eq!(cost, meter::CALL, "nothing is read of {count}");
    }
}

#[test]
fn output_is_held_up_to_its_limit_however_much_is_written() {
    const CAP: u64 = 4096;
    /// Some of each stream's end is held as well.
    const ENDS: u64 = 64 << 10;
    let mut guest = Guest::limited(b'x', Limits::default().with(Limit::Output, CAP));
    // Every buffer of the call is the whole memory: together they hold more than one call may move.
    for nth in 0..MAX_VECTORS as i32 {
        guest.put(ARGS + 8 * nth, &[0; 4]);
        guest.put(ARGS + 8 * nth + 4, &(1u32 << 16).to_le_bytes());
    }
    for _ in 0..8 {
        for fd in [1, 2] {
            assert_eq!(call!(guest.fd_write(fd, ARGS, MAX_VECTORS as i32, OUT)), 0);
            assert_eq!(guest.out(OUT), MAX_BYTES as u32, "a short write");
            let held = guest.wasi.world.capture.held();
            assert!((CAP..=CAP + ENDS).contains(&held), "{held}");
        }
    }
    // Writes to streams that the guest has closed do not make the host hold more.
    let held = guest.wasi.world.capture.held();
    for fd in [1, 2] {
        assert_eq!(call!(guest.fd_close(fd)), 0);
        assert_eq!(call!(guest.fd_write(fd, ARGS, MAX_VECTORS as i32, OUT)), Errno::Badf as i32);
    }
    assert_eq!(guest.wasi.world.capture.held(), held);
}

#[test]
fn output_counts_against_the_memory_of_the_host() {
    let limits = Limits::default().with(Limit::Output, 1 << 20).with(Limit::HostMemory, 1 << 15);
    let mut guest = Guest::limited(b'x', limits);
    guest.put(ARGS, &[0; 4]);
    guest.put(ARGS + 4, &12_000u32.to_le_bytes());
    for nth in 1..=3 {
        assert_eq!(guest.wasi.check_quota(), Ok(()));
        assert_eq!(call!(guest.fd_write(nth % 2 + 1, ARGS, 1, OUT)), 0);
    }
    assert_eq!(guest.wasi.check_quota().unwrap_err().limit, Limit::HostMemory);
}

/// A read-only file must not become writable by a second name or a new one.
#[test]
fn no_name_is_made_or_moved_across_the_border_of_what_may_be_written_to() {
    let mut guest = Guest::new(0);
    let (old, new) = (ARGS, ARGS + 8);
    guest.put(old, b"old");
    guest.put(new, b"new");
    for dir in [&guest.host, &guest.read_only] {
        std::fs::write(dir.path().join("old"), "there before").unwrap();
    }
    let link = |guest: &mut Guest, from: i32, to: i32| call!(guest.path_link(from, 0, old, 3, to, new, 3));
    let rename = |guest: &mut Guest, from: i32, to: i32| call!(guest.path_rename(from, old, 3, to, new, 3));
    let [rofs, xdev] = [Errno::Rofs, Errno::Xdev].map(|errno| errno as i32);
    for (from, to, linking, renaming) in [
        (READ_ONLY, GRANTED, xdev, xdev),
        (READ_ONLY, SCRATCH, xdev, xdev),
        (READ_ONLY, READ_ONLY, rofs, rofs),
        (GRANTED, READ_ONLY, rofs, xdev),
        (GRANTED, SCRATCH, xdev, xdev),
    ] {
        assert_eq!(link(&mut guest, from, to), linking, "a link from {from} to {to}");
        assert_eq!(rename(&mut guest, from, to), renaming, "a name moved from {from} to {to}");
    }
    let (read, write) = (Rights::FD_READ, Rights::FD_READ | Rights::FD_WRITE);
    for (how, rights) in [(0, write), (TRUNCATE, read), (TRUNCATE, write), (CREATE, write)] {
        let opened = call!(guest.path_open(READ_ONLY, 0, old, 3, how, rights.bits() as i64, 0, 0, OUT));
        assert_eq!(opened, rofs, "opened by {how} for {rights:?}");
    }
    let rights = (read | Rights::FD_FILESTAT_SET_TIMES).bits() as i64;
    assert_eq!(call!(guest.path_open(READ_ONLY, 0, old, 3, 0, rights, 0, 0, OUT)), 0);
    let fd = guest.out(OUT) as i32;
    assert_eq!(call!(guest.fd_filestat_set_times(fd, 1, 1, 1 | 4)), rofs);
    let names = |dir: &tempfile::TempDir| {
        let entries = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    for dir in [&guest.host, &guest.read_only] {
        assert_eq!(names(dir), ["old"]);
        assert_eq!(std::fs::read(dir.path().join("old")).unwrap(), b"there before");
    }
    // Between two writable directories both calls succeed.
    assert_eq!(link(&mut guest, GRANTED, GRANTED), 0);
    assert_eq!(names(&guest.host), ["new", "old"]);
    std::fs::remove_file(guest.host.path().join("new")).unwrap();
    assert_eq!(rename(&mut guest, GRANTED, GRANTED), 0);
    assert_eq!(names(&guest.host), ["new"]);
}

/// The part of the buffer behind a listing stays as the guest left it, wherever the buffer ends.
#[test]
fn a_listing_that_is_cut_is_the_start_of_the_whole_one() {
    const FILLER: u8 = 0x55;
    let mut guest = Guest::new(FILLER);
    for dir in [SCRATCH, GRANTED] {
        guest.create(dir, b'a');
        guest.put(OUT, &[FILLER; 512]);
        assert_eq!(call!(guest.fd_readdir(dir, OUT, 512, 0, ARGS)), 0);
        // `.`, `..` and `a`.
        let size = 3 * 24 + 4;
        assert_eq!(guest.out(ARGS), size as u32);
        let whole = guest.memory[..size].to_vec();
        for padding in [21..24, 25 + 21..25 + 24, 51 + 21..51 + 24] {
            assert_eq!(whole[padding], [0u8; 3]);
        }
        for len in 0..=size {
            guest.put(OUT, &[FILLER; 512]);
            assert_eq!(call!(guest.fd_readdir(dir, OUT, len as i32, 0, ARGS)), 0);
            assert_eq!(guest.out(ARGS), len as u32);
            assert_eq!(guest.memory[..len], whole[..len], "{len} bytes");
            assert!(guest.memory[len..512].iter().all(|byte| *byte == FILLER), "behind {len} bytes");
        }
    }
}

/// The padding bytes of a structure: they are as the guest left them, or zeros.
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
