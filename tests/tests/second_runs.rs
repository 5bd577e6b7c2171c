//! A second run of a test ends where it has shown all that it is done for. What is reported is what the whole of it would
//! show, where that shows more; programs here do afterwards what only a second run that came there would notice.

use airtight::LoadOptions;
use airtight::config::Config;
use airtight::report::TestRecord;
use airtight::{Runner, Selection, Subject};
use airtight_tests::ALLOCATOR;
use std::path::Path;

/// The records of the test with and without shortcuts.
fn tests(main: &str) -> [TestRecord; 2] {
    [true, false].map(|shortcut| {
        let bytes = wat::parse_str(module(main)).unwrap_or_else(|error| panic!("{error}"));
        let config = Config::from_str("[profile.default]\n", "airtight.toml", Path::new("/")).unwrap();
        let runner = Runner::builder(&config, "default").unwrap().shortcut(shortcut).build().unwrap();
        let module = runner.load(bytes, LoadOptions::named("guest")).unwrap();
        let planned = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
        let report = runner.run(&planned, &mut ()).unwrap();
        report.canonical.modules.into_iter().next().unwrap().tests.remove(0)
    })
}

/// A program with an allocator that only takes. The first block is at 4096.
fn module(main: &str) -> String {
    format!(
        r#"(module
        {ALLOCATOR}
        (func $free (param $block i32)
            (i32.store (i32.const 2116) (i32.add (i32.load (i32.const 2116)) (i32.const 1))))
        (func $keep (call $make))
        (func $make (i32.store (i32.const 2052) (call $malloc (i32.const 24))))
        (func $work (param $times i32)
            (loop $again
                (call $free (call $malloc (i32.const 8)))
                (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
        (func $allocate_by_address (param $address i32)
            (call $free (call $malloc (i32.shr_u (local.get $address) (i32.const 16)))))
        (func $__original_main (result i32) (local $p i32) {main} (i32.const 0))
        (func (export "_start") (drop (call $__original_main))))"#
    )
}

/// The bytes lost and retained, the doubt's code, and where the blocks that are kept were allocated.
fn told(test: &TestRecord) -> (Option<u64>, Option<u64>, Option<String>, String) {
    let heap = &test.usage.as_ref().unwrap().heap;
    let kept = test.details.as_ref().map(|details| format!("{:?}", details.retained)).unwrap_or_default();
    (heap.lost, heap.retained, heap.doubt_code.as_deref().map(str::to_owned), kept)
}

const LAST: &str = "(call $allocate_by_address (i32.load (i32.const 2052)))";

/// The second run allocates otherwise, but only after it has shown all: nothing is in doubt. The whole of it is in doubt.
#[test]
fn a_second_run_ends_where_it_has_shown_all() {
    let [early, whole] = tests(&format!("(call $keep) (call $work (i32.const 10)) {LAST}"));
    let (lost, retained, doubt, kept) = told(&early);
    assert_eq!((lost, retained, doubt), (Some(0), Some(24), None));
    assert!(kept.contains("make") && kept.contains("keep"), "{kept}");
    let (lost, retained, doubt, _) = told(&whole);
    assert_eq!((lost, retained, doubt.as_deref()), (Some(0), Some(24), Some("other-allocations")));
}

/// However long the test goes on: the first run's calls are noted less and less often.
#[test]
fn a_long_run_is_left_early_too() {
    let [early, whole] =
        tests(&format!("(call $work (i32.const 900)) (call $keep) (call $work (i32.const 5000)) {LAST}"));
    assert_eq!((told(&early).1, told(&early).2), (Some(24), None));
    assert_eq!(told(&whole).2.as_deref(), Some("other-allocations"));
}

/// What is not known to be a pointer yet is waited for.
#[test]
fn what_differs_before_is_noticed_either_way() {
    for main in [
        // Before the block is kept.
        "(local.set $p (call $malloc (i32.const 24))) (call $allocate_by_address (local.get $p)) (i32.store (i32.const 2052) (local.get $p)) (call $work (i32.const 10))",
        // Before the block is allocated.
        "(call $allocate_by_address (call $malloc (i32.const 8))) (call $keep) (call $work (i32.const 10))",
        // After another word seems to hold it that never was a pointer.
        "(call $keep) (i32.store (i32.const 2060) (i32.const 4096)) (call $work (i32.const 10)) (call $allocate_by_address (i32.load (i32.const 2052)))",
    ] {
        for test in tests(main) {
            assert_eq!(told(&test).2.as_deref(), Some("other-allocations"), "{main}");
        }
    }
}

/// Whatever is kept and lost, and whenever: with a second run that is left early the report is that of a whole one.
#[test]
fn the_report_is_the_same_early_and_whole() {
    let work = "(call $work (i32.const 10))";
    for main in [
        format!("(call $keep) {work}"),
        format!("{work} (call $keep)"),
        // It is kept elsewhere from the middle of the test on.
        format!("(call $keep) {work} (i32.store (i32.const 2044) (i32.load (i32.const 2052))) {work}"),
        // The word is another's for a while, and nobody's at the end.
        format!("(call $keep) {work} (call $keep) {work}"),
        format!("(call $keep) {work} (i32.store (i32.const 2052) (i32.const 0)) {work}"),
        // A number that equals the address of a block that is lost.
        format!("(drop (call $malloc (i32.const 24))) {work} (i32.store (i32.const 2052) (i32.const 4096)) {work}"),
        format!("(i32.store (i32.const 2052) (i32.const 4096)) {work} (drop (call $malloc (i32.const 24))) {work}"),
        // A chain, of which the last is made in the middle.
        format!("(call $keep) {work} (i32.store (i32.load (i32.const 2052)) (call $malloc (i32.const 40))) {work}"),
        // The end of one block is the beginning of the next.
        format!("(call $keep) (i32.store (i32.const 2056) (call $malloc (i32.const 16))) {work}"),
    ] {
        let [early, whole] = tests(&main);
        assert_eq!(early, whole, "{main}");
        assert_eq!(told(&early).2, None, "{main}");
    }
}
