//! Granted directories and files of the host: what a test is shown of them, and what it may not do.

use super::dir::HostDir;
use super::tree::HostTree;
use crate::policy;
use crate::sandbox::wasi::captured::{CapturedOutput, Streams};
use crate::sandbox::wasi::clock::Clock;
use crate::sandbox::wasi::fault::Fault;
use crate::sandbox::wasi::resolve::{self, Tree};
use crate::sandbox::wasi::scratch::Scratch;
use crate::sandbox::wasi::table::{Dir, File, FileOrDir, OpenMode, Result, Times};
use crate::sandbox::wasi::watchdog::Watchdog;
use crate::sandbox::wasi::world::World;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasi_common::snapshots::preview_1::types::{Errno, Filestat, Filetype};

const REALTIME_START: u64 = policy::Clock::DEFAULT_START;

fn world() -> World {
    let watchdog = Watchdog { deadline: Instant::now() + Duration::from_secs(60), interrupted: Arc::default() };
    World::new(
        Scratch::new(0, 0, REALTIME_START),
        CapturedOutput::new(0, Streams::Captured),
        watchdog,
        Clock::new(policy::Clock::default()),
    )
}

fn granted() -> (tempfile::TempDir, HostDir) {
    let host = tempfile::tempdir().unwrap();
    std::fs::write(host.path().join("old"), "there before").unwrap();
    let dir = HostDir::root(host.path(), true).unwrap();
    (host, dir)
}

const READ: OpenMode = OpenMode::READ;

fn open(dir: &HostDir, world: &mut World, path: &str, create: bool) -> Box<dyn File> {
    match dir.open(world, path, OpenMode { create, write: true, ..READ }).unwrap() {
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

fn errno<T>(result: Result<T>) -> Option<Errno> {
    match result {
        Ok(_) => None,
        Err(Fault::Errno(errno)) => Some(errno),
        Err(other) => panic!("{other:?}"),
    }
}

/// What Linux 6.18 answers on a directory that is mounted read-only, call by call.
#[test]
fn a_read_only_grant_refuses_as_a_read_only_mount_does() {
    use Errno::{Busy, Exist, Inval, Isdir, Loop, Noent, Notdir, Notempty, Rofs};
    let (host, _) = granted();
    std::fs::create_dir_all(host.path().join("d/sub")).unwrap();
    std::os::unix::fs::symlink("gone", host.path().join("dangling")).unwrap();
    std::os::unix::fs::symlink("d", host.path().join("l")).unwrap();
    let dir = HostDir::root(host.path(), false).unwrap();
    let world = &mut world();

    let (create, write, truncate) =
        (OpenMode { create: true, ..READ }, OpenMode { write: true, ..READ }, OpenMode { truncate: true, ..READ });
    let exclusive = OpenMode { exclusive: true, ..create };
    let nofollow = |how| OpenMode { follow: false, ..how };
    for (path, how, refused) in [
        ("old", write, Some(Rofs)),
        ("old", create, None),
        ("old", exclusive, Some(Exist)),
        ("old", truncate, Some(Rofs)),
        ("old/", write, Some(Notdir)),
        ("new", create, Some(Rofs)),
        ("new/", create, Some(Isdir)),
        ("none/new", create, Some(Noent)),
        ("d", write, Some(Isdir)),
        ("d", create, Some(Isdir)),
        ("d", truncate, Some(Isdir)),
        ("dangling", create, Some(Rofs)),
        ("dangling", nofollow(create), Some(Loop)),
        ("l", nofollow(write), Some(Loop)),
    ] {
        assert_eq!(errno(dir.open(world, path, how)), refused, "open {path} {how:?}");
    }
    for (path, refused) in [
        ("old", Exist),
        ("new", Rofs),
        ("new/", Rofs),
        ("none/x", Noent),
        ("old/x", Notdir),
        (".", Exist),
        ("d/..", Exist),
    ] {
        assert_eq!(errno(dir.create_dir(world, path)), Some(refused), "mkdir {path}");
    }
    for (path, refused) in [
        ("d", Rofs),
        ("old", Rofs),
        ("gone", Rofs),
        ("d/.", Inval),
        ("d/..", Notempty),
        ("none/x", Noent),
        ("old/", Rofs),
    ] {
        assert_eq!(errno(dir.remove_dir(world, path)), Some(refused), "rmdir {path}");
    }
    for (path, refused) in
        [("d", Rofs), ("old", Rofs), ("gone", Rofs), ("d/.", Isdir), ("none/x", Noent), ("old/", Rofs), ("d/", Rofs)]
    {
        assert_eq!(errno(dir.unlink(world, path)), Some(refused), "unlink {path}");
    }
    for (path, refused) in [("old", Exist), ("new", Rofs), ("new/", Noent), ("d", Exist), ("d/", Exist)] {
        assert_eq!(errno(dir.symlink(world, "t", path)), Some(refused), "symlink {path}");
    }
    for (from, to, refused) in [
        ("old", "new", Rofs),
        ("old", "old", Exist),
        ("gone", "new", Noent),
        ("d", "new", Rofs),
        ("old", "new/", Noent),
        ("old", "d", Exist),
        ("none/f", "new", Noent),
        ("old/", "new", Notdir),
    ] {
        assert_eq!(errno(dir.link(world, from, false, &dir, to)), Some(refused), "link {from} {to}");
    }
    for (from, to, refused) in [
        ("old", "new", Rofs),
        ("gone", "new", Rofs),
        ("old", ".", Busy),
        ("d", "d/sub/x", Rofs),
        ("old/", "new", Rofs),
        ("none/f", "new", Noent),
    ] {
        assert_eq!(errno(dir.rename(world, from, &dir, to)), Some(refused), "rename {from} {to}");
    }
    for (path, refused) in [("old", Rofs), ("gone", Noent), ("old/", Notdir), ("l", Rofs)] {
        let times = Times { accessed: Some(1), modified: None };
        assert_eq!(errno(dir.set_times(world, path, false, times)), Some(refused), "times of {path}");
    }
}

/// A file of the read-only directory could be written to under a name in the writable one.
#[test]
fn nothing_of_a_read_only_grant_gets_a_name_in_a_writable_one() {
    use Errno::{Exist, Noent, Rofs, Xdev};
    let ((from, _), (_host, writable)) = (granted(), granted());
    let read_only = HostDir::root(from.path(), false).unwrap();
    let world = &mut world();
    assert_eq!(errno(read_only.link(world, "old", false, &writable, "new")), Some(Xdev));
    assert_eq!(errno(read_only.link(world, "gone", false, &writable, "new")), Some(Noent));
    assert_eq!(errno(read_only.rename(world, "old", &writable, "new")), Some(Xdev));
    assert_eq!(errno(writable.rename(world, "old", &read_only, "new")), Some(Xdev));
    assert_eq!(errno(writable.link(world, "old", false, &read_only, "new")), Some(Rofs));
    assert_eq!(errno(writable.link(world, "old", false, &read_only, "old")), Some(Exist));
    // A directory opened below the grant is as read-only as the grant.
    std::fs::create_dir(from.path().join("sub")).unwrap();
    std::fs::write(from.path().join("sub/f"), "there before").unwrap();
    let Ok(FileOrDir::Dir(below)) = read_only.open(world, "sub", READ) else { panic!("no directory") };
    assert_eq!(errno(below.link(world, "f", false, &writable, "new")), Some(Xdev));
    assert_eq!(errno(below.open(world, "f", OpenMode { truncate: true, ..READ })), Some(Rofs));
}

/// A slash after a link asks for the link's target, even in calls that do not follow links.
#[test]
fn a_slash_after_a_link_leads_out_of_no_directory() {
    let top = tempfile::tempdir().unwrap();
    let (outside, inside) = (top.path().join("outside"), top.path().join("inside"));
    std::fs::create_dir_all(inside.join("d")).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("f"), "outside").unwrap();
    let absolute = format!("{}/", outside.display());
    let leaving = [
        ("up", ".."),
        ("up_slash", "../"),
        ("out", "../outside"),
        ("out_slash", "../outside/"),
        ("out_slashes", "../outside//"),
        ("absolute", absolute.as_str()),
        ("chain", "out/"),
        ("file", "../outside/f"),
    ];
    for (name, target) in leaving.into_iter().chain([("within", "d/")]) {
        std::os::unix::fs::symlink(target, inside.join(name)).unwrap();
    }
    let names = |dir: &std::path::Path| {
        let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = [names(&inside), names(&outside)];
    let dir = HostDir::root(&inside, true).unwrap();
    let world = &mut world();
    for (name, _) in leaving {
        for slashes in ["/", "//", "/.", "/./"] {
            let path = &format!("{name}{slashes}");
            for follow in [false, true] {
                let look = OpenMode { follow, ..READ };
                for how in [
                    look,
                    OpenMode { directory: true, ..look },
                    OpenMode { create: true, ..look },
                    OpenMode { write: true, ..look },
                    OpenMode { truncate: true, ..look },
                ] {
                    assert!(errno(dir.open(world, path, how)).is_some(), "open {path} {how:?}");
                }
                let times = Times { accessed: Some(1), modified: Some(1) };
                assert!(errno(dir.stat_path(world, path, follow)).is_some(), "stat {path}");
                assert!(errno(dir.set_times(world, path, follow, times)).is_some(), "times of {path}");
                assert!(errno(dir.link(world, path, follow, &dir, "new")).is_some(), "link {path}");
            }
            assert!(errno(dir.read_link(world, path)).is_some(), "readlink {path}");
            assert!(errno(dir.create_dir(world, path)).is_some(), "mkdir {path}");
            assert!(errno(dir.remove_dir(world, path)).is_some(), "rmdir {path}");
            assert!(errno(dir.unlink(world, path)).is_some(), "unlink {path}");
            assert!(errno(dir.symlink(world, "t", path)).is_some(), "symlink {path}");
            assert!(errno(dir.rename(world, path, &dir, "new")).is_some(), "rename {path}");
            assert!(errno(dir.rename(world, "d", &dir, path)).is_some(), "rename to {path}");
        }
    }
    assert_eq!([names(&inside), names(&outside)], before);
    assert_eq!(std::fs::read(outside.join("f")).unwrap(), b"outside");
    // A link that stays within the directory is followed.
    assert_eq!(dir.stat_path(world, "within/", false).unwrap().filetype, Filetype::Directory);
    assert!(matches!(dir.open(world, "within/", OpenMode { follow: false, ..READ }), Ok(FileOrDir::Dir(_))));
}

#[test]
fn dot_dot_does_not_follow_a_directory_that_somebody_moves_out_meanwhile() {
    let (host, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(host.path().join("d")).unwrap();
    let dir = HostDir::root(host.path(), true).unwrap();
    let world = &mut world();
    let mut tree = HostTree::new(world);
    let resolve::PathTarget::Named(found) = resolve::lookup(&mut tree, dir.handle(), "d", true).unwrap() else {
        panic!("a name")
    };
    let (above, below) = (tree.mark(dir.handle()).unwrap(), tree.enter(&found.node).unwrap());
    assert!(tree.leave(&below, above).is_ok());
    std::fs::rename(host.path().join("d"), elsewhere.path().join("d")).unwrap();
    assert_eq!(errno(tree.leave(&below, above)), Some(Errno::Noent));
}

#[test]
fn any_time_can_be_set() {
    let (host, dir) = granted();
    let world = &mut world();
    let mut file = open(&dir, world, "old", false);
    for nanos in [0, 1, u64::MAX - 1, u64::MAX, i64::MAX as u64, 1 << 63] {
        let times = Times { accessed: Some(nanos), modified: Some(nanos) };
        dir.set_times(world, "old", true, times).unwrap();
        file.set_times(world, times).unwrap();
        let stat = file.stat(world).unwrap();
        assert_eq!((stat.atim, stat.mtim), (nanos, nanos));
    }
    // The time is set on the host, too.
    let second = 1_000_000_001;
    dir.set_times(world, "old", true, Times { accessed: None, modified: Some(second) }).unwrap();
    let found = std::fs::metadata(host.path().join("old")).unwrap();
    assert_eq!(found.modified().unwrap(), std::time::UNIX_EPOCH + Duration::from_nanos(second));
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_kernel_shows_of_processes_is_in_no_grant() {
    let world = &mut world();
    let dir = HostDir::root(std::path::Path::new("/"), true).unwrap();
    for path in ["proc", "proc/", "proc/self/environ", "proc/self/mem", "proc/self/cwd/", "sys", "sys/kernel"] {
        for how in [READ, OpenMode { write: true, ..READ }, OpenMode { create: true, write: true, ..READ }] {
            let refused = errno(dir.open(world, path, how));
            assert!(matches!(refused, Some(Errno::Acces | Errno::Isdir)), "{path} {how:?}: {refused:?}");
        }
    }
    assert_eq!(errno(dir.stat_path(world, "proc/self/environ", true)), Some(Errno::Acces));
    assert!(matches!(dir.open(world, "usr", READ), Ok(FileOrDir::Dir(_))), "the rest is granted");
    for special in ["/proc", "/proc/self", "/sys"] {
        let refused = HostDir::root(std::path::Path::new(special), false).err().unwrap().to_string();
        assert!(refused.contains("is never granted"), "{refused}");
    }
}
