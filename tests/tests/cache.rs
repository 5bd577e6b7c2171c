//! The cache of compiled modules makes runs quicker, and never wrong.

use airtight_tests::{Ran, command, compile, scratch_dir};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Everything in a cache.
fn files(cache: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(cache.join("modules")).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
    let mut files: Vec<_> = files.map(|file| file.path()).collect();
    files.sort();
    files
}

/// The cached modules in a folder.
fn entries(cache: &Path) -> Vec<PathBuf> {
    files(cache).into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "cwasm")).collect()
}

/// The packs of functions in a folder.
fn packs(cache: &Path) -> Vec<PathBuf> {
    files(cache).into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "pack")).collect()
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
    // Under its own name it has a right sum: others' rights to write tell that it is foreign, or else the key within.
    for mode in [0o666, 0o600] {
        fs::remove_file(&own).unwrap();
        let planted = own.with_file_name(foreign.file_name().unwrap());
        fs::copy(&foreign, &planted).unwrap();
        fs::set_permissions(&planted, fs::Permissions::from_mode(mode)).unwrap();
        let ran = run(dir.path(), "pass_empty.wasm");
        assert_passes(&ran);
        assert_eq!(ran.stderr.contains("damaged or another's"), mode == 0o600, "{}", ran.stderr);
        let _ = fs::remove_file(&planted);
    }
    // Under the name of the entry it replaces, its sum is wrong.
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
fn below_a_folder_that_others_may_write_it_is_not_used_and_that_is_said() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    let cache = dir.path().join("cache");
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    let [entry] = entries(&cache).try_into().unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(&entry, "nobody reads this").unwrap();
    let ran = run(dir.path(), "pass_empty.wasm");
    assert_passes(&ran);
    assert!(ran.stderr.contains("it is not used, for"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("damaged"), "{}", ran.stderr);
    assert_eq!(fs::read(&entry).unwrap(), b"nobody reads this");
}

/// What a stranger's program could leave in the folder where the user's own lets it.
#[test]
fn what_is_no_file_or_too_long_is_neither_waited_for_nor_read() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    let [entry] = entries(&dir.path().join("cache")).try_into().unwrap();
    let fifo = || {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &entry, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    };
    let sparse = || fs::File::create(&entry).unwrap().set_len(1 << 36).unwrap();
    for plant in [&fifo as &dyn Fn(), &sparse] {
        fs::remove_file(&entry).unwrap();
        plant();
        let ran = run(dir.path(), "pass_empty.wasm");
        assert_passes(&ran);
        assert!(ran.stderr.contains("damaged"), "{}", ran.stderr);
    }
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
        let kept = files(&dir.path().join("cache"));
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

/// What was compiled before is used again, and gives the very machine code that the compiler gives.
#[test]
fn a_module_of_known_functions_is_what_the_compiler_makes_of_it() {
    let dir = scratch_dir();
    let cache = dir.path().join("cache");
    compile("pass_empty", dir.path());
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    let [compiled] = entries(&cache).try_into().unwrap();
    let whole = fs::read(&compiled).unwrap();
    let [pack] = packs(&cache).try_into().unwrap();
    let packed = fs::read(&pack).unwrap();
    fs::remove_file(&compiled).unwrap();
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    assert_eq!(fs::read(&compiled).unwrap(), whole);
    assert_eq!(packs(&cache), std::slice::from_ref(&pack), "nothing was compiled");
    // A function whose bytes are damaged is compiled, and kept once more.
    let mut damaged = packed.clone();
    damaged[packed.len() / 4] ^= 1;
    fs::write(&pack, &damaged).unwrap();
    fs::remove_file(&compiled).unwrap();
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    assert_eq!(fs::read(&compiled).unwrap(), whole);
    assert_eq!(packs(&cache).len(), 2, "what was damaged is new");
    // So are all of a pack that others may write.
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o666)).unwrap();
    fs::remove_file(&compiled).unwrap();
    assert_passes(&run(dir.path(), "pass_empty.wasm"));
    assert_eq!(fs::read(&compiled).unwrap(), whole);
}

/// A module that shares functions with another, and has others in the same places.
#[test]
fn an_edited_module_is_compiled_in_part() {
    let (first, alone) = (scratch_dir(), scratch_dir());
    let module = |edit: &str| {
        let functions: String =
            (0..50).map(|n| format!("(func (export \"f{n}\") (result i32) i32.const {n})")).collect();
        wat::parse_str(format!(
            "(module (memory (export \"memory\") 1) (func $edited (result i32) {edit}) {functions}
               (func (export \"_start\") (if (i32.ne (call $edited) (i32.const 7)) (then unreachable))))"
        ))
        .unwrap()
    };
    let cache = first.path().join("cache");
    let write = |dir: &Path, edit: &str| fs::write(dir.join("one.wasm"), module(edit)).unwrap();
    write(first.path(), "i32.const 7");
    assert_passes(&run(first.path(), "one.wasm"));
    let [whole] = packs(&cache).try_into().unwrap();
    let before = entries(&cache);
    let edit = "(i32.add (i32.const 3) (i32.const 4))";
    write(first.path(), edit);
    assert_passes(&run(first.path(), "one.wasm"));
    let new: Vec<PathBuf> = packs(&cache).into_iter().filter(|pack| *pack != whole).collect();
    let size = |pack: &Path| fs::metadata(pack).unwrap().len();
    assert!(new.len() == 1 && size(&new[0]) * 5 < size(&whole), "one function is new");
    let mut edited = entries(&cache);
    edited.retain(|entry| !before.contains(entry));
    write(alone.path(), edit);
    assert_passes(&run(alone.path(), "one.wasm"));
    let [from_scratch] = entries(&alone.path().join("cache")).try_into().unwrap();
    let [edited] = edited.try_into().unwrap();
    assert_eq!(fs::read(edited).unwrap(), fs::read(from_scratch).unwrap());
}
