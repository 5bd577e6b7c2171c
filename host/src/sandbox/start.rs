//! How a test is entered: what is called in an instance, and what is changed in it before.

use super::state::TestState;
use super::threads;
use std::sync::Arc;
use wasmtime::{Instance, Store};

/// A call of `_start`. It is prepared once for each test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartCall {
    /// The arguments after the program's name.
    pub args: Vec<Arc<str>>,
    /// The arguments that a program of Go's is told when it is ready, which go before the others.
    pub own_args: Vec<Arc<str>>,
    /// The test's place in the program's list of tests. Without it, the harness looks for the test in the list of all.
    pub list: Option<ListedTest>,
    /// Words of static data to overwrite in the instance: address and value.
    pub words: Vec<(u32, u32)>,
    /// The mark in static data by which the program knows that the test is expected to panic.
    pub should_panic: Option<MarkedPanic>,
    /// Why the test cannot be run if its harness ignores it: completes "should_panic: …".
    pub if_ignored: Arc<str>,
}

/// How to call one SDK test. It is prepared once for each module.
#[derive(Debug, Clone)]
pub struct SdkCall {
    /// The name of the export that runs the test. It is the same in the module and in every image of it.
    pub(super) export: Arc<str>,
    /// The text that the message of the expected panic has to contain; `None` if no panic is expected.
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
pub enum EntryPoint<'a> {
    /// `_start`.
    Start(&'a StartCall),
    /// A test of the guest SDK.
    Sdk(&'a SdkCall),
}

/// A word of a program's own list of tests. The word alone is a list of one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedTest {
    /// The word's address.
    pub address: u32,
    /// The value of the word: the address of the test's descriptor.
    pub descriptor: u32,
}

/// An expected panic, and the mark by which the program knows of it. The mark is removed, so that the program runs the test
/// as any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedPanic {
    /// The address of the word that is the mark.
    pub address: u32,
    /// The value of the word. Without the mark, it is 0.
    pub mark: u32,
    /// What the panic's message has to contain; `None` if any message will do.
    pub text: Option<String>,
    /// Where the test is declared: `file:line:column`.
    pub declared: String,
}

/// Writes words into the static data of an instance. Words outside of its memory are ignored.
pub(super) fn write_words(store: &mut Store<TestState>, instance: &Instance, words: &[(u32, u32)]) {
    let Some(memory) = instance.get_memory(&mut *store, "memory").filter(|_| !words.is_empty()) else { return };
    let bytes = memory.data_mut(&mut *store);
    for (address, word) in words {
        if let Some(place) = bytes.get_mut(*address as usize..).and_then(<[u8]>::first_chunk_mut) {
            *place = word.to_le_bytes();
        }
    }
}

/// Removes the mark of an expected panic. If another value is at its address, that stays.
pub(super) fn unmark(store: &mut Store<TestState>, instance: &Instance, marked: &MarkedPanic) {
    let unmark = |bytes: &mut [u8]| {
        let word = bytes.get_mut(marked.address as usize..).and_then(<[u8]>::first_chunk_mut);
        if let Some(word) = word.filter(|word| u32::from_le_bytes(**word) == marked.mark) {
            *word = [0; 4];
        }
    };
    match instance.get_memory(&mut *store, "memory") {
        Some(memory) => unmark(memory.data_mut(&mut *store)),
        // Threads share the memory. If there is no memory, there is nothing to unmark.
        None => threads::with_bytes(store.data_mut(), |_, bytes| unmark(bytes)).unwrap_or_default(),
    }
}
