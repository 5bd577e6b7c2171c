//! Tests of one serial group, with a directory of the host in which they would meet if they ran at once.

use airtight_tests::{guest, run, scratch_dir};
use std::fs;
use std::path::Path;

/// The tests of a group in the order in which they had the directory.
fn order(shared: &Path, group: &str) -> Vec<String> {
    let log = fs::read_to_string(shared.join(format!("{group}.log"))).unwrap();
    log.lines().map(str::to_owned).collect()
}

#[test]
fn tests_of_a_group_run_one_after_the_other_in_the_order_of_the_plan() {
    let unnamed = ["pass_a", "pass_b", "pass_c", "pass_d", "pass_e", "pass_f"];
    for more in [&["-j", "4"][..], &["-j", "8", "--shuffle", "11"]] {
        let dir = scratch_dir();
        let shared = dir.path().join("shared");
        fs::create_dir(&shared).unwrap();
        let args = ["run", guest("sdk/serial").to_str().unwrap(), "--dir", "shared::/shared:read-write"];
        let ran = run(dir.path(), args.iter().chain(more).copied());
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        let (found, db) = (order(&shared, "unnamed"), order(&shared, "db"));
        assert_eq!(db.len(), 2);
        let shuffled = ["pass_f", "pass_d", "pass_b", "pass_c", "pass_e", "pass_a"];
        assert_eq!(found, if more.len() == 2 { unnamed } else { shuffled });
    }
}

/// What two of them could meet in cannot be given to a test twice, so that their subtests are not run alone, and they wait for one another as
/// before.
#[test]
fn tests_of_a_group_stay_whole_where_subtests_are_run_alone() {
    let dir = scratch_dir();
    let shared = dir.path().join("shared");
    fs::create_dir(&shared).unwrap();
    let module = guest("sdk/serial");
    let args =
        ["run", module.to_str().unwrap(), "--dir", "shared::/shared:read-write", "-j", "4", "--isolate-subtests"];
    let ran = run(dir.path(), args);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(order(&shared, "unnamed"), ["pass_a", "pass_b", "pass_c", "pass_d", "pass_e", "pass_f"]);
    let why = "its subtests are not run alone, as it is granted a directory that it may write to";
    assert!(ran.stdout.contains(why), "{}", ran.stdout);
}
