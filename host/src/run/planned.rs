//! One test of a plan, and what was decided of it.

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
    /// The test that it is a part of, where its subtests are tests of their own.
    pub(super) part_of: Option<Arc<str>>,
    /// How it is held.
    pub harness: Harness,
    /// Whether it is a test, or the set-up or teardown of its module.
    pub(crate) role: Role,
    /// The group of tests of which no two run at once, where it could meet others.
    pub(super) serial: Option<Arc<str>>,
    /// Whether it asks that its calls be made to fail whenever it is run.
    pub(crate) wants_faults: bool,
    pub(super) decision: Decision,
}

impl PlannedTest {
    /// Whether it is a test, and not what runs before or after the tests of its module.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.role == Role::Test
    }

    /// Why it will be skipped, if it will.
    pub fn skipped(&self) -> Option<&str> {
        match &self.decision {
            Decision::Skip(reason) => Some(reason),
            Decision::Run { .. } | Decision::Refuse(_) => None,
        }
    }

    /// What its module calls it, or the test that it is a part of.
    pub(super) fn called(&self) -> &Arc<str> {
        self.part_of.as_ref().unwrap_or(&self.name)
    }

    /// What it is granted, if it is run.
    pub(super) fn grants(&self) -> Option<&Arc<Grants>> {
        match &self.decision {
            Decision::Run { grants, .. } => Some(grants),
            Decision::Skip(_) | Decision::Refuse(_) => None,
        }
    }
}

/// What the plan decided to do with a test.
pub(super) enum Decision {
    /// Run it.
    Run { grants: Arc<Grants>, entry: TestEntry, subtests: Option<Arc<SubtestFilter>> },
    /// Not run, for this reason.
    Skip(Arc<str>),
    /// Not run, because it asks for what it may not have.
    Refuse(String),
}
