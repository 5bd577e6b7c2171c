//! Statements that forget blocks, planted at random places in copies of the suites: each has to be found, with its bytes
//! and its line.

mod places;
mod shapes;
#[cfg(test)]
mod tests;

use super::fetch::{PublishedCrate, copy_source, listed, metadata, put};
use super::figures::lost_at;
use super::{Options, suite};
use airtight::report::{Frame, Report, ResourceKind, TestRecord, Verdict};
use anyhow::{Context, ensure};
use fastrand::Rng;
use places::{Spot, TestFunction};
use serde_json::Value;
use shapes::{LossShape, Plant};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Before the name of a copy's folder. Cargo tells packages apart by their paths within their workspaces: under the same one,
/// suite and copy would overwrite each other in the target folder.
const PREFIX: &str = "planted-";

/// How many plants were found.
#[derive(Debug, Default)]
pub struct PlantTally {
    /// All.
    pub planted: usize,
    /// Those that were reported with their line and all their blocks, and no fewer bytes.
    pub found: usize,
    /// Those of them whose bytes were exactly theirs.
    pub exact: usize,
    /// The others, each with what was reported instead.
    pub missed: Vec<String>,
}

/// A test function that something can be planted into.
#[derive(Debug)]
struct PlantSite {
    module: String,
    place: TestFunction,
}

/// Something planted.
#[derive(Debug)]
struct PlantedLeak {
    module: String,
    test: String,
    file: PathBuf,
    spot: Spot,
    shape: LossShape,
    plant: Plant,
}

/// Plants into copies of the suites, whose reports without plants are given, runs the tests and looks for each plant.
///
/// # Errors
/// There are too few places, or a copy cannot be written, built or run.
pub fn run(options: &Options, suites: &[(PublishedCrate, Report)]) -> anyhow::Result<PlantTally> {
    let mut rng = Rng::with_seed(options.seed);
    let metadata = metadata(&options.plain(), &["--no-deps", "--locked", "--offline"])?;
    let mut candidates = Vec::new();
    for (suite, report) in suites {
        let mut of_suite = self::candidates(suite, report, &metadata)?;
        rng.shuffle(&mut of_suite);
        candidates.push(of_suite);
    }
    let plans = choose(&mut rng, candidates, options.plants)?;
    let workspace = options.planted();
    put(options, &workspace, PREFIX)?;
    for suite in listed(options) {
        let plan = suites.iter().position(|(other, _)| *other == suite).map_or(&[][..], |index| &plans[index]);
        let from = options.plain().join(suite.folder());
        copy_source(&from, &workspace.join(copy_of(&suite)), &edited(plan)?)?;
    }
    let mut outcome = PlantTally::default();
    for ((suite, _), plan) in suites.iter().zip(&plans).filter(|(_, plan)| !plan.is_empty()) {
        let names: BTreeSet<_> = plan.iter().map(|planted| planted.test.clone()).collect();
        let names: Vec<_> = names.into_iter().collect();
        let report = suite::run(options, &workspace, &copy_of(suite), &names)?;
        let root = options.plain().join(suite.folder());
        for planted in plan {
            outcome.planted += 1;
            match look(planted, &root, &report) {
                Ok(bytes) => {
                    outcome.found += 1;
                    outcome.exact += usize::from(bytes == planted.plant.bytes);
                }
                Err(instead) => outcome.missed.push(format!("{}: {instead}", planted.describe(&root))),
            }
        }
    }
    Ok(outcome)
}

/// The folder of a suite's copy.
fn copy_of(suite: &PublishedCrate) -> String {
    format!("{PREFIX}{}", suite.folder())
}

/// The test functions of a suite that passed, are tracked, and whose place in the sources is known.
fn candidates(suite: &PublishedCrate, report: &Report, metadata: &Value) -> anyhow::Result<Vec<PlantSite>> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let package = packages.into_iter().find(|package| package["name"] == *suite.name);
    let targets = package.and_then(|package| package["targets"].as_array()).into_iter().flatten();
    let passed: BTreeSet<(&str, &str)> = suite::tests(report)
        .filter(|(_, test)| {
            test.verdict == Verdict::Pass && test.usage.as_ref().is_some_and(|usage| usage.heap.tracked)
        })
        .map(|(module, test)| (module.name.as_str(), &*test.name))
        .collect();
    let mut found = Vec::new();
    for target in targets {
        let kinds: Vec<_> = target["kind"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let module = match kinds.as_slice() {
            ["test"] => format!("{}/{}", suite.name, target["name"].as_str().unwrap_or_default()),
            kinds if kinds.contains(&"lib") => suite.name.clone(),
            _ => continue,
        };
        if passed.iter().all(|(passed, _)| *passed != module) {
            continue;
        }
        let root = target["src_path"].as_str().context("cargo metadata names no source of a target")?;
        let places = places::in_crate(Path::new(root))?.into_iter();
        let passed = places.filter(|place| passed.contains(&(&module, &place.test)));
        found.extend(passed.map(|place| PlantSite { module: module.clone(), place }));
    }
    Ok(found)
}

/// Takes from each suite in turn until there are enough; never two places of one function's file and line.
fn choose(rng: &mut Rng, mut candidates: Vec<Vec<PlantSite>>, count: usize) -> anyhow::Result<Vec<Vec<PlantedLeak>>> {
    let there: usize = candidates.iter().map(Vec::len).sum();
    ensure!(there >= count, "{count} plants are wanted, and there are {there} tests to take them");
    let mut plans: Vec<Vec<PlantedLeak>> = candidates.iter().map(|_| Vec::new()).collect();
    let mut number = 0;
    while number < count {
        for (plan, candidates) in plans.iter_mut().zip(&mut candidates) {
            let Some(candidate) = candidates.pop().filter(|_| number < count) else { continue };
            plan.push(PlantedLeak::new(rng, candidate, number));
            number += 1;
        }
    }
    Ok(plans)
}

impl PlantedLeak {
    fn new(rng: &mut Rng, candidate: PlantSite, number: usize) -> Self {
        let PlantSite { module, place } = candidate;
        let shapes = if place.safe_only { LossShape::SAFE } else { LossShape::ALL };
        let shape = shapes[number % shapes.len()];
        // From a few bytes to more than a page of wasm, no two of them alike.
        let scale = [1, 1, 7, 97][rng.usize(..4)];
        let size = (16 + number as u64 * 5 + rng.u64(..5)) * scale;
        let spot = place.spots[rng.usize(..place.spots.len())];
        Self { module, test: place.test, file: place.file, spot, shape, plant: shape.plant(size) }
    }

    fn describe(&self, root: &Path) -> String {
        let file = self.file.strip_prefix(root).unwrap_or(&self.file).display();
        let Self { module, test, spot, shape, plant, .. } = self;
        format!("{shape:?} of {} bytes at {file}:{} in {module} {test}", plant.bytes, spot.line)
    }
}

/// The files of a plan, with its statements in them.
fn edited(plan: &[PlantedLeak]) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let mut files: BTreeMap<&Path, Vec<&PlantedLeak>> = BTreeMap::new();
    for planted in plan {
        files.entry(&planted.file).or_default().push(planted);
    }
    let edit = |(file, mut planted): (&Path, Vec<&PlantedLeak>)| {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        planted.sort_by_key(|planted| planted.spot.offset);
        Ok((file.to_owned(), insert(&text, planted.iter().map(|planted| (planted.spot, planted.plant.code.as_str())))))
    };
    files.into_iter().map(edit).collect()
}

/// A text with statements put in. No line moves.
fn insert<'c>(text: &str, statements: impl DoubleEndedIterator<Item = (Spot, &'c str)>) -> String {
    let mut text = text.to_owned();
    for (spot, code) in statements.rev() {
        text.insert_str(spot.offset, code);
    }
    text
}

/// Looks for a plant in the report of the planted suite, and gives the bytes that were found; else says what is there instead.
fn look(planted: &PlantedLeak, root: &Path, report: &Report) -> Result<u64, String> {
    let mut tests = suite::tests(report);
    let same = |test: &TestRecord| *test.name == *planted.test;
    let Some((_, test)) = tests.find(|(module, test)| module.name == planted.module && same(test)) else {
        return Err("the test was not run".to_owned());
    };
    let file = planted.file.strip_prefix(root).unwrap_or(&planted.file);
    let here =
        |frame: &Frame| frame.file.as_deref().map(Path::new) == Some(file) && frame.line == Some(planted.spot.line);
    let details = test.details.as_deref();
    let leaks = details.into_iter().flat_map(|details| &details.leaks).filter(|leak| leak.kind == ResourceKind::Heap);
    let (mut blocks, mut bytes, mut elsewhere) = (0, 0, Vec::new());
    for place in leaks.flat_map(lost_at) {
        if place.stack.iter().any(here) {
            blocks += place.blocks;
            bytes += place.bytes;
        } else {
            elsewhere.push(place);
        }
    }
    let verdict = test.verdict;
    // A suite's own global allocator may ask for more than it was asked for: one of bytes' makes all addresses odd so.
    if verdict == Verdict::Leak && blocks == planted.plant.blocks && bytes >= planted.plant.bytes {
        return Ok(bytes);
    }
    let heap = test.usage.as_ref().map(|usage| &usage.heap);
    let message = details.and_then(|details| details.message.as_deref()).unwrap_or_default();
    Err(format!("{verdict:?}, {blocks} blocks and {bytes} bytes there; {heap:?}; elsewhere {elsewhere:?} {message}"))
}
