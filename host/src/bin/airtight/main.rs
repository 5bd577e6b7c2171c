//! `airtight`: hermetic tests that cannot leak quietly.

mod args;
mod build;
mod failure;
mod list;
mod run;
mod runner;
mod session;
mod setup;
mod test;
mod verify;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let program = args::Program::parse();
    session::start_logging(program.verbose);
    let done = match program.command {
        args::Command::Test(command) => test::test(&command),
        args::Command::Setup(command) => setup::setup(&command),
        args::Command::Run(command) => run::run(&command),
        args::Command::Verify(command) => verify::verify(&command),
        args::Command::List(command) => list::list(&command),
        args::Command::Runner(command) => runner::runner(&command),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(failure) => failure.report(),
    }
}
