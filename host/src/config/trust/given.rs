//! The grants of a profile that need the user's word.

use super::allowance::Allowance;
use std::path::PathBuf;

/// Where a profile comes from, and which of its grants need the user's word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::config) struct Given {
    /// The workspace, by its canonical path.
    pub root: PathBuf,
    /// The configuration file, as the user would name it.
    pub file: String,
    /// The grants, in the order of the kinds, and then of the file.
    pub wanted: Vec<Wanted>,
}

/// A grant that needs the user's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct Wanted {
    /// The profile that has the grant, in words.
    pub place: String,
    /// The grant, in words.
    pub what: String,
    /// The allowance that it needs.
    pub allowance: Allowance,
    /// For a directory that every test gets, its path in the guest.
    pub guest: Option<String>,
}

impl Given {
    /// Removes the grant of a directory that an option replaces, by its path in the guest.
    pub fn replace(&mut self, guest: &str) {
        self.wanted.retain(|wanted| wanted.guest.as_deref() != Some(guest));
    }
}
