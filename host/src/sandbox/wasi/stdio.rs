//! The standard streams: input from the policy, output captured up to a cap.

use super::object::{File, Interest, Readiness, Result};
use super::world::World;
use crate::report::model::Output;
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filetype};

/// Captured output of one test. Both streams share one cap, so that which bytes are kept does not depend on which stream
/// asks first on another machine: the order of writing decides.
#[derive(Debug)]
pub struct Capture {
    output: Output,
    room: u64,
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
        Self { output: Output::default(), room: cap, echo }
    }

    fn write(&mut self, error: bool, bytes: &[u8]) -> Result<()> {
        if let Some(Echo::Inherit) = self.echo {
            use std::io::Write;
            let written = if error {
                std::io::stderr().write_all(bytes)
            } else {
                std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush())
            };
            written.map_err(|_| Errno::Io)?;
        }
        let keep = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        let stream = if error { &mut self.output.stderr } else { &mut self.output.stdout };
        stream.extend_from_slice(&bytes[..keep]);
        self.room -= keep as u64;
        self.output.dropped += (bytes.len() - keep) as u64;
        Ok(())
    }

    /// Standard error so far.
    pub fn stderr(&self) -> &[u8] {
        &self.output.stderr
    }

    /// What was captured.
    pub fn into_output(self) -> Output {
        self.output
    }
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
                world.watch.wait(stdin.as_fd(), rustix::event::PollFlags::IN, None)?;
                Ok(rustix::io::read(stdin.as_fd(), buffer).map_err(std::io::Error::from)?)
            }
        }
    }

    fn poll(&mut self, interest: Interest) -> Result<Readiness> {
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
    fn output_over_the_cap_is_counted_not_kept() {
        let mut capture = Capture::new(5, None);
        capture.write(false, b"abc").unwrap();
        capture.write(true, b"defg").unwrap();
        capture.write(false, b"h").unwrap();
        let output = capture.into_output();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice(), output.dropped), (&b"abc"[..], &b"de"[..], 3));
    }
}
