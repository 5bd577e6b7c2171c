//! How a `String` of the guest's is laid out: the order of its three words is the compiler's choice, and is found out in an instance
//! of its own, once a module.

use super::execute::Job;
use super::guest::Guest;
use super::probe::{NoAnswer, Probe};
use std::sync::OnceLock;
use wasmtime::ModuleExport;
use wasmtime::ensure;

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
    write: ModuleExport,
    layout: OnceLock<Result<StringLayout, NoAnswer>>,
}

/// The text that is appended to a string. No capacity is as long as it is.
const TEXT: &[u8] = b"probe";

/// Where in the page things are put.
const STRING: u32 = 256;
const SOURCE: u32 = 512;

/// The word of an empty string that is not 0: an address that is never read.
const DANGLING: u32 = 1;

impl ModuleStrings {
    /// Of a module that exports this function, which appends to a string.
    pub(super) fn new(write: ModuleExport) -> Self {
        Self { write, layout: OnceLock::new() }
    }

    /// The same of an image of the module, which exports the function as this.
    pub(super) fn of_image(&self, write: ModuleExport) -> Self {
        Self { write, layout: self.layout.clone() }
    }

    /// The layout; `None` where it is none of those that a string of three words can have.
    pub(super) fn layout(&self, job: &Job<'_>) -> Option<StringLayout> {
        self.layout.get_or_init(|| first_answer(|address| probe(job, &self.write, address))).as_ref().ok().copied()
    }

    /// Whether the wall clock is why the layout is not known. False where nobody has asked.
    pub(super) fn was_late(&self) -> bool {
        self.layout.get().is_some_and(|found| found.as_ref().is_err_and(|failed| failed.by_wall_clock))
    }
}

/// The layout by the first guess that holds. One that the wall clock ended might have held: no other is tried after it.
fn first_answer(probe: impl Fn(usize) -> wasmtime::Result<StringLayout>) -> Result<StringLayout, NoAnswer> {
    // The order that compilers have chosen so far comes first: a wrong guess may trap.
    let guesses = [1, 0, 2].into_iter().map(|address| probe(address).map_err(NoAnswer::from));
    let mut failed = None;
    for guess in guesses {
        match guess {
            Err(why) if !why.by_wall_clock => failed = Some(why),
            answered => return answered,
        }
    }
    Err(failed.expect("three were tried"))
}

/// The layout, if `address` is the word that points to the text: appended to an empty string, the text is there.
fn probe(job: &Job<'_>, write: &ModuleExport, address: usize) -> wasmtime::Result<StringLayout> {
    let mut probe = Probe::new(job)?;
    let instance = probe.instance;
    probe.refuelled(|main| {
        let mut guest = Guest::new(main, instance)?;
        let mut empty = [0; 3];
        empty[address] = DANGLING;
        let string = guest.put(STRING, empty.map(u32::to_le_bytes).as_flattened())?;
        let source = guest.put(SOURCE, TEXT)?;
        let append = guest.exported(write)?;
        let failed: u32 = guest.call(append, (string, source, TEXT.len() as u32))?;
        ensure!(failed == 0, "it cannot append to a string");
        let words: [u32; 3] = guest.words(string)?;
        let lens: Vec<usize> = (0..3).filter(|&at| at != address && words[at] as usize == TEXT.len()).collect();
        let [len] = lens[..] else { wasmtime::bail!("its length is not told") };
        ensure!(guest.bytes(words[address], words[len])? == TEXT, "its text is elsewhere");
        ensure!(words[3 - address - len] > words[len], "its capacity is not told");
        Ok(StringLayout { address, len })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::Trap;

    #[test]
    fn no_guess_comes_after_one_that_the_wall_clock_ended() {
        let layout = StringLayout { address: 0, len: 1 };
        let found = |late: bool| {
            first_answer(|address| match address {
                1 if late => Err(Trap::Interrupt.into()),
                0 => Ok(layout),
                _ => Err(Trap::UnreachableCodeReached.into()),
            })
        };
        assert_eq!(found(false), Ok(layout));
        assert!(found(true).unwrap_err().by_wall_clock);
        let never = first_answer(|_| Err(Trap::UnreachableCodeReached.into()));
        assert!(!never.unwrap_err().by_wall_clock);
    }
}
