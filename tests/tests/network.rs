//! Sockets that lead out of the sandbox, with their other ends in these tests; and airtight's own imports, used by hostile
//! guests.

use airtight_tests::{Ran, compile, guest, read_report, run, scratch_dir, tests};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the other end does at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the tests of the network whose names hold `filter`; the report's entry of the first.
fn run_guest(dir: &Path, config: &str, filter: &str) -> (Ran, Value) {
    std::fs::write(dir.join("airtight.toml"), config).unwrap();
    let module = guest("sdk/network").to_str().unwrap();
    let ran = run(dir, ["run", "--trust", module, "--report", "json=report.json", "--", filter]);
    let report = read_report(&dir.join("report.json"));
    let (_, test) = tests(&report).next().unwrap_or_else(|| panic!("nothing ran:\n{}\n{}", ran.stdout, ran.stderr));
    (ran, test.clone())
}

/// Reads to the end and answers in upper case.
fn shout(mut stream: impl Read + Write) {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    stream.write_all(text.to_uppercase().as_bytes()).unwrap();
}

/// Serves one client.
fn serve_tcp() -> (std::net::SocketAddr, JoinHandle<()>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    (address, std::thread::spawn(move || shout(server.accept().unwrap().0)))
}

fn assert_verdict(test: &Value, verdict: &str) {
    assert_eq!(test["verdict"], verdict, "{test:#}");
}

#[test]
fn an_outbound_address_is_reached_and_a_server_of_the_test_s_own_wins() {
    let dir = scratch_dir();
    let (address, server) = serve_tcp();
    let config = format!(
        "[profile.default]\ntimeout = \"30s\"\noutbound = [\"{address}\"]\nenv = {{ OUTBOUND = \"{address}\" }}\n"
    );
    let (_, test) = run_guest(dir.path(), &config, "outbound");
    assert_verdict(&test, "pass");
    server.join().unwrap();
}

#[test]
fn an_address_that_is_not_named_is_not_reached() {
    let dir = scratch_dir();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let address = server.local_addr().unwrap();
    let config = format!("[profile.default]\nenv = {{ OUTBOUND = \"{address}\" }}\n");
    let (_, test) = run_guest(dir.path(), &config, "outbound");
    assert_verdict(&test, "fail");
    let message = test["message"].as_str().unwrap();
    assert!(message.contains(&format!("outbound = [\\\"{address}\\\"]")), "{message}");
    assert_eq!(server.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "somebody connected");
}

#[test]
fn a_unix_socket_connects_to_the_host() {
    let dir = scratch_dir();
    let server = UnixListener::bind(dir.path().join("host.sock")).unwrap();
    let serving = std::thread::spawn(move || shout(server.accept().unwrap().0));
    let config = "[[profile.default.socket]]\nname = \"client\"\nconnect = \"unix:host.sock\"\n";
    let (_, test) = run_guest(dir.path(), config, "talking");
    assert_verdict(&test, "pass");
    serving.join().unwrap();
    assert!(dir.path().join("host.sock").exists(), "a file that was there before is not airtight's to remove");
}

#[test]
fn a_unix_socket_listens_for_the_host_and_its_file_goes() {
    let dir = scratch_dir();
    let path = dir.path().join("guest.sock");
    let config = "[[profile.default.socket]]\nname = \"server\"\nlisten = \"unix:guest.sock\"\n";
    let client = std::thread::spawn({
        let path = path.clone();
        move || {
            let until = Instant::now() + PATIENCE;
            while Instant::now() < until {
                match UnixStream::connect(&path) {
                    Ok(stream) => return shout(stream),
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
            panic!("nobody listened");
        }
    });
    let (_, test) = run_guest(dir.path(), config, "talking");
    assert_verdict(&test, "pass");
    client.join().unwrap();
    assert!(!path.exists(), "the file is still there");
}

#[test]
fn a_file_that_exists_is_not_replaced_by_a_socket() {
    let dir = scratch_dir();
    std::fs::write(dir.path().join("guest.sock"), "precious").unwrap();
    let config = "[[profile.default.socket]]\nname = \"server\"\nlisten = \"unix:guest.sock\"\n";
    let (_, test) = run_guest(dir.path(), config, "talking");
    assert_verdict(&test, "fail");
    insta::assert_snapshot!(test["message"].as_str().unwrap(), @"the granted socket `server` cannot be opened: the file to listen on exists, and is not replaced; remove it, or write another path after `unix:`");
    assert_eq!(std::fs::read_to_string(dir.path().join("guest.sock")).unwrap(), "precious");
}

#[test]
fn waiting_for_the_host_names_the_socket_and_is_not_reproducible() {
    let dir = scratch_dir();
    let config = "[profile.default]\ntimeout = \"300ms\"\n[[profile.default.socket]]\nname = \"server\"\nlisten = \"unix:guest.sock\"\n";
    let (_, test) = run_guest(dir.path(), config, "talking");
    assert_verdict(&test, "timeout");
    insta::assert_snapshot!(test["message"].as_str().unwrap(), @"still running after 300ms of wall-clock time: it waits for a connection on server (fd 4)");
    assert_eq!(read_report(&dir.path().join("report.json"))["canonical"]["reproducible"], false);
}

/// The virtual clock beside a socket of the host's used to fire before the host had any chance to answer.
#[test]
fn a_socket_of_the_host_s_is_given_real_time_beside_a_clock() {
    let dir = scratch_dir();
    let server = UnixListener::bind(dir.path().join("host.sock")).unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        std::thread::sleep(Duration::from_millis(200));
        stream.write_all(b"late").unwrap();
        // Until the test is over.
        let _ = stream.read(&mut [0; 1]);
    });
    let config = "[[profile.default.socket]]\nname = \"client\"\nconnect = \"unix:host.sock\"\n";
    let (_, test) = run_guest(dir.path(), config, "polling_the_host");
    assert_verdict(&test, "pass");
    serving.join().unwrap();
}

#[test]
fn a_wait_that_cannot_end_is_the_same_on_every_machine() {
    let dir = scratch_dir();
    let config = "[profile.default]\ntimeout = \"300s\"\n";
    let began = Instant::now();
    let (ran, _) = run_guest(dir.path(), config, "timeout_");
    assert_eq!(ran.status, Some(100));
    assert!(began.elapsed() < Duration::from_secs(60), "nothing is waited for");
    let first = read_report(&dir.path().join("report.json"));
    assert_eq!(first["canonical"]["reproducible"], true);
    run_guest(dir.path(), config, "timeout_");
    assert_eq!(first["digest"], read_report(&dir.path().join("report.json"))["digest"]);
}

#[test]
fn the_console_says_what_a_socket_left_unread() {
    let dir = scratch_dir();
    let (ran, _) = run_guest(dir.path(), "", "leak_of_a_client");
    let lines: Vec<_> = ran.stdout.lines().skip_while(|line| !line.contains("- socket")).take(2).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
        - socket -> 127.0.0.1:49152 (fd 5, read-write)
            peer 127.0.0.1:49152, own side 127.0.0.1:49153; 5 bytes read, 4 bytes written, 7 bytes never read
    ");
}

#[test]
fn bad_pointers_and_millions_of_connections_harm_nobody() {
    let dir = scratch_dir();
    for name in ["deny_bad_network_arguments", "timeout_millions_of_connections"] {
        let module = compile(name, dir.path());
        let began = Instant::now();
        let ran = run(dir.path(), ["run", "--fuel", "300M", module.to_str().unwrap(), "--report", "json=report.json"]);
        let report = read_report(&dir.path().join("report.json"));
        let (_, test) = tests(&report).next().unwrap();
        let expected = if name.starts_with("deny") { "pass" } else { "timeout" };
        assert_eq!(test["verdict"], expected, "{}", ran.stdout);
        assert!(began.elapsed() < PATIENCE, "{name} took {:?}", began.elapsed());
    }
}
