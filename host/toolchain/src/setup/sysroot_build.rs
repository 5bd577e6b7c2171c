//! Making a private sysroot: std for the target, wasi-libc with what it lacks, and a linker, under one directory.

use crate::TARGET;
use crate::error::ToolchainError;
use crate::setup::debian;
use crate::setup::find::Base;
use crate::setup::linker;
use crate::setup::progress::{SetupEvent, Step, run, run_step};
use crate::setup::sysroot::{LIBC, RUST_LLD, START_FILES, Sysroot};
use crate::system::command::CommandLine;
use crate::system::machine::{Machine, entries, file_name};
use cargo_metadata::Message;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What a test harness needs of std.
const CRATES: &str = "build-std=std,panic_abort,test,proc_macro";
/// A package to build std for; its own library is not used.
const SCRATCH: &str = "airtight-scratch";
const STUBS: &str = include_str!("stubs/pthread.rs");
const PROBE: &str = "#[test]\nfn probe() {\n    let _ = std::thread::spawn(|| ());\n}\n";
/// What is half made: `find` never looks here.
const STAGE: &str = ".building-";

/// What the distribution has installed to make a sysroot from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ingredients {
    std: Std,
    libc: PathBuf,
}

#[derive(Debug, PartialEq, Eq)]
enum Std {
    /// The distribution's own build: a directory of archives.
    Packaged(PathBuf),
    /// The library sources.
    Source(PathBuf),
}

impl Ingredients {
    /// All that is needed besides a compiler and a linker, or `None`.
    pub fn find(machine: &Machine<'_>) -> Option<Ingredients> {
        let packaged = Sysroot(machine.system("usr"));
        let source = packaged.rustlib().join("src/rust/library");
        let std = if packaged.rlib("std").is_some() && packaged.rlib("test").is_some() {
            Std::Packaged(packaged.target_lib())
        } else if source.join("std/Cargo.toml").exists() && source.join("Cargo.lock").exists() {
            Std::Source(source)
        } else {
            return None;
        };
        let places = ["usr/lib/wasm32-wasip1", "usr/lib/wasm32-wasi"].map(|place| machine.system(place));
        let mut places = places.into_iter().chain([packaged.self_contained()]);
        let libc = places.find(|place| START_FILES.iter().chain([&LIBC]).all(|file| place.join(file).exists()))?;
        Some(Ingredients { std, libc })
    }
}

/// Builds the sysroot beside its place and moves it there as the last act. The installation lock is held.
pub(crate) fn build(
    machine: &Machine<'_>,
    base: &Base,
    ingredients: &Ingredients,
    place: &Sysroot,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<(), ToolchainError> {
    let stage = stage(machine)?;
    let sysroot = Sysroot(stage.path().join("sysroot"));
    create_dir(&sysroot.self_contained())?;
    match &ingredients.std {
        Std::Packaged(dir) => {
            for rlib in entries(dir).iter().filter(|path| path.extension() == Some(OsStr::new("rlib"))) {
                link(rlib, &sysroot.target_lib().join(file_name(rlib)))?;
            }
        }
        Std::Source(library) => build_std(machine, base, library, stage.path(), &sysroot, progress)?,
    }
    progress(SetupEvent::Started(&Step::AssembleSysroot));
    copy(&ingredients.libc.join(LIBC), &sysroot.self_contained().join(LIBC))?;
    link_host(machine, base, &sysroot)?;
    connect_linker(machine, base, ingredients, &sysroot, stage.path(), progress)?;
    write_rustc(base, &sysroot, place)?;
    sysroot.write_marker(&base.info)?;
    if place.0.exists() {
        fs::remove_dir_all(&place.0).map_err(ToolchainError::file("remove the damaged", &place.0))?;
    }
    fs::rename(&sysroot.0, &place.0).map_err(ToolchainError::file("create", &place.0))
}

/// Gives a complete sysroot another linker, its own being gone.
pub(crate) fn relink(
    machine: &Machine<'_>,
    base: &Base,
    ingredients: &Ingredients,
    place: &Sysroot,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<(), ToolchainError> {
    progress(SetupEvent::Started(&Step::AssembleSysroot));
    let stage = stage(machine)?;
    connect_linker(machine, base, ingredients, place, stage.path(), progress)
}

/// A directory of this process's own; those that crashed processes left are removed.
fn stage(machine: &Machine<'_>) -> Result<tempfile::TempDir, ToolchainError> {
    let sysroots = machine.sysroots();
    for old in entries(&sysroots).iter().filter(|path| file_name(path).starts_with(STAGE)) {
        fs::remove_dir_all(old).map_err(ToolchainError::file("remove the unfinished", old))?;
    }
    let stage = tempfile::Builder::new().prefix(STAGE).tempdir_in(&sysroots);
    stage.map_err(ToolchainError::file("create a directory in", &sysroots))
}

fn build_std(
    machine: &Machine<'_>,
    base: &Base,
    library: &Path,
    stage: &Path,
    sysroot: &Sysroot,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<(), ToolchainError> {
    let scratch = stage.join("scratch");
    create_dir(&scratch.join("src"))?;
    let manifest = format!("[package]\nname = \"{SCRATCH}\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n");
    write(&scratch.join("Cargo.toml"), &manifest)?;
    write(&scratch.join("src/lib.rs"), "")?;
    let command = std_command(machine, base, library, stage, &scratch);
    let vendor = library.join("vendor");
    let stdout = if vendor.is_dir() {
        let vendored = command
            .clone()
            .args(["--config", "source.crates-io.replace-with='airtight-vendor'", "--config"])
            .arg(format!("source.airtight-vendor.directory={:?}", vendor.to_string_lossy()));
        // The distribution's sources come with their dependencies. Where it changed those, the registry has them.
        run_step(machine, &Step::BuildStd, &vendored, progress).or_else(|error| {
            progress(SetupEvent::Failed { step: &Step::BuildStd, why: &error.to_string() });
            run_step(machine, &Step::BuildStd, &command, progress)
        })?
    } else {
        run_step(machine, &Step::BuildStd, &command, progress)?
    };
    let built: Vec<PathBuf> = rlibs(&stdout);
    for rlib in &built {
        copy(rlib, &sysroot.target_lib().join(file_name(rlib)))?;
    }
    Ok(())
}

fn std_command(machine: &Machine<'_>, base: &Base, library: &Path, stage: &Path, scratch: &Path) -> CommandLine {
    // As in the official builds: no path of this machine's ends up in a guest.
    let source = library.parent().unwrap_or(library).to_string_lossy();
    let commit = base.info.commit.as_deref().unwrap_or(&base.info.release);
    let mut command = CommandLine::new(&base.cargo)
        .args(["build", "--release", "-Z", CRATES, "--target", TARGET, "--message-format=json"])
        .arg("--target-dir")
        .arg(stage.join("target"))
        .dir(scratch);
    for name in machine.vars.keys().filter(|name| shapes_builds(name)) {
        command = command.env_remove(name);
    }
    command
        .env("RUSTC", &base.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        // Empty ones also override those of the user's configuration files.
        .env("RUSTC_WRAPPER", "")
        .env("RUSTC_WORKSPACE_WRAPPER", "")
        .env("CARGO_ENCODED_RUSTFLAGS", format!("--remap-path-prefix={source}=/rustc/{commit}"))
}

/// Whether a variable changes what cargo builds, as opposed to where it downloads from.
fn shapes_builds(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let shaping = ["CARGO_BUILD_", "CARGO_TARGET_", "CARGO_PROFILE_", "CARGO_UNSTABLE_", "RUSTC", "RUSTDOC"];
    let others = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "MAKEFLAGS", "CARGO_MAKEFLAGS"];
    shaping.iter().any(|prefix| name.starts_with(prefix)) || others.contains(&name)
}

/// The archives for the target in cargo's messages. What was built for the host is only programs.
fn rlibs(messages: &str) -> Vec<PathBuf> {
    let artifacts = messages.lines().filter_map(|line| match serde_json::from_str(line) {
        Ok(Message::CompilerArtifact(artifact)) => Some(artifact),
        _ => None,
    });
    let wanted = artifacts.filter(|artifact| artifact.target.name.replace('_', "-") != SCRATCH);
    let files = wanted.flat_map(|artifact| artifact.filenames);
    files.filter(|path| path.extension() == Some("rlib")).map(Into::into).collect()
}

/// The host's libraries, for procedural macros, and its programs, but for the linker.
fn link_host(machine: &Machine<'_>, base: &Base, sysroot: &Sysroot) -> Result<(), ToolchainError> {
    let host = &base.info.host;
    let original = Sysroot(machine.system("usr")).rustlib().join(host);
    create_dir(&sysroot.host_bin(host))?;
    for entry in entries(&original).iter().filter(|path| file_name(path) != "bin") {
        link(entry, &sysroot.rustlib().join(host).join(file_name(entry)))?;
    }
    for program in entries(&original.join("bin")).iter().filter(|path| file_name(path) != RUST_LLD) {
        link(program, &sysroot.host_bin(host).join(file_name(program)))?;
    }
    Ok(())
}

/// Takes the first linker that links a test, and puts the stubs into the start files with it.
fn connect_linker(
    machine: &Machine<'_>,
    base: &Base,
    ingredients: &Ingredients,
    sysroot: &Sysroot,
    work: &Path,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<(), ToolchainError> {
    let stubs = compile_stubs(machine, base, sysroot, work)?;
    let lld = sysroot.host_bin(&base.info.host).join(RUST_LLD);
    let mut tried = Vec::new();
    for linker in linker::candidates(machine, Some(&base.info)) {
        progress(SetupEvent::Output(&format!("linker {}", linker.display())));
        replace_link(&linker, &lld)?;
        match merge_stubs(machine, &lld, &stubs, ingredients, sysroot, work)
            .and_then(|()| probe(machine, base, sysroot, work))
        {
            Ok(()) => return Ok(()),
            Err(error) => tried.push(format!("{}: {error}", linker.display())),
        }
    }
    // A link that is there counts as a linker.
    fs::remove_file(&lld).map_err(ToolchainError::file("remove", &lld))?;
    Err(ToolchainError::NoLinker { tried, command: debian::linker_to_type(machine, &base.info) })
}

fn compile_stubs(
    machine: &Machine<'_>,
    base: &Base,
    sysroot: &Sysroot,
    work: &Path,
) -> Result<PathBuf, ToolchainError> {
    let (source, object) = (work.join("stubs.rs"), work.join("stubs.o"));
    write(&source, STUBS)?;
    let command = compiler(base, sysroot)
        .args([
            "--edition=2024",
            "--crate-type=lib",
            "--emit=obj",
            "-Copt-level=2",
            "-Cpanic=abort",
            "-Ccodegen-units=1",
        ])
        // `linkage` and `thread_local`, which std uses too.
        .env("RUSTC_BOOTSTRAP", "1")
        .arg("-o")
        .arg(&object)
        .arg(&source);
    run(machine, &command, &mut |_| {})?;
    Ok(object)
}

/// Links each start file with the stubs into one object, so that no link of a guest has to name them.
fn merge_stubs(
    machine: &Machine<'_>,
    lld: &Path,
    stubs: &Path,
    ingredients: &Ingredients,
    sysroot: &Sysroot,
    work: &Path,
) -> Result<(), ToolchainError> {
    for file in START_FILES {
        let merged = work.join(file);
        let command = CommandLine::new(lld).args(["-flavor", "wasm", "-r", "-o"]).arg(&merged);
        run(machine, &command.arg(ingredients.libc.join(file)).arg(stubs), &mut |_| {})?;
        // One rename: a build that is going on sees the old or the new one.
        let place = sysroot.self_contained().join(file);
        fs::rename(&merged, &place).map_err(ToolchainError::file("create", &place))?;
    }
    Ok(())
}

/// Links a test that uses a thread, which is where an older libc falls short.
fn probe(machine: &Machine<'_>, base: &Base, sysroot: &Sysroot, work: &Path) -> Result<(), ToolchainError> {
    let source = work.join("probe.rs");
    write(&source, PROBE)?;
    let command =
        compiler(base, sysroot).args(["--edition=2021", "--test", "-o"]).arg(work.join("probe.wasm")).arg(&source);
    run(machine, &command, &mut |_| {}).map(drop)
}

fn compiler(base: &Base, sysroot: &Sysroot) -> CommandLine {
    CommandLine::new(&base.rustc).arg("--sysroot").arg(&sysroot.0).arg("--target").arg(TARGET)
}

/// The script goes into `sysroot`, but names `place`, where it will be.
fn write_rustc(base: &Base, sysroot: &Sysroot, place: &Sysroot) -> Result<(), ToolchainError> {
    let path = sysroot.rustc();
    create_dir(&sysroot.0.join("bin"))?;
    write(&path, &place.rustc_script(&base.rustc))?;
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&path, executable).map_err(ToolchainError::file("make executable", &path))
}

fn create_dir(path: &Path) -> Result<(), ToolchainError> {
    fs::create_dir_all(path).map_err(ToolchainError::file("create", path))
}

fn write(path: &Path, text: &str) -> Result<(), ToolchainError> {
    fs::write(path, text).map_err(ToolchainError::file("write", path))
}

fn copy(from: &Path, to: &Path) -> Result<(), ToolchainError> {
    fs::copy(from, to).map(drop).map_err(ToolchainError::file("copy", from))
}

fn link(target: &Path, place: &Path) -> Result<(), ToolchainError> {
    symlink(target, place).map_err(ToolchainError::file("link", place))
}

/// Puts a link in place of another in one step.
fn replace_link(target: &Path, place: &Path) -> Result<(), ToolchainError> {
    let mut name = OsString::from(".new-");
    name.push(place.file_name().unwrap_or_default());
    let new = place.with_file_name(name);
    if new.symlink_metadata().is_ok() {
        fs::remove_file(&new).map_err(ToolchainError::file("remove", &new))?;
    }
    link(target, &new)?;
    fs::rename(&new, place).map_err(ToolchainError::file("link", place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::sysroot;
    use crate::system::fake::FakeMachine;

    #[test]
    fn ingredients_are_packaged_std_or_sources() {
        let fake = FakeMachine::new();
        assert_eq!(Ingredients::find(&fake.machine()), None);
        fake.sources_and_libc();
        let library = fake.root().join("usr/lib/rustlib/src/rust/library");
        let libc = fake.root().join("usr/lib/wasm32-wasi");
        assert_eq!(
            Ingredients::find(&fake.machine()),
            Some(Ingredients { std: Std::Source(library), libc: libc.clone() })
        );
        fake.target("usr", "");
        let packaged = Std::Packaged(fake.root().join("usr/lib/rustlib/wasm32-wasip1/lib"));
        assert_eq!(Ingredients::find(&fake.machine()), Some(Ingredients { std: packaged, libc }));
    }

    #[test]
    fn a_packaged_std_with_an_old_libc_is_linked_not_built() {
        let fake = FakeMachine::new();
        fake.distribution();
        fake.sources_and_libc();
        fake.target("usr", "");
        fake.file("usr/bin/wasm-ld-22", "");
        let (machine, base) = (fake.machine(), Base::find(&fake.machine()).unwrap());
        let place = sysroot::private(&machine, &base.rustc, &base.info);
        fs::create_dir_all(machine.sysroots()).unwrap();
        let ingredients = Ingredients::find(&machine).unwrap();
        build(&machine, &base, &ingredients, &place, &mut |_| {}).unwrap();
        assert!(place.rlib("std").unwrap().is_symlink());
        assert!(place.is_complete(&base.rustc, &base.info) && place.has_linker(&base.info));
        assert!(!fake.command_lines().iter().any(|command| command.starts_with("cargo")));
        // Its end of the link gone, the sysroot is not used.
        fs::remove_dir_all(fake.root().join("usr/lib/rustlib/wasm32-wasip1")).unwrap();
        assert!(!place.is_complete(&base.rustc, &base.info));
    }

    #[test]
    fn a_linker_that_fails_is_passed_over_and_named_when_all_do() {
        let fake = FakeMachine::new();
        fake.distribution();
        fake.sources_and_libc();
        fake.file("usr/bin/wasm-ld-22", "");
        fake.fail("rustc --sysroot", 1, "undefined symbol: pthread_join");
        fake.answer_once("rustc --sysroot", "");
        let (machine, base) = (fake.machine(), Base::find(&fake.machine()).unwrap());
        let place = sysroot::private(&machine, &base.rustc, &base.info);
        fs::create_dir_all(machine.sysroots()).unwrap();
        let ingredients = Ingredients::find(&machine).unwrap();
        let error = build(&machine, &base, &ingredients, &place, &mut |_| {}).unwrap_err();
        assert!(matches!(&error, ToolchainError::NoLinker { tried, .. } if tried.len() == 1));
        assert!(error.to_string().contains("pthread_join") && error.to_string().contains("wasm-ld-22"), "{error}");
        assert!(!place.0.exists());
    }

    #[test]
    fn unfinished_directories_of_the_past_are_removed() {
        let fake = FakeMachine::new();
        let machine = fake.machine();
        let old = machine.sysroots().join(".building-old/sysroot");
        fs::create_dir_all(&old).unwrap();
        let stage = stage(&machine).unwrap();
        assert!(!old.exists() && stage.path().exists());
    }

    #[test]
    fn the_users_build_settings_do_not_reach_std() {
        for name in
            ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_PROFILE_RELEASE_LTO", "RUSTC_WRAPPER"]
        {
            assert!(shapes_builds(OsStr::new(name)), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_HTTP_PROXY", "CARGO_REGISTRIES_X_TOKEN", "PATH", "HTTPS_PROXY"] {
            assert!(!shapes_builds(OsStr::new(name)), "{name}");
        }
    }
}
