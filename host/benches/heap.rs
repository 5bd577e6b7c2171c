//! What heap accounting costs each instance: the whole cost of an SDK test whose module has hooks against the bare loop, which
//! has none, and against the same module without accounting. Interleaved rounds, and the median of each round's ratio.

mod support;

use airtight::{ModuleGrants, Plan, Runner};
use support::bare::Bare;
use support::{Stopwatch, median, module_of, planned_as};

const TESTS: usize = 10_000;
const ROUNDS: usize = 21;

/// An allocator that hands out memory that nothing used yet, and lists what was freed.
const ALLOCATOR: &str = r#"
    (global $next (mut i32) (i32.const 1056768))
    (global $freed (mut i32) (i32.const 0))
    (func $malloc (param $size i32) (result i32) (local $block i32)
        (local.set $block (global.get $next))
        (global.set $next
            (i32.and (i32.add (local.get $block) (i32.add (local.get $size) (i32.const 15))) (i32.const -16)))
        (if (i32.gt_u (global.get $next) (i32.shl (memory.size) (i32.const 16)))
            (then (drop (memory.grow (i32.const 16)))))
        (local.get $block))
    (func $free (param $block i32)
        (i32.store (local.get $block) (global.get $freed))
        (global.set $freed (local.get $block)))"#;

/// A module whose every test allocates and frees so many blocks.
fn module(blocks: usize) -> Vec<u8> {
    let pairs = "(call $free (call $malloc (i32.const 24)))".repeat(blocks);
    let test = format!(
        r#"{ALLOCATOR}
        (func $test (result i32) (local $i i32)
            {pairs}
            (loop $again
                (i32.store (i32.add (i32.const 1049600) (i32.shl (local.get $i) (i32.const 2))) (local.get $i))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16))))
            (i32.const 0))"#
    );
    module_of(TESTS, "", &test)
}

struct Case((Runner, Plan));

impl Case {
    fn new(heap: bool, blocks: usize) -> Self {
        let case = Self(planned_as(heap, TESTS, module(blocks), ModuleGrants::default()));
        let (runner, planned) = &case.0;
        let report = runner.run(planned, &mut Stopwatch::default()).unwrap();
        let seen = &report.canonical.modules[0].tests[0].usage.as_ref().unwrap().heap;
        assert_eq!(seen.tracked, heap, "{seen:?}");
        case
    }

    /// Seconds a test.
    fn seconds(&self) -> f64 {
        let (runner, planned) = &self.0;
        let mut watch = Stopwatch::default();
        runner.run(planned, &mut watch).unwrap();
        assert_eq!(watch.passed, TESTS);
        watch.took.as_secs_f64() / TESTS as f64
    }
}

fn main() {
    let bare = Bare::new(TESTS);
    let [hooked, plain] = [true, false].map(|heap| Case::new(heap, 0));
    let [allocates, allocates_plainly] = [true, false].map(|heap| Case::new(heap, 10));
    let (mut over_bare, mut over_plain, mut allocating) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let with_hooks = hooked.seconds();
        over_bare.push(with_hooks / bare.seconds());
        over_plain.push(with_hooks / plain.seconds());
        allocating.push(allocates.seconds() / allocates_plainly.seconds());
    }
    println!("sdk test in a module with hooks against a bare loop: {:.2} (at most 1.5)", median(over_bare));
    println!("the same against without heap accounting: {:.2} (no goal)", median(over_plain));
    println!("an sdk test that allocates and frees ten blocks, likewise: {:.2} (no goal)", median(allocating));
}
