//! Go's own test harness: with test binaries that Go builds if Go is installed, and always with one that was written by
//! hand.

use airtight_tests::{
    Ran, command, go, go_minor, go_test_binary, gos, guests_dir, read_report, run, scratch_dir, tests, verdicts,
};
use serde_json::Value;
use std::path::Path;

/// A program that answers as a Go test binary does: to `-test.list` with names, and else by what it is to run, which it knows by the
/// last letter of the test's name.
fn by_hand() -> String {
    let framed = |text: &str| text.replace("^V", "\\16").replace('\n', "\\n");
    let answers = [
        ('A', 0, "^V=== RUN   TestA\nprinted^V--- PASS: TestA (0.00s)\n^V=== NAME  \n^VPASS\n"),
        ('F', 1, "^V=== RUN   TestF\n    f_test.go:3: got 1\n^V--- FAIL: TestF (0.00s)\n^VFAIL\n"),
        ('G', 0, "^V=== RUN   TestG\n^V--- PASS: TestG (0.00s)\n^V--- FAIL: TestG (0.00s)\n^VPASS\n"),
        ('N', 0, "testing: warning: no tests to run\n^VPASS\n"),
        ('P', 0, "--- PASS: TestP (0.00s)\nPASS\n"),
        ('S', 0, "^V=== RUN   TestS\n    s_test.go:3: not today\n^V--- SKIP: TestS (0.00s)\n^VPASS\n"),
        ('X', 3, "^V=== RUN   TestX\n"),
    ];
    let names: String = answers.iter().map(|(letter, ..)| format!("Test{letter}\n")).collect();
    let mut data = format!("(data (i32.const 4096) \"{}\")", framed(&names));
    let mut cases = String::new();
    for (nth, (letter, status, text)) in answers.iter().enumerate() {
        let at = 8192 + 512 * nth;
        data += &format!("(data (i32.const {at}) \"{}\")", framed(text));
        cases += &format!(
            "(if (i32.eq (local.get $letter) (i32.const {})) (then (call $say (i32.const {at}) (i32.const {})) (call $exit (i32.const {status}))))",
            u32::from(*letter),
            text.replace("^V", "v").len(),
        );
    }
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 16384) "\00testing.(*M).Run\00testing.runTests\00")
            {data}
            (func $say (param $at i32) (param $len i32)
                (i32.store (i32.const 16) (local.get $at))
                (i32.store (i32.const 20) (local.get $len))
                (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))
            (func (export "_start") (local $end i32) (local $letter i32)
                (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
                (drop (call $args_get (i32.const 32) (i32.const 1024)))
                ;; The last argument ends in a letter, a dollar sign and a zero; a pattern of names begins with what it is alone.
                (local.set $end (i32.add (i32.const 1024) (i32.load (i32.const 4))))
                (if (i32.eq (i32.load8_u (i32.sub (local.get $end) (i32.const 2))) (i32.const 94)) (then
                    (if (i32.eqz (i32.eq (i32.load8_u (i32.sub (local.get $end) (i32.const 3))) (i32.const 36))) (then
                        (call $say (i32.const 4096) (i32.const {}))))
                    (call $exit (i32.const 0))))
                (local.set $letter (i32.load8_u (i32.sub (local.get $end) (i32.const 3))))
                {cases}
                (call $exit (i32.const 9))))"#,
        names.len(),
    )
}

fn details<'r>(report: &'r Value, test: &str) -> &'r Value {
    let found = tests(report).find(|(_, record)| record["name"] == test);
    found.unwrap_or_else(|| panic!("no {test}")).1
}

fn message(report: &Value, test: &str) -> String {
    details(report, test)["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_verdict_takes_the_closing_line_and_the_status() {
    let dir = scratch_dir();
    std::fs::write(dir.path().join("hand.test.wasm"), wat::parse_str(by_hand()).unwrap()).unwrap();
    let ran = run(dir.path(), ["run", "hand.test.wasm", "--report", "json=report.json"]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&dir.path().join("report.json"));
    assert_eq!(report["canonical"]["modules"][0]["harness"], "go");
    let found = verdicts(&report);
    let found: Vec<_> = found.iter().map(|(test, verdict)| format!("{test} {verdict}")).collect();
    insta::assert_snapshot!(found.join("\n"), @r"
    hand.test TestA pass
    hand.test TestF fail
    hand.test TestG fail
    hand.test TestN fail
    hand.test TestP fail
    hand.test TestS skip
    hand.test TestX exit
    ");
    assert_eq!(message(&report, "TestF"), "f_test.go:3: got 1");
    assert_eq!(details(&report, "TestS")["reason"], "not today");
    assert!(message(&report, "TestG").contains("it tells two ends of TestG"), "{}", message(&report, "TestG"));
    assert!(message(&report, "TestN").contains("had not run the test"));
    assert!(message(&report, "TestP").contains("had not run the test"));
    assert!(message(&report, "TestX").contains("os.Exit(3)"));
}

#[test]
fn flags_of_testing_select_and_what_has_no_meaning_here_is_refused() {
    let dir = scratch_dir();
    std::fs::write(dir.path().join("hand.test.wasm"), wat::parse_str(by_hand()).unwrap()).unwrap();
    let run = |args: &[&str]| run(dir.path(), ["run", "hand.test.wasm", "--"].iter().chain(args));
    for (args, status, says) in [
        (&["-test.count=2"][..], 2, "-test.count=2: a test ends the same way each time; it is run once"),
        (&["-test.coverprofile", "c.out"], 2, "no files leave the sandbox"),
        (&["-test.shuffle=off", "-test.v"], 100, ""),
    ] {
        let ran = run(args);
        assert_eq!(ran.status, Some(status), "{args:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    }
}

/// The verdict with which a test's name begins; of one that is run for its output and the like, after the word that says so.
fn named(test: &str) -> String {
    let name = ["Test", "Example_", "Fuzz"].iter().find_map(|word| test.strip_prefix(word));
    let Some(name) = name else { return "skip".to_owned() };
    let mut words = name.char_indices().filter(|(at, c)| *at > 0 && c.is_uppercase());
    name[..words.next().map_or(name.len(), |(at, _)| at)].to_lowercase()
}

/// Runs the tests of a package that Go builds.
fn report_of(go: &Path, package: &str, args: &[&str]) -> (i32, Value) {
    let dir = scratch_dir();
    let package = guests_dir().join("go").join(package);
    let module = go_test_binary(go, &package, dir.path());
    let json = format!("json={}", dir.path().join("report.json").display());
    let dir_of_package = format!("{0}::{0}:overlay", std::fs::canonicalize(&package).unwrap().display());
    let pwd = format!("PWD={}", std::fs::canonicalize(&package).unwrap().display());
    let first = ["run", module.to_str().unwrap(), "--dir", &dir_of_package, "--env", &pwd, "--report", &json];
    let ran = run(dir.path(), first.iter().chain(args));
    let status = ran.status.unwrap_or(-1);
    assert!([0, 100].contains(&status), "{}{}", ran.stdout, ran.stderr);
    (status, read_report(&dir.path().join("report.json")))
}

#[test]
fn every_ending_of_a_go_test_has_its_verdict() {
    for go in gos("no verdict of a Go test was looked at") {
        every_ending_has_its_verdict(&go);
    }
}

fn every_ending_has_its_verdict(go: &Path) {
    let goroot = go.parent().and_then(Path::parent).unwrap().display().to_string();
    let (status, report) = report_of(go, "endings", &["--dir", &format!("{goroot}::{goroot}")]);
    assert_eq!(status, 100);
    let wrong: Vec<_> = tests(&report)
        .map(|(_, test)| (test["name"].as_str().unwrap(), test["verdict"].as_str().unwrap()))
        .filter(|(name, verdict)| named(name) != *verdict)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(tests(&report).count(), 22);
    for (test, says) in [
        ("TestFailWithAnError", "endings_test.go:58: got 1\nwant 2\nendings_test.go:59: and more"),
        ("TestFailByAPanic", "panic: boom"),
        ("TestFailByFatalInAnotherGoroutine", "from another"),
        ("TestFailByExitZero", "unexpected call to os.Exit(0) during test"),
        ("TestFailAfterAForgedEnd", "the truth"),
        ("TestExitThree", "os.Exit(3)"),
        ("TestTimeoutForAllAreAsleep", "[sync.Mutex.Lock] at endings_test.go:107, started at endings_test.go:104"),
        ("Example_fail", "got:\nhello\nwant:\nbye"),
        ("FuzzFail", "a subtest of it failed"),
    ] {
        assert!(message(&report, test).contains(says), "{test}: {}", message(&report, test));
    }
    let subtests = |test: &str| -> Vec<String> {
        let all = details(&report, test)["subtests"].as_array().cloned().unwrap_or_default();
        all.iter()
            .map(|sub| format!("{} {}", sub["name"].as_str().unwrap(), sub["verdict"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(subtests("TestPassWithSubtests"), ["a_b pass", "x/y pass", "a_b#01 pass"]);
    assert_eq!(subtests("TestFailInASubtest"), ["passes pass", "fails fail", "skips skip"]);
    assert_eq!(subtests("FuzzFail"), ["seed#0 pass", "seed#1 fail"]);
    let panic = &details(&report, "TestFailByAPanic")["stack"][0];
    assert_eq!((panic["file"].as_str(), panic["line"].as_u64()), (Some("endings_test.go"), Some(79)));
    // The binary was built without the hook: the line is from Go's tables.
    assert_eq!(left(&report, "TestLeakAFile"), ["file 1 at endings_test.go:123"]);
}

#[test]
fn patterns_have_the_meaning_that_go_gives_them() {
    let Some(go) = go("no pattern of `-test.run` was tried") else { return };
    let selected = |args: &[&str]| -> Vec<String> {
        let (_, report) = report_of(&go, "endings", &[&["--"], args].concat());
        tests(&report).map(|(_, test)| test["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(selected(&["-test.run=^TestSkip$|ByExit"]), ["TestFailByExitZero", "TestSkip"]);
    assert_eq!(selected(&["-test.run=Skip", "-test.skip=Without"]), ["TestSkip"]);
    assert_eq!(selected(&["-test.run=^$", "-test.bench=."]), ["BenchmarkPass"]);
    let (status, report) = report_of(&go, "endings", &["--", "-test.run=FailInASubtest/passes"]);
    assert_eq!(status, 0);
    let subtests = details(&report, "TestFailInASubtest")["subtests"].as_array().unwrap().len();
    assert_eq!(subtests, 1);
    let dir = scratch_dir();
    let module = go_test_binary(&go, &guests_dir().join("go/endings"), dir.path());
    let none = run(dir.path(), ["run", module.to_str().unwrap(), "--", "-test.run", "^TestNope$"]);
    assert_eq!(none.status, Some(4), "{}{}", none.stdout, none.stderr);
}

/// Runs `airtight go` in a folder.
fn airtight_go(go: &Path, dir: &Path, args: &[&str]) -> Ran {
    let mut command = command();
    command.env("AIRTIGHT_GO", go).env("GOFLAGS", "").env("GOTOOLCHAIN", "local");
    Ran::from(command.current_dir(dir).arg("go").args(args).output().unwrap())
}

/// `kind count, started or acquired at place, what it does`, of all that a test left.
fn left(report: &Value, test: &str) -> Vec<String> {
    let leaks = details(report, test)["leaks"].as_array().cloned().unwrap_or_default();
    let told = |leak: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let place = |frame: &Value| format!("{}:{}", text(&frame["file"]), frame["line"]);
        let own = leak["stack"].as_array().unwrap().iter().find(|frame| frame["library"].is_null());
        let does = leak["thread"].get("does").map(|does| format!(", {}", text(does))).unwrap_or_default();
        let scope = if leak["scope"] == test { String::new() } else { format!("{}: ", text(&leak["scope"])) };
        let place = own.map_or_else(|| place(&leak["stack"][0]), place);
        format!("{scope}{} {} at {place}{does}", text(&leak["kind"]), leak["count"])
    };
    leaks.iter().map(told).collect()
}

/// What the tests of `leaks` leave, and what each comes to is as its name says.
fn left_of_go(go: &Path) -> String {
    let dir = scratch_dir();
    let json = format!("json={}", dir.path().join("report.json").display());
    let ran = airtight_go(go, &guests_dir().join("go/leaks"), &["--report", &json]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&dir.path().join("report.json"));
    assert_eq!(report["canonical"]["modules"][0]["name"], "example.com/leaks");
    let wrong: Vec<_> = tests(&report)
        .map(|(_, test)| (test["name"].as_str().unwrap(), test["verdict"].as_str().unwrap()))
        .filter(|(name, verdict)| named(name) != *verdict)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{}", ran.stdout);
    assert_eq!(tests(&report).count(), 13);
    // The places of a leak in Go's library are those of its own sources.
    assert!(left(&report, "TestLeakAServer")[0].starts_with("task 1 at net/http/httptest/server.go:"));
    let all: Vec<String> = ["Example_leak", "TestPassOnItsWayOut", "TestLeakSendersOfOnePlace", "TestLeakATicker"]
        .into_iter()
        .chain(["TestLeakAWaitGroup", "TestLeakADroppedFileToo", "TestLeakFilesOfOneLoop"])
        .flat_map(|test| left(&report, test).into_iter().map(move |left| format!("{test}: {left}")))
        .collect();
    all.join("\n")
}

#[test]
fn what_is_left_of_go_is_told_with_its_line() {
    for go in gos("nobody looked for goroutines") {
        let mut left = left_of_go(&go);
        if go_minor(&go) < Some(26) {
            assert!(!left.contains("blocked for ever"), "{left}");
            // What an older Go does not tell is nothing that it tells otherwise.
            let unknown = ["select (no cases)", "chan send", "sync.WaitGroup.Wait"];
            for what in unknown {
                left = left.replace(&format!("is still there ({what})"), &format!("is blocked for ever ({what})"));
            }
        }
        insta::assert_snapshot!("what_is_left_of_go_is_told_with_its_line", left);
    }
}

/// Sources, command lines and machines are the same, and so is the report, to the byte.
#[test]
fn goroutines_are_told_the_same_each_time() {
    for go in gos("nobody compared two reports of goroutines") {
        let dir = scratch_dir();
        let digest = |args: &[&str]| {
            let json = format!("json={}", dir.path().join("report.json").display());
            let select = ["-run", "Leak[SAF]", "--go-heap", "--report", &json];
            airtight_go(&go, &guests_dir().join("go/leaks"), &[&select, args].concat());
            airtight_tests::digest(&read_report(&dir.path().join("report.json"))).to_owned()
        };
        let first = digest(&["-j", "1"]);
        assert_eq!(digest(&["-j", "2", "--shuffle", "7"]), first);
        assert_eq!(digest(&["--engine", "winch", "--no-cache"]), first);
    }
}

#[test]
fn what_go_cannot_do_here_is_said_with_the_reason() {
    let dir = scratch_dir();
    let ran = airtight_go("/nowhere/go".as_ref(), dir.path(), &[]);
    assert_eq!(ran.status, Some(96));
    assert!(ran.stderr.starts_with("error: there is no Go: AIRTIGHT_GO is /nowhere/go, which cannot be started"));
    assert!(ran.stderr.contains("\nto get one, type\n    python3 -m venv"), "{}", ran.stderr);
    let ran = airtight_go("/nowhere/go".as_ref(), dir.path(), &["-race", "./..."]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.starts_with("error: -race: the race detector does not exist for wasm"), "{}", ran.stderr);
    let Some(go) = go("no error of Go's own was looked at") else { return };
    let ran = airtight_go(&go, dir.path(), &[]);
    assert_eq!(ran.status, Some(101), "{}", ran.stderr);
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("go.mod", "module m\n\ngo 1.24\n");
    write("m.go", "package m\n");
    assert_eq!(airtight_go(&go, dir.path(), &[]).status, Some(4), "no test files");
    write("m_test.go", "package m\n\nfunc f() { g() }\n");
    let ran = airtight_go(&go, dir.path(), &[]);
    assert_eq!(ran.status, Some(101));
    assert!(ran.stderr.contains("m_test.go:3:12: undefined: g"), "{}", ran.stderr);
    write("m_test.go", "package m\n\nimport \"testing\"\n\nfunc TestA(*testing.T) {}\n");
    assert_eq!(airtight_go(&go, dir.path(), &[]).status, Some(0));
    assert_eq!(airtight_go(&go, dir.path(), &["-run", "TestB"]).status, Some(4));
    let listed = airtight_go(&go, dir.path(), &["-list", "."]);
    assert_eq!(listed.stdout, "m TestA\n");
}

/// A program that ends before `testing` has its turn is no pass, as it is for `go test`: whether its TestMain always does so, in which case
/// Go's linker leaves out what would run the tests, or only here. A package without tests has nothing to run, and is no error.
#[test]
fn a_program_that_never_comes_to_its_tests_is_no_pass() {
    for go in gos("no TestMain forgot to run its tests") {
        let dir = scratch_dir();
        let write = |name: &str, text: &str| {
            let file = dir.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        write("go.mod", "module m\n\ngo 1.24\n");
        let never = "func TestMain(*testing.M) { println() }";
        let early = "func TestMain(m *testing.M) {\n\tif os.Getenv(\"DATABASE\") == \"\" {\n\t\tos.Stdout.WriteString(\"no database\\n\")\n\
            \t\tos.Exit(0)\n\t}\n\tos.Exit(m.Run())\n}";
        for (package, main, import) in [("never", never, ""), ("early", early, "\t\"os\"\n"), ("good", "", "")] {
            let test = "func TestA(*testing.T) {}";
            let text = format!("package {package}\n\nimport (\n{import}\t\"testing\"\n)\n\n{main}\n\n{test}\n");
            write(&format!("{package}/a_test.go"), &text);
        }
        write("none/none_test.go", "package none\n");
        let ran = airtight_go(&go, dir.path(), &["./..."]);
        assert_eq!(ran.status, Some(104), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("1 test run: 1 passed"), "{}", ran.stdout);
        for said in [
            "m/never: none of its tests can be run: its program ended before it called `m.Run`; have TestMain call it",
            "m/early: none of its tests can be run: its program ended before it called `m.Run`, and said \"no database\"; ",
        ] {
            assert!(ran.stderr.contains(said), "{}", ran.stderr);
        }
        assert!(!ran.stderr.contains("m/none: "), "{}", ran.stderr);
    }
}

/// `os.Root` makes files through a directory that it opened without the right to cut files short. What is at no path that is granted is
/// not there, and `/` is a directory.
#[test]
fn files_are_made_through_a_root() {
    let Some(go) = go("no file was made through `os.Root`") else { return };
    let dir = scratch_dir();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("go.mod", "module m\n\ngo 1.24\n");
    write(
        "m_test.go",
        r#"package m

import (
	"os"
	"testing"
)

func TestRoot(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	file, err := root.Create("target")
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	if err := root.Mkdir("d", 0o777); err != nil {
		t.Error(err)
	}
}

func TestNotThere(t *testing.T) {
	for _, path := range []string{"/no/such/file", "/etc/passwd", "/x"} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Error(err)
		}
	}
	if err := os.WriteFile("/x", nil, 0o666); err == nil {
		t.Error("a file was made in the root")
	}
	entries, err := os.ReadDir("/")
	if err != nil || len(entries) > 0 {
		t.Error(entries, err)
	}
	t.Chdir("/")
}
"#,
    );
    let ran = airtight_go(&go, dir.path(), &[]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn the_package_for_go_does_the_same_with_and_without_airtight() {
    let Some(go) = go("the package for tests of Go was not tried") else { return };
    let package = airtight_tests::package_dir().join("../guest-sdk/go");
    let natively = std::process::Command::new(&go)
        .args(["test", "-count=1", "-v", "."])
        .current_dir(&package)
        .envs([("GOTOOLCHAIN", "local"), ("GOFLAGS", "")])
        .output()
        .unwrap();
    let natively = String::from_utf8_lossy(&natively.stdout).into_owned();
    let mut expected: Vec<String> = natively
        .lines()
        .filter_map(|line| Some(format!("{} pass", line.strip_prefix("--- PASS: ")?.split(' ').next()?)))
        .collect();
    expected.sort();
    assert!(expected.len() >= 6 && natively.ends_with('\n') && natively.contains("\nok  "), "{natively}");
    let dir = scratch_dir();
    let json = format!("json={}", dir.path().join("report.json").display());
    let mut command = command();
    command.envs([("GOFLAGS", "".as_ref()), ("GOTOOLCHAIN", "local".as_ref()), ("AIRTIGHT_GO", go.as_os_str())]);
    let ran = command.current_dir(&package).args(["go", ".", "--report", &json]).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stdout));
    let found = verdicts(&read_report(&dir.path().join("report.json")));
    let found: Vec<String> =
        found.iter().map(|(test, verdict)| format!("{} {verdict}", test.rsplit(' ').next().unwrap())).collect();
    assert_eq!(found, expected);
}

/// The report of `airtight go` on the package `figures`, and what it says.
fn figures(go: &Path, args: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    let json = format!("json={}", dir.path().join("report.json").display());
    let ran = airtight_go(go, &guests_dir().join("go/figures"), &[args, &["--report", &json]].concat());
    let report = read_report(&dir.path().join("report.json"));
    (ran, report)
}

/// The growth that is told, the floor below which none is, and the place that holds most.
#[test]
fn what_go_s_heap_grows_by_is_told_by_place() {
    for go in gos("nobody asked for the growth of Go's heap") {
        let run = || figures(&go, &["-run", "Grows|Nothing|Panic", "--go-heap"]);
        let (ran, report) = run();
        assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
        let heap = &details(&report, "TestGrows")["go"]["heap"];
        assert_eq!(heap["floor"], 16 << 10);
        let (bytes, blocks) = (heap["bytes"].as_u64().unwrap(), heap["blocks"].as_u64().unwrap());
        assert!((40 << 10..56 << 10).contains(&bytes) && (40..80).contains(&blocks), "{heap}");
        let most = &heap["sites"][0];
        assert_eq!((&most["blocks"], &most["bytes"]), (&40.into(), &(40 << 10).into()));
        let own: Vec<_> =
            most["stack"].as_array().unwrap().iter().map(|frame| frame["line"].as_u64().unwrap()).collect();
        assert_eq!(own, [20, 26], "the functions `keep` and `TestGrows`");
        assert!(ran.stdout.contains("Go's heap grew by "), "{}", ran.stdout);
        for quiet in ["TestGrowsLessThanIsTold", "TestLeavesNothing", "TestEndsByAPanic"] {
            assert!(details(&report, quiet)["go"]["heap"].is_null(), "{quiet}");
        }
        assert_eq!(airtight_tests::digest(&run().1), airtight_tests::digest(&report));
        // Nobody asked: nothing is told, and nothing else changes.
        let (_, plain) = figures(&go, &["-run", "Grows|Nothing|Panic"]);
        assert!(details(&plain, "TestGrows")["go"]["heap"].is_null());
        assert_eq!(details(&plain, "TestGrows")["usage"], details(&report, "TestGrows")["usage"]);
    }
}

/// The values of benchmarks.
#[test]
fn what_a_benchmark_says_of_itself_is_in_the_report() {
    for go in gos("nobody read the values of a benchmark") {
        let (ran, report) = figures(&go, &["-run", "Nothing", "-bench", "."]);
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        let metrics = details(&report, "BenchmarkWords")["go"]["metrics"].as_array().cloned().unwrap_or_default();
        let told = |metric: &Value| {
            let text = |key: &str| metric[key].as_str().unwrap_or_default().to_owned();
            format!("{}: {} {}", text("subtest"), text("value"), text("unit"))
        };
        let told: Vec<_> = metrics.iter().map(told).collect();
        assert_eq!(told, ["small: 7.500 words/op"]);
    }
}

/// Blocks of several sizes that are allocated in one place, some of them before the test begins.
#[test]
fn sites_are_exact_where_blocks_differ_in_size() {
    for go in gos("no places of allocations were counted") {
        let dir = scratch_dir();
        let json = format!("json={}", dir.path().join("report.json").display());
        // In a folder of its own, where the guests' limit on fuel does not hold.
        for name in ["go.mod", "places_test.go"] {
            std::fs::copy(guests_dir().join("go/places").join(name), dir.path().join(name)).unwrap();
        }
        let ran = airtight_go(&go, dir.path(), &["--go-heap", "--report", &json]);
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        let report = read_report(&dir.path().join("report.json"));
        let most = &details(&report, "TestAllocatesBothSizes")["go"]["heap"]["sites"][0];
        assert_eq!((&most["blocks"], &most["bytes"]), (&8.into(), &((7 << 10) + (64 << 10)).into()), "{most}");
        assert_eq!(most["stack"][0]["line"], 17);
    }
}

#[test]
fn a_comment_above_a_test_is_its_limit() {
    let Some(go) = go("no limit in a comment was read") else { return };
    let (ran, report) = figures(&go, &["-run", "OpensTooMany"]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(details(&report, "TestOpensTooMany")["reason"], "refused: 3");
    let dir = scratch_dir();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("go.mod", "module m\n\ngo 1.24\n");
    for (limit, status, says) in [
        ("hndles=3", 2, "m: m_test.go:5: a test can ask for no limit `hndles`; there are memory, fuel, "),
        ("handles=many", 2, "m: m_test.go:5: handles=many: "),
        ("handles", 101, "m is not built: m_test.go:5: `handles` is not NAME=VALUE"),
        ("handles=9000", 100, "handles 9K, above the 1024 that"),
    ] {
        let test =
            format!("package m\n\nimport \"testing\"\n\n//airtight:limit {limit}\nfunc TestA(*testing.T) {{}}\n");
        write("m_test.go", &test);
        let ran = airtight_go(&go, dir.path(), &[]);
        assert_eq!(ran.status, Some(status), "{limit}: {}{}", ran.stdout, ran.stderr);
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(says), "{limit}: {}{}", ran.stdout, ran.stderr);
    }
}

/// `go test -json -exec "airtight runner"` has an event for each end of a test and a subtest, and its own verdict on the package.
#[test]
fn go_test_runs_its_binaries_through_the_runner() {
    let Some(go) = go("`go test -exec` was not tried") else { return };
    let exec = |package: &str, args: &[&str]| {
        let runner = format!("{} runner", airtight_tests::program().display());
        let mut command = std::process::Command::new(&go);
        command.args(["test", "-count=1", "-exec", &runner]).args(args).arg(".");
        command.envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "")]);
        command.env("AIRTIGHT_CACHE_DIR", airtight_tests::cache_dir());
        Ran::from(command.current_dir(guests_dir().join("go").join(package)).output().unwrap())
    };
    let ended = |ran: &Ran| -> Vec<String> {
        let events = ran.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let word = |event: &Value| {
            let action = event["Action"].as_str().filter(|action| ["pass", "fail", "skip"].contains(action))?;
            Some(format!("{} {action}", event["Test"].as_str().unwrap_or("package")))
        };
        events.filter_map(|event| word(&event)).collect()
    };
    let ran = exec("endings", &["-json", "-run", "Subtest|LeakAFile|Skip$|TestPass$"]);
    assert_eq!(ran.status, Some(1), "{}{}", ran.stdout, ran.stderr);
    let mut all = ended(&ran);
    assert_eq!(all.pop().as_deref(), Some("package fail"));
    assert_eq!(
        all,
        [
            "TestFailInASubtest/passes pass",
            "TestFailInASubtest/fails fail",
            "TestFailInASubtest/skips skip",
            "TestFailInASubtest fail",
            "TestLeakAFile fail",
            "TestPass pass",
            "TestPassWithSubtests/a_b pass",
            "TestPassWithSubtests/x/y pass",
            "TestPassWithSubtests/a_b#01 pass",
            "TestPassWithSubtests pass",
            "TestSkip skip",
        ]
    );
    assert!(ran.stdout.contains("1 file"), "{}", ran.stdout);
    assert!(ran.stdout.contains("a log"), "{}", ran.stdout);
    let ran = exec("endings", &["-run", "TestPass$"]);
    assert!(ran.status == Some(0) && ran.stdout.starts_with("ok  "), "{}{}", ran.stdout, ran.stderr);
    let ran = exec("endings", &["-json", "-run", "TestNope"]);
    assert_eq!((ran.status, ended(&ran)), (Some(0), vec!["package pass".to_owned()]), "{}", ran.stdout);
    assert!(ran.stdout.contains("no tests to run"), "{}", ran.stdout);
}

/// A profile says which goroutines fail a test: its own, and those of TestMain and of initialisation, which the first test tells.
#[test]
fn a_profile_says_which_goroutines_fail() {
    let Some(go) = go("no profile said which goroutines fail") else { return };
    let dir = scratch_dir();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("go.mod", "module m\n\ngo 1.24\n");
    write(
        "m_test.go",
        "package m\n\nimport (\n\t\"os\"\n\t\"testing\"\n\t\"time\"\n)\n\nfunc init() { go time.Sleep(time.Hour) }\n\n\
         func TestMain(m *testing.M) {\n\tgo time.Sleep(2 * time.Hour)\n\tos.Exit(m.Run())\n}\n\n\
         func TestA(*testing.T) { go time.Sleep(time.Hour) }\n\nfunc TestB(*testing.T) {}\n",
    );
    for (leaks, expected) in [
        ("tasks = \"fail\"", ["leak", "pass"]),
        ("tasks = \"ignore\"", ["pass", "pass"]),
        ("tasks = \"ignore\", setup-tasks = \"fail\"", ["leak", "pass"]),
    ] {
        write("airtight.toml", &format!("[profile.default]\nleaks = {{ {leaks} }}\n"));
        let json = format!("json={}", dir.path().join("report.json").display());
        let ran = airtight_go(&go, dir.path(), &["--report", &json]);
        let report = read_report(&dir.path().join("report.json"));
        let found = ["TestA", "TestB"].map(|test| details(&report, test)["verdict"].as_str().unwrap());
        assert_eq!(found, expected, "{leaks}: {}", ran.stdout);
        let all = details(&report, "TestA")["leaks"].as_array().unwrap();
        let set_up = all.iter().filter(|leak| leak["scope"] == "set-up").map(|leak| leak["count"].as_u64().unwrap());
        assert_eq!(set_up.sum::<u64>(), 2, "{leaks}: {all:?}");
    }
}
