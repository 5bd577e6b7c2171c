//! The host's functions. See [`airtight_abi::mem`].

use airtight_abi::mem::MemStats;

type Record = [u8; MemStats::SIZE];

#[link(wasm_import_module = "airtight")]
unsafe extern "C" {
    fn mem_stats(record: *mut Record, len: usize) -> i32;
    fn mem_mark(record: *mut Record, len: usize) -> i32;
}

#[track_caller]
pub(super) fn stats() -> Option<MemStats> {
    let mut record = [0; MemStats::SIZE];
    // SAFETY: it points to a value that outlives the call, of the length that is told.
    let errno = unsafe { mem_stats(&mut record, MemStats::SIZE) };
    Some(read(errno, &record))
}

#[track_caller]
pub(super) fn mark() -> Option<MemStats> {
    let mut record = [0; MemStats::SIZE];
    // SAFETY: as above.
    let errno = unsafe { mem_mark(&mut record, MemStats::SIZE) };
    Some(read(errno, &record))
}

/// A host that does not answer must not look like one that saw nothing.
#[track_caller]
fn read(errno: i32, record: &Record) -> MemStats {
    assert!(errno == 0, "airtight does not tell of this test's memory: errno {errno}");
    match MemStats::read(record) {
        Ok(stats) => stats,
        Err(error) => panic!("{error}"),
    }
}
