//! Finds out how a module lays out strings: once for each module, in an instance of its own.

use super::guest::Guest;
use super::job::Job;
use super::no_answer::NoAnswer;
use super::probe::Probe;
use super::strings::{ModuleStrings, StringLayout};
use wasmtime::{ModuleExport, ensure};

/// The text that is appended to a string. It is so short that no capacity is as small.
const TEXT: &[u8] = b"probe";

/// Offsets in the host's page of the guest.
const STRING: u32 = 256;
const SOURCE: u32 = 512;

/// The pointer of an empty string, which is not 0: an address that is never read.
const DANGLING: u32 = 1;

impl ModuleStrings {
    /// The layout of the module's strings; `None` if it is not the layout of a string of three words.
    pub(super) fn layout(&self, job: &Job<'_>) -> Option<StringLayout> {
        self.layout.get_or_init(|| first_answer(|address| probe(job, &self.write, address))).as_ref().ok().copied()
    }
}

/// The layout of the first guess that holds. If the wall clock ended a guess, no further one is tried: the ended guess
/// might have held.
fn first_answer(probe: impl Fn(usize) -> wasmtime::Result<StringLayout>) -> Result<StringLayout, NoAnswer> {
    // The order that compilers have chosen so far comes first, because a wrong guess may trap.
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

/// The layout, if word number `address` of a string points to its text. It does if a text that was appended to an empty
/// string is found there.
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
