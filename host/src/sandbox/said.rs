//! What a test or a subtest said through the SDK, read from the guest's memory.

use super::state::TestState;
use airtight_abi::{State, journal};
use std::borrow::Cow;
use wasmtime::{AsContext, AsContextMut, Instance};

/// What a test, or a subtest, said of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// Failures it recorded, in order.
    pub failures: Vec<Failure>,
    /// Why it skipped itself.
    pub skipped: Option<String>,
    /// Its panic, recorded where one is expected, or where panics unwind.
    pub panic: Option<Failure>,
}

/// A failure, or a panic, that a test recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Where, as the compiler wrote it: `file:line:column`.
    pub at: Option<String>,
    /// What it said.
    pub text: String,
}

impl Said {
    /// The bytes that are kept of it.
    pub fn bytes(&self) -> u64 {
        let failure =
            |failure: &Failure| size_of::<Failure>() + failure.text.len() + failure.at.as_ref().map_or(0, String::len);
        let failures = self.failures.iter().chain(&self.panic).map(failure);
        (failures.sum::<usize>() + self.skipped.as_ref().map_or(0, String::len)) as u64
    }

    fn add(&mut self, entry: journal::Entry<'_>) {
        let (at, text) = (entry.at.map(Cow::into_owned), entry.text.into_owned());
        match entry.kind {
            journal::Kind::Failure => self.failures.push(Failure { at, text }),
            journal::Kind::Skip => self.skipped = self.skipped.take().or(Some(text)),
            journal::Kind::Panic => self.panic = self.panic.take().or(Some(Failure { at, text })),
            _ => {}
        }
    }
}

/// The parts of the journal that one scope wrote. Those between are of its subtests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanReader {
    spans: Vec<(u32, u32)>,
    /// Where the part begins that it is writing.
    from: u32,
}

impl SpanReader {
    /// Of a scope that begins when the journal has so many bytes.
    pub fn from(len: u32) -> Self {
        Self { spans: Vec::new(), from: len }
    }

    /// The scope writes no more, for now or ever.
    pub fn end(&mut self, len: u32) {
        if self.from < len {
            self.spans.push((self.from, len));
        }
        self.from = u32::MAX;
    }

    /// It writes on.
    pub fn resume(&mut self, len: u32) {
        self.from = len;
    }

    /// Reads what it wrote. Also tells how many bytes that were.
    ///
    /// # Errors
    /// What is wrong, in words, where the memory does not hold what the SDK puts there.
    pub fn read(
        &self,
        cx: &mut impl AsContextMut<Data = TestState>,
        instance: &Instance,
        state: &State,
    ) -> Result<(Said, usize), String> {
        let len = usize::try_from(state.journal_len).unwrap_or(usize::MAX);
        if len > journal::CAP {
            return Err(format!("its journal says it has {len} bytes, and no test's has more than {}", journal::CAP));
        }
        let (mut said, mut read) = (Said::default(), 0);
        for &(from, to) in self.spans.iter().filter(|(_, to)| *to as usize <= len) {
            let address = state.journal_ptr.saturating_add(from);
            let part = bytes(cx, instance, address, (to - from) as usize)?;
            read += part.len();
            for entry in journal::entries(&part) {
                said.add(entry.map_err(|error| error.to_string())?);
            }
        }
        Ok((said, read))
    }
}

/// The SDK's state at an address.
///
/// # Errors
/// See [`SpanReader::read`].
pub fn state(cx: &mut impl AsContextMut<Data = TestState>, instance: &Instance, address: u32) -> Result<State, String> {
    let bytes = bytes(cx, instance, address, State::SIZE)?;
    let bytes: [u8; State::SIZE] = bytes.try_into().map_err(|_| "its state is cut short".to_owned())?;
    State::read(&bytes).map_err(|error| error.to_string())
}

/// Bytes of the guest's memory.
///
/// # Errors
/// See [`SpanReader::read`].
pub fn bytes(
    cx: &mut impl AsContextMut<Data = TestState>,
    instance: &Instance,
    address: u32,
    len: usize,
) -> Result<Vec<u8>, String> {
    let start = usize::try_from(address).unwrap_or(usize::MAX);
    let copy = |memory: &[u8]| memory.get(start..).and_then(|rest| rest.get(..len)).map(<[u8]>::to_vec);
    let bytes = match &cx.as_context().data().thread {
        Some(seat) => seat.look(copy),
        None => {
            let memory = instance.get_memory(cx.as_context_mut(), "memory").ok_or("the module exports no memory")?;
            copy(memory.data(cx.as_context()))
        }
    };
    bytes.ok_or_else(|| format!("its state points outside of its memory, to {address:#x}"))
}
