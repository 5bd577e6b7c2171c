use super::*;
use wasmparser::Operator;

/// A stack whose outermost function was called without arguments.
fn running(frames: &[RawFrame]) -> RunningStack<'_> {
    RunningStack { frames, arguments: 0 }
}

/// Whether the functions hold nothing at the first call of `$exit` by `$main`, which `_start` calls.
fn hold_nothing_at_exit(main: &str) -> bool {
    let text = format!(
        r#"(module
            (import "e" "exit" (func $exit (param i32)))
            (import "e" "malloc" (func $malloc (param i32) (result i32)))
            (import "e" "use" (func $use (param i32)))
            (memory 1)
            (table 1 funcref)
            (global $sp (mut i32) (i32.const 1024))
            (global $other (mut i32) (i32.const 0))
            (global $base i32 (i32.const 2048))
            (func $start (call $main (i32.const 0)))
            (func $main (param $argc i32) (local $p i32) (local $q i32) {main}))"#
    );
    let bytes = wat::parse_str(text).unwrap();
    let module = Module::read(&bytes).unwrap();
    let code = module.section(id::CODE).unwrap().contents.start;
    let call = |function: u32, callee: u32| {
        let wanted = HashSet::from([function]);
        let found = functions(&bytes, &wanted).unwrap();
        let mut operators = found[&function].1.get_operators_reader().unwrap();
        loop {
            let at = operators.original_position();
            if matches!(operators.read().unwrap(), Operator::Call { function_index } if function_index == callee) {
                return RawFrame { function, offset: Some((at - code) as u32) };
            }
        }
    };
    hold_nothing(&module, &[running(&[call(4, 0), call(3, 4)])], Some(0))
}

#[test]
fn what_may_be_a_pointer_is_followed_through_locals_and_blocks() {
    for (main, holds_nothing) in [
        ("(call $exit (i32.const 0))", true),
        ("(local.set $p (i32.sub (global.get $sp) (i32.const 16))) (call $exit (i32.const 0))", true),
        ("(local.set $p (global.get $base)) (call $exit (i32.const 0))", true),
        ("(local.set $p (global.get $other)) (call $exit (i32.const 0))", false),
        ("(local.set $p (call $malloc (i32.const 8))) (call $exit (i32.const 0))", false),
        ("(call $use (call $malloc (i32.const 8))) (call $exit (i32.const 0))", true),
        ("(drop (call $malloc (i32.const 8))) (call $exit (i32.const 0))", true),
        ("(local.set $p (call $malloc (i32.const 8))) (local.set $p (i32.const 0)) (call $exit (i32.const 0))", true),
        (
            "(local.set $q (i32.add (local.tee $p (call $malloc (i32.const 8))) (i32.const 1)))
          (local.set $p (i32.const 0)) (call $exit (i32.const 0))",
            false,
        ),
        ("(local.set $p (i32.eqz (call $malloc (i32.const 8)))) (call $exit (i32.const 0))", true),
        ("(local.set $p (i32.load (i32.const 0))) (call $exit (i32.const 0))", false),
        ("(local.set $p (i32.load8_u (i32.const 0))) (call $exit (i32.const 0))", true),
        // An argument belongs to the callee, and the callee is not on the stack.
        ("(call $exit (call $malloc (i32.const 8)))", true),
        // An operand below the call's.
        ("(call $malloc (i32.const 8)) (call $exit (i32.const 0)) drop", false),
        // A local that is set after the call, or on a way that does not reach it, is not held at the call.
        ("(call $exit (i32.const 0)) (local.set $p (call $malloc (i32.const 8)))", true),
        (
            "(if (local.get $argc) (then (local.set $p (call $malloc (i32.const 8))) (return))) (call $exit (i32.const 0))",
            true,
        ),
        ("(if (local.get $argc) (then (local.set $p (call $malloc (i32.const 8))))) (call $exit (i32.const 0))", false),
        (
            "(if (local.get $argc) (then) (else (local.set $p (call $malloc (i32.const 8))))) (call $exit (i32.const 0))",
            false,
        ),
        // A branch takes along the operands that it carries, and drops the others.
        (
            "(drop (block (result i32) (call $malloc (i32.const 8)) (br 0 (i32.const 1)))) (call $exit (i32.const 0))",
            true,
        ),
        ("(local.set $p (block (result i32) (br 0 (call $malloc (i32.const 8))))) (call $exit (i32.const 0))", false),
        (
            "(local.set $p (block (result i32)
            (drop (br_if 0 (call $malloc (i32.const 8)) (local.get $argc))) (i32.const 0)))
          (call $exit (i32.const 0))",
            false,
        ),
        (
            "(block (block (local.set $p (call $malloc (i32.const 8))) (br_table 0 1 (local.get $argc)))
            (local.set $p (i32.const 0))) (call $exit (i32.const 0))",
            false,
        ),
        // The second iteration of a loop finds the values that the first one left.
        (
            "(loop (if (local.get $q) (then (call $exit (i32.const 0))))
            (local.set $q (i32.const 1)) (local.set $p (call $malloc (i32.const 8))) (br 0))",
            false,
        ),
        (
            "(loop (local.set $p (i32.const 0)) (if (local.get $q) (then (call $exit (i32.const 0))))
            (local.set $q (i32.const 1)) (local.set $p (call $malloc (i32.const 8))) (br 0))",
            true,
        ),
        (
            "(loop (loop (if (local.get $argc) (then (call $exit (i32.const 0))))
            (local.set $p (local.get $q)) (br_if 1 (local.get $argc)))
            (local.set $q (call $malloc (i32.const 8))) (br 0))",
            false,
        ),
    ] {
        assert_eq!(hold_nothing_at_exit(main), holds_nothing, "{main}");
    }
}

#[test]
fn frames_that_are_not_known_may_hold_anything() {
    let bytes = wat::parse_str(
        r#"(module (import "e" "exit" (func $exit)) (func $f (call $exit)) (func $g (param i32) (call $exit)))"#,
    )
    .unwrap();
    let module = Module::read(&bytes).unwrap();
    let call = |function| RawFrame { function, offset: Some(3) };
    assert!(hold_nothing(&module, &[running(&[])], None));
    assert!(hold_nothing(&module, &[running(&[call(1)])], None));
    for frame in [
        RawFrame { offset: None, ..call(1) },
        RawFrame { offset: Some(2), ..call(1) },
        RawFrame { offset: Some(u32::MAX), ..call(1) },
        call(0),
        RawFrame::LEFT_OUT,
        // Nobody calls it with an argument.
        RawFrame { offset: Some(8), ..call(2) },
    ] {
        assert!(!hold_nothing(&module, &[running(&[frame])], None), "{frame:?}");
    }
}
