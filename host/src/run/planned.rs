//! One test of a plan, and what the plan decided about it.

use crate::catalogue::Role;
use crate::harness::TestEntry;
use crate::model::{Harness, SubtestFilter};
use crate::sandbox::wasi::Grants;
use std::sync::Arc;

/// One test to run.
#[non_exhaustive]
pub struct PlannedTest {
    /// Its name.
    pub name: Arc<str>,
    /// The test that this one is a part of, if subtests are tests of their own.
    pub(super) part_of: Option<Arc<str>>,
    /// The harness that holds the test.
    pub harness: Harness,
    /// Whether it is a test, or the set-up or teardown of its module.
    pub(crate) role: Role,
    /// The group of tests of which no two run at once, if this test could meet another one of it.
    pub(super) serial: Option<Arc<str>>,
    /// Whether the test asks that its calls be made to fail whenever it is run.
    pub(crate) wants_faults: bool,
    pub(super) decision: Decision,
}

impl PlannedTest {
    /// Whether it is a test, and not what runs before or after the tests of its module.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.role == Role::Test
    }

    /// Why the test will be skipped; `None` if it will not.
    pub fn skipped(&self) -> Option<&str> {
        match &self.decision {
            Decision::Skip(reason) => Some(reason),
            Decision::Run { .. } | Decision::Refuse(_) => None,
        }
    }

    /// The name by which its module knows the test, or the test that it is a part of.
    pub(super) fn called(&self) -> &Arc<str> {
        self.part_of.as_ref().unwrap_or(&self.name)
    }

    /// What the test is granted; `None` if it is not run.
    pub(super) fn grants(&self) -> Option<&Arc<Grants>> {
        match &self.decision {
            Decision::Run { grants, .. } => Some(grants),
            Decision::Skip(_) | Decision::Refuse(_) => None,
        }
    }
}

/// What the plan decided about a test.
pub(super) enum Decision {
    /// Run it.
    Run { grants: Arc<Grants>, entry: TestEntry, subtests: Option<Arc<SubtestFilter>> },
    /// Do not run it, for this reason.
    Skip(Arc<str>),
    /// Do not run it, because it asks for something that it may not have.
    Refuse(String),
}
