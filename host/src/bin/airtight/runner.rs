//! `airtight runner`: what cargo and nextest call for each wasm binary (`CARGO_TARGET_WASM32_WASIP1_RUNNER`).
//!
//! For a binary with tests, the arguments are those of Rust's test harness; anything else is run as a program, with the
//! arguments, streams and exit status passed straight through.

use crate::args::{RunArgs, RunnerCommand, run_defaults, run_ignored};
use crate::failure::{Done, Failure};
use crate::session::{Session, config_above};
use airtight::Harness;
use airtight::exit_status;
use airtight::{ModuleGrants, PlannedModule, Seed, Selection};
use clap::Parser;
use std::io::Write;

/// The arguments of Rust's test harness that mean something here.
#[derive(Debug, Parser, Default)]
#[command(name = "the test harness", no_binary_name = true, disable_help_flag = true, disable_version_flag = true)]
struct LibtestArgs {
    filters: Vec<String>,
    #[arg(long)]
    exact: bool,
    #[arg(long)]
    skip: Vec<String>,
    #[arg(long)]
    ignored: bool,
    #[arg(long)]
    include_ignored: bool,
    #[arg(long)]
    list: bool,
    #[arg(long)]
    format: Option<String>,
    #[arg(long, visible_alias = "no-capture")]
    nocapture: bool,
    #[arg(long)]
    show_output: bool,
    #[arg(long)]
    test_threads: Option<usize>,
    #[arg(long)]
    color: Option<String>,
    #[arg(short, long)]
    quiet: bool,
    /// Accepted and without meaning: these tests are all there are, and they do not depend on their order.
    #[arg(long)]
    test: bool,
    #[arg(long)]
    shuffle: bool,
    /// Ours, not libtest's.
    #[arg(long)]
    seed: Option<Seed>,
    #[arg(long)]
    shuffle_seed: Option<u64>,
    #[arg(short = 'Z')]
    unstable: Vec<String>,
}

impl LibtestArgs {
    fn selection(&self) -> Selection {
        Selection {
            filters: self.filters.clone(),
            exact: self.exact,
            skip: self.skip.clone(),
            ignored: run_ignored(self.ignored, self.include_ignored),
            partition: None,
        }
    }

    fn run_args(&self) -> RunArgs {
        let defaults = run_defaults();
        RunArgs {
            jobs: self.test_threads.unwrap_or(0),
            no_capture: self.nocapture,
            shuffle: self.shuffle_seed,
            seed: self.seed.or(defaults.seed),
            ..defaults
        }
    }
}

pub fn runner(command: &RunnerCommand) -> Done {
    let here = std::env::current_dir().map_err(Failure::setup)?;
    let config = config_above(&here)?;
    let args = LibtestArgs::try_parse_from(&command.args);
    let run_args = args.as_ref().map_or_else(|_| run_defaults(), LibtestArgs::run_args);
    let session = Session::open(&run_args, None, &config)?;
    let subject = session.file(&command.file, ModuleGrants::from_cargo(&here))?;
    if subject.module().harness() == Harness::Command {
        // Its arguments are its own, whatever they look like.
        return session.pass_through(subject, &command.args);
    }
    let args = args.map_err(Failure::usage)?;
    let planned = session.plan(vec![subject], &args.selection())?;
    if args.list {
        return list(&planned, args.format.as_deref() == Some("terse"));
    }
    if planned.iter().all(|module| module.tests.is_empty()) {
        // What Rust's harness does, and cargo expects of binaries that a filter does not concern.
        println!("running 0 tests");
        return Ok(exit_status::PASSED);
    }
    session.run(&planned, &[])
}

/// Prints the tests as Rust's harness does.
fn list(planned: &[PlannedModule], terse: bool) -> Done {
    let mut text = String::new();
    let tests = planned.iter().flat_map(|module| &module.tests);
    let mut count = 0;
    for test in tests {
        text.push_str(&format!("{}: test\n", test.name));
        count += 1;
    }
    if !terse {
        text.push_str(&format!("\n{count} tests, 0 benchmarks\n"));
    }
    std::io::stdout().write_all(text.as_bytes()).map_err(Failure::setup)?;
    Ok(exit_status::PASSED)
}
