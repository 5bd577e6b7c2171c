//! Packages of Debian and its descendants: which to install, and how.

use crate::error::ToolchainError;
use crate::setup::find::MINIMUM;
use crate::setup::progress::{SetupEvent, SetupStep, run_step};
use crate::setup::rustc_info::{RustcInfo, Version, leading_version};
use crate::system::command::CommandLine;
use crate::system::machine::Machine;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How long apt waits for another process's dpkg, in seconds.
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=120";

/// Sets of packages that together give a compiler and std for the target, the compiler first. The best set comes first.
const SETS: [&[&str]; 3] = [
    &["rustc", "cargo", "libstd-rust-dev-wasm32", WASI_LIBC],
    &["rustc", "cargo", "rust-src", WASI_LIBC],
    // In a stable release, `rustc-web` is newer than `rustc` if the build of a browser needs that.
    &["rustc-web", "cargo-web", "rust-web-src", WASI_LIBC],
];
const WASI_LIBC: &str = "wasi-libc";
/// The set to name if none can be installed, so that nobody is told to install a compiler that is too old.
const FALLBACK: &[&str] = SETS[2];

/// What the distribution has to provide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Compiler, std (its sources, at least) and libc.
    pub toolchain: bool,
    pub linker: bool,
    /// The LLVM version of the compiler, if there is a compiler.
    pub llvm_major: Option<u32>,
}

/// Whether packages can be looked up on this machine.
pub(crate) fn available(machine: &Machine<'_>) -> bool {
    machine.which("apt-get").is_some() && machine.which("apt-cache").is_some()
}

/// The packages to install, or why there are none. The index may be out of date: only [`install`] refreshes it.
fn choose(machine: &Machine<'_>, needs: Needs) -> Result<Vec<String>, String> {
    let mut packages: Vec<String> = Vec::new();
    if needs.toolchain {
        let names = SETS.concat();
        let answer = machine.ask(CommandLine::new("apt-cache").arg("policy").args(names)).unwrap_or_default();
        packages.extend(choose_set(&parse_policy(&answer))?.iter().map(|&name| name.to_owned()));
    }
    if needs.linker {
        let answer = machine.ask(CommandLine::new("apt-cache").args(["pkgnames", "lld-"])).unwrap_or_default();
        packages.push(choose_lld(&answer, needs.llvm_major).ok_or("the distribution's index has no `lld`")?);
    }
    Ok(packages)
}

/// One package as `apt-cache policy` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct IndexEntry {
    installed: bool,
    candidate: Option<Version>,
}

fn parse_policy(text: &str) -> BTreeMap<&str, IndexEntry> {
    let mut found = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            current = Some(name);
            found.insert(name, IndexEntry { installed: false, candidate: None });
            continue;
        }
        let Some(policy) = current.and_then(|name| found.get_mut(name)) else { continue };
        match line.trim().split_once(": ") {
            Some(("Installed", version)) => policy.installed = version != "(none)",
            Some(("Candidate", version)) => {
                // The epoch is not part of the upstream version.
                policy.candidate = leading_version(version.split_once(':').map_or(version, |(_, rest)| rest));
            }
            _ => {}
        }
    }
    found
}

fn choose_set(policy: &BTreeMap<&str, IndexEntry>) -> Result<&'static [&'static str], String> {
    let candidate = |name: &str| policy.get(name).and_then(|policy| policy.candidate);
    let fits = |name: &str| candidate(name).is_some_and(|version| name == WASI_LIBC || version >= MINIMUM);
    let mut sets: Vec<_> = SETS.into_iter().filter(|set| set.iter().all(|name| fits(name))).collect();
    // A compiler that is already installed is not replaced by another package's.
    sets.sort_by_key(|set| !policy.get(set[0]).is_some_and(|compiler| compiler.installed));
    sets.first().copied().ok_or_else(|| {
        let compilers = ["rustc", "rustc-web"].into_iter();
        let offers =
            compilers.filter_map(|name| candidate(name).map(|(major, minor)| format!("{name} {major}.{minor}")));
        let offers: Vec<_> = offers.collect();
        let offers = if offers.is_empty() { "no Rust".to_owned() } else { offers.join(" and ") };
        format!("the distribution offers {offers}; {}.{} or later is needed, with std's sources", MINIMUM.0, MINIMUM.1)
    })
}

/// The linker of the compiler's own LLVM version, else the newest one that is not older.
fn choose_lld(pkgnames: &str, llvm_major: Option<u32>) -> Option<String> {
    let versions = pkgnames.lines().filter_map(|name| name.trim().strip_prefix("lld-")?.parse::<u32>().ok());
    let versions: Vec<_> = versions.filter(|version| *version >= llvm_major.unwrap_or(0)).collect();
    let exact = llvm_major.filter(|major| versions.contains(major));
    exact.or_else(|| versions.into_iter().max()).map(|version| format!("lld-{version}"))
}

/// The commands to type, by the index as it is now.
pub(crate) fn command_to_type(machine: &Machine<'_>, needs: Needs) -> String {
    let packages = choose(machine, needs).unwrap_or_else(|_| {
        let lld = needs.linker.then_some("lld");
        let toolchain = if needs.toolchain { FALLBACK } else { &[] };
        toolchain.iter().copied().chain(lld).map(str::to_owned).collect()
    });
    let sudo = if machine.superuser { "" } else { "sudo " };
    format!("{sudo}apt-get update && {sudo}apt-get install --no-install-recommends {}", packages.join(" "))
}

/// The command that installs a linker made for a compiler.
pub(crate) fn linker_to_type(machine: &Machine<'_>, info: &RustcInfo) -> String {
    if !available(machine) {
        return format!(
            "(install LLD {})",
            info.llvm_major.map_or_else(String::new, |major| format!("{major} or later"))
        );
    }
    command_to_type(machine, Needs { toolchain: false, linker: true, llvm_major: info.llvm_major })
}

/// Whether a distribution has what is needed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    /// It has, and it is installed now.
    Installed,
    /// It has not, for this reason.
    Lacking(String),
}

/// Installs what is needed, if the distribution has it.
pub(crate) fn install(
    machine: &Machine<'_>,
    needs: Needs,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<Supply, ToolchainError> {
    let packages = match choose(machine, needs) {
        Ok(packages) => packages,
        Err(_) => {
            update(machine, progress)?;
            match choose(machine, needs) {
                Ok(packages) => packages,
                Err(why) => return Ok(Supply::Lacking(why)),
            }
        }
    };
    if let Err(error) = install_packages(machine, &packages, progress) {
        // An old index names files that the servers have removed.
        tracing::debug!(%error, "trying again with a fresh index");
        update(machine, progress)?;
        match choose(machine, needs) {
            Ok(packages) => install_packages(machine, &packages, progress)?,
            Err(why) => return Ok(Supply::Lacking(why)),
        }
    }
    Ok(Supply::Installed)
}

fn update(machine: &Machine<'_>, progress: &mut dyn FnMut(SetupEvent<'_>)) -> Result<(), ToolchainError> {
    run(machine, SetupStep::UpdateIndex, apt_get(machine, &["update"]), progress)
}

fn install_packages(
    machine: &Machine<'_>,
    packages: &[String],
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<(), ToolchainError> {
    // No package of the user's is removed to make room.
    let fixed = ["-o", LOCK_TIMEOUT, "install", "--yes", "--no-install-recommends", "--no-remove"];
    let command = apt_get(machine, &fixed).args(packages);
    run(machine, SetupStep::InstallPackages(packages.to_vec()), command, progress)
}

fn apt_get(machine: &Machine<'_>, args: &[&str]) -> CommandLine {
    let frontend = ("DEBIAN_FRONTEND", "noninteractive");
    let apt_get = machine.which("apt-get").unwrap_or_else(|| PathBuf::from("apt-get"));
    if machine.superuser {
        return CommandLine::new(apt_get).args(args).env(frontend.0, frontend.1);
    }
    // `-n`: without a terminal on standard input, a password prompt would hang.
    let sudo = CommandLine::new("sudo").args(["-n", "env"]).arg(format!("{}={}", frontend.0, frontend.1));
    sudo.arg(apt_get).args(args)
}

fn run(
    machine: &Machine<'_>,
    step: SetupStep,
    command: CommandLine,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<(), ToolchainError> {
    run_step(machine, &step, &command, progress).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::fake::{FakeMachine, POLICY_BOOKWORM, POLICY_STALE, POLICY_WITH_TARGET};
    use proptest::prelude::*;

    const ALL: Needs = Needs { toolchain: true, linker: true, llvm_major: None };

    fn debian() -> FakeMachine {
        let fake = FakeMachine::new();
        fake.program("bin/apt-get");
        fake.program("bin/apt-cache");
        fake.answer("apt-cache pkgnames", "lld-14\nlld-22\nlld-22-dev\nlld-15\n");
        fake
    }

    fn steps(fake: &FakeMachine, needs: Needs) -> (Result<Supply, ToolchainError>, Vec<String>) {
        let mut seen = Vec::new();
        let result = install(&fake.machine(), needs, &mut |event| {
            if let SetupEvent::Started(step) = event {
                seen.push(step.to_string());
            }
        });
        (result, seen)
    }

    #[test]
    fn the_best_set_that_is_new_enough() {
        assert_eq!(choose_set(&parse_policy(POLICY_BOOKWORM)).unwrap()[0], "rustc-web");
        assert_eq!(choose_set(&parse_policy(POLICY_WITH_TARGET)).unwrap(), SETS[0]);
        let why = choose_set(&parse_policy(POLICY_STALE)).unwrap_err();
        assert_eq!(
            why,
            "the distribution offers rustc 1.63 and rustc-web 1.85; 1.88 or later is needed, with std's sources"
        );
    }

    #[test]
    fn an_installed_compiler_is_kept() {
        let both = POLICY_WITH_TARGET.replace("rustc-web:\n  Installed: (none)", "rustc-web:\n  Installed: 1.96.0");
        assert_eq!(choose_set(&parse_policy(&both)).unwrap()[0], "rustc-web");
    }

    #[test]
    fn the_linker_is_of_the_compilers_llvm_or_newer() {
        let names = "lld-14\nlld-22\nlld-22-dev\nlld-23\nlld-x\n";
        assert_eq!(choose_lld(names, Some(22)).as_deref(), Some("lld-22"));
        assert_eq!(choose_lld(names, Some(21)).as_deref(), Some("lld-23"));
        assert_eq!(choose_lld(names, None).as_deref(), Some("lld-23"));
        assert_eq!(choose_lld(names, Some(30)), None);
    }

    #[test]
    fn a_stale_index_is_refreshed_first() {
        let fake = debian();
        fake.answer("apt-cache policy", POLICY_STALE);
        fake.on("apt-get update", |fake| fake.answer("apt-cache policy", POLICY_BOOKWORM));
        let (result, seen) = steps(&fake, ALL);
        assert_eq!(result.unwrap(), Supply::Installed);
        assert_eq!(
            seen,
            ["updating the package index", "installing rustc-web cargo-web rust-web-src wasi-libc lld-22"]
        );
    }

    #[test]
    fn what_the_distribution_does_not_have_is_no_failure_of_a_command() {
        let fake = debian();
        fake.answer("apt-cache policy", POLICY_STALE);
        let supply = steps(&fake, ALL).0.unwrap();
        assert!(matches!(&supply, Supply::Lacking(why) if why.contains("rustc-web 1.85")), "{supply:?}");
    }

    #[test]
    fn a_failed_download_is_tried_again_once() {
        let fake = debian();
        fake.answer("apt-cache policy", POLICY_BOOKWORM);
        fake.fail("apt-get -o", 100, "E: 404  Not Found");
        let (result, seen) = steps(&fake, ALL);
        let error = result.unwrap_err().to_string();
        assert!(error.contains("404  Not Found"), "{error}");
        assert_eq!(seen.len(), 3, "{seen:?}");
    }

    #[test]
    fn others_than_root_use_sudo_without_a_prompt() {
        let fake = debian();
        let mut machine = fake.machine();
        machine.superuser = false;
        let command = apt_get(&machine, &["update"]).display();
        assert!(command.starts_with("sudo -n env DEBIAN_FRONTEND=noninteractive "), "{command}");
        fake.answer("apt-cache policy", POLICY_STALE);
        assert_eq!(
            command_to_type(&machine, Needs { linker: false, ..ALL }),
            "sudo apt-get update && sudo apt-get install --no-install-recommends rustc-web cargo-web rust-web-src wasi-libc"
        );
        let only_linker = Needs { toolchain: false, llvm_major: Some(22), ..ALL };
        assert!(command_to_type(&machine, only_linker).ends_with("--no-install-recommends lld-22"));
    }

    proptest! {
        #[test]
        fn any_policy_is_read_without_a_panic(text in "([a-z-]{0,4}:?\n|  (Installed|Candidate): [0-9:.~()a-z]{0,9}\n){0,20}") {
            let _ = choose_set(&parse_policy(&text));
            let _ = choose_lld(&text, Some(1));
        }
    }
}
