//! Subtests: each with its own verdict, clean-ups, figures and leaks.

use airtight::{Cleanup, T};
use std::cell::RefCell;
use std::fs::File;
use std::hint::black_box;
use std::os::fd::IntoRawFd;
use std::rc::Rc;

/// Opens a file that a clean-up of the test or subtest closes.
fn open(t: &T, path: &str) {
    let fd = File::create(path).unwrap().into_raw_fd() as u32;
    t.cleanup(move || assert_eq!(plain::close(fd), 0));
}

#[airtight::test]
fn pass_table(t: &mut T) {
    for (text, number) in [("1", 1), ("22", 22), ("3 3", 33), ("22", 22)] {
        t.run(text, |t| {
            open(t, "/tmp/table");
            assert_eq!(text.replace(' ', "").parse(), Ok(number));
        });
    }
}

#[airtight::test]
fn pass_nested(t: &mut T) {
    assert!(t.run("outer", |t| {
        assert_eq!(t.name(), "pass_nested/outer");
        assert!(t.run("inner", |t| assert_eq!(t.name(), "pass_nested/outer/inner")));
        assert!(t.run("inner", |t| assert_eq!(t.name(), "pass_nested/outer/inner#01")));
        t.run("", |t| assert_eq!(t.name(), "pass_nested/outer/#00"));
    }));
}

#[airtight::test]
fn leak_where_a_case_needs_an_earlier_one(t: &mut T) {
    let mut filled = Vec::new();
    t.run("fills", |_| filled.push(1));
    t.run("reads", |t| {
        assert_eq!(filled, [1]);
        t.run("inner", |_| {});
    });
    t.run("leaks", |_| std::mem::forget(File::create("/tmp/of-a-case").unwrap()));
}

#[airtight::test]
fn pass_clean_ups_run_when_the_subtest_ends(t: &mut T) {
    let ran = Rc::new(RefCell::new(Vec::new()));
    let note = |what: &'static str| {
        let ran = Rc::clone(&ran);
        move || ran.borrow_mut().push(what)
    };
    t.run("case", |t| {
        t.cleanup(note("last"));
        t.register(Cleanup::new("db").priority(1).then(note("first")).then(note("second")));
        let (scope, inner) = (t.scope(), note("of a clean-up"));
        let outer = note("third");
        t.cleanup(move || {
            outer();
            scope.cleanup(inner);
        });
        note("body")();
    });
    assert_eq!(*ran.borrow(), ["body", "first", "second", "third", "of a clean-up", "last"]);
}

#[airtight::test]
fn fail_of_one_case(t: &mut T) {
    open(t, "/tmp/of-the-test");
    assert!(t.run("before", |_| {}));
    assert!(!t.run("fails", |t| {
        t.fail("one");
        t.fail("two");
    }));
    assert!(!t.run("panics", |t| {
        open(t, "/tmp/of-the-subtest");
        panic!("three")
    }));
    assert!(!t.run("is fatal", |t| t.fatal("four")));
    assert!(!t.run("returns an error", |_| Err::<(), _>("five")));
    assert!(!t.run("cleans up", |t| t.register(Cleanup::new("db").then(|| panic!("six")))));
    assert!(t.run("skips", |t| t.skip("seven")));
    assert!(!t.run("outer", |t| {
        assert!(!t.run("inner", |t| t.fatal("eight")));
        assert!(t.failed());
    }));
    assert!(t.run("after", |_| {}));
    assert!(t.failed());
}

#[airtight::test]
fn leak_in_a_subtest(t: &mut T) {
    t.run("holds", |_| std::mem::forget(File::create("/tmp/held").unwrap()));
    t.run("loses", |_| std::mem::forget(black_box(vec![1_u8; 100])));
    t.run("closes", |_| drop(File::create("/tmp/held").unwrap()));
}

#[airtight::test]
fn pass_with_what_piled_up(t: &mut T) {
    let mut all = Vec::new();
    for _ in 0..50 {
        t.run("case", |_| all.push(File::create("/tmp/piled").unwrap()));
    }
    drop(all);
}

#[airtight::test]
fn exit_in_a_subtest(t: &mut T) {
    open(t, "/tmp/of-the-test");
    t.run("before", |_| {});
    t.run("leaves", |t| {
        open(t, "/tmp/of-the-subtest");
        std::process::exit(3)
    });
}

#[airtight::test]
fn timeout_in_a_subtest(t: &mut T) {
    t.run("hangs", |t| {
        open(t, "/tmp/of-the-subtest");
        loop {
            black_box(());
        }
    });
}

#[airtight::test(should_panic = "boom")]
fn pass_a_panic_in_a_subtest_is_expected(t: &mut T) {
    open(t, "/tmp/of-the-test");
    t.run("panics", |t| {
        open(t, "/tmp/of-the-subtest");
        panic!("boom")
    });
    std::process::exit(1);
}

#[airtight::test]
fn fail_and_fail_again(t: &mut T) {
    t.register(Cleanup::new("second").then(|| panic!("of the second clean-up")));
    t.register(Cleanup::new("first").priority(1).then(|| panic!("of the first clean-up")));
    t.fail("first of all");
    t.fail("and another");
    panic!("at last");
}

#[airtight::test]
fn fail_and_leak_nothing_of_its_own(t: &mut T) {
    t.run("holds", |_| std::mem::forget(File::create("/tmp/held").unwrap()));
    t.run("fails", |t| t.fail("wrong"));
}

#[airtight::test(handles = 2)]
fn fail_of_the_case_that_needs_more_than_its_test_may_have(t: &mut T) {
    for (name, count) in [("two", 2), ("three", 3), ("one", 1)] {
        t.run(name, |_| drop((0..count).map(|_| File::create("/tmp/many").unwrap()).collect::<Vec<_>>()));
    }
}
