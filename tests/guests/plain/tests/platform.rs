//! Ordinary code that needs what the platform has not. The verdict comes with a hint that says what to do.

use std::io;
use std::net::TcpStream;
use std::panic::{catch_unwind, set_hook};
use std::process::Command;
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex};
use std::thread;

#[test]
fn fail_for_want_of_scoped_threads() {
    thread::scope(|scope| {
        scope.spawn(|| 1).join().unwrap();
    });
}

#[test]
fn fail_for_want_of_a_thread_that_may_fail() {
    thread::Builder::new().spawn(|| 1).unwrap().join().unwrap();
}

#[test]
fn fail_for_want_of_a_thread_that_notifies() {
    let (mutex, condition) = (Mutex::new(false), Condvar::new());
    let _woken = condition.wait(mutex.lock().unwrap()).unwrap();
}

#[test]
fn timeout_for_want_of_a_thread_that_sends() {
    let (_sender, receiver) = channel::<u8>();
    receiver.recv().unwrap();
}

#[test]
fn fail_for_want_of_a_thread_that_unlocks() {
    let mutex = Mutex::new(1);
    let _first = mutex.lock().unwrap();
    let _second = mutex.lock().unwrap();
}

#[test]
fn fail_for_want_of_processes() {
    Command::new("true").status().unwrap();
}

#[test]
fn fail_for_want_of_processes_with_an_error() -> io::Result<()> {
    Command::new("true").status().map(|_| ())
}

#[test]
fn fail_for_want_of_unwinding() {
    assert!(catch_unwind(|| panic!("caught elsewhere")).is_err());
}

#[test]
fn fail_for_want_of_unwinding_with_a_hook_of_its_own() {
    set_hook(Box::new(|_| {}));
    assert!(catch_unwind(|| panic!("said to nobody")).is_err());
}

#[test]
fn fail_for_want_of_the_directory_of_build_scripts() {
    std::fs::read("/home/me/ws/target/debug/build/demo-0123456789abcdef/out/table.bin").unwrap();
}

#[test]
fn fail_for_want_of_the_directory_of_builds() {
    std::fs::write("/home/me/ws/target/tmp/written.txt", "x").unwrap();
}

#[test]
fn fail_for_want_of_a_granted_directory() {
    std::fs::read("/etc/passwd").unwrap();
}

#[test]
fn fail_for_want_of_a_socket() {
    TcpStream::connect("127.0.0.1:7").unwrap();
}

#[test]
fn fail_of_its_own_beside_a_scope() {
    thread::scope(|_| panic!("its own"));
}
