//! Expected panics of Rust's own harness, in modules that rustc would not write: airtight does not guess, and nothing
//! breaks.

use airtight::config::Config;
use airtight::report::{TestRecord, Verdict};
use airtight::{Compiler, LoadOptions, Runner, Selection, Subject};
use airtight_tests::{guest, run, scratch_dir, tests};
use proptest::test_runner::{Config as Cases, TestRunner};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

const SETTINGS: &str = "[profile.default]\nfuel = \"20M\"\nmemory = \"32MiB\"\n";

fn runner(compiler: Compiler, heap: bool) -> Runner {
    let config = Config::from_str(SETTINGS, "airtight.toml", Path::new("/")).unwrap();
    Runner::builder(&config, "default").unwrap().compiler(compiler).heap_accounting(heap).build().unwrap()
}

/// The tests of a module, and why `list` says that they will be skipped.
fn records(runner: &Runner, module: Vec<u8>) -> Result<Vec<(TestRecord, Option<String>)>, String> {
    let module = runner.load(module, LoadOptions::named("guest")).map_err(|error| error.to_string())?;
    let planned = runner.plan(vec![Subject::new(module)], &Selection::default()).map_err(|error| error.to_string())?;
    let listed = planned.modules().iter().flat_map(|module| &module.tests);
    let listed: Vec<_> = listed.map(|test| test.skipped().map(str::to_owned)).collect();
    let report = runner.run(&planned, &mut ()).unwrap();
    let tests: Vec<_> = report.canonical.modules.into_iter().flat_map(|module| module.tests).collect();
    assert_eq!(tests.len(), listed.len());
    Ok(tests.into_iter().zip(listed).collect())
}

/// Verdict, and message or reason, by test.
fn told(runner: &Runner, module: Vec<u8>) -> BTreeMap<String, (Verdict, String)> {
    let record = |(test, listed): (TestRecord, Option<String>)| {
        let details = test.details.unwrap_or_default();
        if let Some(listed) = listed {
            assert_eq!(details.reason.as_ref(), Some(&listed), "`list` and the report differ");
        }
        (test.name.to_string(), (test.verdict, details.reason.or(details.message).unwrap_or_default()))
    };
    records(runner, module).unwrap().into_iter().map(record).collect()
}

fn panics() -> Vec<u8> {
    std::fs::read(guest("plain/panics")).unwrap()
}

/// A module without its custom section of this name.
fn without(module: &[u8], name: &str) -> Vec<u8> {
    let number = |at: &mut usize| {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = module[*at];
            *at += 1;
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    };
    let (mut kept, mut at) = (module[..8].to_vec(), 8);
    while at < module.len() {
        let start = at;
        at += 1;
        let len = number(&mut at);
        let end = at + len;
        let is_gone = module[start] == 0 && {
            let len = number(&mut at);
            module[at..at + len] == *name.as_bytes()
        };
        if !is_gone {
            kept.extend(&module[start..end]);
        }
        at = end;
    }
    kept
}

#[test]
fn every_compiler_and_a_heap_that_is_not_followed_come_to_the_same() {
    let expected = told(&runner(Compiler::Cranelift, true), panics());
    assert_eq!(expected.values().filter(|(verdict, _)| *verdict == Verdict::Pass).count(), 12, "{expected:?}");
    for (compiler, heap) in [(Compiler::Cranelift, false), (Compiler::Pulley, true), (Compiler::Winch, false)] {
        assert_eq!(told(&runner(compiler, heap), panics()), expected, "{compiler:?}, {heap}");
    }
}

/// The tests of which it is not known that they are to panic are those that libtest ignores, and they are skipped.
#[test]
fn without_what_it_takes_they_are_skipped_for_the_reason() {
    let runner = runner(Compiler::Cranelift, true);
    for (gone, reason) in [
        ("name", "should_panic: the module has no function names"),
        ("producers", "should_panic: the module does not say which rustc made it"),
    ] {
        let told = told(&runner, without(&panics(), gone));
        let skipped: Vec<_> = told.iter().filter(|(_, (verdict, _))| *verdict == Verdict::Skip).collect();
        assert_eq!(skipped.len(), 24, "{told:?}");
        let ignored = "skip_ignored_for_a_reason";
        assert!(told[ignored].1.starts_with("ignored: for a reason\nof two lines"), "{:?}", told[ignored]);
        for (name, (_, why)) in skipped.into_iter().filter(|(name, _)| *name != ignored) {
            assert!(why.starts_with(reason), "{name}: {why}");
        }
    }
}

#[test]
fn all_commands_tell_the_same() {
    let dir = scratch_dir();
    let module = guest("plain/panics").to_str().unwrap();
    let listed = run(dir.path(), ["list", module]);
    assert!(listed.stdout.contains("skip_ignored_for_a_reason (ignored: for a reason"), "{}", listed.stdout);
    assert_eq!(listed.stdout.matches(" (").count(), 1, "{}", listed.stdout);
    for command in ["run", "runner"] {
        let ran = run(dir.path(), [command, module]);
        let text = ran.stdout + &ran.stderr;
        assert!(text.contains("23 tests run: 12 passed, 9 failed, 2 exited, 1 skipped"), "{command}: {text}");
    }
    let verified = run(dir.path(), ["verify", module, "--report", "json=verified.json"]);
    assert!(verified.stdout.contains("24 tests: the same in 7 ways"), "{}", verified.stdout);
    let report = airtight_tests::read_report(&dir.path().join("verified.json"));
    assert_eq!(tests(&report).count(), 24);
}

/// A program that answers as libtest does, has one test, and raises a panic with this payload and these functions.
fn forged(payload: &str, functions: &str) -> Vec<u8> {
    let names = [
        ("$raise", "_RNvCsfLfy6EI15iL_7___rustc10rust_panic"),
        (
            "$static",
            "_RNvXs1_NvNtCset5xJoy1xWQ_3std9panicking13panic_handlerNtB5_16StaticStrPayloadNtNtCsdHhIpgkcIfN_4core5panic12PanicPayload3get",
        ),
        (
            "$formatted",
            "_RNvXs_NvNtCset5xJoy1xWQ_3std9panicking13panic_handlerNtB4_19FormatStringPayloadNtNtCsdHhIpgkcIfN_4core5panic12PanicPayload3get",
        ),
        ("$write", "_RNvXsZ_NtCsi9YzqDQQz2q_5alloc6stringNtB5_6StringNtNtCsdHhIpgkcIfN_4core3fmt5Write9write_str"),
    ];
    let text = format!(
        r#"(module
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $print (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 2 8)
        (table 16 funcref)
        (elem (i32.const 1) $test $static $formatted $id_of_str $id_of_string $text $text $text)
        (func $test (param i32))
        (func (@name "_ZN4test16test_main_static17h0123456789abcdefE"))
        (func $text (param i32 i32) (result i32) i32.const 0)
        {functions}
        (func $raise (@name "$raise") (param i32 i32) (drop (local.get 0)) (drop (local.get 1)) unreachable)
        (func $window (@name "_ZN4test28__rust_begin_short_backtrace17h0123456789abcdefE") (param i32 i32)
            (call $raise (local.get 0) (local.get 1)))
        (func (export "_start")
            (drop (call $sizes (i32.const 0) (i32.const 4)))
            (if (i32.lt_u (i32.load (i32.const 0)) (i32.const 4)) (then unreachable))
            (if (i32.eq (i32.load (i32.const 0)) (i32.const 4)) (then
                ;; `t --exact --nocapture` or `--list --format terse`: the mark of the test's descriptor tells which.
                (if (i32.eqz (i32.load (i32.const 1024))) (then (call $window {payload}) return))
                (i32.store (i32.const 16) (i32.const 1104)) (i32.store (i32.const 20) (i32.const 8))
                (drop (call $print (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))))
        (data (i32.const 1024)
            "\02\00\00\00" "\60\04\00\00" "\01\00\00\00" "\01\00\00\80"
            "\50\04\00\00" "\01\00\00\00" "\00\00\00\00" "\60\04\00\00" "\04\00\00\00"
            "\00\00\00\00" "\00\00\00\00" "\01\00\00\00" "\01\00\00\00" "\01\00\00\00" "\01\00\00\00"
            "\00\00\00\00" "\00\00\00\00" "\01\00\00\00")
        (data (i32.const 1104) "t: test\n")
        (data (i32.const 1120) "file")
        ;; The vtables of the two payloads, and of what is in them.
        (data (i32.const 1200) "\00\00\00\00" "\08\00\00\00" "\04\00\00\00" "\06\00\00\00" "\06\00\00\00" "\02\00\00\00" "\06\00\00\00")
        (data (i32.const 1232) "\00\00\00\00" "\10\00\00\00" "\04\00\00\00" "\06\00\00\00" "\06\00\00\00" "\03\00\00\00" "\06\00\00\00")
        (data (i32.const 1264) "\00\00\00\00" "\08\00\00\00" "\04\00\00\00" "\04\00\00\00")
        (data (i32.const 1280) "\00\00\00\00" "\0c\00\00\00" "\04\00\00\00" "\05\00\00\00")
        ;; A text, and a string of it.
        (data (i32.const 1296) "\60\04\00\00" "\04\00\00\00")
        (data (i32.const 1304) "\08\00\00\00" "\60\04\00\00" "\04\00\00\00")
        (data (i32.const 1316) "\60\04\00\00" "\ff\ff\ff\ff")
        (data (i32.const 1324) "\34\05\00\00" "\04\00\00\00" "\ff\ff\ff\ff")
        (@producers (processed-by "rustc" "1.95.0")))"#
    );
    let text = names.iter().fold(text, |text, (name, symbol)| {
        text.replace(&format!("(@name \"{name}\")"), &format!("(@name \"{symbol}\")"))
    });
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// Functions as Rust's library has them; each can be replaced.
const STATIC: &str = r#"(func $static (@name "$static") (param i32 i32)
    (i32.store (local.get 0) (local.get 1)) (i32.store offset=4 (local.get 0) (i32.const 1264)))"#;
const FORMATTED: &str = r#"(func $formatted (@name "$formatted") (param i32 i32)
    (i32.store (local.get 0) (local.get 1)) (i32.store offset=4 (local.get 0) (i32.const 1280)))"#;
const ID_OF_STR: &str = "(func $id_of_str (param i32 i32) (i64.store (local.get 0) (i64.const 1)))";
const ID_OF_STRING: &str = "(func $id_of_string (param i32 i32) (i64.store (local.get 0) (i64.const 2)))";
const WRITE: &str = r#"(func $write (@name "$write") (param i32 i32 i32) (result i32)
    (i32.store (local.get 0) (i32.const 8)) (i32.store offset=4 (local.get 0) (local.get 1))
    (i32.store offset=8 (local.get 0) (local.get 2)) i32.const 0)"#;

const STR: &str = "(i32.const 1296) (i32.const 1200)";
const STRING: &str = "(i32.const 1304) (i32.const 1232)";

/// The library's functions, but for one.
fn but(replaced: &str, body: &str) -> String {
    let all = [STATIC, FORMATTED, ID_OF_STR, ID_OF_STRING, WRITE].join("\n");
    if replaced.is_empty() {
        return all;
    }
    let end = replaced.rfind(if replaced == WRITE { "(i32.store (local" } else { "(param i32 i32)" }).unwrap();
    let head = if replaced == WRITE { &replaced[..end] } else { &replaced[..end + "(param i32 i32)".len()] };
    all.replace(replaced, &format!("{head} {body})"))
}

#[test]
fn a_forged_payload_breaks_nothing_and_is_not_believed() {
    let runner = runner(Compiler::Cranelift, true);
    let unread = Verdict::Skip;
    let forever = "(loop $l (br $l))";
    for (what, payload, functions, verdict, says) in [
        ("a text", STR, but("", ""), Verdict::Pass, ""),
        ("a string", STRING, but("", ""), Verdict::Pass, ""),
        (
            "another type",
            STR,
            but(ID_OF_STR, "(i64.store (local.get 0) (i64.extend_i32_u (local.get 1)))"),
            Verdict::Fail,
            "string value",
        ),
        ("a text that is not in memory", "(i32.const 1316) (i32.const 1200)", but("", ""), unread, "no more than"),
        ("a text that is not UTF-8", "(i32.const 1324) (i32.const 1200)", but("", ""), unread, "not UTF-8"),
        ("a payload that is not in memory", "(i32.const -4) (i32.const 1200)", but("", ""), unread, "outside"),
        ("a vtable that is not in memory", "(i32.const 0) (i32.const -4)", but("", ""), unread, "outside"),
        ("a vtable at the end of memory", "(i32.const 0) (i32.const 131068)", but("", ""), unread, "not laid out"),
        ("a vtable of anything", "(i32.const 0) (i32.const 1024)", but("", ""), unread, "not laid out"),
        (
            "types that are alike",
            STR,
            but(ID_OF_STRING, "(i64.store (local.get 0) (i64.const 1))"),
            unread,
            "not told apart",
        ),
        ("a string that is laid out otherwise", STRING, but(WRITE, "i32.const 0"), unread, "unknown way"),
        ("a string that cannot be appended to", STRING, but(WRITE, "i32.const 1"), unread, "unknown way"),
        ("a type that is never told", STR, but(ID_OF_STR, forever), unread, "fuel"),
        ("a payload that never answers", STR, but(STATIC, forever), unread, "fuel"),
        ("a payload that traps", STR, but(STATIC, "unreachable"), unread, "unreachable"),
        ("a payload that panics", STR, but(STATIC, &format!("(call $raise {STR})")), unread, "unreachable"),
        (
            "a payload that never stops panicking",
            STR,
            but(STATIC, "(call $static (local.get 0) (local.get 1))"),
            unread,
            "stack",
        ),
        (
            "a payload that takes all memory",
            STR,
            but(STATIC, "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable"),
            unread,
            "unreachable",
        ),
        (
            "no memory to answer in",
            "(block (result i32) (drop (memory.grow (i32.const 6))) (i32.const 1296)) (i32.const 1200)",
            but("", ""),
            unread,
            "memory is full",
        ),
    ] {
        let began = Instant::now();
        let told = told(&runner, forged(payload, &functions));
        let (found, message) = &told["t"];
        assert_eq!((*found, message.contains(says)), (verdict, true), "{what}: {message}");
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
    }
}

/// A panic of the harness, before or after the test, is not the one that is expected.
#[test]
fn a_panic_outside_of_the_test_does_not_count() {
    let text = format!("(block (result i32) (call $raise {STR}) (i32.const 1296)) (i32.const 1200)");
    let told = told(&runner(Compiler::Cranelift, true), forged(&text, &but("", "")));
    assert_eq!(told["t"], (Verdict::Fail, "panicked, and the message was lost".to_owned()));
}

/// A damaged module is refused, or its tests are run and something is said of each.
#[test]
fn a_damaged_module_breaks_nothing() {
    let module = forged(STRING, &but("", ""));
    let runner = runner(Compiler::Winch, true);
    let cases = Cases { cases: 300, failure_persistence: None, ..Cases::default() };
    let damage = (8..module.len(), proptest::num::u8::ANY);
    TestRunner::new(cases)
        .run(&damage, |(at, value)| {
            let mut damaged = module.clone();
            damaged[at] = value;
            let _ = records(&runner, damaged);
            Ok(())
        })
        .unwrap();
}
