//! What it costs to begin a test where a set-up ended: against a plain instance, against setting up in each test, and in memory of
//! the host; and what a subtest costs that is forked where its test stands. Interleaved rounds, and the median of each round's ratio.

mod support;

use airtight::{ModuleGrants, Plan, Runner};
use support::{Stopwatch, export, median, module, module_with_setup, planned_with};

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

/// Forks of a test, in each round.
const FORKS: u32 = 50;

/// A module with a test that fills memory, `filled` pages of 64 KiB, and forks `forks` times. Before each fork it writes a word to
/// `changed` pages of the machine's, and each fork writes one to `touched`.
fn forking(forks: u32, filled: u32, (changed, touched): (u32, u32)) -> Vec<u8> {
    let export = export(0);
    let body = format!("name\0bench::t000000\0export\0{export}\0file\0src/lib.rs\0line\01\0");
    let len = u32::try_from(body.len()).unwrap().to_le_bytes();
    let record = b"ATR1".iter().chain(&len).chain(body.as_bytes());
    let section: String = record.map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module
            (import "airtight" "scope_fork" (func $scope_fork (param i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") {})
            (global $__stack_pointer (mut i32) (i32.const 1048576))
            (data (i32.const 2000) "case")
            (data (i32.const 3000) "\01\00\00\00")
            (func (export "airtight:state") (result i32) (i32.const 3000))
            (func (export "airtight:cleanup") (export "airtight:flush") (result i32) (i32.const 0))
            (func (export "airtight:next-cleanup") (param i32) (result i32) (i32.const 0))
            (func $touch (param $pages i32) (param $word i32) (local $i i32)
                (block $done (loop $again
                    (br_if $done (i32.ge_u (local.get $i) (local.get $pages)))
                    (i32.store (i32.add (i32.const {below}) (i32.shl (local.get $i) (i32.const 12))) (local.get $word))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br $again))))
            (func (export "airtight:subtest") (param i32 i32) (result i32)
                (call $touch (i32.const {touched}) (i32.const -1)) (i32.const 0))
            (func (export "{export}") (result i32) (local $nth i32)
                (memory.fill (i32.const {below}) (i32.const 7) (i32.const {}))
                (block $done (loop $again
                    (br_if $done (i32.ge_u (local.get $nth) (i32.const {forks})))
                    (local.set $nth (i32.add (local.get $nth) (i32.const 1)))
                    (call $touch (i32.const {changed}) (local.get $nth))
                    (drop (call $scope_fork (i32.const 3000) (i32.const 2000) (i32.const 4) (i32.const 0) (i32.const 0)))
                    (br $again)))
                (i32.const 0))
            (@custom "airtight.tests" "{section}"))"#,
        BELOW + filled,
        filled << 16,
        below = BELOW << 16,
    );
    wat::parse_str(text).unwrap()
}

/// Seconds that each fork of such a test takes, what is done once for all of them included.
struct Forking {
    none: Case,
    all: Case,
}

impl Forking {
    fn new(filled: u32, each: (u32, u32)) -> Self {
        let case = |forks| Case {
            planned: planned_with(1, forking(forks, filled, each), ModuleGrants::default()),
            tests: 1,
            others: 0,
        };
        Self { none: case(0), all: case(FORKS) }
    }

    fn seconds(&self) -> f64 {
        (self.all.seconds() - self.none.seconds()) / f64::from(FORKS)
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
    let forks = [
        ("a fork of 1 MiB, where nothing changes", Forking::new(mib, (0, 0))),
        ("a fork of 1 MiB, where 1 page changes and 1 is touched", Forking::new(mib, (1, 1))),
        ("a fork of 16 MiB, where 1 page changes and 1 is touched", Forking::new(16 * mib, (1, 1))),
        ("a fork of 64 MiB, where 1 page changes and 1 is touched", Forking::new(64 * mib, (1, 1))),
        ("a fork of 64 MiB, where 256 pages change and 1 is touched", Forking::new(64 * mib, (256, 1))),
        ("a fork of 64 MiB, where 1 page changes and 256 are touched", Forking::new(64 * mib, (1, 256))),
    ];
    let mut rounds: Vec<Vec<f64>> = forks.iter().map(|_| Vec::new()).collect();
    for round in 0..most + 1 {
        for ((_, case), seconds) in forks.iter().zip(&mut rounds) {
            let took = case.seconds();
            if round > 0 {
                seconds.push(took);
            }
        }
    }
    for ((name, _), seconds) in forks.iter().zip(&rounds) {
        let ratios = seconds.iter().zip(&rounds[0]).map(|(one, first)| one / first);
        println!(
            "{name}: {:.1} us a fork, {:.2} of the first",
            median(seconds.clone()) * 1e6,
            median(ratios.collect())
        );
    }
    drop(forks);
    let few = Case::forked(10, 64 * mib, 16);
    few.seconds();
    let before = resident();
    let many = Case::forked(1_000, 64 * mib, 16);
    many.seconds();
    println!("a 64 MiB fixture forked 1,000 times: {:.1} MiB more than forked 10 times", resident() - before);
}
