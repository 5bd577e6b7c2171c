//! Functions by which a test asks the host about its memory. All are imported from [`MODULE`], take and return `i32`, and
//! return an errno of WASI preview 1 (0 for success); they write through the module's export `memory`.
//!
//! | import | parameters | what it does |
//! | --- | --- | --- |
//! | [`STATS`] | `record`, `len` | writes the test's [`MemStats`] to `*record` |
//! | [`MARK`] | `record`, `len` | does the same, and then starts [`Heap::peak_since_mark`] anew |
//!
//! Of the record's bytes, the first `len` are written; where `len` is more than there are, all. So a record may grow at its
//! end: who has a shorter one reads what it knows.
//!
//! # The record
//! Little endian, without alignment:
//!
//! | bytes | type | |
//! | --- | --- | --- |
//! | 0 | `u32` | [`MemStats::VERSION`] |
//! | 4 | `u32` | flags: [`MemStats::TRACKED`]; those that are not known are for later |
//! | 8 | `u64` | [`MemStats::linear`] |
//! | 16 | `u64` | [`Heap::alloc`] |
//! | 24 | `u64` | [`Heap::heap_objects`] |
//! | 32 | `u64` | [`Heap::total_alloc`] |
//! | 40 | `u64` | [`Heap::mallocs`] |
//! | 48 | `u64` | [`Heap::frees`] |
//! | 56 | `u64` | [`Heap::peak`] |
//! | 64 | `u64` | [`Heap::peak_since_mark`] |
//!
//! Without the flag, the figures of the heap are 0 and mean nothing.

pub use crate::net::MODULE;
use core::fmt;

/// The import that tells the figures.
pub const STATS: &str = "mem_stats";

/// The import that tells the figures and starts the mark's peak anew.
pub const MARK: &str = "mem_mark";

/// Every import with the number of its parameters, by name.
pub const IMPORTS: [(&str, usize); 2] = [(MARK, 2), (STATS, 2)];

/// The memory of a test, as the host sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemStats {
    /// Bytes of linear memory, over all memories of the instance.
    pub linear: u64,
    /// The heap; `None` where the host does not see it.
    pub heap: Option<Heap>,
}

/// The heap of a test: blocks that were allocated while the test itself ran, not its harness or start-up. Sizes are those
/// that were asked for, in bytes.
///
/// A reallocation of a live block counts as a block allocated and a block freed, so that [`Heap::mallocs`] less
/// [`Heap::frees`] is [`Heap::heap_objects`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heap {
    /// Live bytes.
    pub alloc: u64,
    /// Live blocks.
    pub heap_objects: u64,
    /// Bytes allocated in all; a reallocation counts its whole new size.
    pub total_alloc: u64,
    /// Successful allocations, reallocations included.
    pub mallocs: u64,
    /// Blocks freed, reallocations included.
    pub frees: u64,
    /// Most bytes that were live at once, since the test started.
    pub peak: u64,
    /// The same since the last [`MARK`], when it was [`Heap::alloc`]; without one, since the test started.
    pub peak_since_mark: u64,
}

impl MemStats {
    /// The layout described here.
    pub const VERSION: u32 = 1;
    /// Bytes of the record.
    pub const SIZE: usize = 72;

    /// The figures of the heap mean something.
    pub const TRACKED: u32 = 1;

    /// The record.
    pub fn write(&self) -> [u8; Self::SIZE] {
        let flags = if self.heap.is_some() { Self::TRACKED } else { 0 };
        let heap = self.heap.unwrap_or_default();
        let mut record = [0; Self::SIZE];
        let (head, figures) = record.split_at_mut(8);
        head[..4].copy_from_slice(&Self::VERSION.to_le_bytes());
        head[4..].copy_from_slice(&flags.to_le_bytes());
        let values = [
            self.linear,
            heap.alloc,
            heap.heap_objects,
            heap.total_alloc,
            heap.mallocs,
            heap.frees,
            heap.peak,
            heap.peak_since_mark,
        ];
        for (bytes, value) in figures.chunks_exact_mut(8).zip(values) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        record
    }

    /// Reads the record.
    ///
    /// # Errors
    /// If its version is older than [`MemStats::VERSION`]: a newer one only adds to it.
    pub fn read(record: &[u8; Self::SIZE]) -> Result<Self, OlderVersion> {
        let [version, flags] = [0, 4].map(|at| u32::from_le_bytes(part(record, at)));
        if version < Self::VERSION {
            return Err(OlderVersion(version));
        }
        let figure = |at| u64::from_le_bytes(part(record, at));
        let heap = (flags & Self::TRACKED != 0).then(|| Heap {
            alloc: figure(16),
            heap_objects: figure(24),
            total_alloc: figure(32),
            mallocs: figure(40),
            frees: figure(48),
            peak: figure(56),
            peak_since_mark: figure(64),
        });
        Ok(Self { linear: figure(8), heap })
    }
}

fn part<const N: usize>(record: &[u8; MemStats::SIZE], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&record[at..at + N]);
    part
}

/// The version of a [`MemStats`] that lacks what this one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OlderVersion(pub u32);

impl fmt::Display for OlderVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this airtight tells of memory in version {}, and the airtight-sdk reads {}: use the airtight and the \
             airtight-sdk of one release",
            self.0,
            MemStats::VERSION
        )
    }
}

impl core::error::Error for OlderVersion {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAP: Heap =
        Heap { alloc: 2, heap_objects: 3, total_alloc: 4, mallocs: 5, frees: 6, peak: 7, peak_since_mark: 8 };

    #[test]
    fn imports_are_sorted() {
        assert!(IMPORTS.is_sorted());
    }

    #[test]
    fn figures_lie_where_the_table_says() {
        let record = MemStats { linear: 1, heap: Some(HEAP) }.write();
        let mut expected = [0; MemStats::SIZE];
        (expected[0], expected[4]) = (1, 1);
        for (at, figure) in (8..).step_by(8).zip(1..=8) {
            expected[at] = figure;
        }
        assert_eq!(record, expected);
    }

    #[test]
    fn a_heap_that_is_not_tracked_has_no_figures() {
        let unseen = MemStats { linear: 65_536, heap: None };
        assert_eq!(MemStats::read(&unseen.write()), Ok(unseen));
        let mut record = MemStats { linear: 1, heap: Some(HEAP) }.write();
        record[4] = 0xfe;
        assert_eq!(MemStats::read(&record).map(|stats| stats.heap), Ok(None), "whatever the bytes are");
    }

    #[test]
    fn newer_records_are_read_and_older_ones_are_not() {
        let stats = MemStats { linear: 1, heap: Some(HEAP) };
        let mut record = stats.write();
        record[0] = 2;
        assert_eq!(MemStats::read(&record), Ok(stats));
        // What a host that wrote nothing left.
        assert_eq!(MemStats::read(&[0; MemStats::SIZE]), Err(OlderVersion(0)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(linear: u64, figures in any::<Option<[u64; 7]>>()) {
            let heap = figures.map(|[alloc, heap_objects, total_alloc, mallocs, frees, peak, peak_since_mark]| {
                Heap { alloc, heap_objects, total_alloc, mallocs, frees, peak, peak_since_mark }
            });
            let stats = MemStats { linear, heap };
            prop_assert_eq!(MemStats::read(&stats.write()), Ok(stats));
        }

        #[test]
        fn any_bytes_are_read_or_refused(head: [u8; 32], middle: [u8; 32], tail: [u8; 8]) {
            let mut record = [0; MemStats::SIZE];
            record[..32].copy_from_slice(&head);
            record[32..64].copy_from_slice(&middle);
            record[64..].copy_from_slice(&tail);
            if let Ok(stats) = MemStats::read(&record) {
                prop_assert_eq!(MemStats::read(&stats.write()), Ok(stats));
            }
        }
    }
}
