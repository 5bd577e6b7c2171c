//! Subtests: the host enters each from within a call of the test, and so can go on with the test when the subtest has trapped.
//! See [`airtight_abi::scopes`].

use super::cleanups::Cleanups;
use super::ending::{Ending, TrapKind};
use super::said::{self, Failure, Said, SpanReader};
use super::state::{TestState, refuel};
use super::wasi::meter;
use crate::ledger::heap::{Figures, ScopeHeap};
use crate::ledger::{ScopeHandles, ScopeId};
use crate::model::SubtestFilter;
use airtight_abi::scopes::{
    ENTER_EXPORT, FAILED, MAX_DEPTH, MAX_NAME, MAX_SUBTESTS, NOT_SELECTED, Names, PASSED, SKIPPED,
};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use wasmtime::error::Context;
use wasmtime::{AsContextMut, Caller, Global, Instance, Trap, TypedFunc, Val};

/// What is counted for a subtest, beside its name and what it says, as held by the host.
const RECORD: u64 = 512;

/// The subtests of one call of a test.
#[derive(Default)]
pub struct Scopes {
    guest: Option<Guest>,
    filter: Option<Arc<SubtestFilter>>,
    names: Names,
    records: Vec<SubtestRun>,
    /// The subtests that are running, the innermost last, by their index.
    open: Vec<OpenScope>,
    /// The subtests in which the test ended, the innermost last.
    ended_in: Vec<usize>,
    /// What the test itself said, outside of its subtests.
    pub(super) own: SpanReader,
    /// How the clean-ups of all scopes went.
    pub(super) cleanups: Cleanups,
}

/// What is needed to call an SDK test's exports while it runs.
#[derive(Clone)]
pub(super) struct Guest {
    pub instance: Instance,
    /// The globals that are put back when a call ended in a trap: the stack pointer.
    pub globals: Arc<[Global]>,
    /// Whether a panic ends the test, in whatever subtest it was: it is the one that is expected.
    pub panics_end_it: bool,
}

/// A subtest that is running.
struct OpenScope {
    index: usize,
    said: SpanReader,
    heap: Option<ScopeHeap>,
    handles: ScopeHandles,
    fuel: u64,
    stderr: usize,
    /// How many growths of memory the test had been refused when it began.
    refused: u64,
}

/// How a subtest went.
#[derive(Debug, Default, PartialEq)]
pub struct SubtestRun {
    /// Its path below the test.
    pub path: String,
    /// The index of the subtest that it is in.
    pub within: Option<usize>,
    /// How it ended; `None` where the test ended within it.
    pub ending: Option<Ending>,
    /// What it said.
    pub said: Said,
    /// How many of its clean-ups failed.
    pub failed_cleanups: u32,
    /// Whether a subtest of it failed.
    pub failed_within: bool,
    /// The last that it printed to standard error itself, where that may tell of its panic.
    pub stderr: Vec<u8>,
    /// Fuel that it spent, its subtests included and clean-ups not.
    pub fuel: u64,
    /// Linear memory at its end, or the most that the test had before.
    pub linear_peak: u64,
    /// The most handles of the test's own that were open at once while it ran.
    pub handles_peak: u32,
    /// The figures of its heap; `None` where the heap is not tracked.
    pub heap: Option<Figures>,
    /// The numbers of the blocks that were allocated while it ran.
    pub blocks: Option<RangeInclusive<u64>>,
}

impl SubtestRun {
    /// Whether it came to its own end and did not fail.
    pub fn finished(&self) -> bool {
        self.ending == Some(Ending::Returned) && !self.failed()
    }

    /// Whether it failed, one in it, or one of its clean-ups; or the test ended within it.
    pub fn failed(&self) -> bool {
        let well = self.ending == Some(Ending::Returned) || (self.said.skipped.is_some() && self.ended_itself());
        !well
            || !self.said.failures.is_empty()
            || self.said.panic.is_some()
            || self.failed_cleanups > 0
            || self.failed_within
    }

    fn ended_itself(&self) -> bool {
        matches!(self.ending, Some(Ending::Trap { kind: TrapKind::Unreachable, .. }))
    }
}

impl Scopes {
    /// Makes ready for a call of a test.
    pub(super) fn begin(&mut self, guest: Guest, filter: Option<Arc<SubtestFilter>>) {
        *self = Self { guest: Some(guest), filter, ..Self::default() };
    }

    /// Whether the test has run any.
    pub(super) fn has_any(&self) -> bool {
        !self.records.is_empty()
    }

    /// The path of the subtest at this depth that runs, or in which the test ended; `None` for the test itself.
    pub(super) fn path_at(&self, depth: u32) -> Option<&str> {
        let nth = (depth as usize).checked_sub(1)?;
        let index = self.open.get(nth).map(|scope| scope.index).or_else(|| self.ended_in.get(nth).copied());
        Some(&self.records[index?].path)
    }

    /// All of them, in the order in which they began.
    pub(super) fn take(&mut self) -> Vec<SubtestRun> {
        std::mem::take(&mut self.records)
    }

    /// The test has ended: `len` bytes are in its journal. Gives the readers of what those subtests said which are still running,
    /// with their indices.
    pub(super) fn end_all(&mut self, len: u32) -> Vec<(usize, SpanReader)> {
        let open = std::mem::take(&mut self.open);
        self.ended_in = open.iter().map(|scope| scope.index).collect();
        let innermost = open.len();
        let ended = open.into_iter().enumerate().map(|(nth, mut scope)| {
            if nth + 1 == innermost {
                scope.said.end(len);
            }
            (scope.index, scope.said)
        });
        let ended: Vec<_> = ended.collect();
        if ended.is_empty() {
            self.own.end(len);
        }
        ended
    }

    /// What a subtest said that was running when the test ended.
    pub(super) fn note_said(&mut self, index: usize, said: Said) {
        self.records[index].said = said;
    }

    fn reader(&mut self) -> &mut SpanReader {
        self.open.last_mut().map_or(&mut self.own, |scope| &mut scope.said)
    }

    /// The path of a new subtest and the place for its record; `None` where it is not to run.
    fn name(&mut self, name: &str) -> wasmtime::Result<Option<usize>> {
        let within = self.open.last().map(|scope| scope.index);
        let parent = within.map_or("", |index| &*self.records[index].path);
        let path = self.names.unique(parent, name);
        if self.filter.as_ref().is_some_and(|filter| !filter.selects(&path)) {
            return Ok(None);
        }
        if self.open.len() >= MAX_DEPTH as usize {
            wasmtime::bail!("subtests are nested more than {MAX_DEPTH} deep");
        }
        if self.records.len() >= MAX_SUBTESTS {
            wasmtime::bail!("the test has more than {MAX_SUBTESTS} subtests");
        }
        self.records.push(SubtestRun { path, within, ..SubtestRun::default() });
        Ok(Some(self.records.len() - 1))
    }
}

/// `scope_run`.
pub(super) fn run_subtest(
    mut caller: Caller<'_, TestState>,
    state: u32,
    name: u32,
    len: u32,
    function: u32,
    data: u32,
) -> wasmtime::Result<i32> {
    let Some(guest) = caller.data().scopes.guest.clone() else {
        wasmtime::bail!("only a test of the airtight SDK has subtests");
    };
    if caller.data().scopes.cleanups.are_running() {
        wasmtime::bail!("a clean-up runs a subtest");
    }
    if len as usize > MAX_NAME {
        wasmtime::bail!("the name of a subtest has {len} bytes; it may have {MAX_NAME}");
    }
    charge(&mut caller, meter::CALL + meter::PATH + meter::BYTE * u64::from(len))?;
    let name = said::bytes(&mut caller, &guest.instance, name, len as usize).map_err(wasmtime::Error::msg)?;
    let name = String::from_utf8_lossy(&name).into_owned();
    let Some(index) = caller.data_mut().scopes.name(&name)? else { return Ok(NOT_SELECTED) };
    let held = RECORD + caller.data().scopes.records[index].path.len() as u64;
    caller.data_mut().wasi.hold_scope(held);
    caller.data().wasi.check_quota()?;
    let enter: TypedFunc<(u32, u32), u32> = guest
        .instance
        .get_typed_func(&mut caller, ENTER_EXPORT)
        .ok()
        .with_context(|| format!("the module runs subtests and does not export `{ENTER_EXPORT}`"))?;
    let globals: Vec<Val> = guest.globals.iter().map(|global| global.get(&mut caller)).collect();
    begin(&mut caller, &guest, index, state)?;
    let mut has_failed = false;
    let ending = match enter.call(&mut caller, (function, data)) {
        Ok(failed) => {
            has_failed = failed != 0;
            Ending::Returned
        }
        Err(error) => match Ending::from_call(&mut caller, &error) {
            ending @ Ending::Trap { kind: TrapKind::Unreachable, .. } if !ends_test(&mut caller, &guest, state) => {
                ending
            }
            // The whole test ends, within the subtest.
            _ => return Err(error),
        },
    };
    if ending != Ending::Returned {
        restore(&mut caller, &guest, &globals)?;
    }
    end(&mut caller, &guest, state, (ending, has_failed), &globals)
}

/// How many growths of memory the test was refused.
fn refusals(state: &TestState) -> u64 {
    state.memory_use().1.map_or(0, |refused| refused.times)
}

/// Whether the trap that ended a subtest ends its test: there is no memory left, or it is the panic that the test expects.
fn ends_test(caller: &mut Caller<'_, TestState>, guest: &Guest, state: u32) -> bool {
    let scopes = &caller.data().scopes;
    if scopes.open.last().is_some_and(|scope| refusals(caller.data()) > scope.refused) {
        return true;
    }
    guest.panics_end_it && said::state(caller, &guest.instance, state).is_ok_and(|state| state.panicked())
}

/// Puts the globals back after a trap, and forgets the calls that it ended: those of the allocator, within which no subtest runs.
fn restore(caller: &mut Caller<'_, TestState>, guest: &Guest, globals: &[Val]) -> wasmtime::Result<()> {
    for (global, value) in guest.globals.iter().zip(globals) {
        global.set(&mut *caller, *value)?;
    }
    if let Some(book) = caller.data_mut().heap.book() {
        book.unwind();
    }
    Ok(())
}

fn charge(caller: &mut Caller<'_, TestState>, due: u64) -> wasmtime::Result<()> {
    let left = caller.get_fuel()?;
    caller.set_fuel(left.saturating_sub(due))?;
    if due > left { Err(Trap::OutOfFuel.into()) } else { Ok(()) }
}

/// Opens the books of a subtest.
fn begin(caller: &mut Caller<'_, TestState>, guest: &Guest, index: usize, state: u32) -> wasmtime::Result<()> {
    let said = said::state(caller, &guest.instance, state).map_err(wasmtime::Error::msg)?;
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let heap = match state.heap.book() {
        Some(book) if book.is_within_a_call() => wasmtime::bail!("a subtest runs within a function of the allocator"),
        book => book.map(|book| book.begin_scope()),
    };
    let handles = state.wasi.begin_scope(scope_id(index));
    let scope = OpenScope {
        index,
        said: SpanReader::from(said.journal_len),
        heap,
        handles,
        fuel: state.spent_by_test(left),
        stderr: state.wasi.stderr().len(),
        refused: refusals(state),
    };
    state.scopes.reader().end(said.journal_len);
    state.scopes.open.push(scope);
    Ok(())
}

/// Runs the clean-ups of the innermost subtest, and closes its books.
fn end(
    caller: &mut Caller<'_, TestState>,
    guest: &Guest,
    address: u32,
    (ending, has_failed): (Ending, bool),
    globals: &[Val],
) -> wasmtime::Result<i32> {
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let depth = state.scopes.open.len() as u32;
    let Some(scope) = state.scopes.open.last() else { wasmtime::bail!("no subtest is running") };
    let (index, began, printed) = (scope.index, scope.fuel, scope.stderr);
    let record = SubtestRun {
        fuel: state.spent_by_test(left).saturating_sub(began),
        linear_peak: state.memory_use().0,
        stderr: match &ending {
            Ending::Returned => Vec::new(),
            _ => state.wasi.stderr().get(printed..).unwrap_or_default().to_vec(),
        },
        ending: Some(ending),
        ..SubtestRun::default()
    };
    let failed_before = state.scopes.cleanups.failed().len();
    run_cleanups(caller, guest, address, depth, globals)?;
    let told = said::state(caller, &guest.instance, address).map_err(wasmtime::Error::msg)?;
    let state = caller.data_mut();
    let Some(mut scope) = state.scopes.open.pop() else { wasmtime::bail!("no subtest is running") };
    scope.said.end(told.journal_len);
    let handles_peak = state.wasi.end_scope(scope.handles);
    let (heap, blocks) = match (state.heap.book(), scope.heap) {
        (Some(book), Some(began)) => (book.end_scope(&began).ok(), Some(began.number + 1..=book.numbered())),
        _ => (None, None),
    };
    state.scopes.reader().resume(told.journal_len);
    let failed = state.scopes.cleanups.failed().len() - failed_before;
    let (mut said, bytes) = scope.said.read(caller, &guest.instance, &told).map_err(wasmtime::Error::msg)?;
    if has_failed && said.failures.is_empty() && !caller.data().scopes.records[index].failed_within {
        said.failures.push(Failure { at: None, text: "the subtest failed, and its message was lost".to_owned() });
    }
    charge(caller, meter::BYTE * bytes as u64)?;
    let state = caller.data_mut();
    let kept = said.bytes() + record.stderr.len() as u64;
    let open = &mut state.scopes.records[index];
    let (path, within, failed_within) = (std::mem::take(&mut open.path), open.within, open.failed_within);
    let failed_cleanups = u32::try_from(failed).unwrap_or(u32::MAX);
    *open = SubtestRun { path, within, failed_within, said, failed_cleanups, handles_peak, heap, blocks, ..record };
    let (failed, skipped) = (open.failed(), open.said.skipped.is_some());
    if let (true, Some(within)) = (failed, within) {
        state.scopes.records[within].failed_within = true;
    }
    state.wasi.hold_scope(kept);
    state.wasi.check_quota()?;
    Ok(if failed {
        FAILED
    } else if skipped {
        SKIPPED
    } else {
        PASSED
    })
}

/// Runs the clean-ups of subtests of this depth, with fuel, memory and bytes to move of their own, beside those of the test.
fn run_cleanups(
    caller: &mut Caller<'_, TestState>,
    guest: &Guest,
    address: u32,
    depth: u32,
    globals: &[Val],
) -> wasmtime::Result<()> {
    let pending = said::state(&mut *caller, &guest.instance, address).map_err(wasmtime::Error::msg)?;
    if pending.pending_cleanups == 0 {
        return Ok(());
    }
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let own = state.suspend(left);
    state.open_memory_reserve(crate::policy::CLEANUP_MEMORY_RESERVE);
    let moved = state.wasi.suspend();
    let values: Vec<(Global, Val)> = guest.globals.iter().copied().zip(globals.iter().copied()).collect();
    let ran = super::cleanups::run(caller, &guest.instance, &values, depth);
    let state = caller.data_mut();
    state.wasi.resume(moved);
    state.close_memory_reserve();
    for (global, value) in &values {
        global.set(&mut *caller, *value)?;
    }
    refuel(caller.as_context_mut(), own)?;
    ran.map_err(wasmtime::Error::msg)
}

/// The key of the subtest with this index.
pub(crate) fn scope_id(index: usize) -> ScopeId {
    // There are at most `MAX_SUBTESTS`.
    ScopeId(index as u32 + 1)
}

/// Which subtest allocated which block.
pub struct BlockScopes(BTreeMap<u64, ScopeId>);

impl BlockScopes {
    /// Of the subtests of a test.
    pub fn new(subtests: &[SubtestRun]) -> Self {
        // A later subtest lies within an earlier one or after it: where it ends, that one goes on.
        let mut starts = BTreeMap::from([(0, ScopeId::TEST)]);
        for (index, subtest) in subtests.iter().enumerate() {
            let Some(blocks) = subtest.blocks.as_ref().filter(|blocks| !blocks.is_empty()) else { continue };
            let around = starts.range(..=*blocks.start()).next_back().map_or(ScopeId::TEST, |(_, scope)| *scope);
            starts.entry(*blocks.end() + 1).or_insert(around);
            starts.insert(*blocks.start(), scope_id(index));
        }
        Self(starts)
    }

    /// The innermost scope in which this block was allocated.
    pub fn scope(&self, number: u64) -> ScopeId {
        self.0.range(..=number).next_back().map_or(ScopeId::TEST, |(_, scope)| *scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_of_the_innermost_subtest() {
        let subtest = |blocks| SubtestRun { blocks: Some(blocks), ..SubtestRun::default() };
        let nothing = RangeInclusive::new(10, 9);
        // 1 and 2 within it, one of which allocated nothing; 4 after it.
        let subtests = [subtest(3..=9), subtest(3..=4), subtest(7..=9), subtest(nothing), subtest(12..=12)];
        let scopes = BlockScopes::new(&subtests);
        let found: Vec<_> = (1..=13).map(|number| scopes.scope(number).0).collect();
        assert_eq!(found, [0, 0, 2, 2, 1, 1, 3, 3, 3, 0, 0, 5, 0]);
        assert_eq!(BlockScopes::new(&[]).scope(7), ScopeId::TEST);
    }
}
