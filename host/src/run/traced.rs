//! From the events that a run kept to the events of a trace: with the names and lines of the places at which they happened.

use crate::ledger::Stack;
use crate::model::trace::{TestTrace, TraceEvent, TraceKind};
use crate::model::{Frame, Verdict};
use crate::sandbox::wasi::{RawTrace, TracedEvent};
use crate::symbols::Symbols;
use std::collections::HashMap;

/// Most bytes of names that are kept for the places of one test.
const MAX_NAMES: usize = 64 << 20;

/// What a trace says of a test, beside its events.
pub struct TracedTest<'a> {
    pub module: &'a str,
    pub test: &'a str,
    pub verdict: Verdict,
    /// Why allocations are not among the events.
    pub no_allocations: Option<String>,
    pub symbols: &'a Symbols,
}

impl TracedTest<'_> {
    /// The trace of the run. Each place is looked up once.
    pub fn told(self, raw: RawTrace) -> TestTrace {
        let left_out = raw.count - raw.events.len() as u64;
        let mut sites =
            Sites { symbols: self.symbols, known: HashMap::new(), found: Vec::new(), names: 0, left_out: 0 };
        let events = raw.events.into_iter().map(|event| told(event, &mut sites)).collect();
        TestTrace {
            module: self.module.to_owned(),
            test: self.test.to_owned(),
            verdict: self.verdict,
            no_allocations: self.no_allocations,
            events,
            left_out,
            sites: sites.found,
            sites_left_out: sites.left_out,
        }
    }
}

/// The places of events, each once.
struct Sites<'a> {
    symbols: &'a Symbols,
    /// The index of each place, by its stack, and by whether an allocator was called there.
    known: HashMap<(Stack, bool), Option<u32>>,
    found: Vec<Vec<Frame>>,
    /// The bytes of all names so far.
    names: usize,
    /// How many places are not kept.
    left_out: u64,
}

impl Sites<'_> {
    fn site(&mut self, stack: &Stack, kind: TraceKind) -> Option<u32> {
        let of_allocator = matches!(kind, TraceKind::Allocation | TraceKind::Memory);
        if let Some(known) = self.known.get(&(Stack::clone(stack), of_allocator)) {
            return *known;
        }
        let frames = match of_allocator {
            true => self.symbols.frames_of_allocation(stack),
            false => self.symbols.frames(stack),
        };
        let names = |frame: &Frame| frame.function.len() + frame.file.as_ref().map_or(0, String::len);
        self.names += frames.iter().map(names).sum::<usize>();
        let site = if frames.is_empty() {
            None
        } else if self.names > MAX_NAMES {
            self.left_out += 1;
            None
        } else {
            self.found.push(frames);
            u32::try_from(self.found.len() - 1).ok()
        };
        self.known.insert((Stack::clone(stack), of_allocator), site);
        site
    }
}

fn told(event: TracedEvent, sites: &mut Sites<'_>) -> TraceEvent {
    let site = event.stack.as_ref().and_then(|stack| sites.site(stack, event.kind));
    let text = |text: Option<std::sync::Arc<str>>| text.map(|text| text.to_string());
    TraceEvent {
        nth: event.nth,
        fuel: event.fuel,
        thread: event.thread,
        scope: text(event.scope),
        kind: event.kind,
        call: event.call.to_owned(),
        object: text(event.object),
        to: text(event.to),
        fd: event.fd,
        opened: event.opened,
        bytes: event.bytes,
        before: event.before,
        waited: event.waited,
        failed: event.failed.map(Into::into),
        site,
    }
}
