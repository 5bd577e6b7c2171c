//! Which frames of a stack are reported: the user's own, and what is between them.

use super::harness_frames::HarnessFrames;
use super::owner::{MAINS, Owner, is_allocator, is_entry_of_allocator};
use super::recursion;
use super::symbol::Symbol;
use crate::model::Frame;
use std::sync::Arc;

/// Most entries of a stack in a report. Of a deeper one, the frames of libraries are folded first, from the outermost on.
pub(super) const MAX_FRAMES: usize = 32;

/// Entries at the outer end that are kept of a stack which is too deep even then: the test is there.
const OUTER_FRAMES: usize = 4;

/// Libraries that a folded entry names.
const MAX_NAMED: usize = 3;

/// What a stack is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Memory was allocated, so that allocators are at the inner end.
    Allocation,
    /// The same, and only the place matters: the frames of a recursion are left out.
    Place,
    /// Anything else.
    Other,
}

/// The frames to report of a stack whose frames come in groups (a function and what was inlined into it), innermost
/// first. `None` where none of them is the user's or a dependency's.
pub(super) fn user_frames(
    groups: &[Arc<[Symbol]>],
    harnesses: &[HarnessFrames],
    purpose: Purpose,
) -> Option<Vec<Frame>> {
    let all: Vec<&Symbol> = groups.iter().flat_map(|group| group.iter()).collect();
    let innermost = all.iter().position(|symbol| !symbol.owner.is_foreign())?;
    let inner = match purpose {
        Purpose::Allocation | Purpose::Place => past_allocators(&all).unwrap_or(innermost),
        Purpose::Other => innermost,
    };
    let calls_closures = harnesses.iter().any(|harness| harness.calls_closures);
    let outer = outer_foreign(all.iter().rev().copied(), calls_closures);
    // Where `main` alone is left of a stack it was the user's after all.
    let kept = all.len().checked_sub(inner + outer).filter(|kept| *kept > 0)?;
    let kept = &all[inner..inner + kept];
    Some(match purpose {
        Purpose::Place => fitted(&recursion::folded(kept, &Symbol::recursion())),
        Purpose::Allocation | Purpose::Other => fitted(kept),
    })
}

/// Every frame, as far as the report has room.
pub(super) fn all_frames(groups: &[Arc<[Symbol]>]) -> Vec<Frame> {
    fitted(&groups.iter().flat_map(|group| group.iter()).collect::<Vec<_>>())
}

/// The first frame of those who called an allocator. An allocator may be made of several, each of which passes on to the next,
/// and with functions of its own in between; what it allocates for itself is its own. `None` where nobody is left.
fn past_allocators(all: &[&Symbol]) -> Option<usize> {
    let written = |symbol: &Symbol| !symbol.owner.is_foreign() && is_allocator(&symbol.frame.function);
    let entered = all.iter().position(|symbol| is_entry_of_allocator(&symbol.frame.function) || written(symbol));
    let start = entered.map_or(0, |entered| entered + 1);
    let caller = |symbol: &&Symbol| !symbol.owner.is_foreign() && !is_allocator(&symbol.frame.function);
    Some(start + all[start..].iter().position(caller)?)
}

/// At most [`MAX_FRAMES`] entries for a stack. The innermost frame and the user's own have an entry each for as long as there
/// is room; frames of libraries that follow each other share one where there is not enough.
fn fitted(symbols: &[&Symbol]) -> Vec<Frame> {
    let mut total = symbols.len();
    // The innermost frame stands alone, whoever's it is.
    let (innermost, others) = symbols.split_at(symbols.len().min(1));
    let shared = |a: &&Symbol, b: &&Symbol| a.owner.library().is_some() && b.owner.library().is_some();
    let runs: Vec<_> = others.chunk_by(shared).collect();
    // Each entry is the frames that it stands for; here from the outermost on.
    let mut entries: Vec<&[&Symbol]> = Vec::with_capacity(total);
    for run in runs.into_iter().rev() {
        if total > MAX_FRAMES && run.len() > 1 {
            total -= run.len() - 1;
            entries.push(run);
        } else {
            entries.extend(run.chunks(1).rev());
        }
    }
    entries.extend(innermost.chunks(1));
    entries.reverse();
    if entries.len() <= MAX_FRAMES {
        return entries.into_iter().map(entry).collect();
    }
    let (inner, outer) = (MAX_FRAMES - OUTER_FRAMES - 1, entries.len() - OUTER_FRAMES);
    let mut left_out = entries[inner..outer].iter().flat_map(|entry| *entry);
    let number = match left_out.clone().count() {
        _ if left_out.any(|symbol| symbol.owner == Owner::LeftOut) => String::new(),
        number => format!("{number} "),
    };
    let middle = Frame::folding(format!("… {number}more frames"));
    let inner = entries[..inner].iter().map(|frames| entry(frames));
    inner.chain([middle]).chain(entries[outer..].iter().map(|frames| entry(frames))).collect()
}

/// One frame, or `… 12 frames of tokio, std` for several.
fn entry(symbols: &[&Symbol]) -> Frame {
    if let [symbol] = symbols {
        return symbol.frame.clone();
    }
    let mut libraries: Vec<&str> = Vec::new();
    for library in symbols.iter().filter_map(|symbol| symbol.owner.library()) {
        if !libraries.contains(&library) {
            libraries.push(library);
        }
    }
    let others = if libraries.len() > MAX_NAMED { ", …" } else { "" };
    libraries.truncate(MAX_NAMED);
    Frame::folding(format!("… {} frames of {}{others}", symbols.len(), libraries.join(", ")))
}

/// How many frames at the outer end are not the user's. `outward` yields frames from the outermost on; `calls_closures` is
/// whether a harness calls a test through a closure.
fn outer_foreign<'s>(outward: impl Iterator<Item = &'s Symbol>, calls_closures: bool) -> usize {
    let mut outward = outward.peekable();
    let mut count = 0;
    while let Some(symbol) = outward.next() {
        let inner = outward.peek().copied();
        // A `main` made up by rustc has no file and calls the runtime.
        let shim = symbol.frame.file.is_none() && MAINS.contains(&symbol.frame.function.as_str());
        if symbol.owner.is_foreign() || (shim && inner.is_some_and(|inner| inner.owner == Owner::Rust)) {
            count += 1;
        } else if calls_closures && is_closure_of(symbol, inner) {
            return count + 1;
        } else {
            break;
        }
    }
    count
}

/// Whether a frame is a closure in the function that it called.
fn is_closure_of(closure: &Symbol, called: Option<&Symbol>) -> bool {
    let function = closure.frame.function.as_str();
    let within = ["::{{closure}}", "::{closure#0}"].iter().find_map(|end| function.strip_suffix(end));
    within.is_some() && within == called.map(|called| called.frame.function.as_str())
}

#[cfg(test)]
mod tests;
