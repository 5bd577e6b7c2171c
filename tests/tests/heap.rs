//! What every test of the planted corpus does to its heap, to the byte. The table is `guests/heap.txt`. A guest without an
//! entry, or an entry without a guest, is a failure. The tests are those of the package `guests/heap` and the C programs of
//! `guests/c`, whose modules are committed.

use airtight_tests::heap::{
    ExpectedHeap, ExpectedTest, FIGURES, MarkedLine, by_place, heap_report, heap_table, marked, places,
};
use airtight_tests::{canonical, digest, guests_dir, read_report, run, scratch_dir, tests};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// A report of the C programs' modules in a folder, run where no configuration is.
fn c(modules: &Path, more: &[&str]) -> Value {
    let dir = scratch_dir();
    let names = c_names();
    for name in &names {
        std::fs::copy(modules.join(name).with_extension("wasm"), dir.path().join(name).with_extension("wasm"))
            .unwrap_or_else(|error| panic!("{name}.wasm: {error}"));
    }
    let files = names.iter().map(|name| format!("{name}.wasm"));
    let args = ["run", "--report", "json=report.json"].iter().chain(more).map(|arg| (*arg).to_owned());
    let ran = run(dir.path(), args.chain(files));
    assert_eq!(ran.status, Some(100), "{}", ran.stderr);
    read_report(&dir.path().join("report.json"))
}

/// The C programs, by their sources.
fn c_names() -> Vec<String> {
    let entries = guests_dir().join("c").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let sources = entries.filter(|path| path.extension().is_some_and(|end| end == "c"));
    let mut names: Vec<String> = sources.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn rust_report() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    REPORT.get_or_init(|| heap_report(&[]))
}

fn c_report() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    REPORT.get_or_init(|| c(&guests_dir().join("c"), &[]))
}

/// Each test of a report by its name in the table; `package` is what the table says before the module's name.
fn by_name<'r>(report: &'r Value, package: &'r str) -> impl Iterator<Item = (String, &'r Value)> {
    tests(report).map(move |(module, test)| (format!("{package}{module} {}", test["name"].as_str().unwrap()), test))
}

fn everything() -> BTreeMap<String, &'static Value> {
    by_name(rust_report(), "").chain(by_name(c_report(), "c/")).collect()
}

/// What is wrong with each test, by `check`; none may be.
fn check(check: impl Fn(&str, &ExpectedTest, &Value) -> Vec<String>) {
    let (found, table) = (everything(), heap_table());
    let mut wrong = Vec::new();
    for (name, expected) in &table {
        match found.get(name) {
            Some(test) => wrong.extend(check(name, expected, test).into_iter().map(|wrong| format!("{name}: {wrong}"))),
            None => wrong.push(format!("{name}: is no guest")),
        }
    }
    wrong.extend(
        found.keys().filter(|name| !table.contains_key(*name)).map(|name| format!("{name}: is not in the table")),
    );
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_test_has_the_verdict_of_the_table() {
    assert!(heap_table().len() > 150);
    check(|name, expected, test| {
        let word = name.rsplit_once(' ').unwrap().1.split('_').next().unwrap();
        let says = if word == "trap" { "fail" } else { word };
        assert_eq!(says, expected.verdict, "{name} says another verdict");
        let verdict = test["verdict"].as_str().unwrap();
        if verdict == expected.verdict {
            vec![]
        } else {
            vec![format!("{verdict}, and should be {}", expected.verdict)]
        }
    });
}

#[test]
fn every_figure_is_that_of_the_table() {
    check(|_, expected, test| {
        let heap = &test["usage"]["heap"];
        match &expected.heap {
            ExpectedHeap::Known(figures) => {
                let mut wrong = differences(heap, figures.iter().map(|(name, value)| (name.as_str(), Some(*value))));
                if heap["tracked"] != true || heap["doubt"] != Value::Null {
                    wrong.push(format!("it is not certain: {heap}"));
                }
                wrong
            }
            ExpectedHeap::Unfinished if test["usage"] == Value::Null => {
                if expected.verdict == "skip" {
                    vec![]
                } else {
                    vec!["there is no usage".to_owned()]
                }
            }
            ExpectedHeap::Unfinished => differences(heap, FIGURES[..4].iter().map(|name| (*name, None))),
            ExpectedHeap::Untracked => {
                let mut wrong = differences(heap, FIGURES.iter().map(|name| (*name, None)));
                if heap["tracked"] != false || !heap["why"].is_string() || !heap["why_code"].is_string() {
                    wrong.push(format!("there is no reason: {heap}"));
                }
                wrong
            }
        }
    });
}

fn differences<'f>(heap: &Value, figures: impl Iterator<Item = (&'f str, Option<u64>)>) -> Vec<String> {
    let differ = figures.filter(|(name, value)| heap[name].as_u64() != *value);
    differ.map(|(name, value)| format!("{name} is {}, and should be {value:?}", heap[name])).collect()
}

/// Entries of the heap in `leaks` or `retained`.
fn entries<'t>(test: &'t Value, list: &str) -> Vec<&'t Value> {
    test[list].as_array().into_iter().flatten().filter(|entry| entry["kind"] == "heap").collect()
}

#[test]
fn every_entry_adds_up() {
    check(|_, _, test| {
        let heap = &test["usage"]["heap"];
        let mut wrong = Vec::new();
        for (list, blocks, bytes) in [("leaks", "lost_blocks", "lost"), ("retained", "retained_blocks", "retained")] {
            let placed = || entries(test, list).into_iter().flat_map(by_place);
            let sum = |figure| placed().map(|entry| entry[figure].as_u64().unwrap()).sum::<u64>();
            let whole = [heap[blocks].as_u64().unwrap_or(0), heap[bytes].as_u64().unwrap_or(0)];
            if [sum("count"), sum("bytes")] != whole {
                wrong.push(format!("{list} are of {} blocks and {} bytes, not {whole:?}", sum("count"), sum("bytes")));
            }
        }
        wrong
    });
}

/// Each entry's stack leads over a line that is marked in the source, and each mark is in a stack.
#[test]
fn every_block_was_allocated_at_a_marked_line() {
    let seen = std::cell::Cell::new(0);
    check(|name, _, test| {
        let mut wrong = Vec::new();
        for (list, mark) in [("leaks", "lost"), ("retained", "retained")] {
            let Some(marks) = marked(name, mark) else { continue };
            let mut missed = marks.clone();
            for entry in entries(test, list).into_iter().flat_map(by_place) {
                let stack: BTreeSet<MarkedLine> = places(&entry["stack"]).collect();
                missed.retain(|place| !stack.contains(place));
                if stack.is_disjoint(&marks) {
                    wrong.push(format!("{mark} at {stack:?}, where no mark is"));
                }
            }
            wrong.extend(missed.into_iter().map(|place| format!("nothing is {mark} at {place:?}")));
            seen.set(seen.get() + marks.len());
        }
        wrong
    });
    assert!(seen.get() > 120, "{} marks", seen.get());
}

#[test]
fn what_assert_printed_is_why_a_program_in_c_failed() {
    let (_, test) = tests(c_report()).find(|(_, test)| test["name"] == "fail_an_assertion").unwrap();
    assert_eq!(test["message"], "Assertion failed: count() == 2 (fail_an_assertion.c: main: 9)");
    assert_eq!(places(&test["stack"]).next(), Some(("c/fail_an_assertion.c".to_owned(), 9)));
}

/// Whoever wrote the allocator: the first frame is where it was called from.
#[test]
fn an_allocator_of_the_users_own_is_not_the_place() {
    let mut seen = 0;
    for (name, test) in by_name(rust_report(), "").filter(|(name, _)| name.starts_with("heap/counting leak_")) {
        let stack = &entries(test, "leaks")[0]["stack"];
        let first = places(stack).next().unwrap();
        assert!(marked(&name, "lost").unwrap().contains(&first), "{name}: {first:?}");
        assert!(!stack.to_string().contains("GlobalAlloc"), "{name}: {stack}");
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn every_bad_free_is_shown_at_a_marked_line() {
    let seen = std::cell::Cell::new(0);
    check(|name, _, test| {
        let cleanups = test["cleanups"].as_array().into_iter().flatten();
        let stacks = std::iter::once(test).chain(cleanups).flat_map(|failed| places(&failed["stack"]));
        let shown: BTreeSet<MarkedLine> = stacks.collect();
        let marks = marked(name, "freed").unwrap_or_default();
        seen.set(seen.get() + marks.len());
        marks.difference(&shown).map(|place| format!("it did not fail at {place:?} but at {shown:?}")).collect()
    });
    assert!(seen.get() > 6, "{} marks", seen.get());
}

/// A thousand blocks of one place are one entry.
#[test]
fn blocks_of_one_place_are_one_entry() {
    let everything = everything();
    for (name, count) in [
        ("heap/lost leak_a_thousand_at_one_place", 1000),
        ("heap/sdk leak_in_a_loop", 3),
        ("c/leak_a_list_by_its_head leak_a_list_by_its_head", 100),
    ] {
        let [entry] = entries(everything[name], "leaks")[..] else { panic!("{name} has several") };
        assert_eq!(by_place(entry).map(|placed| placed["count"].as_u64().unwrap()).sum::<u64>(), count, "{name}");
    }
    assert_eq!(entries(everything["heap/lost leak_at_two_places"], "leaks").len(), 2);
}

#[test]
fn every_report_is_the_same_in_every_way() {
    for more in [&["-j", "1"][..], &["-j", "2", "--shuffle", "7"], &["--engine", "winch"]] {
        for (report, other) in [(rust_report(), heap_report(more)), (c_report(), c(&guests_dir().join("c"), more))] {
            for (one, another) in tests(report).zip(tests(&other)) {
                assert_eq!(one, another, "{more:?}");
            }
            assert_eq!(canonical(report), canonical(&other), "{more:?}");
            assert_eq!(digest(report), digest(&other), "{more:?}");
        }
    }
}

/// The committed modules are what the sources say: built again, they have the same verdicts, figures and lines.
#[test]
fn c_programs_built_again_behave_the_same() {
    let dir = scratch_dir();
    if let Err(missing) = can_compile_c(dir.path()) {
        // Not by a macro, whose output a passing test keeps to itself.
        let said = format!("\nNOT CHECKED: the C guests were not built again, because {missing}\n");
        return std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    let script = guests_dir().join("c/build.sh");
    let built = Command::new("sh").arg(script).arg(dir.path()).env("CLANG", clang()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let again = c(dir.path(), &[]);
    for ((module, one), (_, another)) in tests(c_report()).zip(tests(&again)) {
        for (what, pointer) in
            [("verdict", "/verdict"), ("heap", "/usage/heap"), ("lost", "/leaks"), ("kept", "/retained")]
        {
            let user = |test: &Value| test.pointer(pointer).cloned().map(only_c_frames);
            assert_eq!(user(one), user(another), "{module}: {what}");
        }
    }
}

/// Entries without libc's frames, which are another version's here.
fn only_c_frames(mut value: Value) -> Value {
    keep_c_frames(&mut value);
    value
}

fn keep_c_frames(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(keep_c_frames),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_array_mut().filter(|_| name == "stack") {
                    Some(stack) => {
                        stack.retain(|frame| frame["file"].as_str().is_some_and(|file| file.starts_with("c/")));
                    }
                    None => keep_c_frames(field),
                }
            }
        }
        _ => {}
    }
}

fn clang() -> String {
    std::env::var("CLANG").unwrap_or_else(|_| "clang-22".to_owned())
}

/// Whether there is a clang with all that it needs for wasm.
fn can_compile_c(dir: &Path) -> Result<(), String> {
    let (source, module) = (dir.join("probe.c"), dir.join("probe.wasm"));
    std::fs::write(&source, "#include <stdlib.h>\nint main(void) { return malloc(1) == NULL; }\n").unwrap();
    let args = ["--target=wasm32-wasi", "--no-wasm-opt", "-o"];
    let ran = Command::new(clang()).args(args).args([&module, &source]).output();
    let ran = ran.map_err(|error| format!("{} does not run: {error}", clang()))?;
    let said = String::from_utf8_lossy(&ran.stderr);
    // One that does not know all of `--no-wasm-opt` yet succeeds and writes nothing.
    if ran.status.success() && module.exists() {
        Ok(())
    } else {
        Err(format!("{} cannot build for wasm: {}", clang(), said.trim()))
    }
}

/// The blocks of C's have the types of the variables that they are assigned to: what each line of the source says before its mark, where `-`
/// stands for a type that is not known.
#[test]
fn c_blocks_have_the_types_of_their_variables() {
    for name in ["leak_with_types_unoptimised", "leak_with_types"] {
        let (_, test) = tests(c_report()).find(|(module, _)| *module == name).unwrap();
        let source = std::fs::read_to_string(guests_dir().join("c").join(name).with_extension("c")).unwrap();
        let told: BTreeMap<u64, &str> = blocks_of(test)
            .map(|blocks| {
                (line_in_c(blocks), blocks["type"].as_str().or(blocks["blocks"]["type"].as_str()).unwrap_or("-"))
            })
            .collect();
        let mut expected = BTreeMap::new();
        for (line, text) in (1_u64..).zip(source.lines()) {
            let Some(text) = text.strip_suffix(" /* lost here */") else { continue };
            let wanted = text.rsplit_once("/* ").unwrap().1.strip_suffix(" */").unwrap();
            expected.insert(line, wanted);
        }
        assert_eq!(told, expected, "{name}");
    }
}

/// All blocks that a test left: those of each entry by place, and those that only they reach.
fn blocks_of(test: &Value) -> impl Iterator<Item = &Value> {
    test["leaks"].as_array().into_iter().flatten().filter(|leak| leak["kind"] == "heap").flat_map(by_place)
}

/// The innermost line in the source of a guest of C's.
fn line_in_c(blocks: &Value) -> u64 {
    places(&blocks["stack"]).find(|(file, _)| file.starts_with("c/")).unwrap().1
}
