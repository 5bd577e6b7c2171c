//! The end of a test as lost blocks are told from retained ones by it.

use super::layout::Ground;
use super::module::ModuleHeap;
use super::probe::Probed;
use crate::ledger::heap::reach::{Picture, without};
use crate::ledger::heap::{Block, Parts};
use crate::sandbox::state::TestState;
use std::ops::Range;
use wasmtime::{Instance, Store, Val};

/// Bytes that are allocated before a second run begins. With what dlmalloc puts before a block they are a page of linear
/// memory: every later block moves by one, keeps its place in its page, and memory grows at the same allocations.
const PAD: u32 = (1 << 16) - 8;

/// Bytes by which the shadow stack is elsewhere in a second run, where it lies among static data.
const STACK_SHIFT: u32 = (1 << 13) + 48;

/// Linear memory that a second run may have beyond its limit: the pad's, and a page that it may straddle.
pub const EXTRA_MEMORY: u64 = (PAD as u64).next_multiple_of(1 << 16) + (1 << 16);

/// Fuel that a second run may have beyond its limit: its allocator's state is another one.
pub const EXTRA_FUEL: u64 = 1 << 24;

/// Memory and live blocks at the end of a test.
#[derive(Debug)]
pub struct EndPicture {
    /// Static data and blocks, one after another.
    bytes: Vec<u8>,
    /// Where in memory they are.
    parts: Vec<Range<u64>>,
    /// Every live block, by address.
    pub blocks: Vec<Block>,
    roots: Vec<Range<u32>>,
    globals: Vec<u32>,
}

impl EndPicture {
    /// What an instance holds now. `None` where the test's own blocks are all gone.
    pub fn take(
        store: &mut Store<TestState>,
        instance: &Instance,
        module: &ModuleHeap,
        (ground, probed): (Ground, &Probed),
    ) -> Option<Self> {
        let book = store.data_mut().heap.book()?;
        let figures = book.figures().ok()?;
        let lowest = book.lowest().filter(|_| figures.live_blocks > 0)?;
        let blocks = book.blocks().ok()?;
        let globals = module.layout.globals(store, instance);
        let memory = store.data().heap.memory?.data(&*store);
        let data = ground.start.min(lowest)..lowest;
        let mut roots = without(std::slice::from_ref(&data), &probed.allocator);
        roots.extend(probed.gaps.iter().flat_map(|gap| pointers(memory, gap.clone(), &blocks)));
        let parts = parts(&data, &blocks);
        let bytes = parts.iter().map(|part| memory.get(part.start as usize..part.end as usize));
        Some(Self { bytes: bytes.collect::<Option<Vec<_>>>()?.concat(), parts, blocks, roots, globals })
    }

    /// For the ledger to look at. A second run is looked at under the roots of the first.
    pub fn picture<'a>(&'a self, first: &'a Self) -> Picture<'a> {
        let memory = Parts::copied(&self.parts, &self.bytes);
        Picture { memory, blocks: &self.blocks, roots: &first.roots, globals: &self.globals }
    }
}

/// Bytes between two blocks that are copied with them: a part for each block would take more.
const BETWEEN: u64 = 64;

/// The memory that static data and blocks take: what lies between blocks that are far apart was freed long ago, and may be
/// most of it.
fn parts(data: &Range<u32>, blocks: &[Block]) -> Vec<Range<u64>> {
    let mut parts = vec![u64::from(data.start)..u64::from(data.end)];
    for block in blocks {
        let start = u64::from(block.ptr);
        let end = start + u64::from(block.size);
        match parts.last_mut() {
            Some(last) if start <= last.end + BETWEEN => last.end = last.end.max(end),
            _ => parts.push(start..end),
        }
    }
    parts
}

/// The words in a range that hold the address of a block. An allocator's own never do: they point to what is before one.
fn pointers(memory: &[u8], range: Range<u32>, blocks: &[Block]) -> impl Iterator<Item = Range<u32>> {
    range.step_by(4).filter_map(move |at| {
        let word = u32::from_le_bytes(*memory.get(at as usize..)?.first_chunk()?);
        blocks.binary_search_by_key(&word, |block| block.ptr).is_ok().then(|| at..at + 4)
    })
}

/// Moves everything that a second run will allocate, before it begins: a word that is a pointer moves with it, and an
/// integer does not.
///
/// # Errors
/// The allocator has no memory for it.
pub fn shift(
    store: &mut Store<TestState>,
    instance: &Instance,
    module: &ModuleHeap,
    ground: Ground,
) -> anyhow::Result<()> {
    if let (true, Some((global, top))) = (ground.stack_within, module.layout.stack_pointer(store, instance)) {
        global.set(&mut *store, Val::I32(top.saturating_sub(STACK_SHIFT).cast_signed()))?;
    }
    anyhow::ensure!(module.allocate(store, instance, PAD)? != 0, "there is no memory to move its blocks by");
    Ok(())
}
