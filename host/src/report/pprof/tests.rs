//! Which bytes a profile has, and whether the tools read them.

use super::schema::{Function, Label, Line, Location, PprofProfile, Sample, ValueType};
use super::write;
use crate::model::profile::{HeapProfile, Missing, ProfileSite};
use crate::model::samples::{self, frame};
use crate::model::{Frame, Report};
use flate2::read::GzDecoder;
use proptest::prelude::*;
use prost::Message;
use std::io::Read;

fn site(test: &str, stack: &[(&str, &str, u32)], [alloc, bytes, live, live_bytes]: [u64; 4]) -> ProfileSite {
    ProfileSite {
        module: "semver/tests/io".to_owned(),
        test: test.to_owned(),
        stack: stack.iter().map(|(function, file, line)| frame(function, file, *line)).collect(),
        alloc_objects: alloc,
        alloc_space: bytes,
        inuse_objects: live,
        inuse_space: live_bytes,
    }
}

const FILL: (&str, &str, u32) = ("semver::cache::fill", "src/cache.rs", 7);
const CLONE: (&str, &str, u32) = ("<semver::Entry as core::clone::Clone>::clone", "src/entry.rs", 30);

fn sites() -> Vec<ProfileSite> {
    let (first, second) = (("tests::first", "tests/io.rs", 3), ("tests::second", "tests/io.rs", 9));
    vec![
        site("first", &[FILL, first], [3, 300, 1, 100]),
        site("first", &[CLONE, FILL, first], [2, 64, 0, 0]),
        site("second", &[("semver::cache::fill", "src/cache.rs", 8), second], [1, 4096, 1, 4096]),
        // The same place again, as from a second worker.
        site("first", &[FILL, first], [1, 100, 1, 100]),
    ]
}

fn report(sites: Vec<ProfileSite>) -> Report {
    with_missing(sites, Vec::new())
}

fn with_missing(sites: Vec<ProfileSite>, missing: Vec<Missing>) -> Report {
    Report { profile: Some(HeapProfile { sites, missing }), ..samples::report(Vec::new()) }
}

fn missing() -> Vec<Missing> {
    let missing = |module: &str, test: &str, all, why: &str| Missing {
        module: module.to_owned(),
        test: test.to_owned(),
        all,
        why: why.to_owned(),
    };
    let (granted, untracked) = ("the test is granted a socket", "heap not tracked: no function is named malloc");
    vec![
        missing("semver/tests/io", "zeta", true, granted),
        missing("semver/tests/io", "deep", false, "more different stacks than are kept"),
        missing("semver", "all", true, untracked),
        missing("semver/tests/io", "alpha\n", true, granted),
        missing("semver/tests/io", "plain", true, untracked),
    ]
}

const COMMENTS: [&str; 4] = [
    "nothing of 1 test of semver (heap not tracked: no function is named malloc): all",
    "nothing of 1 test of semver/tests/io (heap not tracked: no function is named malloc): plain",
    "nothing of 2 tests of semver/tests/io (the test is granted a socket): alpha\\u{a}, zeta",
    "not all of 1 test of semver/tests/io (more different stacks than are kept): deep",
];

fn comments(profile: &PprofProfile) -> Vec<&str> {
    profile.comment.iter().map(|comment| &*profile.string_table[*comment as usize]).collect()
}

fn unzip(file: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

fn read(file: &[u8]) -> PprofProfile {
    PprofProfile::decode(&*unzip(file)).unwrap()
}

#[test]
fn every_field_is_there() {
    let profile = read(&write(&report(sites())));
    let text = |text: &str| profile.string_table.iter().position(|known| known == text).unwrap() as i64;
    let value_type = |r#type, unit| ValueType { r#type: text(r#type), unit: text(unit) };
    assert_eq!(profile.string_table[0], "");
    assert_eq!(
        profile.sample_type,
        [
            value_type("alloc_objects", "count"),
            value_type("alloc_space", "bytes"),
            value_type("inuse_objects", "count"),
            value_type("inuse_space", "bytes"),
        ]
    );
    assert_eq!(profile.default_sample_type, text("inuse_space"));
    assert_eq!((profile.period_type, profile.period), (Some(value_type("space", "bytes")), 1));
    assert_eq!((profile.time_nanos, &profile.comment[..]), (0, &[][..]));
    let function = |id, name, file| Function { id, name: text(name), filename: text(file) };
    // The stacks of a test are in the order of their texts: `<` comes first.
    assert_eq!(
        profile.function,
        [
            function(1, CLONE.0, CLONE.1),
            function(2, FILL.0, FILL.1),
            function(3, "tests::first", "tests/io.rs"),
            function(4, "tests::second", "tests/io.rs"),
        ]
    );
    let location = |id, function_id, line| Location { id, line: vec![Line { function_id, line }] };
    assert_eq!(
        profile.location,
        [location(1, 1, 30), location(2, 2, 7), location(3, 3, 3), location(4, 2, 8), location(5, 4, 9)],
        "a function has a location for each of its lines"
    );
    let sample = |test, location_id: &[u64], value: [i64; 4]| Sample {
        location_id: location_id.to_vec(),
        value: value.to_vec(),
        label: vec![
            Label { key: text("module"), str: text("semver/tests/io") },
            Label { key: text("test"), str: text(test) },
        ],
    };
    assert_eq!(
        profile.sample,
        [
            sample("first", &[1, 2, 3], [2, 64, 0, 0]),
            sample("first", &[2, 3], [4, 400, 2, 200]),
            sample("second", &[4, 5], [1, 4096, 1, 4096]),
        ]
    );
}

/// Written down from `proto/profile.proto`, so that a wrong field number shows.
#[test]
fn the_bytes_are_those_of_the_schema() {
    let stack = vec![Frame::new("f").at("a.rs", 300)];
    let only = ProfileSite { module: "m".to_owned(), test: "t".to_owned(), stack, ..site("", &[], [1, 2, 3, 4]) };
    let texts = [
        "",
        "alloc_objects",
        "count",
        "alloc_space",
        "bytes",
        "inuse_objects",
        "inuse_space",
        "f",
        "a.rs",
        "module",
        "m",
        "test",
        "t",
        "space",
    ];
    let mut expected = vec![
        0x0a, 4, 0x08, 1, 0x10, 2, // 1 sample_type: 1 type, 2 unit
        0x0a, 4, 0x08, 3, 0x10, 4, //
        0x0a, 4, 0x08, 5, 0x10, 2, //
        0x0a, 4, 0x08, 6, 0x10, 4, //
        0x12, 21, 0x0a, 1, 1, // 2 sample: 1 location_id
        0x12, 4, 1, 2, 3, 4, // 2 value
        0x1a, 4, 0x08, 9, 0x10, 10, // 3 label: 1 key, 2 str
        0x1a, 4, 0x08, 11, 0x10, 12, //
        0x22, 9, 0x08, 1, 0x22, 5, 0x08, 1, 0x10, 0xac, 2, // 4 location: 1 id, 4 line: 1 function_id, 2 line
        0x2a, 6, 0x08, 1, 0x10, 7, 0x20, 8, // 5 function: 1 id, 2 name, 4 filename
    ];
    for text in texts {
        // 6 string_table
        expected.extend([0x32, text.len() as u8]);
        expected.extend(text.as_bytes());
    }
    expected.extend([0x5a, 4, 0x08, 13, 0x10, 4, 0x60, 1, 0x70, 6]); // 11 period_type, 12 period, 14 default_sample_type
    let file = write(&report(vec![only]));
    assert_eq!(unzip(&file), expected);
    // RFC 1952: deflate, no flags (hence no name), no time, no extra flags, an unknown system.
    assert_eq!(file[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
}

#[test]
fn what_is_not_there_is_empty_and_what_is_hostile_is_escaped() {
    let frame = Frame::new("wasm function 7\u{1b}[2J");
    let odd = ProfileSite { stack: vec![frame], ..site("t\n", &[], [u64::MAX; 4]) };
    let profile = read(&write(&report(vec![odd.clone(), odd])));
    assert_eq!(profile.string_table[profile.function[0].name as usize], "wasm function 7\\u{1b}[2J");
    assert_eq!((profile.function[0].filename, profile.location[0].line[0].line), (0, 0));
    assert_eq!(profile.sample[0].value, [i64::MAX; 4]);
    assert!(!profile.string_table.iter().any(|text| text.contains(char::is_control)));
}

#[test]
fn what_is_missing_is_named_with_its_reason() {
    let profile = read(&write(&with_missing(sites(), missing())));
    assert_eq!(comments(&profile), COMMENTS);
    assert_eq!(profile.sample, read(&write(&report(sites()))).sample);
    let mut stopped = with_missing(sites(), missing());
    stopped.volatile.interrupted = true;
    assert_eq!(comments(&read(&write(&stopped)))[0], "the run was interrupted: not every test was run");
}

#[test]
fn without_a_profile_there_are_no_samples_and_that_is_said() {
    let profile = read(&write(&samples::report(vec![samples::module("m", vec![samples::passed("a")])])));
    assert!(profile.sample.is_empty() && profile.location.is_empty() && profile.function.is_empty());
    assert_eq!(profile.sample_type.len(), 4);
    assert_eq!(comments(&profile), ["no profile was made in this run"]);
}

proptest! {
    #[test]
    fn the_order_does_not_matter(shuffled in Just(sites()).prop_shuffle(), gaps in Just(missing()).prop_shuffle()) {
        prop_assert_eq!(write(&with_missing(shuffled, gaps)), write(&with_missing(sites(), missing())));
    }
}

/// `go tool pprof` itself: an environment variable or the search path says where Go is.
#[test]
#[ignore = "needs Go, which GO names or PATH has"]
fn the_real_tool_reads_it() {
    let go = std::env::var_os("GO").unwrap_or_else(|| "go".into());
    // The path of the tool itself, so that the server below is a direct child of this process.
    let found = match std::process::Command::new(&go).args(["tool", "-n", "pprof"]).output() {
        Ok(found) if found.status.success() => String::from_utf8(found.stdout).unwrap(),
        Ok(found) => panic!("{} has no pprof: {}", go.display(), String::from_utf8_lossy(&found.stderr)),
        Err(error) => return eprintln!("not tested: {} cannot be started: {error}", go.display()),
    };
    let tool = Tool { pprof: found.trim().into(), dir: tempfile::tempdir().unwrap() };
    let mut grown = sites();
    grown[2].inuse_space += 48;
    tool.file("base", &report(sites()));
    tool.file("new", &report(grown));
    tool.file("empty", &with_missing(Vec::new(), missing()));
    tool.file("partial", &with_missing(sites(), missing()));

    let top = tool.run(&["-top", "base"]);
    assert!(top.contains("Type: inuse_space"), "{top}");
    assert!(top.contains("100%  semver::cache::fill"), "{top}");
    assert!(tool.run(&["-top", "-lines", "base"]).contains("semver::cache::fill src/cache.rs:8"));
    let allocated = tool.run(&["-top", "-sample_index=alloc_objects", "base"]);
    assert!(allocated.contains(CLONE.0), "{allocated}");
    let one = tool.run(&["-top", "-tagfocus=test=^first$", "base"]);
    assert!(one.contains("200B") && !one.contains("4.00kB"), "{one}");
    assert!(tool.run(&["-tags", "base"]).contains("second"));
    let grown = tool.run(&["-top", "-diff_base=base", "new"]);
    assert!(grown.contains("48B") && grown.contains("semver::cache::fill"), "{grown}");
    let same = tool.run(&["-top", "-diff_base=base", "base"]);
    assert!(same.contains("Showing nodes accounting for 0, 0% of"), "{same}");
    let empty = tool.run(&["-top", "empty"]);
    assert!(COMMENTS.iter().all(|comment| empty.contains(comment)), "{empty}");
    assert_eq!(tool.run(&["-comments", "partial"]).lines().collect::<Vec<_>>(), COMMENTS);
    assert_eq!(tool.run(&["-comments", "base"]), "");
    let partial = tool.run(&["-top", "partial"]);
    assert!(partial.contains("100%  semver::cache::fill") && partial.contains(COMMENTS[3]), "{partial}");
    tool.served("base", &[("/ui/top", "semver::cache::fill"), ("/ui/flamegraph", "tests::second")]);
}

struct Tool {
    pprof: std::path::PathBuf,
    dir: tempfile::TempDir,
}

impl Tool {
    fn file(&self, name: &str, report: &Report) {
        std::fs::write(self.dir.path().join(name), write(report)).unwrap();
    }

    fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.pprof);
        command.current_dir(self.dir.path()).env("PPROF_TMPDIR", self.dir.path());
        command
    }

    fn run(&self, args: &[&str]) -> String {
        let ran = self.command().args(args).output().unwrap();
        assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        let text = String::from_utf8(ran.stdout).unwrap();
        println!("{args:?}\n{text}");
        text
    }

    /// Starts the tool as a server, and asks for pages that have to contain these texts.
    fn served(&self, file: &str, pages: &[(&str, &str)]) {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut server = self.command().args(["-no_browser", &format!("-http={free}"), file]).spawn().unwrap();
        for (page, expected) in pages {
            let found = (0..100).find_map(|_| {
                std::thread::sleep(std::time::Duration::from_millis(100));
                get(free, page).ok()
            });
            let good = found.as_ref().is_some_and(|text| text.starts_with("HTTP/1.0 200") && text.contains(expected));
            if !good {
                let _ = server.kill();
                panic!("{page}: {found:?}");
            }
        }
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

fn get(from: std::net::SocketAddr, page: &str) -> std::io::Result<String> {
    let mut stream = std::net::TcpStream::connect(from)?;
    std::io::Write::write_all(&mut stream, format!("GET {page} HTTP/1.0\r\nHost: {from}\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
