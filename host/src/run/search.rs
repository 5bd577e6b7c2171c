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
        module_with(
            r#"(memory (export "memory") 1) (func $setup (result i32) (i32.const 0)) (func $test (result i32) (i32.const 0))"#,
        )
    }

    /// The same, whose fields have the functions `$setup` and `$test`.
    fn module_with(fields: &str) -> Vec<u8> {
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
            r#"(module {fields}
                (func $nothing (result i32) (i32.const 0))
                (export "airtight:state" (func $nothing)) (export "airtight:cleanup" (func $nothing))
                (export "airtight:flush" (func $nothing))
                (export "airtight:test/m::a" (func $test)) (export "airtight:test/m::setup" (func $setup))
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

    /// A set-up that spins so many times and allocates so much, and a test that loses a block. The allocator only takes.
    fn that_loses_a_block(spins: u32, size: &str) -> Vec<u8> {
        module_with(&format!(
            r#"(memory (export "memory") 64)
            (global $__stack_pointer (mut i32) (i32.const 1024))
            (data (i32.const 2048) "\00\10\00\00")
            (func $malloc (param $size i32) (result i32) (local $at i32)
                (local.set $at (i32.load (i32.const 2048)))
                (i32.store (i32.const 2048)
                    (i32.add (local.get $at) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -8))))
                (local.get $at))
            (func $setup (result i32) (local $left i32)
                (i32.store (i32.const 2056) (call $malloc (i32.const 40)))
                (drop (call $malloc {size}))
                (local.set $left (i32.const {spins}))
                (loop $again
                    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
                (i32.const 0))
            (func $test (result i32) (drop (call $malloc (i32.const 24))) (i32.const 0))"#
        ))
    }

    /// How often five second runs call their set-up again, and whether there is a second image then. What each run left is the same.
    fn second_runs(module: &[u8], shortcut: bool) -> (u64, bool) {
        let runner = Runner::builder(&Config::default(), "default").unwrap().shortcut(shortcut).build().unwrap();
        let module = runner.load(module.to_vec(), LoadOptions::named("m")).unwrap();
        let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
        let found = runner.install_each(plan.modules(), &|planned| {
            let world = Arc::new(runner.shared_world(planned).unwrap().unwrap());
            let test = planned.tests.iter().find(|test| test.is_test()).unwrap();
            let subject = runner.fault_subject(planned, test, Some(Arc::clone(&world))).unwrap();
            let runs: Vec<_> = (0..5).map(|_| subject.run(&[], None).unwrap()).collect();
            for run in &runs {
                assert_eq!((run.left.len(), run.left[0].bytes, &run.left), (1, Some(24), &runs[0].left));
                assert!(!run.left[0].stack.is_empty());
            }
            (world.image.called_again(), world.image.has_second())
        });
        found.into_iter().next().unwrap()
    }

    #[test]
    fn second_runs_call_a_long_set_up_again_once_for_all() {
        let (short, long) = (1_000, 160_000_000);
        let small = "(i32.const 24)";
        assert_eq!(second_runs(&that_loses_a_block(long, small), true), (1, true));
        assert_eq!(second_runs(&that_loses_a_block(short, small), true), (5, false), "an image is not worth it");
        assert_eq!(second_runs(&that_loses_a_block(long, small), false), (0, false), "nobody wants shortcuts");
    }

    /// By the place of its first block, which a second run moves.
    #[test]
    fn a_set_up_that_does_otherwise_has_no_second_image() {
        let by_place = "(i32.shr_u (i32.load (i32.const 2056)) (i32.const 8))";
        let module = that_loses_a_block(160_000_000, by_place);
        let runner = Runner::builder(&Config::default(), "default").unwrap().build().unwrap();
        let module = runner.load(module, LoadOptions::named("m")).unwrap();
        let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
        let report = runner.run(&plan, &mut ()).unwrap();
        let test = report.canonical.modules[0].tests.iter().find(|test| &*test.name == "a").unwrap();
        assert_eq!(test.usage.as_ref().unwrap().heap.doubt_code.as_deref(), Some("other-allocations"));
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
