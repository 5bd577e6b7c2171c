//! What a test may say of its memory. Natively nothing is measured, so everything passes; in wasm the figures are exact, and
//! only airtight loads this target, so there the assertions that fail are tested too.

use airtight_sdk as airtight;
use airtight_sdk::{T, assert_heap_below, assert_no_growth, mem_stats, memory};

#[test]
fn a_plain_test_asks_too() {
    let before = mem_stats();
    let text = "x".repeat(1000);
    let after = mem_stats();
    assert_eq!(before.measured(), after.measured());
    if let (Some(before), Some(after)) = (before.alloc, after.alloc) {
        assert_eq!(after - before, 1000);
    }
    if let (Some(before), Some(after)) = (before.heap_objects, after.heap_objects) {
        assert_eq!(after - before, 1);
    }
    drop(text);
    assert_eq!(mem_stats().alloc, before.alloc);
}

#[airtight::test(peak_heap = "64KiB", lost = "0B", retained = "0B", allocations = 100)]
fn what_holds_passes(_: &mut T) {
    let mut words: Vec<String> = (0..10).map(|word| word.to_string()).collect();
    assert_heap_below("64KiB");
    let sum = memory().peak_below(1).total_below(1).allocations_at_most(0).no_growth().check(|| {
        words.reverse();
        words.iter().map(String::len).sum::<usize>()
    });
    assert_eq!(sum, 10);
    assert_no_growth(|| words.pop());
}

#[airtight::test]
fn figures_agree_with_each_other(_: &mut T) {
    let mut numbers = vec![1_u32];
    numbers.extend(0..1000);
    let stats = mem_stats();
    if let (Some(mallocs), Some(frees), Some(objects)) = (stats.mallocs, stats.frees, stats.heap_objects) {
        assert_eq!(mallocs - frees, objects);
    }
    if let (Some(alloc), Some(peak), Some(total)) = (stats.alloc, stats.peak, stats.total_alloc) {
        assert!(alloc <= peak && peak <= total, "{stats:?}");
    }
}

#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
mod under_airtight {
    use super::*;

    /// What waits for the panic is not a block of the test's own.
    #[airtight::test(should_panic = "nothing was allocated before")]
    fn a_test_that_should_panic_begins_with_an_empty_heap(_: &mut T) {
        assert_eq!(mem_stats().mallocs, Some(0));
        panic!("nothing was allocated before");
    }

    #[airtight::test(should_panic = "memory: grew by 48 bytes in 1 block (")]
    fn growth_fails(_: &mut T) {
        assert_no_growth(|| vec![0_u8; 48]);
    }

    #[airtight::test(should_panic = "which is not below 1000")]
    fn a_heap_that_is_too_large_fails(_: &mut T) {
        let held = vec![0_u8; 1000];
        assert_heap_below(held.len());
    }

    #[airtight::test(
        should_panic = "; 400 bytes allocated in all, which is not below 400; 2 allocations, which is more"
    )]
    fn everything_that_does_not_hold_is_told(_: &mut T) {
        memory().peak_below(300).total_below(400).allocations_at_most(1).no_growth().check(|| {
            drop(std::hint::black_box(vec![0_u8; 300]));
            drop(std::hint::black_box(vec![0_u8; 100]));
        });
    }
}
