//! Settings about the heap.

use super::{config, errors};
use crate::config::{Ask, Overlays};
use crate::policy::{Limits, PolicyPatch};

/// The four limits, in the order of the documentation.
fn of(limits: &Limits) -> [Option<u64>; 4] {
    [limits.peak_heap, limits.lost, limits.retained, limits.allocations]
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
    assert_eq!(of(&profile.policy().limits), [None; 4]);
    assert!(profile.heap_accounting());
}

#[test]
fn limits_come_from_profiles_and_overrides() {
    let config = config(LIMITS);
    let limits = |profile: &str, test: &str| {
        let profile = config.profile(profile).unwrap();
        of(&profile.policy_for("m", test, &Ask::default()).unwrap().limits)
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
    // What is inherited stays a limit: it is the run that cannot judge it.
    assert_eq!(of(&overlaid.policy().limits), [Some(1 << 20), Some(16), None, Some(500)]);
}

#[test]
fn a_test_may_set_and_lower_them_but_not_raise_them() {
    let overlays = Overlays {
        environment: PolicyPatch { allocations: Some(3000), ..PolicyPatch::default() },
        command_line: PolicyPatch { lost: Some(100), ..PolicyPatch::default() },
        seed: None,
    };
    let profile = config(LIMITS).profile("default").unwrap().with_overlays(overlays);
    let ask = |figures: [Option<u64>; 4]| {
        let [peak_heap, lost, retained, allocations] = figures;
        Ask { peak_heap, lost, retained, allocations, ..Ask::default() }
    };
    let lower = [Some(1 << 20), Some(99), Some(1 << 40), Some(0)];
    assert_eq!(of(&profile.policy_for("m", "t", &ask(lower)).unwrap().limits), lower, "no limit is above any");
    assert_eq!(of(&profile.policy().limits), [Some(1 << 20), Some(100), None, Some(3000)]);
    let refused = |test, figures| profile.policy_for("m", test, &ask(figures)).unwrap_err().to_string();
    let all = [
        refused("t", [Some((1 << 20) + 1), None, None, None]),
        refused("big", [Some(3 << 20), None, None, None]),
        refused("t", [None, Some(101), None, None]),
        refused("big", [None, None, Some(1 << 20), None]),
        refused("t", [None, None, None, Some(4000)]),
    ];
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn leaks_have_an_action_and_a_cap() {
    let text =
        "[profile.default]\nlost = \"1KiB\"\nretained = \"64KiB\"\nleaks = { heap = \"show\", retained = \"fail\" }\n";
    let profile = config(text).profile("default").unwrap();
    assert_eq!(of(&profile.policy().limits), [None, Some(1024), Some(64 << 10), None]);
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
        wrong("leaks = { retained = \"64KiB\", lost = \"fail\" }"),
        wrong("allocations = \"1KiB\""),
        wrong("allocations = 1.5"),
        wrong("allocation = 1"),
        wrong("heap-accounting = \"no\""),
        wrong("heap-accounting = false\nlost = 0"),
        wrong("heap-accounting = false\n[[profile.default.overrides]]\nfilter = \"a\"\nallocations = 1"),
        wrong("[[profile.default.overrides]]\nfilter = \"a\"\nheap-accounting = false"),
        errors("peak-heap = 1\nheap-accounting = true"),
    ];
    insta::assert_snapshot!(all.join("\n"), @"");
}
