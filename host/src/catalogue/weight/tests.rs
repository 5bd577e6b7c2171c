use super::*;

fn weight(function: &str) -> u64 {
    let module = wat::parse_str(format!("(module (memory 1) (func $f {function}))")).unwrap();
    // Without what every function costs.
    weigh(&module, CompileCaps::NONE).unwrap() - FUNCTION
}

fn repeat(times: usize, part: impl Fn(usize) -> String) -> String {
    (0..times).map(part).collect()
}

/// Enough that the weight is not just the bound that small functions get.
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

/// Without the parts that the function's length and its declarations make.
fn live(function: &str) -> u64 {
    let module = wat::parse_str(format!("(module (memory 1) (func $f {function}))")).unwrap();
    let body = wasmparser::Parser::new(0).parse_all(&module).find_map(|payload| match payload.unwrap() {
        Payload::CodeSectionEntry(body) => Some(body),
        _ => None,
    });
    let body = body.unwrap();
    let declared = body.get_locals_reader().unwrap().into_iter().map(|local| u64::from(local.unwrap().0));
    weight(function) - body.as_bytes().len() as u64 / 4 - declared.sum::<u64>() / 32
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
    // Not set on every way, so that the value from before is live.
    let maybe =
        live(&format!("{} {} (if (i32.load (i32.const 0)) (then {})) {}", locals(), branches(), set_all(), use_all()));
    assert!(maybe > edges * MANY as u64, "{maybe}");
}

#[test]
fn what_a_loop_begins_with_is_live_all_through_it() {
    let carried = |inside: &str| live(&format!("{} (loop {inside} (br_if 0 (i32.load (i32.const 0))))", locals()));
    let all = 3 * (MANY * MANY) as u64;
    // Used first and set last: carried from turn to turn.
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
    assert!(weigh(&wat::parse_str(module).unwrap(), CompileCaps::NONE).unwrap() > 95_000);
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
    let caps = CompileCaps { function: 10_000, ..CompileCaps::default() };
    insta::assert_snapshot!(weigh(&module, caps).unwrap_err(), @"`the_heavy_one` (function 1) is too much work for a compiler: it weighs 30604, over the cap of 10000; many loops, branches or calls with many live values make weight; split the function, or raise `function-weight` in airtight.toml");
    let caps = CompileCaps { module: 10_000, ..CompileCaps::default() };
    insta::assert_snapshot!(weigh(&module, caps).unwrap_err(), @"its functions together are too much work for a compiler: they weigh 30636 or more, over the cap of 12410 for a module of its size; split the module, or raise `module-weight` in airtight.toml");
    assert!(weigh(&module, CompileCaps::default()).is_ok());
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
    // The last alone is used.
    let used = weight(&format!("{} (local.set 31999 (i64.const 0))", declared(32_000)));
    assert!((1_001..1_010).contains(&used), "{used}");
}

/// A module over its cap is refused at the function that is too much, before what comes after is looked at.
#[test]
fn refusing_a_module_is_as_quick_as_its_cap() {
    let heavy = format!("(func (local {}))", "i64 ".repeat(32_000));
    let module = wat::parse_str(format!("(module {} (func i32.add drop))", heavy.repeat(20))).unwrap();
    let caps = CompileCaps { module: 5_000, ..CompileCaps::default() };
    assert!(matches!(weigh(&module, caps), Err(CatalogueError::HeavyModule { weight: 5_000..7_000, .. })));
    assert!(matches!(weigh(&module, CompileCaps::default()), Err(CatalogueError::Invalid { .. })));
}
