//! How a guest's `String` is laid out: the order of its three words is the compiler's choice.

use super::no_answer::NoAnswer;
use std::sync::OnceLock;
use wasmtime::ModuleExport;

/// Which word of a `String` has which meaning; the third is the capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringLayout {
    /// The number of the word that is the address of the text.
    pub(super) address: usize,
    /// The number of the word that is the length of the text.
    pub(super) len: usize,
}

impl StringLayout {
    /// The offset in a string, in bytes, of the address of its text.
    pub(super) fn place_of_address(self) -> wasmtime::Result<i32> {
        Ok(i32::try_from(4 * self.address)?)
    }

    /// The text of the `Option<String>` at an address; `None` if there is none, or if it is longer than `most` bytes.
    pub(super) fn read_option(self, memory: &[u8], address: u32, most: usize) -> Option<String> {
        let words = memory.get(address as usize..)?.first_chunk::<12>()?;
        let word = |at: usize| Some(u32::from_le_bytes(*words.get(4 * at..)?.first_chunk()?));
        let (text, len, capacity) = (word(self.address)?, word(self.len)?, word(3 - self.address - self.len)?);
        // A value that cannot be a capacity means that there is no string.
        if capacity > i32::MAX.cast_unsigned() || len as usize > most {
            return None;
        }
        String::from_utf8(memory.get(text as usize..)?.get(..len as usize)?.to_vec()).ok()
    }
}

/// The strings of a module.
pub(super) struct ModuleStrings {
    /// The function that appends to a string.
    pub(super) write: ModuleExport,
    pub(super) layout: OnceLock<Result<StringLayout, NoAnswer>>,
}

impl ModuleStrings {
    /// The strings of a module that exports this function, which appends to a string.
    pub(super) fn new(write: ModuleExport) -> Self {
        Self { write, layout: OnceLock::new() }
    }

    /// The strings of the module in another compiled form, which exports the function as `write`.
    pub(super) fn compiled_again(&self, write: ModuleExport) -> Self {
        Self { write, layout: self.layout.clone() }
    }

    /// Whether the wall clock is why the layout is not known; `false` if nobody has asked for it.
    pub(super) fn was_late(&self) -> bool {
        self.layout.get().is_some_and(|found| found.as_ref().is_err_and(|failed| failed.by_wall_clock))
    }
}
