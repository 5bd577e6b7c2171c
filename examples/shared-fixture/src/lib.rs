//! A table of accounts, which takes its time to load.

use std::fs::File;
use std::io::{self, Write};

/// How many accounts a bank has when it opens.
pub const ACCOUNTS: usize = 10_000;

/// Accounts, and the journal in which every change of one is written.
pub struct Bank {
    balances: Vec<u64>,
    journal: File,
}

impl Bank {
    /// Loads all accounts.
    pub fn open() -> io::Result<Self> {
        let balances = (0..ACCOUNTS as u64).map(|account| account * account % 9_973).collect();
        Ok(Self { balances, journal: File::create("/tmp/journal")? })
    }

    /// How many accounts there are.
    pub fn accounts(&self) -> usize {
        self.balances.len()
    }

    /// Closes the account that was opened last, and gives what was in it.
    pub fn close_last(&mut self) -> io::Result<Option<u64>> {
        writeln!(self.journal, "closed {}", self.balances.len())?;
        Ok(self.balances.pop())
    }

    /// How many bytes the journal has.
    pub fn journal(&self) -> io::Result<u64> {
        Ok(self.journal.metadata()?.len())
    }
}
