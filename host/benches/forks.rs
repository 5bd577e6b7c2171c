//! What it costs to begin a test where a set-up ended: against a plain instance, against setting up in each test, and in memory of
//! the host. Interleaved rounds, and the median of each round's ratio.

mod support;

use airtight::{ModuleGrants, Plan, Runner};
use support::{Stopwatch, median, module, module_with_setup, planned_with};

const ROUNDS: usize = 11;

/// Pages of linear memory below what a set-up fills.
const BELOW: u32 = 17;

/// A function that fills memory from `BELOW` on: so many pages of 64 KiB.
fn fills(name: &str, pages: u32) -> String {
    format!(
        r#"(func ${name} (result i32)
            (memory.fill (i32.const {}) (i32.const 7) (i32.const {}))
            (i32.const 0))"#,
        BELOW << 16,
        pages << 16
    )
}

/// A test that writes a word to each of so many pages of the machine's, among what the set-up filled.
fn touches(pages: u32) -> String {
    format!(
        r#"(func $test (result i32) (local $i i32)
            (loop $again
                (i32.store (i32.add (i32.const {}) (i32.shl (local.get $i) (i32.const 12))) (local.get $i))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {pages}))))
            (i32.const 0))"#,
        BELOW << 16
    )
}

struct Case {
    planned: (Runner, Plan),
    tests: usize,
    /// How many entries pass beside the tests.
    others: usize,
}

impl Case {
    fn plain(tests: usize) -> Self {
        Self { planned: planned_with(tests, module(tests), ModuleGrants::default()), tests, others: 0 }
    }

    /// Tests that begin where a set-up ended which filled so much, and touch some of it.
    fn forked(tests: usize, filled: u32, touched: u32) -> Self {
        let functions = fills("setup", filled) + &touches(touched);
        let module = module_with_setup(tests, "", &functions, Some(BELOW + filled));
        Self { planned: planned_with(tests, module, ModuleGrants::default()), tests, others: 1 }
    }

    /// Tests each of which fills so much itself.
    fn set_up_in_each(tests: usize, filled: u32) -> Self {
        let module = module_with_setup(tests, "", &(fills("test", filled) + &fills("setup", 0)), Some(BELOW + filled));
        Self { planned: planned_with(tests, module, ModuleGrants::default()), tests, others: 1 }
    }

    /// Seconds that one test takes, without what is done once.
    fn seconds(&self) -> f64 {
        let (runner, planned) = &self.planned;
        let mut watch = Stopwatch::default();
        let report = runner.run(planned, &mut watch).unwrap();
        assert_eq!(watch.passed, self.tests + self.others);
        let tests = report.volatile.times.iter().filter(|time| !time.test.ends_with("setup"));
        tests.map(|time| time.us as f64 / 1e6).sum::<f64>() / self.tests as f64
    }
}

/// Megabytes of memory that this process has now.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4096.0 / f64::from(1 << 20)
}

fn main() {
    let mib = 16;
    let tests = 2_000;
    let cases = [
        ("plain", Case::plain(tests)),
        ("forked from 1 MiB, touches 1 page (at most 2 of plain)", Case::forked(tests, mib, 1)),
        ("forked from 1 MiB, touches 64 pages", Case::forked(tests, mib, 64)),
        ("forked from 64 MiB, touches 1 page", Case::forked(tests, 64 * mib, 1)),
        ("sets up 1 MiB in each", Case::set_up_in_each(tests, mib)),
        ("sets up 64 MiB in each", Case::set_up_in_each(100, 64 * mib)),
    ];
    let mut rounds: Vec<Vec<f64>> = cases.iter().map(|_| Vec::new()).collect();
    // `ROUNDS=3` for a quick look.
    let most = std::env::var("ROUNDS").ok().and_then(|most| most.parse().ok()).unwrap_or(ROUNDS);
    for round in 0..most + 1 {
        for ((_, case), seconds) in cases.iter().zip(&mut rounds) {
            let took = case.seconds();
            // The first round warms up.
            if round > 0 {
                seconds.push(took);
            }
        }
    }
    for ((name, _), seconds) in cases.iter().zip(&rounds) {
        let ratios = seconds.iter().zip(&rounds[0]).map(|(one, plain)| one / plain);
        println!("{name}: {:.1} us a test, {:.2} of plain", median(seconds.clone()) * 1e6, median(ratios.collect()));
    }
    drop(cases);
    let few = Case::forked(10, 64 * mib, 16);
    few.seconds();
    let before = resident();
    let many = Case::forked(1_000, 64 * mib, 16);
    many.seconds();
    println!("a 64 MiB fixture forked 1,000 times: {:.1} MiB more than forked 10 times", resident() - before);
}
