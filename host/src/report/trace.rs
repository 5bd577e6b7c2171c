//! What tests did, event by event, as a file for programs.
//!
//! ```
//! use airtight::report::trace::{TraceOptions, TraceReport};
//! use airtight::{LoadOptions, Runner, Selection, Subject, config::Config};
//!
//! # let bytes = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#)?;
//! let options = TraceOptions::default().allocation(1 << 20);
//! let runner = Runner::builder(&Config::default(), "default")?.trace(options).build()?;
//! let module = runner.load(bytes, LoadOptions::named("empty"))?;
//! let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
//! let report = runner.run(&plan, &mut ())?;
//! let trace = TraceReport::new(&report);
//! assert_eq!(trace.canonical.tests[0].events.last().map(|event| &*event.call), Some("is over"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::model::trace::{TestTrace, TraceEvent, TraceKind, TraceOptions};

use super::Report;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The JSON Schema of what [`TraceReport::to_json`] gives. It refuses fields and kinds that this version does not write.
pub const TRACE_JSON_SCHEMA: &str = include_str!("../../schemas/trace.schema.json");

/// The version of the JSON schema.
pub const TRACE_SCHEMA: &str = "airtight.trace/1";

/// The traces of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TraceReport {
    /// [`TRACE_SCHEMA`].
    pub schema: String,
    /// `sha256:` and the hex SHA-256 of [`TraceReport::canonical`] in canonical JSON (RFC 8785).
    pub digest: String,
    /// What two machines compare.
    pub canonical: CanonicalTraces,
}

/// The part that is the same bytes everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CanonicalTraces {
    /// False where another run may differ: see [`Canonical::reproducible`](super::Canonical::reproducible).
    pub reproducible: bool,
    /// The traces by module and name of the test.
    pub tests: Vec<TestTrace>,
}

impl TraceReport {
    /// The traces of a run that was traced.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        let canonical = CanonicalTraces { reproducible: report.canonical.reproducible, tests: report.traces.clone() };
        let bytes = serde_json_canonicalizer::to_vec(&canonical).expect("a trace is plain data with text keys");
        let digest = format!("sha256:{:x}", Sha256::digest(bytes));
        Self { schema: TRACE_SCHEMA.to_owned(), digest, canonical }
    }

    /// The traces in JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a trace is plain data with text keys");
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;
    use crate::model::samples;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    const KINDS: [TraceKind; 14] = [
        TraceKind::Open,
        TraceKind::Read,
        TraceKind::Write,
        TraceKind::Close,
        TraceKind::Call,
        TraceKind::Wait,
        TraceKind::Memory,
        TraceKind::Allocation,
        TraceKind::Test,
        TraceKind::Subtest,
        TraceKind::Cleanup,
        TraceKind::Thread,
        TraceKind::Task,
        TraceKind::Tracked,
    ];

    /// A trace with everything that one can have, but an event for each kind.
    fn whole() -> Value {
        let event = |(nth, kind)| TraceEvent {
            nth,
            fuel: Some(u64::MAX),
            thread: 1,
            scope: Some("case".to_owned()),
            kind,
            call: "path_open".to_owned(),
            object: Some("/tmp/a".to_owned()),
            to: Some("/tmp/b".to_owned()),
            fd: Some(3),
            opened: Some(4),
            bytes: Some(12),
            before: Some(7),
            waited: 5,
            failed: Some("ENOENT".to_owned()),
            site: Some(0),
        };
        let mut report = samples::report(Vec::new());
        report.traces = vec![TestTrace {
            module: "m".to_owned(),
            test: "t".to_owned(),
            verdict: Verdict::Leak,
            no_allocations: Some("its heap is not tracked".to_owned()),
            events: (1..).zip(KINDS).map(event).collect(),
            left_out: 1,
            sites: vec![vec![samples::frame("save", "src/store.rs", 41).of_library("std")]],
            sites_left_out: 1,
        }];
        serde_json::from_slice(&TraceReport::new(&report).to_json()).unwrap()
    }

    fn schema() -> Value {
        serde_json::from_str(TRACE_JSON_SCHEMA).unwrap()
    }

    fn is_one(trace: &Value) -> bool {
        jsonschema::draft202012::new(&schema()).unwrap().is_valid(trace)
    }

    #[test]
    fn what_is_written_is_what_its_schema_says_and_nothing_else() {
        jsonschema::meta::validate(&schema()).unwrap();
        let whole = whole();
        assert!(is_one(&whole), "{whole:#}");
        assert_eq!(schema()["properties"]["schema"]["const"], TRACE_SCHEMA);
        for (pointer, value) in [
            ("/schema", json!("airtight.trace/2")),
            ("/canonical/tests/0/verdict", json!("green")),
            ("/canonical/tests/0/events/0/kind", json!("ponder")),
            ("/canonical/tests/0/events/0/fuel", json!(-1)),
            ("/canonical/tests/0/sites/0", json!("src/store.rs")),
        ] {
            let mut wrong = whole.clone();
            *wrong.pointer_mut(pointer).unwrap() = value;
            assert!(!is_one(&wrong), "{pointer}");
        }
        for pointer in ["", "/canonical", "/canonical/tests/0", "/canonical/tests/0/events/0"] {
            let mut wrong = whole.clone();
            wrong.pointer_mut(pointer).unwrap()["news"] = json!(1);
            assert!(!is_one(&wrong), "{pointer:?} may have any field");
        }
    }

    /// A field or a kind that no trace ever has was forgotten when the model lost it.
    #[test]
    fn every_field_and_kind_of_the_schema_is_written() {
        let (schema, whole) = (schema(), whole());
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        for (definition, pointer) in [("test", "/canonical/tests/0"), ("event", "/canonical/tests/0/events/0")] {
            let written = keys(whole.pointer(pointer).unwrap());
            assert_eq!(written, keys(&schema["$defs"][definition]["properties"]), "{definition}");
        }
        assert_eq!(schema["$defs"]["kind"]["enum"], json!(KINDS));
    }
}
