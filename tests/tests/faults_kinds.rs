//! Every failure that a call can have, as the code under test sees it; and ways out of those that no file has.

use airtight_tests::{Ran, command, read_report, scratch_dir, tests, with_sdk, workspace, write};
use std::path::Path;

/// Each failure of each call but the spawn of a thread, asked for by the test, with what the call gives then.
const KINDS: &str = r#"
use airtight::{Call, Failure, T, net};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::IntoRawFd;
use std::time::{Duration, Instant, SystemTime};

const NOSPC: Given = Err(51);
const IO: Given = Err(29);
const INTR: Given = Err(27);
const ACCES: Given = Err(2);
const NOENT: Given = Err(44);
const MFILE: Given = Err(33);
const CONNRESET: Given = Err(15);
const CONNREFUSED: Given = Err(14);
const CONNABORTED: Given = Err(13);
const ADDRINUSE: Given = Err(3);
const NOTCONN: Given = Err(53);

/// How much a call moves, or WASI's number of its error.
type Given = Result<usize, i32>;

unsafe extern "C" {
    fn close(fd: i32) -> i32;
}

/// What is to be called, once all that it needs is there.
type Act = Box<dyn FnOnce() -> io::Result<usize>>;

fn file() -> File {
    fs::write("/tmp/data", "contents").unwrap();
    File::options().read(true).write(true).open("/tmp/data").unwrap()
}

fn done(done: io::Result<()>) -> io::Result<usize> {
    done.map(|()| 0)
}

fn act(call: Call) -> Act {
    let mut file = file();
    let server = net::listen("127.0.0.1:0").unwrap();
    let address = net::local_addr(&server).unwrap();
    let mut client = net::connect(address).unwrap();
    let mut served = net::accept(&server).unwrap().0;
    served.write_all(b"12345678").unwrap();
    let other = net::connect(address).unwrap();
    match call {
        Call::Open => Box::new(|| done(File::open("/tmp/data").map(drop))),
        Call::Read => Box::new(move || file.read(&mut [0; 8])),
        Call::Write => Box::new(move || file.write(b"12345678")),
        Call::Sync => Box::new(move || done(file.sync_all())),
        Call::Close => Box::new(move || match unsafe { close(file.into_raw_fd()) } {
            0 => Ok(0),
            _ => Err(io::Error::last_os_error()),
        }),
        Call::Stat => Box::new(|| done(fs::metadata("/tmp/data").map(drop))),
        Call::List => Box::new(|| done(fs::read_dir("/tmp")?.next().unwrap().map(drop))),
        Call::MakeDir => Box::new(|| done(fs::create_dir("/tmp/made"))),
        Call::Remove => Box::new(|| done(fs::remove_file("/tmp/data"))),
        Call::RemoveDir => Box::new(|| done(fs::remove_dir("/tmp/made"))),
        Call::Rename => Box::new(|| done(fs::rename("/tmp/data", "/tmp/moved"))),
        Call::Link => Box::new(|| done(fs::hard_link("/tmp/data", "/tmp/linked"))),
        Call::ReadLink => Box::new(|| done(fs::read_link("/tmp/data").map(drop))),
        Call::Resize => Box::new(move || done(file.set_len(3))),
        Call::SetTimes => Box::new(move || done(file.set_modified(SystemTime::UNIX_EPOCH))),
        Call::Listen => Box::new(|| done(net::listen("127.0.0.1:0").map(drop))),
        Call::Connect => Box::new(move || {
            let _server = server;
            done(net::connect(address).map(drop))
        }),
        Call::Accept => Box::new(move || {
            let _other = other;
            done(net::accept(&server).map(drop))
        }),
        Call::Receive => Box::new(move || {
            let _served = served;
            client.read(&mut [0; 8])
        }),
        Call::Send => Box::new(move || {
            let _served = served;
            client.write(b"12345678")
        }),
        Call::Shutdown => Box::new(move || {
            let _served = served;
            done(client.shutdown(Shutdown::Write))
        }),
        Call::Sleep => Box::new(|| {
            let began = Instant::now();
            std::thread::sleep(Duration::from_millis(1));
            Ok(began.elapsed().as_secs() as usize)
        }),
        Call::Allocate => Box::new(|| match Vec::<u8>::new().try_reserve(8) {
            Ok(()) => Ok(0),
            Err(_) => Err(io::ErrorKind::OutOfMemory.into()),
        }),
        call => panic!("{call:?} is not tried"),
    }
}

#[airtight::test]
fn each_failure_is_what_it_says(t: &mut T) {
    use Failure::*;
    let table: [(Call, &[(Failure, Given)]); 22] = [
        (Call::Open, &[(NoSpace, NOSPC), (NotFound, NOENT), (Denied, ACCES), (TooManyFiles, MFILE), (Io, IO)]),
        (Call::Read, &[(Io, IO), (Short, Ok(1)), (Interrupted, INTR)]),
        (Call::Write, &[(NoSpace, NOSPC), (Io, IO), (Short, Ok(4)), (Interrupted, INTR)]),
        (Call::Sync, &[(Io, IO), (NoSpace, NOSPC)]),
        (Call::Close, &[(Io, IO)]),
        (Call::Stat, &[(Denied, ACCES), (Io, IO)]),
        (Call::List, &[(Io, IO)]),
        (Call::MakeDir, &[(NoSpace, NOSPC), (Denied, ACCES), (Io, IO)]),
        (Call::Remove, &[(Denied, ACCES), (Io, IO)]),
        (Call::RemoveDir, &[(Denied, ACCES), (Io, IO)]),
        (Call::Rename, &[(NoSpace, NOSPC), (Denied, ACCES), (Io, IO)]),
        (Call::Link, &[(NoSpace, NOSPC), (Denied, ACCES), (Io, IO)]),
        (Call::ReadLink, &[(Io, IO)]),
        (Call::Resize, &[(Io, IO), (NoSpace, NOSPC)]),
        (Call::SetTimes, &[(Denied, ACCES), (Io, IO)]),
        (Call::Listen, &[(InUse, ADDRINUSE), (TooManyFiles, MFILE)]),
        (Call::Connect, &[(Refused, CONNREFUSED), (TooManyFiles, MFILE)]),
        (Call::Accept, &[(Aborted, CONNABORTED), (TooManyFiles, MFILE)]),
        (Call::Receive, &[(Reset, CONNRESET), (Interrupted, INTR), (Short, Ok(1))]),
        (Call::Send, &[(Reset, CONNRESET), (Interrupted, INTR), (Short, Ok(4))]),
        (Call::Shutdown, &[(NotConnected, NOTCONN)]),
        (Call::Sleep, &[(Late, Ok(60))]),
    ];
    let mut failures = 0;
    for (call, given) in table {
        for (failure, given) in given {
            let act = act(call);
            t.fail_next(call, *failure);
            // What the SDK explains is another error of the same kind.
            let number = |error: io::Error| match error.raw_os_error() {
                None if error.kind() == io::ErrorKind::ConnectionRefused => 14,
                number => number.unwrap_or_default(),
            };
            let got = act().map_err(number);
            assert_eq!(got, *given, "{call:?} {failure:?}");
            failures += 1;
        }
    }
    let act = act(Call::Allocate);
    t.fail_next(Call::Allocate, NoMemory);
    assert_eq!(act().unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    let all: usize = Call::ALL.iter().map(|call| call.failures().len()).sum();
    assert_eq!(failures + 2, all, "but that a thread cannot be spawned");
    for left in ["/tmp/data", "/tmp/moved"] {
        let _ = fs::remove_file(left);
    }
}
"#;

/// A conversation whose way out forgets its sockets, and its mended twin.
const SOCKETS: &str = r#"
use airtight::{T, net};
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::net::{Shutdown, TcpListener};

fn talk_and_forget(server: &TcpListener) -> io::Result<()> {
    let client = ManuallyDrop::new(net::connect(net::local_addr(server)?)?);
    let served = ManuallyDrop::new(net::accept(server)?.0);
    (&*client).write_all(b"hello")?;
    client.shutdown(Shutdown::Write)?;
    (&*served).read_exact(&mut [0; 5])?;
    drop(ManuallyDrop::into_inner(client));
    drop(ManuallyDrop::into_inner(served));
    Ok(())
}

fn talk(server: &TcpListener) -> io::Result<()> {
    let mut client = net::connect(net::local_addr(server)?)?;
    let mut served = net::accept(server)?.0;
    client.write_all(b"hello")?;
    client.shutdown(Shutdown::Write)?;
    served.read_exact(&mut [0; 5])
}

#[airtight::test]
fn forgets(_: &mut T) -> io::Result<()> {
    talk_and_forget(&net::listen("127.0.0.1:0")?)
}

#[airtight::test]
fn mended(_: &mut T) -> io::Result<()> {
    talk(&net::listen("127.0.0.1:0")?)
}
"#;

/// Work for a thread, for which there may be none.
const THREADS: &str = r#"
use std::fs::{self, File};
use std::io;
use std::mem::ManuallyDrop;
use std::thread::Builder;

fn work_and_forget() -> io::Result<()> {
    let log = ManuallyDrop::new(File::create("/tmp/log")?);
    for _ in 0..2 {
        Builder::new().spawn(|| {})?.join().unwrap();
    }
    drop(ManuallyDrop::into_inner(log));
    Ok(())
}

fn work() -> io::Result<()> {
    let _log = File::create("/tmp/log")?;
    (0..2).try_for_each(|_| Ok(Builder::new().spawn(|| {})?.join().unwrap()))
}

#[test]
fn forgets() -> io::Result<()> {
    let done = work_and_forget();
    let _ = fs::remove_file("/tmp/log");
    done
}

#[test]
fn mended() -> io::Result<()> {
    let done = work();
    let _ = fs::remove_file("/tmp/log");
    done
}
"#;

fn suite(dir: &Path, text: &str) {
    workspace(dir, &[("suite", "")]);
    with_sdk(&dir.join("suite"));
    write(&dir.join("suite/tests/t.rs"), text);
}

fn run(dir: &Path, args: &[&str]) -> Ran {
    let mut command = command();
    command.current_dir(dir).env_remove("CARGO_TARGET_DIR").args(args).args(["--color", "never"]);
    Ran::from(command.output().unwrap())
}

#[test]
fn every_failure_of_every_call_is_what_it_says() {
    let dir = scratch_dir();
    suite(dir.path(), KINDS);
    let ran = run(dir.path(), &["test", "--test", "t", "--report", "json=report.json"]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&dir.path().join("report.json"));
    let [(_, test)] = &tests(&report).collect::<Vec<_>>()[..] else { panic!("{report}") };
    assert!(test["injected"].as_array().is_some_and(|injected| injected.len() > 40), "{test}");
}

#[test]
fn ways_out_of_failures_of_sockets_are_found() {
    let dir = scratch_dir();
    suite(dir.path(), SOCKETS);
    let forgets = run(dir.path(), &["faults", "--test", "t", "--", "forgets"]);
    assert_eq!(forgets.status, Some(100), "{}{}", forgets.stdout, forgets.stderr);
    for failure in [
        "accept fails (ECONNABORTED, EMFILE)",
        "send fails (ECONNRESET",
        "shutdown fails (ENOTCONN)",
        "recv fails (ECONNRESET",
    ] {
        assert!(forgets.stdout.contains(failure), "{failure}: {}", forgets.stdout);
    }
    assert!(!forgets.stdout.contains("ECONNREFUSED"), "nothing is there yet: {}", forgets.stdout);
    let mended = run(dir.path(), &["faults", "--test", "t", "--", "mended"]);
    assert!(
        mended.status == Some(0) && mended.stdout.contains("0 places to mend"),
        "{}{}",
        mended.stdout,
        mended.stderr
    );
}

#[test]
fn each_spawn_of_a_thread_fails_in_turn() {
    let dir = scratch_dir();
    suite(dir.path(), THREADS);
    let forgets = run(dir.path(), &["faults", "--threads", "--test", "t", "--", "forgets"]);
    assert_eq!(forgets.status, Some(100), "{}{}", forgets.stdout, forgets.stderr);
    let told = "leaks 1 file (/tmp/log) when the 1st spawn fails (EAGAIN)";
    // The second is at the same place, with the same file open.
    assert!(forgets.stdout.contains(told) && forgets.stdout.contains("1 more alike"), "{}", forgets.stdout);
    let second = run(dir.path(), &["test", "--threads", "--test", "t", "--fault", "spawn:2=EAGAIN", "--", "forgets"]);
    assert_eq!(second.status, Some(100), "{}{}", second.stdout, second.stderr);
    assert!(second.stdout.contains("injected spawn:2=EAGAIN"), "{}", second.stdout);
    let mended = run(dir.path(), &["faults", "--threads", "--test", "t", "--", "mended"]);
    assert!(
        mended.status == Some(0) && mended.stdout.contains("0 places to mend"),
        "{}{}",
        mended.stdout,
        mended.stderr
    );
}
