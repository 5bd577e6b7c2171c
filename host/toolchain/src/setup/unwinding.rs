//! A toolchain whose panics unwind. For that, std is built once, from its own sources, into a sysroot of its own.
//!
//! The target's official std ends the program on a panic. A script in place of the compiler tells it where the other std
//! is, and that code for the target unwinds. Code for this machine, such as procedural macros, is compiled as always.

use crate::error::ToolchainError;
use crate::setup::find::DistributionCompiler;
use crate::setup::install::Permission;
use crate::setup::progress::{SetupEvent, SetupStep};
use crate::setup::rustc_info::RustcInfo;
use crate::setup::rustup;
use crate::setup::std_build::{Panics, StdSource, UNWINDING, build_std};
use crate::setup::sysroot::{self, LIBC, START_FILES, Sysroot, quoted};
use crate::setup::sysroot_build::{put_in_place, stage};
use crate::system::command::CommandLine;
use crate::system::files::{create_dir, link, write_program};
use crate::system::lock::Lock;
use crate::system::machine::Machine;
use crate::{TARGET, Toolchain, ToolchainKind};
use std::fs;
use std::path::{Path, PathBuf};

/// The purpose of the sysroot, which is part of its name.
const PURPOSE: &str = "unwind-";

/// A toolchain with the compiler of `toolchain`, under which panics unwind. If std was not built for that yet, it is built
/// now: this takes about a minute.
///
/// # Errors
/// [`ToolchainError::NoSources`] with the command to type if std's sources are missing and may not be added; others if a
/// program or a file fails.
pub fn unwinding(
    dir: &Path,
    toolchain: &Toolchain,
    permission: Permission,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<Toolchain, ToolchainError> {
    unwinding_on(&Machine::current(dir)?, toolchain, permission, progress)
}

fn unwinding_on(
    machine: &Machine<'_>,
    toolchain: &Toolchain,
    permission: Permission,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<Toolchain, ToolchainError> {
    let base = base(machine, toolchain)?;
    let place = sysroot::keyed(machine, &base.rustc, &base.info, PURPOSE);
    let made = || {
        let kind = ToolchainKind::Unwinding { release: base.info.release.clone() };
        let (rustc, cargo) = (place.rustc(), base.cargo.clone());
        Toolchain { rustc, cargo, sysroot: place.0.clone(), target: TARGET, kind }
    };
    let script = script(&base.rustc, &place);
    if is_complete(&place, &script) {
        return Ok(made());
    }
    let sysroots = machine.sysroots();
    create_dir(&sysroots)?;
    let lock = sysroots.join("lock");
    let _lock = Lock::acquire(&lock, &mut || progress(SetupEvent::Started(&SetupStep::Wait)))
        .map_err(ToolchainError::file("lock", &lock))?;
    if is_complete(&place, &script) {
        return Ok(made());
    }
    let library = sources(machine, &base, permission, progress)?;
    let stage = stage(machine)?;
    let sysroot = Sysroot(stage.path().join("sysroot"));
    progress(SetupEvent::Started(&SetupStep::BuildStd));
    let source = StdSource { base: &base, library: &library, panics: Panics::Unwind };
    build_std(machine, &source, stage.path(), &sysroot, progress)?;
    progress(SetupEvent::Started(&SetupStep::AssembleSysroot));
    let original = Sysroot(toolchain.sysroot.clone());
    link(&original.self_contained(), &sysroot.self_contained())?;
    let host = &base.info.host;
    link(&original.rustlib().join(host), &sysroot.rustlib().join(host))?;
    write_program(&sysroot.rustc(), &script)?;
    put_in_place(&sysroot, &base, &place)?;
    Ok(made())
}

/// The compiler behind a toolchain. For a private toolchain, this is not its script, which names another sysroot.
fn base(machine: &Machine<'_>, toolchain: &Toolchain) -> Result<DistributionCompiler, ToolchainError> {
    let unavailable = |why: String| ToolchainError::Unavailable { reasons: vec![why] };
    if let ToolchainKind::Private { .. } = toolchain.kind {
        return DistributionCompiler::find(machine)
            .ok_or_else(|| unavailable("the distribution's compiler is gone".to_owned()));
    }
    let rustc = toolchain.direct_rustc(machine);
    let info = RustcInfo::ask(machine, &rustc)
        .ok_or_else(|| unavailable(format!("`{}` does not say what it is", rustc.display())))?;
    Ok(DistributionCompiler { rustc, cargo: toolchain.cargo.clone(), info })
}

/// The sources of std, which are beside the compiler's own libraries. If permitted, rustup adds them.
fn sources(
    machine: &Machine<'_>,
    base: &DistributionCompiler,
    permission: Permission,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<PathBuf, ToolchainError> {
    let answer = machine.ask(CommandLine::new(&base.rustc).args(["--print", "sysroot"])).unwrap_or_default();
    let library = PathBuf::from(answer.trim()).join("lib/rustlib/src/rust/library");
    let is_there = || library.join("std/Cargo.toml").exists();
    let mut reasons = Vec::new();
    if !is_there() && permission >= Permission::Toolchain && rustup::in_charge(machine) {
        progress(SetupEvent::Started(&SetupStep::AddSources));
        reasons.extend(rustup::add_sources(machine, &mut |line| progress(SetupEvent::Output(line))).err());
    }
    if is_there() {
        return Ok(library);
    }
    reasons.push(format!("there are no sources at {}", library.display()));
    let by_rustup = rustup::in_charge(machine);
    let command = if by_rustup { rustup::SOURCES_COMMAND } else { "apt-get install rust-src" };
    Err(ToolchainError::NoSources { reasons, command: command.to_owned() })
}

fn is_complete(sysroot: &Sysroot, script: &str) -> bool {
    sysroot.has_marker()
        && ["std", "test", "panic_unwind"].iter().all(|name| sysroot.rlib(name).is_some())
        // These are links, whose targets may be gone.
        && START_FILES.iter().chain([&LIBC]).all(|file| sysroot.self_contained().join(file).exists())
        && fs::read_to_string(sysroot.rustc()).is_ok_and(|written| written == script)
}

/// The script that is the compiler of the sysroot at `place`.
fn script(rustc: &Path, place: &Sysroot) -> String {
    let (rustc, sysroot) = (quoted(&rustc.to_string_lossy()), quoted(&place.0.to_string_lossy()));
    let flags = UNWINDING.map(quoted).join(" ");
    format!(
        r#"#!/bin/sh
# Written by airtight. Its version says what it is, for cargo to keep what it builds apart.
if [ "$*" = -vV ]; then
    {rustc} -vV && echo 'airtight: panics unwind'
    exit
fi
last=''
for arg do
    case "$last $arg" in
        "--target {TARGET}" | *" --target={TARGET}") exec {rustc} --sysroot {sysroot} "$@" {flags} ;;
    esac
    last=$arg
done
exec {rustc} --sysroot {sysroot} "$@"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::find::find_on;
    use crate::system::fake::{FakeMachine, VERBOSE};
    use crate::system::files::write;

    fn unwinding(fake: &FakeMachine, permission: Permission) -> Result<Toolchain, ToolchainError> {
        let toolchain = find_on(&fake.machine()).unwrap();
        unwinding_on(&fake.machine(), &toolchain, permission, &mut |_| {})
    }

    fn with_rustup() -> FakeMachine {
        let fake = FakeMachine::new();
        fake.rustup_toolchain(true);
        fake.answer("rustc -vV", VERBOSE);
        fake
    }

    #[test]
    fn without_sources_the_command_to_get_them_is_named() {
        let fake = with_rustup();
        let error = unwinding(&fake, Permission::Cache).unwrap_err().to_string();
        assert!(
            error.contains("rustup component add rust-src") && error.contains("there are no sources at"),
            "{error}"
        );
        assert!(
            !fake.command_lines().iter().any(|command| command.starts_with("rustup")),
            "nothing is installed unasked"
        );
    }

    #[test]
    fn sources_that_cannot_be_added_are_told() {
        let fake = with_rustup();
        fake.fail("rustup component add", 1, "error: no network");
        let error = unwinding(&fake, Permission::System).unwrap_err().to_string();
        assert!(error.contains("`rustup component add rust-src` failed: no network"), "{error}");
    }

    #[test]
    fn a_sysroot_that_is_there_is_used_and_one_whose_links_are_gone_is_not() {
        let fake = with_rustup();
        let toolchain = find_on(&fake.machine()).unwrap();
        let base = base(&fake.machine(), &toolchain).unwrap();
        let place = sysroot::keyed(&fake.machine(), &base.rustc, &base.info, PURPOSE);
        for name in ["std", "test", "panic_unwind"] {
            let rlib = place.target_lib().join(format!("lib{name}-1.rlib"));
            create_dir(rlib.parent().unwrap()).unwrap();
            write(&rlib, "").unwrap();
        }
        let libc = Sysroot(toolchain.sysroot.clone()).self_contained();
        link(&libc, &place.self_contained()).unwrap();
        write_program(&place.rustc(), &script(&base.rustc, &place)).unwrap();
        place.write_marker(&base.info).unwrap();
        let made = unwinding(&fake, Permission::Cache).unwrap();
        assert_eq!((&made.sysroot, &made.rustc), (&place.0, &place.rustc()));
        assert_eq!(made.kind, ToolchainKind::Unwinding { release: "1.96.0".into() });
        fs::rename(libc.join(LIBC), libc.join("gone")).unwrap();
        assert!(unwinding_on(&fake.machine(), &toolchain, Permission::Cache, &mut |_| {}).is_err());
    }

    #[test]
    fn only_what_is_for_the_target_unwinds() {
        let text = script(Path::new("/usr/bin/rustc"), &Sysroot("/cache/s".into()));
        assert!(text.contains("--target wasm32-wasip1") && text.contains("'panic=unwind'"), "{text}");
        assert_eq!(text.matches("panic=unwind").count(), 1);
        assert!(text.ends_with("exec '/usr/bin/rustc' --sysroot '/cache/s' \"$@\"\n"), "{text}");
    }
}
