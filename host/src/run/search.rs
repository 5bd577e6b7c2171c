//! Searches run tests again and again, and compare. Why one has no answer; and where the tests of a module begin that has a set-up.

use super::entry::panic_message;
use super::error::RunError;
use super::plan::PlannedModule;
use super::planned::Decision;
use super::runner::Runner;
use crate::catalogue::Role;
use crate::sandbox::wasi::Grants;
use crate::sandbox::{AfterSetUp, Entry, Image, Job, LoadedModule, Run, SetUp, run};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Why a search has no answer: [`crate::faults::find`] or [`crate::pollution::find`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The tests cannot be run as they are.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It was interrupted.
    #[error("interrupted before the search came to its end, so that nothing is known")]
    Interrupted,
    /// A bug of airtight's own.
    #[error("a bug of airtight, found with tests of {module}: {what}; please report this")]
    Bug {
        /// The module.
        module: String,
        /// What went wrong.
        what: String,
    },
}

/// A run that showed a bug of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostBug(pub String);

impl HostBug {
    /// That host descriptors are open still, where some are.
    pub fn of_descriptors(open: u64) -> Result<(), Self> {
        match open {
            0 => Ok(()),
            open => Err(Self(format!("host descriptors that were opened for them and are still open: {open}"))),
        }
    }

    /// It as the end of a search.
    pub fn end(self, module: &str) -> SearchError {
        SearchError::Bug { module: module.to_owned(), what: self.0 }
    }
}

/// Does what runs a guest. That the host panics there is no end of the others.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, HostBug> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|panic| HostBug(format!("the host panicked: {}", panic_message(&*panic))))
}

/// Where the tests of a module begin that has a set-up. The set-up was run once for all runs of a search.
pub(crate) struct SharedWorld<'a> {
    module: &'a LoadedModule,
    entry: Entry<'a>,
    name: &'a Arc<str>,
    grants: &'a Arc<Grants>,
    image: Image,
}

impl Runner {
    /// Runs the set-up of a module; `None` where it has none. The calling thread has the stack that guests need.
    ///
    /// # Errors
    /// In words, why no test can begin where it ends.
    pub(crate) fn shared_world<'a>(&self, planned: &'a PlannedModule) -> Result<Option<SharedWorld<'a>>, String> {
        let Some(setup) = planned.tests.iter().find(|test| test.role == Role::SetUp) else { return Ok(None) };
        let failed =
            |why: &dyn std::fmt::Display| format!("no test can begin where its set-up `{}` ends: {why}", setup.name);
        let Decision::Run { grants, entry, .. } = &setup.decision else { return Err(failed(&"it is not run")) };
        let (module, name, entry) = (&planned.module, &setup.name, entry.call());
        let options = self.options();
        let plain = Job::plain(module, (grants, name, entry), &options.interrupt);
        let job = Job { counts_heap: true, captures: true, shortcut: options.shortcut, ..plain };
        let mut ran: Run = guarded(|| run(&job)).map_err(|HostBug(what)| failed(&what))?;
        HostBug::of_descriptors(ran.host_leak).map_err(|HostBug(what)| failed(&what))?;
        let captured = ran.captured.take().ok_or_else(|| failed(&"it did not return"))?;
        let image = captured.and_then(|captured| Image::new(module, *captured)).map_err(|error| failed(&error))?;
        Ok(Some(SharedWorld { module, entry, name, grants, image }))
    }
}

impl SharedWorld<'_> {
    /// The module that a test begins as.
    pub fn module(&self) -> &LoadedModule {
        self.image.module()
    }

    /// How a test begins.
    pub fn after(&self) -> AfterSetUp<'_> {
        let setup = SetUp { module: self.module, entry: self.entry, name: self.name, grants: self.grants };
        AfterSetUp { setup, image: &self.image, repeats: false, owns: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_host_is_told_and_ends_nothing_else() {
        assert_eq!(guarded(|| 7), Ok(7));
        let HostBug(what) = guarded::<()>(|| panic!("in the host")).unwrap_err();
        assert_eq!(what, "the host panicked: in the host");
        let told = HostBug(what).end("shop/tests").to_string();
        assert_eq!(
            told,
            "a bug of airtight, found with tests of shop/tests: the host panicked: in the host; please report this"
        );
        assert!(HostBug::of_descriptors(0).is_ok() && HostBug::of_descriptors(2).is_err());
    }
}
