//! This program, started by itself to compile a module in a process that can be ended. It is not on the command line that users see.

use airtight::internals::compile_task;
use airtight::{RunnerBuilder, exit_status};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// The first of the two arguments that it has then.
const WORD: &str = "compile-module";

/// What it is to compile, where it was started for that.
pub fn task() -> Option<String> {
    let mut arguments = std::env::args().skip(1);
    let (word, task) = (arguments.next()?, arguments.next()?);
    (word == WORD && arguments.next().is_none()).then_some(task)
}

/// Reads a module from standard input, and writes its machine code to standard output, or what is wrong to standard error.
pub fn compile_module(task: &str) -> ExitCode {
    let code = compile_task(task, std::io::stdin());
    let written = code.and_then(|code| std::io::stdout().write_all(&code).map_err(|error| error.to_string()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "{why}");
            exit_status::MODULE_UNUSABLE.into()
        }
    }
}

/// The same runner, which compiles modules in processes of this program.
pub fn compiling_apart(builder: RunnerBuilder) -> RunnerBuilder {
    match this_program() {
        Some(program) => builder.compile_in(program, WORD),
        None => builder,
    }
}

/// The file that this program runs from. Where the kernel has a name for it, that is it, also when another was put in its place.
fn this_program() -> Option<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { Some(own) } else { std::env::current_exe().ok() }
}
