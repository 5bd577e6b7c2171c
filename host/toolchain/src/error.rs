//! What can go wrong while a toolchain is found or installed.

use std::io;
use std::path::PathBuf;

/// Why there is no toolchain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolchainError {
    /// There is no place to keep a sysroot in.
    #[error("no cache directory: there is no home directory; set {variable} to a directory")]
    NoCacheDir {
        /// The variable that names a cache directory.
        variable: &'static str,
    },
    /// The caller did not permit an installation that is needed.
    #[error("{}", refusal(.reasons, .commands))]
    NotPermitted {
        /// What was found or tried, one line each.
        reasons: Vec<String>,
        /// Commands to type, the best first. Any one of them is enough.
        commands: Vec<String>,
    },
    /// Neither rustup nor the distribution can provide a toolchain.
    #[error("{}", dead_end(.reasons))]
    Unavailable {
        /// What was found or tried, one line each.
        reasons: Vec<String>,
    },
    /// Panics are to unwind, and the sources to build std for that are missing.
    #[error("std cannot be built so that panics unwind: {}\nto get its sources, type\n    {command}", .reasons.join("; "))]
    NoSources {
        /// What was found or tried.
        reasons: Vec<String>,
        /// The command to type.
        command: String,
    },
    /// Guests are to have threads, and there is no std with threads.
    #[error(
        "tests with threads are built for wasm32-wasip1-threads, and there is no std for it{}\n{}",
        bullets(.reasons), threads_advice(.command.as_deref())
    )]
    NoThreads {
        /// What was found or tried, one line each.
        reasons: Vec<String>,
        /// The command to type, if one helps.
        command: Option<String>,
    },
    /// A program that had to succeed failed.
    #[error("`{command}` failed ({ending}){}", indented(.output))]
    Command {
        /// The command line.
        command: String,
        /// The exit status or the signal.
        ending: String,
        /// The end of its output.
        output: String,
    },
    /// A program could not be started.
    #[error("cannot run `{command}`")]
    Start {
        /// The command line.
        command: String,
        /// Why the program could not be started.
        source: io::Error,
    },
    /// A file of the sysroot could not be written or read.
    #[error("cannot {action} {}", .path.display())]
    File {
        /// What was being done: `create`, `copy`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why that failed.
        source: io::Error,
    },
    /// No linker could link a test with the sysroot.
    #[error("no linker links a test for wasm32-wasip1{}\nto get one, type\n    {command}", bullets(.tried))]
    NoLinker {
        /// Each linker, with its error.
        tried: Vec<String>,
        /// The command that installs another linker.
        command: String,
    },
}

impl ToolchainError {
    /// Makes the error of a file operation, for `map_err`.
    pub(crate) fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> ToolchainError {
        let path = path.to_owned();
        move |source| ToolchainError::File { action, path, source }
    }
}

fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  - {line}")).collect()
}

fn threads_advice(command: Option<&str>) -> String {
    match command {
        Some(command) => format!("to get it, type\n    {command}"),
        None => "install Rust with rustup (https://rustup.rs), then `rustup target add wasm32-wasip1-threads`; no \
                 distribution packages it"
            .to_owned(),
    }
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("\n    {line}")).collect()
}

fn refusal(reasons: &[String], commands: &[String]) -> String {
    let mut text = format!("there is no wasm32-wasip1 toolchain{}\nto get one, type", bullets(reasons));
    for (index, command) in commands.iter().enumerate() {
        text += if index == 0 { "\n    " } else { "\nor\n    " };
        text += command;
    }
    text
}

fn dead_end(reasons: &[String]) -> String {
    format!(
        "there is no wasm32-wasip1 toolchain, and none can be installed here{}\n\
         install Rust with rustup (https://rustup.rs), then `rustup target add wasm32-wasip1`",
        bullets(reasons)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_gives_the_commands_to_type() {
        let error = ToolchainError::NotPermitted {
            reasons: vec!["rustup: no network".into()],
            commands: vec!["sudo apt-get install x".into(), "airtight setup --yes".into()],
        };
        assert_eq!(
            error.to_string(),
            "there is no wasm32-wasip1 toolchain\n  - rustup: no network\nto get one, type\n    sudo apt-get install x\n\
             or\n    airtight setup --yes"
        );
    }

    #[test]
    fn a_failed_command_shows_its_output() {
        let error =
            ToolchainError::Command { command: "a b".into(), ending: "exit status 1".into(), output: "x\ny\n".into() };
        assert_eq!(error.to_string(), "`a b` failed (exit status 1)\n    x\n    y");
    }
}
