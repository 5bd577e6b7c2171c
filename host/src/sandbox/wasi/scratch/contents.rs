//! The bytes of a regular file in memory. A part that nobody wrote is a hole: it reads as zeros and takes no room.

use crate::sandbox::wasi::resolve::{FsError, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The unit of room, in bytes: a block takes room as a whole, or is part of a hole.
pub const BLOCK: u64 = 4096;

/// The contents of a file: its size, and the blocks that take room.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    size: u64,
    /// By the number of the first block. Pieces do not overlap. A copy of the file shares them until one of the two is
    /// written to.
    pieces: Arc<BTreeMap<u64, Piece>>,
    /// The number of blocks in all pieces.
    blocks: u64,
}

#[derive(Debug, Clone)]
enum Piece {
    /// One block. Bytes missing up to [`BLOCK`] are zeros.
    Written(Arc<Vec<u8>>),
    /// That many blocks of zeros, for which room was reserved.
    Reserved(u64),
}

impl Piece {
    fn blocks(&self) -> u64 {
        match self {
            Self::Written(_) => 1,
            Self::Reserved(blocks) => *blocks,
        }
    }
}

impl Contents {
    /// The size of the file, holes included.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes of room the file takes: those of its blocks, where the last one counts only up to the end of the
    /// file. A file without holes takes its size.
    pub(super) fn charged(&self) -> u64 {
        room(self.blocks, self.size, self.has(last_block(self.size)))
    }

    /// How much room the file would take after a write.
    pub(super) fn charged_after_write(&self, offset: u64, len: u64) -> u64 {
        let (size, last) = (self.size.max(offset + len), last_block(offset + len));
        let blocks = self.blocks + self.missing(offset / BLOCK, last).blocks;
        room(blocks, size, last_block(size) == last || self.has(last_block(size)))
    }

    /// How much room the file would take after it was extended to `size`.
    pub(super) fn charged_after_growth(&self, size: u64) -> u64 {
        room(self.blocks, size, self.has(last_block(size)))
    }

    /// What a reservation of a non-empty range would need.
    pub(super) fn reservation(&self, offset: u64, len: u64) -> Reservation {
        let (size, last) = (self.size.max(offset + len), last_block(offset + len));
        let Missing { blocks, pieces } = self.missing(offset / BLOCK, last);
        let has_last = last_block(size) == last || self.has(last_block(size));
        Reservation { charged: room(self.blocks + blocks, size, has_last), pieces }
    }

    /// Whether both hold the same bytes. Pieces that they share are not compared.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        if self.size != other.size || Arc::ptr_eq(&self.pieces, &other.pieces) {
            return self.size == other.size;
        }
        let blocks = self.pieces.keys().chain(other.pieces.keys());
        blocks.into_iter().all(|block| {
            let [one, two] = [self, other].map(|contents| match contents.pieces.get(block) {
                Some(Piece::Written(bytes)) => &bytes[..],
                Some(Piece::Reserved(_)) | None => &[],
            });
            let (long, short) = if one.len() > two.len() { (one, two) } else { (two, one) };
            let (start, rest) = long.split_at(short.len());
            start == short && rest.iter().all(|byte| *byte == 0)
        })
    }

    /// Reads from `offset` on; fewer bytes than asked only at the end.
    pub(super) fn read(&self, offset: u64, buf: &mut [u8]) -> usize {
        let rest = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = rest.min(buf.len());
        let buf = &mut buf[..count];
        buf.fill(0);
        if count == 0 {
            return 0;
        }
        for (block, piece) in self.pieces.range(offset / BLOCK..=last_block(offset + count as u64)) {
            let Piece::Written(bytes) = piece else { continue };
            // The part of the block that is asked for, relative to the block and to the buffer.
            let start = block * BLOCK;
            let (from, to) = (offset.saturating_sub(start) as usize, start.saturating_sub(offset) as usize);
            let bytes = bytes.get(from..).unwrap_or_default();
            let copied = bytes.len().min(count - to);
            buf[to..to + copied].copy_from_slice(&bytes[..copied]);
        }
        count
    }

    /// Writes at `offset`, and returns the number of bytes: fewer than asked only if the host has no memory left.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let from = (at % BLOCK) as usize;
            let count = (bytes.len() - done).min(BLOCK as usize - from);
            match self.block(at / BLOCK, from + count) {
                Ok(block) => block[from..from + count].copy_from_slice(&bytes[done..done + count]),
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
            done += count;
            self.size = self.size.max(offset + done as u64);
        }
        Ok(done)
    }

    /// Writes at the end. If the host has no memory for all of it, a part may have been written.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.write(self.size, bytes)?;
        if written < bytes.len() { Err(FsError::Nospc) } else { Ok(()) }
    }

    /// Sets the size: cuts the file, or adds a hole.
    pub(super) fn resize(&mut self, size: u64) {
        if size < self.size {
            self.cut(size.div_ceil(BLOCK));
            if let Some(Piece::Written(bytes)) = Arc::make_mut(&mut self.pieces).get_mut(&(size / BLOCK)) {
                let bytes = Arc::make_mut(bytes);
                let len = (size % BLOCK) as usize;
                bytes.truncate(len);
                // The bytes cut off are no longer charged for, so they must not stay allocated either.
                bytes.shrink_to(len.next_power_of_two());
            }
        }
        self.size = size;
    }

    /// Takes room for every block of a non-empty range, and extends the file to the range's end.
    pub(super) fn reserve(&mut self, offset: u64, len: u64) {
        let (mut at, end) = (offset / BLOCK, last_block(offset + len) + 1);
        if let Some((start, piece)) = self.pieces.range(..=at).next_back() {
            at = at.max(start + piece.blocks());
        }
        let mut holes = Vec::new();
        for (start, piece) in self.pieces.range(at..end.max(at)) {
            holes.push((at, start - at));
            at = start + piece.blocks();
        }
        holes.push((at, end.saturating_sub(at)));
        for (start, blocks) in holes.into_iter().filter(|(_, blocks)| *blocks > 0) {
            Arc::make_mut(&mut self.pieces).insert(start, Piece::Reserved(blocks));
            self.blocks += blocks;
        }
        self.size = self.size.max(offset + len);
    }

    /// A block to write to, of at least `len` bytes. Nothing changes if there is no memory for it.
    fn block(&mut self, number: u64, len: usize) -> Result<&mut [u8]> {
        if !matches!(self.pieces.get(&number), Some(Piece::Written(_))) {
            let mut fresh = Vec::new();
            make_room(&mut fresh, len)?;
            self.make_place(number);
            Arc::make_mut(&mut self.pieces).insert(number, Piece::Written(Arc::new(fresh)));
            self.blocks += 1;
        }
        let piece = Arc::make_mut(&mut self.pieces).get_mut(&number);
        let Some(Piece::Written(bytes)) = piece else { return Err(FsError::Io) };
        let bytes = Arc::make_mut(bytes);
        if bytes.len() < len {
            make_room(bytes, len)?;
            bytes.resize(len, 0);
        }
        Ok(bytes)
    }

    /// Takes a block out of the reserved piece that holds it, if there is one.
    fn make_place(&mut self, number: u64) {
        let Some((&start, &Piece::Reserved(blocks))) = self.pieces.range(..=number).next_back() else { return };
        let after = (start + blocks).saturating_sub(number + 1);
        if start + blocks <= number {
            return;
        }
        let pieces = Arc::make_mut(&mut self.pieces);
        pieces.remove(&start);
        for (start, blocks) in [(start, number - start), (number + 1, after)] {
            if blocks > 0 {
                pieces.insert(start, Piece::Reserved(blocks));
            }
        }
        self.blocks -= 1;
    }

    /// Drops every block from `first` on.
    fn cut(&mut self, first: u64) {
        let pieces = Arc::make_mut(&mut self.pieces);
        let gone = pieces.split_off(&first);
        self.blocks -= gone.values().map(Piece::blocks).sum::<u64>();
        if let Some((start, Piece::Reserved(blocks))) = pieces.iter_mut().next_back() {
            let kept = (*blocks).min(first - start);
            self.blocks -= *blocks - kept;
            *blocks = kept;
        }
    }

    /// How many bytes of the host's memory the blocks use.
    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        let bytes = |piece: &Piece| if let Piece::Written(bytes) = piece { bytes.capacity() } else { 0 };
        self.pieces.values().map(|piece| 64 + bytes(piece)).sum()
    }

    fn has(&self, block: u64) -> bool {
        let nearest = self.pieces.range(..=block).next_back();
        nearest.is_some_and(|(start, piece)| start + piece.blocks() > block)
    }

    /// How many blocks from `first` to `last` are in holes.
    fn missing(&self, first: u64, last: u64) -> Missing {
        let before = self.pieces.range(..first).next_back();
        let mut there = before.map_or(0, |(start, piece)| (start + piece.blocks()).min(last + 1).saturating_sub(first));
        let mut pieces = 0;
        for (start, piece) in self.pieces.range(first..=last) {
            there += (start + piece.blocks()).min(last + 1) - start;
            pieces += 1;
        }
        Missing { blocks: last + 1 - first - there, pieces }
    }
}

/// What a reservation needs.
pub(super) struct Reservation {
    /// The room that the file takes after the reservation.
    pub(super) charged: u64,
    /// How many pieces were looked at.
    pub(super) pieces: u64,
}

struct Missing {
    blocks: u64,
    pieces: u64,
}

/// The block in which a file of this size ends.
const fn last_block(size: u64) -> u64 {
    size.saturating_sub(1) / BLOCK
}

/// The room that `blocks` blocks of a file of this size take.
const fn room(blocks: u64, size: u64, has_last: bool) -> u64 {
    let spared = (last_block(size) + 1) * BLOCK - size;
    if has_last && blocks > 0 { blocks * BLOCK - spared } else { blocks * BLOCK }
}

/// Makes room for `len` bytes of a block. If the host's memory runs out, the guest gets `Nospc`, and the process goes on.
fn make_room(bytes: &mut Vec<u8>, len: usize) -> Result<()> {
    let room = len.next_power_of_two().min(BLOCK as usize);
    bytes.try_reserve_exact(room.saturating_sub(bytes.len())).map_err(|_| FsError::Nospc)
}

#[cfg(test)]
mod tests;
