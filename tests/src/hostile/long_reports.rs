//! Small modules of which there would be very much to report.

use super::costly::losing_at_many_places;
use super::{Expect, Hostile, wat};
use crate::sdk::{STATE, sdk_module_of, state};

pub fn all() -> Vec<Hostile> {
    vec![long_file_names(), full_journals(), over_host_memory()]
}

/// Blocks that are lost at 65,535 places, each 30 calls deep, in a source file whose name has 160,000 bytes.
fn long_file_names() -> Hostile {
    let mut module = losing_at_many_places("a", "b");
    for (name, data) in debug_information(&"d/".repeat(80_000)) {
        custom_section(&mut module, name, &data);
    }
    Hostile::new("memory", "costly_long_file_names", Expect::Verdict("leak"), module)
}

/// Debug information (DWARF 4) by which all code is line 1 of one file.
fn debug_information(file: &str) -> [(&'static str, Vec<u8>); 3] {
    const CODE: u32 = 1 << 20;
    // A compilation unit: where its lines are, where its code begins, how long that is.
    let abbreviations = vec![1, 0x11, 0, 0x10, 0x17, 0x11, 0x01, 0x12, 0x06, 0, 0, 0];
    let unit = [&4_u16.to_le_bytes()[..], &0_u32.to_le_bytes(), &[4, 1], &[0; 8], &CODE.to_le_bytes()].concat();
    // What numbers of the program below mean, no directories, one file.
    let header = [&[1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0], file.as_bytes(), &[0, 0, 0, 0, 0]];
    let header = header.concat();
    // From address 0 a row, and from the end of the code none.
    let program = [&[0, 5, 2, 0, 0, 0, 0, 1, 2][..], &leb(CODE), &[0, 1, 1]].concat();
    let lines = [&4_u16.to_le_bytes()[..], &len(&header), &header, &program].concat();
    [
        (".debug_abbrev", abbreviations),
        (".debug_info", [&len(&unit)[..], &unit].concat()),
        (".debug_line", [&len(&lines)[..], &lines].concat()),
    ]
}

/// Eight hundred tests of the SDK's that each fail with a journal that is as long as it may be, of characters that take six each
/// in a report.
fn full_journals() -> Hostile {
    const TESTS: usize = 800;
    const ENTRIES: u32 = 16;
    const TEXT: u32 = 65_000;
    const JOURNAL: u32 = 65_536;
    const LENGTH: u32 = ENTRIES * (TEXT + 5);
    let entry = |nth| {
        let at = JOURNAL + nth * (TEXT + 5);
        format!("(i32.store8 (i32.const {at}) (i32.const 70)) (i32.store (i32.const {}) (i32.const {TEXT}))", at + 1)
    };
    let entries: String = (0..ENTRIES).map(entry).collect();
    let fields = format!(
        r#"(memory (export "memory") 20)
        (func $test (result i32)
            (memory.fill (i32.const {JOURNAL}) (i32.const 1) (i32.const {LENGTH})) {entries} (i32.const {STATE}))
        (func $cleanup (result i32) (i32.const 0))
        (func $state (result i32) (i32.const {STATE}))
        (func $flush (result i32) (i32.const 0))"#
    );
    let names: Vec<String> = (0..TESTS).map(|nth| format!("t{nth:03}")).collect();
    let tests: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "$test")).collect();
    let module = sdk_module_of(&tests, &state(0, JOURNAL, LENGTH), &fields);
    Hostile::new("memory", "costly_failures_with_full_journals", Expect::Verdict("fail"), module)
}

/// Resources that are left, of which a report has more to tell than the host has to hold while the test runs.
fn over_host_memory() -> Hostile {
    let text = format!(
        r#"(module
        (import "airtight" "track" (func $track (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 1024) "mock")
        (data (i32.const 2048) "{}")
        (func (export "_start") (local $n i32)
            (loop $more
                (i32.store8 (i32.const 2048) (i32.and (local.get $n) (i32.const 63)))
                (i32.store8 (i32.const 2049) (i32.shr_u (local.get $n) (i32.const 6)))
                (drop (call $track (i32.const 1024) (i32.const 4) (i32.const 2048) (i32.const 1000)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $n) (i32.const 400))))))"#,
        "\\01".repeat(1000)
    );
    Hostile::new("memory", "costly_report_over_host_memory", Expect::Limit("host-memory"), wat(&text))
}

fn custom_section(module: &mut Vec<u8>, name: &str, data: &[u8]) {
    let name = [&leb(u32::try_from(name.len()).expect("it is short"))[..], name.as_bytes()].concat();
    module.push(0);
    module.extend(leb(u32::try_from(name.len() + data.len()).expect("it is short")));
    module.extend(name.iter().chain(data));
}

/// How long something is, as four bytes.
fn len(of: &[u8]) -> [u8; 4] {
    u32::try_from(of.len()).expect("it is short").to_le_bytes()
}

/// A number in as many bytes as it needs.
fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
