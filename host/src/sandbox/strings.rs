//! How a `String` of the guest's is laid out: the order of its three words is the compiler's choice.

use super::no_answer::NoAnswer;
use std::sync::OnceLock;
use wasmtime::ModuleExport;

/// Which word of a `String` is what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringLayout {
    /// The address of its text.
    pub(super) address: usize,
    /// The length of it.
    pub(super) len: usize,
}

impl StringLayout {
    /// Where in a string its address is, in bytes.
    pub(super) fn place_of_address(self) -> wasmtime::Result<i32> {
        Ok(i32::try_from(4 * self.address)?)
    }

    /// The text of an `Option<String>` at an address: `None` if there is none, or it is longer than `most` bytes.
    pub(super) fn read_option(self, memory: &[u8], address: u32, most: usize) -> Option<String> {
        let words = memory.get(address as usize..)?.first_chunk::<12>()?;
        let word = |at: usize| Some(u32::from_le_bytes(*words.get(4 * at..)?.first_chunk()?));
        let (text, len, capacity) = (word(self.address)?, word(self.len)?, word(3 - self.address - self.len)?);
        // What no capacity can be stands for no string.
        if capacity > i32::MAX.cast_unsigned() || len as usize > most {
            return None;
        }
        String::from_utf8(memory.get(text as usize..)?.get(..len as usize)?.to_vec()).ok()
    }
}

/// The strings of a module.
pub(super) struct ModuleStrings {
    /// Appends to one.
    pub(super) write: ModuleExport,
    pub(super) layout: OnceLock<Result<StringLayout, NoAnswer>>,
}

impl ModuleStrings {
    /// Of a module that exports this function, which appends to a string.
    pub(super) fn new(write: ModuleExport) -> Self {
        Self { write, layout: OnceLock::new() }
    }

    /// The same of an image of the module, which exports the function as this.
    pub(super) fn of_image(&self, write: ModuleExport) -> Self {
        Self { write, layout: self.layout.clone() }
    }

    /// Whether the wall clock is why the layout is not known. False where nobody has asked.
    pub(super) fn was_late(&self) -> bool {
        self.layout.get().is_some_and(|found| found.as_ref().is_err_and(|failed| failed.by_wall_clock))
    }
}
