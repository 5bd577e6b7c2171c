//! How a test is entered.

use super::state::TestState;
use super::threads;
use std::sync::Arc;
use wasmtime::{Instance, Store};

/// A call of `_start`. It is made once for a test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartCall {
    /// The arguments after the program's name.
    pub args: Vec<Arc<str>>,
    /// The arguments that a program of Go's is told when it is ready, which go before the others.
    pub own_args: Vec<Arc<str>>,
    /// The test's place in the program's list of tests. Without it, the harness looks for the test in the list of all.
    pub list: Option<ListedTest>,
    /// Words of static data that are others in this instance: address and word.
    pub words: Vec<(u32, u32)>,
    /// The test is expected to panic, and a word of static data says so.
    pub should_panic: Option<MarkedPanic>,
    /// Why the test cannot be run if its harness ignores it: completes "should_panic: …".
    pub if_ignored: Arc<str>,
}

/// How to call one SDK test. It is made once for a module.
#[derive(Debug, Clone)]
pub struct SdkCall {
    /// The export that runs the test: the module's, and the same of every image of it.
    pub(super) export: Arc<str>,
    /// Whether the test is expected to panic, and with what text in its message.
    pub should_panic: Option<String>,
}

impl SdkCall {
    /// The same call, of which no panic is expected.
    pub fn without_panic(&self) -> Self {
        Self { should_panic: None, ..self.clone() }
    }
}

/// What to call in a fresh instance.
#[derive(Clone, Copy)]
pub enum Entry<'a> {
    /// `_start`.
    Start(&'a StartCall),
    /// A test of the guest SDK.
    Sdk(&'a SdkCall),
}

/// A word of a program's own list of tests, which by itself is a list of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedTest {
    /// The word's address.
    pub address: u32,
    /// The word: the address of the test's descriptor.
    pub descriptor: u32,
}

/// A panic that is expected, and the mark by which the program itself knows that: it is taken away, so that the program runs
/// the test by its ordinary way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedPanic {
    /// The address of the mark, a word.
    pub address: u32,
    /// The mark. Without it, the word is 0.
    pub mark: u32,
    /// What the panic's message has to contain, where that is said.
    pub text: Option<String>,
    /// Where the test is declared: `file:line:column`.
    pub declared: String,
}

/// Writes words into the static data of an instance. What is outside of its memory is left.
pub(super) fn write_words(store: &mut Store<TestState>, instance: &Instance, words: &[(u32, u32)]) {
    let Some(memory) = instance.get_memory(&mut *store, "memory").filter(|_| !words.is_empty()) else { return };
    let bytes = memory.data_mut(&mut *store);
    for (address, word) in words {
        if let Some(place) = bytes.get_mut(*address as usize..).and_then(<[u8]>::first_chunk_mut) {
            *place = word.to_le_bytes();
        }
    }
}

/// Takes the mark of an expected panic away. What is at its place in the instance, and is not the mark, stays.
pub(super) fn unmark(store: &mut Store<TestState>, instance: &Instance, marked: &MarkedPanic) {
    let unmark = |bytes: &mut [u8]| {
        let word = bytes.get_mut(marked.address as usize..).and_then(<[u8]>::first_chunk_mut);
        if let Some(word) = word.filter(|word| u32::from_le_bytes(**word) == marked.mark) {
            *word = [0; 4];
        }
    };
    match instance.get_memory(&mut *store, "memory") {
        Some(memory) => unmark(memory.data_mut(&mut *store)),
        // Threads share it. Where there is none, there is nothing to be unmarked.
        None => threads::with_bytes(store.data_mut(), |_, bytes| unmark(bytes)).unwrap_or_default(),
    }
}
