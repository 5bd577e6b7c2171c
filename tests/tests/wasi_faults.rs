//! Errors in other implementations of WASI preview 1, with one test for each.

use airtight::Compiler;
use airtight::Runner;
use airtight::policy::{
    DirGrant, LeakAction, LeakActions, LeakSetting, Limit, Limits, Mode, Policy, SocketGrant, SocketSource,
};
use airtight::report::{TestRecord, Verdict};
use airtight_tests::script::Arg::{Buffer, Bytes, I32, I64, Out, OutAt};
use airtight_tests::script::{Answer, Arg, End, Script, run_module};
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

const BADF: u32 = 8;
const INVAL: u32 = 28;
const NOTSOCK: u32 = 57;
const SPIPE: u32 = 70;
const NOTCAPABLE: u32 = 76;

/// The scratch directory, the granted one and the overlay; what is opened first is 6.
const DIRS: [u32; 3] = [3, 4, 5];
const FILE: u32 = 6;

const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const TRUNCATE: u32 = 8;
const APPEND: u32 = 1;

const ALL_RIGHTS: u64 = (1 << 30) - 1;
const FD_READ: u64 = 1 << 1;
const FD_WRITE: u64 = 1 << 6;

fn runner() -> &'static Runner {
    static RUNNER: OnceLock<Runner> = OnceLock::new();
    RUNNER.get_or_init(|| {
        let builder = Runner::for_policy(Policy::default()).jobs(1).compiler(Compiler::Winch).keep_output(true);
        builder.build().unwrap()
    })
}

fn policy(granted: &Path) -> Policy {
    let dir = |guest: &str, mode| DirGrant {
        guest: guest.to_owned(),
        host: granted.to_owned(),
        mode,
        name: None,
        alias_of: None,
    };
    let ignored = [LeakSetting::Handles, LeakSetting::Residue];
    let leaks =
        ignored.into_iter().fold(LeakActions::default(), |leaks, setting| leaks.with(setting, LeakAction::Ignore));
    Policy { dirs: vec![dir("/granted", Mode::ReadWrite), dir("/overlay", Mode::Overlay)], leaks, ..Policy::default() }
}

fn run(script: &Script, policy: Policy) -> (TestRecord, Vec<Answer>) {
    let record = run_module(runner(), script.module(End::Return), policy).unwrap();
    let told = record.details.as_deref().map(|details| details.output.stdout.clone()).unwrap_or_default();
    let (answers, rest) = script.answers(&told);
    assert_eq!((record.verdict, &rest[..]), (Verdict::Pass, &[][..]), "{record:?}");
    (record, answers)
}

/// What each call answered, with an empty granted directory.
fn answers(script: &Script) -> Vec<Answer> {
    let granted = tempfile::tempdir().unwrap();
    run(script, policy(granted.path())).1
}

fn errnos(script: &Script) -> Vec<u32> {
    answers(script).iter().map(|answer| answer.errno).collect()
}

fn path(path: &str) -> Arg {
    Arg::Path(path.to_owned())
}

/// Opens with every right that the directory passes on but what is said otherwise.
fn open(script: &mut Script, dir: u32, name: &str, how: u32, rights: u64, flags: u32) {
    let args = [I32(dir), I32(0), path(name), I32(how), I64(rights), I64(0), I32(flags), Out];
    script.call("path_open", &args, 4);
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

#[test]
fn an_exit_with_126_or_more_is_an_exit() {
    for status in [0, 1, 125, 126, 127, 128, 255, 256, 1 << 31, u32::MAX] {
        let granted = tempfile::tempdir().unwrap();
        let module = Script::default().module(End::Exit(status));
        let record = run_module(runner(), module, policy(granted.path())).unwrap();
        assert_eq!(record.verdict, if status == 0 { Verdict::Pass } else { Verdict::Exit });
        assert_eq!(record.details.unwrap().exit_status, Some(status));
    }
}

/// That every errno of a host has a word in WASI is tested beside the table, in `sandbox::wasi::fault`.
#[test]
fn a_host_error_does_not_end_the_guest() {
    let mut script = Script::default();
    for dir in DIRS {
        script.call("path_create_directory", &[I32(dir), path(&"x".repeat(300))], 0);
    }
    assert_eq!(errnos(&script), [37; 3]);
}

#[test]
fn file_times_before_1970_and_far_ahead_are_no_danger() {
    let granted = tempfile::tempdir().unwrap();
    let old = granted.path().join("old");
    std::fs::write(&old, "").unwrap();
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1_000_000_000);
    let times = std::fs::FileTimes::new().set_modified(before).set_accessed(before);
    std::fs::File::options().write(true).open(&old).unwrap().set_times(times).unwrap();
    let mut script = Script::default();
    let stat = [I32(4), I32(0), path("old"), Out];
    script.call("path_filestat_get", &stat, 64);
    for time in [0, u64::MAX, 1 << 63] {
        let set = [I32(4), I32(0), path("old"), I64(time), I64(time), I32(1 | 4)];
        script.call("path_filestat_set_times", &set, 0).call("path_filestat_get", &stat, 64);
    }
    let (_, answers) = run(&script, policy(granted.path()));
    assert_eq!(answers[0].errno, 0);
    for pair in answers[1..].chunks(2) {
        assert_eq!(pair[1].errno, 0);
        assert!(pair[0].errno == 0 || pair[0].errno == INVAL, "a host may refuse a time: {}", pair[0].errno);
    }
}

#[test]
fn more_than_1024_buffers_or_subscriptions_are_refused() {
    let mut script = Script::default();
    open(&mut script, 3, "f", CREATE, FD_READ | FD_WRITE | 1 << 2, 0);
    for count in [1025, 1 << 28, u32::MAX] {
        let buffers = [I32(FILE), I32(40_000), I32(count), Out];
        let placed = [I32(FILE), I32(40_000), I32(count), I64(0), Out];
        script.call("fd_write", &buffers, 4).call("fd_read", &buffers, 4);
        script.call("fd_pwrite", &placed, 4).call("fd_pread", &placed, 4);
        script.call("poll_oneoff", &[I32(8_000), I32(8_000), I32(count), Out], 4);
    }
    let buffers = [I32(FILE), I32(40_000), I32(1024), Out];
    script.call("fd_write", &buffers, 4).call("fd_read", &buffers, 4);
    let errnos = errnos(&script);
    let refused = &errnos[1..errnos.len() - 2];
    // A count that cannot be in memory may be said to be so.
    assert!(refused.iter().all(|errno| [INVAL, 21, 61].contains(errno)), "{refused:?}");
    assert_eq!(refused[..5], [INVAL; 5]);
    assert_eq!(errnos[errnos.len() - 2..], [0, 0]);
}

#[test]
fn the_change_time_is_not_the_birth_time() {
    let granted = tempfile::tempdir().unwrap();
    std::fs::write(granted.path().join("f"), "there before").unwrap();
    for dir in DIRS {
        let mut script = Script::default();
        open(&mut script, dir, "f", CREATE, FD_WRITE, 0);
        let stat = [I32(dir), I32(0), path("f"), Out];
        script.call("path_filestat_get", &stat, 64);
        script.call("path_filestat_set_times", &[I32(dir), I32(0), path("f"), I64(1), I64(2), I32(1 | 4)], 0);
        script.call("path_filestat_get", &stat, 64);
        let (_, answers) = run(&script, policy(granted.path()));
        let times = |answer: &Answer| [40, 48, 56].map(|at| number(&answer.out, at));
        let [_, modified, changed] = times(&answers[1]);
        let [accessed_then, modified_then, changed_then] = times(&answers[3]);
        assert!(changed >= modified);
        assert_eq!([accessed_then, modified_then], [1, 2]);
        assert!(changed_then > changed, "setting times is a change, on descriptor {dir}");
    }
}

/// A subscription to a descriptor: its user data is its place.
fn subscription(place: u64, tag: u8, fd: u32) -> Vec<u8> {
    let mut bytes = vec![0; 48];
    bytes[..8].copy_from_slice(&place.to_le_bytes());
    bytes[8] = tag;
    bytes[16..20].copy_from_slice(&fd.to_le_bytes());
    bytes
}

const POLL_READ: u8 = 1;
const POLL_WRITE: u8 = 2;

/// Polls, and returns the place and the error of each event.
fn events(answer: &Answer) -> Vec<(u64, u16)> {
    assert_eq!(answer.errno, 0);
    let count = u32::from_le_bytes(answer.out[..4].try_into().unwrap()) as usize;
    let event = |bytes: &[u8]| (number(bytes, 0), u16::from_le_bytes([bytes[8], bytes[9]]));
    answer.out[8..].chunks(32).take(count).map(event).collect()
}

#[test]
fn polling_names_only_what_is_ready() {
    let mut script = Script::default();
    let listening = 6;
    let subscriptions = [
        subscription(10, POLL_READ, listening),
        subscription(11, POLL_WRITE, 1),
        subscription(12, POLL_READ, 99),
        subscription(13, POLL_READ, 0),
    ];
    script.call("poll_oneoff", &[Bytes(subscriptions.concat()), OutAt(8), I32(4), Out], 8 + 4 * 32);
    let granted = tempfile::tempdir().unwrap();
    let source = SocketSource::Listen(([127, 0, 0, 1], 0).into());
    let socket = SocketGrant { name: "server".to_owned(), source, on_request: false };
    let policy = Policy { sockets: vec![socket], ..policy(granted.path()) };
    let (_, answers) = run(&script, policy);
    assert_eq!(events(&answers[0]), [(11, 0), (12, BADF as u16), (13, 0)], "nobody has connected");
}

#[test]
fn standard_input_from_dev_null_can_be_polled() {
    let mut script = Script::default();
    let subscriptions = subscription(7, POLL_READ, 0);
    script.call("poll_oneoff", &[Bytes(subscriptions), OutAt(8), I32(1), Out], 8 + 32);
    script.call("fd_read", &[I32(0), Buffer(10), Out], 4);
    let dir = airtight_tests::scratch_dir();
    let module = dir.path().join("polls.wasm");
    std::fs::write(&module, script.module(End::Return)).unwrap();
    let done = std::process::Command::new(airtight_tests::program())
        .args(["runner".as_ref(), module.as_os_str()])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (answers, rest) = script.answers(&done.stdout);
    assert_eq!(rest, b"");
    assert_eq!(events(&answers[0]), [(7, 0)]);
    assert_eq!((answers[1].errno, &answers[1].out[..]), (0, &[0; 4][..]));
}

/// Each call, with the right that it takes, on a file.
fn calls_on_a_file() -> Vec<(&'static str, Vec<Arg>, u32)> {
    let fd = || I32(FILE);
    vec![
        ("fd_datasync", vec![fd()], 0),
        ("fd_read", vec![fd(), Buffer(1), Out], 1),
        ("fd_pread", vec![fd(), Buffer(1), I64(0), Out], 1),
        ("fd_pread", vec![fd(), Buffer(1), I64(0), Out], 2),
        ("fd_seek", vec![fd(), I64(1), I32(0), Out], 2),
        ("fd_fdstat_set_flags", vec![fd(), I32(0)], 3),
        ("fd_sync", vec![fd()], 4),
        ("fd_tell", vec![fd(), Out], 5),
        ("fd_seek", vec![fd(), I64(0), I32(1), Out], 5),
        ("fd_write", vec![fd(), Buffer(1), Out], 6),
        ("fd_pwrite", vec![fd(), Buffer(1), I64(0), Out], 6),
        ("fd_pwrite", vec![fd(), Buffer(1), I64(0), Out], 2),
        ("fd_advise", vec![fd(), I64(0), I64(0), I32(0)], 7),
        ("fd_allocate", vec![fd(), I64(0), I64(1)], 8),
        ("fd_filestat_get", vec![fd(), Out], 21),
        ("fd_filestat_set_size", vec![fd(), I64(1)], 22),
        ("fd_filestat_set_times", vec![fd(), I64(0), I64(0), I32(2)], 23),
    ]
}

/// Each call, with the right that it takes, on a directory with a file `f` and an empty directory `d`.
fn calls_on_a_directory() -> Vec<(&'static str, Vec<Arg>, u32)> {
    let fd = || I32(FILE);
    let opened = |name, how| vec![fd(), I32(0), path(name), I32(how), I64(0), I64(0), I32(0), Out];
    vec![
        ("path_create_directory", vec![fd(), path("new")], 9),
        ("path_open", opened("new", CREATE), 10),
        ("path_link", vec![fd(), I32(0), path("f"), fd(), path("g")], 11),
        ("path_link", vec![fd(), I32(0), path("f"), fd(), path("g")], 12),
        ("path_open", opened("f", 0), 13),
        ("fd_readdir", vec![fd(), I32(40_000), I32(100), I64(0), Out], 14),
        ("path_readlink", vec![fd(), path("l"), I32(40_000), I32(9), Out], 15),
        ("path_rename", vec![fd(), path("f"), fd(), path("g")], 16),
        ("path_rename", vec![fd(), path("f"), fd(), path("g")], 17),
        ("path_filestat_get", vec![fd(), I32(0), path("f"), Out], 18),
        ("path_open", opened("f", TRUNCATE), 19),
        ("path_filestat_set_times", vec![fd(), I32(0), path("f"), I64(0), I64(0), I32(2)], 20),
        ("fd_filestat_get", vec![fd(), Out], 21),
        ("fd_filestat_set_times", vec![fd(), I64(0), I64(0), I32(2)], 23),
        ("path_symlink", vec![path("f"), fd(), path("g")], 24),
        ("path_remove_directory", vec![fd(), path("d")], 25),
        ("path_unlink_file", vec![fd(), path("f")], 26),
        ("fd_datasync", vec![fd()], 0),
        ("fd_sync", vec![fd()], 4),
    ]
}

/// Rights by which one that is missing is held all the same: seeking includes telling, synchronising that of the data.
fn includes(right: u32) -> u64 {
    match right {
        0 => 1 << 4,
        5 => 1 << 2,
        _ => 0,
    }
}

#[test]
fn rights_are_narrowed_and_every_call_needs_its_own() {
    let cases = calls_on_a_file().into_iter().map(|case| (case, false));
    let cases = cases.chain(calls_on_a_directory().into_iter().map(|case| (case, true)));
    for ((call, args, right), on_directory) in cases {
        for (dir, held) in DIRS.into_iter().flat_map(|dir| [(dir, true), (dir, false)]) {
            let mut script = Script::default();
            script.call("path_create_directory", &[I32(dir), path("x")], 0);
            script.call("path_create_directory", &[I32(dir), path("x/d")], 0);
            script.call("path_symlink", &[path("f"), I32(dir), path("x/l")], 0);
            open(&mut script, dir, "x/f", CREATE, FD_WRITE, 0);
            script.call("fd_close", &[I32(FILE)], 0);
            let rights = ALL_RIGHTS & !if held { 0 } else { 1 << right | includes(right) };
            let (name, rights) = if on_directory { ("x", rights & !FD_WRITE) } else { ("x/f", rights) };
            let open = [I32(dir), I32(0), path(name), I32(0), I64(rights), I64(0), I32(0), Out];
            script.call("path_open", &open, 4);
            script.call(call, &args, 64);
            let errnos = errnos(&script);
            let (last, before) = errnos.split_last().unwrap();
            assert_eq!(before, [0; 6], "{call}");
            let missing = match (call, right) {
                (_, 1 | 6) => BADF,
                _ => NOTCAPABLE,
            };
            assert_eq!(*last, if held { 0 } else { missing }, "{call} on {dir}, right {right} held: {held}");
        }
    }
}

#[test]
fn rights_are_only_ever_lost() {
    let mut script = Script::default();
    script.call("path_create_directory", &[I32(3), path("d")], 0);
    let narrow = [I32(3), I32(0), path("d"), I32(DIRECTORY), I64(1 << 13 | 1 << 10), I64(FD_READ), I32(0), Out];
    script.call("path_open", &narrow, 4);
    open(&mut script, FILE, "f", CREATE, FD_READ, 0);
    open(&mut script, FILE, "g", CREATE, FD_READ | FD_WRITE, 0);
    script.call("path_filestat_get", &[I32(3), I32(0), path("d/g"), Out], 64);
    script.call("fd_fdstat_get", &[I32(7), Out], 24);
    script.call("fd_fdstat_set_rights", &[I32(7), I64(FD_READ | FD_WRITE), I64(0)], 0);
    script.call("fd_fdstat_set_rights", &[I32(7), I64(0), I64(0)], 0);
    script.call("fd_fdstat_set_rights", &[I32(7), I64(FD_READ), I64(0)], 0);
    script.call("fd_read", &[I32(7), Buffer(1), Out], 4);
    let answers = answers(&script);
    let errnos: Vec<_> = answers.iter().map(|answer| answer.errno).collect();
    assert_eq!(errnos, [0, 0, 0, NOTCAPABLE, 44, 0, NOTCAPABLE, 0, NOTCAPABLE, BADF]);
    assert_eq!([8, 16].map(|at| number(&answers[5].out, at)), [FD_READ, 0], "the rights of `f`");
}

#[test]
fn a_pwrite_to_an_append_file_writes_where_it_says() {
    for dir in DIRS {
        let mut script = Script::default();
        open(&mut script, dir, "f", CREATE | TRUNCATE, ALL_RIGHTS, APPEND);
        script.call("fd_write", &[I32(FILE), Buffer(2), Out], 4);
        script.call("fd_pwrite", &[I32(FILE), Buffer(3), I64(0), Out], 4);
        script.call("fd_tell", &[I32(FILE), Out], 8);
        script.call("fd_filestat_get", &[I32(FILE), Out], 64);
        script.call("fd_write", &[I32(FILE), Buffer(4), Out], 4);
        script.call("fd_tell", &[I32(FILE), Out], 8);
        let answers = answers(&script);
        assert!(answers.iter().all(|answer| answer.errno == 0), "{answers:?}");
        assert_eq!(number(&answers[3].out, 0), 2, "the place of its own stays");
        assert_eq!(number(&answers[4].out, 32), 3, "the size");
        assert_eq!(number(&answers[6].out, 0), 7, "and it still appends");
    }
}

#[test]
fn shutting_down_what_is_no_socket_is_not_a_socket() {
    let mut script = Script::default();
    open(&mut script, 3, "f", CREATE, FD_WRITE, 0);
    for fd in [0, 1, 2, 3, 4, 5, FILE, 7] {
        script.call("sock_shutdown", &[I32(fd), I32(3)], 0);
        script.call("sock_accept", &[I32(fd), I32(0), Out], 4);
        script.call("sock_send", &[I32(fd), Buffer(1), I32(0), Out], 4);
        script.call("sock_recv", &[I32(fd), Buffer(1), I32(0), Out, OutAt(4)], 8);
    }
    let errnos = errnos(&script);
    assert_eq!(errnos[1..29], [NOTSOCK; 28]);
    assert_eq!(errnos[29..], [BADF; 4]);
}

#[test]
fn truncating_what_is_only_read_is_invalid_as_on_linux() {
    for dir in DIRS {
        let mut script = Script::default();
        open(&mut script, dir, "f", CREATE, FD_READ | 1 << 22, 0);
        script.call("fd_filestat_set_size", &[I32(FILE), I64(0)], 0);
        assert_eq!(errnos(&script), [0, INVAL]);
    }
}

#[test]
fn streams_cannot_seek_whatever_their_rights() {
    let mut script = Script::default();
    script.call("fd_seek", &[I32(1), I64(0), I32(1), Out], 8).call("fd_tell", &[I32(0), Out], 8);
    script.call("fd_pwrite", &[I32(1), Buffer(1), I64(0), Out], 4);
    assert_eq!(errnos(&script), [SPIPE; 3]);
}

#[test]
fn the_lowest_free_descriptor_is_used_and_renumbering_closes_what_it_replaces() {
    let mut script = Script::default();
    for name in ["a", "b", "c"] {
        open(&mut script, 3, name, CREATE, FD_READ, 0);
    }
    script.call("fd_close", &[I32(6)], 0);
    open(&mut script, 3, "d", CREATE, FD_READ, 0);
    script.call("fd_renumber", &[I32(8), I32(7)], 0);
    script.call("fd_renumber", &[I32(7), I32(10)], 0);
    script.call("fd_renumber", &[I32(10), I32(7)], 0);
    open(&mut script, 3, "e", CREATE, FD_READ, 0);
    let granted = tempfile::tempdir().unwrap();
    let policy = Policy {
        leaks: policy(granted.path()).leaks.with(LeakSetting::Handles, LeakAction::Show),
        ..policy(granted.path())
    };
    let (record, answers) = run(&script, policy);
    let fd = |nth: usize| (answers[nth].errno, answers[nth].out.first().copied());
    assert_eq!([0, 1, 2, 4, 8].map(fd), [6, 7, 8, 6, 8].map(|fd| (0, Some(fd))));
    assert_eq!([3, 5, 6, 7].map(|nth| answers[nth].errno), [0, 0, BADF, BADF]);
    let leaks = record.details.unwrap().leaks;
    let leaks: Vec<_> = leaks.iter().map(|leak| (leak.path.as_deref().unwrap(), leak.fd.unwrap())).collect();
    assert_eq!(leaks, [("/tmp/c", 7), ("/tmp/d", 6), ("/tmp/e", 8)]);
}

#[test]
fn a_scratch_of_no_bytes_is_no_directory() {
    let mut script = Script::default();
    script.call("fd_prestat_dir_name", &[I32(3), Out, I32(8)], 8).call("fd_prestat_get", &[I32(5), Out], 8);
    let granted = tempfile::tempdir().unwrap();
    let limits = Limits::default().with(Limit::Scratch, 0);
    let (_, answers) = run(&script, Policy { limits, ..policy(granted.path()) });
    assert_eq!((answers[0].errno, &answers[0].out[..]), (0, &b"/granted"[..]));
    assert_eq!(answers[1].errno, BADF);
}

#[test]
fn flags_and_numbers_that_there_are_not_are_refused_in_the_answer() {
    let mut script = Script::default();
    open(&mut script, 3, "a", CREATE, ALL_RIGHTS, 0);
    let fd = || I32(FILE);
    let open = |how, flags| vec![I32(3), I32(0), path("a"), I32(how), I64(FD_READ), I64(0), I32(flags), Out];
    for (name, args) in [
        ("fd_fdstat_set_flags", vec![fd(), I32(0xffff)]),
        ("path_open", open(0, 0xff)),
        ("path_open", open(0x8000, 0)),
        ("fd_advise", vec![fd(), I64(0), I64(0), I32(77)]),
        ("fd_filestat_set_times", vec![fd(), I64(0), I64(0), I32(0xff)]),
        ("fd_seek", vec![fd(), I64(0), I32(3), Out]),
        ("clock_time_get", vec![I32(99), I64(0), Out]),
        ("path_filestat_get", vec![I32(3), I32(0xff), path("a"), Out]),
        ("sock_shutdown", vec![fd(), I32(0xff)]),
    ] {
        script.call(name, &args, 8);
    }
    let [opened, refused @ ..] = &errnos(&script)[..] else { panic!() };
    assert_eq!((*opened, refused), (0, &[INVAL; 9][..]));
}

#[test]
fn rights_that_there_are_not_may_be_asked_for_in_vain() {
    let mut script = Script::default();
    for dir in DIRS {
        let args = [I32(dir), I32(0), path("a"), I32(CREATE), I64(u64::MAX), I64(u64::MAX), I32(0), Out];
        script.call("path_open", &args, 4).call("fd_fdstat_get", &[I32(FILE), Out], 24);
        script.call("fd_fdstat_set_rights", &[I32(FILE), I64(FD_READ | 1 << 63), I64(0)], 0);
        script.call("fd_fdstat_get", &[I32(FILE), Out], 24).call("fd_close", &[I32(FILE)], 0);
    }
    for answers in answers(&script).chunks(5) {
        assert_eq!(answers.iter().map(|answer| answer.errno).collect::<Vec<_>>(), [0; 5]);
        let rights = |nth: usize| number(&answers[nth].out, 8);
        assert_eq!((rights(1) & !ALL_RIGHTS, rights(1) & FD_WRITE, rights(3)), (0, FD_WRITE, FD_READ));
    }
}
