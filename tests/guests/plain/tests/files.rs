//! Files and directories that are closed, and some that are not.

use plain::{close, open_and_forget, renumber};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::mem::forget;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::Mutex;

#[test]
fn pass_everything_closed() {
    fs::create_dir_all("/tmp/a/b").unwrap();
    let mut file = File::options().create(true).read(true).write(true).truncate(true).open("/tmp/a/b/c").unwrap();
    file.write_all(b"0123456789").unwrap();
    file.seek(SeekFrom::Start(5)).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "56789");
    fs::rename("/tmp/a/b/c", "/tmp/d").unwrap();
    assert_eq!(fs::read_dir("/tmp").unwrap().count(), 2);
    assert_eq!(fs::metadata("/tmp/d").unwrap().len(), 10);
    fs::remove_dir_all("/tmp/a").unwrap();
}

#[test]
fn leak_one_file() {
    let mut file = File::create("/tmp/one").unwrap();
    file.write_all(b"four").unwrap();
    forget(file);
}

#[test]
fn leak_of_one_place_in_a_loop() {
    for _ in 0..3 {
        open_and_forget("/tmp/same");
    }
}

#[test]
fn leak_of_two_places() {
    open_and_forget("/tmp/first");
    open_and_forget("/tmp/second");
}

#[test]
fn leak_read_only() {
    let mut file = File::open("/fixtures/hello.txt").unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello\n");
    let _ = file.into_raw_fd();
}

#[test]
fn leak_of_a_package_file() {
    forget(File::open("Cargo.toml").unwrap());
}

#[test]
fn leak_directory() {
    let mut entries = fs::read_dir("/fixtures").unwrap();
    assert!(entries.next().is_some());
    forget(entries);
}

#[test]
fn leak_kept_by_a_static() {
    static KEPT: Mutex<Option<File>> = Mutex::new(None);
    *KEPT.lock().unwrap() = Some(File::create("/tmp/kept").unwrap());
}

#[test]
fn leak_of_a_removed_file() {
    let file = File::create("/tmp/gone").unwrap();
    fs::remove_file("/tmp/gone").unwrap();
    forget(file);
}

/// The descriptor table has one entry left, under another number.
#[test]
fn leak_renumbered_over_an_open_file() {
    let (first, second) = (File::create("/tmp/first").unwrap(), File::create("/tmp/second").unwrap());
    assert_eq!(renumber(first.as_raw_fd() as u32, second.as_raw_fd() as u32), 0);
    forget(first);
    forget(second);
}

#[test]
fn pass_renumbered_and_closed() {
    let (first, second) = (File::create("/tmp/first").unwrap(), File::create("/tmp/second").unwrap());
    assert_eq!(renumber(first.as_raw_fd() as u32, second.as_raw_fd() as u32), 0);
    forget(first);
    drop(second);
}

#[test]
fn pass_closed_by_number() {
    let fd = File::create("/tmp/by-number").unwrap().into_raw_fd() as u32;
    assert_eq!(close(fd), 0);
    assert_eq!(close(fd), 8, "it is a bad descriptor now");
}

#[test]
fn pass_holes_cost_nothing() {
    let mut file = File::options().create(true).read(true).write(true).truncate(true).open("/tmp/sparse").unwrap();
    file.set_len(4 << 30).unwrap();
    assert_eq!(fs::metadata("/tmp/sparse").unwrap().len(), 4 << 30);
    file.seek(SeekFrom::Start(3 << 30)).unwrap();
    file.write_all(b"x").unwrap();
    file.seek(SeekFrom::Start((3 << 30) - 2)).unwrap();
    let mut bytes = [7; 5];
    file.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, [0, 0, b'x', 0, 0]);
    assert_eq!(file.seek(SeekFrom::End(-1)).unwrap(), (4 << 30) - 1);
    assert_eq!(file.read(&mut bytes).unwrap(), 1);
    assert_eq!(bytes[0], 0);
    drop(file);
    fs::remove_file("/tmp/sparse").unwrap();
}

#[test]
fn pass_scratch_is_empty_at_first() {
    assert_eq!(fs::read_dir("/tmp").unwrap().count(), 0);
    fs::write("/tmp/left", "for nobody").unwrap();
}

#[test]
fn pass_scratch_is_empty_again() {
    assert_eq!(fs::read_dir("/tmp").unwrap().count(), 0);
    fs::write("/tmp/left", "for nobody").unwrap();
}

#[test]
fn fail_with_a_file_open() {
    let _open = File::create("/tmp/open").unwrap();
    panic!("and the file is taken back");
}

#[test]
fn exit_with_a_file_open() {
    let _open = File::create("/tmp/open").unwrap();
    std::process::exit(0);
}
