//! Host directories and files below a read-write grant: what a test is told of them.

use super::dir::HostDir;
use crate::policy;
use crate::sandbox::wasi::clock::Clock;
use crate::sandbox::wasi::scratch::Scratch;
use crate::sandbox::wasi::stdio::{Capture, Streams};
use crate::sandbox::wasi::table::{Dir, File, FileOrDir, OpenMode, Times};
use crate::sandbox::wasi::watchdog::Watchdog;
use crate::sandbox::wasi::world::World;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasi_common::snapshots::preview_1::types::{Fdflags, Filestat};

const REALTIME_START: u64 = policy::Clock::DEFAULT_START;

fn world() -> World {
    let watchdog = Watchdog { deadline: Instant::now() + Duration::from_secs(60), interrupted: Arc::default() };
    World::new(
        Scratch::new(0, 0, REALTIME_START),
        Capture::new(0, Streams::Captured),
        watchdog,
        Clock::new(policy::Clock::default()),
    )
}

fn granted() -> (tempfile::TempDir, HostDir) {
    let host = tempfile::tempdir().unwrap();
    std::fs::write(host.path().join("old"), "there before").unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(host.path(), cap_std::ambient_authority()).unwrap();
    (host, HostDir::root(dir, true))
}

fn open(dir: &HostDir, world: &mut World, path: &str, create: bool) -> Box<dyn File> {
    let how = OpenMode {
        follow: true,
        create,
        exclusive: false,
        truncate: false,
        directory: false,
        read: true,
        write: true,
        flags: Fdflags::empty(),
    };
    match dir.open(world, path, how).unwrap() {
        FileOrDir::File(file) => file,
        FileOrDir::Dir(_) => panic!("{path} is a directory"),
    }
}

fn times(stat: &Filestat) -> [u64; 3] {
    [stat.atim, stat.mtim, stat.ctim].map(|time| time - REALTIME_START)
}

fn stat(dir: &HostDir, world: &mut World, path: &str) -> Filestat {
    dir.stat_path(world, path, false).unwrap()
}

#[test]
fn times_are_those_of_the_test_s_own_clock() {
    let (_host, dir) = granted();
    let world = &mut world();
    assert_eq!(times(&stat(&dir, world, "old")), [0, 0, 0]);
    world.clock.set_spent(10);
    let mut new = open(&dir, world, "new", true);
    assert_eq!(times(&new.stat(world).unwrap()), [10, 10, 10]);
    assert_eq!(times(&dir.stat(world).unwrap()), [0, 10, 10], "a name was made in it");
    world.clock.set_spent(20);
    new.write(world, b"x").unwrap();
    assert_eq!(times(&stat(&dir, world, "new")), [10, 20, 20]);
    assert_eq!(times(&dir.stat(world).unwrap()), [0, 10, 10]);
    world.clock.set_spent(30);
    dir.set_times(world, "old", true, Times { accessed: Some(REALTIME_START + 5), modified: None }).unwrap();
    assert_eq!(times(&stat(&dir, world, "old")), [5, 0, 30]);
    world.clock.set_spent(40);
    dir.rename(world, "new", &dir, "old").unwrap();
    assert_eq!(times(&stat(&dir, world, "old")), [10, 20, 40]);
    dir.create_dir(world, "sub").unwrap();
    world.clock.set_spent(50);
    open(&dir, world, "sub/inner", true);
    assert_eq!(times(&stat(&dir, world, "sub")), [40, 50, 50]);
    assert_eq!(times(&dir.stat(world).unwrap()), [0, 40, 40]);
}

#[test]
fn opening_what_is_there_makes_nothing_new() {
    let (_host, dir) = granted();
    let world = &mut world();
    let before = stat(&dir, world, "old");
    world.clock.set_spent(10);
    open(&dir, world, "old", true);
    let after = stat(&dir, world, "old");
    assert_eq!((after.ino, times(&after)), (before.ino, [0, 0, 0]));
}

#[test]
fn a_file_made_anew_has_another_number() {
    let (_host, dir) = granted();
    let world = &mut world();
    let old = stat(&dir, world, "old").ino;
    dir.unlink(world, "old").unwrap();
    drop(open(&dir, world, "old", true));
    assert_ne!(stat(&dir, world, "old").ino, old, "whether or not the host gave the same number again");
}

#[test]
fn links_are_counted_and_directories_look_alike() {
    let (_host, dir) = granted();
    let world = &mut world();
    dir.link(world, "old", false, &dir, "other").unwrap();
    let (old, other) = (stat(&dir, world, "old"), stat(&dir, world, "other"));
    assert_eq!((old.nlink, old.ino), (2, other.ino));
    let root = dir.stat(world).unwrap();
    assert_eq!((root.nlink, root.size), (1, 0));
}

#[test]
fn the_size_of_a_link_is_that_of_the_target_which_the_test_may_read() {
    let (host, dir) = granted();
    let world = &mut world();
    for (target, name, size) in [("old", "relative", 3), ("../../out", "out", 9), ("/an/absolute/path", "absolute", 0)]
    {
        std::os::unix::fs::symlink(target, host.path().join(name)).unwrap();
        assert_eq!(stat(&dir, world, name).size, size, "{name}");
        assert_eq!(dir.read_link(world, name).is_ok(), size > 0, "{name}");
    }
}
