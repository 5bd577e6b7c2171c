//! Small valid modules, which are then damaged: loading, listing and running one gives an error or a verdict, never a
//! panic.
//!
//! `cargo test` runs a few cases, the same every time. For a long run with other cases:
//!
//! ```console
//! $ AIRTIGHT_FUZZ_CASES=1000000 AIRTIGHT_FUZZ_SEED=7 cargo test --release -p airtight-tests --test fuzz_load -- --nocapture
//! ```

use airtight::policy::{Limit, Limits, Policy};
use airtight::report::Verdict;
use airtight::{Compiler, LoadOptions};
use airtight::{Runner, Selection, Subject};
use airtight_tests::fuzz;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use std::sync::atomic::{AtomicU32, Ordering};

/// Cases of a run that nobody asked to be longer.
const SMOKE: u32 = 1_500;

/// One change of a module's bytes.
#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize, Index),
    Cut(Index),
    /// A custom section of these contents at the end.
    Section(&'static str, Vec<u8>),
}

/// Sections that airtight reads.
const SECTIONS: &[&str] = &[
    "name",
    "airtight.tests",
    "producers",
    ".debug_info",
    ".debug_abbrev",
    ".debug_line",
    ".debug_str",
    ".debug_ranges",
];

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        4 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        2 => (any::<Index>(), bytes(8)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        2 => (any::<Index>(), 1..16_usize).prop_map(|(at, len)| Damage::Remove(at, len)),
        1 => (any::<Index>(), 1..64_usize, any::<Index>()).prop_map(|(from, len, to)| Damage::Repeat(from, len, to)),
        1 => any::<Index>().prop_map(Damage::Cut),
        3 => (prop::sample::select(SECTIONS), bytes(80)).prop_map(|(name, bytes)| Damage::Section(name, bytes)),
    ]
}

impl Damage {
    fn apply(&self, module: &mut Vec<u8>) {
        let len = module.len();
        match self {
            Self::Section(name, contents) => append_section(module, name, contents),
            _ if len == 0 => {}
            Self::Set(at, byte) => module[at.index(len)] = *byte,
            Self::Flip(at, bit) => module[at.index(len)] ^= 1 << bit,
            Self::Insert(at, bytes) => drop(module.splice(at.index(len)..at.index(len), bytes.iter().copied())),
            Self::Remove(at, count) => drop(module.drain(at.index(len)..(at.index(len) + count).min(len))),
            Self::Repeat(from, count, to) => {
                let from = from.index(len);
                let part = module[from..(from + count).min(len)].to_vec();
                module.splice(to.index(len)..to.index(len), part);
            }
            Self::Cut(at) => module.truncate(at.index(len)),
        }
    }
}

/// Lengths here are below 2 to the 14: two bytes of LEB128.
fn leb(length: usize) -> [u8; 2] {
    [(length & 0x7f) as u8 | 0x80, (length >> 7) as u8]
}

fn append_section(module: &mut Vec<u8>, name: &str, contents: &[u8]) {
    module.push(0);
    module.extend_from_slice(&leb(2 + name.len() + contents.len()));
    module.extend_from_slice(&leb(name.len()));
    module.extend_from_slice(name.as_bytes());
    module.extend_from_slice(contents);
}

/// The valid modules: the guests written by hand, one with a test of the SDK's, and one that looks like libtest's.
fn modules() -> Vec<Vec<u8>> {
    // What prints a gigabyte or waits for a deadline is slow, and nothing else.
    let quick = |path: &&std::path::PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        !name.contains("gigabyte") && !name.starts_with("timeout")
    };
    let mut modules: Vec<_> =
        airtight_tests::wat_guests().iter().filter(quick).map(|path| wat::parse_file(path).unwrap()).collect();
    let mut sdk = wat::parse_str(
        r#"(module (memory (export "memory") 1) (global $sp (mut i32) (i32.const 4096))
            (func $i (result i32) (global.set $sp (i32.const 64)) i32.const 0)
            (export "airtight:state" (func $i)) (export "airtight:cleanup" (func $i)) (export "airtight:flush" (func $i))
            (func (export "airtight:test/b") (result i32) unreachable))"#,
    );
    const BODY: &str = "name\0demo::a::b\0export\0airtight:test/b\0file\0src/lib.rs\0line\x007\0memory\x0065536\0";
    const RECORD: [u8; airtight_abi::record_len(BODY)] = airtight_abi::record(BODY);
    if let Ok(sdk) = &mut sdk {
        append_section(sdk, airtight_abi::SECTION, &RECORD);
    }
    modules.push(sdk.unwrap());
    modules.push(
        wat::parse_str(
            r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1) (data (i32.const 64) "a::b: test\n") (data (i32.const 8) "\40\00\00\00\0b")
                (func $_ZN4test16test_main_static17h0123456789abcdefE)
                (func (export "_start") (call $_ZN4test16test_main_static17h0123456789abcdefE)
                    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))))"#,
        )
        .unwrap(),
    );
    modules
}

fn policy() -> Policy {
    let limits = Limits::default()
        .with(Limit::Fuel, 200_000)
        .with(Limit::Memory, 4 << 20)
        .with(Limit::Timeout, 20_000)
        .with(Limit::Scratch, 1 << 20);
    Policy { limits, ..Policy::default() }
}

/// How far a module came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoadOutcome {
    Refused,
    Unlisted,
    Ran,
}

fn try_all(runner: &Runner, bytes: Vec<u8>) -> Result<LoadOutcome, TestCaseError> {
    let Ok(module) = runner.load(bytes, LoadOptions::named("damaged")) else {
        return Ok(LoadOutcome::Refused);
    };
    let subject = Subject::new(module);
    let planned = match runner.plan(vec![subject], &Selection::default()) {
        Ok(planned) if planned.refused().is_empty() => planned,
        Ok(_) => return Ok(LoadOutcome::Unlisted),
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    };
    let report = runner.run(&planned, &mut ()).map_err(|error| TestCaseError::fail(error.to_string()))?;
    for test in report.canonical.modules.iter().flat_map(|module| &module.tests) {
        let limit = test.details.as_deref().and_then(|details| details.limit.as_ref());
        let by_the_clock =
            test.verdict == Verdict::Timeout && limit.is_some_and(|limit| limit.name == Limit::Timeout.into());
        prop_assert!(!by_the_clock, "fuel did not end it in time: {test:?}");
    }
    Ok(LoadOutcome::Ran)
}

fn runner() -> Runner {
    Runner::for_policy(policy()).jobs(1).compiler(Compiler::Winch).build().unwrap()
}

#[test]
fn a_damaged_module_is_an_error_or_a_verdict() {
    let (runner, modules) = (runner(), modules());
    let cases = (any::<Index>(), prop::collection::vec(damage(), 1..5));
    let (refused, ran) = (AtomicU32::new(0), AtomicU32::new(0));
    let done = fuzz::asked_for(SMOKE).run(&cases, |(which, damage)| {
        let mut module = which.get(&modules).clone();
        damage.iter().for_each(|damage| damage.apply(&mut module));
        match try_all(&runner, module)? {
            LoadOutcome::Refused => refused.fetch_add(1, Ordering::Relaxed),
            LoadOutcome::Ran => ran.fetch_add(1, Ordering::Relaxed),
            LoadOutcome::Unlisted => 0,
        };
        Ok(())
    });
    if let Err(error) = done {
        panic!("{error}");
    }
    let (refused, ran) = (refused.into_inner(), ran.into_inner());
    assert!(refused > 20 && ran > 20, "of the damaged modules, {refused} were refused and {ran} ran: too few of one");
}

#[test]
fn undamaged_they_all_run() {
    let runner = runner();
    for module in modules() {
        assert_eq!(try_all(&runner, module).unwrap(), LoadOutcome::Ran);
    }
}
