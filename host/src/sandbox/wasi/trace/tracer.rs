//! Keeps the events of one test, and no more than so many.

use super::event::{RawTrace, TracedEvent};
use crate::ledger::{Stack, short};
use crate::model::shorten::shortened;
use crate::model::trace::{TraceKind, TraceOptions};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// Most bytes of a name that is kept.
const MAX_NAME: usize = 512;

/// Growths of memory that wait for the place at which they happened, at most.
const MAX_GROWTHS: usize = 1000;

/// The events of one test.
#[derive(Debug)]
pub struct Tracer {
    options: TraceOptions,
    count: u64,
    first: Vec<TracedEvent>,
    /// The last ones, of those that are not among the first.
    last: VecDeque<TracedEvent>,
    /// The stacks of events: those of one place are kept once.
    stacks: HashSet<Stack>,
    /// The subtest that runs, or the scope of the clean-up that does.
    scope: Option<Arc<str>>,
    /// What became of linear memory since the last event: where in the code is not known yet.
    growths: Vec<TracedEvent>,
    /// The size that memory which threads share had last.
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

    /// Enters an event.
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

    /// The one copy of a stack that is kept.
    fn shared(&mut self, stack: &Stack) -> Stack {
        let stack = short(stack);
        if let Some(known) = self.stacks.get(&stack) {
            return Stack::clone(known);
        }
        // Stacks of events that are gone go, before there are many of them.
        if self.stacks.len() > 2 * self.options.most as usize {
            self.stacks.retain(|stack| Arc::strong_count(stack) > 1);
        }
        self.stacks.insert(Stack::clone(&stack));
        stack
    }

    /// What follows is done in this scope. Gives the one before.
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

    /// Linear memory grew, or was refused that for this reason.
    pub fn memory_grew(&mut self, before: u64, bytes: u64, failed: Option<&'static str>) {
        let event = TracedEvent {
            before: Some(before),
            bytes: Some(bytes),
            failed: failed.map(Into::into),
            ..TracedEvent::new(TraceKind::Memory, "memory.grow")
        };
        // A refusal costs hardly any fuel: those of one size that follow each other at one place are one event.
        if self.growths.last() == Some(&event) {
            return;
        }
        self.growths.push(event);
        if self.growths.len() > MAX_GROWTHS {
            self.flush(None, 0);
        }
    }

    /// The memory that threads share has this size.
    pub fn shared_memory_is(&mut self, bytes: u64) {
        let before = self.shared_memory.replace(bytes);
        if let Some(before) = before.filter(|before| *before != bytes) {
            self.memory_grew(before, bytes, None);
        }
    }

    /// Enters what became of memory: at a place and a time that are known, where an allocator asked for it.
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

    /// The events that are kept.
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
