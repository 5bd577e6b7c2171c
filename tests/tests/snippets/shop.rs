//! A copy of the workspace in `snippets/`, in which the commands of the documentation are run.

use airtight_tests::pages::Page;
use airtight_tests::{Ran, command, go, go_test_binary, guests_target_dir, package_dir, program, scratch_dir};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The workspace, and what was printed since the page began.
pub struct Shop {
    scratch: TempDir,
    path: std::ffi::OsString,
    printed: String,
}

impl Shop {
    /// A new copy, with a folder of fixtures beside it, and modules under the names that the pages have for them.
    pub fn new() -> Self {
        let scratch = scratch_dir();
        let dir = scratch.path().join("app");
        copy(&package_dir().join("snippets"), &dir);
        fs::create_dir(scratch.path().join("shared-fixtures")).unwrap();
        fs::create_dir(scratch.path().join("reports")).unwrap();
        let sdk = package_dir().join("../guest-sdk").canonicalize().unwrap();
        let manifest = dir.join("app/Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(manifest, text.replace("../../../guest-sdk", sdk.to_str().unwrap())).unwrap();
        let bin = scratch.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(program(), bin.join("airtight")).unwrap();
        let found = std::env::var_os("PATH").unwrap_or_default();
        let mut paths = vec![bin];
        if let Some(go) = go("the guide's commands for tests of Go") {
            paths.push(go.parent().unwrap().to_owned());
            fs::copy(go_test_binary(&go, &dir.join("store"), scratch.path()), dir.join("store.test.wasm")).unwrap();
            fs::copy(dir.join("store.test.wasm"), dir.join("go.test.wasm")).unwrap();
        }
        paths.extend(std::env::split_paths(&found));
        let path = std::env::join_paths(paths).unwrap();
        let mut shop = Self { scratch, path, printed: String::new() };
        for prepared in ["git init -q", "airtight test"] {
            assert!(matches!(shop.run(prepared).status, Some(0 | 100)), "{prepared}\n{}", shop.printed);
        }
        let built = Path::new(&target_dir()).join("wasm32-wasip1/debug/deps");
        let is_store = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("store-") && name.ends_with(".wasm")
        };
        let modules = fs::read_dir(built).unwrap().map(|entry| entry.unwrap().path()).filter(is_store);
        let newest = modules.max_by_key(|path| path.metadata().unwrap().modified().unwrap()).unwrap();
        fs::copy(newest, shop.dir().join("tests.wasm")).unwrap();
        shop.run("airtight go ./store -run TestLoad --report pprof=old.pb.gz");
        shop.begin_page();
        shop
    }

    pub fn dir(&self) -> PathBuf {
        self.scratch.path().join("app")
    }

    /// The folder that is `/reports` for a Kubernetes job.
    pub fn reports(&self) -> PathBuf {
        self.scratch.path().join("reports")
    }

    pub fn begin_page(&mut self) {
        self.printed.clear();
    }

    /// All that was printed since then. The folder that the workspace is in is called `/work`.
    pub fn printed(&self) -> String {
        let real = self.scratch.path().canonicalize().unwrap();
        self.printed.replace(real.to_str().unwrap(), "/work").replace(self.scratch.path().to_str().unwrap(), "/work")
    }

    pub fn write(&self, file: &str, text: &str) {
        airtight_tests::write(&self.dir().join(file), text);
    }

    pub fn remove(&self, file: &str) {
        fs::remove_file(self.dir().join(file)).unwrap();
    }

    /// Whether tests with threads can be built.
    pub fn has_threads(&self) -> bool {
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap().stdout;
        let sysroot = String::from_utf8(sysroot).unwrap();
        Path::new(sysroot.trim()).join("lib/rustlib/wasm32-wasip1-threads/lib").is_dir()
    }

    /// A line of a shell, run in the workspace.
    pub fn run(&mut self, line: &str) -> Ran {
        self.run_with(line, &[])
    }

    /// The same, with these variables.
    pub fn run_with(&mut self, line: &str, variables: &[(&str, &str)]) -> Ran {
        let mut shell = Command::new("sh");
        for (name, value) in command().get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell
            .env("PATH", &self.path)
            .env("CARGO_TARGET_DIR", target_dir())
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "");
        shell.env("AIRTIGHT_RESULTS", self.scratch.path().join("results")).envs(variables.iter().copied());
        shell.env("XDG_CONFIG_HOME", self.scratch.path().join("config"));
        let ran = Ran::from(shell.args(["-c", line]).current_dir(self.dir()).output().expect("there is a shell"));
        self.printed.push_str(&format!("$ {line}\n{}{}", ran.stdout, ran.stderr));
        ran
    }

    /// Runs a command of a page, which has to be one that works: all tests pass, or some do not.
    ///
    /// # Panics
    /// It is wrong, or something that it needs is.
    pub fn follow(&mut self, page: &Page, line: &str) {
        let mut line = line.replace("/reports/", &format!("{}/", self.reports().display()));
        if line.starts_with("airtight watch") {
            // It would go on for ever.
            line = line.replacen("airtight watch", "airtight watch --runs 1", 1);
        }
        let ran = self.run(&line);
        assert!(
            matches!(ran.status, Some(0 | 100)),
            "{}: `{line}` ended with {:?}\n{}{}",
            page.name(),
            ran.status,
            ran.stdout,
            ran.stderr
        );
    }
}

/// Where cargo puts what it builds of the workspace: a folder that is kept, so that the guest SDK is built once.
fn target_dir() -> String {
    guests_target_dir().join("snippets").display().to_string()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let path = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == "target" => {}
            true => copy(&entry.path(), &path),
            false => drop(fs::copy(entry.path(), path).unwrap()),
        }
    }
}
