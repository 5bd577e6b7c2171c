//! Keeps the events of one test, up to a number.

use super::event::{RawTrace, TracedEvent};
use crate::ledger::{Stack, short};
use crate::model::shorten::shortened;
use crate::model::trace::{TraceKind, TraceOptions};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// The most bytes kept of a name.
const MAX_NAME: usize = 512;

/// The most growths of memory that wait until it is known where in the code they happened.
const MAX_GROWTHS: usize = 1000;

/// The events of one test.
#[derive(Debug)]
pub struct Tracer {
    options: TraceOptions,
    count: u64,
    first: Vec<TracedEvent>,
    /// The last events, without those in `first`.
    last: VecDeque<TracedEvent>,
    /// The stacks of events; equal stacks are kept once.
    stacks: HashSet<Stack>,
    /// The running subtest, or the scope of the running clean-up.
    scope: Option<Arc<str>>,
    /// Growths of linear memory since the last event: it is not known yet where in the code they happened.
    growths: Vec<TracedEvent>,
    /// The last size of the memory that threads share.
    shared_memory: Option<u64>,
}

impl Tracer {
    pub fn new(options: TraceOptions) -> Self {
        Self {
            options,
            count: 0,
            first: Vec::new(),
            last: VecDeque::new(),
            stacks: HashSet::new(),
            scope: None,
            growths: Vec::new(),
            shared_memory: None,
        }
    }

    /// Enters an event into the trace.
    pub fn push(&mut self, mut event: TracedEvent) {
        self.count += 1;
        event.nth = self.count;
        event.scope = self.scope.clone();
        event.object = event.object.map(bounded);
        event.to = event.to.map(bounded);
        event.stack = event.stack.map(|stack| self.shared(&stack));
        let first = self.options.most.div_ceil(2) as usize;
        if self.first.len() < first {
            return self.first.push(event);
        }
        self.last.push_back(event);
        if self.last.len() > self.options.most as usize - first {
            self.last.pop_front();
        }
    }

    /// The one kept copy of a stack.
    fn shared(&mut self, stack: &Stack) -> Stack {
        let stack = short(stack);
        if let Some(known) = self.stacks.get(&stack) {
            return Stack::clone(known);
        }
        // Stacks of dropped events are dropped before there are too many of them.
        if self.stacks.len() > 2 * self.options.most as usize {
            self.stacks.retain(|stack| Arc::strong_count(stack) > 1);
        }
        self.stacks.insert(Stack::clone(&stack));
        stack
    }

    /// From here on, events are in this scope. Gives the scope before.
    pub fn enter_scope(&mut self, scope: Option<Arc<str>>) -> Option<Arc<str>> {
        std::mem::replace(&mut self.scope, scope.map(bounded))
    }

    /// Whether events have their places in the code.
    pub fn wants_places(&self) -> bool {
        self.options.places
    }

    /// Whether a block of this size is an event, or there is a growth that is none yet.
    pub fn wants(&self, size: Option<u32>) -> bool {
        !self.growths.is_empty() || size.is_some_and(|size| size >= self.options.allocation)
    }

    /// Whether a block of this size is an event.
    pub fn wants_allocation(&self, size: u32) -> bool {
        size >= self.options.allocation
    }

    /// Linear memory grew to `bytes`, or was refused to, for the reason `failed`.
    pub fn memory_grew(&mut self, before: u64, bytes: u64, failed: Option<&'static str>) {
        let event = TracedEvent {
            before: Some(before),
            bytes: Some(bytes),
            failed: failed.map(Into::into),
            ..TracedEvent::new(TraceKind::Memory, "memory.grow")
        };
        // A refusal costs hardly any fuel, so equal ones in a row are one event.
        if self.growths.last() == Some(&event) {
            return;
        }
        self.growths.push(event);
        if self.growths.len() > MAX_GROWTHS {
            self.flush(None, 0);
        }
    }

    /// The memory that threads share has this size now.
    pub fn shared_memory_is(&mut self, bytes: u64) {
        let before = self.shared_memory.replace(bytes);
        if let Some(before) = before.filter(|before| *before != bytes) {
            self.memory_grew(before, bytes, None);
        }
    }

    /// Enters the waiting growths of memory: at this time and stack, if they are known since an allocator asked for the
    /// memory.
    pub fn flush(&mut self, at: Option<(u64, &Stack)>, thread: u32) {
        for growth in std::mem::take(&mut self.growths) {
            let (fuel, stack) = at.map(|(fuel, stack)| (fuel, Stack::clone(stack))).unzip();
            self.push(TracedEvent { fuel, stack, thread, ..growth });
        }
    }

    /// How many stacks are kept.
    #[cfg(test)]
    pub fn stacks_kept(&self) -> usize {
        self.stacks.len()
    }

    /// The events kept.
    pub fn finish(mut self) -> RawTrace {
        self.flush(None, 0);
        let Self { mut first, last, count, .. } = self;
        first.extend(last);
        RawTrace { events: first, count }
    }
}

fn bounded(name: Arc<str>) -> Arc<str> {
    if name.len() <= MAX_NAME { name } else { shortened(name.to_string(), MAX_NAME).into() }
}
