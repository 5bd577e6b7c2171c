//! The expected figures of the guests' heaps: the table `guests/heap.txt`, and the lines that are marked in the sources.

use crate::{guests_dir, guests_target_dir, read_report, run, scratch_dir};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What has to be said of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedTest {
    /// The verdict.
    pub verdict: String,
    /// The heap.
    pub heap: ExpectedHeap,
}

/// What has to be said of its heap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedHeap {
    /// The figures of [`FIGURES`] that are certain.
    Known(BTreeMap<String, u64>),
    /// The test did not finish normally, so nothing is lost or retained.
    Unfinished,
    /// There are no figures, and a reason.
    Untracked,
}

/// Every figure of a heap, by its name in a report.
pub const FIGURES: [&str; 9] =
    ["lost_blocks", "lost", "retained_blocks", "retained", "peak", "total", "allocations", "frees", "reallocations"];

/// `module test`, and what has to be said of it.
///
/// # Panics
/// If the table cannot be read, or has the same test twice.
pub fn heap_table() -> BTreeMap<String, ExpectedTest> {
    let text = std::fs::read_to_string(guests_dir().join("heap.txt")).expect("the table is there");
    let mut table = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (test, expected) = entry(line).unwrap_or_else(|| panic!("not an entry: {line}"));
        assert!(table.insert(test, expected).is_none(), "twice: {line}");
    }
    table
}

fn entry(line: &str) -> Option<(String, ExpectedTest)> {
    let mut words = line.split(' ');
    let test = format!("{} {}", words.next()?, words.next()?);
    let verdict = words.next()?.to_owned();
    let heap = match words.next()? {
        "untracked" => ExpectedHeap::Untracked,
        "-" => (words.next()? == "-").then_some(ExpectedHeap::Unfinished)?,
        lost => ExpectedHeap::Known(figures(lost, words.next()?, words.by_ref())?),
    };
    words.next().is_none().then_some((test, ExpectedTest { verdict, heap }))
}

fn figures<'a>(lost: &str, retained: &str, others: impl Iterator<Item = &'a str>) -> Option<BTreeMap<String, u64>> {
    let (lost_blocks, lost) = lost.split_once('/')?;
    let (retained_blocks, retained) = retained.split_once('/')?;
    let named = FIGURES.into_iter().zip([lost_blocks, lost, retained_blocks, retained]);
    let others = others.map(|other| other.split_once('=').filter(|(name, _)| FIGURES.contains(name)));
    named
        .map(Some)
        .chain(others)
        .map(|figure| figure.and_then(|(name, value)| Some((name.into(), value.parse().ok()?))))
        .collect()
}

/// A line of a source with a mark, as the frames of a report name it.
pub type MarkedLine = (String, u64);

/// The places with a mark in the source of a test: `lost`, `retained` or `freed`. None where the test's name is not that of a function
/// in the source, but given to a macro.
///
/// # Panics
/// If there is no such source.
pub fn marked(test: &str, mark: &str) -> Option<BTreeSet<MarkedLine>> {
    let (module, function) = test.rsplit_once(' ').expect("an entry names module and test");
    let (file, source) = source(module);
    let text = std::fs::read_to_string(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let (from, to) = if module.starts_with("c/") { (0, usize::MAX) } else { extent(&text, module, function)? };
    let marks = [format!("// {mark} here"), format!("/* {mark} here */")];
    let lines = text
        .lines()
        .enumerate()
        .filter(|(index, line)| (from..to).contains(index) && marks.iter().any(|mark| line.ends_with(mark)));
    Some(lines.map(|(index, _)| (file.clone(), index as u64 + 1)).collect())
}

/// The name of a module's source in a report, and its path.
fn source(module: &str) -> (String, PathBuf) {
    let (package, target) = module.split_once('/').expect("a module of the table is in a package or in `c`");
    let file = if package == "c" { format!("c/{target}.c") } else { format!("tests/{target}.rs") };
    let path = if package == "c" { guests_dir().join(&file) } else { guests_dir().join(package).join(&file) };
    (file, path)
}

/// The lines of a function, which ends where a brace stands below its first letter. A program's is `main`.
fn extent(text: &str, module: &str, function: &str) -> Option<(usize, usize)> {
    let function = if module.ends_with(&format!("/{function}")) { "main" } else { function };
    let head = format!("fn {function}(");
    let (from, line) = text.lines().enumerate().find(|(_, line)| line.trim_start().starts_with(&head))?;
    let end = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
    let to = text.lines().enumerate().skip(from).find(|(_, line)| **line == end)?.0;
    Some((from, to))
}

/// The blocks of an entry of the heap by place: its own, and those that only they reach. Each has a stack, a count and bytes.
pub fn by_place(entry: &Value) -> impl Iterator<Item = &Value> {
    let list = |name: &str| entry["blocks"][name].as_array().into_iter().flatten();
    let whole = entry["blocks"]["places"].is_null().then_some(entry);
    whole.into_iter().chain(list("places")).chain(list("reaches"))
}

/// The places of a stack's frames.
pub fn places(stack: &Value) -> impl Iterator<Item = MarkedLine> {
    let frames = stack.as_array().into_iter().flatten();
    frames.filter_map(|frame| Some((frame["file"].as_str()?.to_owned(), frame["line"].as_u64()?)))
}

/// A report of tests of the package `heap`, of which some fail.
///
/// # Panics
/// If it is not built, or does not end so.
pub fn heap_report(more: &[&str]) -> Value {
    let dir = scratch_dir();
    let report = dir.path().join("report.json");
    let target = format!("build.target-dir={:?}", guests_target_dir());
    let to = format!("json={}", report.display());
    let args = ["test", ".", "--package", "heap", "--cargo-quiet", "--config", &target, "--report", &to];
    let ran = run(&guests_dir(), args.iter().chain(more));
    assert_eq!(ran.status, Some(100), "{}", ran.stderr);
    read_report(&report)
}
