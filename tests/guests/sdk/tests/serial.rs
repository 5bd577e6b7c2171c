//! Tests that could meet in a directory of the host, where it is granted: those of one group never do.

use airtight::T;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Has the directory to itself for a while, as far as its group is concerned.
fn alone(t: &T, group: &str) {
    let shared = Path::new("/shared");
    if !shared.exists() {
        return;
    }
    let lock = shared.join(group);
    OpenOptions::new().write(true).create_new(true).open(&lock).expect("nobody else of the group is there");
    let mut log = OpenOptions::new().create(true).append(true).open(shared.join(format!("{group}.log"))).unwrap();
    writeln!(log, "{}", t.name()).unwrap();
    for _ in 0..2000 {
        assert!(fs::metadata(&lock).unwrap().is_file());
    }
    fs::remove_file(lock).unwrap();
}

macro_rules! group {
    ($($name:ident)*) => {
        $(
            #[airtight::test(serial)]
            fn $name(t: &mut T) {
                alone(t, "unnamed");
            }
        )*
    };
}

group! { pass_a pass_b pass_c pass_d pass_e pass_f }

#[airtight::test(serial = "db")]
fn pass_db_a(t: &mut T) {
    alone(t, "db");
}

#[airtight::test(serial = "db")]
fn pass_db_b(t: &mut T) {
    alone(t, "db");
}
