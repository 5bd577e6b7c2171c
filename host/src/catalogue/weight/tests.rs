use super::*;

fn weight(function: &str) -> u64 {
    let module = wat::parse_str(format!("(module (memory 1) (func $f {function}))")).unwrap();
    // Without the weight of a function itself.
    light(&module) - FUNCTION
}

/// The weight of a module, without caps.
fn light(module: &[u8]) -> u64 {
    match weigh(module, CompileCaps::NONE).unwrap() {
        Weight::Light(weight) => weight,
        Weight::Heavy(heavy) => panic!("{heavy}"),
    }
}

/// The weight of all functions of a module for the single-pass compiler.
fn single_pass(module: &str) -> u64 {
    let module = wat::parse_str(module).unwrap();
    let mut validator = Validator::new_with_features(super::super::FEATURES);
    let weigh = |payload: Result<Payload<'_>, _>| {
        let ValidPayload::Func(function, body) = validator.payload(&payload.unwrap()).unwrap() else { return 0 };
        let mut function = function.into_validator(FuncValidatorAllocations::default());
        LocalUses::read(&mut function, &body).unwrap().single_pass.weight()
    };
    Parser::new(0).parse_all(&module).map(weigh).sum()
}

fn repeat(times: usize, part: impl Fn(usize) -> String) -> String {
    (0..times).map(part).collect()
}

/// Large enough that the weight is exact, and not the bound that is taken for small functions.
const MANY: usize = 100;

fn locals() -> String {
    format!("(local {})", "i32 ".repeat(MANY))
}

fn set_all() -> String {
    repeat(MANY, |local| format!("(local.set {local} (i32.load (i32.const 0)))"))
}

fn use_all() -> String {
    repeat(MANY, |local| format!("(i32.store (i32.const 0) (local.get {local}))"))
}

fn branches() -> String {
    repeat(MANY, |_| "(block (br_if 0 (i32.load (i32.const 0))))".to_owned())
}

/// The part of the weight that live values make: without those of the function's length, its declarations and its branches.
fn live(function: &str) -> u64 {
    let module = wat::parse_str(format!("(module (memory 1) (func $f {function}))")).unwrap();
    let body = wasmparser::Parser::new(0).parse_all(&module).find_map(|payload| match payload.unwrap() {
        Payload::CodeSectionEntry(body) => Some(body),
        _ => None,
    });
    let body = body.unwrap();
    let declared = body.get_locals_reader().unwrap().into_iter().map(|local| u64::from(local.unwrap().0));
    let branches = ["(br_if", "(if "].map(|branch| function.matches(branch).count() as u64).iter().sum::<u64>();
    weight(function) - body.as_bytes().len() as u64 / 4 - declared.sum::<u64>() / 32 - branches.pow(2) / 1_024
}

#[test]
fn a_local_weighs_where_it_is_live_and_nowhere_else() {
    // Two edges lead out of each branch, into two blocks.
    let edges = 3 * MANY as u64;
    let across = live(&format!("{} {} {} {}", locals(), set_all(), branches(), use_all()));
    assert_eq!(across, edges * MANY as u64);
    let before = live(&format!("{} {} {} {}", locals(), set_all(), use_all(), branches()));
    assert_eq!(before, 0);
    let after = live(&format!("{} {} {} {}", locals(), branches(), set_all(), use_all()));
    assert_eq!(after, 0);
    // The local is not set on every way, so that its earlier value is live.
    let maybe =
        live(&format!("{} {} (if (i32.load (i32.const 0)) (then {})) {}", locals(), branches(), set_all(), use_all()));
    assert!(maybe > edges * MANY as u64, "{maybe}");
}

#[test]
fn what_a_loop_begins_with_is_live_all_through_it() {
    let carried = |inside: &str| live(&format!("{} (loop {inside} (br_if 0 (i32.load (i32.const 0))))", locals()));
    let all = 3 * (MANY * MANY) as u64;
    // The locals are used first and set last, so that their values are carried from iteration to iteration.
    assert!(carried(&format!("{} {}", branches(), use_all())) >= all);
    assert!(carried(&format!("{} {}", use_all(), branches())) >= all, "needed in the next turn");
    assert!(carried(&format!("{} {} {}", set_all(), use_all(), branches())) < all / 10, "set anew in each turn");
}

#[test]
fn code_that_is_not_reached_weighs_nothing() {
    let dead = live(&format!("{} {} return {} {}", locals(), set_all(), branches(), use_all()));
    assert_eq!(dead, 0);
}

#[test]
fn operands_weigh_in_every_block() {
    let blocks = format!("{} {} {}", "(i32.load (i32.const 0))".repeat(MANY), branches(), "drop ".repeat(MANY));
    assert_eq!(live(&blocks), 2 * (MANY * MANY) as u64);
}

#[test]
fn deep_loops_weigh_more_than_many() {
    let nested = format!("{} {}", "(loop ".repeat(500), ")".repeat(500));
    let many = "(loop)".repeat(500);
    assert!(weight(&nested) > 90_000 && weight(&many) < 20_000, "{} {}", weight(&nested), weight(&many));
}

#[test]
fn tables_of_branches_and_wide_calls_weigh() {
    let table = format!("(block (br_table {} (i32.const 0)))", "0 ".repeat(10_000));
    assert!(weight(&table) >= 10_000);
    let wide = format!("(param {0}) (result {0})", "i32 ".repeat(500));
    let arguments = "(i32.const 0)".repeat(500);
    let calls = "(call $g)".repeat(100);
    let module = format!("(module (func $g {wide} unreachable) (func {arguments} {calls} {}))", "drop ".repeat(500));
    assert!(light(&wat::parse_str(module).unwrap()) > 95_000);
}

#[test]
fn a_heavy_function_is_named_with_the_way_out() {
    let module = format!(
        "(module (memory 1) (func) (func $the_heavy_one {} {} {} {}))",
        locals(),
        set_all(),
        branches(),
        use_all()
    );
    let module = wat::parse_str(module).unwrap();
    let heavy = |caps| match weigh(&module, caps) {
        Ok(Weight::Heavy(heavy)) => heavy.to_string(),
        other => panic!("{other:?}"),
    };
    let function = CompileCaps { function: 10_000, ..CompileCaps::default() };
    insta::assert_snapshot!(heavy(function), @"`the_heavy_one` (function 1) weighs 30613, over the `function-weight` of 10000");
    let whole = CompileCaps { module: 10_000, ..CompileCaps::default() };
    insta::assert_snapshot!(heavy(whole), @"its functions weigh 30645 or more, over the `module-weight` of 12410 for a module of its size");
    assert!(matches!(weigh(&module, CompileCaps::default()), Ok(Weight::Light(30_000..31_000))));
    let deep = format!("(module (memory 1) (func {} {}))", locals(), "(drop (i32.load (i32.const 0)))".repeat(10));
    let refused =
        weigh(&wat::parse_str(deep).unwrap(), CompileCaps { function: 0, single_pass: 0, ..function }).unwrap_err();
    insta::assert_snapshot!(refused, @"it is too much work for a compiler: function 0 weighs 19, over the `function-weight` of 0; and for the single-pass compiler it weighs 89 or more, over the `single-pass-weight` of 66 for a module of its size; many locals, deep operand stacks and calls or blocks with many values make weight: split the module, or raise one of the two in airtight.toml");
}

#[test]
fn a_single_pass_looks_at_all_operands_where_they_have_to_be_in_memory() {
    let deep = |inside: &str| {
        let read = "(i32.load (i32.const 0))".repeat(1_000);
        single_pass(&format!(
            "(module (memory 1) (func (local i32) {read} {} {}))",
            inside.repeat(1_000),
            "drop ".repeat(1_000)
        ))
    };
    let empty = deep("");
    // A million looks, at 256 of a unit; other operators cost a sixteenth of that.
    assert!(
        (3_800..4_300).contains(&(deep("(memory.fill (local.get 0) (local.get 0) (local.get 0))") - empty - 3 * 256))
    );
    assert!((3_800..4_300).contains(&(deep("(local.set 0 (i32.const 1))") - empty - 256)));
    assert!((7_800..8_000).contains(&(deep("(block)") - empty)), "its beginning and its end");
    assert!(deep("(loop)") - empty > 19_000);
    assert!(deep("(drop (i32.mul (local.get 0) (local.get 0)))") - empty < 1_100);
}

#[test]
fn a_single_pass_copies_what_is_passed() {
    let wide = format!("(type $wide (func (param {0}) (result {0})))", "i32 ".repeat(500));
    let module = |inside: &str| {
        let arguments = "(i32.const 0)".repeat(500);
        single_pass(&format!(
            "(module {wide} (func $g (type $wide) unreachable) (func {arguments} {inside} {}))",
            "drop ".repeat(500)
        ))
    };
    let empty = module("");
    assert!(module(&"(call $g)".repeat(100)) - empty >= 200_000);
    assert!(module(&"(block (type $wide))".repeat(100)) - empty >= 200_000);
    let table = format!("(block (type $wide) (br_table {} 0 (i32.const 0)))", "0 ".repeat(100));
    assert!(module(&table) - empty >= 100_000);
}

#[test]
fn a_single_pass_pays_for_functions_and_locals() {
    assert_eq!(single_pass(&format!("(module {})", "(func)".repeat(100))), 6_400);
    assert_eq!(single_pass(&format!("(module (func (local {})))", "i64 ".repeat(4_000))), 64 + 1_000);
}

#[test]
fn what_is_not_valid_is_said_to_be() {
    let module = wat::parse_str("(module (func i32.add drop))").unwrap();
    assert!(matches!(weigh(&module, CompileCaps::default()), Err(CatalogueError::Invalid { .. })));
}

#[test]
fn locals_weigh_where_they_are_declared() {
    let declared = |count: usize| format!("(local {})", "i64 ".repeat(count));
    assert_eq!(weight(&declared(32_000)), 1_000 + 1);
    // Only the last local is used.
    let used = weight(&format!("{} (local.set 31999 (i64.const 0))", declared(32_000)));
    assert!((1_001..1_010).contains(&used), "{used}");
}

/// A module over its cap is refused at the function with which it exceeds the cap; later functions are not looked at.
#[test]
fn refusing_a_module_is_as_quick_as_its_cap() {
    let heavy = format!("(func (local {}))", "i64 ".repeat(32_000));
    let module = wat::parse_str(format!("(module {} (func i32.add drop))", heavy.repeat(20))).unwrap();
    let caps = CompileCaps { module: 5_000, single_pass: 20_000, ..CompileCaps::default() };
    assert!(matches!(weigh(&module, caps), Err(CatalogueError::TooHeavy { weight: 40_000..50_000, .. })));
    assert!(matches!(weigh(&module, CompileCaps::default()), Err(CatalogueError::Invalid { .. })));
}

#[test]
fn a_stretch_without_control_flow_weighs_its_square() {
    let ones = |times: usize| "(drop (i32.const 1))".repeat(times);
    let in_blocks = |blocks: usize, times: usize| format!("(block {})", ones(times)).repeat(blocks);
    let stretch = weight(&ones(200_000));
    let apart = weight(&in_blocks(200, 1_000));
    // Two operators each, and three bytes.
    let (bytes, squares) = (200_000 * 3 / 4, 399_000u64.pow(2) >> 16);
    assert!(stretch.abs_diff(bytes + squares) < 20, "{stretch}");
    assert!(apart < bytes + 5_000, "{apart}");
    let module = wat::parse_str(format!("(module (memory 1) (func {}))", ones(200_000))).unwrap();
    assert!(matches!(weigh(&module, CompileCaps::default()).unwrap(), Weight::Heavy(Heavy::Function { .. })));
}

#[test]
fn branches_and_what_the_engine_answers_weigh_their_square() {
    let copies = |times: usize| weight(&"(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))".repeat(times));
    let branches = |times: usize| weight(&format!("(block {})", "(br_if 0 (i32.const 0))".repeat(times)));
    let plain = |times: usize| weight(&format!("(block {})", "(drop (i32.const 0))".repeat(times)));
    assert!(copies(10_000) > 390_000 && plain(20_000) < 40_000, "{} {}", copies(10_000), plain(20_000));
    assert!((400_000..420_000).contains(&branches(20_000)), "{}", branches(20_000));
}

/// Compilers make a function of the code that puts elements into their table.
#[test]
fn elements_that_code_makes_weigh() {
    let module = |segment: &str| wat::parse_str(format!("(module (table 100 funcref) (func $f) {segment})")).unwrap();
    let empty = light(&module(""));
    let weight = |segment: &str| light(&module(segment)) - empty;
    let functions = "$f ".repeat(100);
    let expressions = "(ref.func $f)".repeat(100);
    assert_eq!(weight(&format!("(elem (i32.const 0) func {functions})")), 0);
    assert_eq!(weight(&format!("(elem declare func {functions})")), 0);
    assert_eq!(weight(&format!("(elem func {functions})")), 800);
    assert_eq!(weight(&format!("(elem funcref {expressions})")), 800);
    assert_eq!(weight(&format!("(elem (table 0) (i32.const 0) funcref {expressions})")), 800);
    let caps = CompileCaps { module: 500, ..CompileCaps::default() };
    let heavy = module(&format!("(elem funcref {expressions})"));
    let Weight::Heavy(why) = weigh(&heavy, caps).unwrap() else { panic!("it is") };
    insta::assert_snapshot!(why, @"its 100 elements that are passive or expressions weigh 800, over the `module-weight` of 504 for a module of its size");
    let refused = weigh(&heavy, CompileCaps { single_pass: 15_000, ..caps });
    assert!(matches!(refused, Err(CatalogueError::TooHeavy { weight: 16_064, .. })), "{refused:?}");
}
