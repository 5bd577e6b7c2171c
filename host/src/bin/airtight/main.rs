//! `airtight`: hermetic tests that cannot leak quietly.

mod accepted;
mod args;
mod baseline;
mod bazel;
mod build;
mod compile_module;
mod config_file;
mod diff;
mod doctor;
mod explain;
mod failure;
mod faults;
mod filterset;
mod gates;
mod generate;
mod go;
mod init;
mod interrupt;
mod last;
mod list;
mod loaded;
mod merge;
mod names;
mod pollution;
mod print;
mod replay;
mod rest;
mod run;
mod runner;
mod schema;
mod search;
mod session;
mod settings;
mod setup;
mod show;
mod subjects;
mod test;
mod told;
mod trace;
mod trust;
mod verify;
mod watch;

use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    forget_empty_variables();
    if let Some(task) = compile_module::task() {
        return compile_module::compile_module(&task);
    }
    let program = args::Program::parse_from(args::with_two_dashes(std::env::args_os()));
    session::start_logging(program.verbose);
    raise_descriptor_limit();
    let done = match program.command {
        args::Command::Test(command) => test::test(*command),
        args::Command::Watch(command) => watch::watch(*command),
        args::Command::Go(command) => go::go(&command),
        args::Command::Trust(command) => trust::trust(&command),
        args::Command::Setup(command) => setup::setup(&command),
        args::Command::Schema(command) => schema::schema(&command),
        args::Command::Run(command) => run::run(*command),
        args::Command::Verify(command) => verify::verify(*command),
        args::Command::Pollution(command) => pollution::pollution(*command),
        args::Command::Faults(command) => faults::faults(*command),
        args::Command::Trace(command) => trace::trace(*command),
        args::Command::Diff(command) => diff::diff(&command),
        args::Command::Doctor(command) => doctor::doctor(&command),
        args::Command::Init(command) => init::init(&command),
        args::Command::Completions(command) => generate::completions(&command),
        args::Command::Man(command) => generate::man(&command),
        args::Command::Show(command) => show::show(&command),
        args::Command::Explain(command) => explain::explain(&command),
        args::Command::Merge(command) => merge::merge(&command),
        args::Command::Baseline(command) => baseline::baseline(*command),
        args::Command::List(command) => list::list(*command),
        args::Command::Runner(command) => runner::runner(&command),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(failure) => failure.report(),
    }
}

/// Treats empty variables as unset, so that `AIRTIGHT_PROFILE= airtight test` undoes a setting of the shell.
fn forget_empty_variables() {
    let is_empty = |(name, value): &(OsString, OsString)| {
        value.is_empty() && name.to_str().is_some_and(|name| name.starts_with("AIRTIGHT_"))
    };
    let empty: Vec<_> = std::env::vars_os().filter(is_empty).collect();
    for (name, _) in empty {
        // SAFETY: no other thread exists yet.
        unsafe { std::env::remove_var(name) };
    }
}

/// Raises the limit on file descriptors as far as the system allows: all tests that run at once share this process's.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    // Some systems refuse the limit that they call the maximum. The program also works with fewer descriptors, until a test
    // reports that there are too few.
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!("the limit on open files stays at {current:?}: {error}");
    }
}
