//! Builds the lessons and runs them, as `airtight test` would.

use crate::lesson::{EXPECTED, Lesson, ROUNDS};
use airtight::Cache;
use airtight::config::Config;
use airtight::faults::{self, FaultOptions, Faults};
use airtight::pollution::{self, Pollution};
use airtight::report::Report;
use airtight::report::console::{Console, ConsoleOptions, OutputTime};
use airtight::toolchain::{self, Artifact, BuildEvent, BuildOutput, BuildRequest, Permission, SetupEvent};
use airtight::{Plan, Runner, RunnerBuilder, Selection, Subject};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// In how many orders tests are run together.
const ORDERS: usize = 5;

/// How the lessons are run.
pub struct Suite {
    /// Whether a toolchain may be installed.
    pub setup: bool,
    /// Whether the report is shown, and in colour.
    pub colours: Option<bool>,
}

/// What came of it.
pub struct Ran {
    pub report: Report,
    /// Of the lessons that look at it, with each test of the SDK called [`ROUNDS`] times in one instance.
    pub repeated: Report,
    /// Of the lessons that look at it, with each subtest run alone.
    pub isolated: Report,
    /// Of the lessons that look at it: which tests depend on others.
    pub pollution: Pollution,
    /// Of the lessons that look at it: which failures of calls are not handled.
    pub faults: Faults,
    /// By name.
    pub lessons: Vec<Lesson>,
}

impl Suite {
    pub fn run(&self) -> Result<Ran> {
        let dir = lessons_dir()?;
        let config = Config::load(&dir)?;
        let built = self.build(&dir)?;
        let lessons = lessons(&dir, &built)?;
        let cache = toolchain::cache_dir().map(|dir| Cache::new(dir.join("modules"), config.cache_size));
        let builder = Runner::builder(&config, "default")?.cache(cache);
        let all: Vec<_> = built.artifacts.iter().collect();
        let report = self.run_modules(builder.clone(), (&all, false))?;
        let repeats =
            |artifact: &&Artifact| lessons.iter().any(|lesson| lesson.dir == artifact.manifest_dir && lesson.repeats());
        let repeating: Vec<_> = built.artifacts.iter().filter(repeats).collect();
        let repeated = self.run_modules(builder.clone().repeat(ROUNDS), (&repeating, false))?;
        let is_isolated = |artifact: &&Artifact| {
            lessons.iter().any(|lesson| lesson.dir == artifact.manifest_dir && lesson.is_isolated())
        };
        let apart: Vec<_> = built.artifacts.iter().filter(is_isolated).collect();
        let isolated = self.run_modules(builder.clone(), (&apart, true))?;
        let together = |artifact: &&Artifact| {
            lessons.iter().any(|lesson| lesson.dir == artifact.manifest_dir && lesson.is_run_together())
        };
        let together: Vec<_> = built.artifacts.iter().filter(together).collect();
        let (runner, planned) = plan(builder.clone(), (&together, false))?;
        let (pollution, _) = pollution::find(&runner, &planned, ORDERS, &mut ())?;
        let fail = |artifact: &&Artifact| {
            lessons.iter().any(|lesson| lesson.dir == artifact.manifest_dir && lesson.calls_fail())
        };
        let failing: Vec<_> = built.artifacts.iter().filter(fail).collect();
        let (runner, planned) = plan(builder, (&failing, false))?;
        let (faults, _) = faults::find(&runner, &planned, FaultOptions::default(), &mut ())?;
        Ok(Ran { report, repeated, isolated, pollution, faults, lessons })
    }

    /// Runs modules, each of their subtests alone where `isolates`.
    fn run_modules(&self, builder: RunnerBuilder, (artifacts, isolates): (&[&Artifact], bool)) -> Result<Report> {
        let (runner, plan) = plan(builder, (artifacts, isolates))?;
        let Some(colours) = self.colours else { return Ok(runner.run(&plan, &mut ())?) };
        let options = ConsoleOptions { colours, failure_output: OutputTime::Never, ..ConsoleOptions::default() };
        let mut console = Console::new(std::io::stdout(), options);
        let report = runner.run(&plan, &mut console)?;
        console.finish()?;
        Ok(report)
    }

    fn build(&self, dir: &Path) -> Result<BuildOutput> {
        // Without `--setup`, nothing but airtight's own cache is written to.
        let permission = if self.setup { Permission::System } else { Permission::Cache };
        let toolchain = toolchain::install(dir, permission, &mut |event| match event {
            SetupEvent::Started(step) => eprintln!("setup: {step}"),
            SetupEvent::Output(line) => eprintln!("       {line}"),
            SetupEvent::Failed { step, why } => eprintln!("setup: {step} failed: {why}"),
            _ => {}
        })?;
        eprintln!("building the lessons with {toolchain}");
        let request = BuildRequest { workspace: true, locked: true, ..BuildRequest::new(dir) };
        let built = toolchain::build(&toolchain, &request, &mut |event| match event {
            BuildEvent::Cargo(line) => eprintln!("{line}"),
            BuildEvent::Diagnostic { rendered, .. } => eprint!("{rendered}"),
            _ => {}
        })?;
        let failures: String = built.failures.iter().map(|failure| format!("\n{failure}")).collect();
        ensure!(failures.is_empty(), "not every lesson can be built{failures}");
        Ok(built)
    }
}

fn plan(builder: RunnerBuilder, (artifacts, isolates): (&[&Artifact], bool)) -> Result<(Runner, Plan)> {
    let runner = builder.build()?;
    let subjects = artifacts.iter().map(|artifact| runner.load_artifact(artifact, None));
    let subjects = subjects.collect::<Result<Vec<Subject>, _>>()?;
    let plan = runner.plan(subjects, &Selection { isolate_subtests: isolates, ..Selection::default() })?;
    Ok((runner, plan))
}

fn lessons_dir() -> Result<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("this crate has a directory above it")?;
    Ok(dir.to_owned())
}

/// The lessons that were built; all that have expectations are among them.
fn lessons(dir: &Path, built: &BuildOutput) -> Result<Vec<Lesson>> {
    let lesson = |(name, dir): (&String, &PathBuf)| Lesson { name: name.clone(), dir: dir.clone() };
    let packages = built.artifacts.iter().map(|artifact| (&artifact.package, &artifact.manifest_dir));
    let packages: std::collections::BTreeMap<_, _> = packages.collect();
    let lessons: Vec<_> = packages.into_iter().map(lesson).collect();
    for entry in dir.read_dir().with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        let known = lessons.iter().any(|lesson| lesson.dir == path);
        ensure!(known || !path.join(EXPECTED).exists(), "{} has expectations, but no tests", path.display());
    }
    Ok(lessons)
}
