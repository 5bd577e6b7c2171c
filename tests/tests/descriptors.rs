//! The host's file descriptors: the program takes as many as the system allows. If these are too few, the failure is the
//! host's, and says so.

use airtight_tests::{command, scratch_dir};

/// Opens a granted file 200 times, and closes it as often.
const OPENS_MUCH: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "file")
    (func (export "_start") (local $n i32)
        (loop $again
            (if (call $open (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0)
                    (i32.const 0) (i32.const 16))
                (then unreachable))
            (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 200))))
        (loop $again
            (if (call $close (i32.add (local.get $n) (i32.const 4))) (then unreachable))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#;

const CONFIG: &str = r#"
[[profile.default.dir]]
guest = "/granted"
host = "granted"
mode = "MODE"
"#;

/// The exit status and what is said, where `ulimit` was told this before.
fn limited(ulimit: &str, mode: &str) -> (Option<i32>, String) {
    let dir = scratch_dir();
    std::fs::create_dir(dir.path().join("granted")).unwrap();
    std::fs::write(dir.path().join("granted/file"), "").unwrap();
    std::fs::write(dir.path().join("airtight.toml"), CONFIG.replace("MODE", mode)).unwrap();
    std::fs::write(dir.path().join("opens_much.wasm"), wat::parse_str(OPENS_MUCH).unwrap()).unwrap();
    let ran = std::process::Command::new("sh")
        .args(["-c", &format!("ulimit {ulimit} && exec \"$0\" run -j 1 opens_much.wasm")])
        .arg(command().get_program())
        .current_dir(dir.path())
        .output()
        .expect("there is a shell");
    let said = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    (ran.status.code(), said.concat())
}

#[test]
fn the_soft_limit_is_raised() {
    let (status, said) = limited("-Sn 64", "read-only");
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn a_host_without_descriptors_says_so_and_the_guest_is_not_told() {
    for mode in ["read-only", "read-write"] {
        let (status, said) = limited("-n 64", mode);
        assert_eq!(status, Some(100), "{said}");
        assert!(said.contains("the host has no file descriptors left; raise `ulimit -n`"), "{mode}: {said}");
    }
}
