//! One table of cases, tested in three ways.

use airtight::T;
use std::path::Path;
use table_test::Settings;

/// A settings file, and the `port` in it.
const CASES: [(&str, &str, Option<&str>); 4] = [
    ("plain", "port = 80", Some("80")),
    ("no spaces", "port=80", Some("80")),
    ("comment", "# the port\nport = 80", Some("80")),
    ("other key", "host = a", None),
];

fn open(dir: &Path, name: &str, text: &str) -> Settings {
    Settings::create(&dir.join(name), text).expect("the directory is new")
}

/// The loop of an ordinary test: it ends with the first case that fails.
#[airtight::test]
fn a_loop_stops_at_the_first_failure(t: &mut T) {
    let dir = t.temp_dir();
    for (name, text, port) in CASES {
        assert_eq!(open(&dir, name, text).get("port").as_deref(), port, "{name}");
    }
}

/// Each case is a subtest: one fails, and the others are tested.
#[airtight::test]
fn each_case_has_its_verdict(t: &mut T) {
    let dir = t.temp_dir();
    for (name, text, port) in CASES {
        t.run(name, |_| assert_eq!(open(&dir, name, text).get("port").as_deref(), port));
    }
}

/// The settings are kept to be closed at the end of the loop: so all are open at once.
#[airtight::test]
fn all_are_closed_when_the_loop_has_ended(t: &mut T) {
    let (dir, mut opened) = (t.temp_dir(), Vec::new());
    for number in 0..50 {
        t.run(&format!("file {number}"), |_| {
            opened.push(open(&dir, &number.to_string(), "port = 80"));
        });
    }
}

/// The settings belong to their case, and are closed when it has ended.
#[airtight::test]
fn each_is_closed_when_its_case_has_ended(t: &mut T) {
    let dir = t.temp_dir();
    for number in 0..50 {
        t.run(&format!("file {number}"), |_| {
            let settings = open(&dir, &number.to_string(), "port = 80");
            assert_eq!(settings.get("port").as_deref(), Some("80"));
        });
    }
}
