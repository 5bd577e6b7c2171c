//! Bytes on their way to one end of a connection, and the memory that all of a test's pipes share.

use std::collections::VecDeque;
use wasi_common::snapshots::preview_1::types::Errno;

/// The most bytes that wait in one direction of a connection.
pub const CAPACITY: usize = 64 << 10;

/// The memory that a network may take from the host.
#[derive(Debug, Clone)]
pub struct Budget {
    held: u64,
    limit: u64,
}

impl Budget {
    pub fn new(limit: u64) -> Self {
        Self { held: 0, limit }
    }

    /// How many bytes are taken now.
    pub fn held(&self) -> u64 {
        self.held
    }

    pub fn take(&mut self, bytes: u64) -> Result<(), Errno> {
        let held = self.held.saturating_add(bytes);
        if held > self.limit {
            return Err(Errno::Nobufs);
        }
        self.held = held;
        Ok(())
    }

    pub fn give_back(&mut self, bytes: u64) {
        self.held = self.held.saturating_sub(bytes);
    }
}

/// A queue of bytes. While it holds any, it takes its whole capacity from the budget. So what a test is refused does not
/// depend on how the queue grows.
#[derive(Debug, Clone, Default)]
pub struct Pipe {
    bytes: VecDeque<u8>,
}

impl Pipe {
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.len() >= CAPACITY
    }

    /// Puts as many bytes in as fit.
    pub fn write(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<usize, Errno> {
        let count = bytes.len().min(CAPACITY - self.len());
        if count > 0 && self.is_empty() {
            budget.take(CAPACITY as u64)?;
        }
        self.bytes.extend(&bytes[..count]);
        Ok(count)
    }

    /// Copies bytes out, and leaves them in the queue.
    pub fn peek(&self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.len());
        let (first, second) = self.bytes.as_slices();
        let split = first.len().min(count);
        buffer[..split].copy_from_slice(&first[..split]);
        buffer[split..count].copy_from_slice(&second[..count - split]);
        count
    }

    /// Takes bytes out.
    pub fn read(&mut self, buffer: &mut [u8], budget: &mut Budget) -> usize {
        let count = self.peek(buffer);
        if count == self.len() {
            self.clear(budget);
        } else {
            self.bytes.drain(..count);
        }
        count
    }

    pub fn clear(&mut self, budget: &mut Budget) {
        if !self.is_empty() {
            budget.give_back(CAPACITY as u64);
        }
        self.bytes = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_holds_its_capacity_and_no_more() {
        let mut budget = Budget::new(CAPACITY as u64);
        let mut pipe = Pipe::default();
        assert_eq!(pipe.write(&vec![1; CAPACITY + 1], &mut budget), Ok(CAPACITY));
        assert!(pipe.is_full());
        assert_eq!(pipe.write(&[1], &mut budget), Ok(0));
        assert_eq!(Pipe::default().write(&[1], &mut budget), Err(Errno::Nobufs), "the budget is for all pipes");
        pipe.clear(&mut budget);
        assert_eq!(budget.held(), 0);
    }

    proptest! {
        /// Bytes come out once, in the order in which they went in. Memory is held exactly while there are any.
        #[test]
        fn first_in_first_out(steps in proptest::collection::vec((any::<bool>(), 0..40_000_usize), 0..60)) {
            let mut budget = Budget::new(CAPACITY as u64);
            let (mut pipe, mut model, mut next) = (Pipe::default(), VecDeque::new(), 0_u8);
            for (write, count) in steps {
                if write {
                    let bytes: Vec<u8> = (0..count).map(|at| next.wrapping_add(at as u8)).collect();
                    let taken = pipe.write(&bytes, &mut budget).unwrap();
                    prop_assert_eq!(taken, count.min(CAPACITY - model.len()));
                    next = next.wrapping_add(taken as u8);
                    model.extend(&bytes[..taken]);
                } else {
                    let (mut seen, mut read) = (vec![0; count], vec![0; count]);
                    let peeked = pipe.peek(&mut seen);
                    let got = pipe.read(&mut read, &mut budget);
                    prop_assert_eq!(peeked, got);
                    let expected: Vec<u8> = model.drain(..count.min(model.len())).collect();
                    prop_assert_eq!(&seen[..got], &expected[..]);
                    prop_assert_eq!(&read[..got], &expected[..]);
                }
                prop_assert_eq!(pipe.len(), model.len());
                prop_assert_eq!(budget.held(), if model.is_empty() { 0 } else { CAPACITY as u64 });
            }
        }
    }
}
