use super::platform::{alloc, free, start};
use super::*;
use crate::libtest::message;
use airtight_abi::mem::Heap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of the panic.
fn failure<R>(run: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(_) => panic!("it does not fail"),
        Err(payload) => message(&*payload).to_owned(),
    }
}

#[test]
fn what_is_not_measured_is_no_zero() {
    assert_eq!(mem_stats(), MemStats::default());
    assert!(!mem_stats().measured() && mem_stats().linear.is_none());
    start(None);
    assert_eq!(mem_stats(), MemStats { linear: Some(1 << 16), ..MemStats::default() });
    assert!(!mem_stats().measured());
    start(Some(Heap::default()));
    assert!(mem_stats().measured());
    alloc(10);
    alloc(20);
    free(10);
    let expected = MemStats {
        alloc: Some(20),
        total_alloc: Some(30),
        mallocs: Some(2),
        frees: Some(1),
        heap_objects: Some(1),
        peak: Some(30),
        linear: Some(1 << 16),
    };
    assert_eq!(mem_stats(), expected);
}

#[test]
fn without_figures_nothing_fails_and_everything_runs() {
    for see in [false, true] {
        if see {
            start(None);
        }
        assert_heap_below(0);
        assert_eq!(memory().peak_below(0).total_below(0).allocations_at_most(0).no_growth().check(|| 7), 7);
        assert_eq!(assert_no_growth(|| "ran"), "ran");
    }
    assert!(unmeasured::words(false).contains("`airtight test` measures it"));
    let words = unmeasured::words(true);
    assert!(words.contains("of this test") && words.contains("the report says why") && words.contains("from here on"));
}

#[test]
fn a_heap_that_is_lost_from_sight_fails_nothing() {
    start(Some(Heap::default()));
    memory().allocations_at_most(0).check(|| start(None));
}

#[test]
fn the_live_heap_is_below_a_limit() {
    start(Some(Heap::default()));
    alloc(1024);
    assert_heap_below("2KiB");
    assert_heap_below(1025);
    let told = "memory: 1024 bytes live in 1 block, which is not below 1024";
    assert_eq!(failure(|| assert_heap_below("1KiB")), told);
    assert_eq!(failure(|| assert_heap_below(1024_u64)), told);
}

#[test]
fn growth_is_told_in_bytes_and_blocks() {
    start(Some(Heap::default()));
    alloc(100);
    assert_no_growth(|| {
        alloc(48);
        free(48);
    });
    assert_no_growth(|| free(100));
    alloc(100);
    let grown = |run: fn()| failure(|| assert_no_growth(run));
    assert_eq!(
        grown(|| alloc(48)),
        "memory: grew by 48 bytes in 1 block (100 bytes in 1 block before, 148 bytes in 2 blocks after)"
    );
    assert_eq!(
        grown(|| {
            free(148);
            alloc(149);
        }),
        "memory: grew by 1 byte (148 bytes in 2 blocks before, 149 bytes in 2 blocks after)"
    );
    assert_eq!(
        grown(|| alloc(0)),
        "memory: grew by 1 block (149 bytes in 2 blocks before, 149 bytes in 3 blocks after)"
    );
}

#[test]
fn a_check_is_of_what_it_runs_alone() {
    start(Some(Heap::default()));
    alloc(1000);
    alloc(5000);
    free(5000);
    memory().peak_below(501).total_below(501).allocations_at_most(1).no_growth().check(|| {
        alloc(500);
        free(500);
    });
}

#[test]
fn everything_that_does_not_hold_is_told() {
    start(Some(Heap::default()));
    let told = failure(|| {
        memory().peak_below("1KiB").total_below(2000).allocations_at_most(1).no_growth().check(|| {
            alloc(1024);
            free(1024);
            alloc(976);
        })
    });
    assert_eq!(
        told,
        "memory: up to 1024 bytes more live than before, which is not below 1024; 2000 bytes allocated in all, which is \
         not below 2000; 2 allocations, which is more than 1; grew by 976 bytes in 1 block (0 bytes in 0 blocks before, \
         976 bytes in 1 block after)"
    );
}

#[test]
fn a_check_within_a_check_hides_no_peak() {
    let peak_of = |run: fn()| {
        start(Some(Heap::default()));
        alloc(7);
        failure(|| memory().peak_below(0).check(run))
    };
    fn peak(bytes: u64) {
        alloc(bytes);
        free(bytes);
    }
    let around = |bytes| format!("memory: up to {bytes} bytes more live than before, which is not below 0");
    // Before, in and after the inner ones; and in one that is two deep.
    assert_eq!(
        peak_of(|| {
            peak(90);
            memory().check(|| peak(10));
            memory().check(|| ());
            peak(20)
        }),
        around(90)
    );
    assert_eq!(
        peak_of(|| {
            peak(20);
            memory().check(|| peak(91));
            memory().check(|| ());
            peak(10)
        }),
        around(91)
    );
    assert_eq!(
        peak_of(|| {
            peak(20);
            memory().check(|| ());
            memory().check(|| peak(10));
            peak(92)
        }),
        around(92)
    );
    assert_eq!(
        peak_of(|| {
            memory().check(|| memory().check(|| peak(93)));
            memory().check(|| peak(1))
        }),
        around(93)
    );
    // What an earlier one saw is not the next one's.
    start(Some(Heap::default()));
    memory().check(|| peak(1000));
    memory().peak_below(11).check(|| peak(10));
}

#[test]
fn sizes_are_checked_with_or_without_figures() {
    assert!(failure(|| assert_heap_below("4 megs")).contains("is not a size; write for example \"4MiB\""));
    assert_eq!(failure(|| memory().peak_below(-1)), "-1 is not a number of bytes");
    assert!(failure(|| memory().total_below(String::from("few"))).contains("is not a size"));
}
