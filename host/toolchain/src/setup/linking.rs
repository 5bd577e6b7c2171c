//! Gives a sysroot a linker that works, and start files with the parts that wasi-libc lacks.

use crate::TARGET;
use crate::error::ToolchainError;
use crate::setup::find::DistributionCompiler;
use crate::setup::ingredients::Ingredients;
use crate::setup::progress::{SetupEvent, run};
use crate::setup::sysroot::{RUST_LLD, START_FILES, Sysroot};
use crate::setup::{debian, linker};
use crate::system::command::CommandLine;
use crate::system::files::{replace_link, write};
use crate::system::machine::Machine;
use std::fs;
use std::path::{Path, PathBuf};

const STUBS: &str = include_str!("stubs/pthread.rs");
const PROBE: &str = "#[test]\nfn probe() {\n    let _ = std::thread::spawn(|| ());\n}\n";

/// Uses the first linker that can link a test. With it, the stubs are linked into the start files.
pub(crate) fn connect_linker(
    machine: &Machine<'_>,
    base: &DistributionCompiler,
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
    // The link is removed: a sysroot with one counts as having a linker.
    fs::remove_file(&lld).map_err(ToolchainError::file("remove", &lld))?;
    Err(ToolchainError::NoLinker { tried, command: debian::linker_to_type(machine, &base.info) })
}

fn compile_stubs(
    machine: &Machine<'_>,
    base: &DistributionCompiler,
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
        // For the unstable features `linkage` and `thread_local`, which std uses, too.
        .env("RUSTC_BOOTSTRAP", "1")
        .arg("-o")
        .arg(&object)
        .arg(&source);
    run(machine, &command, &mut |_| {})?;
    Ok(object)
}

/// Links each start file and the stubs into one object, so that guests need not name the stubs when they are linked.
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
        // One rename, so that a build under way sees either the old file or the new one.
        let place = sysroot.self_contained().join(file);
        fs::rename(&merged, &place).map_err(ToolchainError::file("create", &place))?;
    }
    Ok(())
}

/// Links a test that uses a thread: that is where an older libc lacks something.
fn probe(
    machine: &Machine<'_>,
    base: &DistributionCompiler,
    sysroot: &Sysroot,
    work: &Path,
) -> Result<(), ToolchainError> {
    let source = work.join("probe.rs");
    write(&source, PROBE)?;
    let command =
        compiler(base, sysroot).args(["--edition=2021", "--test", "-o"]).arg(work.join("probe.wasm")).arg(&source);
    run(machine, &command, &mut |_| {}).map(drop)
}

fn compiler(base: &DistributionCompiler, sysroot: &Sysroot) -> CommandLine {
    CommandLine::new(&base.rustc).arg("--sysroot").arg(&sysroot.0).arg("--target").arg(TARGET)
}
