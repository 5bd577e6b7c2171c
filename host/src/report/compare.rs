//! The differences between the canonical parts of two reports, field by field.

use crate::model::{Canonical, ModuleRecord, TestRecord};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One value that is not the same in both reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The module that the field belongs to; `None` for a field of the whole run, such as its policy.
    pub module: Option<String>,
    /// The test that the field belongs to; `None` for a field of the module or of the whole run.
    pub test: Option<String>,
    /// The field, as a JSON pointer (RFC 6901) into the test, the module or the whole run: `/usage/fuel`. It is empty where only
    /// one report has the test or module at all.
    pub field: String,
    /// The field's value in the first report; `None` where it has none.
    pub left: Option<Value>,
    /// The field's value in the second report; `None` where it has none.
    pub right: Option<Value>,
}

/// Everything that differs, in the order of the reports. Modules and tests are matched by their names: where one report has a
/// test more, that is one difference. There are no differences exactly where the digests are the same.
pub fn differences(left: &Canonical, right: &Canonical) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut place = Comparison { module: None, test: None, found: &mut found };
    place.compare(Some(&without(left, "modules")), Some(&without(right, "modules")));
    for (left, right) in matched(&left.modules, &right.modules, |module| module.name.clone()) {
        modules(left, right, &mut found);
    }
    found
}

fn modules(left: Option<&ModuleRecord>, right: Option<&ModuleRecord>, found: &mut Vec<Difference>) {
    let module = left.or(right).map(|module| module.name.clone());
    let own = |module: &ModuleRecord| without(module, "tests");
    let mut place = Comparison { module: module.clone(), test: None, found };
    place.compare(left.map(own).as_ref(), right.map(own).as_ref());
    let (Some(left), Some(right)) = (left, right) else { return };
    for (left, right) in matched(&left.tests, &right.tests, |test| (test.name.to_string(), test.harness)) {
        let test = left.or(right).map(|test| test.name.to_string());
        let mut place = Comparison { module: module.clone(), test, found };
        // Equal records need not be written as JSON. Different ones may still be the same JSON: output is not canonical.
        if left != right {
            place.compare(left.map(json).as_ref(), right.map(json).as_ref());
        }
    }
}

/// The differences between two records of one test.
pub(super) fn differences_of(left: &TestRecord, right: &TestRecord) -> Vec<Difference> {
    let mut found = Vec::new();
    Comparison { module: None, test: None, found: &mut found }.compare(Some(&json(left)), Some(&json(right)));
    found
}

/// The report without some of its modules, and without the doubts about their tests.
pub fn without_modules(canonical: &Canonical, left_out: &[String]) -> Canonical {
    let mut rest = canonical.clone();
    rest.modules.retain(|module| !left_out.contains(&module.name));
    rest.refused.retain(|module| !left_out.contains(&module.name));
    if !left_out.is_empty() {
        // Gates are figures of all tests together: without some modules they mean nothing.
        rest.gates.clear();
        rest.cleanup_coverage = None;
    }
    for doubt in &mut rest.doubts {
        doubt.tests.retain(|test| !left_out.contains(&test.module));
    }
    // A doubt that names no tests is about the whole run, and stays, unless its tests were just removed.
    let doubts = rest.doubts.iter().zip(&canonical.doubts);
    let kept = doubts.filter(|(now, before)| !now.tests.is_empty() || before.tests.is_empty());
    let kept = kept.map(|(now, _)| now.clone()).collect();
    rest.with_doubts(kept)
}

/// An element of the first report and the one of the second that matches it; one of them may be missing.
pub(super) type Pair<'a, T> = (Option<&'a T>, Option<&'a T>);

/// The elements of both lists, matched by their keys and in the order of the keys. If several elements have the same key,
/// the first in one list is matched with the first in the other, and so on.
pub(super) fn matched<'a, T, K: Ord>(left: &'a [T], right: &'a [T], key: impl Fn(&T) -> K) -> Vec<Pair<'a, T>> {
    let mut pairs: BTreeMap<(K, usize), Pair<'a, T>> = BTreeMap::new();
    for (second, side) in [left, right].into_iter().enumerate() {
        for element in side {
            let taken = |pair: &Pair<'_, T>| if second == 0 { pair.0.is_some() } else { pair.1.is_some() };
            let nth = (0..).find(|nth| pairs.get(&(key(element), *nth)).is_none_or(|pair| !taken(pair)));
            let pair = pairs.entry((key(element), nth.unwrap_or_default())).or_default();
            *(if second == 0 { &mut pair.0 } else { &mut pair.1 }) = Some(element);
        }
    }
    pairs.into_values().collect()
}

fn json(test: &TestRecord) -> Value {
    serde_json::to_value(test).expect("a report is plain data with text keys")
}

/// A part of the report as JSON, without the field `list`, whose elements are compared one by one.
fn without(part: &impl Serialize, list: &str) -> Value {
    let mut value = serde_json::to_value(part).expect("a report is plain data with text keys");
    if let Some(object) = value.as_object_mut() {
        object.remove(list);
    }
    value
}

/// Compares what one module or test has in both reports, and notes the differences under its name.
struct Comparison<'a> {
    module: Option<String>,
    test: Option<String>,
    found: &'a mut Vec<Difference>,
}

impl Comparison<'_> {
    fn compare(&mut self, left: Option<&Value>, right: Option<&Value>) {
        self.walk(&mut String::new(), left, right);
    }

    fn walk(&mut self, field: &mut String, left: Option<&Value>, right: Option<&Value>) {
        match (left, right) {
            (Some(Value::Object(left)), Some(Value::Object(right))) => {
                for key in keys(left, right) {
                    self.step(field, &key.replace('~', "~0").replace('/', "~1"), left.get(key), right.get(key));
                }
            }
            (Some(Value::Array(left)), Some(Value::Array(right))) => {
                for index in 0..left.len().max(right.len()) {
                    self.step(field, &index.to_string(), left.get(index), right.get(index));
                }
            }
            (left, right) if left == right => {}
            (left, right) => self.found.push(Difference {
                module: self.module.clone(),
                test: self.test.clone(),
                field: field.clone(),
                left: left.cloned(),
                right: right.cloned(),
            }),
        }
    }

    fn step(&mut self, field: &mut String, key: &str, left: Option<&Value>, right: Option<&Value>) {
        let before = field.len();
        field.push('/');
        field.push_str(key);
        self.walk(field, left, right);
        field.truncate(before);
    }
}

fn keys<'a>(left: &'a Map<String, Value>, right: &'a Map<String, Value>) -> impl Iterator<Item = &'a String> {
    let keys: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
    keys.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::doubt::{Cause, Doubt, TestId};
    use crate::model::growth::{Growth, Round, Span};
    use crate::model::{CleanupCoverage, Report, Verdict};
    use crate::model::{digest, samples};
    use proptest::prelude::*;
    use serde_json::json;

    fn told(left: &Report, right: &Report) -> Vec<String> {
        let place = |difference: &Difference| {
            let Difference { module, test, field, left, right } = difference.clone();
            let names = [module, test].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let value = |value: Option<Value>| value.map_or("-".to_owned(), |value| value.to_string());
            format!("{names} {field}: {} {}", value(left), value(right))
        };
        differences(&left.canonical, &right.canonical).iter().map(place).collect()
    }

    #[test]
    fn a_field_is_named_with_both_values() {
        let mut other = samples::passed("works");
        other.usage.as_mut().unwrap().fuel = Some(1001);
        let report = |test| samples::report(vec![samples::module("m", vec![samples::passed("same"), test])]);
        assert_eq!(told(&report(samples::passed("works")), &report(other)), ["m works /usage/fuel: 1000 1001"]);
    }

    #[test]
    fn what_only_one_has_is_one_difference() {
        let report = |tests| samples::report(vec![samples::module("m", tests)]);
        let (one, two) = (samples::passed("a"), samples::passed("b"));
        let (short, long) = (report(vec![two.clone()]), report(vec![one, two]));
        let [only] = differences(&short.canonical, &long.canonical).try_into().unwrap();
        assert_eq!((only.test.as_deref(), only.field.as_str(), only.left), (Some("a"), "", None));
        assert_eq!(only.right.unwrap()["verdict"], "pass");
        let none = samples::report(Vec::new());
        assert_eq!(differences(&none.canonical, &long.canonical).len(), 1, "a module is not told test by test");
    }

    #[test]
    fn elements_of_lists_and_odd_keys_have_pointers() {
        let mut leaked = samples::leaked();
        leaked.details.as_mut().unwrap().leaks[0].stack[1].line = Some(99);
        let report = |test| samples::report(vec![samples::module("m", vec![test])]);
        let [stack] = &told(&report(samples::leaked()), &report(leaked))[..] else { panic!("one difference") };
        assert!(stack.contains("/leaks/0/stack/1/line: 12 99"), "{stack}");
        let mut policy = samples::report(Vec::new());
        policy.canonical.policy = json!({ "env": { "A/B~": 1 } });
        let mut another = policy.clone();
        another.canonical.policy = json!({ "env": { "A/B~": 2 } });
        assert_eq!(told(&policy, &another), [" /policy/env/A~1B~0: 1 2"]);
    }

    #[test]
    fn figures_of_the_heap_are_compared_and_those_of_one_side_alone_too() {
        let test = || samples::left(Verdict::Leak, vec![samples::blocks(2, 1024)], vec![samples::blocks(1, 48)]);
        let mut other = test();
        let heap = &mut other.usage.as_mut().unwrap().heap;
        (heap.peak, heap.lost, heap.retained_blocks) = (Some(9), None, Some(2));
        heap.doubt = Some("there was no second run".to_owned());
        let details = other.details.as_mut().unwrap();
        details.leaks[0].bytes = Some(1000);
        details.retained[0].stack[0].line = Some(16);
        let span = Span { before: 0, after: 8 };
        let round = Round { heap_blocks: None, heap_bytes: Some(span), linear: span, handles: span };
        details.growth = Some(Growth::judge(vec![round]));
        let report = |test| samples::report(vec![samples::module("m", vec![test])]);
        let found = differences(&report(test()).canonical, &report(other).canonical);
        let fields: Vec<_> = found.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "/growth",
                "/leaks/0/bytes",
                "/retained/0/stack/0/line",
                "/usage/heap/doubt",
                "/usage/heap/lost",
                "/usage/heap/peak",
                "/usage/heap/retained_blocks",
            ]
        );
        let lost = &found[4];
        assert_eq!((lost.left.as_ref(), lost.right.as_ref()), (Some(&json!(1024)), None), "absent is not zero");
    }

    #[test]
    fn modules_of_one_name_are_matched_in_order() {
        let module = |code: &str| ModuleRecord { code: code.to_owned(), ..samples::module("m", Vec::new()) };
        let (left, right) = (
            samples::report(vec![module("sha256:1"), module("sha256:2")]),
            samples::report(vec![module("sha256:1"), module("sha256:3")]),
        );
        assert_eq!(told(&left, &right), [r#"m /code: "sha256:2" "sha256:3""#]);
    }

    #[test]
    fn output_is_no_difference() {
        let mut loud = samples::failed();
        loud.details.as_mut().unwrap().output.stdout = b"hello".to_vec();
        let report = |test| samples::report(vec![samples::module("m", vec![test])]);
        assert!(told(&report(samples::failed()), &report(loud)).is_empty());
    }

    #[test]
    fn leaving_modules_out_leaves_their_doubts_out() {
        let id = |module: &str| TestId { module: module.to_owned(), test: "t".to_owned() };
        let modules = vec![samples::module("a", Vec::new()), samples::module("b", Vec::new())];
        let doubts = vec![
            Doubt { cause: Cause::RealClock, tests: vec![id("b")] },
            Doubt { cause: Cause::WallClock, tests: vec![id("a"), id("b")] },
        ];
        let mut whole = samples::report(modules).canonical.with_doubts(doubts);
        whole.cleanup_coverage = Some(CleanupCoverage::default());
        let rest = without_modules(&whole, &["b".to_owned()]);
        assert_eq!(rest.modules.len(), 1);
        assert_eq!(rest.cleanup_coverage, None, "it is of all tests together");
        assert_eq!(without_modules(&whole, &[]), whole);
        assert_eq!(rest.doubts, [Doubt { cause: Cause::WallClock, tests: vec![id("a")] }]);
        let none = without_modules(&whole, &["a".to_owned(), "b".to_owned()]);
        assert!(none.reproducible && none.doubts.is_empty());
        let run = whole.with_doubts(vec![Doubt::of_run(Cause::RealClock)]);
        assert_eq!(without_modules(&run, &["a".to_owned()]).doubts.len(), 1);
    }

    proptest! {
        #[test]
        fn a_digest_differs_exactly_where_a_field_does(left in samples::any_report(), right in samples::any_report()) {
            let same = digest::digest(&left.canonical) == digest::digest(&right.canonical);
            prop_assert_eq!(differences(&left.canonical, &right.canonical).is_empty(), same);
            prop_assert_eq!(differences(&left.canonical, &left.canonical), []);
        }
    }
}
