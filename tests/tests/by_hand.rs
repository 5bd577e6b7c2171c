//! Guests written by hand, which do what no compiler's output does: only the host's answers stop them.

use airtight_tests::{compile, guests_dir, read_report, run, scratch_dir, tests, verdicts, wat_guests};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Descriptors: 3 the scratch file system, 4 a granted directory, 5 a listening socket, 6 one that is connected to it.
const CONFIG: &str = r#"
[profile.default]
memory = "32MiB"
fuel = "500M"
timeout = "60s"

[[profile.default.overrides]]
module = "waiting_for_nobody"
timeout = "1s"

[[profile.default.overrides]]
module = "prints_a_gigabyte"
fuel = "2G"
timeout = "60s"

[[profile.default.overrides]]
module = "millions_of_connections"
fuel = "50M"
timeout = "60s"

[[profile.default.dir]]
guest = "/granted"
host = "granted"
mode = "read-write"

[[profile.default.socket]]
name = "server"
listen = "127.0.0.1:0"

[[profile.default.socket]]
name = "client"
connect-to = "server"
"#;

/// A folder with the configuration and every module.
fn prepare(dir: &Path) -> Vec<String> {
    std::fs::write(dir.join("airtight.toml"), CONFIG).unwrap();
    std::fs::create_dir(dir.join("granted")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, dir.join("granted/fifo"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let modules = wat_guests().into_iter().map(|guest| {
        let name = guest.file_stem().unwrap().to_str().unwrap().to_owned();
        compile(&name, dir).file_name().unwrap().to_str().unwrap().to_owned()
    });
    modules.collect()
}

fn everything() -> &'static Value {
    static EVERYTHING: OnceLock<Value> = OnceLock::new();
    EVERYTHING.get_or_init(|| {
        let dir = scratch_dir();
        let modules = prepare(dir.path());
        let ran = run(
            dir.path(),
            ["run", "--report", "json=report.json"].into_iter().chain(modules.iter().map(String::as_str)),
        );
        assert_eq!(ran.status, Some(100), "{}", ran.stderr);
        read_report(&dir.path().join("report.json"))
    })
}

#[test]
fn every_guest_has_the_verdict_of_the_table() {
    let text = std::fs::read_to_string(guests_dir().join("wat/verdicts.txt")).unwrap();
    let entries = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let expected: BTreeMap<String, String> = entries
        .map(|entry| entry.split_once(' ').unwrap())
        .map(|(guest, verdict)| (format!("{guest} {guest}"), verdict.to_owned()))
        .collect();
    let found = verdicts(everything());
    assert_eq!(found, expected);
    let says = |name: &str| {
        match name.split('_').next().unwrap() {
            "deny" => "pass",
            "trap" => "fail",
            first => first,
        }
        .to_owned()
    };
    for (guest, verdict) in &expected {
        assert_eq!(&says(guest), verdict, "{guest} says another verdict");
    }
}

#[test]
fn what_is_said_of_each_guest() {
    let said: BTreeMap<&str, Value> = tests(everything())
        .filter(|(_, test)| test["verdict"] != "pass")
        .map(|(module, test)| {
            let mut test = test.clone();
            let entry = test.as_object_mut().unwrap();
            entry.retain(|key, _| key != "usage" && key != "name");
            (module, test)
        })
        .collect();
    insta::assert_json_snapshot!(said);
}

/// All but the one that waits in real time. Less fuel than usual ends those that print a gigabyte early, everywhere alike.
#[test]
fn every_report_is_the_same_in_every_way() {
    let dir = scratch_dir();
    let mut modules = prepare(dir.path());
    modules.retain(|module| module != "timeout_waiting_for_nobody.wasm");
    let args = ["verify", "--fuel", "20M", "--timeout", "300s"];
    let ran = run(dir.path(), args.into_iter().chain(modules.iter().map(String::as_str)));
    assert_eq!(ran.status, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains("NOT RUN"), "{}", ran.stdout);
}

#[test]
fn no_host_call_outlives_the_deadline() {
    let dir = scratch_dir();
    prepare(dir.path());
    for guest in ["timeout_waiting_for_nobody", "deny_a_fifo", "timeout_overlapping_buffers"] {
        let began = Instant::now();
        let module = format!("{guest}.wasm");
        run(dir.path(), ["run", "--timeout", "500ms", &module]);
        assert!(began.elapsed() < Duration::from_secs(10), "{guest} took {:?}", began.elapsed());
    }
}

#[test]
fn a_run_that_ended_on_the_wall_clock_is_not_reproducible() {
    let dir = scratch_dir();
    prepare(dir.path());
    for (guest, reproducible) in [("timeout_waiting_for_nobody", false), ("timeout_in_the_start_function", true)] {
        run(dir.path(), ["run", "--fuel", "5M", "--report", "json=one.json", &format!("{guest}.wasm")]);
        assert_eq!(read_report(&dir.path().join("one.json"))["canonical"]["reproducible"], reproducible, "{guest}");
    }
}

/// A server in the guest, and its client outside.
#[test]
fn a_client_of_the_host_s_is_served() {
    let dir = scratch_dir();
    let module = compile("leak_an_accepted_socket", dir.path());
    // A port that was free a moment ago; the run is repeated with another should somebody have taken it.
    for _ in 0..5 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "[[profile.default.dir]]\nguest = \"/granted\"\nhost = \".\"\n\n\
             [[profile.default.socket]]\nname = \"server\"\nlisten = \"127.0.0.1:{port}\"\n\n[profile.default]\ntimeout = \"20s\"\n"
        );
        std::fs::write(dir.path().join("airtight.toml"), config).unwrap();
        let client = std::thread::spawn(move || {
            let until = Instant::now() + Duration::from_secs(20);
            while Instant::now() < until {
                if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let ran = run(dir.path(), ["run", "--trust", module.to_str().unwrap(), "--report", "json=report.json"]);
        client.join().unwrap();
        if ran.status == Some(100) && ran.stdout.contains("LEAK") {
            let report = read_report(&dir.path().join("report.json"));
            let (_, test) = tests(&report).next().unwrap();
            assert_eq!(test["leaks"][0]["kind"], "socket");
            return;
        }
    }
    panic!("no client was ever served");
}

#[test]
fn a_gigabyte_of_output_is_capped_and_the_console_says_so() {
    let dir = scratch_dir();
    let module = compile("trap_prints_a_gigabyte", dir.path());
    let ran = run(dir.path(), ["run", "--output", "64KiB", module.to_str().unwrap()]);
    assert_eq!(ran.status, Some(100), "{}", ran.stderr);
    assert!(ran.stdout.len() < 1 << 20, "{} bytes were printed", ran.stdout.len());
    let dropped: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("dropped")).collect();
    insta::assert_snapshot!(dropped.join("\n"), @r#"    output over the cap was dropped: 1,073,668,096 bytes"#);
}
