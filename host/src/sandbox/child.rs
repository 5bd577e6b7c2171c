//! A process that compiles, and what its end means. The process bounds its own processor time and memory, and an interrupt
//! ends it at once. A compiler inside this process could only be waited for.

use crate::catalogue::CompileBudget;
use crate::model::units::format_size;
use rustix::process::Signal;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Modules of fewer bytes are compiled in this process: their weight bounds them well enough, and starting another process
/// takes longer.
const LEAST: usize = 16 << 10;

/// How often the interrupt is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What Rust's library prints when there is no memory left, before it aborts.
const NO_MEMORY: &str = "memory allocation of ";

/// How to start a process that compiles.
#[derive(Debug, Clone)]
pub struct ChildCompiler {
    /// The program.
    pub program: PathBuf,
    /// The program's first argument, which makes it compile. The next argument says what.
    pub word: &'static str,
    /// What compiling may take, beside what the size of a module adds.
    pub budget: CompileBudget,
    /// Set when the run is to stop.
    pub interrupted: Arc<AtomicBool>,
}

/// Why the process returned no code.
#[derive(Debug, PartialEq, Eq)]
pub enum NoCode {
    /// The run is to stop.
    Interrupted,
    /// Compiling took more than it may. Says what it took, and which setting allows more.
    OverBudget {
        /// Completes "compiling it took …".
        took: String,
        /// The setting.
        setting: &'static str,
    },
    /// What the compiler says, or why there is no compiler.
    Failed(String),
}

impl ChildCompiler {
    /// Whether a module of this size is compiled in a child process.
    pub fn takes(&self, bytes: &[u8]) -> bool {
        bytes.len() >= LEAST
    }

    /// The output of the program for these bytes as its input. `task` tells it what to do, and what it may take.
    ///
    /// # Errors
    /// See [`NoCode`].
    pub fn compile(&self, task: &str, bytes: &[u8], budget: CompileBudget) -> Result<Vec<u8>, NoCode> {
        let mut child = Command::new(&self.program)
            .args([self.word, task])
            // Its standard error should say what is wrong, and nothing else.
            .env_remove("AIRTIGHT_LOG")
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| NoCode::Failed(format!("the compiler cannot be started: {error}")))?;
        let output = self.wait(&mut child, bytes)?;
        self.code(output, budget)
    }

    /// Feeds a child process and waits for its end. If the run is to stop, ends the process.
    fn wait(&self, child: &mut Child, bytes: &[u8]) -> Result<Output, NoCode> {
        let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            let (send, receive) = channel();
            scope.spawn(move || {
                // A process that has ended already says why itself.
                let _ = stdin.take().map(|mut stdin| stdin.write_all(bytes));
            });
            let errors = scope.spawn(move || read_all(stderr));
            scope.spawn(move || send.send(read_all(stdout)));
            let ended = loop {
                match receive.recv_timeout(LOOK) {
                    Ok(code) => break Ok(code),
                    Err(RecvTimeoutError::Disconnected) => break Ok(Vec::new()),
                    Err(RecvTimeoutError::Timeout) if self.interrupted.load(Ordering::Relaxed) => {
                        break Err(NoCode::Interrupted);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
            };
            if ended.is_err() {
                // It may have ended in this moment.
                let _ = child.kill();
            }
            let status = child.wait().map_err(|error| NoCode::Failed(error.to_string()))?;
            let stderr = errors.join().unwrap_or_default();
            ended.map(|stdout| Output { status, stdout, stderr })
        })
    }

    /// What the end of a child process means.
    fn code(&self, Output { status, stdout, stderr }: Output, budget: CompileBudget) -> Result<Vec<u8>, NoCode> {
        let said = String::from_utf8_lossy(&stderr);
        let said = said.trim();
        if status.success() {
            said.lines().for_each(|line| tracing::warn!("{line}"));
            return Ok(stdout);
        }
        if self.interrupted.load(Ordering::Relaxed) || is(status, Signal::INT) {
            return Err(NoCode::Interrupted);
        }
        if is(status, Signal::XCPU) {
            let took = format!("more processor time than {} s", budget.seconds());
            return Err(NoCode::OverBudget { took, setting: "compile-time" });
        }
        // When the machine has no memory left, the kernel ends a process by this signal.
        if said.contains(NO_MEMORY) || is(status, Signal::KILL) {
            let took = format!("more memory than {}", format_size(budget.memory));
            return Err(NoCode::OverBudget { took, setting: "compile-memory" });
        }
        Err(NoCode::Failed(match (status.code(), said) {
            (Some(_), said) if !said.is_empty() => said.to_owned(),
            _ => format!("the compiler ended with {status}; please report this"),
        }))
    }
}

/// Whether a process was ended by a signal.
fn is(status: ExitStatus, signal: Signal) -> bool {
    status.signal() == Some(signal.as_raw())
}

fn read_all(from: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // If the process was ended, what it wrote until then is all there is.
    let _ = from.map(|mut from| from.read_to_end(&mut bytes));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: CompileBudget = CompileBudget { time: Duration::from_secs(60), memory: 1 << 30 };

    /// A shell in place of the compiler.
    fn shell(script: &str) -> (ChildCompiler, Child) {
        let interrupted = Arc::default();
        let compiler = ChildCompiler { program: "sh".into(), word: "-c", budget: BUDGET, interrupted };
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        (compiler, command.spawn().unwrap())
    }

    fn end_of(script: &str) -> Result<Vec<u8>, NoCode> {
        let (compiler, mut child) = shell(script);
        let output = compiler.wait(&mut child, b"module")?;
        compiler.code(output, BUDGET)
    }

    #[test]
    fn every_end_of_a_child_is_told() {
        assert_eq!(end_of("cat"), Ok(b"module".to_vec()));
        let failed = |why: &str| Err(NoCode::Failed(why.to_owned()));
        assert_eq!(end_of("echo no such operator >&2; exit 1"), failed("no such operator"));
        assert_eq!(end_of("kill -SEGV $$"), failed("the compiler ended with signal: 11 (SIGSEGV); please report this"));
        // If the tests run in the background, the shell starts with this signal ignored, and cannot undo that itself.
        assert_eq!(end_of("exec env --default-signal=INT sh -c 'kill -INT $$'"), Err(NoCode::Interrupted));
        let over = |took: &str, setting| Err(NoCode::OverBudget { took: took.to_owned(), setting });
        assert_eq!(end_of("kill -XCPU $$"), over("more processor time than 60 s", "compile-time"));
        for script in ["kill -KILL $$", "echo memory allocation of 5 bytes failed >&2; kill -ABRT $$"] {
            assert_eq!(end_of(script), over("more memory than 1 GiB", "compile-memory"), "{script}");
        }
    }

    #[test]
    fn an_interrupt_ends_it() {
        let (compiler, mut child) = shell("exec sleep 1000");
        compiler.interrupted.store(true, Ordering::Relaxed);
        // More than a pipe holds: the thread that writes it must not be waited for, either.
        assert_eq!(compiler.wait(&mut child, &[0; 1 << 20]).unwrap_err(), NoCode::Interrupted);
        assert!(child.try_wait().unwrap().is_some(), "it is gone");
    }
}
