//! What tests with threads cost, warm: a test of four threads, a thread, and a switch from one to another. Interleaved rounds; the
//! median of each figure, and of its ratio to a bare loop over an export in the same round, which says how busy the machine was.
//! And that tests without threads lose nothing: what one costs in a runner that has met no other module, and in a runner that
//! runs tests with threads before each round of it.

mod support;

use airtight::{LoadOptions, ModuleGrants, Plan, Runner, Selection, Subject};
use support::bare::Bare;
use support::{Stopwatch, median, planned, planned_with, threaded_module};

const ROUNDS: usize = 15;
const TESTS: usize = 300;

/// Tests without threads of a round.
const PLAIN: usize = 5_000;

/// Threads of a test that shows what a thread costs.
const MANY: usize = 200;

/// Turns of each of the two threads that take turns.
const TURNS: usize = 20_000;

/// Spawns so many threads, and waits until each has counted itself at address 0.
fn spawns_and_joins(threads: usize) -> String {
    format!(
        "(loop $more
            (if (i32.lt_u (local.get $n) (i32.const {threads})) (then
                (if (i32.lt_s (call $spawn (i32.const 0)) (i32.const 0)) (then unreachable))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br $more))))
        (loop $wait
            (local.set $n (i32.atomic.load (i32.const 0)))
            (if (i32.lt_u (local.get $n) (i32.const {threads})) (then
                (drop (memory.atomic.wait32 (i32.const 0) (local.get $n) (i64.const -1)))
                (br $wait))))"
    )
}

const COUNTS_ITSELF: &str = "(drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
    (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))";

/// Two threads each of which waits until the other has told it: every turn is a switch.
fn takes_turns(own: u32, other: u32) -> String {
    format!(
        "(loop $again
            (i32.atomic.store (i32.const {other}) (i32.add (local.get $n) (i32.const 1)))
            (drop (memory.atomic.notify (i32.const {other}) (i32.const 1)))
            (drop (memory.atomic.wait32 (i32.const {own}) (local.get $n) (i64.const -1)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const {TURNS}))))"
    )
}

struct Case {
    planned: (Runner, Plan),
    tests: usize,
    /// Other tests of the same runner, which are run before and not measured.
    before: Option<Plan>,
}

impl Case {
    fn new(tests: usize, test: &str, thread: &str) -> Self {
        let planned = planned_with(tests, threaded_module(tests, test, thread), ModuleGrants::default());
        Self { planned, tests, before: None }
    }

    /// Tests without threads.
    fn plain() -> Self {
        Self { planned: planned(PLAIN), tests: PLAIN, before: None }
    }

    /// The same, in a runner that runs tests of four threads before.
    fn plain_beside_threads() -> Self {
        let plain = Self::plain();
        let runner = &plain.planned.0;
        let threaded = threaded_module(TESTS, &spawns_and_joins(4), COUNTS_ITSELF);
        let threaded = Subject::new(runner.load(threaded, LoadOptions::named("threads")).unwrap());
        let before = runner.plan(vec![threaded], &Selection::default()).unwrap();
        Self { before: Some(before), ..plain }
    }

    /// Microseconds that a test takes.
    fn micros(&self) -> f64 {
        let mut watch = Stopwatch::default();
        let (runner, planned) = &self.planned;
        if let Some(before) = &self.before {
            runner.run(before, &mut ()).unwrap();
        }
        runner.run(planned, &mut watch).unwrap();
        assert_eq!(watch.passed, self.tests);
        watch.took.as_secs_f64() * 1e6 / self.tests as f64
    }
}

fn main() {
    let bare = Bare::new(TESTS);
    let none = Case::new(TESTS, &spawns_and_joins(0), "");
    let four = Case::new(TESTS, &spawns_and_joins(4), COUNTS_ITSELF);
    let many = Case::new(8, &spawns_and_joins(MANY), COUNTS_ITSELF);
    let turns = Case::new(2, &format!("(drop (call $spawn (i32.const 0))) {}", takes_turns(4, 8)), &takes_turns(8, 4));
    let (plain, beside) = (Case::plain(), Case::plain_beside_threads());
    let mut plain_figures: [Vec<f64>; 3] = Default::default();
    let mut figures: [Vec<f64>; 4] = Default::default();
    let mut bares = Vec::new();
    // The first round warms up.
    for round in 0..ROUNDS + 1 {
        let (bare, none, four) = (bare.seconds() * 1e6, none.micros(), four.micros());
        let (many, turns) = (many.micros(), turns.micros());
        // The two take turns in who is first: the second may find the machine warmer.
        let (plain, beside) = if round % 2 == 0 {
            let plain = plain.micros();
            (plain, beside.micros())
        } else {
            let beside = beside.micros();
            (plain.micros(), beside)
        };
        if round == 0 {
            continue;
        }
        plain_figures.iter_mut().zip([plain, plain / bare, beside / plain]).for_each(|(all, one)| all.push(one));
        bares.push(bare);
        let found = [none, four, (many - none) / MANY as f64, turns / (2 * TURNS) as f64];
        figures.iter_mut().zip(found).for_each(|(all, one)| all.push(one));
    }
    let told = [
        ("a test of one thread", "at most 300"),
        ("a test of four threads more", "at most 300"),
        ("a thread", "at most 20"),
        ("a switch, with its wait and its notification", "at most 0.5"),
    ];
    println!("a bare loop over an export: {:.2} us", median(bares.clone()));
    for ((what, bound), all) in told.into_iter().zip(figures) {
        let ratios = all.iter().zip(&bares).map(|(one, bare)| one / bare).collect();
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "{what}: {:.2} us ({bound}; at the least {least:.2}), {:.2} of a bare loop",
            median(all),
            median(ratios)
        );
    }
    let [plain, of_bare, ratios] = plain_figures.map(median);
    println!(
        "a test without threads: {plain:.2} us, {of_bare:.2} of a bare loop; in a runner that has run tests with threads: \
         {ratios:.2} of that (1 where they lose nothing)"
    );
}
