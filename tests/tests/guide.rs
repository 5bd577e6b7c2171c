//! The guide and the README: every configuration in them is valid, every link leads to a page, and no page is left out.
//! Rust code in them is compiled as documentation of the crate that it is about.

use airtight::config::Config;
use airtight_tests::pages::{Page, pages};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The blocks of a page that are marked with this language.
fn blocks<'a>(page: &'a Page, language: &str) -> Vec<&'a str> {
    page.blocks().into_iter().filter(|block| block.language == language).map(|block| block.text).collect()
}

/// Whether a table is a configuration. Others of the pages are baselines and dependencies: see `snippets`.
fn is_configuration(block: &str) -> bool {
    let table: toml::Table = block.parse().unwrap_or_else(|error| panic!("{error}\n{block}"));
    !["accepted", "suppress", "dev-dependencies"].iter().any(|key| table.contains_key(*key))
}

#[test]
fn every_configuration_is_one() {
    let dir = airtight_tests::scratch_dir();
    let (base, mut checked) = (dir.path().join("workspace"), 0);
    for there in [&base, &dir.path().join("shared-fixtures")] {
        fs::create_dir(there).unwrap();
    }
    for page in pages() {
        for block in blocks(&page, "toml").into_iter().filter(|block| is_configuration(block)) {
            let read = Config::from_str(block, "airtight.toml", &base);
            assert!(read.is_ok(), "{}: {}\n{block}", page.name(), read.unwrap_err());
            assert!(follows_schema(block), "{}: the schema refuses\n{block}", page.name());
            checked += 1;
        }
    }
    assert!(checked > 4, "{checked}");
}

/// Whether the published schema of configurations accepts a text that is TOML without dates.
fn follows_schema(text: &str) -> bool {
    let schema = serde_json::from_str(airtight::config::SCHEMA).unwrap();
    let table: toml::Table = text.parse().unwrap();
    jsonschema::draft202012::new(&schema).unwrap().is_valid(&serde_json::to_value(table).unwrap())
}

#[test]
fn configurations_of_examples_and_guests_follow_the_schema() {
    for file in ["examples/airtight.toml", "tests/guests/airtight.toml"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(follows_schema(&text), "{file}");
        assert!(!follows_schema(&text.replace("[profile.", "[profiles.")), "{file}");
    }
}

#[test]
fn links_lead_somewhere() {
    for Page { path: page, text } in pages() {
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        for target in targets.filter(|target| !target.contains("://")) {
            let file = target.split('#').next().unwrap();
            assert!(page.parent().unwrap().join(file).exists(), "{} links to {target}", page.display());
        }
    }
}

#[test]
fn the_table_of_contents_names_every_page() {
    let summary = fs::read_to_string(root().join("host/docs/guide/SUMMARY.md")).unwrap();
    let named: BTreeSet<&str> = summary.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).collect();
    let pages = pages();
    let there: BTreeSet<&str> = pages.iter().map(Page::name).collect();
    let there = &there - &BTreeSet::from(["SUMMARY.md", "README.md"]);
    assert_eq!(named, there);
}

/// The Rust of each page is in the documentation of the crate that it is about, and so compiled; the program that embeds airtight
/// is run (`readme.rs`).
#[test]
fn every_page_with_rust_is_compiled() {
    let sdk = fs::read_to_string(root().join("guest-sdk/src/lib.rs")).unwrap();
    for page in pages() {
        let name = page.name();
        let elsewhere = ["README.md", "embedding.md"].contains(&name);
        assert!(
            elsewhere || blocks(&page, "rust").is_empty() || sdk.contains(name),
            "nothing compiles the Rust of {name}"
        );
    }
}

/// What the README shows is compiled as part of the guide, where lines that begin with `# ` are not shown.
#[test]
fn the_readme_s_rust_is_the_guide_s() {
    let shown = |block: &str| -> String {
        block.lines().filter(|line| !line.starts_with("# ")).map(|line| format!("{line}\n")).collect()
    };
    let pages = pages();
    let (readme, guide): (Vec<_>, Vec<_>) = pages.iter().partition(|page| page.name() == "README.md");
    let guide: Vec<String> = guide.iter().flat_map(|page| blocks(page, "rust")).map(shown).collect();
    let [readme] = readme[..] else { panic!("there is one README") };
    let blocks = blocks(readme, "rust");
    assert!(blocks.len() > 2 && blocks.iter().all(|block| guide.contains(&shown(block))), "{blocks:#?}");
}
