//! Clean-ups run whatever ends the test. The test opens a file and forgets it; its clean-up closes it, so that a report
//! in which nothing was reclaimed shows that the clean-up ran.

use airtight::T;
use std::fs::File;
use std::hint::black_box;
use std::os::fd::IntoRawFd;

/// Leaves a file open that only a clean-up closes.
fn open(t: &T) {
    let fd = File::create("/tmp/open").unwrap().into_raw_fd() as u32;
    t.cleanup(move || assert_eq!(plain::close(fd), 0));
}

#[airtight::test]
fn pass_cleaned(t: &mut T) {
    open(t);
}

#[airtight::test]
fn fail_cleaned(t: &mut T) {
    open(t);
    panic!("cleaned after a panic");
}

#[airtight::test]
fn fail_fatally_cleaned(t: &mut T) {
    open(t);
    t.fatal("cleaned after the end");
}

#[airtight::test]
fn skip_cleaned(t: &mut T) {
    open(t);
    t.skip("cleaned after a skip");
}

#[airtight::test]
fn exit_cleaned(t: &mut T) {
    open(t);
    std::process::exit(1);
}

#[airtight::test]
fn trap_cleaned(t: &mut T) {
    open(t);
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
}

#[airtight::test]
fn trap_memory_fault_cleaned(t: &mut T) {
    open(t);
    // SAFETY: none: in wasm, it traps.
    unsafe { black_box(0xffff_fff0_usize as *mut u64).write_volatile(1) };
}

#[airtight::test]
fn timeout_cleaned(t: &mut T) {
    open(t);
    loop {
        black_box(());
    }
}

#[airtight::test]
fn memory_cleaned(t: &mut T) {
    t.cleanup(|| {
        black_box(vec![1_u8; 64 << 10]);
    });
    open(t);
    let mut all = Vec::new();
    loop {
        all.push(black_box(vec![1_u8; 1 << 16]));
    }
}

#[airtight::test]
fn trap_endless_recursion_cleaned(t: &mut T) {
    #[allow(unconditional_recursion)]
    fn deeper(n: u64) -> u64 {
        black_box(deeper(black_box(n + 1)) + 1)
    }
    open(t);
    deeper(0);
}

#[airtight::test(should_panic)]
fn pass_panicked_cleaned(t: &mut T) {
    open(t);
    panic!("as it should");
}

#[airtight::test]
fn fail_in_a_cleanup(t: &mut T) {
    open(t);
    t.cleanup(|| panic!("in the clean-up"));
}

#[airtight::test]
fn fail_and_fail_in_cleanups(t: &mut T) {
    open(t);
    t.cleanup(|| panic!("the second clean-up"));
    t.cleanup(|| std::process::exit(0));
    panic!("the test");
}

#[airtight::test]
fn fail_in_a_cleanup_that_hangs(t: &mut T) {
    open(t);
    t.cleanup(|| {
        loop {
            black_box(());
        }
    });
}

#[airtight::test]
fn fail_in_a_cleanup_without_memory(t: &mut T) {
    open(t);
    t.cleanup(|| {
        black_box(vec![1_u8; 64 << 20]);
    });
}

#[airtight::test]
fn leak_in_a_cleanup(t: &mut T) {
    t.cleanup(|| std::mem::forget(File::create("/tmp/by-the-cleanup").unwrap()));
}

#[airtight::test]
fn fail_said_in_a_cleanup(t: &mut T) {
    open(t);
    t.cleanup(|| assert_eq!(black_box(1), 2, "checked at the end"));
}
