use super::*;
use crate::ledger::RawFrame;
use wasm_encoder::{ConstExpr, DataSection, Module as Encoder, ProducersField, ProducersSection};

/// The address of the data of the module that is made here.
const BASE: u64 = 0x1_0000;

/// Data with tables as Go writes them, of two functions: 5, `example.com/a.F`, which a call of `fmt.g` was inlined into, and 6,
/// `runtime.goexit`, the first of its goroutine.
fn data() -> Vec<u8> {
    let mut image = vec![0_u8; 0x2000];
    let put = |image: &mut Vec<u8>, at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    let put64 = |image: &mut Vec<u8>, at: usize, word: u64| put(image, at, &word.to_le_bytes());
    let put32 = |image: &mut Vec<u8>, at: usize, word: u32| put(image, at, &word.to_le_bytes());
    let (header, names, units, files, values, rows) = (0x100_usize, 0x200, 0x300, 0x400, 0x500, 0x600);
    put(&mut image, header, &MAGIC);
    let offsets = [2, 2, 0, 0x100, 0x200, 0x300, 0x400, 0x500];
    offsets.iter().enumerate().for_each(|(nth, word)| put64(&mut image, header + 8 + 8 * nth, *word));
    put(&mut image, names, b"\0example.com/a.F\0runtime.goexit\0fmt.g\0");
    put32(&mut image, units, 0);
    put32(&mut image, units + 4, 9);
    put(&mut image, files, b"/h/a/a.go\0/go/fmt/g.go\0");
    image[files + 9] = 0;
    put32(&mut image, units + 4, 10);
    // Frame size 16 of all blocks; file 0 and then 1; line 7 and then 30; inlined call none and then the first.
    put(&mut image, values + 1, &[34, 10, 0]);
    put(&mut image, values + 5, &[2, 2, 2, 8, 0]);
    put(&mut image, values + 10, &[16, 2, 46, 8, 0]);
    put(&mut image, values + 15, &[0, 2, 2, 8, 0]);
    let (first, second, tree) = (0x40_u32, 0xc0, 0x800_u64);
    for (nth, (entry, row)) in [(0x1005, first), (0x1006, second)].into_iter().enumerate() {
        put32(&mut image, rows + 8 * nth, entry);
        put32(&mut image, rows + 8 * nth + 4, row);
        let at = rows + row as usize;
        let words = [entry, if nth == 0 { 1 } else { 17 }, 0, 0, 1, 5, 10, 3, 0, 1];
        words.iter().enumerate().for_each(|(word, value)| put32(&mut image, at + 4 * word, *value));
        put(&mut image, at + 40, &[0, nth as u8, 0, 4]);
        let tables = [0, 0, 15, u32::MAX, u32::MAX, u32::MAX, if nth == 0 { 0 } else { u32::MAX }];
        tables.iter().enumerate().for_each(|(word, value)| put32(&mut image, at + 44 + 4 * word, *value));
    }
    // The inlined call of `fmt.g`, from block 0.
    put32(&mut image, tree as usize + 4, 32);
    put32(&mut image, tree as usize + 8, 0);
    let module = 0x1000_usize;
    put64(&mut image, module, BASE + header as u64);
    put64(&mut image, module + 8, BASE + names as u64);
    [40, 43].iter().for_each(|nth| put64(&mut image, module + 8 * nth, BASE + tree));
    image
}

fn tables_of(data: &[u8], version: &str) -> Result<GoTables, NoGoTables> {
    let (mut go, mut producers) = (ProducersField::new(), ProducersSection::new());
    go.value("Go", version);
    producers.field("language", &go);
    let mut section = DataSection::new();
    section.active(0, &ConstExpr::i32_const(BASE as i32), data.iter().copied());
    let mut module = Encoder::new();
    module.section(&section).section(&producers);
    let bytes = module.finish();
    GoTables::read(&Module::read(&bytes).unwrap())
}

fn told(frames: &[Frame]) -> Vec<String> {
    let told = |frame: &Frame| {
        format!("{} {}:{}", frame.function, frame.file.as_deref().unwrap_or("?"), frame.line.unwrap_or(0))
    };
    frames.iter().map(told).collect()
}

#[test]
fn a_place_has_its_line_and_the_calls_that_were_inlined_there() {
    for version in ["go1.25.1", "go1.26", "go1.27.3 X:none"] {
        let tables = tables_of(&data(), version).unwrap();
        assert_eq!(told(&tables.calls(5, 1)), ["example.com/a.F example.com/a/a.go:7"], "{version}");
        let inlined = ["fmt.g fmt/g.go:30", "example.com/a.F example.com/a/a.go:7"];
        assert_eq!(told(&tables.calls(5, 3)), inlined, "{version}");
        assert_eq!(tables.calls(9, 0), []);
        assert_eq!((tables.frame_size(5, 1), tables.import_frame_size(5)), (Some(16), Some(16)));
        assert_eq!(tables.frame_size(6, 1), None, "no goroutine was called through it");
    }
}

#[test]
fn a_goroutine_s_stack_is_followed_up_to_its_first_function() {
    let tables = tables_of(&data(), "go1.27.3").unwrap();
    let mut memory = vec![0_u8; 256];
    let mut put = |at: usize, word: u64| memory[at..at + 8].copy_from_slice(&word.to_le_bytes());
    put(32 + 16, 0x1005 << 16 | 3);
    put(32 + 16 + 8 + 16, 0x1006 << 16 | 1);
    let stack = tables.unwind(&memory, 5, 32).unwrap();
    assert_eq!(stack, [RawFrame { function: 5, offset: None }, RawFrame::of_go(5, 3)]);
    assert_eq!(stack[1].go_block(), Some(3));
    // If a word is not a place of Go's, or lies outside of the memory, there is no stack.
    memory[48..56].copy_from_slice(&[0xff; 8]);
    assert_eq!(tables.unwind(&memory, 5, 32), None);
    assert_eq!(tables.unwind(&memory, 5, u32::MAX), None);
    assert_eq!(tables.unwind(&memory, 7, 32), None);
}

#[test]
fn other_versions_have_no_lines_and_say_so() {
    let why = |data: &[u8], version| tables_of(data, version).unwrap_err().to_string();
    assert_eq!(why(&data(), "go1.28.1"), "no lines for go1.28");
    assert_eq!(why(&data(), "go1.9"), "no lines for go1.9");
    assert_eq!(why(&data(), "devel go1.29-0a1b"), "no lines for devel go1.29-0a1b");
    let mut broken = data();
    broken[0x1000..0x1008].fill(0);
    assert_eq!(why(&broken, "go1.27.3"), "no lines: the tables are not as go1.27 writes them");
    assert_eq!(why(&[], "go1.27.3"), "no lines: the tables are not as go1.27 writes them");
    let other = GoTables::read(&Module::read(&Encoder::new().finish()).unwrap()).unwrap_err();
    assert_eq!(other, NoGoTables::NotGo);
}

proptest::proptest! {
    #[test]
    fn no_tables_break_the_reader(changes in proptest::collection::vec((0..0x1200_usize, proptest::prelude::any::<u8>()), 0..60)) {
        let mut data = data();
        changes.into_iter().for_each(|(at, byte)| data[at] = byte);
        if let Ok(tables) = tables_of(&data, "go1.27.3") {
            for function in 0..8 {
                tables.calls(function, 3);
                tables.unwind(&data, function, 0x100);
            }
        }
    }
}
