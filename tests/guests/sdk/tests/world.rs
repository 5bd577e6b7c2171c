//! A world that is made once: every test begins where the set-up ended, and has it to itself. What comes in pairs would fail in one of
//! the two if a test saw what another did. All that passes here and needs nothing but the sandbox passes natively too, but for the pairs.

use airtight::{T, Tracked, net};
use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard};
use std::time::{Instant, SystemTime};

/// A megabyte, of which no test needs more than a little.
const LARGE: usize = 1 << 20;

struct World {
    counter: Mutex<u32>,
    large: Mutex<Vec<u8>>,
    spare: Mutex<Option<Vec<u8>>>,
    log: Mutex<Option<File>>,
    server: Mutex<Option<TcpListener>>,
    client: Mutex<Option<TcpStream>>,
    mock: Mutex<Option<Tracked>>,
    began: (SystemTime, Instant),
    random: u64,
}

#[airtight::setup]
fn pass_set_up() -> World {
    fs::write("/tmp/left", "by the set-up").unwrap();
    let mut log = OpenOptions::new().create(true).read(true).write(true).truncate(true).open("/tmp/log").unwrap();
    log.write_all(b"first second").unwrap();
    log.seek(SeekFrom::Start(6)).unwrap();
    let server = net::listen("127.0.0.1:0").unwrap();
    let mut client = net::connect(net::local_addr(&server).unwrap()).unwrap();
    client.write_all(b"sent in the set-up").unwrap();
    World {
        counter: Mutex::new(7),
        large: Mutex::new(vec![1; LARGE]),
        spare: Mutex::new(Some(vec![2; 100])),
        log: Mutex::new(Some(log)),
        server: Mutex::new(Some(server)),
        client: Mutex::new(Some(client)),
        mock: Mutex::new(Some(airtight::track("MockOrderService", "of the set-up"))),
        began: (SystemTime::now(), Instant::now()),
        random: RandomState::new().hash_one(0),
    }
}

#[airtight::teardown]
fn pass_teardown() {
    let world = pass_set_up();
    assert_eq!(*held(&world.counter), 7, "no test changed the world that is torn down");
    drop((held(&world.log).take(), held(&world.client).take(), held(&world.server).take()));
    drop(held(&world.mock).take());
    fs::remove_file("/tmp/log").unwrap();
    fs::remove_file("/tmp/left").unwrap();
}

fn held<V>(value: &Mutex<V>) -> MutexGuard<'_, V> {
    value.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn memory_is_that_of_the_set_up() {
    let world = pass_set_up();
    assert_eq!(*held(&world.counter), 7);
    *held(&world.counter) += 1;
    let mut large = held(&world.large);
    assert!(large.len() == LARGE && large.iter().step_by(4096).all(|byte| *byte == 1));
    large[LARGE / 2] = 0;
}

#[airtight::test]
fn pass_memory(_: &mut T) {
    memory_is_that_of_the_set_up();
}

#[airtight::test]
fn pass_memory_again(_: &mut T) {
    memory_is_that_of_the_set_up();
}

#[test]
fn pass_memory_in_a_plain_test() {
    memory_is_that_of_the_set_up();
}

fn a_descriptor_goes_on_at_its_offset() {
    let world = pass_set_up();
    let mut text = String::new();
    let mut log = held(&world.log);
    let log = log.as_mut().unwrap();
    log.read_to_string(&mut text).unwrap();
    assert_eq!(text, "second");
    log.write_all(b" third").unwrap();
    log.rewind().unwrap();
    text.clear();
    log.read_to_string(&mut text).unwrap();
    assert_eq!(text, "first second third");
    assert_eq!(fs::read_to_string("/tmp/left").unwrap(), "by the set-up");
    fs::remove_file("/tmp/left").unwrap();
}

#[airtight::test]
fn pass_files(_: &mut T) {
    a_descriptor_goes_on_at_its_offset();
}

#[airtight::test]
fn pass_files_again(_: &mut T) {
    a_descriptor_goes_on_at_its_offset();
}

fn a_connection_goes_on() {
    let world = pass_set_up();
    let (mut served, _) = net::accept(held(&world.server).as_ref().unwrap()).unwrap();
    drop(held(&world.client).take());
    let mut text = String::new();
    served.read_to_string(&mut text).unwrap();
    assert_eq!(text, "sent in the set-up");
}

#[airtight::test]
fn pass_network(_: &mut T) {
    a_connection_goes_on();
}

#[airtight::test]
fn pass_network_again(_: &mut T) {
    a_connection_goes_on();
}

#[airtight::test]
fn pass_clock_and_randomness_go_on(_: &mut T) {
    let world = pass_set_up();
    assert!(SystemTime::now() > world.began.0);
    assert!(world.began.1.elapsed().as_nanos() > 0);
    assert_ne!(RandomState::new().hash_one(0), world.random);
}

#[airtight::test]
fn pass_gives_back_what_the_set_up_acquired(_: &mut T) {
    let world = pass_set_up();
    drop((held(&world.log).take(), held(&world.mock).take(), held(&world.spare).take()));
}

#[airtight::test]
fn pass_subtests_and_cleanups(t: &mut T) {
    t.cleanup(|| assert_eq!(*held(&pass_set_up().counter), 9));
    for name in ["one", "two"] {
        t.run(name, |_| *held(&pass_set_up().counter) += 1);
    }
}

#[airtight::test]
fn leak_of_its_own_and_nothing_of_the_set_up(_: &mut T) {
    std::mem::forget(File::create("/tmp/own").unwrap());
    std::mem::forget(vec![3_u8; 300]);
}

#[airtight::test]
fn fail_and_spoil_nothing(_: &mut T) {
    *held(&pass_set_up().counter) = 0;
    panic!("in the test");
}

#[airtight::test(memory = "1MiB")]
fn memory_that_the_set_up_has_taken(_: &mut T) {}
