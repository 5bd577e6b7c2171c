use super::*;
use std::cell::RefCell;
use std::rc::Rc;

const NORMAL: Test = Test { name: "sdk::m::case", at: "src/m.rs:3:4", should_panic: None };
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
    assert_eq!(T::new(&NORMAL, Runner::Libtest(Book::new())).name(), "m::case");
}

#[test]
fn clean_ups_drop_what_they_hold() {
    let book = Book::new();
    let held = Rc::new(());
    let in_job = Rc::clone(&held);
    book.add_cleanup(move || drop(in_job));
    run_cleanups(&book);
    assert_eq!(Rc::strong_count(&held), 1);
}
