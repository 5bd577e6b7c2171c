//! Runs other programs. This is behind a trait, so that the code that decides what to run can be tested without running it.
//!
//! Built on std, because the usual crates lack what is needed here. Lines of two streams have to be passed on, with their
//! stream, while the program runs. The program has to be ended on a time limit, and whenever the caller unwinds. And
//! reading has to stop if a daemon keeps the pipes open after the program's end. `duct` gives output at the end or as one
//! merged stream, waits for whoever holds the pipes, and does not end a program whose handle is dropped. `process-wrap` has
//! neither time limits nor readers, ends dropped programs only under tokio, and is for process groups, which children must
//! not have here (see [`System`]).

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How often a child without output is checked.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait for more output after the child's end: a daemon may have inherited its pipes.
const LINGER: Duration = Duration::from_secs(1);

/// One program to run.
#[derive(Debug, Clone)]
pub(crate) struct CommandLine {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub dir: Option<PathBuf>,
    /// Variables set (`Some`) or removed (`None`) on top of the inherited environment.
    pub env: Vec<(OsString, Option<OsString>)>,
    pub timeout: Option<Duration>,
}

impl CommandLine {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        CommandLine { program: program.into(), args: Vec::new(), dir: None, env: Vec::new(), timeout: None }
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub fn dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), Some(value.into())));
        self
    }

    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.env.push((name.into(), None));
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The command as one would type it, for messages.
    pub fn display(&self) -> String {
        let words = std::iter::once(self.program.as_os_str()).chain(self.args.iter().map(OsString::as_os_str));
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }
}

/// The stream that a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProcessEnding {
    Exit(i32),
    Signal(i32),
    TimedOut(Duration),
}

impl ProcessEnding {
    pub fn ok(self) -> bool {
        self == ProcessEnding::Exit(0)
    }
}

impl std::fmt::Display for ProcessEnding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ProcessEnding::Exit(status) => write!(f, "exit status {status}"),
            ProcessEnding::Signal(signal) => write!(f, "signal {signal}"),
            ProcessEnding::TimedOut(after) => write!(f, "stopped after {} s without an end", after.as_secs()),
        }
    }
}

/// How a program ended, and all its output.
#[derive(Debug, Clone)]
pub(crate) struct CommandOutput {
    pub ending: ProcessEnding,
    pub stdout: String,
    pub stderr: String,
}

/// Runs programs.
pub(crate) trait Launcher {
    /// Runs a program to its end, and passes on its output line by line.
    fn run(&self, command: &CommandLine, line: &mut dyn FnMut(Stream, &str)) -> io::Result<ProcessEnding>;

    /// Runs a program and keeps its output.
    fn capture(&self, command: &CommandLine) -> io::Result<CommandOutput> {
        self.capture_with(command, &mut |_| {})
    }

    /// Runs a program and keeps its output. Shows each line as it comes.
    fn capture_with(&self, command: &CommandLine, show: &mut dyn FnMut(&str)) -> io::Result<CommandOutput> {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let ending = self.run(command, &mut |stream, line| {
            let kept = if stream == Stream::Stdout { &mut stdout } else { &mut stderr };
            kept.push_str(line);
            kept.push('\n');
            show(line);
        })?;
        Ok(CommandOutput { ending, stdout, stderr })
    }
}

/// Runs programs on this machine. Children stay in the caller's process group, so Ctrl-C ends them, too.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct System;

impl Launcher for System {
    fn run(&self, command: &CommandLine, line: &mut dyn FnMut(Stream, &str)) -> io::Result<ProcessEnding> {
        tracing::debug!(command = command.display(), "running");
        let mut process = Command::new(&command.program);
        process.args(&command.args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(dir) = &command.dir {
            process.current_dir(dir);
        }
        for (name, value) in &command.env {
            match value {
                Some(value) => process.env(name, value),
                None => process.env_remove(name),
            };
        }
        let mut child = ChildGuard(process.spawn()?);
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.0.stdout.take() {
            read_lines(stdout, Stream::Stdout, sender.clone());
        }
        if let Some(stderr) = child.0.stderr.take() {
            read_lines(stderr, Stream::Stderr, sender);
        }
        let started = Instant::now();
        let mut ended: Option<Instant> = None;
        loop {
            match lines.recv_timeout(POLL) {
                Ok((stream, text)) => line(stream, &text),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if ended.is_none() && child.0.try_wait()?.is_some() {
                        ended = Some(Instant::now());
                    }
                    if ended.is_some_and(|at| at.elapsed() > LINGER) {
                        break;
                    }
                }
            }
            if let Some(limit) = command.timeout
                && ended.is_none()
                && started.elapsed() > limit
            {
                return Ok(ProcessEnding::TimedOut(limit));
            }
        }
        Ok(ending(child.0.wait()?))
    }
}

/// A child process that is ended when its handle is dropped, also by unwinding.
struct ChildGuard(Child);

impl Drop for ChildGuard {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            // Both fail only if the child has already ended.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

fn ending(status: ExitStatus) -> ProcessEnding {
    match (status.code(), status.signal()) {
        (Some(code), _) => ProcessEnding::Exit(code),
        (None, signal) => ProcessEnding::Signal(signal.unwrap_or_default()),
    }
}

fn read_lines(from: impl Read + Send + 'static, stream: Stream, to: Sender<(Stream, String)>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            // A read error ends the output, just as the end of the file does.
            if reader.read_until(b'\n', &mut bytes).unwrap_or(0) == 0 {
                return;
            }
            let text = String::from_utf8_lossy(&bytes);
            if to.send((stream, text.trim_end_matches(['\n', '\r']).to_owned())).is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> CommandLine {
        CommandLine::new("/bin/sh").args(["-c", script])
    }

    #[test]
    fn output_and_status_are_kept() {
        let captured = System.capture(&shell("echo out; echo err >&2; printf last; exit 3")).unwrap();
        assert_eq!(captured.ending, ProcessEnding::Exit(3));
        assert_eq!(captured.stdout, "out\nlast\n");
        assert_eq!(captured.stderr, "err\n");
    }

    #[test]
    fn a_signal_is_told_from_a_status() {
        assert_eq!(System.capture(&shell("kill -TERM $$")).unwrap().ending, ProcessEnding::Signal(15));
    }

    #[test]
    fn a_hanging_child_is_stopped() {
        let limit = Duration::from_millis(200);
        let started = Instant::now();
        let captured = System.capture(&CommandLine::new("sleep").arg("60").timeout(limit)).unwrap();
        assert_eq!(captured.ending, ProcessEnding::TimedOut(limit));
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_daemon_that_holds_the_pipe_is_not_waited_for() {
        let started = Instant::now();
        assert!(System.capture(&shell("sleep 30 & echo started")).unwrap().ending.ok());
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn environment_is_set_and_removed() {
        let command = shell("echo ${A-none} ${HOME-none}").env("A", "1").env_remove("HOME");
        assert_eq!(System.capture(&command).unwrap().stdout, "1 none\n");
    }
}
