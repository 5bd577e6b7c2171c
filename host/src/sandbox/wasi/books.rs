//! What a call of a guest is looked at with: the test's descriptors and its ledger as they are when the call is made.

use super::table::Table;
use crate::ledger::{Ledger, Stack};
use crate::policy::Policy;

/// The descriptors of a test, its ledger, and its policy.
#[derive(Clone, Copy)]
pub struct Books<'a> {
    /// The test's descriptors.
    pub table: &'a Table,
    /// The ledger: who holds which handle.
    pub ledger: &'a Ledger,
    /// The guest's stack at the call, if it was captured.
    pub stack: Option<&'a Stack>,
    /// What the test is granted.
    pub policy: &'a Policy,
}
