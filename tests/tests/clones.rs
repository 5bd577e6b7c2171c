//! Two clones of the same sources, in two folders and for two users, give the same modules and the same report.

use airtight_tests::{Ran, canonical, command, digest, package_dir, program, read_report, scratch_dir, toolchain};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One user's machine: a home, with what cargo has downloaded in it, and a clone.
struct Clone {
    home: PathBuf,
    root: PathBuf,
}

/// The version of a package in this workspace's lock file: its sources are on any machine that has built airtight.
fn locked(package: &str) -> String {
    let lock = fs::read_to_string(package_dir().join("../Cargo.lock")).unwrap();
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"\n"))).unwrap();
    entry.split("version = \"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn user_dir(variable: &str, name: &str) -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("there is a home")).join(name);
    std::env::var_os(variable).map_or_else(home, PathBuf::from)
}

impl Clone {
    fn new(home: PathBuf, root: PathBuf) -> Self {
        let registry = home.join("cargo/registry");
        fs::create_dir_all(&registry).unwrap();
        // The downloads are shared, but each unpacks them for itself.
        for part in ["cache", "index"] {
            symlink(user_dir("CARGO_HOME", ".cargo").join("registry").join(part), registry.join(part)).unwrap();
        }
        let clone = Self { home, root };
        clone.sources();
        clone
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn package(&self, path: &str, dependencies: &str, source: &str) {
        let name = path.rsplit('/').next().unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\n{dependencies}"
        );
        self.file(&format!("{path}/Cargo.toml"), &manifest);
        self.file(&format!("{path}/src/lib.rs"), source);
    }

    /// A workspace with a package in it, one beside it, and one from the registry; each of them panics.
    fn sources(&self) {
        self.file("ws/Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"app\", \"inner\", \"../beside\"]\n");
        let dependencies = format!(
            "inner = {{ path = \"../inner\" }}\noutside = {{ path = \"../../outside\" }}\nsemver = \"={}\"\n",
            locked("semver")
        );
        self.package("ws/app", &dependencies, "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n");
        self.file(
            "ws/app/build.rs",
            "fn main() {\n    let out = std::env::var(\"OUT_DIR\").unwrap();\n    let made = \"pub fn made(n: u32) -> u32 { \
             assert!(n < 9, \\\"{n} in {}\\\", file!()); n }\";\n    std::fs::write(format!(\"{out}/made.rs\"), \
             made).unwrap();\n}\n",
        );
        let checked = "#[inline(never)]\npub fn checked(n: u32) -> u32 {\n    assert!(n < 9, \"{n} in {}\", file!());\n    n\n}\n";
        self.package("ws/inner", "", checked);
        self.package("outside", "", checked);
        // A member of the workspace need not be in its directory.
        self.package("beside", "", "#[test]\nfn fails() { assert!(std::hint::black_box(false)); }\n");
        self.file("beside/Cargo.toml", "[package]\nname = \"beside\"\nversion = \"0.1.0\"\nworkspace = \"../ws\"\n");
        self.file(
            "ws/app/tests/it.rs",
            "#[test]\nfn inner() { inner::checked(9); }\n#[test]\nfn outside() { outside::checked(9); }\n\
             #[test]\nfn made() { app::made(9); }\n#[test]\nfn std() { Vec::<u8>::new().remove(std::hint::black_box(9)); }\n\
             #[test]\nfn semver() { semver::Version::parse(\"1.2\").unwrap(); }\n\
             #[test]\nfn by_type() { let _ = std::any::TypeId::of::<fn(semver::Version)>(); std::fs::File::open(\"Cargo.toml\").unwrap(); }\n\
             #[test]\nfn leaks() { std::mem::forget(std::fs::File::open(\"Cargo.toml\").unwrap()); }\n",
        );
    }

    /// The program, for this user.
    fn command(&self, umask: &str) -> Command {
        let ours = command();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("umask {umask} && exec \"$0\" \"$@\"")]).arg(program());
        for (name, value) in ours.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env("HOME", &self.home)
            .env("CARGO_HOME", self.home.join("cargo"))
            .env("RUSTUP_HOME", user_dir("RUSTUP_HOME", ".rustup"))
            .env_remove("CARGO_TARGET_DIR");
        command
    }

    fn test(&self, command: &mut Command) -> (Ran, Value) {
        let report = self.root.join("report.json");
        let output = command
            .args(["--workspace", "--offline", "--no-fail-fast", "--report"])
            .arg(format!("json={}", report.display()))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran = Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
        assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
        (ran, read_report(&report))
    }

    /// `airtight test` in the workspace.
    fn plainly(&self) -> (Ran, Value) {
        self.test(self.command("022").current_dir(self.root.join("ws")).args(["test", "."]))
    }

    /// The same by somebody who has set everything that can be set, from somewhere else.
    fn noisily(&self) -> (Ran, Value) {
        let noise = (0..50).map(|n| (format!("NOISE_{n}"), "x".repeat(n * 20)));
        let mut command = self.command("077");
        command.current_dir("/").arg("test").arg(self.root.join("ws")).envs(noise).envs([
            ("LANG", "tr_TR.UTF-8"),
            ("LC_ALL", "tr_TR.UTF-8"),
            ("TZ", "Pacific/Auckland"),
            ("USER", "somebody"),
            ("RUST_BACKTRACE", "full"),
            ("CARGO_INCREMENTAL", "0"),
            ("SOURCE_DATE_EPOCH", "1"),
        ]);
        self.test(command.args(["--no-cache", "-j1"]))
    }

    /// The built test binaries.
    fn modules(&self) -> Vec<PathBuf> {
        let deps = fs::read_dir(self.root.join("ws/target/wasm32-wasip1/debug/deps")).unwrap();
        let files = deps.map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|end| end == "wasm")).collect()
    }
}

/// Two users' clones, with paths of different lengths.
fn two(dir: &Path) -> [Clone; 2] {
    let here = Clone::new(dir.join("u"), dir.join("u/clone"));
    let there = Clone::new(dir.join("home/another user"), dir.join("srv/much/deeper/and = stranger/clone"));
    [here, there]
}

fn files(report: &Value) -> BTreeSet<&str> {
    let tests = airtight_tests::tests(report).flat_map(|(_, test)| test["stack"].as_array().into_iter().flatten());
    tests.filter_map(|frame| frame["file"].as_str()).collect()
}

fn codes(report: &Value) -> Vec<&str> {
    let modules = canonical(report)["modules"].as_array().unwrap();
    modules.iter().map(|module| module["code"].as_str().unwrap()).collect()
}

#[test]
fn two_clones_are_one() {
    let dir = scratch_dir();
    let [here, there] = two(dir.path());
    let (ran, first) = here.plainly();
    assert!(!ran.stdout.contains("bakes"), "{}", ran.stdout);
    let (_, second) = there.noisily();
    assert_eq!(codes(&first), codes(&second));
    assert_eq!(canonical(&first), canonical(&second));
    assert_eq!(digest(&first), digest(&second));
    assert_eq!(second["volatile"]["baked"], Value::Null);

    // What was built before, and is not compiled again, is the same too.
    let (ran, again) = here.plainly();
    assert!(!ran.stderr.contains("Compiling"), "{}", ran.stderr);
    assert_eq!(digest(&first), digest(&again));

    let found = files(&first);
    for file in ["inner/src/lib.rs", "outside-0.1.0/src/lib.rs", "app/out/made.rs", "tests/it.rs", "src/lib.rs"] {
        assert!(found.contains(file), "{file} is not in {found:?}");
    }
    assert!(found.iter().all(|file| !file.starts_with('/')), "{found:?}");
    no_path_of_the_machine_is_in_a_module(&[here, there]);
}

/// Not even in names and debug information, which are not part of what runs.
fn no_path_of_the_machine_is_in_a_module(clones: &[Clone]) {
    for clone in clones {
        let modules = clone.modules();
        assert!(modules.len() >= 3, "{modules:?}");
        for module in modules {
            let bytes = fs::read(&module).unwrap();
            for path in [&clone.root, &clone.home] {
                let path = path.to_str().unwrap().as_bytes();
                let found = bytes.windows(path.len()).position(|window| window == path);
                let text = found.map(|at| String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 200)]));
                assert_eq!(text, None, "in {}", module.display());
            }
        }
    }
}

#[test]
fn a_package_that_bakes_its_path_is_named() {
    let dir = scratch_dir();
    let clones = two(dir.path());
    let reports = clones.each_ref().map(|clone| {
        let baked = "pub fn here() -> &'static str { env!(\"CARGO_MANIFEST_DIR\") }\n";
        clone.package("outside", "", &format!("pub fn checked(n: u32) -> u32 {{ n }}\n{baked}"));
        clone.file(
            "ws/app/tests/own.rs",
            "#[test]\nfn reads() {\n    let own = concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/Cargo.toml\");\n    \
             assert!(std::fs::read_to_string(own).unwrap().contains(\"app\"));\n}\n",
        );
        clone.file(
            "ws/app/tests/others.rs",
            "#[test]\nfn prints() { println!(\"{}\", outside::here()); }\n#[test]\nfn made() {\n    \
             println!(\"{}\", concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n}\n",
        );
        let (ran, report) = clone.plainly();
        let packages = [("outside", clone.root.join("outside")), ("app", clone.root.join("ws/app"))];
        for (package, path) in packages {
            let note = format!("{package} bakes the path {} into app/", path.display());
            assert!(ran.stdout.contains(&note), "{note}: {}", ran.stdout);
        }
        report
    });
    for report in &reports {
        let baked: BTreeSet<_> = report["volatile"]["baked"]
            .as_array()
            .unwrap()
            .iter()
            .map(|baked| (baked["module"].as_str().unwrap(), baked["package"].as_str().unwrap()))
            .collect();
        assert_eq!(baked, BTreeSet::from([("app/others", "app"), ("app/others", "outside"), ("app/own", "app")]));
        let reads = airtight_tests::tests(report).find(|(_, test)| test["name"] == "reads").unwrap().1;
        assert_eq!(reads["verdict"], "pass", "the baked path is an alias");
    }
    // The others are the same.
    let of = |report: &Value, name: &str| {
        let modules = canonical(report)["modules"].as_array().unwrap().clone();
        modules.into_iter().find(|module| module["name"] == name).unwrap()
    };
    for (name, same) in [("app/it", true), ("app/own", false), ("app/others", false)] {
        assert_eq!(of(&reports[0], name)["code"] == of(&reports[1], name)["code"], same, "{name}");
    }
}

/// What plain cargo builds is kept apart, so that neither makes the other build anew.
#[test]
fn plain_cargo_between_two_runs_changes_nothing() {
    let dir = scratch_dir();
    let clone = Clone::new(dir.path().join("home"), dir.path().join("clone"));
    let (_, first) = clone.plainly();
    let cargo = |args: &[&str]| {
        let mut cargo = Command::new(&toolchain().cargo);
        cargo.current_dir(clone.root.join("ws")).env("HOME", &clone.home).env("CARGO_HOME", clone.home.join("cargo"));
        cargo.env("RUSTUP_HOME", user_dir("RUSTUP_HOME", ".rustup")).env_remove("CARGO_TARGET_DIR");
        cargo.envs(toolchain().env()).args(["test", "--offline", "--no-run", "--target", "wasm32-wasip1"]).args(args);
        let output = cargo.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    cargo(&[]);
    let (ran, second) = clone.plainly();
    assert!(!ran.stderr.contains("Compiling"), "{}", ran.stderr);
    assert_eq!(digest(&first), digest(&second));
}
