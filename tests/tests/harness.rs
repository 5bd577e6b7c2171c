//! Which harness holds a module's tests, by what cargo says of the module and by what the module contains.

use airtight_tests::{airtight_test, read_report, scratch_dir, verdicts, workspace, write};

/// A static counter that tells whether the tests share an instance, and one test of each kind.
const SUITE: &str = "
#[cfg(test)]
mod tests {
    static SEEN: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    fn is_first() -> bool { SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 }
    #[test] fn alone() { assert!(is_first()); }
    #[test] fn alone_too() { assert!(is_first()); }
    #[test] fn leaves_a_file() { std::mem::forget(std::fs::File::create(\"/tmp/x\").unwrap()); }
    #[test] #[ignore] fn later() { panic!(); }
}
";

/// Profiles of cargo that leave little of a program's names. None of them may hide the harness.
const PROFILES: [&[(&str, &str)]; 5] = [
    &[("LTO", "true")],
    &[("LTO", "true"), ("STRIP", "true"), ("PANIC", "abort")],
    &[("LTO", "true"), ("OPT_LEVEL", "z"), ("CODEGEN_UNITS", "1")],
    &[("LTO", "thin"), ("STRIP", "debuginfo")],
    &[("STRIP", "true"), ("OPT_LEVEL", "1")],
];

#[test]
fn rust_s_harness_is_known_whatever_the_linker_leaves() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", SUITE)]);
    for profile in PROFILES {
        let env: Vec<(String, &str)> =
            profile.iter().map(|(name, value)| (format!("CARGO_PROFILE_RELEASE_{name}"), *value)).collect();
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (&**name, *value)).collect();
        let ran = airtight_test(dir.path(), &["--release"], &env);
        assert_eq!(ran.status, Some(100), "{profile:?}: {}{}", ran.stdout, ran.stderr);
        let found = verdicts(&read_report(&dir.path().join("report.json")));
        let expected = [("alone", "pass"), ("alone_too", "pass"), ("later", "skip"), ("leaves_a_file", "leak")];
        let expected = expected.map(|(test, verdict)| (format!("suite tests::{test}"), verdict.to_owned()));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{profile:?}");
    }
}

/// The test target has a `main` of its own, which replaces that of the harness, and the manifest does not say so.
#[test]
fn where_cargo_and_the_module_disagree_it_is_said() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", "")]);
    let main = "#![no_main]\n#[unsafe(no_mangle)]\npub extern \"C\" fn __main_void() -> i32 { 0 }\n\
        #[test]\nfn never_run() { panic!(); }\n";
    write(&dir.path().join("suite/tests/own.rs"), main);
    let ran = airtight_test(dir.path(), &["--test", "own"], &[]);
    assert_eq!(ran.status, Some(104), "{}{}", ran.stdout, ran.stderr);
    let said = "suite/own: cargo built it with Rust's test harness, and its bytes show none";
    assert!(ran.stderr.contains(said) && ran.stderr.contains("--harness"), "{}", ran.stderr);
    let chosen = airtight_test(dir.path(), &["--test", "own", "--harness", "command"], &[]);
    assert_eq!(chosen.status, Some(0), "{}{}", chosen.stdout, chosen.stderr);
}
