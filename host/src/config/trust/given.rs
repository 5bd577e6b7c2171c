//! Grants of a profile that need the user's word.

use super::allowance::Allowance;
use std::path::PathBuf;

/// Where a profile comes from, and what it grants that needs the user's word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::config) struct Given {
    /// The workspace, by its canonical path.
    pub root: PathBuf,
    /// The configuration file, as the user would name it.
    pub file: String,
    /// In the order of the kinds, and then of the file.
    pub wanted: Vec<Wanted>,
}

/// A grant that needs the user's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct Wanted {
    /// Which grant of which profile.
    pub place: String,
    /// What it grants.
    pub what: String,
    /// What allows it.
    pub allowance: Allowance,
    /// Its path in the guest, where it is a directory that every test gets.
    pub guest: Option<String>,
}

impl Given {
    /// The same where an option grants something else under this path in the guest.
    pub fn replace(&mut self, guest: &str) {
        self.wanted.retain(|wanted| wanted.guest.as_deref() != Some(guest));
    }
}
