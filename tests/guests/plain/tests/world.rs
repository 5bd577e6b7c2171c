//! What a test sees of the world: nothing but what it was granted.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

static RUNS: AtomicU32 = AtomicU32::new(0);

#[test]
fn pass_statics_are_fresh() {
    assert_eq!(RUNS.fetch_add(1, Ordering::Relaxed), 0);
}

#[test]
fn pass_statics_are_fresh_again() {
    assert_eq!(RUNS.fetch_add(1, Ordering::Relaxed), 0);
}

#[test]
fn pass_environment_is_what_was_granted() {
    assert_eq!(std::env::var("GRANTED").as_deref(), Ok("by the profile"));
    assert_eq!(std::env::var("CARGO_PKG_NAME").as_deref(), Ok("plain"));
    for (name, value) in std::env::vars() {
        let known = name.starts_with("CARGO_PKG_") || ["GRANTED", "CARGO_MANIFEST_DIR", "PWD"].contains(&name.as_str());
        assert!(known, "{name}={value}");
    }
}

#[test]
fn pass_current_directory_is_the_package() {
    assert!(fs::read_to_string("Cargo.toml").unwrap().contains("name = \"plain\""));
    let here = std::env::current_dir().unwrap();
    assert!(here.join("src/lib.rs").exists());
}

#[test]
fn pass_manifest_directory_at_run_time() {
    let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    assert!(Path::new(&dir).join("tests/world.rs").exists());
}

#[test]
fn pass_manifest_directory_of_the_compiler() {
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/world.rs").exists());
}

#[test]
fn leak_by_the_path_of_the_compiler() {
    std::mem::forget(File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap());
}

#[test]
fn deny_writing_where_reading_is_granted() {
    for dir in ["/fixtures/", "/fixtures/inner/"] {
        let new = format!("{dir}new");
        assert!(File::create(&new).is_err(), "{new}");
        assert!(fs::create_dir(&new).is_err(), "{new}");
        assert!(!Path::new(&new).exists(), "{new}");
    }
    for there in ["/fixtures/hello.txt", "/fixtures/inner/inner.txt"] {
        assert!(File::options().write(true).open(there).is_err(), "{there}");
        assert!(File::options().append(true).open(there).is_err(), "{there}");
        assert!(fs::remove_file(there).is_err(), "{there}");
        assert!(fs::rename(there, format!("{there}.old")).is_err(), "{there}");
        assert!(fs::hard_link(there, format!("{there}.link")).is_err(), "{there}");
        let file = File::open(there).unwrap();
        assert!(file.set_len(0).is_err(), "{there}");
        assert!(file.set_modified(SystemTime::UNIX_EPOCH).is_err(), "{there}");
    }
    assert!(fs::remove_dir("/fixtures/inner").is_err());
}

#[test]
fn deny_leaving_a_granted_directory() {
    let ways = [
        "/fixtures/../airtight.toml",
        "/fixtures/inner/../../airtight.toml",
        "/fixtures/above/Cargo.toml",
        "/fixtures/above/",
        "/fixtures/above",
        "/fixtures/root/etc/passwd",
        "/fixtures/root/",
        "/fixtures/root",
        "../airtight.toml",
        "src/../../airtight.toml",
        "/etc/passwd",
    ];
    for way in ways {
        assert!(File::open(way).is_err(), "{way}");
        assert!(fs::read_dir(way).is_err(), "{way}");
        assert!(fs::metadata(way).is_err(), "{way}");
    }
    assert_eq!(fs::read_to_string("/fixtures/inside").unwrap(), "inner\n", "a link that stays inside");
}

#[test]
fn deny_grants_that_are_on_request() {
    assert_eq!(File::open("/data/inner.txt").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(std::env::var_os("AIRTIGHT_SOCKETS").is_none());
}

#[test]
fn deny_the_network() {
    assert!(std::net::TcpListener::bind("127.0.0.1:0").is_err());
    assert!(std::net::TcpStream::connect("127.0.0.1:80").is_err());
}

#[test]
fn pass_standard_input_is_empty() {
    let mut all = Vec::new();
    assert_eq!(std::io::stdin().read_to_end(&mut all).unwrap(), 0);
}

#[test]
fn pass_an_hour_of_sleep() {
    let began = Instant::now();
    std::thread::sleep(Duration::from_secs(3600));
    assert!(began.elapsed() >= Duration::from_secs(3600));
}

/// What it panics with is in the canonical report, so that it must be the same wherever and whenever it runs.
#[test]
fn fail_with_all_that_is_random() {
    let map: HashMap<u32, ()> = (0..20).map(|n| (n, ())).collect();
    let order: Vec<u32> = map.into_keys().collect();
    let began = Instant::now();
    (0..1000).for_each(|n| {
        std::hint::black_box(n);
    });
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    panic!("{order:?} {now:?} {:?} {:p}", began.elapsed(), Box::leak(Box::new(1)));
}
