use super::{Options, Totals, run};
use airtight::Compiler;
use airtight::policy::Mode;
use std::fs;
use std::path::Path;

fn options(folder: &Path) -> Options {
    Options { folder: folder.to_owned(), mode: Mode::ReadWrite, compiler: Compiler::Winch }
}

fn module(folder: &Path, name: &str, wat: &str, spec: Option<&str>) {
    fs::write(folder.join(name).with_extension("wasm"), wat::parse_str(wat).unwrap()).unwrap();
    if let Some(spec) = spec {
        fs::write(folder.join(name).with_extension("json"), spec).unwrap();
    }
}

/// Leaves with a status.
fn exits(status: u32) -> String {
    format!(
        r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
            (func (export "_start") (call $exit (i32.const {status}))))"#
    )
}

/// Makes the directory `x.cleanup`, and leaves with the errno.
const MAKES: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "path_create_directory" (func $create (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 0) "x.cleanup")
    (func (export "_start") (call $exit (call $create (i32.const 4) (i32.const 0) (i32.const 9)))))"#;

#[test]
fn every_case_is_judged_by_its_own_specification() {
    let dir = tempfile::tempdir().unwrap();
    let suite = dir.path().join("tests/c/testsuite/wasm32-wasip1");
    let root = suite.join("root.dir");
    fs::create_dir_all(root.join("x.cleanup")).unwrap();
    fs::write(suite.join("manifest.json"), r#"{"name": "S"}"#).unwrap();
    module(&suite, "a_status", &exits(3), Some(r#"{"exit_code": 3}"#));
    module(&suite, "another_status", &exits(3), None);
    module(&suite, "makes", MAKES, Some(r#"{"root": "root.dir"}"#));
    module(&suite, "makes_again", MAKES, Some(r#"{"root": "root.dir"}"#));
    module(&suite, "prints_nothing", &exits(0), Some(r#"{"stdout": "hello"}"#));
    module(&suite, "strange", &exits(0), Some(r#"{"operations": [{"type": "kill"}]}"#));
    let later = dir.path().join("tests/c/testsuite/wasm32-wasip3");
    fs::create_dir(&later).unwrap();
    fs::write(later.join("manifest.json"), r#"{"name": "L", "version": "wasm32-wasip3"}"#).unwrap();
    module(&later, "other", &exits(1), None);
    let mut said = Vec::new();
    let totals = run(&options(dir.path()), &mut |case| said.push(case.clone())).unwrap();
    let failed: Vec<_> = said.iter().filter_map(|case| Some((case.name.as_str(), case.problem.as_deref()?))).collect();
    assert_eq!(totals, Totals { passed: 3, failed: 3 }, "{failed:?}");
    assert_eq!(totals.to_string(), "3 passed, 3 failed");
    assert_eq!(failed[0], ("S another_status", "it ended with status 3, not with 0"));
    assert_eq!(failed[1], ("S prints_nothing", "standard output does not begin with \"hello\""));
    assert!(failed[2].0 == "S strange" && failed[2].1.contains("kill"), "{:?}", failed[2]);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 1, "the folder itself is only read");
}

#[test]
fn a_folder_without_cases_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |folder: &Path| format!("{:#}", run(&options(folder), &mut |_| {}).unwrap_err());
    assert!(refused(dir.path()).contains("holds no preview-1 cases"));
    assert!(refused(&dir.path().join("nowhere")).contains("cannot be read as a folder"));
    fs::write(dir.path().join("manifest.json"), r#"{"version": "wasm32-wasip1"}"#).unwrap();
    assert!(refused(dir.path()).contains("prod/testsuite-base"), "a branch without binaries");
}

#[test]
fn arguments_are_checked() {
    let parse = |args: &[&str]| Options::from_args(args.iter().map(ToString::to_string));
    let refused = |args: &[&str]| format!("{:#}", parse(args).unwrap_err());
    let given = parse(&["--engine", "winch", "dir", "--mode", "overlay"]).unwrap();
    assert_eq!(given, Options { mode: Mode::Overlay, ..options(Path::new("dir")) });
    assert!(refused(&[]).contains("usage"));
    assert!(refused(&["a", "b"]).contains("one argument too many"));
    assert!(refused(&["--fast", "a"]).contains("unknown option"));
    assert!(refused(&["--mode", "magic", "a"]).contains("use one of read-write, overlay"));
    assert!(refused(&["a", "--engine"]).contains("use one of cranelift"));
}
