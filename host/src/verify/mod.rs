//! Runs one suite in several ways and compares the reports: the proof that a report does not depend on how it was made.

pub use crate::report::compare::Difference;
pub use crate::report::verification::{
    OmittedModule, Trial, TrialResult, VERIFICATION_JSON_SCHEMA, VERIFICATION_SCHEMA, Verification,
};

use crate::model::{RefusedModule, Report};
use crate::report::compare::{differences, without_modules};
use crate::run::{RunError, Runner, RunnerBuilder, Selection, SetupError, Subject, with_causes};
use crate::sandbox::{Cache, Compiler};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The folder of the cache of compiled modules, below the folder given to [`ways`].
pub const MODULES: &str = "modules";

/// What the pattern says when only Winch gives another report.
const ONLY_WINCH: &str = "only Winch differs, and only Winch leaves the bits of a NaN as the processor made them: this is how \
    a test shows that looks at them";

/// One way of running a suite.
#[derive(Debug, Clone)]
pub struct Way {
    /// What this way is, in words.
    pub name: String,
    /// How its runner is made.
    pub builder: RunnerBuilder,
    /// Whether another process runs it, in another environment. The caller starts that process.
    pub elsewhere: bool,
    /// Why it cannot be done; known before it is tried.
    pub impossible: Option<&'static str>,
}

impl Way {
    fn compiler(&self) -> Compiler {
        self.builder.options.compiler
    }
}

/// Why a verification could not be done: there is no report to compare, which is not a difference.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError<E: std::error::Error + 'static> {
    /// A runner cannot be made.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A run cannot be done.
    #[error(transparent)]
    Run(#[from] RunError),
    /// No module can be loaded. Holds why the first one cannot.
    #[error(transparent)]
    Load(E),
    /// No module lists its tests. Holds why the first one does not.
    #[error("{0}")]
    Unlisted(RefusedModule),
    /// The run in another process gave no report.
    #[error("another process: {0}")]
    Elsewhere(String),
    /// No test is selected.
    #[error("there are no tests to run")]
    NoTests,
    /// The verification was interrupted.
    #[error("interrupted: nothing is verified")]
    Interrupted,
}

/// The name of a module that was asked for, and the loaded module or why it cannot be loaded.
pub type LoadResult<E> = (String, Result<Subject, E>);

/// What is verified.
pub struct Suite<'a, E> {
    /// Loads every module again: each way of running has its own runner, and compiled code belongs to one runner.
    pub load: &'a dyn Fn(&Runner) -> Vec<LoadResult<E>>,
    /// What the report says of a module that cannot be loaded, by its name.
    pub refusal: &'a dyn Fn(&str, &E) -> RefusedModule,
    /// Which tests are run.
    pub selection: &'a Selection,
}

/// The ways in which to run a suite that this builder's runner would run; the first is the reference. `scratch` is an empty
/// folder for a cache that is cold at first. If the builder has no cache, that way has none either.
#[must_use]
pub fn ways(base: &RunnerBuilder, scratch: &Path) -> Vec<Way> {
    let chosen = &base.options;
    let cache = chosen.cache.is_some().then(|| Cache::new(scratch.join(MODULES), u64::MAX));
    let reference = base.clone().jobs(1).shuffle(None).cache(cache);
    let way = |name: String, change: &dyn Fn(RunnerBuilder) -> RunnerBuilder| {
        let builder = change(reference.clone());
        Way { name, builder, elsewhere: false, impossible: None }
    };
    let cold = if chosen.cache.is_some() { "nothing cached" } else { "no cache" };
    let jobs = if chosen.jobs > 1 { chosen.jobs } else { processors().max(2) };
    let seed = chosen.shuffle.unwrap_or(1);
    let mut ways = vec![way(format!("{:?}, 1 worker, in order, {cold}", chosen.compiler), &|same| same)];
    ways.push(Way {
        impossible: chosen.cache.is_none().then_some("there is no cache"),
        ..way("modules from the cache".to_owned(), &|same| same)
    });
    ways.push(way(format!("{jobs} workers, shuffled by {seed}"), &|builder| builder.jobs(jobs).shuffle(seed)));
    ways.push(Way {
        impossible: (!chosen.pooling).then_some("the reference is run so"),
        ..way("memory on demand, no pool".to_owned(), &|builder| builder.pooling(false))
    });
    ways.push(Way {
        elsewhere: true,
        ..way("another folder, home, user, locale, time zone and umask".to_owned(), &|same| same)
    });
    let others = [Compiler::Cranelift, Compiler::Winch, Compiler::Pulley];
    ways.extend(
        others
            .into_iter()
            .filter(|other| *other != chosen.compiler)
            .map(|compiler| way(format!("{compiler:?}"), &|builder| builder.compiler(compiler))),
    );
    ways
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// Runs the suite in every way, calls back when each has ended, and compares the reports. `elsewhere` runs the suite in
/// another process.
///
/// ```
/// use airtight::verify::{Suite, VerifyError, verify, ways};
/// use airtight::{LoadError, LoadOptions, Runner, Selection, Subject, config::Config, report::RefusedModule};
///
/// # let bytes = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#)?;
/// let load = |runner: &Runner| {
///     let module = runner.load(bytes.clone(), LoadOptions::named("empty"));
///     vec![("empty".to_owned(), module.map(Subject::new))]
/// };
/// let scratch = std::env::temp_dir();
/// let builder = Runner::builder(&Config::default(), "default")?;
/// // Another process, in another environment, is what the caller would start.
/// let ways: Vec<_> = ways(&builder, &scratch).into_iter().filter(|way| !way.elsewhere).collect();
/// let refusal = |name: &str, error: &LoadError| RefusedModule::new(name, error.to_string());
/// let suite = Suite { load: &load, refusal: &refusal, selection: &Selection::default() };
/// let mut elsewhere = |_: &_| Err(VerifyError::<LoadError>::Elsewhere("no process is started here".to_owned()));
/// let verification = verify(&suite, &ways, &mut elsewhere, &mut |trial| println!("{}", trial.way))?;
/// assert!(verification.holds());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// See [`VerifyError`]. It is not an error that another compiler cannot compile a module: that module is left out of that
/// way, and the way says so.
pub fn verify<E: std::error::Error + 'static>(
    suite: &Suite<'_, E>,
    ways: &[Way],
    elsewhere: &mut dyn FnMut(&Way) -> Result<Report, VerifyError<E>>,
    tell: &mut dyn FnMut(&Trial),
) -> Result<Verification, VerifyError<E>> {
    let Some((first, others)) = ways.split_first() else { return Err(VerifyError::NoTests) };
    let began = Instant::now();
    let (reference, _) = run(suite, (first, first), &[])?;
    if reference.canonical.modules.is_empty() {
        return Err(reference
            .canonical
            .refused
            .first()
            .map_or(VerifyError::NoTests, |one| VerifyError::Unlisted(one.clone())));
    }
    let mut trials = vec![Trial {
        way: first.name.clone(),
        elapsed: began.elapsed(),
        result: compared(&reference, &reference, Vec::new()),
    }];
    trials.iter().for_each(&mut *tell);
    for way in others {
        let began = Instant::now();
        let result = match way.impossible {
            Some(why) => TrialResult::NotRun { why: why.to_owned() },
            None if way.elsewhere => compared(&reference, &elsewhere(way)?, Vec::new()),
            None => match run(suite, (way, first), &reference.canonical.refused) {
                Ok((_, left_out)) if left_out.len() == modules(&reference) => not_run(&left_out),
                Ok((report, left_out)) => compared(&reference, &report, left_out),
                // A compiler that this machine does not have.
                Err(VerifyError::Setup(SetupError::Engine(why))) if way.compiler() != first.compiler() => {
                    TrialResult::NotRun { why: why.to_string() }
                }
                Err(error) => return Err(error),
            },
        };
        let trial = Trial { way: way.name.clone(), elapsed: began.elapsed(), result };
        tell(&trial);
        trials.push(trial);
    }
    let hint = only_winch(ways, &trials).then_some(ONLY_WINCH);
    Ok(Verification { reference, trials, hint })
}

fn modules(report: &Report) -> usize {
    report.canonical.modules.len()
}

/// The suite's report in one way, and the modules that only this way's compiler refuses. `known` are the modules that the
/// first way refused: their refusals are in both reports.
fn run<E: std::error::Error + 'static>(
    suite: &Suite<'_, E>,
    (way, first): (&Way, &Way),
    known: &[RefusedModule],
) -> Result<(Report, Vec<OmittedModule>), VerifyError<E>> {
    let runner = way.builder.clone().build()?;
    let (mut subjects, mut refused, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    let mut unusable = None;
    for (module, loaded) in (suite.load)(&runner) {
        match loaded {
            Ok(subject) => subjects.push(subject),
            Err(error) if way.compiler() != first.compiler() => match known.iter().find(|one| one.name == module) {
                Some(one) => refused.push(one.clone()),
                None => left_out.push(OmittedModule { module, why: with_causes(&error) }),
            },
            Err(error) => {
                refused.push((suite.refusal)(&module, &error));
                unusable.get_or_insert(error);
            }
        }
    }
    if let (true, Some(error)) = (subjects.is_empty(), unusable) {
        return Err(VerifyError::Load(error));
    }
    let stopped = || runner.interrupt().load(Ordering::Relaxed);
    let planned = runner.plan(subjects, suite.selection);
    let report = planned.and_then(|planned| runner.run(&planned.with_refused(refused), &mut ()));
    if stopped() { Err(VerifyError::Interrupted) } else { Ok((report?, left_out)) }
}

fn not_run(left_out: &[OmittedModule]) -> TrialResult {
    let all: Vec<String> = left_out.iter().map(|OmittedModule { module, why }| format!("{module}: {why}")).collect();
    TrialResult::NotRun { why: all.join("; ") }
}

fn compared(reference: &Report, report: &Report, left_out: Vec<OmittedModule>) -> TrialResult {
    let names: Vec<String> = left_out.iter().map(|left| left.module.clone()).collect();
    let differences = if names.is_empty() {
        differences(&reference.canonical, &report.canonical)
    } else {
        differences(&without_modules(&reference.canonical, &names), &without_modules(&report.canonical, &names))
    };
    TrialResult::Ran { digest: report.digest.clone(), doubts: report.canonical.doubts.clone(), left_out, differences }
}

fn only_winch(ways: &[Way], trials: &[Trial]) -> bool {
    let different = ways.iter().zip(trials).filter(|(_, trial)| trial.differs()).map(|(way, _)| way.compiler());
    let different: Vec<Compiler> = different.collect();
    different == [Compiler::Winch]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Trust};
    use crate::sandbox::{LoadError, LoadOptions};
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    /// Verifies modules written as text. Returns the ways that were reported, each with its result.
    fn verified(config: &str, modules: &dyn Fn() -> Vec<(&'static str, String)>) -> (Verification, Vec<String>) {
        let config = Config::from_str(config, "airtight.toml", Path::new("/")).unwrap();
        let load = |runner: &Runner| -> Vec<LoadResult<LoadError>> {
            let load = |(name, text): (&str, String)| {
                let options = LoadOptions::named(name);
                let module = runner.load(wat::parse_str(text).unwrap(), options);
                (name.to_owned(), module.map(Subject::new))
            };
            modules().into_iter().map(load).collect()
        };
        let scratch = tempfile::tempdir().unwrap();
        let cache = Some(Cache::new(scratch.path().join("unused"), 0));
        let builder = Runner::builder(&config, "default").unwrap().trust(Trust::everything()).cache(cache);
        let mut all = ways(&builder, scratch.path());
        all.retain(|way| !way.elsewhere);
        let mut told = Vec::new();
        let refusal = |name: &str, error: &LoadError| RefusedModule::new(name, with_causes(error));
        let suite = Suite { load: &load, refusal: &refusal, selection: &Selection::default() };
        let mut nowhere = |_: &Way| Err(VerifyError::Interrupted);
        let verification = verify(&suite, &all, &mut nowhere, &mut |trial| {
            let came = match &trial.result {
                TrialResult::NotRun { .. } => "not run",
                TrialResult::Ran { left_out, .. } if !left_out.is_empty() => "left out",
                TrialResult::Ran { .. } if trial.differs() => "differs",
                TrialResult::Ran { .. } => "same",
            };
            told.push(format!("{}: {came}", trial.way));
        });
        (verification.unwrap(), told)
    }

    const EMPTY: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

    /// A module that leaves with the sign of 0/0 as its status. Every compiler but Winch makes that sign positive.
    const NAN: &str = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (global $zero (mut f64) (f64.const 0))
        (func (export "_start") (call $exit (i32.wrap_i64 (i64.shr_u
            (i64.reinterpret_f64 (f64.div (global.get $zero) (global.get $zero))) (i64.const 63))))))"#;

    #[test]
    fn a_plain_suite_is_the_same_in_every_way() {
        let (verification, told) = verified("", &|| vec![("empty", EMPTY.to_owned())]);
        assert!(verification.holds(), "{told:?}");
        assert_eq!(told.iter().filter(|way| way.ends_with(": same")).count(), 6, "{told:?}");
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_bits_of_a_nan_are_found_on_winch_alone() {
        let (verification, told) = verified("", &|| vec![("nan", NAN.to_owned()), ("empty", EMPTY.to_owned())]);
        assert!(told.contains(&"Winch: differs".to_owned()) && told.contains(&"Pulley: same".to_owned()), "{told:?}");
        assert_eq!(verification.hint, Some(ONLY_WINCH));
        let TrialResult::Ran { differences, .. } =
            &verification.trials.iter().find(|trial| trial.way == "Winch").unwrap().result
        else {
            panic!("it ran")
        };
        assert!(differences.iter().all(|found| found.test.as_deref() == Some("nan")), "{differences:?}");
        assert!(differences.iter().any(|found| found.field == "/exit_status"), "{differences:?}");
    }

    #[test]
    fn what_a_compiler_lacks_is_left_out_by_name() {
        const TAIL_CALL: &str =
            r#"(module (memory (export "memory") 1) (func $f) (func (export "_start") (return_call $f)))"#;
        let (verification, told) = verified("", &|| vec![("tail", TAIL_CALL.to_owned()), ("empty", EMPTY.to_owned())]);
        assert!(told.contains(&"Winch: left out".to_owned()), "{told:?}");
        assert!(verification.holds());
        let (verification, told) = verified("", &|| vec![("tail", TAIL_CALL.to_owned())]);
        assert!(told.contains(&"Winch: not run".to_owned()) && verification.holds(), "{told:?}");
    }

    #[test]
    fn what_no_way_can_run_is_named_and_the_others_are_compared() {
        const UNKNOWN: &str =
            r#"(module (import "e" "f" (func)) (memory (export "memory") 1) (func (export "_start")))"#;
        let (verification, told) = verified("", &|| vec![("unknown", UNKNOWN.to_owned()), ("empty", EMPTY.to_owned())]);
        assert_eq!(told.iter().filter(|way| way.ends_with(": same")).count(), 6, "{told:?}");
        let refused = &verification.reference.canonical.refused;
        assert_eq!((refused.len(), refused[0].name.as_str()), (1, "unknown"));
        assert!(verification.holds());
        assert_eq!(verification.exit_status(), crate::model::exit_status::MODULE_UNUSABLE);
    }

    /// A suite that changes each time it is loaded.
    #[test]
    fn a_difference_is_seen() {
        let loads = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&loads);
        let (verification, told) = verified("", &move || {
            let nops = "(nop)".repeat(counted.fetch_add(1, Ordering::Relaxed) as usize);
            vec![("moving", format!(r#"(module (memory (export "memory") 1) (func (export "_start") {nops}))"#))]
        });
        assert!(!verification.holds());
        assert_eq!(told.iter().filter(|way| way.ends_with(": differs")).count(), 5, "{told:?}");
        assert_eq!(verification.hint, None);
    }

    #[test]
    fn a_report_that_doubts_itself_does_not_hold() {
        let (verification, told) =
            verified("[profile.default]\nclock = \"real\"\n", &|| vec![("empty", EMPTY.to_owned())]);
        assert!(!told.iter().any(|way| way.ends_with("differs")), "{told:?}");
        assert!(!verification.holds());
        assert_eq!(verification.doubts().len(), 1, "one doubt, said once");
    }
}
