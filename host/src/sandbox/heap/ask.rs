//! What a test is told when it asks for its own memory. See [`airtight_abi::mem`].

use crate::sandbox::state::TestState;
use airtight_abi::mem::{Heap, MemStats};
use wiggle::{GuestMemory, GuestPtr};

/// What a test is told of the size of its linear memory, each time it asks: in a second run, whose blocks are elsewhere and
/// take some pages more, what it was told in the first.
#[derive(Debug, Clone, Default)]
pub struct Linear {
    asked: u64,
    /// Each answer that differs from the one before, with how often it had asked until then. Memory only grows, by pages.
    answers: Vec<(u64, u64)>,
    again: bool,
}

impl Linear {
    /// The same answers once more.
    pub fn again(self) -> Self {
        Self { asked: 0, again: true, ..self }
    }

    /// The answer, where `now` is the size.
    pub fn tell(&mut self, now: u64) -> u64 {
        self.asked += 1;
        let asked = self.asked;
        if self.again {
            let next = self.answers.partition_point(|(at, _)| *at <= asked);
            return next.checked_sub(1).map_or(now, |last| self.answers[last].1);
        }
        if self.answers.last().is_none_or(|(_, last)| *last != now) {
            self.answers.push((asked, now));
        }
        now
    }
}

/// `mem_stats`.
pub fn stats(state: &mut TestState, memory: &mut GuestMemory<'_>, record: i32, len: i32) -> anyhow::Result<i32> {
    let linear = state.heap.linear.tell(state.limiter.now());
    let told = MemStats { linear, heap: heap(state) }.write();
    let len = len.cast_unsigned().min(MemStats::SIZE as u32);
    let place = GuestPtr::<u8>::new(record.cast_unsigned()).as_array(len);
    memory.copy_from_slice(&told[..len as usize], place)?;
    Ok(0)
}

/// `mem_mark`.
pub fn mark(state: &mut TestState, memory: &mut GuestMemory<'_>, record: i32, len: i32) -> anyhow::Result<i32> {
    let done = stats(state, memory, record, len)?;
    if let Some(book) = state.heap.book() {
        book.mark();
    }
    Ok(done)
}

/// The figures so far; none where the heap is not tracked.
fn heap(state: &mut TestState) -> Option<Heap> {
    let book = state.heap.book()?;
    let figures = book.figures().ok()?;
    let mallocs = figures.allocations + figures.reallocations;
    Some(Heap {
        alloc: figures.live_bytes,
        heap_objects: figures.live_blocks,
        total_alloc: figures.total,
        mallocs,
        frees: mallocs - figures.live_blocks,
        peak: figures.peak,
        peak_since_mark: book.peak_since_mark(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_what_the_first_was() {
        let mut first = Linear::default();
        let sizes = [1, 1, 4, 4, 4, 9];
        assert_eq!(sizes.map(|now| first.tell(now)), sizes);
        assert_eq!(first.answers.len(), 3);
        let mut second = first.again();
        assert_eq!(sizes.map(|now| second.tell(now + 2)), sizes);
        assert_eq!(Linear::default().again().tell(7), 7, "the first never asked");
    }
}
