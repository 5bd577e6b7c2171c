use super::*;
use gimli::write::{
    Address, AttributeValue as Value, DwarfUnit, EndianVec, LineProgram, LineString, Sections, UnitEntryId,
};
use gimli::{DW_AT_high_pc, DW_AT_low_pc, DW_AT_name, DwTag, Encoding, Format, LineEncoding, LittleEndian};
use proptest::prelude::*;

const ROOT: &str = "/home/u/ws/pkg";
const OUTER: &str = "_ZN4demo5outer17h0123456789abcdefE";
const ENCODING: Encoding = Encoding { format: Format::Dwarf32, version: 4, address_size: 4 };

/// A module of one unit: `demo::outer` at 10..50, declared in line 10, with `demo::inner` of line 3 inlined at 20..30
/// from line 12; `names` goes into the name section for function 0 and on.
fn module(names: &[&str]) -> Vec<u8> {
    let functions: String = names.iter().map(|name| format!("(func ${name})")).collect();
    let mut module = wat::parse_str(format!("(module {functions})")).unwrap();
    let mut sections = Sections::new(EndianVec::new(LittleEndian));
    unit().write(&mut sections).unwrap();
    sections
        .for_each(|id, data| {
            let section = wasm_encoder::CustomSection { name: id.name().into(), data: data.slice().into() };
            wasm_encoder::Section::append_to(&section, &mut module);
            Ok::<_, gimli::Error>(())
        })
        .unwrap();
    module
}

fn unit() -> DwarfUnit {
    let mut dwarf = DwarfUnit::new(ENCODING);
    let text = |text: &str| LineString::String(text.into());
    let mut program = LineProgram::new(ENCODING, LineEncoding::default(), text(ROOT), None, text("src/lib.rs"), None);
    let file = program.add_file(text("src/lib.rs"), program.default_directory(), None);
    program.begin_sequence(Some(Address::Constant(10)));
    for (offset, line) in [(0, 11), (10, 4), (20, 13)] {
        program.row().address_offset = offset;
        program.row().line = line;
        program.row().file = file;
        program.generate_row();
    }
    program.end_sequence(40);
    dwarf.unit.line_program = program;

    let root = dwarf.unit.root();
    set(&mut dwarf, root, DW_AT_name, Value::String("src/lib.rs".into()));
    set(&mut dwarf, root, gimli::DW_AT_comp_dir, Value::String(ROOT.into()));
    place(&mut dwarf, root, 10..50);
    let demo = add(&mut dwarf, root, gimli::DW_TAG_namespace);
    set(&mut dwarf, demo, DW_AT_name, Value::String("demo".into()));
    let inner = add(&mut dwarf, demo, gimli::DW_TAG_subprogram);
    set(&mut dwarf, inner, DW_AT_name, Value::String("inner".into()));
    set(&mut dwarf, inner, gimli::DW_AT_linkage_name, Value::String("_ZN4demo5inner17h0123456789abcdefE".into()));
    set(&mut dwarf, inner, gimli::DW_AT_decl_file, Value::FileIndex(Some(file)));
    set(&mut dwarf, inner, gimli::DW_AT_decl_line, Value::Udata(3));
    let outer = add(&mut dwarf, demo, gimli::DW_TAG_subprogram);
    set(&mut dwarf, outer, DW_AT_name, Value::String("outer".into()));
    place(&mut dwarf, outer, 10..50);
    let word = add(&mut dwarf, root, gimli::DW_TAG_base_type);
    set(&mut dwarf, word, gimli::DW_AT_byte_size, Value::Udata(4));
    let words = add(&mut dwarf, root, gimli::DW_TAG_array_type);
    set(&mut dwarf, words, gimli::DW_AT_type, Value::UnitRef(word));
    let range = add(&mut dwarf, words, gimli::DW_TAG_subrange_type);
    set(&mut dwarf, range, gimli::DW_AT_upper_bound, Value::Udata(9));
    for (within, name, of, address, line) in
        [(demo, "KNOWN", words, 1024, 7), (outer, "LAST", word, 1064, 12), (demo, "GONE", word, 0, 8)]
    {
        let variable = add(&mut dwarf, within, gimli::DW_TAG_variable);
        let mut place = gimli::write::Expression::new();
        place.op_addr(Address::Constant(address));
        set(&mut dwarf, variable, DW_AT_name, Value::String(name.into()));
        set(&mut dwarf, variable, gimli::DW_AT_type, Value::UnitRef(of));
        set(&mut dwarf, variable, gimli::DW_AT_decl_file, Value::FileIndex(Some(file)));
        set(&mut dwarf, variable, gimli::DW_AT_decl_line, Value::Udata(line));
        set(&mut dwarf, variable, gimli::DW_AT_location, Value::Exprloc(place));
    }
    let call = add(&mut dwarf, outer, gimli::DW_TAG_inlined_subroutine);
    set(&mut dwarf, call, gimli::DW_AT_abstract_origin, Value::UnitRef(inner));
    set(&mut dwarf, call, gimli::DW_AT_call_file, Value::FileIndex(Some(file)));
    set(&mut dwarf, call, gimli::DW_AT_call_line, Value::Udata(12));
    place(&mut dwarf, call, 20..30);
    dwarf
}

fn add(dwarf: &mut DwarfUnit, parent: UnitEntryId, tag: DwTag) -> UnitEntryId {
    dwarf.unit.add(parent, tag)
}

fn set(dwarf: &mut DwarfUnit, entry: UnitEntryId, name: gimli::DwAt, value: Value) {
    dwarf.unit.get_mut(entry).set(name, value);
}

fn place(dwarf: &mut DwarfUnit, entry: UnitEntryId, range: std::ops::Range<u64>) {
    set(dwarf, entry, DW_AT_low_pc, Value::Address(Address::Constant(range.start)));
    set(dwarf, entry, DW_AT_high_pc, Value::Udata(range.end - range.start));
}

/// The frames of Rust's harness.
pub(super) const LIBTEST: HarnessFrames = HarnessFrames {
    windows: &["test::__rust_begin_short_backtrace"],
    library_crates: &["test"],
    crates: &[],
    prefixes: &[],
    calls_closures: true,
};

/// The frames of the SDK's harness.
pub(super) const SDK: HarnessFrames = HarnessFrames {
    windows: &[],
    library_crates: &[],
    crates: &["airtight_sdk"],
    prefixes: &["airtight:"],
    calls_closures: false,
};

fn symbols(module: Vec<u8>) -> Symbols {
    with_roots(module, PathRoots { package: Some(ROOT.into()), workspace: None })
}

fn with_roots(module: Vec<u8>, roots: PathRoots) -> Symbols {
    Symbols::of_bytes(&module, roots).with_harnesses(vec![SDK, LIBTEST])
}

fn raw(function: u32, offset: u32) -> RawFrame {
    RawFrame { function, offset: Some(offset) }
}

fn shown(frames: &[Frame]) -> Vec<String> {
    let place = |frame: &Frame| match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!(" {file}:{line}"),
        _ => String::new(),
    };
    frames.iter().map(|frame| format!("{}{}", frame.function, place(frame))).collect()
}

#[test]
fn inlined_calls_are_frames_of_their_own() {
    let symbols = symbols(module(&[OUTER]));
    assert_eq!(shown(&symbols.frames(&[raw(0, 25)])), ["demo::inner src/lib.rs:4", "demo::outer src/lib.rs:12"]);
    assert_eq!(shown(&symbols.frames(&[raw(0, 35)])), ["demo::outer src/lib.rs:13"]);
}

#[test]
fn names_alone_and_numbers_alone() {
    let symbols = symbols(module(&[OUTER, "write_it"]));
    let stack = [raw(1, 5000), RawFrame { function: 0, offset: None }, raw(7, 6000)];
    assert_eq!(shown(&symbols.frames(&stack)), ["write_it", "demo::outer", "wasm function 7"]);
    assert!(symbols.frames(&[]).is_empty());
}

#[test]
fn a_test_of_the_sdk_is_named_once() {
    let names = [
        "_ZN4demo5tests5leaks5leaks17h0123456789abcdefE",
        "_ZN4demo5tests5leaks5leaks28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE",
        "_ZN4demo5parse5parse17h0123456789abcdefE",
        "_ZN4demo5tests5leaks9leaks_too17h0123456789abcdefE",
    ];
    let symbols = symbols(module(&names)).with_doubled_paths(["demo::tests::leaks".to_owned()]);
    let stack: Vec<_> = (0u32..).zip(names).map(|(index, _)| RawFrame { function: index, offset: None }).collect();
    assert_eq!(
        shown(&symbols.frames(&stack)),
        [
            "demo::tests::leaks",
            "demo::tests::leaks::{{closure}}",
            "demo::parse::parse",
            "demo::tests::leaks::leaks_too"
        ]
    );
}

#[test]
fn a_place_is_named_as_its_file_is() {
    let roots = PathRoots { package: Some("/ws/pkg".into()), workspace: Some("/ws".into()) };
    let symbols = with_roots(module(&[]), roots);
    for (compiled, expected) in [
        ("pkg/src/lib.rs:7:5", "src/lib.rs:7:5"),
        ("/cargo/dep-1.0.0/src/lib.rs:7:5", "dep-1.0.0/src/lib.rs:7:5"),
        ("nowhere", "nowhere"),
        ("", ""),
    ] {
        assert_eq!(symbols.place(compiled), expected);
    }
}

#[test]
fn functions_are_found_by_whole_segments() {
    let symbols = symbols(module(&[OUTER, "_ZN4demo5other17h0123456789abcdefE"]));
    let decl = |path| symbols.function_decl(path).map(|frame| shown(&[frame]).remove(0));
    assert_eq!(decl("inner").as_deref(), Some("demo::inner src/lib.rs:3"));
    assert_eq!(decl("demo::inner").as_deref(), Some("demo::inner src/lib.rs:3"));
    // Without a declared line, it is the first line of the function's code.
    assert_eq!(decl("outer").as_deref(), Some("demo::outer src/lib.rs:11"));
    assert_eq!(decl("other").as_deref(), Some("demo::other"));
    assert_eq!(decl("ner"), None);
    assert_eq!(decl("x::inner"), None);
}

#[test]
fn a_test_of_libtest_ends_where_it_was_called() {
    let names = [
        "abort",
        "_ZN4core9panicking9panic_fmt17h0123456789abcdefE",
        "_ZN4demo5tests5leaks17h0123456789abcdefE",
        "_ZN4core3ops8function6FnOnce9call_once17h0123456789abcdefE",
        "_ZN4test28__rust_begin_short_backtrace17h0123456789abcdefE",
        "_ZN4test8run_test17h0123456789abcdefE",
        "_ZN4demo4main17h0123456789abcdefE",
        "_ZN3std2rt10lang_start17h0123456789abcdefE",
        "main",
        "_start",
    ];
    let symbols = symbols(module(&names));
    let stack: Vec<_> = (0u32..).zip(names).map(|(index, _)| RawFrame { function: index, offset: None }).collect();
    assert_eq!(shown(&symbols.frames(&stack)), ["demo::tests::leaks"]);
    assert_eq!(shown(&symbols.frames(&stack[5..])), ["demo::main"]);
    assert!(symbols.know_test_window() && symbols.in_test_window(&stack) && !symbols.in_test_window(&stack[5..]));
    assert_eq!((symbols.cause(&stack), symbols.cause(&stack[2..])), (TrapCause::Panic, TrapCause::Other));
    // If the user's code was inlined away, the rest of the test is shown.
    let inlined = [&stack[..2], &stack[3..]].concat();
    let frames = shown(&symbols.frames(&inlined));
    assert_eq!(frames, ["abort", "core::panicking::panic_fmt", "core::ops::function::FnOnce::call_once"]);
}

#[test]
fn a_catch_within_the_test_is_told_from_the_harness_s() {
    let names = [
        "_ZN4core9panicking9panic_fmt17h0123456789abcdefE",
        "_ZN3std9panicking12catch_unwind7do_call17h0123456789abcdefE",
        "_ZN4demo5tests7catches17h0123456789abcdefE",
        "_ZN4test28__rust_begin_short_backtrace17h0123456789abcdefE",
        "_ZN3std9panicking12catch_unwind7do_call17hfedcba9876543210E",
        "_start",
    ];
    let symbols = symbols(module(&names));
    let stack: Vec<_> = (0u32..).zip(names).map(|(index, _)| RawFrame { function: index, offset: None }).collect();
    assert!(symbols.catches_panics(&stack));
    assert!(!symbols.catches_panics(&[&stack[..1], &stack[2..]].concat()), "only the harness catches");
    assert!(!symbols.catches_panics(&stack[4..]), "no test is being run");
}

#[test]
fn a_panic_tells_its_place_where_there_is_no_debug_information() {
    let names = [
        "_ZN4core9panicking9panic_fmt17h0123456789abcdefE",
        "_ZN4demo5tests5fails17h0123456789abcdefE",
        "_ZN4core3ops8function6FnOnce9call_once17h0123456789abcdefE",
        "_ZN4test28__rust_begin_short_backtrace17h0123456789abcdefE",
    ];
    let symbols = symbols(module(&names));
    let stack: Vec<_> = (0u32..).zip(names).map(|(index, _)| RawFrame { function: index, offset: None }).collect();
    let place = |stack: &[RawFrame], place| {
        let frames = symbols.frames_of_panic(stack, place, "tests::fails");
        let frame = frames.into_iter().next().unwrap();
        (frame.function, frame.file.zip(frame.line))
    };
    let here = || Some(("src/lib.rs".to_owned(), 7));
    assert_eq!(place(&stack, "src/lib.rs:7:5"), ("demo::tests::fails".to_owned(), here()));
    let inlined = [&stack[..1], &stack[2..]].concat();
    assert_eq!(place(&inlined, "src/lib.rs:7:5"), ("tests::fails".to_owned(), here()));
    assert_eq!(place(&inlined, "nowhere"), ("core::panicking::panic_fmt".to_owned(), None));
}

#[test]
fn a_refused_allocation_is_no_panic() {
    let names = ["_ZN4core9panicking9panic_fmt17h0123456789abcdefE", "__rust_alloc_error_handler"];
    let symbols = symbols(module(&names));
    let stack = [RawFrame { function: 0, offset: None }, RawFrame { function: 1, offset: None }];
    assert_eq!(symbols.cause(&stack), TrapCause::AllocError);
    assert_eq!(symbols.cause(&stack[..1]), TrapCause::Panic);
}

#[test]
fn deep_recursion_is_cut_and_counted() {
    let symbols = symbols(module(&[OUTER]));
    let frames = symbols.frames(&vec![raw(0, 35); 100_000]);
    assert_eq!(frames.len(), trim::MAX_FRAMES);
    assert_eq!(frames[27].function, "… 99969 more frames");
    assert!(frames[27].folded && frames[28] == frames[26]);
    let cut = symbols.frames(&[raw(0, 35), RawFrame::LEFT_OUT, raw(0, 35)]);
    assert_eq!(shown(&cut), ["demo::outer src/lib.rs:13", "… more calls", "demo::outer src/lib.rs:13"]);
}

#[test]
fn nesting_without_end_is_no_debug_information() {
    let mut dwarf = unit();
    let mut parent = dwarf.unit.root();
    for _ in 0..1000 {
        parent = add(&mut dwarf, parent, gimli::DW_TAG_inlined_subroutine);
    }
    let mut sections = Sections::new(EndianVec::new(LittleEndian));
    dwarf.write(&mut sections).unwrap();
    let mut module = wat::parse_str("(module)").unwrap();
    for (name, data) in [(".debug_info", &sections.debug_info.0), (".debug_abbrev", &sections.debug_abbrev.0)] {
        let section = wasm_encoder::CustomSection { name: name.into(), data: data.slice().into() };
        wasm_encoder::Section::append_to(&section, &mut module);
    }
    assert_eq!(shown(&symbols(module).frames(&[raw(0, 25)])), ["wasm function 0"]);
}

proptest! {
    #[test]
    fn damaged_debug_information_does_no_harm(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
        offset in 0u32..60,
    ) {
        let mut module = module(&[OUTER]);
        for (at, value) in changes {
            let at = at.index(module.len());
            module[at] = value;
        }
        if offset % 3 == 0 {
            module.truncate(cut.index(module.len()));
        }
        let symbols = symbols(module);
        prop_assert!(!symbols.frames(&[raw(0, offset)]).is_empty());
        symbols.function_decl("inner");
        symbols.cause(&[raw(0, offset)]);
    }

    #[test]
    fn any_bytes_have_symbols_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        prop_assert_eq!(symbols(bytes).frames(&[raw(3, 9)]).len(), 1);
    }
}

#[test]
fn an_address_in_static_data_is_a_variables() {
    let symbols = Symbols::of_bytes(&module(&["outer"]), PathRoots::default());
    let told = |address| {
        let (start, variable) = symbols.variable_at(address)?;
        Some((start, variable.name, variable.line))
    };
    let known = Some((1024, "demo::KNOWN".to_owned(), Some(7)));
    assert_eq!((told(1024), told(1063)), (known.clone(), known));
    assert_eq!(told(1064), Some((1064, "demo::outer::LAST".to_owned(), Some(12))));
    assert_eq!([0, 1, 1023, 1068].map(told), [None, None, None, None]);
}
