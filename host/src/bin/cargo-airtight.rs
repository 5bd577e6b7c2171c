//! `cargo airtight …`: does the same as `airtight …`.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut args: Vec<_> = std::env::args_os().skip(1).collect();
    // Cargo passes the subcommand's own name as the first argument.
    if args.first().is_some_and(|first| first == "airtight") {
        args.remove(0);
    }
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("airtight")).filter(|path| path.exists());
    let program = beside.unwrap_or_else(|| "airtight".into());
    let error = Command::new(&program).args(args).exec();
    eprintln!("error: cannot run {}: {error}", program.display());
    ExitCode::from(airtight::exit_status::SETUP)
}
