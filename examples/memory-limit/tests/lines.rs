//! A log of 1 MiB is counted within 2 MiB, or is not. Natively every test passes: limits hold under airtight alone.

use airtight::T;
use memory_limit::{count_collected, count_streamed};
use std::io::{BufReader, Read, Result};

const LINES: usize = 1 << 16;
const LINE: &[u8] = b"GET /index.html\n";

/// A log that is made while it is read, so that it takes no memory of its own.
struct Log {
    left: usize,
}

impl Read for Log {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        self.left -= 1;
        let length = LINE.len().min(buffer.len());
        buffer[..length].copy_from_slice(&LINE[..length]);
        Ok(length)
    }
}

fn log() -> BufReader<Log> {
    BufReader::new(Log { left: LINES })
}

/// The test itself says how little memory is enough.
#[airtight::test(memory = "2MiB")]
fn one_line_at_a_time_takes_little(_: &mut T) {
    assert_eq!(count_streamed(&mut log()).unwrap(), LINES);
}

#[airtight::test(memory = "2MiB")]
fn all_lines_at_once_take_too_much(_: &mut T) {
    assert_eq!(count_collected(&mut log()).unwrap(), LINES);
}

/// Knows nothing of airtight: its limit is in airtight.toml.
#[test]
fn an_ordinary_test_can_have_a_limit() {
    assert_eq!(count_collected(&mut log()).unwrap(), LINES);
}

/// To be refused memory breaks no limit where the program goes on without.
#[airtight::test(memory = "2MiB")]
fn a_program_may_try_for_more(_: &mut T) {
    let mut whole: Vec<u8> = Vec::new();
    let refused = whole.try_reserve_exact(4 << 20).is_err();
    assert!(refused || cfg!(not(target_family = "wasm")));
}
