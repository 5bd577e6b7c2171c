//! Limits that are kept and limits that are broken.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;

const GIB: usize = 1 << 30;

#[test]
fn pass_a_refused_reservation() {
    assert!(Vec::<u8>::new().try_reserve(GIB).is_err());
}

#[test]
fn memory_after_a_refused_reservation() {
    assert!(Vec::<u8>::new().try_reserve(GIB).is_ok(), "refused");
}

#[test]
fn memory_at_once() {
    black_box(vec![1_u8; GIB]);
}

#[test]
fn memory_bit_by_bit() {
    let _open = File::create("/tmp/open").unwrap();
    let mut all = Vec::new();
    loop {
        all.push(black_box(vec![0_u8; 1 << 20]));
    }
}

#[test]
fn pass_just_under_the_limit() {
    black_box(Vec::<u8>::with_capacity(24 << 20));
}

#[test]
fn timeout_endless_loop() {
    let _open = File::create("/tmp/open").unwrap();
    loop {
        black_box(());
    }
}

#[test]
fn timeout_endless_calls_of_the_host() {
    loop {
        let _ = black_box(std::time::SystemTime::now());
    }
}

#[test]
fn trap_endless_recursion() {
    #[allow(unconditional_recursion)]
    fn deeper(n: u64) -> u64 {
        black_box(deeper(black_box(n + 1)) + 1)
    }
    deeper(0);
}

#[test]
fn pass_with_more_output_than_is_kept() {
    flood();
}

#[test]
fn fail_with_more_output_than_is_kept() {
    flood();
    panic!("after the flood");
}

fn flood() {
    let piece = [b'x'; 1 << 16];
    for _ in 0..32 {
        std::io::stdout().write_all(&piece).unwrap();
    }
}
