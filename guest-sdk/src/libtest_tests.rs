use super::*;
use crate::Cleanup;
use std::cell::RefCell;
use std::rc::Rc;

const NORMAL: Test = Test { name: "sdk::m::case", at: "src/m.rs:3:4", should_panic: None, serial: None };
const PANICS: Test = Test { should_panic: Some("boom"), ..NORMAL };

/// What libtest would see of a test: its panic's message, if it panics.
fn seen(test: &'static Test, body: fn(&mut T)) -> Option<String> {
    seen_of(test, body)
}

fn seen_of<R: Outcome>(test: &'static Test, body: fn(&mut T) -> R) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(|| libtest(test, body))).err()?;
    Some(message(&*payload).to_owned())
}

thread_local! {
    static RAN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

fn run_two_cleanups(t: &mut T) {
    for n in 1..=2 {
        t.cleanup(move || RAN.with_borrow_mut(|ran| ran.push(n)));
    }
}

fn ran() -> Vec<u32> {
    RAN.take()
}

#[test]
fn a_test_that_says_nothing_passes() {
    assert_eq!(seen(&NORMAL, |_| {}), None);
    assert_eq!(seen_of(&NORMAL, |_| Ok::<(), String>(())), None);
}

#[test]
fn failures_are_collected_and_fail_at_the_end() {
    let message = seen(&NORMAL, |t| {
        t.fail("one");
        assert!(t.failed());
        run_two_cleanups(t);
        t.fail(format_args!("tw{}", 'o'));
    });
    let message = message.unwrap();
    let lines: Vec<_> = message.lines().collect();
    assert!(lines[0].contains("libtest_tests.rs:") && lines[0].ends_with(": one"), "{message}");
    assert!(lines[1].ends_with(": two"), "{message}");
    assert_eq!(ran(), [2, 1]);
}

#[test]
fn fatal_ends_the_test_and_runs_clean_ups() {
    let message = seen(&NORMAL, |t| {
        run_two_cleanups(t);
        t.fatal("stop");
    });
    assert!(message.unwrap().ends_with(": stop"));
    assert_eq!(ran(), [2, 1]);
}

#[test]
fn a_returned_error_is_at_the_function() {
    let message = seen_of(&NORMAL, |_| Err::<(), _>("bad"));
    assert_eq!(message.unwrap(), "src/m.rs:3:4: Error: \"bad\"");
}

#[test]
fn a_panic_stays_what_it_is_and_runs_clean_ups() {
    let message = seen(&NORMAL, |t| {
        run_two_cleanups(t);
        t.fail("before");
        panic!("boom");
    });
    assert_eq!(message.as_deref(), Some("boom"));
    assert_eq!(ran(), [2, 1]);
}

#[test]
fn a_skip_passes_unless_the_test_failed() {
    assert_eq!(seen(&NORMAL, |t| t.skip("no network")), None);
    let failed = seen(&NORMAL, |t| {
        t.fail("wrong");
        t.skip("no network")
    });
    assert!(failed.unwrap().ends_with(": wrong"));
}

#[test]
fn a_clean_up_that_panics_fails_the_test_and_stops_nothing() {
    let message = seen(&NORMAL, |t| {
        run_two_cleanups(t);
        t.cleanup(|| panic!("in the clean-up"));
    });
    assert_eq!(message.as_deref(), Some("a clean-up panicked: in the clean-up"));
    assert_eq!(ran(), [2, 1]);
}

#[test]
fn a_test_that_should_panic_passes_by_its_panic_alone() {
    assert_eq!(seen(&PANICS, |_| panic!("boom")).as_deref(), Some("boom"));
    assert_eq!(seen(&PANICS, |_| {}), None, "without a panic libtest fails it");
    assert_eq!(seen(&PANICS, |t| t.fail("wrong")), None);
    assert_eq!(
        seen(&PANICS, |t| {
            t.fail("wrong");
            panic!("boom")
        }),
        None
    );
    assert_eq!(seen(&PANICS, |t| t.skip("not here")).as_deref(), Some("boom"));
}

#[test]
fn a_temporary_directory_goes_with_the_test() {
    thread_local! {
        static DIR: RefCell<Option<std::path::PathBuf>> = const { RefCell::new(None) };
    }
    assert_eq!(
        seen(&NORMAL, |t| {
            let dir = t.temp_dir();
            assert!(dir.is_dir() && dir != t.temp_dir());
            DIR.set(Some(dir));
        }),
        None
    );
    assert!(!DIR.take().unwrap().exists());
}

#[test]
fn names_are_those_of_libtest() {
    assert_eq!(T::new(&NORMAL, Runner::Libtest(Rc::new(Book::new()))).name(), "m::case");
}

#[test]
fn clean_ups_drop_what_they_hold() {
    let t = T::new(&NORMAL, Runner::Libtest(Rc::new(Book::new())));
    let held = Rc::new(());
    let in_job = Rc::clone(&held);
    t.cleanup(move || drop(in_job));
    assert!(!run_cleanups(t.book(), 0, ""));
    assert_eq!(Rc::strong_count(&held), 1);
}

/// A clean-up that notes its number.
fn noting(n: u32) -> impl FnOnce() {
    move || RAN.with_borrow_mut(|ran| ran.push(n))
}

#[test]
fn clean_ups_are_values_with_priorities_and_register_others() {
    let message = seen(&NORMAL, |t| {
        t.cleanup(noting(9));
        let scope = t.scope();
        t.cleanup(move || {
            noting(3)();
            scope.cleanup(noting(4));
        });
        let stop = Cleanup::new("db").then(noting(1)).then(|| panic!("stuck"));
        t.register(stop.priority(10).and(Cleanup::new("net").then(noting(2))));
        t.register(Cleanup::new("last").priority(-1).then(noting(10)));
    });
    assert_eq!(message.as_deref(), Some("a clean-up `db` panicked: stuck"));
    assert_eq!(ran(), [1, 2, 3, 4, 9, 10]);
}

#[test]
fn subtests_have_names_clean_ups_and_verdicts_of_their_own() {
    let message = seen(&NORMAL, |t| {
        t.cleanup(noting(9));
        for n in 0..2 {
            assert!(t.run("a case", |t| {
                t.cleanup(noting(n));
                assert_eq!(t.name(), if n == 0 { "m::case/a_case" } else { "m::case/a_case#01" });
                assert!(t.run("", |t| assert!(t.name().ends_with("/#00"), "{}", t.name())));
                noting(5 + n)();
            }));
        }
        assert!(!t.failed());
        assert!(!t.run("fails", |t| {
            t.cleanup(noting(3));
            t.fail("one");
            assert!(t.failed());
        }));
        assert!(t.failed());
        assert!(!t.run("panics", |_| panic!("two")));
        assert!(!t.run("is fatal", |t| t.fatal("three")));
        assert!(!t.run("returns", |_| Err::<(), _>("four")));
        assert!(t.run("skips", |t| t.skip("five")));
        assert!(!t.run("cleans", |t| t.cleanup(|| panic!("six"))));
        noting(8)();
    });
    let message = message.unwrap();
    let lines: Vec<_> = message.lines().map(|line| line.split_once("[").map_or(line, |(_, rest)| rest)).collect();
    let expected = [
        "fails] one",
        "panics] panicked: two",
        "is_fatal] three",
        "returns] Error: \"four\"",
        "cleans] a clean-up panicked: six",
    ];
    assert_eq!(lines, expected, "{message}");
    assert_eq!(ran(), [5, 0, 6, 1, 3, 8, 9]);
}

#[test]
fn a_panic_in_a_subtest_is_the_one_that_is_expected() {
    let message = seen(&PANICS, |t| {
        t.run("inner", |t| {
            run_two_cleanups(t);
            panic!("boom")
        });
    });
    assert_eq!(message.as_deref(), Some("boom"));
    assert_eq!(ran(), [2, 1]);
}

#[test]
fn a_clean_up_of_a_subtest_that_is_over_waits_for_the_test() {
    let message = seen(&NORMAL, |t| {
        let mut kept = None;
        t.run("inner", |t| kept = Some(t.scope()));
        kept.unwrap().cleanup(noting(2));
        noting(1)();
    });
    assert_eq!((message, ran()), (None, vec![1, 2]));
}
