//! What searches share: they run tests again and again, and compare. Why a search has no answer, and where the tests of a
//! module with a set-up begin.

use super::error::RunError;
use super::host_bug::{HostBug, guarded};
use super::plan::PlannedModule;
use super::planned::Decision;
use super::runner::Runner;
use crate::catalogue::Role;
use crate::sandbox::wasi::Grants;
use crate::sandbox::{AfterSetUp, EntryPoint, Image, Job, LoadedModule, Run, SetUp, run};
use std::sync::Arc;

/// Why a search has no answer. The searches are [`crate::faults::find`] and [`crate::pollution::find`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The tests cannot be run as they are.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It was interrupted.
    #[error("interrupted before the search came to its end")]
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

impl HostBug {
    /// This bug as the end of a search.
    pub fn end(self, module: &str) -> SearchError {
        SearchError::Bug { module: module.to_owned(), what: self.0 }
    }
}

/// Why tests of a module are not searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotSearched {
    /// In words, a reason of theirs.
    Because(String),
    /// It showed a bug of ours.
    Bug(HostBug),
}

impl From<String> for NotSearched {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

impl From<HostBug> for NotSearched {
    fn from(bug: HostBug) -> Self {
        Self::Bug(bug)
    }
}

/// Where the tests of a module with a set-up begin. The set-up was run once for all runs of a search.
pub(crate) struct SharedWorld<'a> {
    module: &'a LoadedModule,
    entry: EntryPoint<'a>,
    name: &'a Arc<str>,
    grants: &'a Arc<Grants>,
    image: Image,
}

impl Runner {
    /// Runs the set-up of a module; `None` if it has none. The calling thread must have the stack that guests need.
    ///
    /// # Errors
    /// Why no test can begin where it ends, or a bug of ours.
    pub(crate) fn shared_world<'a>(&self, planned: &'a PlannedModule) -> Result<Option<SharedWorld<'a>>, NotSearched> {
        let Some(setup) = planned.tests.iter().find(|test| test.role == Role::SetUp) else { return Ok(None) };
        let failed =
            |why: &dyn std::fmt::Display| format!("no test can begin where its set-up `{}` ends: {why}", setup.name);
        let Decision::Run { grants, entry, .. } = &setup.decision else { Err(failed(&"it is not run"))? };
        let (module, name, entry) = (&planned.module, &setup.name, entry.call());
        let options = self.options();
        let plain = Job::plain(module, (grants, name, entry), &options.interrupt);
        let (shortcut, inject_host_panic) = (options.shortcut, options.inject_host_panic);
        let job = Job { counts_heap: true, captures: true, shortcut, inject_host_panic, ..plain };
        let mut ran: Run = guarded(|| run(&job))?;
        HostBug::of_descriptors(ran.host_leak)?;
        let captured = ran.captured.take().ok_or_else(|| failed(&"it did not return"))?;
        let image = captured.and_then(|captured| Image::new(module, *captured)).map_err(|error| failed(&error))?;
        Ok(Some(SharedWorld { module, entry, name, grants, image }))
    }
}

impl SharedWorld<'_> {
    /// The module from which tests begin: that of the image.
    pub fn module(&self) -> &LoadedModule {
        self.image.module()
    }

    /// How a test begins in an instance of its module as it is loaded once more: the set-up is called there again.
    pub fn called_again_in<'m>(&'m self, module: &'m LoadedModule) -> AfterSetUp<'m> {
        let after = self.after();
        AfterSetUp { setup: SetUp { module, ..after.setup }, repeats: true, ..after }
    }

    /// How a test begins.
    pub fn after(&self) -> AfterSetUp<'_> {
        let setup = SetUp { module: self.module, entry: self.entry, name: self.name, grants: self.grants };
        AfterSetUp { setup, image: &self.image, repeats: false, owns: false }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::Config;
    use crate::run::{Selection, Subject};
    use crate::sandbox::LoadOptions;

    /// A module of the SDK's with a set-up and a test.
    pub fn with_setup() -> Vec<u8> {
        let mut section = String::new();
        for (name, role) in [("a", ""), ("setup", "setup")] {
            let export = format!("airtight:test/m::{name}");
            let role = if role.is_empty() { String::new() } else { format!("role\0{role}\0") };
            let body = format!("name\0m::{name}\0export\0{export}\0file\0src/lib.rs\0line\01\0{role}");
            let len = u32::try_from(body.len()).unwrap().to_le_bytes();
            let record = b"ATR1".iter().chain(&len).chain(body.as_bytes());
            record.for_each(|byte| section.push_str(&format!("\\{byte:02x}")));
        }
        let text = format!(
            r#"(module (memory (export "memory") 1)
                (func $nothing (result i32) (i32.const 0))
                (export "airtight:state" (func $nothing)) (export "airtight:cleanup" (func $nothing))
                (export "airtight:flush" (func $nothing))
                (export "airtight:test/m::a" (func $nothing)) (export "airtight:test/m::setup" (func $nothing))
                (@custom "airtight.tests" "{section}"))"#
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn a_bug_of_ours_in_a_set_up_is_told_as_one() {
        let world = |panics: bool| {
            let builder = Runner::builder(&Config::default(), "default").unwrap();
            let runner = builder.inject_host_panic(panics).build().unwrap();
            let module = runner.load(with_setup(), LoadOptions::named("m")).unwrap();
            let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
            let worlds = runner
                .install_each(plan.modules(), &|planned| runner.shared_world(planned).map(|world| world.is_some()));
            worlds.into_iter().next().unwrap()
        };
        assert_eq!(world(false), Ok(true));
        assert_eq!(world(true), Err(NotSearched::Bug(HostBug("the host panicked: on purpose".to_owned()))));
    }

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
