//! Getting a toolchain where there is none, as far as the caller permits.

use crate::Toolchain;
use crate::error::ToolchainError;
use crate::setup::debian::{self, Needs};
use crate::setup::find::{Base, active, find_on};
use crate::setup::linker;
use crate::setup::rustup;
use crate::setup::sysroot;
use crate::setup::sysroot_build::{self, Ingredients};
use crate::system::command::Call;
use crate::system::lock::Lock;
use crate::system::machine::Machine;
use std::fmt;
use std::fs;
use std::path::Path;

/// How many lines of a failed command are shown.
const TAIL: usize = 20;
/// Asks for everything that [`Permission::System`] permits.
const SETUP_WITH_PERMISSION: &str = "airtight setup --yes";
/// Asks for everything that [`Permission::Toolchain`] permits.
const SETUP: &str = "airtight setup";

/// How far [`install`] may go. Each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Write to airtight's own cache: build std into a private sysroot, from packages that are installed already. Nobody else
    /// sees it, so commands that need a toolchain do it unasked.
    Cache,
    /// Also add the target to the active toolchain with rustup: what `airtight setup` means.
    Toolchain,
    /// Also install packages of the distribution: only where the user said so (`setup --yes`, `--setup`).
    System,
}

/// A piece of installing that takes time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task {
    /// Another process is installing; its result will serve.
    Wait,
    /// `rustup target add`.
    AddTarget,
    /// `apt-get update`.
    UpdateIndex,
    /// `apt-get install` of these.
    InstallPackages(Vec<String>),
    /// Std is compiled from source: a minute or two, once.
    BuildStd,
    /// The sysroot is put together and a test linked with it.
    AssembleSysroot,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Task::Wait => f.write_str("waiting for another installation"),
            Task::AddTarget => f.write_str("adding the target with rustup"),
            Task::UpdateIndex => f.write_str("updating the package index"),
            Task::InstallPackages(packages) => write!(f, "installing {}", packages.join(" ")),
            Task::BuildStd => f.write_str("building std for wasm32-wasip1, once"),
            Task::AssembleSysroot => f.write_str("assembling the sysroot"),
        }
    }
}

/// Progress, for display only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step<'a> {
    /// A task begins; the one before it, if it did not fail, is done.
    Started(&'a Task),
    /// A line that the task's program printed.
    Output(&'a str),
    /// The task failed, and another way is tried.
    Failed {
        /// The task.
        task: &'a Task,
        /// Why.
        why: &'a str,
    },
}

/// Installs a toolchain for the guests in `dir`, or returns the one that [`find`](crate::find()) finds. In this order:
/// rustup; what the distribution has installed, with std built into a private sysroot; the distribution's packages.
/// One process at a time installs, and the others use its result. A second call takes as long as `find`.
///
/// # Errors
/// [`ToolchainError::NotPermitted`] with the commands to type where more permission is needed,
/// [`ToolchainError::Unavailable`] where none would help, and others where a program or a file fails.
pub fn install(
    dir: &Path,
    permission: Permission,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Toolchain, ToolchainError> {
    install_on(&Machine::current(dir)?, permission, progress)
}

pub(crate) fn install_on(
    machine: &Machine<'_>,
    permission: Permission,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Toolchain, ToolchainError> {
    if let Some(found) = find_on(machine) {
        return Ok(found);
    }
    let sysroots = machine.sysroots();
    fs::create_dir_all(&sysroots).map_err(ToolchainError::file("create", &sysroots))?;
    let lock = sysroots.join("lock");
    let _lock = Lock::acquire(&lock, &mut || progress(Step::Started(&Task::Wait)))
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
    progress: &mut dyn FnMut(Step<'_>),
) -> Option<Toolchain> {
    if !rustup::in_charge(machine) {
        return None;
    }
    progress(Step::Started(&Task::AddTarget));
    let added = rustup::add_target(machine, &mut |line| progress(Step::Output(line)));
    match added.and_then(|()| active(machine)) {
        Ok(found) => Some(found),
        Err(why) => {
            progress(Step::Failed { task: &Task::AddTarget, why: &why });
            reasons.push(why);
            None
        }
    }
}

fn with_distribution(
    machine: &Machine<'_>,
    permission: Permission,
    mut reasons: Vec<String>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Toolchain, ToolchainError> {
    if let Some(needs) = needs(machine) {
        if !debian::available(machine) {
            return Err(refuse(machine, permission, reasons, None));
        }
        if permission < Permission::System {
            let command = debian::command_to_type(machine, needs);
            return Err(refuse(machine, permission, reasons, Some(command)));
        }
        if let Err(why) = debian::install(machine, needs, progress)? {
            reasons.push(why);
            return Err(refuse(machine, permission, reasons, None));
        }
        if let Some(found) = find_on(machine) {
            return Ok(found);
        }
    }
    let (Some(base), Some(ingredients)) = (Base::of(machine), Ingredients::of(machine)) else {
        reasons
            .push("the packages were installed, but there is still no usable compiler with std's sources".to_owned());
        return Err(ToolchainError::Unavailable { reasons });
    };
    match make_private(machine, &base, &ingredients, progress) {
        // Those that are there are too old or broken: one of the distribution's is made for its compiler.
        Err(ToolchainError::NoLinker { .. }) if permission == Permission::System && debian::available(machine) => {
            let needs = Needs { toolchain: false, linker: true, llvm_major: base.info.llvm_major };
            if let Err(why) = debian::install(machine, needs, progress)? {
                reasons.push(why);
                return Err(ToolchainError::Unavailable { reasons });
            }
            make_private(machine, &base, &ingredients, progress)
        }
        other => other,
    }
}

/// Builds the private sysroot, or gives the one that is there another linker.
fn make_private(
    machine: &Machine<'_>,
    base: &Base,
    ingredients: &Ingredients,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Toolchain, ToolchainError> {
    let private = sysroot::private(machine, &base.rustc, &base.info);
    if private.is_complete(&base.rustc, &base.info) {
        sysroot_build::relink(machine, base, ingredients, &private, progress)?;
    } else {
        sysroot_build::build(machine, base, ingredients, &private, progress)?;
    }
    Ok(base.with(&private))
}

/// What the distribution has to provide before a private sysroot can be built.
fn needs(machine: &Machine<'_>) -> Option<Needs> {
    let base = Base::of(machine);
    let info = base.as_ref().map(|base| &base.info);
    let needs = Needs {
        toolchain: base.is_none() || Ingredients::of(machine).is_none(),
        linker: linker::candidates(machine, info).is_empty(),
        llvm_major: info.and_then(|info| info.llvm_major),
    };
    (needs.toolchain || needs.linker).then_some(needs)
}

/// The error that says how to go on.
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

/// Runs a task's program, showing its output, and returns its standard output.
pub(crate) fn run_task(
    machine: &Machine<'_>,
    task: &Task,
    call: &Call,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<String, ToolchainError> {
    progress(Step::Started(task));
    run(machine, call, &mut |line| progress(Step::Output(line)))
}

/// Runs a program that has to succeed, and returns its standard output.
pub(crate) fn run(machine: &Machine<'_>, call: &Call, show: &mut dyn FnMut(&str)) -> Result<String, ToolchainError> {
    let captured = machine
        .runner
        .capture_with(call, show)
        .map_err(|source| ToolchainError::Start { command: call.display(), source })?;
    if captured.ending.ok() {
        return Ok(captured.stdout);
    }
    let said = if captured.stderr.trim().is_empty() { captured.stdout } else { captured.stderr };
    let lines: Vec<_> = said.lines().collect();
    let output = lines[lines.len().saturating_sub(TAIL)..].join("\n");
    Err(ToolchainError::Command { command: call.display(), ending: captured.ending.to_string(), output })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::system::fake::{FakeMachine, POLICY_BOOKWORM};

    /// Installs, and lists the tasks that were started.
    fn install_as(fake: &FakeMachine, permission: Permission) -> (Result<Toolchain, ToolchainError>, Vec<String>) {
        let mut tasks = Vec::new();
        let result = install_on(&fake.machine(), permission, &mut |step| {
            if let Step::Started(task) = step {
                tasks.push(task.to_string());
            }
        });
        (result, tasks)
    }

    fn bookworm() -> FakeMachine {
        let fake = FakeMachine::new();
        fake.program("bin/apt-get");
        fake.program("bin/apt-cache");
        fake.answer("apt-cache policy", POLICY_BOOKWORM);
        fake.answer("apt-cache pkgnames", "lld-22\n");
        fake.on("apt-get -o", |fake| {
            fake.distribution();
            fake.sources_and_libc();
            fake.file("usr/bin/wasm-ld-22", "");
        });
        fake
    }

    #[test]
    fn rustup_is_tried_first() {
        let fake = FakeMachine::new();
        fake.rustup_toolchain(false);
        fake.on("rustup target add", |fake| fake.rustup_toolchain(true));
        let (result, tasks) = install_as(&fake, Permission::Toolchain);
        assert_eq!(result.unwrap().kind, Kind::Active);
        assert_eq!(tasks, ["adding the target with rustup"]);
    }

    #[test]
    fn where_rustup_fails_packages_and_a_private_sysroot_follow() {
        let fake = bookworm();
        fake.rustup_toolchain(false);
        fake.fail("rustup target add", 1, "error: no route to host");
        let (result, tasks) = install_as(&fake, Permission::System);
        let made = result.unwrap();
        assert_eq!(made.kind, Kind::Private { release: "1.96.0".into() });
        assert_eq!(
            tasks,
            [
                "adding the target with rustup",
                "installing rustc-web cargo-web rust-web-src wasi-libc lld-22",
                "building std for wasm32-wasip1, once",
                "assembling the sysroot"
            ]
        );
        let (again, tasks) = install_as(&fake, Permission::Cache);
        assert_eq!(again.unwrap(), made);
        assert!(tasks.is_empty());
    }

    #[test]
    fn without_permission_nothing_is_run_and_the_commands_are_given() {
        let fake = bookworm();
        fake.rustup_toolchain(false);
        let (result, tasks) = install_as(&fake, Permission::Cache);
        let text = result.unwrap_err().to_string();
        assert!(tasks.is_empty());
        for part in [
            "rustup target add wasm32-wasip1",
            "apt-get update && apt-get install --no-install-recommends rustc-web cargo-web rust-web-src wasi-libc",
            "airtight setup --yes",
            "lacks std for the target",
        ] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }

    #[test]
    fn a_failed_rustup_is_explained_in_the_refusal() {
        let fake = bookworm();
        fake.rustup_toolchain(false);
        fake.fail("rustup target add", 1, "error: no route to host");
        let text = install_as(&fake, Permission::Toolchain).0.unwrap_err().to_string();
        assert!(text.contains("`rustup target add wasm32-wasip1` failed: no route to host"), "{text}");
        assert!(!text.contains("\n    rustup"), "rustup is suggested again: {text}");
    }

    #[test]
    fn installed_packages_need_no_permission() {
        let fake = FakeMachine::new();
        fake.distribution();
        fake.sources_and_libc();
        fake.file("usr/bin/wasm-ld-22", "");
        let (result, tasks) = install_as(&fake, Permission::Cache);
        assert_eq!(tasks, ["building std for wasm32-wasip1, once", "assembling the sysroot"]);
        assert!(result.unwrap().rustc.ends_with("bin/rustc"));
    }

    #[test]
    fn elsewhere_rustup_is_advised() {
        let text = install_as(&FakeMachine::new(), Permission::System).0.unwrap_err().to_string();
        assert!(text.contains("https://rustup.rs") && text.contains("no `rustc` on PATH"), "{text}");
    }

    #[test]
    fn a_failed_build_leaves_nothing_and_shows_why() {
        let fake = FakeMachine::new();
        fake.distribution();
        fake.sources_and_libc();
        fake.file("usr/bin/wasm-ld-22", "");
        fake.fail("cargo build", 101, "error: no space left on device");
        let text = install_as(&fake, Permission::Cache).0.unwrap_err().to_string();
        assert!(text.contains("no space left on device"), "{text}");
        let left: Vec<_> = crate::system::machine::entries(&fake.machine().sysroots());
        assert_eq!(left.len(), 1, "more than the lock: {left:?}");
    }

    #[test]
    fn where_no_linker_works_the_distributions_is_installed() {
        let fake = bookworm();
        fake.distribution();
        fake.sources_and_libc();
        fake.program("bin/wasm-ld");
        fake.fail("rust-lld", 1, "unknown object");
        let text = install_as(&fake, Permission::Cache).0.unwrap_err().to_string();
        assert!(text.contains("bin/wasm-ld: ") && text.contains("--no-install-recommends lld-22"), "{text}");
        fake.on("apt-get -o", |fake| fake.forget("rust-lld"));
        let (result, tasks) = install_as(&fake, Permission::System);
        assert!(tasks.contains(&"installing lld-22".to_owned()), "{tasks:?}");
        result.unwrap();
    }

    #[test]
    fn a_lost_linker_is_replaced_without_building() {
        let fake = FakeMachine::new();
        fake.distribution();
        fake.sources_and_libc();
        let old = fake.file("usr/bin/wasm-ld-23", "");
        install_as(&fake, Permission::Cache).0.unwrap();
        fs::rename(&old, fake.root().join("usr/bin/wasm-ld-22")).unwrap();
        assert!(find_on(&fake.machine()).is_none());
        let (result, tasks) = install_as(&fake, Permission::Cache);
        assert!(result.is_ok());
        assert_eq!(tasks, ["assembling the sysroot"]);
    }
}
