//! The fuel that bulk operations cost is the same with each compiler.

use airtight::policy::{Limit, Limits, Policy};
use airtight::report::{TestRecord, Verdict};
use airtight::{Compiler, Runner};
use airtight_tests::script::run_module;

const COMPILERS: [Compiler; 3] = [Compiler::Cranelift, Compiler::Winch, Compiler::Pulley];

/// A program that does this, of 100 bytes or elements where it says `$n`.
fn program(operations: &str) -> Vec<u8> {
    let text = format!(
        r#"(module (memory (export "memory") 2) (data $d "{}") (table $t 300 funcref) (elem $e func $work)
            (func $work (param $n i32) {operations})
            (func (export "_start") (call $work (i32.const 100))))"#,
        "x".repeat(200),
    );
    wat::parse_str(text).unwrap()
}

fn run(runner: &Runner, operations: &str, fuel: u64) -> TestRecord {
    let limits = Limits::default().with(Limit::Fuel, fuel);
    run_module(runner, program(operations), Policy { limits, ..Policy::default() }).unwrap()
}

fn runners() -> [Runner; 3] {
    COMPILERS.map(|compiler| {
        Runner::for_policy(Policy::default()).jobs(1).compiler(compiler).heap_accounting(false).build().unwrap()
    })
}

/// Operations, and what their lengths cost.
const OPERATIONS: [(&str, u64); 10] = [
    ("(memory.fill (i32.const 0) (i32.const 7) (local.get $n))", 100),
    ("(memory.copy (i32.const 0) (i32.const 9) (local.get $n))", 100),
    ("(memory.init $d (i32.const 0) (i32.const 0) (local.get $n))", 100),
    ("(table.fill $t (i32.const 0) (ref.null func) (local.get $n))", 100),
    ("(table.copy $t $t (i32.const 0) (i32.const 9) (local.get $n))", 100),
    ("(drop (table.grow $t (ref.null func) (local.get $n)))", 100),
    ("(memory.fill (i32.const 0) (i32.const 7) (i32.const 0))", 0),
    ("(memory.fill (i32.const 0) (i32.const 7) (i32.const 3))", 3),
    ("(memory.fill (i32.const 0) (i32.const 7) (i32.const 128))", 128),
    ("(memory.fill (i32.const 0) (i32.const 7) (i32.const 100000))", 100_000),
];

#[test]
fn a_bulk_operation_costs_its_length_whoever_compiled_it() {
    let runners = runners();
    let fuel = |runner: &Runner, operations: &str| {
        let record = run(runner, operations, 1 << 40);
        assert_eq!(record.verdict, Verdict::Pass, "{operations}");
        record.usage.unwrap().fuel.unwrap()
    };
    for (operation, length) in OPERATIONS {
        let costs = runners.each_ref().map(|runner| fuel(runner, operation));
        assert!(costs.iter().all(|cost| *cost == costs[0]), "{operation}: {costs:?}");
        // The same with a length of nothing, which is an operator more where it is not a constant.
        let of_nothing = match operation.split_once("(local.get $n)") {
            Some((before, after)) => format!("{before}(i32.and (local.get $n) (i32.const 0)){after}"),
            None => OPERATIONS[6].0.to_owned(),
        };
        let more = if of_nothing.contains("i32.and") { 2 } else { 0 };
        assert_eq!(costs[0] + more - fuel(&runners[0], &of_nothing), length, "{operation}");
    }
}

/// The fuel ends at the same place, and where it just suffices the test passes.
#[test]
fn fuel_ends_within_bulk_operations_at_the_same_place() {
    let runners = runners();
    let all = OPERATIONS.map(|(operation, _)| operation).join(" ");
    let exact = run(&runners[0], &all, 1 << 40).usage.unwrap().fuel.unwrap();
    let limits = (1..1_000).step_by(7).chain(exact - 20..exact + 3);
    let mut ended = 0;
    for limit in limits {
        let [one, others @ ..] = runners.each_ref().map(|runner| run(runner, &all, limit));
        for other in others {
            assert_eq!(one, other, "{limit} units of fuel");
        }
        ended += u32::from(one.verdict == Verdict::Timeout);
    }
    assert!(ended > 100, "{ended}");
}

/// What fills for ever ends on fuel, soon.
#[test]
fn filling_for_ever_ends_on_fuel() {
    let again = "(loop $again (memory.fill (i32.const 0) (i32.const 7) (i32.const 131072)) (br $again))";
    for runner in runners() {
        let record = run(&runner, again, 10_000_000_000);
        let details = record.details.unwrap();
        assert_eq!(record.verdict, Verdict::Timeout);
        assert_eq!(details.limit.unwrap().name, Limit::Fuel.into());
    }
}
