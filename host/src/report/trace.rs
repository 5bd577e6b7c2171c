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
    /// By module and name.
    pub tests: Vec<TestTrace>,
}

impl TraceReport {
    /// Of a run that was traced.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        let canonical = CanonicalTraces { reproducible: report.canonical.reproducible, tests: report.traces.clone() };
        let bytes = serde_json_canonicalizer::to_vec(&canonical).expect("a trace is plain data with text keys");
        let digest = format!("sha256:{:x}", Sha256::digest(bytes));
        Self { schema: TRACE_SCHEMA.to_owned(), digest, canonical }
    }

    /// It in JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a trace is plain data with text keys");
        bytes.push(b'\n');
        bytes
    }
}
