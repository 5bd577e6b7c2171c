//! Differences whose causes were found by reading, and that have to be.

use crate::heap_suites::fetch::PublishedCrate;

/// Tests whose results differ, and why they have to.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownDifference {
    /// The crate's name.
    pub suite: &'static str,
    /// A test as `module test`, or the beginning of several.
    pub test: &'static str,
    /// Why.
    pub why: &'static str,
}

const KNOWN: &[KnownDifference] = &[
    KnownDifference {
        suite: "crossbeam-channel",
        test: "crossbeam-channel/golang chan1::main",
        why: "a real leak: threads that receive for ever from a channel whose sender each of them holds, as they do in Go's test",
    },
    KnownDifference {
        suite: "crossbeam-channel",
        test: "crossbeam-channel/golang select7::main",
        why: "a real leak: a message may go into another channel, and the thread that waits for it holds its own sender",
    },
    KnownDifference {
        suite: "crossbeam-channel",
        test: "crossbeam-channel/golang sieve1::main",
        why: "a real leak: threads that send and filter numbers for ever, as they do in Go's test",
    },
    KnownDifference {
        suite: "minivec",
        test: "minivec r#impl::helpers::tests::make_layout_test",
        why: "holds where a pointer has 64 bits: a header of pointers' size has to be aligned more than an `i32`",
    },
    KnownDifference {
        suite: "minivec",
        test: "minivec/mine minivec_hash",
        why: "holds where a pointer has 64 bits: a constant is compared with a hash, in which the length is a `usize`",
    },
    KnownDifference {
        suite: "minivec",
        test: "minivec/mine minivec_leak",
        why: "a real leak, which is on the list of confirmed ones",
    },
];

/// The known difference that a test is, if it is one.
pub fn find(suite: &PublishedCrate, test: &str) -> Option<&'static KnownDifference> {
    KNOWN.iter().find(|known| known.suite == suite.name && test.starts_with(known.test))
}

/// Those of the suites that were run which were not found: they are mended, and may not hide what comes later.
pub fn stale(suites: &[PublishedCrate], found: &[&'static KnownDifference]) -> Vec<&'static KnownDifference> {
    let ran = |known: &&KnownDifference| suites.iter().any(|suite| suite.name == known.suite);
    KNOWN.iter().filter(ran).filter(|known| !found.contains(known)).collect()
}
