//! The cache of compiled modules: quicker, and never wrong.

use airtight_tests::{Ran, command, compile, scratch_dir};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The cached modules in a folder.
fn entries(cache: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(cache.join("modules")).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
    let mut entries: Vec<_> = files.map(|file| file.path()).collect();
    entries.sort();
    entries
}

/// Runs a module in `dir`, with the cache in `dir/cache`.
fn run(dir: &Path, module: &str) -> Ran {
    let output =
        command().current_dir(dir).env("AIRTIGHT_CACHE_DIR", dir.join("cache")).args(["run", module]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn assert_passes(ran: &Ran) {
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}

#[test]
fn a_second_run_finds_the_module() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    let [entry] = entries(&dir.path().join("cache")).try_into().unwrap();
    let before = fs::metadata(&entry).unwrap();
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    assert_eq!(entries(&dir.path().join("cache")), std::slice::from_ref(&entry));
    assert_eq!(fs::metadata(&entry).unwrap().len(), before.len());
    assert_eq!(before.permissions().mode() & 0o077, 0, "it is nobody else's business");
}

#[test]
fn damaged_entries_are_built_anew() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    let [entry] = entries(&dir.path().join("cache")).try_into().unwrap();
    let whole = fs::read(&entry).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() / 2], b"", b"\0asm"] {
        fs::write(&entry, damaged).unwrap();
        let ran = run(dir.path(), "pass_empty.wasm");
        assert_passes(&ran);
        assert!(ran.stderr.contains("damaged"), "{}", ran.stderr);
        assert_eq!(fs::read(&entry).unwrap(), whole, "it is whole again");
    }
}

/// An entry of another module, under this one's key.
#[test]
fn a_foreign_entry_is_not_loaded() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    compile("exit_1", dir.path());
    let cache = dir.path().join("cache");
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    let [own] = entries(&cache).try_into().unwrap();
    assert_eq!(run(dir.path(), "exit_1.wasm").status, Some(100));
    let foreign = entries(&cache).into_iter().find(|entry| *entry != own).unwrap();
    // Under its own name it has a right sum, and only others' rights to write tell that it is foreign.
    fs::remove_file(&own).unwrap();
    let planted = own.with_file_name(foreign.file_name().unwrap());
    fs::copy(&foreign, &planted).unwrap();
    fs::set_permissions(&planted, fs::Permissions::from_mode(0o666)).unwrap();
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    // Under the name of the entry it replaces, its sum is wrong.
    fs::remove_file(&planted).unwrap();
    fs::copy(&foreign, &own).unwrap();
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
}

#[test]
fn a_folder_that_others_may_write_is_passed_over() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    let modules = dir.path().join("cache/modules");
    fs::create_dir_all(&modules).unwrap();
    fs::set_permissions(&modules, fs::Permissions::from_mode(0o777)).unwrap();
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    assert!(entries(&dir.path().join("cache")).is_empty());
}

#[test]
fn a_cache_that_cannot_be_written_is_no_error() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    fs::write(dir.path().join("cache"), "a file").unwrap();
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
}

#[test]
fn it_is_bounded() {
    let dir = scratch_dir();
    fs::write(dir.path().join("airtight.toml"), "cache-size = \"64KiB\"\n").unwrap();
    for n in 0..12 {
        let module = wat::parse_str(format!(
            "(module (memory (export \"memory\") 1) (func (export \"_start\") (drop (i32.const {n}))))"
        ));
        fs::write(dir.path().join("one.wasm"), module.unwrap()).unwrap();
        assert_passes(&run(dir.path(), "one.wasm"));
        let kept = entries(&dir.path().join("cache"));
        let size: u64 = kept.iter().map(|entry| fs::metadata(entry).unwrap().len()).sum();
        assert!(!kept.is_empty() && size <= 64 << 10, "{n}: {size} bytes in {}", kept.len());
    }
}

#[test]
fn two_runs_at_once_do_not_disturb_each_other() {
    let dir = scratch_dir();
    let module = compile("pass_empty", dir.path());
    for _ in 0..3 {
        let _ = fs::remove_dir_all(dir.path().join("cache"));
        std::thread::scope(|scope| {
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| run(dir.path(), module.to_str().unwrap()))).collect();
            runs.into_iter().for_each(|ran| assert_passes(&ran.join().unwrap()));
        });
        assert_eq!(entries(&dir.path().join("cache")).len(), 1);
    }
}
