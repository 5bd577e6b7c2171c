//! Chooses the frames of a stack that are reported: the user's own, and those between them.

use super::harness_frames::HarnessFrames;
use super::owner::{MAINS, Owner, is_allocator, is_entry_of_allocator};
use super::recursion;
use super::symbol::Symbol;
use crate::model::Frame;
use std::sync::Arc;

/// The most entries of a stack in a report. If a stack is deeper, frames of libraries are folded first, from the outermost on.
pub(super) const MAX_FRAMES: usize = 32;

/// How many entries at the outer end are kept if a stack is too deep even then: the test is among them.
const OUTER_FRAMES: usize = 4;

/// How many libraries a folded entry names at most.
const MAX_NAMED: usize = 3;

/// The purpose for which a stack is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// As the stack of an allocation: there are allocators at its inner end.
    Allocation,
    /// As the place of an allocation: in addition, the frames of a recursion are left out.
    Place,
    /// For any other purpose.
    Other,
}

/// The frames to report of a stack, innermost first. It is given in groups: a function, and the calls that were inlined into
/// it. `None` if no frame belongs to the user or to a dependency.
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
    // If nothing but `main` would be left, it was the user's after all.
    let kept = all.len().checked_sub(inner + outer).filter(|kept| *kept > 0)?;
    let kept = &all[inner..inner + kept];
    Some(match purpose {
        Purpose::Place => fitted(&recursion::folded(kept, &Symbol::recursion())),
        Purpose::Allocation | Purpose::Other => fitted(kept),
    })
}

/// Every frame, as far as there is room in the report.
pub(super) fn all_frames(groups: &[Arc<[Symbol]>]) -> Vec<Frame> {
    fitted(&groups.iter().flat_map(|group| group.iter()).collect::<Vec<_>>())
}

/// The innermost frame of the code that called an allocator. An allocator may consist of several, each of which calls the next
/// one, with functions of its own in between. Blocks that an allocator allocates for itself are its own. `None` if no caller is
/// left.
fn past_allocators(all: &[&Symbol]) -> Option<usize> {
    let written = |symbol: &Symbol| !symbol.owner.is_foreign() && is_allocator(&symbol.frame.function);
    let entered = all.iter().position(|symbol| is_entry_of_allocator(&symbol.frame.function) || written(symbol));
    let start = entered.map_or(0, |entered| entered + 1);
    let caller = |symbol: &&Symbol| !symbol.owner.is_foreign() && !is_allocator(&symbol.frame.function);
    Some(start + all[start..].iter().position(caller)?)
}

/// At most [`MAX_FRAMES`] entries for a stack. If there is not enough room, neighbouring frames of libraries share an entry.
/// The innermost frame and the user's own frames have an entry each, as long as there is room.
fn fitted(symbols: &[&Symbol]) -> Vec<Frame> {
    let mut total = symbols.len();
    // The innermost frame has an entry of its own, to whomever it belongs.
    let (innermost, others) = symbols.split_at(symbols.len().min(1));
    let shared = |a: &&Symbol, b: &&Symbol| a.owner.library().is_some() && b.owner.library().is_some();
    let runs: Vec<_> = others.chunk_by(shared).collect();
    // The entries, each with the frames that it stands for; at first from the outermost on.
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

/// The entry for one frame, or for several: `… 12 frames of tokio, std`.
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

/// How many frames at the outer end are neither the user's nor a dependency's. `outward` yields frames from the outermost on;
/// `calls_closures` says whether a harness calls a test by a closure.
fn outer_foreign<'s>(outward: impl Iterator<Item = &'s Symbol>, calls_closures: bool) -> usize {
    let mut outward = outward.peekable();
    let mut count = 0;
    while let Some(symbol) = outward.next() {
        let inner = outward.peek().copied();
        // A `main` that rustc made up has no file, and calls the runtime.
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

/// Whether a frame is a closure that lies within the function which it called.
fn is_closure_of(closure: &Symbol, called: Option<&Symbol>) -> bool {
    let function = closure.frame.function.as_str();
    let within = ["::{{closure}}", "::{closure#0}"].iter().find_map(|end| function.strip_suffix(end));
    within.is_some() && within == called.map(|called| called.frame.function.as_str())
}

#[cfg(test)]
mod tests;
