//! Overlays as a test has them: granted by a policy, and reached through descriptors' objects.

use crate::policy::{DirGrant, Mode, Policy};
use crate::sandbox::wasi::captured::{CapturedOutput, Streams};
use crate::sandbox::wasi::clock::Clock;
use crate::sandbox::wasi::fault::{Fault, Halt, NoDescriptors};
use crate::sandbox::wasi::grants::Grants;
use crate::sandbox::wasi::meter;
use crate::sandbox::wasi::scratch::Scratch;
use crate::sandbox::wasi::table::{Dir, File, FileOrDir, OpenMode};
use crate::sandbox::wasi::watchdog::Watchdog;
use crate::sandbox::wasi::world::World;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasi_common::snapshots::preview_1::types::{Errno, Filetype};

fn world() -> World {
    let watchdog = Watchdog { deadline: Instant::now() + Duration::from_secs(60), interrupted: Arc::default() };
    let clock = Clock::new(crate::policy::Clock::default());
    World::new(Scratch::new(1 << 20, 100, clock.start()), CapturedOutput::new(0, Streams::Captured), watchdog, clock)
}

fn granted(host: &Path, dirs: &[(&str, Mode)]) -> Grants {
    let grant = |(guest, mode): &(&str, Mode)| DirGrant {
        guest: (*guest).to_owned(),
        host: host.to_owned(),
        mode: *mode,
        name: None,
        alias_of: None,
    };
    Grants::new(Arc::new(Policy { dirs: dirs.iter().map(grant).collect(), ..Policy::default() })).unwrap()
}

const READ: OpenMode = OpenMode::READ;
const WRITE: OpenMode = OpenMode { create: true, write: true, ..READ };

fn open(dir: &Arc<dyn Dir>, world: &mut World, path: &str, how: OpenMode) -> Box<dyn File> {
    match dir.open(world, path, how).unwrap() {
        FileOrDir::File(file) => file,
        FileOrDir::Dir(_) => panic!("{path} is a directory"),
    }
}

fn text(dir: &Arc<dyn Dir>, world: &mut World, path: &str) -> String {
    let mut bytes = [0; 100];
    let mut file = open(dir, world, path, READ);
    let count = file.read(world, &mut bytes).unwrap();
    file.close(world);
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

#[test]
fn one_directory_under_two_names_is_one_overlay() {
    let host = tempfile::tempdir().unwrap();
    std::fs::write(host.path().join("f"), "below").unwrap();
    let modes = [("/", Mode::Overlay), ("/work/pkg", Mode::Overlay), ("/ro", Mode::ReadOnly)];
    let grants = granted(host.path(), &modes);
    let [root, alias, read_only] = std::array::from_fn(|index| Arc::clone(&grants.dirs[index].dir));
    let world = &mut world();
    let mut file = open(&root, world, "f", WRITE);
    file.write(world, b"ABOVE").unwrap();
    file.close(world);
    assert_eq!(text(&alias, world, "f"), "ABOVE");
    assert_eq!(text(&read_only, world, "f"), "below");
    assert_eq!(root.stat(world).unwrap(), alias.stat(world).unwrap());
    let other = &mut self::world();
    assert_eq!(text(&root, other, "f"), "below", "another test");
    assert_eq!(std::fs::read_to_string(host.path().join("f")).unwrap(), "below");
}

#[test]
fn the_host_s_descriptors_are_counted_and_closed() {
    let host = tempfile::tempdir().unwrap();
    std::fs::create_dir(host.path().join("d")).unwrap();
    std::fs::write(host.path().join("d/f"), "below").unwrap();
    let grants = granted(host.path(), &[("/", Mode::Overlay)]);
    let mut world = world();
    let dir = &grants.dirs[0].dir;
    assert_eq!(dir.list(&mut world).unwrap().len(), 3);
    assert_eq!(world.host.open(), 0, "the grant's own is the run's");
    let mut file = open(dir, &mut world, "d/f", READ);
    let count = world.host.clone();
    assert_eq!(count.open(), 2, "the directory and the file");
    file.close(&mut world);
    assert_eq!(count.open(), 1);
    drop(world);
    assert_eq!(count.open(), 0);
}

#[test]
fn what_the_host_does_on_its_own_is_charged() {
    let host = tempfile::tempdir().unwrap();
    std::fs::write(host.path().join("f"), [7; 5000]).unwrap();
    std::fs::write(host.path().join("g"), "").unwrap();
    let grants = granted(host.path(), &[("/", Mode::Overlay)]);
    let (world, dir) = (&mut world(), &grants.dirs[0].dir);
    dir.list(world).unwrap();
    assert_eq!(world.meter.take(), 2 * meter::ENTRY);
    dir.list(world).unwrap();
    let mut file = open(dir, world, "f", WRITE);
    assert_eq!(world.meter.take(), 0);
    file.write(world, b"x").unwrap();
    assert_eq!(world.meter.take(), 5000 * meter::BYTE);
    file.set_size(world, 6000).unwrap();
    file.write_at(world, b"x", 7000).unwrap();
    assert_eq!(world.meter.take(), 0, "a hole");
}

#[test]
fn special_files_have_their_types_and_no_contents() {
    let host = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(host.path().join("socket")).unwrap());
    let grants = granted(host.path(), &[("/", Mode::Overlay)]);
    let (world, dir) = (&mut world(), &grants.dirs[0].dir);
    assert_eq!(dir.stat_path(world, "socket", true).unwrap().filetype, Filetype::SocketStream);
    let refused = dir.open(world, "socket", READ).err();
    assert!(matches!(refused, Some(Fault::Errno(Errno::Acces))));
}

#[test]
fn a_host_without_descriptors_is_not_the_guest_s_to_know() {
    let fault = Fault::from(crate::sandbox::wasi::resolve::FsError::Nfile);
    assert!(matches!(fault, Fault::Halt(Halt::Descriptors(NoDescriptors))));
}
