//! Tests of the SDK and plain ones in one target: each runs once.

use airtight::T;
use std::fs::{self, File};

#[test]
fn pass_plain() {}

#[test]
fn leak_plain() {
    std::mem::forget(File::create("/tmp/plain").unwrap());
}

#[test]
fn fail_plain() {
    panic!("a plain panic");
}

mod first {
    #[airtight::test]
    fn pass_same_name(t: &mut airtight::T) {
        assert_eq!(t.name(), "first::pass_same_name");
    }
}

mod second {
    #[airtight::test]
    fn pass_same_name(t: &mut airtight::T) {
        assert_eq!(t.name(), "second::pass_same_name");
    }

    #[test]
    fn pass_plain() {}
}

#[airtight::test]
fn leak_one_file(_: &mut T) {
    std::mem::forget(File::create("/tmp/one").unwrap());
}

#[airtight::test]
fn pass_temporary_directory(t: &mut T) {
    let dir = t.temp_dir();
    fs::write(dir.join("file"), "text").unwrap();
    t.cleanup(|| assert_eq!(fs::read_dir("/tmp").unwrap().count(), 1, "removed by the clean-up before this one"));
}

#[airtight::test]
fn pass_scratch_is_empty(_: &mut T) {
    assert_eq!(fs::read_dir("/tmp").unwrap().count(), 0);
}

#[airtight::test]
fn skip_by_itself(t: &mut T) {
    t.skip("there is nothing to test");
}

#[airtight::test]
#[ignore = "not today"]
fn skip_ignored(t: &mut T) {
    t.fatal("it ran");
}

#[airtight::test]
fn fail_twice(t: &mut T) {
    t.fail("the first");
    t.fail("the second");
    assert!(t.failed());
}

#[airtight::test]
fn fail_fatally(t: &mut T) {
    t.fatal("at once");
}

#[airtight::test]
fn fail_and_then_skip(t: &mut T) {
    t.fail("a failure");
    t.skip("too late");
}

#[airtight::test]
fn fail_with_an_error(_: &mut T) -> Result<(), String> {
    Err("the error's text".to_owned())
}

#[airtight::test]
fn fail_with_a_panic(_: &mut T) {
    panic!("a panic of the SDK's");
}

#[airtight::test]
fn exit_zero(_: &mut T) {
    std::process::exit(0);
}

#[airtight::test(should_panic)]
fn pass_should_panic(_: &mut T) {
    panic!("as it should");
}

#[airtight::test]
#[should_panic(expected = "as it")]
fn pass_should_panic_as_expected(_: &mut T) {
    panic!("as it should");
}

#[airtight::test(should_panic = "something else")]
fn fail_should_panic_otherwise(_: &mut T) {
    panic!("as it should");
}

#[airtight::test(should_panic)]
fn fail_should_panic_and_did_not(_: &mut T) {}

#[airtight::test(should_panic)]
fn exit_should_panic(_: &mut T) {
    std::process::exit(0);
}

#[airtight::test(memory = "4MiB")]
fn memory_lowered(_: &mut T) {
    std::hint::black_box(vec![1_u8; 8 << 20]);
}

#[airtight::test(fuel = "1M")]
fn timeout_lowered(_: &mut T) {
    loop {
        std::hint::black_box(());
    }
}

#[airtight::test(memory = "1GiB")]
fn fail_memory_raised(t: &mut T) {
    t.fatal("it ran");
}

#[airtight::test(fuel = "1T")]
fn fail_fuel_raised(t: &mut T) {
    t.fatal("it ran");
}

#[airtight::test(timeout = "24h")]
fn fail_timeout_raised(t: &mut T) {
    t.fatal("it ran");
}

#[airtight::test(grant = "dta")]
fn fail_grant_not_named(t: &mut T) {
    t.fatal("it ran");
}

#[airtight::test(grant = "data")]
fn pass_grant_named(_: &mut T) {
    assert_eq!(fs::read_to_string("/data/inner.txt").unwrap(), "inner\n");
}

#[airtight::test]
fn deny_grant_not_asked_for(_: &mut T) {
    assert!(fs::read_dir("/data").is_err());
    assert_eq!(airtight::socket("server"), None);
}

#[airtight::test(grants("data", "server"))]
fn pass_socket_closed(_: &mut T) {
    use std::os::fd::FromRawFd;
    let fd = airtight::socket("server").unwrap();
    // SAFETY: the test owns it, once.
    drop(unsafe { std::net::TcpListener::from_raw_fd(fd) });
}

#[airtight::test(grant = "server")]
fn pass_socket_left_alone(_: &mut T) {
    assert!(airtight::socket("server").is_some());
}
