//! What a repository's configuration may grant of the machine: directories of its workspace, and what the user allows.

use airtight_tests::{Ran, canonical, command, guest, read_report, run, scratch_dir, write};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A clone at `TOP/ws` with a configuration, a folder `TOP/secret` of the user's beside it, and `TOP/config` for what the user decides.
struct Clone {
    _dir: TempDir,
    top: PathBuf,
}

impl Clone {
    fn new(config: &str) -> Self {
        let dir = scratch_dir();
        let top = dir.path().canonicalize().unwrap();
        write(&top.join("secret/file"), "in the file");
        write(&top.join("ws/fixtures/file"), "in the file");
        symlink("../secret", top.join("ws/link")).unwrap();
        let clone = Self { _dir: dir, top };
        clone.configure(config);
        clone
    }

    fn configure(&self, config: &str) {
        write(&self.top.join("ws/airtight.toml"), config);
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.run_with("XDG_CONFIG_HOME", &self.top.join("config"), args)
    }

    fn run_with(&self, variable: &str, value: &Path, args: &[&str]) -> Ran {
        self.run_in("ws", (variable, value), args)
    }

    fn run_in(&self, folder: &str, (variable, value): (&str, &Path), args: &[&str]) -> Ran {
        let mut command = command();
        command.env("XDG_CONFIG_HOME", self.top.join("config")).env(variable, value);
        let mut ran = Ran::from(command.current_dir(self.top.join(folder)).args(args).output().unwrap());
        for text in [&mut ran.stdout, &mut ran.stderr] {
            *text = text.replace(self.top.to_str().unwrap(), "TOP");
        }
        ran
    }

    /// Runs a program that tells what is in `/data`.
    fn tell(&self, args: &[&str]) -> Ran {
        let module = guest("programs/pass_tells_its_world").to_str().unwrap();
        self.run(&[&["run", module, "--show-output=always", "--report", "json=report.json"], args].concat())
    }

    fn report(&self) -> Value {
        read_report(&self.top.join("ws/report.json"))
    }
}

fn dir(host: &str, mode: &str) -> String {
    format!("[[profile.default.dir]]\nguest = \"/data\"\nhost = \"{host}\"\nmode = \"{mode}\"\n")
}

fn assert_refused(ran: &Ran) {
    assert_eq!(ran.status, Some(96), "{}{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains("in the file"), "{}", ran.stdout);
}

fn assert_given(ran: &Ran) {
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("/data/file=in the file"), "{}", ran.stdout);
}

/// Each way in which a clone was seen to read and write the machine.
#[test]
fn a_clone_cannot_grant_itself_the_machine() {
    for host in ["../secret", "link", "fixtures/../../secret", "/etc", "../../../../../../etc"] {
        for mode in ["read-only", "overlay", "read-write"] {
            let clone = Clone::new(&dir(host, mode));
            assert_refused(&clone.tell(&[]));
        }
    }
    let clone = Clone::new(&dir("link", "overlay"));
    insta::assert_snapshot!(clone.tell(&[]).stderr);
}

#[test]
fn every_kind_of_grant_is_named_with_what_allows_it() {
    let clone = Clone::new(
        "[profile.default]\nclock = \"real\"\noutbound = [\"127.0.0.1:5432\"]\n\
         [[profile.default.dir]]\nguest = \"/w\"\nhost = \"../secret\"\nmode = \"read-write\"\n\
         [[profile.default.socket]]\nname = \"s\"\nlisten = \"127.0.0.1:8080\"\n\
         [[profile.default.socket]]\nname = \"free\"\nlisten = \"127.0.0.1:0\"\n\
         [[profile.default.socket]]\nname = \"u\"\nconnect = \"unix:../secret/app sock\"\n",
    );
    let refused = clone.tell(&[]);
    assert_refused(&refused);
    insta::assert_snapshot!(refused.stderr);
    // What is named is what allows it.
    let mut args = Vec::new();
    for line in refused.stderr.lines().filter_map(|line| line.split_once("--allow ")) {
        let allowed = line.1.trim_matches('\'').replace("TOP", clone.top.to_str().unwrap());
        args.extend(["--allow".to_owned(), allowed]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).chain(["--list"]).collect();
    assert_eq!(clone.tell(&args).status, Some(0), "{:?}", clone.tell(&args));
    assert_eq!(clone.tell(&args[2..]).status, Some(96), "one is missing");
}

#[test]
fn the_user_s_word_is_an_option_or_a_grant_of_the_user_s_own() {
    let clone = Clone::new(&dir("link", "read-only"));
    let secret = format!("dir:{}", clone.top.join("secret").display());
    for word in
        [&["--trust"][..], &["--allow", &secret], &["--allow", "dir:link"], &["--allow", "dir:../secret:read-write"]]
    {
        assert_given(&clone.tell(word));
    }
    for word in [&["--allow", "dir:fixtures"][..], &["--allow", "clock:real"], &["--dir", "../secret::/elsewhere"]] {
        assert_refused(&clone.tell(word));
    }
    assert_given(&clone.tell(&["--dir", "../secret::/data"]));
    let wrong = clone.tell(&["--allow", "everything"]);
    assert_eq!(wrong.status, Some(96));
    insta::assert_snapshot!(wrong.stderr);
}

/// To be allowed to read is not to be allowed to write.
#[test]
fn writing_takes_a_word_of_its_own() {
    let clone = Clone::new(&dir("../secret", "read-write"));
    assert_refused(&clone.tell(&["--allow", "dir:../secret"]));
    assert_given(&clone.tell(&["--allow", "dir:../secret:read-write"]));
}

#[test]
fn the_list_of_the_user_trusts_what_it_has_seen() {
    let clone = Clone::new(&dir("../secret", "read-only"));
    let mut said = vec![clone.run(&["trust", "--list"]).stdout, clone.run(&["trust", "fixtures"]).stdout];
    assert_given(&clone.tell(&[]));
    said.push(clone.run(&["trust", "--list"]).stdout);
    clone.configure(&format!("[profile.default]\nmemory = \"32MiB\"\n{}", dir("../secret", "read-only")));
    assert_given(&clone.tell(&[]));
    clone.configure(&dir("../secret", "overlay"));
    assert_given(&clone.tell(&[]));
    for other in [dir("../secret", "read-write"), dir("..", "read-only")] {
        clone.configure(&other);
        assert_refused(&clone.tell(&[]));
    }
    clone.configure(&dir("../secret", "read-only"));
    said.push(clone.run(&["trust", "--revoke"]).stdout);
    assert_refused(&clone.tell(&[]));
    let again = clone.run(&["trust", "--revoke"]);
    assert_eq!(again.status, Some(96));
    said.push(again.stderr);
    // A workspace that is gone is known by its name.
    assert_eq!(clone.run(&["trust"]).status, Some(0));
    let (workspace, aside) = (clone.top.join("ws"), clone.top.join("aside"));
    std::fs::rename(&workspace, &aside).unwrap();
    let user = clone.top.join("config");
    let gone = clone.run_in("", ("XDG_CONFIG_HOME", &user), &["trust", "--revoke", "ws"]);
    assert_eq!(gone.status, Some(0), "{}", gone.stderr);
    assert!(gone.stdout.contains("Revoked"), "{}", gone.stdout);
    std::fs::rename(&aside, &workspace).unwrap();
    assert_refused(&clone.tell(&[]));
    clone.configure("");
    said.push(clone.run(&["trust"]).stdout);
    insta::assert_snapshot!(said.join("----\n"));
}

/// Cargo sets variables for what it runs as the repository's own `.cargo/config.toml` says.
#[test]
fn a_variable_of_the_repository_s_grants_nothing() {
    let clone = Clone::new(&dir("../secret", "read-only"));
    let module = guest("programs/pass_tells_its_world").to_str().unwrap();
    let planted = clone.top.join("ws/planted");
    let there = clone.run_with("XDG_CONFIG_HOME", &planted, &["trust"]);
    assert_eq!(there.status, Some(96));
    assert!(there.stderr.contains("is in the workspace or its repository"), "{}", there.stderr);
    // What the user's own list says of this workspace, brought along in it.
    assert_eq!(clone.run(&["trust"]).status, Some(0));
    std::fs::create_dir_all(planted.join("airtight")).unwrap();
    std::fs::copy(clone.top.join("config/airtight/trusted.json"), planted.join("airtight/trusted.json")).unwrap();
    assert_eq!(clone.run(&["trust", "--revoke"]).status, Some(0));
    for (variable, value) in [
        ("XDG_CONFIG_HOME", planted.as_path()),
        ("AIRTIGHT_TRUST", Path::new("1")),
        ("AIRTIGHT_ALLOW", Path::new("dir:/")),
    ] {
        let ran = clone.run_with(variable, value, &["run", module, "--show-output=always"]);
        assert_refused(&ran);
    }
    let ran = clone.run_with("XDG_CONFIG_HOME", &planted, &["run", module]);
    assert!(ran.stderr.contains("is in the workspace or its repository"), "{}", ran.stderr);
}

/// What runs modules for cargo is started by a line of the repository's configuration: it has no option that gives the word.
#[test]
fn cargo_s_runner_asks_the_list_alone() {
    let clone = Clone::new(&dir("../secret", "read-only"));
    let module = guest("programs/pass_tells_its_world").to_str().unwrap();
    assert_refused(&clone.run(&["runner", module]));
    assert_eq!(clone.run(&["runner", "--trust", module]).status, Some(2));
    clone.run(&["trust"]);
    let ran = clone.run(&["runner", module]);
    assert!(ran.stdout.contains("/data/file=in the file"), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("Granted TOP/secret as /data, read-only\n"), "{}", ran.stderr);
}

#[test]
fn what_is_granted_is_told_at_the_start_and_is_in_the_report() {
    let clone = Clone::new(
        "[[profile.default.dir]]\nguest = \"/data\"\nhost = \"fixtures\"\n\
         [[profile.default.dir]]\nname = \"asked\"\nguest = \"/asked\"\nhost = \"fixtures\"\nmode = \"overlay\"\n\
         [[profile.default.socket]]\nname = \"s\"\nlisten = \"127.0.0.1:0\"\n",
    );
    let ran = clone.tell(&[]);
    assert_given(&ran);
    let lines: Vec<&str> = ran.stdout.lines().skip_while(|line| !line.contains("Starting")).take(3).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    Starting 1 test across 1 module
     Granted TOP/ws/fixtures as /data, read-only
     Granted socket `s`, which listens on a free port of 127.0.0.1
    ");
    let report = clone.report();
    let told: Vec<&str> =
        report["volatile"]["grants"].as_array().unwrap().iter().map(|told| told.as_str().unwrap()).collect();
    assert!(told[0].ends_with("/ws/fixtures as /data, read-only") && told.len() == 2, "{told:?}");
    let policy = &canonical(&report)["policy"];
    assert_eq!(policy["dirs"], json!([{ "guest": "/data", "mode": "read-only" }]));
    assert_eq!(policy["sockets"], json!([{ "kind": "listen", "name": "s" }]));
    let asked = json!({ "guest": "/asked", "mode": "overlay", "name": "asked" });
    assert_eq!(policy["on-request"], json!({ "dirs": [asked], "sockets": [] }));
}

/// Whoever asks: a configuration, an option, or a program that embeds the library.
#[test]
fn what_airtight_and_cargo_keep_is_never_granted() {
    let clone = Clone::new("");
    let home = std::env::home_dir().unwrap();
    let cargo = home.join(".cargo");
    for host in [cargo.as_path(), &cargo.join("bin"), &home, Path::new("/"), &airtight_tests::cache_dir()] {
        if !host.is_dir() {
            continue;
        }
        for mode in ["", ":overlay", ":read-write"] {
            let ran = clone.tell(&["--trust", "--dir", &format!("{}::/data{mode}", host.display())]);
            assert_refused(&ran);
            assert!(ran.stderr.contains("no test is ever granted"), "{}", ran.stderr);
        }
    }
    clone.configure(&dir("../config", "read-only"));
    std::fs::create_dir_all(clone.top.join("config/airtight")).unwrap();
    let ran = clone.tell(&["--trust"]);
    assert_refused(&ran);
    assert!(ran.stderr.contains("airtight's list of trusted workspaces (TOP/config/airtight)"), "{}", ran.stderr);
}

/// Programs of the SDK ask for grants by name; what the name stands for is the configuration's, and needs the same word.
#[test]
fn a_grant_that_a_test_asks_for_needs_the_word_too() {
    let clone = Clone::new("[[profile.default.dir]]\nname = \"data\"\nguest = \"/data\"\nhost = \"../secret\"\n");
    let module = guest("sdk/mixed").to_str().unwrap();
    let refused = run(&clone.top.join("ws"), ["run", module]);
    assert_eq!(refused.status, Some(96), "{}", refused.stdout);
}
