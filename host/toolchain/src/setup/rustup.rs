//! Adds the target, or the sources of std, to the active toolchain with rustup.

use crate::system::command::{CommandLine, ProcessEnding};
use crate::system::machine::Machine;
use std::time::Duration;

/// A download has some 20 MB. If it takes longer than this, the server probably cannot be reached.
const LIMIT: Duration = Duration::from_secs(120);

/// The command that a user would type.
pub(crate) const COMMAND: &str = "rustup target add wasm32-wasip1";

/// Whether rustup is installed and decides which compiler is active.
pub(crate) fn in_charge(machine: &Machine<'_>) -> bool {
    machine.which("rustup").is_some() && machine.var("RUSTC").is_none()
}

/// The command that a user would type for the sources of std.
pub(crate) const SOURCES_COMMAND: &str = "rustup component add rust-src";

/// Adds a target, or says why it could not be added.
pub(crate) fn add_target(machine: &Machine<'_>, target: &str, show: &mut dyn FnMut(&str)) -> Result<(), String> {
    run(machine, ["target", "add", target], show)
}

/// Adds the sources of std, or says why they could not be added.
pub(crate) fn add_sources(machine: &Machine<'_>, show: &mut dyn FnMut(&str)) -> Result<(), String> {
    run(machine, ["component", "add", "rust-src"], show)
}

fn run(machine: &Machine<'_>, args: [&str; 3], show: &mut dyn FnMut(&str)) -> Result<(), String> {
    let rustup = machine.which("rustup").ok_or("rustup is not installed")?;
    let typed = format!("rustup {}", args.join(" "));
    let command = CommandLine::new(rustup).args(args).dir(&machine.dir).timeout(LIMIT);
    match machine.launcher.capture_with(&command, show) {
        Ok(output) if output.ending.ok() => Ok(()),
        Ok(output) => Err(match output.ending {
            ProcessEnding::TimedOut(limit) => format!("`{typed}` did not finish within {} s", limit.as_secs()),
            _ => format!("`{typed}` failed: {}", reason(&output.stderr)),
        }),
        Err(error) => Err(format!("`{typed}` could not be started: {error}")),
    }
}

/// The error with its causes, in one line. Lines of progress are left out.
fn reason(stderr: &str) -> String {
    let start = stderr.lines().position(|line| line.trim_start().starts_with("error:"));
    let lines: Vec<_> = match start {
        Some(start) => stderr.lines().skip(start).take(6).map(str::trim).collect(),
        None => stderr.lines().last().into_iter().collect(),
    };
    lines.join(" ").trim_start_matches("error:").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TARGET;
    use crate::system::fake::FakeMachine;

    #[test]
    fn the_reason_is_the_error_and_its_causes() {
        let stderr = "info: syncing\nerror: could not download file\n\nCaused by:\n    no route to host\n";
        assert_eq!(reason(stderr), "could not download file  Caused by: no route to host");
        assert_eq!(reason("killed"), "killed");
    }

    #[test]
    fn failures_are_told() {
        let fake = FakeMachine::new();
        assert_eq!(add_target(&fake.machine(), TARGET, &mut |_| {}), Err("rustup is not installed".into()));
        fake.program("bin/rustup");
        fake.fail("rustup target add", 1, "error: no network");
        let told = add_target(&fake.machine(), TARGET, &mut |_| {}).unwrap_err();
        assert_eq!(told, "`rustup target add wasm32-wasip1` failed: no network");
        fake.time_out("rustup target add");
        assert!(add_target(&fake.machine(), TARGET, &mut |_| {}).unwrap_err().contains("within 120 s"));
    }

    #[test]
    fn a_compiler_named_by_the_user_is_not_rustups() {
        let fake = FakeMachine::new();
        assert!(!in_charge(&fake.machine()));
        fake.program("bin/rustup");
        assert!(in_charge(&fake.machine()));
        fake.var("RUSTC", "/opt/rustc".as_ref());
        assert!(!in_charge(&fake.machine()));
    }
}
