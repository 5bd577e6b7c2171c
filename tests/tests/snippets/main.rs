//! Every fenced block of the README and the guide is held to the truth: by its language, each is run, compiled, loaded, or found in
//! what was printed. One that cannot be is in a list, with the reason.
//!
//! ```text
//! shop      a copy of the workspace in `snippets/`, in which commands are run
//! workflow  the steps of a workflow and the command of a Kubernetes job, run one after the other
//! printed   whether an output that a page shows was printed
//! ```

mod printed;
mod shop;
mod workflow;

use airtight::config::Baseline;
use airtight_tests::pages::{Block, Page, pages};
use airtight_tests::{go, package_dir};
use shop::Shop;
use std::collections::BTreeSet;
use std::process::Command;

/// Lines of commands that are not run here, and why. Each begins so.
const NOT_RUN: [(&str, &str); 4] = [
    (
        "kubectl apply ",
        "it needs a cluster; the command of the job is run once for each index, and its parts are merged",
    ),
    ("bazel test ", "`bazel.rs` runs a target of this rule, where there is a Bazel"),
    ("$ cargo run --bin airtight-examples", "`.ci/run` runs the commands of the README; a test holds it to that"),
    ("$ cargo test --workspace", "likewise"),
];

/// The languages of blocks, and which test holds them to the truth.
const HELD_BY: [(&str, &str); 8] = [
    ("sh", "commands_run_and_print_what_pages_show"),
    ("console", "commands_run_and_print_what_pages_show"),
    ("text", "commands_run_and_print_what_pages_show"),
    ("yaml", "commands_run_and_print_what_pages_show"),
    ("toml", "every_table_is_read"),
    ("go", "go_compiles"),
    (
        "rust",
        "`guide.rs`: it is in the documentation of a crate, and compiled with it; `readme.rs` runs a whole program",
    ),
    ("python", "`bazel.rs`: the rule and the target are those that it builds"),
];

/// No block is of a language that nothing looks at.
#[test]
fn every_block_has_a_language_that_a_test_looks_at() {
    let known: BTreeSet<&str> = HELD_BY.iter().map(|(language, _)| *language).collect();
    let pages = pages();
    let mut found = BTreeSet::new();
    for page in &pages {
        for block in page.blocks() {
            assert!(
                known.contains(block.language),
                "{}:{}: nothing looks at ```{}",
                page.name(),
                block.line,
                block.language
            );
            found.insert(block.language);
        }
    }
    assert_eq!(found, known, "a language that no page has");
}

/// A table of TOML is a configuration, a baseline or a dependency; `guide.rs` loads the configurations.
#[test]
fn every_table_is_read() {
    let (mut baselines, mut dependencies) = (0, 0);
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.language == "toml") {
            let place = format!("{}:{}", page.name(), block.line);
            let table: toml::Table = block.text.parse().unwrap_or_else(|error| panic!("{place}: {error}"));
            let keys: Vec<&str> = table.keys().map(String::as_str).collect();
            match keys[..] {
                ["accepted"] | ["suppress"] | ["fault"] => {
                    Baseline::from_str(block.text, &place).unwrap_or_else(|error| panic!("{error}"));
                    baselines += 1;
                }
                ["dev-dependencies"] => {
                    let manifest = std::fs::read_to_string(package_dir().join("../guest-sdk/Cargo.toml")).unwrap();
                    let root = std::fs::read_to_string(package_dir().join("../Cargo.toml")).unwrap();
                    let sdk = &table["dev-dependencies"]["airtight"];
                    let version = sdk["version"].as_str().unwrap();
                    assert!(manifest.contains(&format!("name = {}", sdk["package"])), "{place}");
                    assert!(root.contains(&format!("\nversion = \"{version}.")), "{place}: another version");
                    dependencies += 1;
                }
                _ => {}
            }
        }
    }
    assert_eq!((baselines, dependencies), (2, 1));
}

/// What Go code of the pages takes from elsewhere.
const GO_AROUND: &str = "
func openAndClose(t *testing.T) { t.Helper() }
func handle(request string)     {}
func parse(input string)        {}
func lookUp(key string)         {}
";

#[test]
fn go_compiles() {
    let Some(go) = go("the guide's Go") else { return };
    let dir = airtight_tests::scratch_dir();
    let (mut functions, mut statements) = (String::new(), String::new());
    let pages = pages();
    for block in pages.iter().flat_map(Page::blocks).filter(|block| block.language == "go") {
        if block.text.contains("\nfunc ") { &mut functions } else { &mut statements }.push_str(block.text);
    }
    assert!(!functions.is_empty() && !statements.is_empty());
    let sdk = package_dir().join("../guest-sdk/go").canonicalize().unwrap();
    let module = "github.com/airtight-rs/airtight/guest-sdk/go";
    let manifest =
        format!("module page\n\ngo 1.24\n\nrequire {module} v0.0.0\n\nreplace {module} => {}\n", sdk.display());
    let source = format!(
        "package page\n\nimport (\n\t\"testing\"\n\n\tairtight \"{module}\"\n)\n{GO_AROUND}\n{functions}\nfunc TestPage(t *testing.T) {{\n\
         const request, input = \"\", \"\"\n{statements}\n_, _, _ = listener, client, err\n}}\n"
    );
    airtight_tests::write(&dir.path().join("go.mod"), &manifest);
    airtight_tests::write(&dir.path().join("page_test.go"), &source);
    let vetted = Command::new(go)
        .arg("vet")
        .current_dir(dir.path())
        .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "")])
        .output()
        .unwrap();
    assert!(vetted.status.success(), "{}\n{source}", String::from_utf8_lossy(&vetted.stderr));
}

/// The configuration of the workspace.
const CONFIGURATION: &str = include_str!("../../snippets/airtight.toml");

/// What is done in the workspace before a page's commands are run, so that there is what they speak of.
fn prepare(page: &Page, shop: &mut Shop) {
    let toml =
        || page.blocks().into_iter().find(|block| block.language == "toml").expect("the page has a configuration").text;
    match page.name() {
        // A first run, whose results the page's run takes.
        "cached.md" => drop(shop.run("airtight test --cached")),
        "hermetic.md" => {
            shop.write("airtight.toml", toml());
            assert_eq!(shop.run("airtight test -P ci").status, Some(96));
            assert_eq!(shop.run("airtight test -P ci --trust").status, Some(100));
            shop.write("airtight.toml", CONFIGURATION);
        }
        // The package for threads is a workspace of its own, since not everybody has the target.
        "threads.md" => {
            if !shop.has_threads() {
                println!(
                    "NOT CHECKED: wasm32-wasip1-threads is not installed, so what the guide shows of threads was not printed"
                );
                return;
            }
            shop.write("queue/airtight.toml", toml());
            assert_eq!(shop.run("cd queue && airtight test").status, Some(100));
            assert_eq!(shop.run("cd queue && airtight test --schedules 500 counts").status, Some(100));
        }
        _ => {}
    }
}

/// The commands of each page are run in one workspace, and an output that a page shows is one that they printed, or is held by
/// a snapshot or by what an example promises. Figures may be others: times, fuel, sizes.
#[test]
fn commands_run_and_print_what_pages_show() {
    let mut shop = Shop::new();
    let has_go = go("the guide's commands for tests of Go").is_some();
    let (mut not_run, mut missing) = (BTreeSet::new(), Vec::new());
    for page in pages() {
        shop.begin_page();
        prepare(&page, &mut shop);
        let blocks = page.blocks();
        for block in blocks.iter().filter(|block| block.language == "yaml") {
            workflow::run(&mut shop, block.text, &format!("{}:{}", page.name(), block.line));
        }
        for block in blocks.iter().filter(|block| ["sh", "console"].contains(&block.language)) {
            for line in block.text.lines() {
                if let Some((begins, _)) = NOT_RUN.iter().find(|(begins, _)| line.starts_with(begins)) {
                    not_run.insert(*begins);
                } else if has_go || !needs_go(line) {
                    shop.follow(&page, line);
                }
            }
        }
        for block in blocks.iter().filter(|block| block.language == "text") {
            let is_checked = match page.name() {
                "threads.md" => shop.has_threads(),
                "go.md" => has_go,
                _ => true,
            };
            if is_checked && !was_printed(&shop, block) {
                let (page, printed) = (page.name(), shop.printed());
                missing.push(format!("{page}:{}: nothing prints\n{}\n{printed}", block.line, block.text));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert_eq!(not_run, NOT_RUN.iter().map(|(begins, _)| *begins).collect(), "a line that no page has is in the list");
}

/// Whether a line runs Go, or a binary that it built.
fn needs_go(line: &str) -> bool {
    line.split_whitespace().any(|word| word == "go" || word.ends_with(".test.wasm"))
}

fn was_printed(shop: &Shop, block: &Block<'_>) -> bool {
    printed::holds(&shop.printed(), block.text) || printed::in_a_snapshot(block.text)
}

/// A workflow that `airtight init` writes works as it stands.
#[test]
fn the_workflow_of_init_runs() {
    let mut shop = Shop::new();
    shop.remove("airtight.toml");
    assert_eq!(shop.run("airtight init").status, Some(0));
    let workflow = std::fs::read_to_string(shop.dir().join(".github/workflows/airtight.yml")).unwrap();
    workflow::run(&mut shop, &workflow, "airtight.yml");
    assert!(shop.printed().contains("7 tests run"), "{}", shop.printed());
}

#[test]
fn the_readme_s_commands_are_those_that_the_integration_runs() {
    let script = std::fs::read_to_string(package_dir().join("../.ci/run")).unwrap();
    assert!(
        script.contains("readme_commands | while") && script.contains(r#"/^```console$/ { on = 1; next }"#),
        "{script}"
    );
}
