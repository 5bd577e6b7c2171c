//! Grants that lie within each other, and several of one directory with different modes: each name leads where it leads alone.

use airtight::Compiler;
use airtight::Runner;
use airtight::policy::{DirGrant, LeakAction, LeakActions, LeakSetting, Mode, Policy};
use airtight::report::Verdict;
use airtight_tests::script::Arg::{I32, Out};
use airtight_tests::script::{Arg, End, Script, run_module};
use airtight_tests::{scratch_dir, write};
use std::path::Path;

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
