//! Installs a toolchain if there is none, as far as the caller permits.

use crate::error::ToolchainError;
use crate::setup::debian::{self, Needs, Supply};
use crate::setup::find::{DistributionCompiler, active, find_on};
use crate::setup::ingredients::Ingredients;
use crate::setup::linker;
use crate::setup::progress::{SetupEvent, SetupStep};
use crate::setup::rustup;
use crate::setup::sysroot;
use crate::setup::sysroot_build;
use crate::system::lock::Lock;
use crate::system::machine::Machine;
use crate::{TARGET, Toolchain};
use std::fs;
use std::path::Path;

/// The command that gives [`Permission::System`].
const SETUP_WITH_PERMISSION: &str = "airtight setup --yes";
/// The command that gives [`Permission::Toolchain`].
const SETUP: &str = "airtight setup";

/// How far [`install`] may go. Each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Write to airtight's own cache: build std into a private sysroot, from packages that are already installed. No other
    /// program sees the result, so commands that need a toolchain do it without being asked.
    Cache,
    /// Also add the target to the active toolchain with rustup: `airtight setup` gives this permission.
    Toolchain,
    /// Also install packages of the distribution: only if the user said so (`setup --yes`, `--setup`).
    System,
}

/// Installs a toolchain for the guests in `dir`, or returns the one that [`find`](crate::find()) finds. In this order:
/// rustup; what the distribution has installed, with std built into a private sysroot; the distribution's packages.
/// One process at a time installs, and the others use its result. Once a toolchain is there, this takes as long as `find`.
///
/// # Errors
/// [`ToolchainError::NotPermitted`] with the commands to type if more permission is needed; [`ToolchainError::Unavailable`]
/// if no permission would help; others if a program or a file fails.
pub fn install(
    dir: &Path,
    permission: Permission,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<Toolchain, ToolchainError> {
    install_on(&Machine::current(dir)?, permission, progress)
}

pub(crate) fn install_on(
    machine: &Machine<'_>,
    permission: Permission,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<Toolchain, ToolchainError> {
    if let Some(found) = find_on(machine) {
        return Ok(found);
    }
    let sysroots = machine.sysroots();
    fs::create_dir_all(&sysroots).map_err(ToolchainError::file("create", &sysroots))?;
    let lock = sysroots.join("lock");
    let _lock = Lock::acquire(&lock, &mut || progress(SetupEvent::Started(&SetupStep::Wait)))
        .map_err(ToolchainError::file("lock", &lock))?;
    if let Some(found) = find_on(machine) {
        return Ok(found);
    }
    let mut reasons = Vec::new();
    if permission >= Permission::Toolchain
        && let Some(found) = with_rustup(machine, &mut reasons, progress)
    {
        return Ok(found);
    }
    reasons.extend(active(machine).err());
    with_distribution(machine, permission, reasons, progress)
}

fn with_rustup(
    machine: &Machine<'_>,
    reasons: &mut Vec<String>,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Option<Toolchain> {
    if !rustup::in_charge(machine) {
        return None;
    }
    progress(SetupEvent::Started(&SetupStep::AddTarget));
    let added = rustup::add_target(machine, TARGET, &mut |line| progress(SetupEvent::Output(line)));
    match added.and_then(|()| active(machine)) {
        Ok(found) => Some(found),
        Err(why) => {
            progress(SetupEvent::Failed { step: &SetupStep::AddTarget, why: &why });
            reasons.push(why);
            None
        }
    }
}

fn with_distribution(
    machine: &Machine<'_>,
    permission: Permission,
    mut reasons: Vec<String>,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<Toolchain, ToolchainError> {
    if let Some(needs) = needs(machine) {
        if !debian::available(machine) {
            return Err(refuse(machine, permission, reasons, None));
        }
        if permission < Permission::System {
            let command = debian::command_to_type(machine, needs);
            return Err(refuse(machine, permission, reasons, Some(command)));
        }
        if let Supply::Lacking(why) = debian::install(machine, needs, progress)? {
            reasons.push(why);
            return Err(refuse(machine, permission, reasons, None));
        }
        if let Some(found) = find_on(machine) {
            return Ok(found);
        }
    }
    let (Some(base), Some(ingredients)) = (DistributionCompiler::find(machine), Ingredients::find(machine)) else {
        reasons
            .push("the packages were installed, but there is still no usable compiler with std's sources".to_owned());
        return Err(ToolchainError::Unavailable { reasons });
    };
    match make_private(machine, &base, &ingredients, progress) {
        // The linkers that were tried are too old or broken. The distribution has one that is made for its compiler.
        Err(ToolchainError::NoLinker { .. }) if permission == Permission::System && debian::available(machine) => {
            let needs = Needs { toolchain: false, linker: true, llvm_major: base.info.llvm_major };
            if let Supply::Lacking(why) = debian::install(machine, needs, progress)? {
                reasons.push(why);
                return Err(ToolchainError::Unavailable { reasons });
            }
            make_private(machine, &base, &ingredients, progress)
        }
        other => other,
    }
}

/// Builds the private sysroot, or, if it is there already, gives it another linker.
fn make_private(
    machine: &Machine<'_>,
    base: &DistributionCompiler,
    ingredients: &Ingredients,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<Toolchain, ToolchainError> {
    let private = sysroot::private(machine, &base.rustc, &base.info);
    if private.is_complete(&base.rustc, &base.info) {
        sysroot_build::relink(machine, base, ingredients, &private, progress)?;
    } else {
        sysroot_build::build(machine, base, ingredients, &private, progress)?;
    }
    Ok(base.with(&private))
}

/// What the distribution has to provide before a private sysroot can be built; `None` for nothing.
fn needs(machine: &Machine<'_>) -> Option<Needs> {
    let base = DistributionCompiler::find(machine);
    let info = base.as_ref().map(|base| &base.info);
    let needs = Needs {
        toolchain: base.is_none() || Ingredients::find(machine).is_none(),
        linker: linker::candidates(machine, info).is_empty(),
        llvm_major: info.and_then(|info| info.llvm_major),
    };
    (needs.toolchain || needs.linker).then_some(needs)
}

/// The error with the commands by which the user can go on.
fn refuse(
    machine: &Machine<'_>,
    permission: Permission,
    reasons: Vec<String>,
    packages: Option<String>,
) -> ToolchainError {
    let mut commands = Vec::new();
    if permission < Permission::Toolchain && rustup::in_charge(machine) {
        commands.push(rustup::COMMAND.to_owned());
    }
    if let Some(packages) = packages {
        commands.push(format!("{packages} && {SETUP}"));
        commands.push(SETUP_WITH_PERMISSION.to_owned());
    }
    match commands.is_empty() {
        true => ToolchainError::Unavailable { reasons },
        false => ToolchainError::NotPermitted { reasons, commands },
    }
}

#[cfg(test)]
mod tests;
