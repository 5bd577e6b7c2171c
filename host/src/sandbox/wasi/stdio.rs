//! The standard streams as files: input comes from the policy, and output is captured.

use super::table::{File, Interest, Readiness, Result};
use super::world::World;
use wasi_common::snapshots::preview_1::types::{Fdflags, Filetype};

/// Standard input: the policy's bytes, or the stream of the program that runs the test.
#[derive(Clone)]
pub enum Stdin {
    Bytes { bytes: std::sync::Arc<[u8]>, at: usize },
    Inherited,
}

impl File for Stdin {
    fn fork(&self) -> Option<Box<dyn File>> {
        Some(Box::new(self.clone()))
    }

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
            Self::Inherited => {
                use std::os::fd::AsFd;
                world.inherited_input = true;
                let stdin = std::io::stdin();
                world.watchdog.wait(stdin.as_fd(), rustix::event::PollFlags::IN, None)?;
                Ok(rustix::io::read(stdin.as_fd(), buffer).map_err(std::io::Error::from)?)
            }
        }
    }

    fn poll(&mut self, world: &mut World, interest: Interest) -> Result<Readiness> {
        let bytes = match (self, interest) {
            (Self::Bytes { bytes, at }, Interest::Read) => (bytes.len() - *at) as u64,
            (Self::Inherited, Interest::Read) => {
                world.inherited_input = true;
                0
            }
            _ => 0,
        };
        Ok(Readiness::Ready { bytes, hangup: false })
    }
}

/// Standard output or error.
#[derive(Clone)]
pub struct Stdout {
    pub error: bool,
}

impl File for Stdout {
    fn fork(&self) -> Option<Box<dyn File>> {
        Some(Box::new(self.clone()))
    }

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
