//! Builds std for the target with cargo, independent of the user's build settings.

use crate::TARGET;
use crate::error::ToolchainError;
use crate::setup::find::DistributionCompiler;
use crate::setup::progress::{SetupEvent, SetupStep, run_step};
use crate::setup::sysroot::Sysroot;
use crate::system::command::CommandLine;
use crate::system::files::{copy, create_dir, write};
use crate::system::machine::{Machine, file_name};
use cargo_metadata::Message;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What a panic does in the std that is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Panics {
    /// A panic ends the program, as in the target's official builds.
    Abort,
    /// A panic unwinds, with WebAssembly's standard exceptions.
    Unwind,
}

/// Flags for code whose panics unwind. Without the last one, the compiler writes exceptions in the form from before the
/// standard.
pub(crate) const UNWINDING: [&str; 4] = ["-C", "panic=unwind", "-C", "llvm-args=-wasm-use-legacy-eh=false"];

impl Panics {
    /// The crates of std that a test harness needs.
    fn crates(self) -> &'static str {
        match self {
            Self::Abort => "build-std=std,panic_abort,test,proc_macro",
            Self::Unwind => "build-std=std,panic_unwind,panic_abort,test,proc_macro",
        }
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Abort => &[],
            Self::Unwind => &UNWINDING,
        }
    }
}

/// What std is built from, and how.
pub(crate) struct StdSource<'a> {
    pub base: &'a DistributionCompiler,
    /// The library's sources.
    pub library: &'a Path,
    pub panics: Panics,
}

/// An empty package for which std is built.
const SCRATCH: &str = "airtight-scratch";

/// Builds std for the target from its sources, and copies the archives to the sysroot. `stage` is a directory for
/// intermediate files.
pub(crate) fn build_std(
    machine: &Machine<'_>,
    source: &StdSource<'_>,
    stage: &Path,
    sysroot: &Sysroot,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<(), ToolchainError> {
    create_dir(&sysroot.target_lib())?;
    let scratch = stage.join("scratch");
    create_dir(&scratch.join("src"))?;
    let manifest = format!("[package]\nname = \"{SCRATCH}\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n");
    write(&scratch.join("Cargo.toml"), &manifest)?;
    write(&scratch.join("src/lib.rs"), "")?;
    let command = std_command(machine, source, stage, &scratch);
    let vendor = source.library.join("vendor");
    let stdout = if vendor.is_dir() {
        let vendored = command
            .clone()
            .args(["--config", "source.crates-io.replace-with='airtight-vendor'", "--config"])
            .arg(format!("source.airtight-vendor.directory={:?}", vendor.to_string_lossy()));
        // The distribution's sources come with their dependencies. If the distribution has changed those, they come from
        // the registry.
        run_step(machine, &SetupStep::BuildStd, &vendored, progress).or_else(|error| {
            progress(SetupEvent::Failed { step: &SetupStep::BuildStd, why: &error.to_string() });
            run_step(machine, &SetupStep::BuildStd, &command, progress)
        })?
    } else {
        run_step(machine, &SetupStep::BuildStd, &command, progress)?
    };
    let built: Vec<PathBuf> = rlibs(&stdout);
    for rlib in &built {
        copy(rlib, &sysroot.target_lib().join(file_name(rlib)))?;
    }
    Ok(())
}

fn std_command(machine: &Machine<'_>, source: &StdSource<'_>, stage: &Path, scratch: &Path) -> CommandLine {
    let StdSource { base, library, panics } = *source;
    // As in the official builds, no path of this machine gets into a guest.
    let source = library.parent().unwrap_or(library).to_string_lossy();
    let commit = base.info.commit.as_deref().unwrap_or(&base.info.release);
    let mut command = CommandLine::new(&base.cargo)
        .args(["build", "--release", "-Z", panics.crates(), "--target", TARGET, "--message-format=json"])
        .arg("--target-dir")
        .arg(stage.join("target"))
        .dir(scratch);
    for name in machine.vars.keys().filter(|name| shapes_builds(name)) {
        command = command.env_remove(name);
    }
    command
        .env("RUSTC", &base.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        // Empty variables also override those in the user's configuration files.
        .env("RUSTC_WRAPPER", "")
        .env("RUSTC_WORKSPACE_WRAPPER", "")
        .env("CARGO_ENCODED_RUSTFLAGS", {
            let remap = |from: &dyn std::fmt::Display, to: &str| format!("--remap-path-prefix={from}={to}");
            // The packages that std uses are here if they do not come with its sources.
            let registry = machine.cargo_home().map(|home| home.join("registry/src"));
            let registry = registry.map(|registry| remap(&registry.display(), "/rust/deps"));
            let flags = panics.flags().iter().map(|flag| (*flag).to_owned()).chain(registry);
            flags.chain([remap(&source, &format!("/rustc/{commit}"))]).collect::<Vec<_>>().join("\x1f")
        })
}

/// Whether a variable changes what cargo builds. Others only change where cargo downloads from.
fn shapes_builds(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let shaping = ["CARGO_BUILD_", "CARGO_TARGET_", "CARGO_PROFILE_", "CARGO_UNSTABLE_", "RUSTC", "RUSTDOC"];
    let others = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "MAKEFLAGS", "CARGO_MAKEFLAGS"];
    shaping.iter().any(|prefix| name.starts_with(prefix)) || others.contains(&name)
}

/// The archives for the target, from cargo's messages. For the host, only programs are built.
fn rlibs(messages: &str) -> Vec<PathBuf> {
    let artifacts = messages.lines().filter_map(|line| match serde_json::from_str(line) {
        Ok(Message::CompilerArtifact(artifact)) => Some(artifact),
        _ => None,
    });
    let wanted = artifacts.filter(|artifact| artifact.target.name.replace('_', "-") != SCRATCH);
    let files = wanted.flat_map(|artifact| artifact.filenames);
    files.filter(|path| path.extension() == Some("rlib")).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
