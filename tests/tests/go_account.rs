//! What tests of Go cost and say of themselves: what the hook takes, what their program's start takes, and why nothing is known of Go's
//! heap where that is so.

use airtight_tests::{
    Ran, command, digest, go_test_binary, go_test_binary_with, goroot, gos, guests_dir, package_dir, read_report, run,
    scratch_dir, tests,
};
use serde_json::Value;
use std::path::Path;

/// The most fuel that the hook takes of a test that leaves nothing: when the program starts, when the test begins, and when it ends.
const HOOK_TAKES: u64 = 100_000;

/// The one test of the package of which the fuel is counted. The module is called so, too: names seed randomness, and so the same is
/// drawn with the hook and without.
const TEST: &str = "TestLeavesNothing";

/// A page of WebAssembly's memory, in bytes.
const PAGE: usize = 64 << 10;

/// How many pages of memory a module begins with.
fn pages(module: &Path) -> usize {
    const MEMORY: u8 = 5;
    let bytes = std::fs::read(module).unwrap();
    // A number has seven bits in each byte, the lowest first; the last byte is below 128.
    let number = |at: usize| {
        let len = bytes[at..].iter().position(|byte| *byte < 128).unwrap() + 1;
        let bits = bytes[at..at + len].iter().rev();
        (bits.fold(0, |number, byte| number << 7 | usize::from(byte & 127)), at + len)
    };
    let mut at = 8;
    loop {
        let (len, begins) = number(at + 1);
        if bytes[at] == MEMORY {
            // One memory, and whether it has a maximum.
            return number(begins + 2).0;
        }
        at = begins + len;
    }
}

/// Writes a package with one test, of which static data take so much room.
fn write_package(dir: &Path, padding: usize) {
    std::fs::write(dir.join("go.mod"), "module example.com/small\n\ngo 1.24\n").unwrap();
    let test = format!(
        "package small\n\nimport \"testing\"\n\nvar padding [{padding}]byte\n\nfunc init() {{ padding[0] = 1 }}\n\n\
         func {TEST}(*testing.T) {{}}\n"
    );
    std::fs::write(dir.join("small_test.go"), test).unwrap();
}

/// The fuel of a program that runs this one test, its start included.
fn whole_fuel(module: &Path) -> u64 {
    let dir = module.parent().unwrap();
    let renamed = dir.join(TEST).with_extension("wasm");
    std::fs::copy(module, &renamed).unwrap();
    let ran = run(dir, ["run", renamed.to_str().unwrap(), "--report", "json=report.json"]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&dir.join("report.json"));
    let (module, test) = tests(&report).next().unwrap();
    assert_eq!((module, test["name"].as_str()), (TEST, Some(TEST)), "the same names seed the same randomness");
    test["usage"]["fuel"].as_u64().unwrap() + test["go"]["start_fuel"].as_u64().unwrap_or(0)
}

/// The same test is built with the hook and without. Both programs begin with as many pages of memory: Go's runtime clears what lies between
/// the last of them and its heap, which takes up to half a million units of fuel, and moves with each line of a program.
#[test]
fn the_hook_is_cheap_where_nothing_is_left() {
    for go in gos("nobody looked at what the hook takes") {
        let (package, plain, hooked) = (scratch_dir(), scratch_dir(), scratch_dir());
        let hook = package_dir().join("../host/toolchain/src/go/hook.go.txt");
        let added = hooked.path().join("hook.go");
        std::fs::copy(hook, &added).unwrap();
        let place = goroot(&go).join("src/testing/airtight_hook.go");
        let files = serde_json::json!({ "Replace": { place.to_str().unwrap(): added } });
        let overlay = hooked.path().join("overlay.json");
        std::fs::write(&overlay, files.to_string()).unwrap();
        let overlay = format!("-overlay={}", overlay.display());

        write_package(package.path(), 1);
        let with = go_test_binary_with(&go, package.path(), hooked.path(), &[&overlay]);
        let without = go_test_binary(&go, package.path(), plain.path());
        write_package(package.path(), 1 + (pages(&with) - pages(&without)) * PAGE);
        let without = go_test_binary(&go, package.path(), plain.path());
        assert_eq!(pages(&with), pages(&without));

        let (with, without) = (whole_fuel(&with), whole_fuel(&without));
        assert!(with > without && with - without < HOOK_TAKES, "{with} with the hook, {without} without");
        eprintln!("{}: the hook takes {} of {with}", go.display(), with - without);
    }
}

/// The report of `airtight go` on a package of the guests, and what it says.
fn report_of(go: &Path, package: &str, args: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    let json = format!("json={}", dir.path().join("report.json").display());
    let mut command = command();
    command.env("AIRTIGHT_GO", go).env("GOFLAGS", "").env("GOTOOLCHAIN", "local");
    command.current_dir(guests_dir().join("go").join(package)).args(["go", "--report", &json]).args(args);
    let ran = Ran::from(command.output().unwrap());
    (ran, read_report(&dir.path().join("report.json")))
}

/// The fuel of each test, and what the program's start took, where a test tells it.
fn fuel(report: &Value) -> Vec<(String, u64, Option<u64>)> {
    let told = tests(report).map(|(_, test)| {
        let name = test["name"].as_str().unwrap().to_owned();
        (name, test["usage"]["fuel"].as_u64().unwrap(), test["go"]["start_fuel"].as_u64())
    });
    told.collect()
}

/// Each program of a Go package initialises the package anew. That is in no test's fuel: the first that is run tells it, whichever that is.
/// Tests of other kinds have no start that is counted apart.
#[test]
fn the_start_is_told_once_and_is_in_no_test_s_fuel() {
    for go in gos("nobody looked at what a program's start takes") {
        let (ran, report) = report_of(&go, "figures", &["-run", "Nothing|Less"]);
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        let [(first, less, Some(start)), (second, nothing, None)] = &fuel(&report)[..] else { panic!("{report}") };
        assert_eq!((&**first, &**second), ("TestGrowsLessThanIsTold", "TestLeavesNothing"));
        // A million rounds of a loop initialise the package.
        assert!(*start > 3_000_000 && *less < 1_000_000 && *nothing < 1_000_000, "{report}");
        let (_, alone) = report_of(&go, "figures", &["-run", "Nothing"]);
        let [(_, same, Some(its_start))] = &fuel(&alone)[..] else { panic!("{alone}") };
        assert_eq!(nothing, same, "it does not matter which is the first");
        assert!(start.abs_diff(*its_start) < 100_000, "the names of the two differ: {start}, {its_start}");
        // The module is told apart from its tests by people, too.
        let (ran, _) = report_of(&go, "figures", &["-run", "Nothing|Less", "--status-level", "all"]);
        assert_eq!(ran.stdout.matches("the program's start took").count(), 1, "{}", ran.stdout);
    }
    let dir = scratch_dir();
    let other = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
    std::fs::write(dir.path().join("other.wasm"), wat::parse_str(other).unwrap()).unwrap();
    let ran = run(dir.path(), ["run", "other.wasm", "--report", "json=report.json"]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    let others = fuel(&read_report(&dir.path().join("report.json")));
    assert!(!others.is_empty() && others.iter().all(|(.., start)| start.is_none()), "{others:?}");
}

/// The second run, in which Go tells of its heap, takes more fuel than the first, and may be out of it.
#[test]
fn it_is_said_why_nothing_is_known_of_go_s_heap() {
    for go in gos("nobody asked for Go's heap in vain") {
        let (_, report) = report_of(&go, "figures", &["-run", "Nothing"]);
        let [(_, fuel, Some(start))] = &fuel(&report)[..] else { panic!("{report}") };
        let limit = (fuel + start + 10_000).to_string();
        let args = ["-run", "Nothing", "--go-heap", "--fuel", &limit];
        let (ran, report) = report_of(&go, "figures", &args);
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        let (_, test) = tests(&report).next().unwrap();
        let doubt = &test["go"]["heap_doubt"];
        assert_eq!(doubt["code"], "other-ending", "{test}");
        assert!(doubt["why"].as_str().unwrap().starts_with("a second run differed: out of fuel; "), "{doubt}");
        assert_eq!(report["volatile"]["codes"]["AT0405"], "other-ending");
        for said in ["Go's heap: not known (AT0405): a second run differed: out of fuel; ", "airtight explain AT0405"] {
            assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
        }
        assert_eq!(digest(&report), digest(&report_of(&go, "figures", &args).1));
        // A test that fails has other things to tell.
        let (_, report) = report_of(&go, "figures", &["-run", "Panic", "--go-heap"]);
        let (_, test) = tests(&report).next().unwrap();
        assert!(test["verdict"] == "fail" && test["go"]["heap_doubt"].is_null(), "{test}");
    }
}

/// A package that has the runtime note every allocation itself: what the hook allocates is not among the places.
#[test]
fn the_hook_s_own_blocks_are_at_no_place() {
    for go in gos("no place of the hook's own was looked for") {
        let dir = scratch_dir();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("go.mod", "module example.com/noted\n\ngo 1.24\n");
        write("noted_test.go", NOTED);
        let mut command = command();
        command.env("AIRTIGHT_GO", &go).env("GOFLAGS", "").env("GOTOOLCHAIN", "local").current_dir(dir.path());
        let ran = Ran::from(command.args(["go", "--go-heap", "--report", "json=report.json"]).output().unwrap());
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        let report = read_report(&dir.path().join("report.json"));
        let (_, test) = tests(&report).next().unwrap();
        let sites = test["go"]["heap"]["sites"].as_array().unwrap();
        let functions: Vec<_> = sites.iter().map(|site| site["stack"][0]["function"].as_str().unwrap()).collect();
        assert_eq!(functions[0], "example.com/noted.TestKeeps");
        let hooks = functions.iter().filter(|function| function.contains("airtight") || function.contains("maps."));
        assert_eq!(hooks.count(), 0, "{functions:?}");
    }
}

/// It has many places noted before its test begins, and looks at the end whether the rate is as it had set it.
const NOTED: &str = r#"package noted

import (
	"os"
	"runtime"
	"testing"
	"time"
)

var kept [][]byte

func init() { runtime.MemProfileRate = 1 }

func TestMain(m *testing.M) {
	status := m.Run()
	if runtime.MemProfileRate != 1 {
		status = 9
	}
	os.Exit(status)
}

func TestKeeps(*testing.T) {
	kept = append(kept, make([]byte, 64<<10))
	go time.Sleep(time.Millisecond)
}
"#;
