//! The settings of a run, from the arguments and the configuration.

use crate::accepted;
use crate::args::{MessageFormat, RunArgs};
use crate::compile_module::compiling_apart;
use crate::failure::Failure;
use crate::gates::{self, BaseTests};
use crate::print::columns;
use crate::trust;
use airtight::config::{Config, Overlays, dir_from_option, from_environment};
use airtight::policy::PolicyPatch;
use airtight::report::console::{ConsoleOptions, OutputTime, StatusLevel};
use airtight::report::files::{ReportFiles, ReportKind, ReportSpec};
use airtight::report::json;
use airtight::{Cache, Results, Runner, RunnerBuilder, Seed};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The settings of a run, from the arguments and the configuration.
pub struct Settings {
    pub builder: RunnerBuilder,
    /// The switch that ends the run.
    pub interrupt: Arc<AtomicBool>,
    pub files: ReportFiles,
    pub console: ConsoleOptions,
    /// Notes about the settings, to be shown.
    pub notes: Vec<String>,
    /// The tests of the base report, if gates compare with one.
    pub base: Option<BaseTests>,
}

impl Settings {
    /// Checks everything that can be checked before a module is loaded. Relative paths of `args` start at `here`.
    pub fn new(args: &RunArgs, config: &Config, here: &Path) -> Result<Self, Failure> {
        let files = report_files(args)?;
        let environment = from_environment(std::env::vars_os()).map_err(Failure::setup)?;
        let seed = args.seed.map(Seed::number);
        let dir = |text: &String| {
            dir_from_option(text, here).map_err(|problem| Failure::setup(anyhow::anyhow!("--dir {text}: {problem}")))
        };
        let command_line = PolicyPatch {
            env: args.env.iter().cloned().collect(),
            args: args.args.clone(),
            clock: args.clock,
            faults: args.fault.clone(),
            ..args.limits.patch()
        };
        let dirs = args.dir.iter().map(dir).collect::<Result<_, _>>()?;
        let overlays = Overlays { environment, command_line, dirs, seed };
        let chosen = seed.filter(|_| args.seed == Some(Seed::Random));
        let seeded = chosen.map(|seed| format!("the random seed is {seed}; --seed {seed} repeats this run"));
        let interrupt = Arc::new(AtomicBool::new(false));
        let trust = trust::of_run(args, config, here)?;
        let profile = config.profile(&args.profile).map_err(Failure::setup)?;
        let (baseline, base) = match args.judges_nothing {
            true => (None, None),
            false if args.compares_nothing => (accepted::load(args, &profile, here)?, None),
            false => (accepted::load(args, &profile, here)?, gates::base_report(args, &profile, here)?),
        };
        let compares = profile.gate().limits.with_base().next().is_some();
        let base_tests = base.as_ref().filter(|_| compares).map(BaseTests::from_report);
        let [success_output, failure_output] = args.output();
        let builder = Runner::builder(config, &args.profile).map_err(Failure::setup)?;
        let builder = compiling_apart(builder)
            .overlays(overlays)
            .trust(trust.clone())
            .jobs(args.jobs)
            .compiler(args.engine.into())
            .cache((!args.no_cache).then(|| cache(config)).flatten())
            .max_fail(args.most_failing())
            .streams(args.streams())
            .keep_output(success_output != OutputTime::Never || args.message_format == MessageFormat::Test2json)
            .keep_changes(args.write_back.is_some())
            .shuffle(args.shuffle)
            .repeat(args.repeat)
            .retries(args.retries)
            .shortcut(!args.no_shortcut)
            .schedules(args.schedules)
            .schedule(args.schedule.clone())
            .heap_profile(files.wants_profile())
            .timelines(files.wants_timelines())
            .coverage(files.wants_coverage())
            .fuel_by_function(args.fuel_profile)
            .trace(args.trace)
            .go_heap(args.go_heap)
            .base(base)
            .baseline(baseline, Some(args.date.unwrap_or_else(accepted::today)))
            .interrupt(Arc::clone(&interrupt))
            .inject_host_leak(args.inject_host_leak)
            .inject_host_panic(args.inject_host_panic);
        let builder = match (results(args)?, args.proves) {
            (None, _) => builder,
            (Some(results), None) => builder.results(results),
            (Some(results), Some(most)) => builder.prove_results(results, most),
        };
        // Checked here, too, since `verify` makes its runners only when everything is built.
        builder.profile().check_trust(&trust).map_err(Failure::setup)?;
        let console = ConsoleOptions {
            colours: match args.message_format {
                MessageFormat::Human => args.color.on_stdout(),
                _ => args.color.on(&std::io::stderr()),
            },
            status_level: args.status_level.unwrap_or(if args.quiet { StatusLevel::Fail } else { StatusLevel::Pass }),
            final_status_level: args.final_status_level,
            success_output,
            failure_output,
            all_frames: args.all_frames,
            suppressions: args.gen_suppressions,
            codes: true,
            columns: columns(args.message_format),
        };
        let shows_functions = |spec: &ReportSpec| matches!(spec.kind, ReportKind::Json | ReportKind::Html);
        let unseen = args.fuel_profile && !args.report.iter().any(shows_functions);
        let unseen =
            unseen.then(|| "fuel by function is told in reports alone: --report json=PATH or html=PATH".to_owned());
        let missing = [accepted::missing_note(args, &profile, here), gates::missing_note(args, &profile, here)];
        let notes = seeded.into_iter().chain(unseen).chain(missing.into_iter().flatten()).collect();
        Ok(Self { builder, interrupt, files, console, notes, base: base_tests })
    }
}

/// The report files that are to be written. Annotations for the log of a CI job are left out if there is no such log.
pub fn wanted(specs: &[ReportSpec]) -> impl Iterator<Item = ReportSpec> + '_ {
    let in_actions = std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true");
    // Other kinds may not have the path `-`, which is checked with the files.
    let is_log = |spec: &ReportSpec| spec.is_standard_output() && spec.kind.is_log();
    specs.iter().filter(move |spec| in_actions || !is_log(spec)).cloned()
}

/// The report files that the arguments ask for.
fn report_files(args: &RunArgs) -> Result<ReportFiles, Failure> {
    if args.no_capture && args.message_format != MessageFormat::Human {
        return Err(Failure::usage(
            "`--no-capture` and `--message-format` both want standard output; leave out one, or write the lines to a file: \
             --report libtest-json=PATH",
        ));
    }
    if args.message_format != MessageFormat::Human && args.report.iter().any(ReportSpec::is_standard_output) {
        return Err(Failure::usage(
            "`--report github` and `--message-format` both want standard output; name a file: --report github=PATH",
        ));
    }
    let files = ReportFiles::check(wanted(&args.report)).map_err(Failure::setup)?;
    match &args.report_base {
        Some(base) => Ok(files.with_base(json::read(base).map_err(Failure::setup)?)),
        None => Ok(files),
    }
}

/// The folder of earlier results, if they are to be used or proved.
fn results(args: &RunArgs) -> Result<Option<Results>, Failure> {
    let dir = || args.results.clone().or_else(|| airtight::toolchain::cache_dir().map(|cache| cache.join("results")));
    match args.cached.then(dir) {
        None => Ok(None),
        Some(Some(dir)) => std::path::absolute(dir).map(Results::new).map(Some).map_err(Failure::setup),
        Some(None) => Err(Failure::setup(anyhow::anyhow!(
            "there is no cache directory to record results in; name a folder with --results DIR"
        ))),
    }
}

fn cache(config: &Config) -> Option<Cache> {
    match airtight::toolchain::cache_dir() {
        Some(dir) => Some(Cache::new(dir.join("modules"), config.cache_size)),
        None => {
            tracing::warn!("no cache directory can be found, so modules are compiled anew each time");
            None
        }
    }
}
