//! The whole cost of an SDK test against a bare loop over the same export: pooling, copy-on-write, fuel and epoch on, a
//! default `WasiCtx`, store creation and drop included. Interleaved rounds; the ratio of each round, and the median.

mod support;

use support::bare::Bare;
use support::{Stopwatch, median, planned};

const TESTS: usize = 10_000;
const ROUNDS: usize = 21;

fn main() {
    let loop_of = Bare::new(TESTS);
    let (runner, planned) = planned(TESTS);
    let (mut bare, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS + 1 {
        let one = loop_of.seconds();
        let mut watch = Stopwatch::default();
        runner.run(&planned, &mut watch).unwrap();
        assert_eq!(watch.passed, TESTS);
        let other = watch.took.as_secs_f64() / TESTS as f64;
        // The first round warms up.
        if round > 0 {
            bare.push(one * 1e6);
            ours.push(other * 1e6);
            ratios.push(other / one);
        }
    }
    eprintln!("bare {:.2} us, airtight {:.2} us a test (medians of {ROUNDS} rounds)", median(bare), median(ours));
    println!("sdk test against a bare loop: {:.2} (at most 1.5)", median(ratios));
}
