//! An event as it is kept while the test runs: the code that caused it is a stack without names.

use crate::ledger::Stack;
use crate::model::trace::TraceKind;
use std::borrow::Cow;
use std::sync::Arc;

/// An event of a test. See [`crate::model::trace::TraceEvent`] for its fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TracedEvent {
    pub nth: u64,
    pub fuel: Option<u64>,
    pub thread: u32,
    pub scope: Option<Arc<str>>,
    pub kind: TraceKind,
    pub call: &'static str,
    pub object: Option<Arc<str>>,
    pub to: Option<Arc<str>>,
    pub fd: Option<u32>,
    pub opened: Option<u32>,
    pub bytes: Option<u64>,
    pub before: Option<u64>,
    pub waited: u64,
    pub failed: Option<Cow<'static, str>>,
    pub stack: Option<Stack>,
}

impl TracedEvent {
    /// An event of this kind. `call` is the function called, or `begins` or `ends`.
    pub fn new(kind: TraceKind, call: &'static str) -> Self {
        Self { kind, call, ..Self::default() }
    }
}

/// The events kept of a test.
#[derive(Debug, Default)]
pub struct RawTrace {
    /// In order.
    pub events: Vec<TracedEvent>,
    /// How many events there were in all, kept or not.
    pub count: u64,
}
