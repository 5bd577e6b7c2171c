//! An event as it is kept while the test runs: its place in the code is a stack without names.

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
    /// An event of a kind, where this function is called, or something `begins` or `ends`.
    pub fn new(kind: TraceKind, call: &'static str) -> Self {
        Self { kind, call, ..Self::default() }
    }
}

/// The events of a test that are kept.
#[derive(Debug, Default)]
pub struct RawTrace {
    /// In their order.
    pub events: Vec<TracedEvent>,
    /// How many there were in all.
    pub count: u64,
}
