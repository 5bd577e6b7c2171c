//! A program that loses blocks among thousands of others: airtight's findings are compared with the program's own account
//! of what it forgot (`tests/guests/forgets/forgets.c`).

use airtight::config::Config;
use airtight::report::Verdict;
use airtight::{LoadOptions, Runner, Selection, Subject};
use airtight_tests::guests_dir;
use std::path::Path;

/// A thousand forgets for each seed, among 12,000 nodes: each of the four figures is the program's own.
fn compare(seeds: impl Iterator<Item = u32>) {
    let bytes = std::fs::read(guests_dir().join("forgets/forgets.wasm")).unwrap();
    let mut lost = 0;
    for seed in seeds {
        let text = format!("[profile.default]\nargs = [\"{seed}\"]\n");
        let config = Config::from_str(&text, "airtight.toml", Path::new("/")).unwrap();
        let runner = Runner::builder(&config, "default").unwrap().build().unwrap();
        let module = runner.load(bytes.clone(), LoadOptions::named("forgets")).unwrap();
        let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
        let report = runner.run(&plan, &mut ()).unwrap();
        let test = &report.canonical.modules[0].tests[0];
        assert_eq!(test.verdict, Verdict::Leak, "seed {seed}: {test:?}");
        let heap = &test.usage.as_ref().unwrap().heap;
        let told = [heap.lost_blocks, heap.lost, heap.retained_blocks, heap.retained].map(|figure| figure.unwrap());
        let said = String::from_utf8(test.details.as_ref().unwrap().output.stdout.clone()).unwrap();
        let own: Vec<u64> = said.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
        assert_eq!(told[..], own[..], "seed {seed}: {heap:?}");
        assert_eq!(heap.doubt, None, "seed {seed}");
        lost += told[0];
    }
    assert!(lost > 2000, "{lost} blocks were lost");
}

#[test]
fn a_few_thousand_forgets_are_told_one_by_one() {
    compare(1..=3);
}

#[test]
#[ignore = "takes a minute: 60,000 forgets in 60 programs of 12,000 blocks"]
fn sixty_thousand_forgets_are_told_one_by_one() {
    compare(1..=60);
}
