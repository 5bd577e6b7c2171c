//! Generated modules, with names of the allocator on whatever functions they have, and then damaged: rewriting one keeps
//! it valid, is recognised when done again, and never panics.
//!
//! `cargo test` runs some, the same ones every time. For a long run with others:
//!
//! ```console
//! $ AIRTIGHT_FUZZ_CASES=1000000 AIRTIGHT_FUZZ_SEED=7 cargo test --release -p airtight-tests --test fuzz_instrument
//! ```

use airtight::catalogue::validate;
use airtight::instrument::{Options, Window, instrument};
use airtight_tests::fuzz;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use std::sync::atomic::{AtomicU32, Ordering};
use wasm_smith::{Config, Module};

/// Cases of a run that nobody asked to be longer.
const SMOKE: u32 = 1_000;

/// Names that mean something, and one that does not.
const NAMES: &[&str] = &[
    "malloc",
    "calloc",
    "realloc",
    "free",
    "posix_memalign",
    "memalign",
    "main",
    "__wasm_call_ctors",
    "test::__rust_begin_short_backtrace",
    "other",
];

/// A function that is surely fit to be `malloc`, in front of what is generated: most generated modules have none.
const MALLOC: &str =
    "(module (memory 1) (func $malloc (param i32) (result i32) i32.const 64 nop nop nop nop) (func (export \"f\")))";

fn config() -> Config {
    Config {
        min_funcs: 2,
        max_funcs: 140,
        min_memories: 1,
        max_memories: 1,
        allow_start_export: false,
        max_imports: 3,
        gc_enabled: false,
        memory64_enabled: false,
        threads_enabled: false,
        exceptions_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        shared_everything_threads_enabled: false,
        // Signatures of the allocator come up by chance where there are few types.
        max_types: 6,
        ..Config::default()
    }
}

/// A module of these random bytes, with a name section; `None` where too few bytes were left.
fn generated(random: &[u8], names: &[(Index, &'static str)]) -> Option<Vec<u8>> {
    let mut random = arbitrary::Unstructured::new(random);
    let mut module = Module::new(config(), &mut random).ok()?.to_bytes();
    // Indices up to the most functions: those that are none are a fault of the name section.
    let mut names: Vec<_> = names.iter().map(|(at, name)| (at.index(24) as u8, *name)).collect();
    names.sort();
    names.dedup_by_key(|(index, _)| *index);
    let mut map = vec![names.len() as u8];
    for (index, name) in names {
        map.extend([index, name.len() as u8]);
        map.extend_from_slice(name.as_bytes());
    }
    let mut section = b"\x04name\x01".to_vec();
    section.extend(leb(map.len()));
    section.extend(map);
    module.push(0);
    module.extend(leb(section.len()));
    module.extend(section);
    Some(module)
}

/// Lengths here are below 2 to the 14: two bytes of LEB128.
fn leb(length: usize) -> [u8; 2] {
    [(length & 0x7f) as u8 | 0x80, (length >> 7) as u8]
}

/// Rewrites a module; whether hooks were put in.
fn rewrite(bytes: &[u8], options: &Options) -> Result<bool, TestCaseError> {
    let valid = validate(bytes).is_ok();
    let Ok(done) = instrument(bytes, options) else { return Ok(false) };
    if !valid {
        return Ok(false);
    }
    prop_assert!(validate(&done.bytes).is_ok(), "a valid module became invalid");
    let again = instrument(&done.bytes, options).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert!(again.bytes == done.bytes, "a second run changed the module");
    prop_assert_eq!(&again.map.heap, &done.map.heap);
    Ok(done.map.heap.is_ok())
}

fn window() -> impl Strategy<Value = Options> {
    prop::sample::select(&[Window::Libtest, Window::Main, Window::None][..])
        .prop_map(|window| Options { heap: Some(window) })
}

#[test]
fn a_generated_module_stays_valid() {
    let names = prop::collection::vec((any::<Index>(), prop::sample::select(NAMES)), 1..24);
    let cases = (prop::collection::vec(any::<u8>(), 600..3_000), names, window(), any::<Index>(), any::<u8>());
    let hooked = AtomicU32::new(0);
    let done = fuzz::asked_for(SMOKE).run(&cases, |(random, names, window, at, value)| {
        let Some(mut module) = generated(&random, &names) else { return Ok(()) };
        if rewrite(&module, &window)? {
            hooked.fetch_add(1, Ordering::Relaxed);
        }
        let at = at.index(module.len());
        module[at] = value;
        rewrite(&module, &window).map(drop)
    });
    if let Err(error) = done {
        panic!("{error}");
    }
    assert!(hooked.into_inner() > 5, "too few of the generated modules could be hooked");
}

#[test]
fn a_damaged_result_is_refused_or_proved() {
    let options = Options { heap: Some(Window::None) };
    let original = wat::parse_str(MALLOC).unwrap();
    let hooked = instrument(&original, &options).unwrap().bytes.into_owned();
    let cases = prop::collection::vec((any::<Index>(), any::<u8>()), 1..4);
    let done = fuzz::asked_for(SMOKE).run(&cases, |damage| {
        let mut module = hooked.clone();
        damage.iter().for_each(|(at, value)| module[at.index(hooked.len())] = *value);
        rewrite(&module, &options).map(drop)
    });
    if let Err(error) = done {
        panic!("{error}");
    }
}
