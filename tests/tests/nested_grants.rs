//! Grants inside each other, and several grants of one directory with different modes: each name leads where it would lead
//! alone.

use airtight::Compiler;
use airtight::Runner;
use airtight::policy::{DirGrant, LeakAction, LeakActions, LeakSetting, Mode, Policy};
use airtight::report::Verdict;
use airtight_tests::script::Arg::{I32, Out};
use airtight_tests::script::{Arg, End, Script, run_module};
use airtight_tests::{program, scratch_dir, write};
use std::path::Path;
use std::process::Command;

const NOENT: u32 = 44;
const ROFS: u32 = 69;
const PERM: u32 = 63;

/// Descriptors of the grants, in their order: the first is the scratch directory's.
const OUTER: u32 = 4;
const INNER: u32 = 5;
const OVERLAY: u32 = 6;
const SAME_OVERLAY: u32 = 7;
const OVERLAY_WITHIN: u32 = 8;
const WRITABLE: u32 = 9;

/// `/data` is read-only and holds `/data/sub`, which is read-write; the others are the same directories again.
fn policy(top: &Path) -> Policy {
    let dir = |guest: &str, host: &str, mode| DirGrant {
        guest: guest.to_owned(),
        host: top.join(host),
        mode,
        name: None,
        alias_of: None,
    };
    let ignored = [LeakSetting::Handles, LeakSetting::Residue];
    let leaks =
        ignored.into_iter().fold(LeakActions::default(), |leaks, setting| leaks.with(setting, LeakAction::Ignore));
    let dirs = vec![
        dir("/data", "", Mode::ReadOnly),
        dir("/data/sub", "sub", Mode::ReadWrite),
        dir("/overlay", "", Mode::Overlay),
        dir("/same", "", Mode::Overlay),
        dir("/within", "sub", Mode::Overlay),
        dir("/writable", "", Mode::ReadWrite),
    ];
    Policy { dirs, leaks, ..Policy::default() }
}

fn path(path: &str) -> Arg {
    Arg::Path(path.to_owned())
}

/// Steps of a script: a directory is made, or looked for.
enum Step {
    Make(u32, &'static str),
    Find(u32, &'static str),
}
use Step::{Find, Make};

/// What each step answered, in a new directory that has a `file` and a directory `sub`.
fn errnos(steps: &[Step]) -> Vec<u32> {
    let dir = scratch_dir();
    write(&dir.path().join("file"), "");
    write(&dir.path().join("sub/file"), "");
    let mut script = Script::default();
    for step in steps {
        match step {
            Make(dir, name) => script.call("path_create_directory", &[I32(*dir), path(name)], 0),
            Find(dir, name) => script.call("path_filestat_get", &[I32(*dir), I32(0), path(name), Out], 64),
        };
    }
    let runner =
        Runner::for_policy(Policy::default()).jobs(1).compiler(Compiler::Winch).keep_output(true).build().unwrap();
    let record = run_module(&runner, script.module(End::Return), policy(dir.path())).unwrap();
    assert_eq!(record.verdict, Verdict::Pass, "{record:?}");
    let (answers, _) = script.answers(&record.details.unwrap().output.stdout);
    answers.iter().map(|answer| answer.errno).collect()
}

#[test]
fn the_mode_is_that_of_the_name_by_which_a_directory_is_reached() {
    let steps = [Make(OUTER, "sub/made"), Make(INNER, "made"), Find(OUTER, "sub/made")];
    assert_eq!(errnos(&steps), [ROFS, 0, 0], "the outer grant is read-only all the way down");
}

#[test]
fn nothing_leads_out_of_the_inner_grant_into_the_outer_one() {
    assert_eq!(errnos(&[Find(INNER, "../file"), Find(INNER, ".."), Find(OUTER, "sub/../file")]), [PERM, PERM, 0]);
}

#[test]
fn what_is_written_is_seen_under_every_name_that_reaches_the_host() {
    let steps = [Make(WRITABLE, "made"), Find(OUTER, "made"), Find(OVERLAY, "made")];
    assert_eq!(errnos(&steps), [0, 0, 0]);
}

#[test]
fn what_is_written_to_an_overlay_is_seen_in_that_overlay_alone() {
    let steps = [
        Make(OVERLAY, "sub/made"),
        Find(SAME_OVERLAY, "sub/made"),
        Find(OVERLAY_WITHIN, "made"),
        Find(OUTER, "sub/made"),
        Find(WRITABLE, "sub/made"),
        Make(OVERLAY_WITHIN, "other"),
        Find(OVERLAY, "sub/other"),
    ];
    assert_eq!(errnos(&steps), [0, 0, NOENT, NOENT, NOENT, 0, NOENT]);
}

/// A program that asks for each of these paths below the first granted directory in each of these ways. It exits with the number of the
/// first question, from 1, that is not answered by `EACCES`.
fn asks_in_vain(paths: &[&str]) -> Vec<u8> {
    const ACCES: u32 = 2;
    let (mut data, mut questions, mut number) = (String::new(), String::new(), 0);
    for path in paths {
        let text = format!("(i32.const {}) (i32.const {})", 1024 + data.len(), path.len());
        data.push_str(path);
        for call in [
            // To read, to write, and as a directory.
            format!(
                "$open (i32.const 4) (i32.const 0) {text} (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)"
            ),
            format!(
                "$open (i32.const 4) (i32.const 0) {text} (i32.const 0) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8)"
            ),
            format!(
                "$open (i32.const 4) (i32.const 0) {text} (i32.const 2) (i64.const 0x4000) (i64.const 2) (i32.const 0) (i32.const 8)"
            ),
            format!("$readlink (i32.const 4) {text} (i32.const 16) (i32.const 64) (i32.const 8)"),
        ] {
            number += 1;
            questions +=
                &format!("(if (i32.ne (call {call}) (i32.const {ACCES})) (then (call $exit (i32.const {number}))))");
        }
    }
    let text = format!(
        r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_readlink" (func $readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (data (i32.const 1024) "{data}")
        (func (export "_start") {questions}))"#
    );
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The kernel shows itself in file systems of its own, which may be mounted anywhere: also below a directory that is granted.
#[test]
fn what_the_kernel_shows_of_itself_is_not_reached_across_a_mount() {
    let dir = scratch_dir();
    for folder in ["data/proc", "data/sys", "data/dev"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    let inside = ["proc/self/mem", "proc/self/environ", "proc/self/exe", "proc/self", "sys/kernel", "dev/null"];
    std::fs::write(dir.path().join("asks.wasm"), asks_in_vain(&inside)).unwrap();
    let mounts = "mount --rbind /proc data/proc && mount --rbind /sys data/sys && mount --rbind /dev data/dev";
    let in_its_own_namespace = |line: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &format!("{mounts} && {line}")]);
        command.current_dir(dir.path()).output()
    };
    if !in_its_own_namespace("true").is_ok_and(|output| output.status.success()) {
        println!("skipped: nothing can be mounted here");
        return;
    }
    for mode in ["read-only", "read-write", "overlay"] {
        let grant = format!("[[profile.default.dir]]\nguest = \"/data\"\nhost = \"data\"\nmode = \"{mode}\"\n");
        write(&dir.path().join("airtight.toml"), &grant);
        let output = in_its_own_namespace(&format!("exec {} run --no-cache asks.wasm", program().display())).unwrap();
        let [said, error] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        assert_eq!(output.status.code(), Some(0), "{mode}: {said}{error}");
    }
    // The observer is awake: what no mount covers is answered otherwise.
    std::fs::write(dir.path().join("asks.wasm"), asks_in_vain(&["proc"])).unwrap();
    let outside = Command::new(program()).args(["run", "--no-cache", "asks.wasm"]).current_dir(dir.path()).output();
    assert_eq!(outside.unwrap().status.code(), Some(100));
}
