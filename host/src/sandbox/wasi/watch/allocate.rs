//! Allocations of a test: counted, noted by place, and refused where they are to fail.

use super::allocations::{BegunAllocation, Pending, Request};
use super::calls::{MAX_NOTED, NotedCall};
use super::tally::place;
use super::watch::CallWatch;
use crate::ledger::Stack;
use crate::policy::{Call, Failure, Fault};
use crate::sandbox::wasi::books::Books;

/// After an allocation that failed, so many are looked at for whether it is tried again.
const MOST_TRIES: u32 = 1000;

impl CallWatch {
    /// An allocation of the test's own is about to be made.
    pub fn begin_allocation(&mut self) -> BegunAllocation {
        let (nth, fault) = self.count_one(Call::Allocate);
        let own = &mut self.allocations;
        own.since = own.since.saturating_add(1);
        let fails = fault.is_some();
        let is_looked_at = !self.options.until_failed && own.failed_at.is_some() && own.since <= MOST_TRIES;
        BegunAllocation { nth, fails, wants_stack: fails || is_looked_at || self.notes_allocations() }
    }

    /// It is made, or is to be refused, with this stack.
    pub fn make_allocation(&mut self, books: &Books<'_>, begun: BegunAllocation, stack: &Stack, request: Request) {
        let mut pending = Pending { request, fails: begun.fails, place: None, is_again: false };
        let open = self.figure(books);
        let call = NotedCall::of_allocation(begun.nth, Stack::clone(stack), (request.bytes, open));
        if begun.fails {
            let own = &mut self.allocations;
            (own.failed_at, own.since) = (Some(Stack::clone(stack)), 0);
            let fault = Fault { call: Call::Allocate, nth: begun.nth, failure: Failure::NoMemory };
            self.inject(fault, call);
        } else if self.notes_allocations() {
            if self.is_heard(stack) {
                pending.place = Some(place(stack));
                self.note_allocation(call);
            } else {
                self.seen.unheard += 1;
            }
        } else {
            pending.is_again = self.allocations.failed_at.as_ref() == Some(stack);
        }
        self.allocations.pending = Some(pending);
    }

    /// It is over. `address` tells of a request's [`Request::to`] where the block is, if there is one. False where it was to fail, and has
    /// not.
    pub fn end_allocation(&mut self, address: impl FnOnce(Option<u32>) -> Option<u32>) -> bool {
        let Some(pending) = self.allocations.pending.take() else { return true };
        let address = address(pending.request.to);
        if pending.fails {
            self.seen.is_unrefused |= address.is_some();
            return address.is_none();
        }
        let Some(address) = address else { return true };
        self.seen.allocates_again |= pending.is_again;
        if let Some(old) = pending.request.old {
            self.block_is_gone(old);
        }
        if let Some(place) = pending.place {
            self.allocations.live.insert(address, place);
            self.allocations.tally.add(place);
        }
        true
    }

    /// A block is freed.
    pub fn block_is_gone(&mut self, address: u32) {
        if let Some(place) = self.allocations.live.remove(&address) {
            self.allocations.tally.take(place);
        }
    }

    /// Allocations are noted where nothing is to fail: what can fail on the way out of a failure is found among the other calls.
    fn notes_allocations(&self) -> bool {
        self.options.notes && self.options.faults.is_empty()
    }

    fn is_heard(&mut self, stack: &Stack) -> bool {
        if let Some(known) = self.allocations.heard.get(stack) {
            return *known;
        }
        let is_heard = self.options.symbols.as_ref().is_some_and(|symbols| symbols.hears_of_refusal(stack));
        self.allocations.heard.insert(Stack::clone(stack), is_heard);
        is_heard
    }

    fn note_allocation(&mut self, call: NotedCall) {
        self.seen.allocations += 1;
        let key = (Stack::clone(&call.stack), call.open);
        if self.allocations.noted.contains(&key) {
            return;
        }
        if self.seen.allocation_places.len() < MAX_NOTED {
            self.allocations.noted.insert(key);
            self.seen.allocation_places.push(call);
        } else {
            self.seen.calls_omitted += 1;
        }
    }
}
