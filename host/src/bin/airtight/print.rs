//! Writing to standard output, and the width of the terminal.

use crate::args::MessageFormat;
use crate::failure::{Done, Failure};
use airtight::exit_status;
use std::io::{ErrorKind, Write};

/// Writes to standard output. It is not a failure if nobody reads it.
pub fn print(text: &str) -> Done {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(cannot_print(error)),
        _ => Ok(exit_status::PASSED),
    }
}

pub fn cannot_print(error: std::io::Error) -> Failure {
    Failure::setup(anyhow::Error::from(error).context("cannot write to standard output"))
}

/// The width of the terminal that people read, in columns; `None` if it is not a terminal.
pub fn columns(format: MessageFormat) -> Option<usize> {
    let size = match format {
        MessageFormat::Human => terminal_size::terminal_size_of(std::io::stdout()),
        MessageFormat::LibtestJson | MessageFormat::LibtestJsonPlus | MessageFormat::Test2json => {
            terminal_size::terminal_size_of(std::io::stderr())
        }
    };
    size.map(|(terminal_size::Width(columns), _)| usize::from(columns))
}
