//! A reader of debug information that gives up when its budget is spent.
//!
//! Debug information comes from whoever made the module. A few megabytes can be arranged so that reading them takes years: for
//! example, a thousand functions that share one list of a million ranges. So each byte that is read is paid for from a budget,
//! every time that it is read.

use gimli::{Error, LittleEndian, Reader, ReaderOffsetId, Result};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A range of a module's bytes. To read it costs one unit of the budget, and one more for each byte.
#[derive(Debug, Clone)]
pub(super) struct MeteredReader {
    source: Arc<MeteredBytes>,
    range: Range<usize>,
}

struct MeteredBytes {
    bytes: Arc<Vec<u8>>,
    /// How many units are left. Only one thread reads at a time, so that relaxed loads and stores are enough.
    budget: AtomicU64,
}

impl fmt::Debug for MeteredBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeteredBytes").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl MeteredReader {
    /// A reader of an empty range. [`MeteredReader::section`] makes readers of sections, which share its budget.
    pub(super) fn new(bytes: Arc<Vec<u8>>, budget: u64) -> Self {
        Self { source: Arc::new(MeteredBytes { bytes, budget: AtomicU64::new(budget) }), range: 0..0 }
    }

    /// A reader of this range of the module; of an empty range if this one is out of bounds.
    pub(super) fn section(&self, range: Range<usize>) -> Self {
        let range = if self.source.bytes.get(range.clone()).is_some() { range } else { 0..0 };
        Self { source: Arc::clone(&self.source), range }
    }

    fn bytes(&self) -> &[u8] {
        &self.source.bytes[self.range.clone()]
    }

    fn pay(&self, bytes: usize) -> Result<()> {
        let left = self.source.budget.load(Ordering::Relaxed);
        let left = left.checked_sub(bytes as u64 + 1).ok_or(Error::UnexpectedEof(self.offset_id()))?;
        self.source.budget.store(left, Ordering::Relaxed);
        Ok(())
    }

    /// Where the next `len` bytes end, as an offset in the module.
    fn end_of(&self, len: usize) -> Result<usize> {
        let end = self.range.start.checked_add(len).filter(|end| *end <= self.range.end);
        end.ok_or(Error::UnexpectedEof(self.offset_id()))
    }
}

impl Reader for MeteredReader {
    type Endian = LittleEndian;
    type Offset = usize;

    fn endian(&self) -> LittleEndian {
        LittleEndian
    }

    fn len(&self) -> usize {
        self.range.len()
    }

    fn empty(&mut self) {
        self.range.end = self.range.start;
    }

    fn truncate(&mut self, len: usize) -> Result<()> {
        self.range.end = self.end_of(len)?;
        Ok(())
    }

    fn offset_from(&self, base: &Self) -> usize {
        self.range.start.saturating_sub(base.range.start)
    }

    fn offset_id(&self) -> ReaderOffsetId {
        ReaderOffsetId(self.range.start as u64)
    }

    fn lookup_offset_id(&self, id: ReaderOffsetId) -> Option<usize> {
        let at = usize::try_from(id.0).ok()?;
        (self.range.start..=self.range.end).contains(&at).then(|| at - self.range.start)
    }

    fn find(&self, byte: u8) -> Result<usize> {
        let found = memchr::memchr(byte, self.bytes());
        self.pay(found.unwrap_or(self.range.len()))?;
        found.ok_or(Error::UnexpectedEof(self.offset_id()))
    }

    fn skip(&mut self, len: usize) -> Result<()> {
        self.pay(0)?;
        self.range.start = self.end_of(len)?;
        Ok(())
    }

    fn split(&mut self, len: usize) -> Result<Self> {
        self.pay(0)?;
        let end = self.end_of(len)?;
        let first = Self { source: Arc::clone(&self.source), range: self.range.start..end };
        self.range.start = end;
        Ok(first)
    }

    fn to_slice(&self) -> Result<Cow<'_, [u8]>> {
        self.pay(self.range.len())?;
        Ok(self.bytes().into())
    }

    fn to_string(&self) -> Result<Cow<'_, str>> {
        self.pay(self.range.len())?;
        std::str::from_utf8(self.bytes()).map(Into::into).map_err(|_| Error::BadUtf8)
    }

    fn to_string_lossy(&self) -> Result<Cow<'_, str>> {
        self.pay(self.range.len())?;
        Ok(String::from_utf8_lossy(self.bytes()))
    }

    fn read_slice(&mut self, buf: &mut [u8]) -> Result<()> {
        self.pay(buf.len())?;
        let end = self.end_of(buf.len())?;
        buf.copy_from_slice(&self.source.bytes[self.range.start..end]);
        self.range.start = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(budget: u64) -> MeteredReader {
        MeteredReader::new(Arc::new(b"abc\0def\0".to_vec()), budget).section(0..8)
    }

    #[test]
    fn reads_as_other_readers_do() {
        let whole = reader(1000);
        let mut rest = whole.clone();
        assert_eq!(rest.read_null_terminated_slice().unwrap().to_string().unwrap(), "abc");
        assert_eq!((rest.len(), rest.offset_from(&whole)), (4, 4));
        assert_eq!(whole.lookup_offset_id(rest.offset_id()), Some(4));
        assert_eq!(rest.read_u16().unwrap(), u16::from_le_bytes(*b"de"));
        assert!(rest.read_u32().is_err());
        assert!(rest.split(3).is_err());
        rest.skip(1).unwrap();
        rest.truncate(0).unwrap();
        assert!(rest.is_empty() && rest.read_u8().is_err());
        assert_eq!(whole.section(4..9).len(), 0);
    }

    #[test]
    fn stops_when_the_budget_is_spent() {
        let mut reader = reader(5);
        assert!(reader.read_u8().is_ok() && reader.read_u8().is_ok());
        assert!(reader.read_u8().is_err());
        assert!(reader.to_string().is_err());
    }
}
