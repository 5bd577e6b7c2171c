//! Which lost block holds which, in guests that know the answer: `tests/guests/heap/tests/owners.rs`.

use airtight_tests::heap::heap_report;
use airtight_tests::tests;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

fn report() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    REPORT.get_or_init(|| heap_report(&["--test", "owners"]))
}

/// What is reached from the blocks of an entry, by place.
fn reaches_of(blocks: &Value) -> impl Iterator<Item = &Value> {
    blocks["reaches"].as_array().into_iter().flatten()
}

/// Each entry of a test in a line: who holds it, its blocks and bytes and their type, what it reaches, and what else is known.
fn told(test: &Value) -> Vec<String> {
    let entry = |entry: &Value| {
        let blocks = &entry["blocks"];
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let by = blocks["held_by"].as_str().or(blocks["kept_by"]["name"].as_str()).unwrap_or("unknown");
        let mut line = format!("{by} {}/{}", entry["count"], entry["bytes"]);
        if let Some(name) = blocks["type"].as_str() {
            line += &format!(" {name}");
        }
        let sums = reaches_of(blocks)
            .fold((0, 0), |sums, one| (sums.0 + number(&one["count"]), sums.1 + number(&one["bytes"])));
        if sums.0 > 0 {
            line += &format!(" reaches {}/{}", sums.0, sums.1);
            let types: BTreeSet<&str> = reaches_of(blocks).filter_map(|one| one["type"].as_str()).collect();
            line += &format!(" of {}", types.into_iter().collect::<Vec<_>>().join(", "));
        }
        for (name, what) in [("cycles", "cycles"), ("depths", "depths")] {
            if number(&blocks[name]) > 0 {
                line += &format!(" {what}={}", blocks[name]);
            }
        }
        let ring = blocks["ring"].as_array().into_iter().flatten();
        let steps: Vec<String> =
            ring.map(|step| format!("{}{}", step["count"], step["type"].as_str().unwrap_or_default())).collect();
        if !steps.is_empty() {
            line += &format!(" ring={}", steps.join(","));
        }
        line + if blocks["mended_by_weak"] == true { " weak" } else { "" }
    };
    ["leaks", "retained"].iter().flat_map(|list| test[list].as_array().into_iter().flatten()).map(entry).collect()
}

#[test]
fn every_lost_block_is_told_under_its_owner() {
    let expected: BTreeMap<&str, &[&str]> = BTreeMap::from([
        (
            "leak_a_page_with_all_it_owns",
            &["nobody 1/24 Box<Page> reaches 4/35 of Box<[Box<[u8; 10]>; 2]>, Box<[u8; 10]>, String"][..],
        ),
        (
            "leak_a_section_that_owns_its_parent",
            &["each-other 3/104 reaches 2/8 of String cycles=1 ring=1Rc<Section>,1Vec<Rc<Section>>,1Rc<Section> weak"],
        ),
        (
            "leak_three_cycles",
            &["each-other 9/312 reaches 6/18 of String cycles=3 ring=1Rc<Section>,1Vec<Rc<Section>>,1Rc<Section> weak"],
        ),
        ("leak_a_forgotten_parent_that_is_weakly_known", &["each-other 2/48 Rc<Known> cycles=1 ring=2Rc<Known>"]),
        ("leak_a_list_that_points_both_ways", &["each-other 4/48 LinkedList<u32> cycles=1 ring=2LinkedList<u32>"]),
        ("leak_what_holds_itself", &["each-other 1/16 Arc<Peer> cycles=1 ring=1Arc<Peer> weak"]),
        (
            "leak_what_two_owners_share",
            &[
                "nobody 1/16 Box<(Rc<[u8; 30]>, u64)>",
                "nobody 1/8 Box<(Rc<[u8; 30]>, u32)>",
                "several 1/40 Rc<[u8; 30]>",
            ],
        ),
        (
            "leak_a_box_that_holds_a_cycle",
            &["nobody 1/16 Box<(Rc<Section>, u64)> reaches 5/112 of Rc<Section>, String, Vec<Rc<Section>>"],
        ),
        ("leak_at_every_depth", &["nobody 301/7224 Box<[u8; 24]> depths=301"]),
        ("pass_a_cache_of_texts", &["owners::TEXTS 1/36 Vec<String> reaches 3/9 of String"]),
        (
            "pass_two_statics",
            &[
                "owners::pass_two_statics::FIRST 1/12 Box<[u8; 12]>",
                "owners::pass_two_statics::SECOND 1/20 Box<[u8; 20]>",
            ],
        ),
        (
            "pass_a_thread_local_list",
            &["owners::pass_a_thread_local_list::LIST::__RUST_STD_INTERNAL_VAL 1/16 Vec<u64>"],
        ),
        (
            "leak_a_table_that_is_keyed_by_addresses",
            &["nobody 1/584 HashMap<usize, Box<u64>> reaches 40/320 of Box<u64>"],
        ),
    ]);
    let found: BTreeMap<&str, Vec<String>> =
        tests(report()).map(|(_, test)| (test["name"].as_str().unwrap(), told(test))).collect();
    let expected: BTreeMap<&str, Vec<String>> = expected
        .into_iter()
        .map(|(name, lines)| (name, lines.iter().map(|line| (*line).to_owned()).collect()))
        .collect();
    for (name, lines) in &expected {
        assert_eq!(found.get(name), Some(lines), "{name}");
    }
    assert_eq!(found.len(), expected.len());
}

/// The types of each test's own entries and of what they reach, where one test of these has blocks of the library.
#[test]
fn every_block_is_told_with_the_type_that_it_was_allocated_for() {
    let report = heap_report(&["--test", "lost", "--test", "kept"]);
    let expected: BTreeMap<&str, &str> = BTreeMap::from([
        ("leak_a_boxed_closure", "Box<closure in leak_a_boxed_closure>"),
        ("leak_a_c_string", "Vec<u8>"),
        ("leak_a_cycle_of_arcs", "Arc<Shared>"),
        ("leak_a_cycle_of_one", "Rc<Node>"),
        ("leak_a_leaked_str", "String"),
        ("leak_a_list_by_its_head", "Box<Link>"),
        ("leak_a_nested_vector", "Vec<Vec<u8>> Vec<u8>"),
        ("leak_a_raw_box", "Box<u32>"),
        ("leak_a_string", "String"),
        ("leak_a_tree", "Box<Tree> Box<[Tree; 2]> String"),
        ("leak_a_vector_of_boxes", "Vec<Box<u64>> Box<u64>"),
        ("leak_a_vector_that_grew", "Vec<u32>"),
        ("leak_a_weak_reference", "Rc<[u8; 50]>"),
        ("leak_a_zeroed_vector", "Vec<u64>"),
        ("leak_inside_a_generic_function", "Box<[u8; 24]> Box<u32>"),
        ("pass_a_lazy_map", "HashMap<u32, u32>"),
        ("pass_a_map_of_texts", "HashMap<String, Box<[u8; 100]>> String Box<[u8; 100]>"),
        ("pass_a_mutable_static", "Vec<String> String"),
        ("pass_a_table_keyed_by_addresses", "HashMap<usize, Box<[u8; 40]>> Box<[u8; 40]>"),
        ("pass_lists_by_addresses", "Vec<Option<Box<Node>>> Box<Node>"),
        // Whoever calls the allocator itself allocates for no type.
        ("leak_nothing_but_blocks_of_no_use", ""),
    ]);
    let types = |test: &Value| {
        let entries = ["leaks", "retained"].map(|list| test[list].as_array().cloned().unwrap_or_default()).concat();
        let mut seen: Vec<String> = Vec::new();
        for blocks in entries.iter().map(|entry| &entry["blocks"]) {
            let placed = ["places", "reaches", "ring"].map(|list| blocks[list].as_array().cloned().unwrap_or_default());
            for one in std::iter::once(blocks).chain(placed.iter().flatten()) {
                let name = one["type"].as_str().unwrap_or_default();
                if !name.is_empty() && !seen.iter().any(|seen| seen == name) {
                    seen.push(name.to_owned());
                }
            }
        }
        seen.join(" ")
    };
    let found: BTreeMap<&str, String> =
        tests(&report).map(|(_, test)| (test["name"].as_str().unwrap(), types(test))).collect();
    for (name, expected) in expected {
        assert_eq!(found.get(name).map(String::as_str), Some(expected), "{name}");
    }
}
