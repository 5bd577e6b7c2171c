//! The compiler with which guests are built. Its output is the same in every folder, home and registry.
//!
//! Cargo lets paths and symbol names depend on where things are. Sources are compiled under their paths. And the symbols of
//! packages outside of the workspace, and of all packages that use them, are hashes over paths. Flags in `RUSTFLAGS` could
//! change the paths, but not the symbols, and those flags are the user's. So cargo gets another compiler: a script that
//! passes everything on, with paths remapped, and with `-C metadata` made from the package's name, version and origin. See
//! `docs/decisions/0009-guests-without-paths.md`.

use crate::Toolchain;
use crate::error::ToolchainError;
use crate::guests::selection::Workspace;
use crate::places::{VIRTUAL_PACKAGES, VIRTUAL_WORKSPACE};
use crate::setup::progress::run;
use crate::setup::rustc_info::RustcInfo;
use crate::setup::sysroot::quoted;
use crate::system::command::CommandLine;
use crate::system::machine::Machine;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// To be raised whenever the script would build something else from the same sources.
const RECIPE: u32 = 1;
const SCRIPT: &str = include_str!("portable.sh");

/// A compiler that keeps this machine's paths out of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Portable {
    /// The program to give to cargo as `RUSTC`.
    pub rustc: PathBuf,
    /// The user's home, or another directory if there is none.
    pub home: PathBuf,
    /// Where cargo keeps its downloads.
    pub cargo_home: PathBuf,
}

impl Portable {
    /// Writes the script for a toolchain, unless the same script is there already.
    pub fn set_up(machine: &Machine<'_>, toolchain: &Toolchain) -> Result<Portable, ToolchainError> {
        let rustc = toolchain.direct_rustc(machine);
        let verbose =
            run(machine, &CommandLine::new(&rustc).arg("-vV").dir(&machine.dir).env("LC_ALL", "C"), &mut |_| {})?;
        let script = script(&rustc, toolchain, &verbose);
        let path = machine.cache.join("compilers").join(key(&rustc, &script, &verbose)).join("rustc");
        if fs::read_to_string(&path).ok().as_deref() != Some(script.as_str()) {
            write(&path, &script)?;
        }
        let home = machine.var("HOME").map(PathBuf::from);
        // Cargo does not work without such a directory. A path that does not exist does no harm.
        let cargo_home = machine.cargo_home().unwrap_or_else(|| path.with_file_name("no-home"));
        let home = home.filter(|home| home.is_absolute() && home.parent().is_some());
        Ok(Portable { rustc: path, home: home.unwrap_or_else(|| cargo_home.clone()), cargo_home })
    }

    /// The variables with which cargo runs for a workspace: each is set, or removed.
    pub fn env(&self, workspace: &Workspace) -> Vec<(&'static str, Option<OsString>)> {
        let root = workspace.metadata.workspace_root.as_std_path();
        let here = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
        let paths = [
            ("__AIRTIGHT_WORKSPACE", root),
            ("__AIRTIGHT_HERE", &here),
            ("__AIRTIGHT_TARGET_DIR", workspace.metadata.target_directory.as_std_path()),
            ("__AIRTIGHT_HOME", &self.home),
            ("__AIRTIGHT_CARGO_HOME", &self.cargo_home),
        ];
        let mut env = vec![
            ("RUSTC", Some(self.rustc.clone().into_os_string())),
            ("__AIRTIGHT_TWICE", Some(twice(&lock).into())),
            // Incremental compilation splits the code into other units than the profile does, which gives another module
            // from the same sources.
            ("CARGO_INCREMENTAL", None),
        ];
        env.extend(paths.map(|(name, path)| (name, Some(path.as_os_str().to_owned()))));
        env
    }
}

fn script(rustc: &Path, toolchain: &Toolchain, verbose: &str) -> String {
    let info = RustcInfo::parse(verbose);
    let commit = info.as_ref().map_or("unknown", |info| info.commit.as_deref().unwrap_or(&info.release));
    let recipe = RECIPE.to_string();
    let rust = format!("/rustc/{commit}");
    let values = [
        ("rustc", rustc.to_string_lossy()),
        ("recipe", recipe.as_str().into()),
        ("wasm", toolchain.target.into()),
        ("packages", VIRTUAL_PACKAGES.into()),
        ("workspace", VIRTUAL_WORKSPACE.into()),
        // If the sources of std are on this machine, the compiler names them by their path here.
        ("rust_src", toolchain.sysroot.join("lib/rustlib/src/rust").to_string_lossy().into_owned().into()),
        ("rust", rust.as_str().into()),
    ];
    let values: String = values.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
    format!("#!/bin/sh\n# Written by airtight.\n{values}{SCRIPT}")
}

/// A name that changes with the compiler. Cargo asks a compiler for its version only if its path or its time has changed.
fn key(rustc: &Path, script: &str, verbose: &str) -> String {
    let mut hash = Sha256::new_with_prefix(script);
    hash.update(verbose);
    if let Ok(data) = fs::metadata(rustc) {
        let time = data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        hash.update(format!("{} {}", data.len(), time.as_nanos()));
    }
    format!("{:x}", hash.finalize())[..16].to_owned()
}

fn write(path: &Path, script: &str) -> Result<(), ToolchainError> {
    let dir = path.parent().unwrap_or(path);
    fs::create_dir_all(dir).map_err(ToolchainError::file("create", dir))?;
    let written = tempfile::NamedTempFile::new_in(dir).and_then(|mut file| {
        file.write_all(script.as_bytes())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
        // The file is closed before it gets its name: Linux does not run a program that is open for writing.
        file.into_temp_path().persist(path).map_err(|error| error.error)
    });
    written.map_err(ToolchainError::file("write", path))
}

/// The packages that a lock file has from two registries under one name and version, each as `name-version`.
fn twice(lock: &str) -> String {
    let lock: toml::Table = lock.parse().unwrap_or_default();
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for package in packages {
        let text = |key| package.get(key).and_then(toml::Value::as_str);
        let from_registry = text("source").is_some_and(|source| !source.starts_with("git+"));
        if let (Some(name), Some(version), true) = (text("name"), text("version"), from_registry) {
            *known.entry(format!("{name}-{version}")).or_default() += 1;
        }
    }
    let twice: Vec<_> = known.into_iter().filter(|(_, times)| *times > 1).map(|(name, _)| name).collect();
    twice.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TARGET;
    use crate::ToolchainKind;
    use crate::system::fake::{FakeMachine, VERBOSE};
    use proptest::prelude::*;
    use std::io::ErrorKind;
    use std::process::{Command, Output};

    /// A toolchain whose compiler prints its arguments, each between NUL bytes; and the script for it.
    fn printing(fake: &FakeMachine) -> (Portable, PathBuf) {
        let rustc = fake.file("opt/it's rustc", "#!/bin/sh\nfor arg do printf '%s\\0' \"$arg\"; done\n");
        fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
        fake.answer("it's rustc -vV", VERBOSE);
        let toolchain = Toolchain {
            rustc: rustc.clone(),
            cargo: "cargo".into(),
            sysroot: fake.root().join("sysroot"),
            target: TARGET,
            kind: ToolchainKind::Active,
        };
        (Portable::set_up(&fake.machine(), &toolchain).unwrap(), rustc)
    }

    /// Runs a script that this process has just written.
    ///
    /// A child that another test starts at the same moment has all our files open until it runs its own program. So this
    /// script is open for writing there, too, and Linux does not run it ("Text file busy"). Then it takes another try.
    fn run_script(command: &mut Command) -> Output {
        loop {
            match command.output() {
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {}
                Ok(output) if String::from_utf8_lossy(&output.stderr).contains("Text file busy") => {}
                ran => return ran.unwrap(),
            }
        }
    }

    /// The arguments that the compiler gets, for a package in this directory.
    fn called(portable: &Portable, here: &Path, package: (&Path, &str, &str), args: &[&str]) -> Vec<String> {
        let (dir, name, version) = package;
        let mut command = Command::new(&portable.rustc);
        command
            .args(args)
            .current_dir(here)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("CARGO_MANIFEST_DIR", dir)
            .env("CARGO_PKG_NAME", name)
            .env("CARGO_PKG_VERSION", version)
            .env("__AIRTIGHT_WORKSPACE", "/w s")
            .env("__AIRTIGHT_HERE", "/")
            .env("__AIRTIGHT_TARGET_DIR", "/w s/target")
            .env("__AIRTIGHT_HOME", "/home/u")
            .env("__AIRTIGHT_CARGO_HOME", "/home/u/.cargo")
            .env("__AIRTIGHT_TWICE", "one-1.0.0 two-2.0.0");
        let output = run_script(&mut command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    const WASM: [&str; 4] = ["--target", TARGET, "-C", "metadata=0123456789abcdef"];

    fn metadata(args: &[String]) -> &str {
        args.iter().find_map(|arg| arg.strip_prefix("metadata=")).unwrap()
    }

    #[test]
    fn metadata_and_paths_tell_the_origin_and_not_the_place() {
        let fake = FakeMachine::new();
        let (portable, _) = printing(&fake);
        let elsewhere = fake.root();
        let vendored = fake.file("vendor/dep/.cargo-checksum.json", "{}").parent().unwrap().to_owned();
        let index = "/home/u/.cargo/registry/src/index.crates.io-19";
        let std = elsewhere.join("sysroot/lib/rustlib/src/rust/library/std");
        for (here, dir, name, expected, path) in [
            (Path::new("/"), Path::new("/w s/app"), "app", "workspace:/workspace/app", "/workspace/app"),
            (Path::new("/"), Path::new("/w s"), "root", "workspace:/workspace", "/workspace"),
            (elsewhere, Path::new("/out/side"), "side", "path:/cargo/side-2.0.0", "/cargo/side-2.0.0"),
            (elsewhere, &Path::new(index).join("dep-2.0.0"), "dep", "registry:/cargo/dep-2.0.0", "/cargo/dep-2.0.0"),
            (elsewhere, &vendored, "dep", "registry:/cargo/dep-2.0.0", "/cargo/dep-2.0.0"),
            (
                elsewhere,
                &Path::new(index).join("two-2.0.0"),
                "two",
                "registry/index.crates.io-19:/cargo/two-2.0.0",
                "/cargo/two-2.0.0",
            ),
            (
                elsewhere,
                Path::new("/home/u/.cargo/git/checkouts/dep-1/abc/sub"),
                "dep",
                "git/dep-1/abc/sub:/cargo/dep-2.0.0",
                "/cargo/dep-2.0.0",
            ),
            (elsewhere, &std, "std", "rust:/rustc/ac68faa2/library/std", "/rustc/ac68faa2/library/std"),
        ] {
            let args = called(&portable, here, (dir, name, "2.0.0"), &WASM);
            assert_eq!(metadata(&args), expected, "{}", dir.display());
            let remap = format!("--remap-path-prefix={}={path}", dir.display());
            assert!(args.contains(&remap), "{remap} is not in {args:?}");
        }
    }

    #[test]
    fn the_users_flags_come_last_and_the_host_s_programs_are_left_alone() {
        let fake = FakeMachine::new();
        let (portable, _) = printing(&fake);
        let package = (Path::new("/w s/app"), "app", "1.0.0");
        let own = "--remap-path-prefix=/w s=mine";
        let args = called(&portable, Path::new("/"), package, &[&WASM[..], &[own]].concat());
        assert_eq!(args.last().map(String::as_str), Some(own));
        for host in [&["-C", "metadata=1"][..], &["--target", "x86_64-unknown-linux-gnu", "-C", "metadata=1"]] {
            assert_eq!(called(&portable, Path::new("/"), package, host), host);
        }
    }

    #[test]
    fn the_version_says_so_and_the_script_is_kept() {
        let fake = FakeMachine::new();
        let (portable, rustc) = printing(&fake);
        fs::write(&rustc, format!("#!/bin/sh\nprintf '%s' '{VERBOSE}'\n")).unwrap();
        let output = run_script(Command::new(&portable.rustc).arg("-vV"));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{VERBOSE}airtight: {RECIPE}\n"));
        let changed = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        let toolchain = Toolchain {
            rustc: rustc.clone(),
            cargo: "cargo".into(),
            sysroot: "/none".into(),
            target: TARGET,
            kind: ToolchainKind::Active,
        };
        let again = |fake: &FakeMachine| Portable::set_up(&fake.machine(), &toolchain).unwrap();
        let first = again(&fake);
        let written = changed(&first.rustc);
        assert_eq!(again(&fake), first);
        assert_eq!(changed(&first.rustc), written);
        // Cargo asks a compiler for its version again only if its path has changed.
        fake.answer("it's rustc -vV", &VERBOSE.replace("1.96.0", "1.97.0"));
        assert_ne!(again(&fake).rustc, first.rustc);
    }

    #[test]
    fn rustup_s_stand_in_is_passed_over_and_the_user_s_is_not() {
        let fake = FakeMachine::new();
        let real = fake.program("sysroot/bin/rustc");
        let rustc = fake.program("bin/rustc");
        let toolchain = Toolchain {
            rustc: rustc.clone(),
            cargo: "cargo".into(),
            sysroot: fake.root().join("sysroot"),
            target: TARGET,
            kind: ToolchainKind::Active,
        };
        assert_eq!(toolchain.direct_rustc(&fake.machine()), real);
        fake.var("RUSTC", &rustc);
        assert_eq!(toolchain.direct_rustc(&fake.machine()), rustc);
    }

    #[test]
    fn only_what_two_registries_have_is_there_twice() {
        let package =
            |name: &str, source: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n{source}\n");
        let lock = [
            package("a", "source = \"registry+https://github.com/rust-lang/crates.io-index\""),
            package("a", "source = \"registry+https://my.example/index\""),
            package("b", "source = \"registry+https://github.com/rust-lang/crates.io-index\""),
            package("b", "source = \"git+https://my.example/b\""),
            package("c", ""),
        ];
        assert_eq!(twice(&lock.concat()), "a-1.0.0");
        assert_eq!(twice(""), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_other_argument_arrives_as_it_was(args in proptest::collection::vec("[ -~\n\té]{0,12}", 0..8)) {
            let fake = FakeMachine::new();
            let (portable, _) = printing(&fake);
            let given: Vec<&str> = WASM.iter().copied().chain(args.iter().map(String::as_str)).collect();
            prop_assume!(!args.iter().any(|arg| arg.contains('\0') || arg == "-C"));
            let got = called(&portable, Path::new("/"), (Path::new("/x"), "x", "1.0.0"), &given);
            let own: Vec<&String> = got.iter().skip(got.len() - args.len()).collect();
            prop_assert_eq!(own, args.iter().collect::<Vec<_>>());
        }
    }
}
