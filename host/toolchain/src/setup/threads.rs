//! A toolchain whose guests have threads: the same compiler with another target. The target's std is beside the compiler's
//! own.

use crate::error::ToolchainError;
use crate::setup::install::Permission;
use crate::setup::progress::{SetupEvent, SetupStep};
use crate::setup::rustup;
use crate::setup::sysroot::Sysroot;
use crate::system::machine::Machine;
use crate::{THREADS_TARGET, Toolchain, ToolchainKind};
use std::path::Path;

/// The command that a user would type.
const COMMAND: &str = "rustup target add wasm32-wasip1-threads";

/// A toolchain with the compiler of `toolchain`, for guests with threads. If permitted, rustup adds the target: see
/// [`Permission::Toolchain`]. No distribution packages it, and its C library cannot be built from the other target's.
///
/// # Errors
/// [`ToolchainError::NoThreads`], with the command to type if one helps.
pub fn threaded(
    dir: &Path,
    toolchain: &Toolchain,
    permission: Permission,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<Toolchain, ToolchainError> {
    threaded_on(&Machine::current(dir)?, toolchain, permission, progress)
}

fn threaded_on(
    machine: &Machine<'_>,
    toolchain: &Toolchain,
    permission: Permission,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<Toolchain, ToolchainError> {
    let sysroot = Sysroot(toolchain.sysroot.clone());
    let made = || Toolchain { target: THREADS_TARGET, ..toolchain.clone() };
    if sysroot.has_threads() {
        return Ok(made());
    }
    let mut reasons = vec![format!("{toolchain} has no std for it")];
    let by_rustup = toolchain.kind == ToolchainKind::Active && rustup::in_charge(machine);
    if by_rustup && permission >= Permission::Toolchain {
        progress(SetupEvent::Started(&SetupStep::AddTarget));
        match rustup::add_target(machine, THREADS_TARGET, &mut |line| progress(SetupEvent::Output(line))) {
            Ok(()) if sysroot.has_threads() => return Ok(made()),
            Ok(()) => reasons.push(format!("after `{COMMAND}` there is still none")),
            Err(why) => reasons.push(why),
        }
    }
    Err(ToolchainError::NoThreads { reasons, command: by_rustup.then(|| COMMAND.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::find::find_on;
    use crate::system::fake::FakeMachine;

    fn threaded(fake: &FakeMachine, permission: Permission) -> Result<Toolchain, ToolchainError> {
        let toolchain = find_on(&fake.machine()).unwrap();
        threaded_on(&fake.machine(), &toolchain, permission, &mut |_| {})
    }

    fn add_target(fake: &FakeMachine) {
        let sysroot = find_on(&fake.machine()).unwrap().sysroot;
        let sysroot = sysroot.strip_prefix(fake.root()).unwrap().to_str().unwrap();
        let lib = format!("{sysroot}/lib/rustlib/{THREADS_TARGET}/lib");
        for file in ["libstd-1.rlib", "libtest-1.rlib", "self-contained/crt1-command.o", "self-contained/libc.a"] {
            fake.file(&format!("{lib}/{file}"), "");
        }
    }

    #[test]
    fn the_target_is_used_where_it_is_there() {
        let fake = FakeMachine::new();
        fake.rustup_toolchain(true);
        add_target(&fake);
        let made = threaded(&fake, Permission::Cache).unwrap();
        assert_eq!((made.target, made.env()), (THREADS_TARGET, Vec::new()));
        assert!(made.to_string().ends_with("for wasm32-wasip1-threads"), "{made}");
    }

    #[test]
    fn the_target_is_added_with_rustup_where_that_is_permitted() {
        let fake = FakeMachine::new();
        fake.rustup_toolchain(true);
        let told = threaded(&fake, Permission::Cache).unwrap_err().to_string();
        assert!(told.contains("rustup target add wasm32-wasip1-threads"), "{told}");
        assert!(!fake.command_lines().iter().any(|line| line.starts_with("rustup")), "nothing is installed unasked");
        fake.on("rustup target add wasm32-wasip1-threads", add_target);
        assert_eq!(threaded(&fake, Permission::Toolchain).unwrap().target, THREADS_TARGET);
    }

    #[test]
    fn where_it_cannot_be_added_the_reasons_are_told() {
        let fake = FakeMachine::new();
        fake.rustup_toolchain(true);
        fake.fail("rustup target add", 1, "error: no network");
        let told = threaded(&fake, Permission::Toolchain).unwrap_err().to_string();
        assert!(told.contains("no network") && told.contains("to get it, type"), "{told}");
    }

    #[test]
    fn a_distribution_has_none() {
        let fake = FakeMachine::new();
        fake.rustup_toolchain(false);
        fake.distribution();
        fake.target("usr", "pthread_join");
        fake.file("usr/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld", "");
        let told = threaded(&fake, Permission::System).unwrap_err().to_string();
        assert!(told.contains("no distribution packages it") && told.contains("https://rustup.rs"), "{told}");
    }
}
