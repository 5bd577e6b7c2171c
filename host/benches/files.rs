//! What files cost: in memory against a host directory, and what is granted and not used.

mod support;

use airtight::policy::{DirGrant, Mode};
use airtight::{ModuleGrants, Plan, Runner};
use std::fs;
use std::path::Path;
use support::{Stopwatch, median, module, module_of, planned_with};

/// Times that the test makes, writes, closes and removes a file.
const FILES: usize = 500;
const TESTS: usize = 1_000;
const BELOW: usize = 10_000;
/// Many short rounds: what else the machine does then falls into few of them.
const ROUNDS: usize = 201;

const IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))"#;

/// A test that makes files in the directory `fd`, and returns what the calls return, all together.
fn makes_files(fd: u32) -> Vec<u8> {
    let test = format!(
        r#"(func $test (result i32) (local $i i32) (local $bad i32)
            ;; The name, and a vector of 100 bytes.
            (i32.store (i32.const 1024) (i32.const 0x656c6966))
            (i32.store (i32.const 1032) (i32.const 2048))
            (i32.store (i32.const 1036) (i32.const 100))
            (loop $again
                (local.set $bad (i32.or (local.get $bad) (call $open (i32.const {fd}) (i32.const 0) (i32.const 1024)
                    (i32.const 4) (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 1040))))
                (local.set $bad (i32.or (local.get $bad) (call $write (i32.load (i32.const 1040)) (i32.const 1032)
                    (i32.const 1) (i32.const 1044))))
                (local.set $bad (i32.or (local.get $bad) (call $close (i32.load (i32.const 1040)))))
                (local.set $bad (i32.or (local.get $bad) (call $unlink (i32.const {fd}) (i32.const 1024) (i32.const 4))))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {FILES}))))
            (local.get $bad))"#
    );
    module_of(1, IMPORTS, &test)
}

/// Something to run again and again.
struct Case {
    planned: (Runner, Plan),
    tests: usize,
}

impl Case {
    fn new(tests: usize, module: Vec<u8>, grants: ModuleGrants) -> Self {
        Self { planned: planned_with(tests, module, grants), tests }
    }

    fn seconds(&self) -> f64 {
        let (runner, planned) = &self.planned;
        let mut watch = Stopwatch::default();
        runner.run(planned, &mut watch).unwrap();
        assert_eq!(watch.passed, self.tests);
        watch.took.as_secs_f64()
    }
}

/// The median over rounds of how much longer the first takes than the second; the two take turns at being first.
fn ratio(one: &Case, other: &Case) -> f64 {
    let round = |round: usize| {
        if round & 1 == 0 {
            let first = one.seconds();
            first / other.seconds()
        } else {
            let second = other.seconds();
            one.seconds() / second
        }
    };
    // The first two warm up.
    median((0..ROUNDS + 2).map(round).skip(2).collect())
}

fn read_write(host: &Path) -> ModuleGrants {
    let grant =
        DirGrant { guest: "/host".into(), host: host.to_owned(), mode: Mode::ReadWrite, name: None, alias_of: None };
    ModuleGrants { dirs: vec![grant], ..ModuleGrants::default() }
}

fn main() {
    let [host, empty, full] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    for name in 0..BELOW {
        fs::write(full.path().join(name.to_string()), "below").unwrap();
    }

    // After the streams: the scratch directory, then what is granted.
    let through = |fd| Case::new(1, makes_files(fd), read_write(host.path()));
    let faster = ratio(&through(4), &through(3));
    println!("create, write, close and unlink, a host directory against scratch: {faster:.1} (at least 5)");

    let unused = |grants| Case::new(TESTS, module(TESTS), grants);
    let nothing = unused(ModuleGrants::default());
    let package = |dir: &tempfile::TempDir| unused(ModuleGrants::package(dir.path(), []));
    let (over_nothing, over_many) = (package(&empty), package(&full));
    let granted = ratio(&over_nothing, &nothing);
    println!("a test that uses no file, with overlays granted against without: {granted:.3} (at most 1.05)");
    let many = ratio(&over_many, &over_nothing);
    println!("the same over 10,000 files against an empty directory: {many:.3} (1, as near as noise lets)");
}
