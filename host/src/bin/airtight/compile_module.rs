//! This program, started by itself to compile a module in a process that can be killed. The command is hidden from users.

use airtight::internals::compile_task;
use airtight::{RunnerBuilder, exit_status};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// The first of the two arguments in that case.
const WORD: &str = "compile-module";

/// The task, if the program was started to compile a module.
pub fn task() -> Option<String> {
    let mut arguments = std::env::args().skip(1);
    let (word, task) = (arguments.next()?, arguments.next()?);
    (word == WORD && arguments.next().is_none()).then_some(task)
}

/// Reads a module from standard input, and writes its machine code to standard output. An error goes to standard error.
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

/// Lets a runner compile modules in processes of this program.
pub fn compiling_apart(builder: RunnerBuilder) -> RunnerBuilder {
    match this_program() {
        Some(program) => builder.compile_in(program, WORD),
        None => builder,
    }
}

/// The file of this program. The kernel's own name for it is preferred: it stays right if the file is replaced.
fn this_program() -> Option<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { Some(own) } else { std::env::current_exe().ok() }
}
