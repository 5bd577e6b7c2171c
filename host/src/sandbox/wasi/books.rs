//! What a call of a guest is looked at with: the descriptors and the books as they are when it is made.

use super::table::Table;
use crate::ledger::{Ledger, Stack};
use crate::policy::Policy;

/// The descriptors of a test, its books, and what it is granted.
#[derive(Clone, Copy)]
pub struct Books<'a> {
    /// Its descriptors.
    pub table: &'a Table,
    /// Who holds what.
    pub ledger: &'a Ledger,
    /// The guest's stack in the call that is made, where it is captured.
    pub stack: Option<&'a Stack>,
    /// What it is granted.
    pub policy: &'a Policy,
}
