//! Settings about the heap.

use super::{config, errors, patch};
use crate::config::{Ask, Overlays};
use crate::policy::{LeakAction, LeakSetting, Limit, Limits};

/// The four limits, in the order of the documentation.
const FOUR: [Limit; 4] = [Limit::PeakHeap, Limit::Lost, Limit::Retained, Limit::Allocations];

fn four(limits: &Limits) -> [Option<u64>; 4] {
    FOUR.map(|limit| limits.get(limit))
}

const LIMITS: &str = r#"
[profile.default]
peak-heap = "1MiB"
lost = "0B"
allocations = "10K"
[[profile.default.overrides]]
filter = "big"
peak-heap = "2MiB"
[[profile.default.overrides]]
filter = "big"
retained = 65_536
peak-heap = 1
[profile.ci]
lost = 16
allocations = 500
[profile.fast]
inherits = "ci"
heap-accounting = false
[profile.again]
inherits = "fast"
heap-accounting = true
"#;

#[test]
fn there_are_none_unless_they_are_set() {
    let profile = config("").profile("default").unwrap();
    assert_eq!(four(&profile.policy().limits), [None; 4]);
    assert!(profile.heap_accounting());
}

#[test]
fn limits_come_from_profiles_and_overrides() {
    let config = config(LIMITS);
    let limits = |profile: &str, test: &str| {
        let profile = config.profile(profile).unwrap();
        four(&profile.policy_for("m", test, &Ask::default()).unwrap().limits)
    };
    assert_eq!(limits("default", "small"), [Some(1 << 20), Some(0), None, Some(10_000)]);
    assert_eq!(limits("default", "big"), [Some(2 << 20), Some(0), Some(65_536), Some(10_000)]);
    assert_eq!(limits("ci", "big"), [Some(2 << 20), Some(16), Some(65_536), Some(500)]);
}

#[test]
fn accounting_is_inherited_and_outlives_a_copy() {
    let config = config(LIMITS);
    let on = ["default", "ci", "fast", "again"].map(|name| config.profile(name).unwrap().heap_accounting());
    assert_eq!(on, [true, true, false, true]);
    let overlaid = config.profile("fast").unwrap().with_overlays(Overlays::default());
    assert!(!overlaid.clone().heap_accounting());
    // An inherited limit stays in the policy, even though this run cannot judge it.
    assert_eq!(four(&overlaid.policy().limits), [Some(1 << 20), Some(16), None, Some(500)]);
}

#[test]
fn a_test_may_set_and_lower_them_but_not_raise_them() {
    let overlays = Overlays {
        environment: patch([(Limit::Allocations, 3000)]),
        command_line: patch([(Limit::Lost, 100)]),
        seed: None,
        ..Overlays::default()
    };
    let profile = config(LIMITS).profile("default").unwrap().with_overlays(overlays);
    let ask = |figures: [Option<u64>; 4]| {
        let set = FOUR.into_iter().zip(figures).filter_map(|(limit, figure)| Some((limit, figure?)));
        Ask { limits: set.collect(), ..Ask::default() }
    };
    let lower = [Some(1 << 20), Some(99), Some(1 << 40), Some(0)];
    assert_eq!(four(&profile.policy_for("m", "t", &ask(lower)).unwrap().limits), lower, "no limit is above any");
    assert_eq!(four(&profile.policy().limits), [Some(1 << 20), Some(100), None, Some(3000)]);
    let refused = |test, figures| profile.policy_for("m", test, &ask(figures)).unwrap_err().to_string();
    let all = [
        refused("t", [Some((1 << 20) + 1), None, None, None]),
        refused("big", [Some(3 << 20), None, None, None]),
        refused("t", [None, Some(101), None, None]),
        refused("big", [None, None, Some(1 << 20), None]),
        refused("t", [None, None, None, Some(4000)]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    test `t` of `m` asks for peak-heap 1048577 B, above the 1 MiB that profile `default` allows; a test may only lower a limit
    test `big` of `m` asks for peak-heap 3 MiB, above the 2 MiB that the override for `big` in profile `default` allows; a test may only lower a limit
    test `t` of `m` asks for lost 101 B, above the 100 B that the command line allows; a test may only lower a limit
    test `big` of `m` asks for retained 1 MiB, above the 64 KiB that the override for `big` in profile `default` allows; a test may only lower a limit
    test `t` of `m` asks for allocations 4K, above the 3K that the variable AIRTIGHT_ALLOCATIONS allows; a test may only lower a limit
    ");
}

#[test]
fn leaks_have_an_action_and_a_cap() {
    let text =
        "[profile.default]\nlost = \"1KiB\"\nretained = \"64KiB\"\nleaks = { heap = \"show\", retained = \"fail\" }\n";
    let profile = config(text).profile("default").unwrap();
    assert_eq!(four(&profile.policy().limits), [None, Some(1024), Some(64 << 10), None]);
    let leaks = profile.policy().leaks;
    assert_eq!((leaks.get(LeakSetting::Heap), leaks.get(LeakSetting::Retained)), (LeakAction::Show, LeakAction::Fail));
}

#[test]
fn errors_say_what_would_do() {
    let wrong = |settings: &str| errors(&format!("[profile.default]\n{settings}\n"));
    let all = [
        wrong("peak-heap = \"512K\""),
        wrong("peak_heap = \"512KiB\""),
        wrong("lost = -1"),
        wrong("lost = \"fail\""),
        wrong("retained = \"show\""),
        wrong("retained = true"),
        wrong("leaks = { lost = \"fail\", retained = \"64KiB\" }"),
        wrong("allocations = \"1KiB\""),
        wrong("allocations = 1.5"),
        wrong("allocation = 1"),
        wrong("heap-accounting = \"no\""),
        wrong("heap-accounting = false\nlost = 0"),
        wrong("heap-accounting = false\n[[profile.default.overrides]]\nfilter = \"a\"\nallocations = 1"),
        errors("[profile.fast]\nheap-accounting = false\n[profile.ci]\ninherits = \"fast\"\npeak-heap = 1"),
        wrong("[[profile.default.overrides]]\nfilter = \"a\"\nheap-accounting = false"),
        errors("peak-heap = 1\nheap-accounting = true"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    airtight.toml:2: profile.default.peak-heap: "512K" is not a size; write for example "512KiB" or a number of bytes
    airtight.toml:2: profile.default: `peak_heap` is not a setting; did you mean `peak-heap`?
    airtight.toml:2: profile.default.lost: "-1" is not a size; write for example "256MiB" or a number of bytes
    airtight.toml:2: profile.default.lost: it is a number of bytes; what they do to the verdict is leaks = { heap = "fail" }
    airtight.toml:2: profile.default.retained: it is a number of bytes; what they do to the verdict is leaks = { retained = "show" }
    airtight.toml:2: profile.default.retained: expected a size, such as "256MiB", found a boolean
    airtight.toml:2: profile.default.leaks: `lost` is not a setting of this table; what is lost is called `heap` here: write leaks = { heap = "fail" }
    airtight.toml:2: profile.default.leaks.retained: "64KiB" is not an action; there are `fail`, `show`, `ignore`
    airtight.toml:2: profile.default.allocations: "1KiB" is not a count; write for example "10K" or a number
    airtight.toml:2: profile.default.allocations: expected a count, such as "10K", found a float
    airtight.toml:2: profile.default: `allocation` is not a setting; did you mean `allocations`?
    airtight.toml:2: profile.default.heap-accounting: expected true or false, found a string
    airtight.toml:2: profile.default.heap-accounting: without it there is nothing to hold `lost` of profile `default` against; remove one of them
    airtight.toml:2: profile.default.heap-accounting: without it there is nothing to hold `allocations` of profile `default` against; remove one of them
    airtight.toml:2: profile.fast.heap-accounting: without it there is nothing to hold `peak-heap` of profile `ci` against; remove one of them
    airtight.toml:4: profile.default.overrides[0]: `heap-accounting` is not a setting of this table; it is compiled into the modules, so it has one value a run: set it in the profile
    airtight.toml:1: `peak-heap` is not a setting of this table; it belongs to a profile, such as [profile.default], or to one of its overrides
    airtight.toml:2: `heap-accounting` is not a setting of this table; it is compiled into the modules, so it has one value a run: set it in the profile
    "#);
}

#[test]
fn a_heap_that_is_tracked_can_be_demanded() {
    let text = "[profile.default]\nheap = \"required\"\n[[profile.default.overrides]]\nfilter = \"grows::\"\nheap = \"where-possible\"\n";
    let profile = config(text).profile("default").unwrap();
    let required = |test: &str| profile.policy_for("m", test, &Ask::default()).unwrap().heap_required;
    assert_eq!((required("parses"), required("grows::a_page")), (true, false));
    assert!(!config("").profile("default").unwrap().policy().heap_required);
    insta::assert_snapshot!(errors("[profile.default]\nheap = \"sometimes\"\n"), @r#"airtight.toml:2: profile.default.heap: "sometimes" is not what is demanded of the heap; there are `required`, `where-possible`"#);
    let both = errors("[profile.default]\nheap = \"required\"\nheap-accounting = false\n");
    assert!(both.contains("there is nothing to hold `heap` of profile `default` against"), "{both}");
}
