//! Second runs of tests behind a long set-up begin from a second image of it, in which its blocks are elsewhere in memory. What is
//! reported is what is reported where the set-up is called again in each of them.

use airtight::LoadOptions;
use airtight::config::{Config, Trust};
use airtight::report::{TestRecord, Verdict};
use airtight::{Runner, Selection, Subject};
use airtight_tests::ALLOCATOR;
use airtight_tests::sdk::{SET_UP, sdk_module_of, state};
use std::path::Path;

/// A module with a set-up that takes long enough for a second image, and these tests: their names and bodies. Its allocator only takes; the first block is at
/// 4096 and kept at 2052, the second holds a pointer to the first and is kept at 2060. The third is large.
fn module(tests: &[(&str, &str)]) -> Vec<u8> {
    let bodies: String = tests
        .iter()
        .map(|(name, body)| format!("(func ${name} (result i32) (local $p i32) {body} (i32.const 0))"))
        .collect();
    // The module has a stack pointer. Its memory has room for blocks that are moved by more than a megabyte.
    let allocator = ALLOCATOR.replace("(global $__stack_pointer (mut i32) (i32.const 1024))", "");
    let allocator = allocator.replace("(memory (export \"memory\") 12)", "(memory (export \"memory\") 256)");
    let fields = format!(
        r#"(import "airtight" "scope_fork" (func $scope_fork (param i32 i32 i32 i32 i32) (result i32)))
        {allocator}
        (data (i32.const 3000) "case")
        (func $free (param $block i32)
            (i32.store (i32.const 2116) (i32.add (i32.load (i32.const 2116)) (i32.const 1))))
        (func $realloc (param $block i32) (param $size i32) (result i32) (local $to i32)
            (local.set $to (call $malloc (local.get $size)))
            (memory.copy (local.get $to) (local.get $block) (i32.const 8))
            (local.get $to))
        (func $spin (param $times i32)
            (loop $again
                (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
        (func ${SET_UP} (result i32)
            (i32.store (i32.const 2052) (call $malloc (i32.const 24)))
            (i32.store (i32.const 2060) (call $malloc (i32.const 40)))
            (i32.store (i32.load (i32.const 2060)) (i32.load (i32.const 2052)))
            (drop (call $malloc (i32.const 70000)))
            (call $spin (i32.const 160000000))
            (i32.const 0))
        (func $by_address (drop (call $malloc (i32.shr_u (i32.load (i32.const 2052)) (i32.const 16)))))
        (func $fork (param $data i32)
            (drop (call $scope_fork (i32.const 1024) (i32.const 3000) (i32.const 4) (i32.const 0) (local.get $data))))
        (export "airtight:subtest" (func $enter))
        (func $enter (param $function i32) (param $data i32) (result i32)
            (drop (call $malloc (local.get $data)))
            (i32.const 0))
        (func $state (result i32) (i32.const 1024)) (func $cleanup (result i32) (i32.const 0))
        (func $flush (result i32) (i32.const 0))
        (func (export "airtight:next-cleanup") (param i32) (result i32) (i32.const 0))
        {bodies}"#
    );
    let all = tests.iter().map(|(name, _)| (*name, format!("${name}"))).chain([(SET_UP, format!("${SET_UP}"))]);
    let all: Vec<(&str, String)> = all.collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(name, function)| (*name, &**function)).collect();
    sdk_module_of(&all, &state(0, 0, 0), &fields)
}

/// The records of these tests, by name, without the module's name.
fn run(module: &[u8], shortcut: bool, jobs: usize) -> Vec<TestRecord> {
    let config = Config::from_str("[profile.default]\n", "airtight.toml", Path::new("/")).unwrap();
    let builder = Runner::builder(&config, "default").unwrap().trust(Trust::everything());
    let runner = builder.shortcut(shortcut).jobs(jobs).build().unwrap();
    let module = runner.load(module.to_vec(), LoadOptions::named("guest")).unwrap();
    let planned = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
    let mut modules = runner.run(&planned, &mut ()).unwrap().canonical.modules;
    modules.remove(0).tests
}

/// The bytes lost and retained, and the doubt's code.
fn told(test: &TestRecord) -> (Option<u64>, Option<u64>, Option<&str>) {
    let heap = &test.usage.as_ref().unwrap().heap;
    (heap.lost, heap.retained, heap.doubt_code.as_deref())
}

const TESTS: [(&str, &str); 14] = [
    ("a_loses_a_block", "(drop (call $malloc (i32.const 24)))"),
    ("b_keeps_a_block", "(i32.store (i32.const 2068) (call $malloc (i32.const 24)))"),
    (
        "c_keeps_a_block_in_one_of_the_set_up",
        "(i32.store offset=8 (i32.load (i32.const 2060)) (call $malloc (i32.const 24)))",
    ),
    ("d_loses_a_chain", "(i32.store (call $malloc (i32.const 16)) (call $malloc (i32.const 32)))"),
    // Behind the blocks of the set-up: a number, and no pointer.
    (
        "e_has_the_address_of_a_lost_block",
        "(i32.store (i32.const 2068) (i32.const 74184)) (drop (call $malloc (i32.const 24)))",
    ),
    ("f_makes_a_block_of_the_set_up_its_own", "(drop (call $realloc (i32.load (i32.const 2060)) (i32.const 56)))"),
    ("g_allocates_by_address", "(call $by_address)"),
    ("h_loses_one_and_allocates_by_address", "(drop (call $malloc (i32.const 24))) (call $by_address)"),
    // Farther apart than blocks are moved.
    (
        "i_loses_blocks_far_apart",
        "(drop (call $malloc (i32.const 24))) (drop (call $malloc (i32.const 3000000))) (drop (call $malloc (i32.const 40)))",
    ),
    (
        "j_loses_one_after_memory_was_refused",
        "(drop (memory.grow (i32.const 30000))) (drop (call $malloc (i32.const 24)))",
    ),
    ("k_fails_with_a_block", "(drop (call $malloc (i32.const 24))) unreachable"),
    ("l_forks", "(call $fork (i32.const 24)) (drop (call $malloc (i32.const 16))) (call $fork (i32.const 40))"),
    ("m_frees_what_the_set_up_made", "(call $free (i32.load (i32.const 2052))) (drop (call $malloc (i32.const 24)))"),
    ("n_leaves_nothing", ""),
];

/// Whatever tests leave, and however many of them run at once: each as if its set-up were called again.
#[test]
fn the_report_is_that_of_second_runs_from_the_start() {
    let module = module(&TESTS);
    let from_images = run(&module, true, 1);
    let from_the_start = run(&module, false, 2);
    for (one, other) in from_images.iter().zip(&from_the_start) {
        assert_eq!(one, other);
    }
    assert_eq!(from_images.len(), TESTS.len() + 1);
    assert_eq!(run(&module, true, 4), from_images, "nobody waits for the image, and nothing shows of that");
    let find = |name: &str| from_images.iter().find(|test| test.name.ends_with(name)).unwrap();
    let doubtful = Some("other-allocations");
    for (name, expected) in [
        ("a_loses_a_block", (Some(24), Some(0), None)),
        ("b_keeps_a_block", (Some(0), Some(24), None)),
        ("c_keeps_a_block_in_one_of_the_set_up", (Some(0), Some(24), None)),
        ("d_loses_a_chain", (Some(48), Some(0), None)),
        ("e_has_the_address_of_a_lost_block", (Some(24), Some(0), None)),
        ("f_makes_a_block_of_the_set_up_its_own", (Some(56), Some(0), None)),
        ("g_allocates_by_address", (Some(0), Some(0), doubtful)),
        ("n_leaves_nothing", (Some(0), Some(0), None)),
    ] {
        assert_eq!(told(find(name)), expected, "{name}");
    }
    assert_eq!(find("k_fails_with_a_block").verdict, Verdict::Fail);
    // That would call the set-up again twice for each test.
    let lost = format!("{:?}", find("a_loses_a_block").details);
    assert!(lost.contains("the test and its set-up run longer than its pointers are followed"), "{lost}");
    let set_up = find(SET_UP);
    assert_eq!(told(set_up), (Some(70000), Some(64), None), "what it left is told of it");
}
