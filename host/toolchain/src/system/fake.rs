//! A fake machine in a temporary directory. Its programs are canned answers.

use crate::setup::find::DistributionCompiler;
use crate::setup::rustc_info::RustcInfo;
use crate::setup::sysroot::{START_FILES, Sysroot};
use crate::system::command::{CommandLine, Launcher, ProcessEnding, Stream};
use crate::system::machine::{Machine, file_name};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

/// Writes a script that can be run at once.
///
/// A shell writes it and not this process. Else a child that another test starts at the same moment would have it open for writing, and
/// Linux does not run such a program ("Text file busy").
pub(crate) fn write_script(path: &Path, script: &str) {
    let mut shell = Command::new("/bin/sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success(), "{}", path.display());
}

pub(crate) const HOST: &str = "x86_64-unknown-linux-gnu";
pub(crate) const VERBOSE: &str = "rustc 1.96.0 (ac68faa20 2026-05-25)\ncommit-hash: ac68faa2\n\
                                  host: x86_64-unknown-linux-gnu\nrelease: 1.96.0\nLLVM version: 22.1.8\n";

pub(crate) static INFO: LazyLock<RustcInfo> = LazyLock::new(|| RustcInfo {
    release: "1.96.0".into(),
    version: (1, 96),
    commit: Some("ac68faa2".into()),
    host: HOST.into(),
    llvm_major: Some(22),
    verbose: VERBOSE.into(),
});

pub(crate) const POLICY_STALE: &str = "\
rustc:
  Installed: (none)
  Candidate: 1.63.0+dfsg1-2
  Version table:
     1.63.0+dfsg1-2 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
cargo:
  Installed: (none)
  Candidate: 0.66.0+ds1-1
libstd-rust-dev-wasm32:
  Installed: (none)
  Candidate: 1.63.0+dfsg1-2
rustc-web:
  Installed: (none)
  Candidate: 1.85.0+dfsg3-1~deb12u3
cargo-web:
  Installed: (none)
  Candidate: 1.85.0+dfsg3-1~deb12u3
rust-web-src:
  Installed: (none)
  Candidate: 1.85.0+dfsg3-1~deb12u3
wasi-libc:
  Installed: (none)
  Candidate: 0.0~git20220510.9886d3d-2
";

pub(crate) const POLICY_BOOKWORM: &str = "\
rustc:
  Installed: (none)
  Candidate: 1.63.0+dfsg1-2
rustc-web:
  Installed: (none)
  Candidate: 1.96.0+dfsg1-1~deb12u2
  Version table:
     1.96.0+dfsg1-1~deb12u2 500
        500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
cargo-web:
  Installed: (none)
  Candidate: 1.96.0+dfsg1-1~deb12u2
rust-web-src:
  Installed: (none)
  Candidate: 1.96.0+dfsg1-1~deb12u2
wasi-libc:
  Installed: 0.0~git20220510.9886d3d-2
  Candidate: 0.0~git20220510.9886d3d-2
";

pub(crate) const POLICY_WITH_TARGET: &str = "\
rustc:
  Installed: (none)
  Candidate: 1:1.92.0-1
cargo:
  Installed: (none)
  Candidate: 1.92.0-1
libstd-rust-dev-wasm32:
  Installed: (none)
  Candidate: 1.92.0-1
rustc-web:
  Installed: (none)
  Candidate: 1.96.0-1
cargo-web:
  Installed: (none)
  Candidate: 1.96.0-1
rust-web-src:
  Installed: (none)
  Candidate: 1.96.0-1
wasi-libc:
  Installed: (none)
  Candidate: 0.0~git20250101-1
";

/// What happens if a command line begins with `prefix`. The last matching rule counts.
#[derive(Clone)]
struct Rule {
    prefix: String,
    once: bool,
    ending: ProcessEnding,
    stdout: String,
    stderr: String,
    effect: Rc<dyn Fn(&FakeMachine)>,
}

pub(crate) struct FakeMachine {
    dir: tempfile::TempDir,
    vars: RefCell<BTreeMap<OsString, OsString>>,
    rules: RefCell<Vec<Rule>>,
    command_lines: RefCell<Vec<String>>,
}

impl FakeMachine {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fake =
            FakeMachine { dir, vars: Default::default(), rules: Default::default(), command_lines: Default::default() };
        fake.var("PATH", &fake.root().join("bin"));
        fake.var("HOME", &fake.root().join("home"));
        fake
    }

    pub fn machine(&self) -> Machine<'_> {
        Machine {
            launcher: self,
            vars: self.vars.borrow().clone(),
            root: self.root().to_owned(),
            cache: self.root().join("cache"),
            dir: self.root().to_owned(),
            superuser: true,
        }
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn var(&self, name: &str, value: &Path) {
        self.vars.borrow_mut().insert(name.into(), value.into());
    }

    pub fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn program(&self, path: &str) -> PathBuf {
        let path = self.file(path, "");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn rule(&self, prefix: &str, ending: ProcessEnding, stdout: &str, stderr: &str) {
        let (prefix, stdout, stderr) = (prefix.into(), stdout.into(), stderr.into());
        self.rules.borrow_mut().push(Rule { prefix, once: false, ending, stdout, stderr, effect: Rc::new(|_| {}) });
    }

    pub fn answer(&self, prefix: &str, stdout: &str) {
        self.rule(prefix, ProcessEnding::Exit(0), stdout, "");
    }

    pub fn answer_once(&self, prefix: &str, stdout: &str) {
        self.answer(prefix, stdout);
        self.rules.borrow_mut().last_mut().unwrap().once = true;
    }

    pub fn fail(&self, prefix: &str, status: i32, stderr: &str) {
        self.rule(prefix, ProcessEnding::Exit(status), "", stderr);
    }

    /// Adds standard output to the last rule.
    pub fn rule_stdout(&self, stdout: &str) {
        self.rules.borrow_mut().last_mut().unwrap().stdout = stdout.into();
    }

    pub fn time_out(&self, prefix: &str) {
        self.rule(prefix, ProcessEnding::TimedOut(Duration::from_secs(120)), "", "");
    }

    pub fn on(&self, prefix: &str, effect: impl Fn(&FakeMachine) + 'static) {
        self.answer(prefix, "");
        self.rules.borrow_mut().last_mut().unwrap().effect = Rc::new(effect);
    }

    /// Drops the rules with this prefix.
    pub fn forget(&self, prefix: &str) {
        self.rules.borrow_mut().retain(|rule| rule.prefix != prefix);
    }

    /// The command lines so far, each with the bare name of its program.
    pub fn command_lines(&self) -> Vec<String> {
        self.command_lines.borrow().clone()
    }

    /// Adds an active rustup toolchain.
    pub fn rustup_toolchain(&self, with_target: bool) {
        for name in ["rustup", "rustc", "cargo"] {
            self.program(&format!("bin/{name}"));
        }
        self.answer("rustc --print sysroot", &format!("{}\n", self.root().join("active").display()));
        if with_target {
            self.target("active", "pthread_join");
            self.file(&format!("active/lib/rustlib/{HOST}/bin/rust-lld"), "");
        }
    }

    /// Adds a distribution's compiler, without std for the target.
    pub fn distribution(&self) {
        self.program("usr/bin/rustc");
        self.program("usr/bin/cargo");
        self.file(&format!("usr/lib/rustlib/{HOST}/lib/libstd-0.rlib"), "");
        self.answer("rustc -vV", VERBOSE);
    }

    /// Adds the sources of std, and wasi-libc.
    pub fn sources_and_libc(&self) {
        self.file("usr/lib/rustlib/src/rust/library/std/Cargo.toml", "");
        self.file("usr/lib/rustlib/src/rust/library/Cargo.lock", "");
        for file in ["crt1-command.o", "crt1-reactor.o", "libc.a"] {
            self.file(&format!("usr/lib/wasm32-wasi/{file}"), "");
        }
    }

    /// Adds std for the target, with a libc that contains `libc`.
    pub fn target(&self, sysroot: &str, libc: &str) {
        let lib = format!("{sysroot}/lib/rustlib/wasm32-wasip1/lib");
        self.file(&format!("{lib}/libstd-1.rlib"), "pthread_join");
        self.file(&format!("{lib}/libtest-1.rlib"), "");
        self.file(&format!("{lib}/self-contained/libc.a"), libc);
        for file in START_FILES {
            self.file(&format!("{lib}/self-contained/{file}"), "");
        }
    }

    /// Adds a complete private sysroot.
    pub fn private_sysroot(&self, sysroot: &Sysroot, base: &DistributionCompiler) {
        let place = sysroot.0.strip_prefix(self.root()).unwrap().to_str().unwrap();
        self.target(place, "");
        self.file(&format!("{place}/lib/rustlib/{HOST}/bin/rust-lld"), "");
        self.file(&format!("{place}/lib/rustlib/{HOST}/lib/libstd-0.rlib"), "");
        self.file(&format!("{place}/bin/rustc"), &sysroot.rustc_script(&base.rustc));
        sysroot.write_marker(&base.info).unwrap();
    }

    /// What cargo leaves and prints after it has built std.
    fn built_std(target_dir: &Path) -> String {
        let mut messages = String::new();
        for name in ["std", "test"] {
            let path = target_dir.join(format!("lib{name}-9.rlib"));
            fs::create_dir_all(target_dir).unwrap();
            fs::write(&path, "").unwrap();
            let message = serde_json::json!({
                "reason": "compiler-artifact", "package_id": name, "manifest_path": "", "features": [], "fresh": false,
                "target": {"kind": ["lib"], "crate_types": ["lib"], "name": name, "src_path": ""},
                "profile": {"opt_level": "3", "debuginfo": 0, "debug_assertions": false, "overflow_checks": false, "test": false},
                "filenames": [path], "executable": null,
            });
            messages += &format!("{message}\n");
        }
        messages
    }
}

impl Launcher for FakeMachine {
    fn run(&self, command: &CommandLine, line: &mut dyn FnMut(Stream, &str)) -> io::Result<ProcessEnding> {
        let mut words = vec![file_name(&command.program).to_owned()];
        words.extend(command.args.iter().map(|arg| arg.to_string_lossy().into_owned()));
        let said = words.join(" ");
        self.command_lines.borrow_mut().push(said.clone());
        let mut rules = self.rules.borrow_mut();
        let rule = rules.iter().rposition(|rule| said.starts_with(&rule.prefix));
        let rule = rule.map(|index| if rules[index].once { rules.remove(index) } else { rules[index].clone() });
        drop(rules);
        let after = |flag: &str| command.args.iter().skip_while(|arg| *arg != flag).nth(1);
        let Some(rule) = rule else {
            // A compiler or a linker: it leaves the output file that it was asked for.
            if let (Some(output), "rustc" | "rust-lld") = (after("-o"), file_name(&command.program)) {
                fs::write(output, "")?;
            }
            if said.starts_with("cargo build") {
                let target_dir = after("--target-dir").unwrap();
                Self::built_std(Path::new(target_dir)).lines().for_each(|text| line(Stream::Stdout, text));
            }
            return Ok(ProcessEnding::Exit(0));
        };
        (rule.effect)(self);
        rule.stdout.lines().for_each(|text| line(Stream::Stdout, text));
        rule.stderr.lines().for_each(|text| line(Stream::Stderr, text));
        Ok(rule.ending)
    }
}
