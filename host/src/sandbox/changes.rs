//! Tells what of an instance's memory changed.

use super::state::TestState;
use std::ops::Range;
use wasmtime::{Instance, Store};

/// The memory that an instance exports, at one moment.
#[derive(Debug)]
pub(super) struct MemoryCopy(Vec<u8>);

impl MemoryCopy {
    /// What the memory holds now; nothing where none is exported.
    pub(super) fn take(store: &mut Store<TestState>, instance: &Instance) -> Self {
        Self(bytes(store, instance).to_vec())
    }

    /// The addresses of bytes that are others now, in order. What the memory has grown by since is not looked at.
    pub(super) fn changed(&self, store: &mut Store<TestState>, instance: &Instance) -> Vec<Range<u32>> {
        changed(&self.0, bytes(store, instance))
    }
}

fn bytes<'a>(store: &'a mut Store<TestState>, instance: &Instance) -> &'a [u8] {
    instance.get_memory(&mut *store, "memory").map(|memory| memory.data(store)).unwrap_or_default()
}

/// Most bytes are the same, and whole pages of them are compared at once.
fn changed(before: &[u8], now: &[u8]) -> Vec<Range<u32>> {
    const PAGE: usize = 4096;
    let mut all: Vec<Range<u32>> = Vec::new();
    for (nth, (before, now)) in before.chunks(PAGE).zip(now.chunks(PAGE)).enumerate().filter(|(_, (a, b))| a != b) {
        for (at, _) in before.iter().zip(now).enumerate().filter(|(_, (before, now))| before != now) {
            // An address is of 32 bits.
            let address = (nth * PAGE + at) as u32;
            match all.last_mut().filter(|last| last.end == address) {
                Some(last) => last.end += 1,
                None => all.push(address..address + 1),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours_are_one_range_also_where_a_page_ends() {
        let before = vec![0; 10_000];
        let mut now = before.clone();
        for at in [0, 7, 8, 4095, 4096, 9_999] {
            now[at] = 1;
        }
        assert_eq!(changed(&before, &now), [0..1, 7..9, 4095..4097, 9_999..10_000]);
        now.extend([1; 10]);
        assert_eq!(changed(&now, &before), [0..1, 7..9, 4095..4097, 9_999..10_000]);
        assert!(changed(&before, &before).is_empty());
    }

    proptest! {
        #[test]
        fn each_byte_that_differs_is_in_a_range_and_no_other(
            bytes in proptest::collection::vec((0u8..3, 0u8..3), 0..300)
        ) {
            let (before, now): (Vec<u8>, Vec<u8>) = bytes.into_iter().unzip();
            let told: Vec<usize> = changed(&before, &now).into_iter().flatten().map(|at| at as usize).collect();
            let differ: Vec<usize> = (0..now.len()).filter(|at| before[*at] != now[*at]).collect();
            prop_assert_eq!(told, differ);
        }
    }
}
