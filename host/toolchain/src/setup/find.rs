//! Finds an existing toolchain, with a few file look-ups and at most two runs of `rustc`.

use crate::error::ToolchainError;
use crate::setup::rustc_info::{RustcInfo, Version};
use crate::setup::sysroot::{self, Sysroot};
use crate::system::command::CommandLine;
use crate::system::machine::Machine;
use crate::{TARGET, Toolchain, ToolchainKind};
use std::path::{Path, PathBuf};

/// The oldest compiler that guests can be built with: the guest SDK's `rust-version`.
pub(crate) const MINIMUM: Version = (1, 88);

/// Finds a toolchain for the guests in `dir`, without changing anything. In this order: the active toolchain, if the target
/// is installed; a distribution's packaged target; a private sysroot that was built before and still fits its compiler.
///
/// # Errors
/// Only if there is no cache directory to look in. A toolchain that does not answer counts as missing.
pub fn find(dir: &Path) -> Result<Option<Toolchain>, ToolchainError> {
    Ok(find_on(&Machine::current(dir)?))
}

pub(crate) fn find_on(machine: &Machine<'_>) -> Option<Toolchain> {
    active(machine).ok().or_else(|| distribution(machine))
}

/// The toolchain that plain `cargo` would use here, or why it cannot be used.
pub(crate) fn active(machine: &Machine<'_>) -> Result<Toolchain, String> {
    let rustc = machine.program("RUSTC", "rustc").ok_or("no `rustc` on PATH")?;
    let cargo = machine.program("CARGO", "cargo").ok_or("no `cargo` on PATH")?;
    let answer = machine
        .ask(CommandLine::new(&rustc).args(["--print", "sysroot"]))
        .ok_or_else(|| format!("`{}` does not say where its sysroot is", rustc.display()))?;
    let sysroot = Sysroot(PathBuf::from(answer.trim()));
    match sysroot.lacks(machine) {
        None => Ok(Toolchain { rustc, cargo, sysroot: sysroot.0, target: TARGET, kind: ToolchainKind::Active }),
        Some(part) => Err(format!("the active toolchain ({}) lacks {part}", sysroot.0.display())),
    }
}

/// The distribution's compiler, with its packaged target or a private sysroot.
fn distribution(machine: &Machine<'_>) -> Option<Toolchain> {
    let base = DistributionCompiler::find(machine)?;
    let packaged = Sysroot(machine.system("usr"));
    if packaged.lacks(machine).is_none() {
        return Some(Toolchain {
            rustc: base.rustc,
            cargo: base.cargo,
            sysroot: packaged.0,
            target: TARGET,
            kind: ToolchainKind::Distribution,
        });
    }
    let private = sysroot::private(machine, &base.rustc, &base.info);
    if private.is_complete(&base.rustc, &base.info) && private.has_linker(&base.info) {
        return Some(base.with(&private));
    }
    tracing::debug!(sysroot = %private.0.display(), "no private sysroot");
    None
}

/// A distribution's compiler that is new enough to build guests.
pub(crate) struct DistributionCompiler {
    pub rustc: PathBuf,
    pub cargo: PathBuf,
    pub info: RustcInfo,
}

impl DistributionCompiler {
    pub fn find(machine: &Machine<'_>) -> Option<DistributionCompiler> {
        let rustc = machine.system("usr/bin/rustc");
        if !rustc.exists() {
            return None;
        }
        // The cargo made for this compiler is preferred, but any cargo can drive it.
        let cargo = Some(machine.system("usr/bin/cargo")).filter(|cargo| cargo.exists());
        let cargo = cargo.or_else(|| machine.program("CARGO", "cargo"))?;
        let info = RustcInfo::ask(machine, &rustc)?;
        if info.version < MINIMUM {
            tracing::debug!(rustc = %rustc.display(), release = info.release, "too old");
            return None;
        }
        Some(DistributionCompiler { rustc, cargo, info })
    }

    /// The toolchain of a private sysroot for this compiler.
    pub fn with(&self, sysroot: &Sysroot) -> Toolchain {
        let kind = ToolchainKind::Private { release: self.info.release.clone() };
        let (rustc, cargo) = (sysroot.rustc(), self.cargo.clone());
        Toolchain { rustc, cargo, sysroot: sysroot.0.clone(), target: TARGET, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::fake::{FakeMachine, VERBOSE};

    #[test]
    fn a_bare_machine_has_none() {
        assert!(find_on(&FakeMachine::new().machine()).is_none());
    }

    #[test]
    fn the_active_toolchain_comes_first_and_costs_one_run() {
        let fake = FakeMachine::new();
        fake.rustup_toolchain(true);
        fake.distribution();
        let found = find_on(&fake.machine()).unwrap();
        assert_eq!(found.kind, ToolchainKind::Active);
        assert!(found.env().is_empty());
        assert_eq!(fake.command_lines(), ["rustc --print sysroot"]);
    }

    #[test]
    fn rustc_and_cargo_variables_are_respected() {
        let fake = FakeMachine::new();
        fake.rustup_toolchain(true);
        let rustc = fake.program("opt/rustc");
        let cargo = fake.program("opt/cargo");
        fake.var("RUSTC", &rustc);
        fake.var("CARGO", &cargo);
        let found = find_on(&fake.machine()).unwrap();
        assert_eq!((found.rustc, found.cargo), (rustc, cargo));
    }

    #[test]
    fn a_packaged_target_is_next() {
        let fake = FakeMachine::new();
        fake.rustup_toolchain(false);
        fake.distribution();
        fake.target("usr", "pthread_join");
        fake.file("usr/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld", "");
        let found = find_on(&fake.machine()).unwrap();
        assert_eq!(found.kind, ToolchainKind::Distribution);
        assert_eq!(found.env(), [("RUSTC", found.rustc.clone().into_os_string())]);
    }

    #[test]
    fn a_compiler_that_is_too_old_does_not_count() {
        let fake = FakeMachine::new();
        fake.distribution();
        fake.target("usr", "pthread_join");
        fake.file("usr/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld", "");
        fake.answer("rustc -vV", &VERBOSE.replace("1.96.0", "1.85.0"));
        assert!(find_on(&fake.machine()).is_none());
    }

    #[test]
    fn a_private_sysroot_counts_only_when_complete() {
        let fake = FakeMachine::new();
        fake.distribution();
        let base = DistributionCompiler::find(&fake.machine()).unwrap();
        let private = sysroot::private(&fake.machine(), &base.rustc, &base.info);
        let lld = "lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld";
        let lld = private.0.join(lld);
        fake.private_sysroot(&private, &base);
        let found = find_on(&fake.machine()).unwrap();
        assert_eq!((&found.kind, found.rustc), (&ToolchainKind::Private { release: "1.96.0".into() }, private.rustc()));
        for part in [lld, private.rustc(), private.self_contained().join("libc.a"), private.rlib("std").unwrap()] {
            std::fs::rename(&part, part.with_extension("gone")).unwrap();
            assert!(find_on(&fake.machine()).is_none(), "{} is missing", part.display());
            std::fs::rename(part.with_extension("gone"), &part).unwrap();
        }
        assert!(find_on(&fake.machine()).is_some());
    }
}
