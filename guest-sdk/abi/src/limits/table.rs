//! The table: a row for each limit.

use super::heap::{HeapFigure, HeapKind, Leftover, Tally};
use super::row::{Breach, Row, Source};
use crate::units::Quantity;
use alloc::string::String;

/// Makes [`Limit`] of rows, so that there is no limit without one.
macro_rules! limits {
    ($($(#[$doc:meta])* $limit:ident: $row:expr;)*) => {
        /// A limit that a test runs under, in the order in which lists show them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Limit {
            $($(#[$doc])* $limit,)*
        }

        impl Limit {
            /// Every limit, in order.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$limit),*];
            /// How many there are.
            pub const COUNT: usize = [$(Self::$limit),*].len();

            /// Everything that is said of it.
            pub const fn row(self) -> &'static Row {
                match self {
                    $(Self::$limit => {
                        const ROW: Row = $row;
                        &ROW
                    })*
                }
            }
        }
    };
}

/// What the rows of sizes have in common.
const SIZE: Row = Row {
    name: "",
    key: "",
    quantity: Quantity::Size,
    least: 1,
    most: u64::MAX,
    most_because: "",
    default: None,
    sources: Source::ALL,
    elsewhere: "",
    breach: Breach::Memory,
    heap: None,
    help: "",
    unit: ["", ""],
    phrase: "",
    caveat: "",
    advice: "make the test need less",
};

/// What the rows of counts have in common.
const COUNT: Row = Row { quantity: Quantity::Count, ..SIZE };

/// What the rows of times have in common.
const TIME: Row = Row {
    quantity: Quantity::Duration,
    breach: Breach::Time,
    unit: [" of wall-clock time", " of wall-clock time"],
    ..SIZE
};

/// What the rows of limits on the heap have in common, those on bytes.
const HEAP: Row = Row { least: 0, ..SIZE };

limits! {
    /// Linear memory, in bytes, over all memories of the instance.
    Memory: Row {
        name: "memory",
        key: "memory",
        default: Some(256 << 20),
        help: "Cap on linear memory",
        ..SIZE
    };
    /// Fuel: wasm operators executed, and host work by a fixed tariff. Deterministic.
    Fuel: Row {
        name: "fuel",
        key: "fuel",
        quantity: Quantity::Fuel,
        default: Some(10_000_000_000_000),
        breach: Breach::Time,
        help: "Fuel: the deterministic limit of time",
        unit: [" unit of fuel", " units of fuel"],
        ..SIZE
    };
    /// Wall-clock watchdog behind the fuel, in milliseconds; a test that ends on it makes the report not reproducible.
    Timeout: Row {
        name: "timeout",
        key: "timeout-ms",
        default: Some(300_000),
        help: "Wall-clock limit",
        caveat: " (which depends on the machine: another run may end elsewhere)",
        ..TIME
    };
    /// Wall-clock time after which a running test is told of as slow, in milliseconds.
    SlowTimeout: Row {
        name: "slow-timeout",
        key: "slow-timeout-ms",
        default: Some(60_000),
        breach: Breach::Note,
        help: "Wall-clock time after which a running test is told of as slow; its verdict stays",
        ..TIME
    };
    /// The guest's call stack on the host, in bytes. One value a run: it is compiled into the engine.
    Stack: Row {
        name: "stack",
        key: "stack",
        most: 1 << 30,
        most_because: "each worker thread reserves it; the most is 1 GiB",
        default: Some(8 << 20),
        sources: Source::OF_A_RUN,
        elsewhere: "it is compiled into the engine, so it has one value a run",
        breach: Breach::Failure,
        help: "The guests' call stack",
        ..SIZE
    };
    /// Captured standard output and error together, in bytes; what is over is dropped, and the report says so. The last 8 KiB
    /// of each stream are kept in any case: a panic message comes last.
    Output: Row {
        name: "output",
        key: "output",
        least: 0,
        default: Some(1 << 20),
        breach: Breach::Refusal,
        help: "Cap on captured output",
        ..SIZE
    };
    /// Descriptors of the test's own open at once; standard streams and what was granted are not counted. Those of host files
    /// and sockets are the host's too: a test for which the host has none left fails, and says so. The programs raise the
    /// process's soft limit (`ulimit -n`) to the hard one as they start; whoever embeds the library may do the same.
    Handles: Row {
        name: "handles",
        key: "handles",
        most: u32::MAX as u64,
        default: Some(1024),
        breach: Breach::Refusal,
        help: "Cap on descriptors of the test's own that are open at once",
        unit: [" descriptor open at once", " descriptors open at once"],
        ..COUNT
    };
    /// Threads that a test may have at once, beside its main one; of a module that has threads. Each takes a stack of the host's.
    LiveThreads: Row {
        name: "live-threads",
        key: "live-threads",
        least: 0,
        most: 1 << 16,
        default: Some(1024),
        breach: Breach::Refusal,
        help: "Cap on threads of the test that exist at once, beside its main one",
        unit: [" thread beside the main one", " threads beside the main one"],
        ..COUNT
    };
    /// Bytes that a test may hold in files in memory: the scratch file system and what it writes to overlays, together. With 0
    /// there is no scratch file system.
    Scratch: Row {
        name: "scratch",
        key: "scratch",
        least: 0,
        default: Some(256 << 20),
        breach: Breach::Refusal,
        help: "Cap on the bytes of files in memory; with 0 there is no /tmp",
        ..SIZE
    };
    /// Names that a test may make in memory, unlinked files that are open included.
    ScratchEntries: Row {
        name: "scratch-entries",
        key: "scratch-entries",
        least: 0,
        most: u32::MAX as u64,
        default: Some(1 << 16),
        breach: Breach::Refusal,
        help: "Cap on the names of files and directories in memory",
        unit: [" name of a file in memory", " names of files in memory"],
        ..COUNT
    };
    /// Bytes moved by the calls of one test: read and written through descriptors, directory entries, randomness. The test
    /// ends after the call that goes over it.
    Io: Row {
        name: "io",
        key: "io",
        default: Some(16 << 30),
        breach: Breach::Failure,
        help: "Cap on the bytes that the test's calls read and write",
        ..SIZE
    };
    /// Bytes that the host holds for one test, beside its linear memory: captured output, scratch and overlay files and their
    /// names, buffers of sockets inside the test, open descriptors with their stacks, directories being read, live heap blocks with
    /// their pictures and stacks, and what is remembered of each file of a grant that the test has met. The test ends after the
    /// call that goes over it. At its end, its record in the report. What the host holds for a test is memory of the test's as much
    /// as its own is.
    HostMemory: Row {
        name: "host-memory",
        key: "host-memory",
        default: Some(512 << 20),
        help: "Cap on the bytes that the host holds for the test: output, files in memory, open descriptors",
        ..SIZE
    };
    /// Most bytes of the test's own heap blocks that may be live at once, judged at its end.
    PeakHeap: Row {
        name: "peak-heap",
        key: "peak-heap",
        heap: Some(HeapFigure {
            kind: HeapKind::Tally(Tally::Peak),
            before: "",
            after: " bytes of its heap were live at once",
        }),
        help: "Cap on the bytes of the test's own heap blocks that are live at once",
        phrase: " of heap blocks that are live at once",
        ..HEAP
    };
    /// Most bytes that a test may lose: heap blocks that nothing reaches at its end. What a lost block does to the verdict
    /// otherwise is the action `leaks.heap`.
    Lost: Row {
        name: "lost",
        key: "lost",
        heap: Some(HeapFigure {
            kind: HeapKind::Leftover(Leftover::Lost),
            before: "it lost ",
            after: " bytes of its heap",
        }),
        help: "Cap on the bytes of heap blocks that nothing reaches at the end",
        phrase: " of heap blocks that nothing reaches at the end",
        advice: "free what is lost",
        ..HEAP
    };
    /// Most bytes of its own heap blocks that static data may still reach at its end. What such a block does to the verdict
    /// otherwise is the action `leaks.retained`.
    Retained: Row {
        name: "retained",
        key: "retained",
        heap: Some(HeapFigure {
            kind: HeapKind::Leftover(Leftover::Retained),
            before: "",
            after: " bytes of its heap are still reachable at its end",
        }),
        help: "Cap on the bytes of heap blocks that static data still reaches at the end",
        phrase: " of heap blocks that static data still reaches at the end",
        advice: "let go of what static data keeps",
        ..HEAP
    };
    /// Most allocations, reallocations included.
    Allocations: Row {
        name: "allocations",
        key: "allocations",
        least: 0,
        heap: Some(HeapFigure {
            kind: HeapKind::Tally(Tally::Allocations),
            before: "it allocated ",
            after: " times",
        }),
        help: "Cap on allocations, reallocations included",
        unit: [" allocation", " allocations"],
        phrase: ", reallocations included",
        advice: "make the test allocate less often",
        ..COUNT
    };
    /// Most bytes of a single block that a test may ask for, judged at its end. A reallocation asks for its whole new size, and
    /// what the allocator refuses was asked for too: a length that was read from hostile input breaks the limit, whether there
    /// was memory for it or not.
    LargestAllocation: Row {
        name: "largest-allocation",
        key: "largest-allocation",
        heap: Some(HeapFigure {
            kind: HeapKind::Tally(Tally::Largest),
            before: "it asked for ",
            after: " bytes in one allocation",
        }),
        help: "Cap on the bytes of a single block that the test asks for",
        phrase: " in one allocation",
        advice: "make the test ask for smaller blocks",
        ..HEAP
    };
}

impl Limit {
    /// Name of the setting and the option: `peak-heap`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The limit of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }

    /// The limit with that key in a test's metadata.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.row().key == key)
    }

    /// Name of the attribute's argument: `peak_heap`.
    pub fn attribute(self) -> String {
        self.name().replace('-', "_")
    }

    /// Name of the environment variable: `AIRTIGHT_PEAK_HEAP`.
    pub fn variable(self) -> String {
        alloc::format!("AIRTIGHT_{}", self.attribute().to_uppercase())
    }

    /// Whether it can be set there.
    pub fn can_be_set_by(self, source: Source) -> bool {
        self.row().sources.contains(&source)
    }
}
