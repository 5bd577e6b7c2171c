#![doc = include_str!("../README.md")]

use std::io::{BufRead, Result};

/// Counts the lines of a log by collecting them first: memory grows with the log.
pub fn count_collected(log: &mut dyn BufRead) -> Result<usize> {
    let lines: Result<Vec<String>> = log.lines().collect();
    Ok(lines?.len())
}

/// Counts the lines of a log with one of them in memory at a time.
pub fn count_streamed(log: &mut dyn BufRead) -> Result<usize> {
    let mut lines = 0;
    let mut line = Vec::new();
    while log.read_until(b'\n', &mut line)? > 0 {
        lines += 1;
        line.clear();
    }
    Ok(lines)
}
