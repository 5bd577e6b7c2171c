//! Which locals are live along each edge of a function's control flow.
//!
//! A local is live where its value may still be used. WebAssembly's control flow is structured, so that two sweeps over the
//! blocks are enough. The first one goes from the last block to the first, and follows forward branches. The second makes every
//! local that is live at the start of a loop live in the whole loop.
//!
//! The sum is never too low. It is too high only for a local that is used in a loop and set again later in the same iteration:
//! the local counts as live in between.

use super::count::LocalUses;
use super::operators::{leaves, starts_block};
use wasmparser::{BinaryReaderError, FunctionBody, Operator};

/// The sum, over all edges that can be taken, of the number of locals that are live at the end of the edge.
pub(super) fn live(body: &FunctionBody<'_>, counted: &LocalUses) -> Result<u64, BinaryReaderError> {
    let blocks = FlowGraph::read(body, counted)?.blocks;
    let words = (counted.used as usize).div_ceil(64);
    let mut sets = vec![0u64; words * blocks.len()];
    for (index, block) in blocks.iter().enumerate().rev() {
        // Forward branches lead to later blocks, whose sets are complete already.
        let (sets, later) = sets.split_at_mut((index + 1) * words);
        let own = &mut sets[index * words..];
        for to in block.to.iter().filter(|to| **to > index) {
            let from = (to - index - 1) * words;
            union(own, &later[from..from + words]);
        }
        for access in block.accesses.iter().rev() {
            let bit = 1 << (access.local % 64);
            let word = &mut own[access.local as usize / 64];
            *word = if access.reads { *word | bit } else { *word & !bit };
        }
    }
    let mut sum = 0;
    for (index, block) in blocks.iter().enumerate() {
        let (before, rest) = sets.split_at_mut(index * words);
        let own = &mut rest[..words];
        if let Some(header) = block.inside {
            union(own, &before[header * words..(header + 1) * words]);
        }
        let live: u64 = own.iter().map(|word| u64::from(word.count_ones())).sum();
        sum += live.saturating_mul(block.from);
    }
    Ok(sum)
}

fn union(into: &mut [u64], from: &[u64]) {
    into.iter_mut().zip(from).for_each(|(into, from)| *into |= from);
}

/// A read or a write of a local. Locals have the numbers of [`LocalUses::numbers`].
struct LocalAccess {
    local: u32,
    reads: bool,
}

#[derive(Default)]
struct FlowBlock {
    accesses: Vec<LocalAccess>,
    to: Vec<usize>,
    /// The first block of the innermost loop that this block is in. For the first block of a loop, it is that of the loop
    /// around.
    inside: Option<usize>,
    /// How many edges lead here from blocks that can be reached.
    from: u64,
}

/// A `block`, `loop`, `if` or function whose `end` was not read yet.
struct ControlFrame {
    /// For a loop, its first block.
    header: Option<usize>,
    /// The first block of the innermost loop around its contents; for a loop, its own first block.
    around: Option<usize>,
    /// Blocks that branch to its end.
    leaving: Vec<usize>,
    /// The block before an `if`, from which its `else` is reached too.
    before: Option<usize>,
}

struct FlowGraph {
    blocks: Vec<FlowBlock>,
    open: Vec<ControlFrame>,
}

impl FlowGraph {
    fn read(body: &FunctionBody<'_>, counted: &LocalUses) -> Result<Self, BinaryReaderError> {
        let first = FlowBlock { from: 1, ..FlowBlock::default() };
        let mut graph = Self { blocks: vec![first], open: Vec::new() };
        graph.open(None, None);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            graph.access(&operator, &counted.numbers);
            graph.flow(&operator)?;
        }
        Ok(graph)
    }

    fn access(&mut self, operator: &Operator<'_>, numbers: &[u32]) {
        let (index, reads) = match operator {
            Operator::LocalGet { local_index } => (*local_index, true),
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => (*local_index, false),
            _ => return,
        };
        if let (Some(&local), Some(block)) = (numbers.get(index as usize), self.blocks.last_mut()) {
            block.accesses.push(LocalAccess { local, reads });
        }
    }

    fn flow(&mut self, operator: &Operator<'_>) -> Result<(), BinaryReaderError> {
        let current = self.blocks.len() - 1;
        match operator {
            Operator::Block { .. } => self.open(None, None),
            Operator::If { .. } => self.open(None, Some(current)),
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                self.branch(current, *relative_depth);
            }
            Operator::BrTable { targets } => {
                let mut depths = targets.targets().collect::<Result<Vec<_>, _>>()?;
                depths.push(targets.default());
                depths.sort_unstable();
                depths.dedup();
                depths.into_iter().for_each(|depth| self.branch(current, depth));
            }
            _ => {}
        }
        if !starts_block(operator) {
            return Ok(());
        }
        let next = self.start_block();
        match operator {
            Operator::Loop { .. } => {
                self.connect(current, next);
                self.open(Some(next), None);
            }
            Operator::Else => {
                if let Some(frame) = self.open.last_mut() {
                    frame.leaving.push(current);
                    if let Some(before) = frame.before.take() {
                        self.connect(before, next);
                    }
                }
            }
            Operator::End => self.close(current, next),
            operator if leaves(operator) => {}
            _ => self.connect(current, next),
        }
        Ok(())
    }

    fn open(&mut self, header: Option<usize>, before: Option<usize>) {
        let around = header.or(self.innermost());
        self.open.push(ControlFrame { header, around, leaving: Vec::new(), before });
    }

    /// Ends the frame. The block `next` follows it, and is reached from `current` and from all branches to the frame's end.
    fn close(&mut self, current: usize, next: usize) {
        let Some(frame) = self.open.pop() else { return };
        self.blocks[next].inside = self.innermost();
        for from in frame.leaving.into_iter().chain(frame.before).chain([current]) {
            self.connect(from, next);
        }
    }

    fn start_block(&mut self) -> usize {
        let inside = self.innermost();
        self.blocks.push(FlowBlock { inside, ..FlowBlock::default() });
        self.blocks.len() - 1
    }

    /// The first block of the innermost loop that is open.
    fn innermost(&self) -> Option<usize> {
        self.open.last().and_then(|frame| frame.around)
    }

    fn branch(&mut self, from: usize, depth: u32) {
        let Some(at) = self.open.len().checked_sub(1 + depth as usize) else { return };
        match self.open[at].header {
            Some(header) => self.connect(from, header),
            None => self.open[at].leaving.push(from),
        }
    }

    fn connect(&mut self, from: usize, to: usize) {
        self.blocks[from].to.push(to);
        self.blocks[to].from += u64::from(self.blocks[from].from > 0);
    }
}
