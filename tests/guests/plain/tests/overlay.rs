//! The package's directory, and one that is granted as an overlay: everything there can be changed, and nothing has changed
//! afterwards. What may be made in memory is limited: see `airtight.toml`.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::mem::forget;

/// The package as the compiler saw it.
const BAKED_IN: &str = env!("CARGO_MANIFEST_DIR");

fn names(dir: &str) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Changes whatever it finds. Two tests do the same, so that each finds what there was before.
fn change_everything() {
    assert_eq!(names("."), ["Cargo.toml", "src", "tests"]);
    assert!(fs::read_to_string("Cargo.toml").unwrap().starts_with("[package]"));
    fs::write("Cargo.toml", "changed").unwrap();
    fs::write("src/made.rs", "made").unwrap();
    fs::rename("src/lib.rs", "src/main.rs").unwrap();
    fs::rename("src", "moved").unwrap();
    fs::remove_dir_all("tests").unwrap();
    fs::create_dir("tests").unwrap();
    fs::hard_link("moved/made.rs", "tests/made.rs").unwrap();
    assert_eq!(names("."), ["Cargo.toml", "moved", "tests"]);
    assert_eq!(
        (names("moved"), names("tests")),
        (vec!["main.rs".into(), "made.rs".into()], vec!["made.rs".to_owned()])
    );
    assert_eq!(fs::read_to_string("Cargo.toml").unwrap(), "changed");
    assert!(fs::read_to_string("moved/main.rs").unwrap().contains("open_and_forget"));
    fs::write("/work/hello.txt", "bye").unwrap();
    fs::remove_dir_all("/work/inner").unwrap();
    assert_eq!(fs::read_to_string("/work/hello.txt").unwrap(), "bye");
    assert!(!fs::exists("/work/inner").unwrap());
    assert_eq!(fs::read_to_string("/fixtures/hello.txt").unwrap(), "hello\n", "the same directory, granted otherwise");
}

#[test]
fn pass_everything_can_be_changed() {
    change_everything();
}

#[test]
fn pass_everything_can_be_changed_again() {
    change_everything();
}

#[test]
fn pass_both_names_are_one_directory() {
    fs::write("made", "under the root").unwrap();
    assert_eq!(fs::read_to_string(format!("{BAKED_IN}/made")).unwrap(), "under the root");
    fs::rename(format!("{BAKED_IN}/src"), "/moved").unwrap();
    assert!(fs::exists("moved/lib.rs").unwrap() && !fs::exists("src").unwrap());
    fs::remove_file(format!("{BAKED_IN}/Cargo.toml")).unwrap();
    assert_eq!(File::open("Cargo.toml").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn pass_files_stay_what_they_were_when_they_were_opened() {
    let mut old = File::open("/work/hello.txt").unwrap();
    fs::write("/work/new", "new").unwrap();
    fs::rename("/work/new", "/work/hello.txt").unwrap();
    let mut gone = File::options().read(true).append(true).open("/work/inner/inner.txt").unwrap();
    fs::remove_file("/work/inner/inner.txt").unwrap();
    gone.write_all(b"more\n").unwrap();
    gone.seek(SeekFrom::Start(2)).unwrap();
    let mut texts = [String::new(), String::new()];
    old.read_to_string(&mut texts[0]).unwrap();
    gone.read_to_string(&mut texts[1]).unwrap();
    assert_eq!(texts, ["hello\n", "ner\nmore\n"]);
    assert_eq!(fs::read_to_string("/work/hello.txt").unwrap(), "new");
}

#[test]
fn pass_times_are_those_of_the_clock() {
    let before = fs::metadata("/work/hello.txt").unwrap().modified().unwrap();
    assert_eq!(fs::metadata("Cargo.toml").unwrap().modified().unwrap(), before, "when the test began");
    fs::write("/work/hello.txt", "bye").unwrap();
    let after = fs::metadata("/work/hello.txt").unwrap().modified().unwrap();
    assert!(after > before && after < std::time::SystemTime::now());
}

#[test]
fn deny_more_bytes_than_there_is_room_for() {
    let mut file = File::create("large").unwrap();
    let error = (0..200).find_map(|_| file.write_all(&[7; 1024]).err()).expect("64 KiB are the limit");
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(fs::write("Cargo.toml", "no room").unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(fs::write("/tmp/x", "no room either").is_err());
    drop(file);
    fs::remove_file("large").unwrap();
    fs::write("/tmp/x", "room again").unwrap();
    fs::remove_file("/tmp/x").unwrap();
}

#[test]
fn fail_for_want_of_room() {
    let mut file = File::create("/tmp/large").unwrap();
    while file.write_all(&[7; 1024]).is_ok() {}
    panic!("a program says in its own words that it went wrong");
}

#[test]
fn deny_more_names_than_there_is_room_for() {
    let made = (0..100).take_while(|name| File::create(format!("/work/{name}")).is_ok()).count();
    assert_eq!(made, 50);
    assert_eq!(fs::create_dir("new").unwrap_err().kind(), ErrorKind::StorageFull);
    fs::remove_file("/work/hello.txt").unwrap();
    assert_eq!(fs::create_dir("new").unwrap_err().kind(), ErrorKind::StorageFull, "it took no room");
    fs::remove_file("/work/0").unwrap();
    fs::create_dir("new").unwrap();
}

#[test]
fn deny_moving_between_file_systems() {
    assert_eq!(fs::rename("Cargo.toml", "/tmp/Cargo.toml").unwrap_err().kind(), ErrorKind::CrossesDevices);
    assert_eq!(fs::rename("/work/hello.txt", "hello.txt").unwrap_err().kind(), ErrorKind::CrossesDevices);
    assert!(fs::hard_link("/work/hello.txt", "/tmp/hello.txt").is_err());
    assert!(fs::exists("Cargo.toml").unwrap() && fs::exists("/work/hello.txt").unwrap());
}

#[test]
fn deny_leaving_an_overlay() {
    for way in
        ["/work/../airtight.toml", "/work/above/Cargo.toml", "/work/above", "/work/root/etc/passwd", "/work/root"]
    {
        assert!(File::open(way).is_err(), "{way}");
        assert!(File::create(way).is_err(), "{way}");
        assert!(fs::metadata(way).is_err(), "{way}");
    }
    assert!(fs::read_link("/work/root").is_err(), "where it leads on the host is not told");
    assert_eq!(fs::read_to_string("/work/inside").unwrap(), "inner\n", "a link that stays inside");
    fs::write("/work/inside", "through the link").unwrap();
    assert_eq!(fs::read_to_string("/work/inner/inner.txt").unwrap(), "through the link");
}

#[test]
fn leak_of_a_new_file_beside_the_sources() {
    let mut file = File::create(format!("{BAKED_IN}/src/new.rs")).unwrap();
    file.write_all(b"four").unwrap();
    forget(file);
}
