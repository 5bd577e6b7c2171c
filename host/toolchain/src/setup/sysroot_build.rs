//! Makes a private sysroot: std for the target, wasi-libc with the parts that it lacks, and a linker, under one directory.

use crate::error::ToolchainError;
use crate::setup::find::DistributionCompiler;
use crate::setup::ingredients::{Ingredients, Std};
use crate::setup::linking::connect_linker;
use crate::setup::progress::{SetupEvent, SetupStep};
use crate::setup::std_build::{Panics, StdSource, build_std};
use crate::setup::sysroot::{LIBC, RUST_LLD, Sysroot};
use crate::system::files::{copy, create_dir, link, write_program};
use crate::system::machine::{Machine, entries, file_name};
use std::ffi::OsStr;
use std::fs;

/// How the names of unfinished directories begin. `find` ignores these.
const STAGE: &str = ".building-";

/// Builds the sysroot beside its final place, and moves it there at the end. The caller holds the installation lock.
pub(crate) fn build(
    machine: &Machine<'_>,
    base: &DistributionCompiler,
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
        Std::Source(library) => {
            let source = StdSource { base, library, panics: Panics::Abort };
            build_std(machine, &source, stage.path(), &sysroot, progress)?;
        }
    }
    progress(SetupEvent::Started(&SetupStep::AssembleSysroot));
    copy(&ingredients.libc.join(LIBC), &sysroot.self_contained().join(LIBC))?;
    link_host(machine, base, &sysroot)?;
    connect_linker(machine, base, ingredients, &sysroot, stage.path(), progress)?;
    // The script names the final place.
    write_program(&sysroot.rustc(), &place.rustc_script(&base.rustc))?;
    put_in_place(&sysroot, base, place)
}

/// Marks a sysroot as complete, and moves it to its place.
pub(crate) fn put_in_place(
    sysroot: &Sysroot,
    base: &DistributionCompiler,
    place: &Sysroot,
) -> Result<(), ToolchainError> {
    sysroot.write_marker(&base.info)?;
    if place.0.exists() {
        fs::remove_dir_all(&place.0).map_err(ToolchainError::file("remove the damaged", &place.0))?;
    }
    fs::rename(&sysroot.0, &place.0).map_err(ToolchainError::file("create", &place.0))
}

/// Gives a complete sysroot another linker, after its own has disappeared.
pub(crate) fn relink(
    machine: &Machine<'_>,
    base: &DistributionCompiler,
    ingredients: &Ingredients,
    place: &Sysroot,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<(), ToolchainError> {
    progress(SetupEvent::Started(&SetupStep::AssembleSysroot));
    let stage = stage(machine)?;
    connect_linker(machine, base, ingredients, place, stage.path(), progress)
}

/// A directory for this process alone. Those that crashed processes left are removed.
pub(crate) fn stage(machine: &Machine<'_>) -> Result<tempfile::TempDir, ToolchainError> {
    let sysroots = machine.sysroots();
    for old in entries(&sysroots).iter().filter(|path| file_name(path).starts_with(STAGE)) {
        fs::remove_dir_all(old).map_err(ToolchainError::file("remove the unfinished", old))?;
    }
    let stage = tempfile::Builder::new().prefix(STAGE).tempdir_in(&sysroots);
    stage.map_err(ToolchainError::file("create a directory in", &sysroots))
}

/// Links to the host's libraries, for procedural macros, and to its programs except the linker.
fn link_host(machine: &Machine<'_>, base: &DistributionCompiler, sysroot: &Sysroot) -> Result<(), ToolchainError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::sysroot;
    use crate::system::fake::FakeMachine;

    #[test]
    fn a_packaged_std_with_an_old_libc_is_linked_not_built() {
        let fake = FakeMachine::new();
        fake.distribution();
        fake.sources_and_libc();
        fake.target("usr", "");
        fake.file("usr/bin/wasm-ld-22", "");
        let (machine, base) = (fake.machine(), DistributionCompiler::find(&fake.machine()).unwrap());
        let place = sysroot::private(&machine, &base.rustc, &base.info);
        fs::create_dir_all(machine.sysroots()).unwrap();
        let ingredients = Ingredients::find(&machine).unwrap();
        build(&machine, &base, &ingredients, &place, &mut |_| {}).unwrap();
        assert!(place.rlib("std").unwrap().is_symlink());
        assert!(place.is_complete(&base.rustc, &base.info) && place.has_linker(&base.info));
        assert!(!fake.command_lines().iter().any(|command| command.starts_with("cargo")));
        // The archives are links. If their targets are gone, the sysroot is not used.
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
        let (machine, base) = (fake.machine(), DistributionCompiler::find(&fake.machine()).unwrap());
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
}
