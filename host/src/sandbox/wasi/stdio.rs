//! The standard streams: input from the policy, output captured up to a cap.

use super::table::{File, Interest, Readiness, Result};
use super::world::World;
use crate::model::Output;
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filetype};

/// Bytes of each stream's end that are kept when its middle is over the cap: the harness's closing line and the panic
/// message come last, however much a test prints before.
const TAIL: usize = 8 << 10;

/// Captured output of one test. Both streams share one cap, so that the order of writing alone decides what is kept.
#[derive(Debug)]
pub struct Capture {
    output: Output,
    room: u64,
    /// What was written over the cap, or at least the end of it: standard output, standard error.
    tails: [Vec<u8>; 2],
    echo: Option<Echo>,
}

/// Where output goes as it is written, besides being captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// To the host program's own standard streams.
    Inherit,
}

impl Capture {
    pub fn new(cap: u64, echo: Option<Echo>) -> Self {
        Self { output: Output::default(), room: cap, tails: [Vec::new(), Vec::new()], echo }
    }

    fn write(&mut self, error: bool, bytes: &[u8]) -> Result<()> {
        if self.echo.is_some() {
            pass_on(error, bytes).map_err(|_| Errno::Io)?;
        }
        let keep = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        let (kept, over) = bytes.split_at(keep);
        let stream = if error { &mut self.output.stderr } else { &mut self.output.stdout };
        stream.extend_from_slice(kept);
        self.room -= keep as u64;
        if !over.is_empty() {
            self.output.dropped += over.len() as u64;
            append_tail(&mut self.tails[usize::from(error)], over);
        }
        Ok(())
    }

    /// Bytes that are kept.
    pub fn held(&self) -> u64 {
        let [stdout, stderr] = &self.tails;
        [&self.output.stdout, &self.output.stderr, stdout, stderr].into_iter().map(|part| part.len() as u64).sum()
    }

    /// Standard error so far.
    pub fn stderr(&self) -> &[u8] {
        &self.output.stderr
    }

    /// What was captured: the start of each stream and, where the middle was over the cap, its end.
    pub fn into_output(mut self) -> Output {
        let [stdout, stderr] = self.tails;
        for (stream, tail) in [(&mut self.output.stdout, stdout), (&mut self.output.stderr, stderr)] {
            let tail = &tail[tail.len().saturating_sub(TAIL)..];
            self.output.dropped -= tail.len() as u64;
            stream.extend_from_slice(tail);
        }
        self.output
    }
}

fn append_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
    if tail.len() > 4 * TAIL {
        tail.drain(..tail.len() - TAIL);
    }
}

fn pass_on(error: bool, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    if error {
        return std::io::stderr().write_all(bytes);
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Standard input: the policy's bytes, or the host program's own stream.
pub enum Stdin {
    Bytes { bytes: std::sync::Arc<[u8]>, at: usize },
    Inherit,
}

impl File for Stdin {
    fn kind(&self) -> Filetype {
        Filetype::Unknown
    }

    fn read(&mut self, world: &mut World, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::Bytes { bytes, at } => {
                let rest = &bytes[*at..];
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                *at += count;
                Ok(count)
            }
            Self::Inherit => {
                use std::os::fd::AsFd;
                let stdin = std::io::stdin();
                world.watchdog.wait(stdin.as_fd(), rustix::event::PollFlags::IN, None)?;
                Ok(rustix::io::read(stdin.as_fd(), buffer).map_err(std::io::Error::from)?)
            }
        }
    }

    fn poll(&mut self, _: &mut World, interest: Interest) -> Result<Readiness> {
        let bytes = match (self, interest) {
            (Self::Bytes { bytes, at }, Interest::Read) => (bytes.len() - *at) as u64,
            _ => 0,
        };
        Ok(Readiness::Ready { bytes, hangup: false })
    }
}

/// Standard output or error.
pub struct Stdout {
    pub error: bool,
}

impl File for Stdout {
    fn kind(&self) -> Filetype {
        Filetype::Unknown
    }

    fn flags(&self) -> Fdflags {
        Fdflags::APPEND
    }

    fn write(&mut self, world: &mut World, bytes: &[u8]) -> Result<usize> {
        world.capture.write(self.error, bytes)?;
        Ok(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_kept_up_to_the_cap_and_the_end_always() {
        let mut capture = Capture::new(5, None);
        capture.write(false, b"abc").unwrap();
        capture.write(true, b"de").unwrap();
        for _ in 0..10_000 {
            capture.write(false, b"flood").unwrap();
        }
        capture.write(true, b"the end").unwrap();
        let output = capture.into_output();
        assert_eq!(output.stderr, b"dethe end");
        assert_eq!(output.stdout.len(), 3 + TAIL);
        assert!(output.stdout.starts_with(b"abc") && output.stdout.ends_with(b"flood"));
        assert_eq!(output.dropped, 50_000 - TAIL as u64);
    }
}
