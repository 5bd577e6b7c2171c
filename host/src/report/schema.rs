//! The JSON Schema of a report, `schemas/report.schema.json`. The tests compare it with what is written: each must fit the
//! other.

/// The JSON Schema of what [`json::write`](super::json::write) writes. It refuses fields and kinds that this version does
/// not write. So a program that reads reports by it notices new ones.
pub const REPORT_SCHEMA: &str = include_str!("../../schemas/report.schema.json");

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::doubt::{Cause, Doubt, TestId};
    use crate::model::samples::{self, any_report};
    use crate::model::{
        AcceptedRecord, AttemptsRecord, BakedRecord, CleanupCoverage, CleanupRecord, Details, FailedAttempt,
        FuelByFunction, FunctionFuel, FunctionGrowth, GateRecord, GateTest, GoHeapDoubt, GoHeapGrowth, GoHeapSite,
        GoRecord, Harness, InjectedRecord, MetricRecord, MissedSite, Omitted, RefusedModule, Report, ResourceKind,
        SCHEMA, TestRecord, UnknownTest, Verdict, WorldEntry, WorldFigures,
    };
    use crate::policy::LeakSetting;
    use crate::report::json;
    use crate::report::writers::tests::planted;
    use jsonschema::Validator;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use std::sync::OnceLock;

    fn schema() -> Value {
        serde_json::from_str(REPORT_SCHEMA).unwrap()
    }

    fn validator() -> &'static Validator {
        static VALIDATOR: OnceLock<Validator> = OnceLock::new();
        VALIDATOR.get_or_init(|| jsonschema::draft202012::new(&schema()).unwrap())
    }

    /// The first error in a report, and where it is.
    fn fault(report: &Value) -> Option<String> {
        let error = validator().iter_errors(report).next()?;
        Some(format!("{}: {error}", error.instance_path))
    }

    fn written(report: &Report) -> Value {
        serde_json::from_slice(&json::write(report)).unwrap()
    }

    #[test]
    fn it_is_a_schema_and_names_its_version() {
        jsonschema::meta::validate(&schema()).unwrap();
        assert_eq!(schema()["properties"]["schema"]["const"], SCHEMA);
        assert_eq!(fault(&written(&planted())), None);
    }

    #[test]
    fn its_kinds_are_those_of_the_model() {
        let words = |name: &str| schema()["$defs"][name]["enum"].clone();
        assert_eq!(words("resource-kind"), json!(ResourceKind::ALL.map(ResourceKind::name)));
        assert_eq!(words("harness"), json!(Harness::ALL.map(Harness::name)));
        let leaks = schema()["$defs"]["policy"]["properties"]["leaks"]["properties"].clone();
        let leaks: BTreeSet<_> = leaks.as_object().unwrap().keys().cloned().collect();
        assert_eq!(leaks, LeakSetting::ALL.map(|setting| setting.key().to_owned()).into());
    }

    #[test]
    fn what_no_version_wrote_is_refused() {
        let good = written(&planted());
        let test = "/canonical/modules/0/tests/1";
        for (pointer, value) in [
            ("/schema", json!("airtight.report/2")),
            ("/digest", json!("sha256:0")),
            (&*format!("{test}/verdict"), json!("green")),
            (&format!("{test}/leaks/0/kind"), json!("lamp")),
            (&format!("{test}/leaks/0/count"), json!(-1)),
            (&format!("{test}/leaks/0/count"), json!(1.5)),
            (&format!("{test}/leaks/0/stack"), json!({})),
            (&format!("{test}/usage/heap/tracked"), json!("yes")),
            ("/canonical/modules/0/harness", json!("mocha")),
            ("/canonical/modules/0/tests", json!(null)),
            ("/volatile/times/0/us", json!("soon")),
            ("/canonical/cleanup_coverage/gate", json!("98")),
        ] {
            let mut wrong = good.clone();
            *wrong.pointer_mut(pointer).unwrap() = value;
            assert!(fault(&wrong).is_some_and(|fault| fault.starts_with('/')), "{pointer}");
        }
        for pointer in [
            "",
            "/canonical",
            "/volatile",
            "/canonical/modules/0",
            test,
            &format!("{test}/leaks/0"),
            "/canonical/policy",
        ] {
            let mut wrong = good.clone();
            wrong.pointer_mut(pointer).unwrap()["news"] = json!(1);
            assert!(fault(&wrong).is_some(), "{pointer} may have any field");
        }
        let mut wrong = good;
        wrong.pointer_mut(test).unwrap().as_object_mut().unwrap().remove("verdict");
        assert!(fault(&wrong).is_some());
    }

    /// Checks that a file which has everything that one can have follows its schema, and the schema allows nothing else: no other
    /// field at these places, no field that is never written, and what reports have too is described in the same words.
    pub fn assert_describes(schema: &Value, whole: &Value, places: &[&str], shared: &[&str]) {
        jsonschema::meta::validate(schema).unwrap();
        let validator = jsonschema::draft202012::new(schema).unwrap();
        let faults: Vec<_> = validator.iter_errors(whole).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(schema["properties"]["schema"]["const"], whole["schema"]);
        for place in places {
            let mut wrong = whole.clone();
            wrong.pointer_mut(place).unwrap()["news"] = json!(1);
            assert!(!validator.is_valid(&wrong), "{place:?} may have any field");
        }
        let mut found = BTreeSet::new();
        collect(schema, schema, whole, "", &mut found);
        let wanted = of_definitions(schema);
        let missing: Vec<_> = wanted.difference(&found).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let report: Value = serde_json::from_str(REPORT_SCHEMA).unwrap();
        for name in shared {
            assert_eq!(schema["$defs"][name], report["$defs"][name], "{name}");
        }
    }

    /// Collects the fields of a value, by the definition that each field belongs to.
    fn collect<'s>(
        root: &'s Value,
        mut schema: &'s Value,
        value: &Value,
        name: &str,
        found: &mut BTreeSet<(String, String)>,
    ) {
        let mut name = name.to_owned();
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            name = target.rsplit('/').next().unwrap().to_owned();
            schema = &root["$defs"][&name];
        }
        for choice in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            collect(root, choice, value, &name, found);
        }
        if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
            list.iter().for_each(|item| collect(root, items, item, &name, found));
        }
        let (Some(properties), Some(object)) = (schema.get("properties").and_then(Value::as_object), value.as_object())
        else {
            return;
        };
        for (key, value) in object {
            if let Some(property) = properties.get(key) {
                found.insert((name.clone(), key.clone()));
                collect(root, property, value, key, found);
            }
        }
    }

    /// Every field of the definitions that stand for records of the model.
    fn of_definitions(schema: &Value) -> BTreeSet<(String, String)> {
        let definitions = schema["$defs"].as_object().unwrap().iter();
        // The policy is excluded: another room makes it from types of its own. Reports of real runs check it.
        let records = definitions.filter(|(name, _)| *name != "policy");
        let properties = records.flat_map(|(name, definition)| {
            let choices = definition.get("oneOf").and_then(Value::as_array).into_iter().flatten().chain([definition]);
            let objects = choices.filter_map(|choice| choice.get("properties")?.as_object());
            objects.flat_map(move |properties| properties.keys().map(move |key| (name.clone(), key.clone())))
        });
        properties.collect()
    }

    /// A report with the fields that the other samples leave out.
    fn rare() -> Report {
        let id = TestId { module: "m".to_owned(), test: "t".to_owned() };
        let place = samples::frame("lex", "src/lex.rs", 80).of_library("parser");
        let omitted = Omitted { failures: 1, suppressed: 1, cleanups: 1, subtests: 1, tracked: 1, resources: 1 };
        let mut left = samples::cycle();
        left.omitted_places = 1;
        left.blocks.as_mut().unwrap().places[0].omitted_places = 1;
        left.accepted = Some("heap in mine::grow".to_owned());
        let details = Details {
            unwound: true,
            leaks: vec![left],
            accepted: vec![AcceptedRecord {
                by: "heap in mine::grow".to_owned(),
                by_pattern: true,
                reason: Some("before 2.0".to_owned()),
                count: 1,
                bytes: 8,
            }],
            attempts: Some(AttemptsRecord {
                tried: 2,
                allowed: 3,
                failed: vec![FailedAttempt::new(Verdict::Fail, Some("no answer".to_owned()))],
            }),
            injected: vec![InjectedRecord {
                fault: "write:1=EIO".to_owned(),
                object: Some("/tmp/x".to_owned()),
                stack: vec![samples::frame("save", "src/lib.rs", 1)],
            }],
            cleanups: vec![CleanupRecord { subtest: Some("case".to_owned()), ..CleanupRecord::new(1, "it failed") }],
            changed_omitted: 1,
            go: Some(Box::new(GoRecord {
                start_fuel: Some(9),
                heap: Some(GoHeapGrowth {
                    sites: vec![GoHeapSite::new(20_000, 1, vec![samples::frame("fill", "a_test.go", 1)])],
                    sites_omitted: 1,
                    ..GoHeapGrowth::new(20_480, 3, 16 << 10)
                }),
                heap_doubt: Some(GoHeapDoubt::new("other-ending", "it ended otherwise")),
                metrics: vec![MetricRecord::new(Some("small".to_owned()), "words/op", "7.500")],
                metrics_omitted: 1,
            })),
            outlived_omitted: 1,
            refused_threads: 1,
            fuel_by_function: Some(Box::new(FuelByFunction {
                why: Some("it has threads".to_owned()),
                functions: vec![FunctionFuel::new(place.clone(), 9)],
                omitted: 1,
                omitted_fuel: 1,
            })),
            omitted,
            ..Details::default()
        };
        let test = TestRecord { harness: Some(Harness::Sdk), ..samples::with("t", Verdict::Fail, details) };
        let Report { mut canonical, mut volatile, .. } = samples::report(vec![samples::module("m", vec![test])]);
        canonical.refused =
            vec![RefusedModule { code: Some("sha256:".to_owned()), ..RefusedModule::new("n", "no reason") }];
        canonical.cleanup_coverage = Some(CleanupCoverage { untold: 1, ..CleanupCoverage::default() });
        let unknown = UnknownTest { module: "m".to_owned(), test: "u".to_owned(), why: "it was not run".to_owned() };
        canonical.gates = vec![GateRecord {
            base: Some(1),
            base_digest: Some(format!("sha256:{}", "0".repeat(64))),
            tests: vec![GateTest {
                function: Some(FunctionGrowth { frame: place.clone(), seen: 2, base: 1 }),
                no_function: Some("it has threads".to_owned()),
                ..GateTest::new("m", "t", 2, Some(1))
            }],
            tests_omitted: 1,
            unknown: 1,
            first_unknown: Some(unknown),
            ..samples::missed_gate()
        }];
        volatile.baked = vec![BakedRecord::new("m", "p", "/home")];
        volatile.grants = vec!["/etc as /etc, read-only".to_owned()];
        volatile.codes = [("AT0507".to_owned(), "fuel".to_owned())].into();
        volatile.partition = Some("slice:1/2".to_owned());
        let places = vec![MissedSite {
            module: "m".to_owned(),
            kind: ResourceKind::File,
            place: Some(samples::frame("open", "src/lib.rs", 1)),
            acquired: 2,
            missed: 1,
            test: "t".to_owned(),
        }];
        volatile.places = Some(places.clone());
        volatile.worlds = Some(WorldFigures {
            gates_of_tests: canonical.gates.clone(),
            entries: vec![WorldEntry {
                module: "m".to_owned(),
                code: "sha256:".to_owned(),
                test: "set-up".to_owned(),
                gates: canonical.gates.clone(),
                coverage: canonical.cleanup_coverage.clone(),
                places,
                judged: 1,
            }],
        });
        volatile.baseline = Some(samples::baseline_use("heap in mine::grow"));
        Report::new(canonical.with_doubts(Doubt::of_tests(Cause::RealClock, vec![id]).into_iter().collect()), volatile)
    }

    /// A field that no sample report has was forgotten here when the model lost it.
    #[test]
    fn every_field_of_it_is_written_by_some_report() {
        use proptest::strategy::ValueTree;
        use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
        let mut runner =
            TestRunner::new_with_rng(ProptestConfig::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let (schema, strategy) = (schema(), any_report());
        let wanted = of_definitions(&schema);
        let mut found = BTreeSet::new();
        for report in [planted(), rare()] {
            collect(&schema, &schema, &written(&report), "", &mut found);
        }
        for _ in 0..400 {
            let report = strategy.new_tree(&mut runner).unwrap().current();
            collect(&schema, &schema, &written(&report), "", &mut found);
        }
        let missing: Vec<_> = wanted.difference(&found).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn every_report_is_one_by_it(report in any_report()) {
            prop_assert_eq!(fault(&written(&report)), None);
        }
    }
}
