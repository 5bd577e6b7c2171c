//! Tests of the SDK with threads. The name of each begins with its verdict.

use airtight::T;
use std::io::Read;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[airtight::test]
fn pass_threads_of_a_test(_: &mut T) {
    let squares: Vec<u32> = (0..4).map(|n| thread::spawn(move || n * n)).map(|made| made.join().unwrap()).collect();
    assert_eq!(squares, [0, 1, 4, 9]);
}

#[airtight::test]
fn pass_subtests_that_spawn_and_join(t: &mut T) {
    for n in 1..4 {
        t.run("count", move |_| {
            let count = AtomicU32::new(0);
            thread::scope(|scope| {
                for _ in 0..n {
                    scope.spawn(|| count.fetch_add(1, Ordering::Relaxed));
                }
            });
            assert_eq!(count.into_inner(), n);
        });
    }
}

/// A thread of the test answers what each subtest asks.
#[airtight::test]
fn pass_a_thread_that_serves_subtests(t: &mut T) {
    let (ask, asked) = mpsc::channel::<(u32, mpsc::Sender<u32>)>();
    let server = thread::spawn(move || asked.iter().for_each(|(n, answer)| answer.send(n + 1).unwrap()));
    for n in 0..3 {
        let ask = ask.clone();
        t.run("asks", move |_| {
            let (answer, answered) = mpsc::channel();
            ask.send((n, answer)).unwrap();
            assert_eq!(answered.recv(), Ok(n + 1));
        });
    }
    drop(ask);
    server.join().unwrap();
}

/// One subtest panics while a thread of the test waits; the next one goes on.
#[airtight::test]
fn fail_in_one_subtest(t: &mut T) {
    let (tell, told) = mpsc::channel::<()>();
    let waits = thread::spawn(move || told.recv());
    t.run("panics", |_| panic!("this one alone"));
    let tells = tell.clone();
    assert!(t.run("tells", move |_| tells.send(()).unwrap()));
    assert_eq!(waits.join().unwrap(), Ok(()));
}

#[airtight::test]
fn fail_by_a_thread_of_a_subtest(t: &mut T) {
    t.run("spawns", |_| drop(thread::spawn(|| panic!("in its thread")).join()));
    unreachable!("a panic ends the program");
}

#[airtight::test]
fn timeout_by_a_deadlock_in_a_subtest(t: &mut T) {
    t.run("stuck", |_| {
        let lock = Mutex::new(());
        let _held = lock.lock().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| drop(lock.lock()));
        });
    });
}

/// Clean-ups of a subtest run while another thread does, and so do those of the test.
#[airtight::test]
fn pass_clean_ups_that_stop_threads(t: &mut T) {
    let (stop, stopped) = mpsc::channel::<()>();
    let job = thread::spawn(move || while stopped.recv().is_ok() {});
    t.cleanup(move || {
        drop(stop);
        job.join().unwrap();
    });
    t.run("has one of its own", |t| {
        let (stop, stopped) = mpsc::channel::<()>();
        let job = thread::spawn(move || while stopped.recv().is_ok() {});
        t.cleanup(move || {
            drop(stop);
            job.join().unwrap();
        });
    });
}

#[airtight::test]
fn leak_a_thread_of_a_subtest(t: &mut T) {
    t.run("forgets", |_| drop(thread::spawn(thread::park)));
}

#[airtight::test]
#[should_panic(expected = "it is 7")]
fn pass_the_panic_that_is_expected(_: &mut T) {
    let found = thread::spawn(|| 7).join().unwrap();
    panic!("it is {found}");
}

/// Natively, the panic of another thread is none of the test's.
#[airtight::test]
#[should_panic(expected = "not the test's")]
fn fail_by_the_panic_of_another_thread(_: &mut T) {
    let _ = thread::spawn(|| panic!("not the test's")).join();
}

#[airtight::test]
fn pass_a_guard_among_threads(t: &mut T) {
    let names = Arc::new(Mutex::new(Vec::new()));
    for name in ["a", "b"] {
        let names = Arc::clone(&names);
        t.run(name, move |_| {
            let own = Arc::clone(&names);
            thread::spawn(move || own.lock().unwrap().push(name)).join().unwrap();
        });
    }
    assert_eq!(*names.lock().unwrap(), ["a", "b"]);
}

/// A job that nobody stops: it waits at a connection, and holds both ends of it and a file.
#[airtight::test]
fn leak_a_thread_that_holds_a_connection_and_a_file(_: &mut T) {
    thread::spawn(|| {
        let (mut own, _other) = airtight::net::pair().unwrap();
        let _log = std::fs::File::create("/tmp/log").unwrap();
        drop(own.read(&mut [0; 8]));
    });
    thread::sleep(Duration::from_secs(1));
}
