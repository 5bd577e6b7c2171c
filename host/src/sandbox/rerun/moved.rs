//! Where second runs begin whose tests have a set-up: from a second image of it, in which all blocks are elsewhere in memory.
//!
//! In a second run the set-up could be called again each time, and for some it is. Where that takes long, it is called again once,
//! with its blocks moved and its new blocks cleared, as a second run does it. Where it ended, an image is taken as it was the first
//! time. A second run that begins there is the one in which the set-up is called again, from where that ended: what is reported is
//! the same. Where anything is out of the ordinary, the set-up is called again, and the second run tells what it always did.

use super::attempts::run_with;
use super::instruments::{Instruments, Shift};
use super::stacks::StackCapture;
use crate::sandbox::heap::HeapState;
use crate::sandbox::image::{AfterSetUp, Image, MovedImage, SetUp};
use crate::sandbox::job::Job;
use std::sync::atomic::Ordering;

/// The least fuel that second runs spend on calling a set-up again, all together, before an image is worth it: a machine spends it in
/// some 50 ms. To make an image takes less than 10 ms where the cache of compiled modules has it, and up to some 150 ms where it has not.
const LEAST_SPENT: u64 = 500_000_000;

/// By how many bytes the blocks are moved farther than those of the set-up are apart: so much farther may those of a test be.
const ROOM: u64 = 1 << 20;

/// The most bytes that the set-up's blocks are apart. The image holds twice that, and while it is made the host holds it several
/// times.
const MOST_EXTENT: u64 = 64 << 20;

/// The same test as a second run that begins from the second image of its set-up. `shift` is how its blocks are to be moved. `None` if
/// its set-up is to be called again.
pub fn begin<'a>(job: &Job<'a>, shift: Option<Shift>) -> Option<Job<'a>> {
    let after = job.after.filter(|after| job.shortcut && !after.repeats && !after.owns)?;
    // The cap on memory was met: then every byte counts, and the image has more of them.
    let wanted = shift.filter(|shift| !shift.narrow)?.distance;
    let moved = image(job, after)?;
    (wanted <= moved.distance).then(|| job.clone().beginning_from(&moved.image))
}

/// The second image of a set-up. It is made if it is worth it by now. Nobody waits for somebody else who makes it: to wait takes as
/// long as to call the set-up again.
fn image<'a>(job: &Job<'a>, after: AfterSetUp<'a>) -> Option<&'a MovedImage> {
    let second = &after.image.second;
    if let Some(made) = second.made.get() {
        return made.as_deref();
    }
    let spent = after.image.spent();
    let spent_before = second.spent_again.fetch_add(spent, Ordering::Relaxed);
    if spent_before.saturating_add(spent) < LEAST_SPENT || second.is_begun.swap(true, Ordering::Relaxed) {
        return None;
    }
    second.made.get_or_init(|| make(job, after).map(Box::new)).as_deref()
}

/// Calls a set-up again with its blocks moved. `None` if no second run can begin where it ends: if it does otherwise than the first
/// time, is stopped, or cannot be captured. A second run in which it is called again says so.
fn make(job: &Job<'_>, after: AfterSetUp<'_>) -> Option<MovedImage> {
    let AfterSetUp { setup: SetUp { module, entry, name, grants }, image, .. } = after;
    let extent = image.heap().extent();
    if extent > MOST_EXTENT {
        return None;
    }
    let shift = Shift::beyond(extent + ROOM, false);
    let instruments = Instruments {
        answers: image.heap().answers.replay(),
        // That any stacks are captured is what clears new blocks; those of the set-up's are not wanted.
        capture: StackCapture::numbers(Vec::new()),
        shift: Some(shift),
        ..Instruments::default()
    };
    let plain = Job::plain(module, (grants, name, entry), job.interrupted);
    let setup = Job {
        counts_heap: job.counts_heap,
        notes_sites: job.notes_sites,
        captures: true,
        shortcut: job.shortcut,
        ..plain
    };
    let ran = run_with(&setup, instruments);
    let did_the_same = |heap: &HeapState| heap.trace().is_some() && heap.trace() == image.heap().trace();
    let captured =
        ran.captured.filter(|_| ran.host_leak == 0)?.ok().filter(|captured| did_the_same(captured.heap()))?;
    Some(MovedImage { image: Image::new(module, *captured).ok()?, distance: shift.distance })
}
