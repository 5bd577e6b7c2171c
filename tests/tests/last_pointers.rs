//! When the last pointer in memory to a lost block went, in guests that say it at the line: `tests/guests/heap/tests/last_pointers.rs` and
//! `tests/guests/c/leak_where_the_last_pointer_goes.c`.

use airtight_tests::heap::heap_report;
use airtight_tests::{guests_dir, read_report, run, scratch_dir, tests};
use serde_json::Value;
use std::collections::BTreeSet;

/// What is told of each entry: how the last pointer went, and in which line.
fn told(test: &Value) -> BTreeSet<(String, u64)> {
    let entries = test["leaks"].as_array().into_iter().flatten();
    let told = entries.filter(|entry| entry["kind"] == "heap").map(|entry| {
        let last = &entry["blocks"]["last_pointer"];
        (last["went"].as_str().unwrap_or("nothing").to_owned(), last["at"]["line"].as_u64().unwrap_or(0))
    });
    told.collect()
}

/// What a line of the source says: `} // leak_a_cycle: out-of-scope`.
fn said(line: &str) -> Option<(&str, &str)> {
    line.split_once(" // leak_")?.1.split_once(": ")
}

#[test]
fn the_last_pointer_goes_where_the_source_says_so() {
    let source = std::fs::read_to_string(guests_dir().join("heap/tests/last_pointers.rs")).unwrap();
    let lines = source.lines().zip(1..).filter_map(|(line, number)| Some((said(line)?, number)));
    let expected: Vec<_> = lines.collect();
    let report = heap_report(&["--test", "last_pointers"]);
    let mut seen = 0;
    for (_, test) in tests(&report) {
        let name = test["name"].as_str().unwrap();
        let ((_, how), line) = expected.iter().find(|((of, _), _)| name == format!("leak_{of}")).unwrap();
        assert_eq!(told(test), BTreeSet::from([((*how).to_owned(), *line)]), "{name}");
        seen += 1;
    }
    assert_eq!(seen, expected.len());
}

/// The marked lines of a program in C, of which each block goes in its own way.
#[test]
fn the_last_pointer_goes_where_the_source_in_c_says_so() {
    let name = "leak_where_the_last_pointer_goes";
    let source = std::fs::read_to_string(guests_dir().join("c").join(format!("{name}.c"))).unwrap();
    let ways = ["overwritten", "out-of-scope", "freed"];
    let way = |line: &str| ways.into_iter().find(|way| line.ends_with(&format!("/* last pointer: {way} */")));
    let marked = source.lines().zip(1..).filter_map(|(line, number)| Some((way(line)?.to_owned(), number)));
    let expected: BTreeSet<(String, u64)> = marked.collect();
    assert_eq!(expected.len(), 5);
    let dir = scratch_dir();
    let path = dir.path().join("report.json");
    let module = guests_dir().join("c").join(format!("{name}.wasm"));
    for more in [&[][..], &["--no-shortcut"], &["--engine", "winch"], &["--engine", "pulley"]] {
        let to = format!("json={}", path.display());
        let args = ["run", module.to_str().unwrap(), "--report", &to];
        let ran = run(dir.path(), args.iter().chain(more));
        assert_eq!(ran.status, Some(100), "{}", ran.stderr);
        let report = read_report(&path);
        let [(_, test)] = tests(&report).collect::<Vec<_>>()[..] else { panic!("one test") };
        assert_eq!(told(test), expected, "{more:?}");
        assert!(ran.stdout.contains("was overwritten at c/leak_where_the_last_pointer_goes.c:16 in overwrites\n"));
    }
}
