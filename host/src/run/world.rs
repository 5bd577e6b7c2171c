//! The set-up of a module and its teardown: each is run once, and every test between them begins where the set-up ended.
//!
//! The first worker that needs the set-up runs it; others that need it wait. The worker that ends the last test of the
//! module runs the teardown. The teardown, too, begins where the set-up ended, since nothing is left of what a test did to
//! its world.

use super::entry::{FinishedEntry, PlannedEntry, TestRun};
use super::plan::PlannedModule;
use super::planned::{Decision, PlannedTest};
use crate::catalogue::Role;
use crate::policy::Policy;
use crate::sandbox::wasi::Grants;
use crate::sandbox::{AfterSetUp, Image, SetUp};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The set-up of one module in a run.
pub struct ModuleWorld<'a> {
    setup: PlannedEntry<'a>,
    teardown: Option<PlannedEntry<'a>>,
    /// Where the set-up ended. `None` before the set-up ran, and again after the last test; `Some(None)` if no test can
    /// begin there.
    image: Mutex<Option<Option<Arc<Image>>>>,
    /// How many of the module's tests have not ended.
    left: AtomicUsize,
}

/// The worlds of a plan.
pub struct Worlds<'a> {
    /// The world of each module; `None` if it has no set-up.
    worlds: Vec<Option<ModuleWorld<'a>>>,
    /// The module of each entry of the plan, by index.
    module_of: Vec<usize>,
}

impl<'a> Worlds<'a> {
    /// The worlds of these modules.
    pub fn new(modules: &'a [PlannedModule]) -> Self {
        let mut worlds = Vec::with_capacity(modules.len());
        let mut module_of = Vec::new();
        for (number, module) in modules.iter().enumerate() {
            let first = module_of.len();
            let with_role = |role| {
                let at = module.tests.iter().position(|test| test.role == role)?;
                Some(PlannedEntry { index: first + at, module, test: &module.tests[at] })
            };
            worlds.push(with_role(Role::SetUp).map(|setup| ModuleWorld {
                setup,
                teardown: with_role(Role::Teardown),
                image: Mutex::default(),
                left: AtomicUsize::new(tests(module).count()),
            }));
            module_of.extend(std::iter::repeat_n(number, module.tests.len()));
        }
        Self { worlds, module_of }
    }

    /// The world of an entry of the plan; `None` if its module has no set-up.
    pub fn get(&self, index: usize) -> Option<&ModuleWorld<'a>> {
        self.worlds.get(*self.module_of.get(index)?)?.as_ref()
    }

    /// Whether an entry of the plan counts, if entries after `last` do not. A set-up or teardown counts if one of the tests
    /// that it is run for does.
    pub fn counts(&self, index: usize, last: usize) -> bool {
        self.counts_from(index) <= last
    }

    /// All entries of the plan, so that wherever a run ends early, those that count come first.
    pub fn counting_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.module_of.len()).collect();
        order.sort_by_cached_key(|index| (self.counts_from(*index), *index));
        order
    }

    /// The first place after which a run may end, and this entry of the plan counts.
    fn counts_from(&self, index: usize) -> usize {
        let Some(world) = self.get(index).filter(|_| !self.is_taken(index)) else { return index };
        let first = self.module_of.partition_point(|module| *module < self.module_of[index]);
        let needs = |test: &PlannedTest| test.is_test() && matches!(test.decision, Decision::Run { .. });
        let mut places = (first..).zip(&world.setup.module.tests).filter(|(_, test)| needs(test));
        places.next().map_or(index, |(place, _)| place.min(index))
    }

    /// Whether a worker takes this entry of the plan by itself. A set-up or teardown is run for the tests of its module. If
    /// there are none, the set-up is taken.
    pub fn is_taken(&self, index: usize) -> bool {
        match self.get(index) {
            None => true,
            Some(world) if tests(world.setup.module).next().is_none() => world.setup.index == index,
            Some(world) => ![Some(world.setup), world.teardown].into_iter().flatten().any(|place| place.index == index),
        }
    }
}

fn tests(module: &PlannedModule) -> impl Iterator<Item = &PlannedTest> {
    module.tests.iter().filter(|test| test.role == Role::Test)
}

impl ModuleWorld<'_> {
    /// The image from which a test begins. Runs the set-up if that was not done yet, and adds its result to `finished`.
    ///
    /// # Errors
    /// Why the test is not run: the set-up did not end so that a test could begin there.
    pub fn begin(&self, run: &TestRun<'_>, finished: &mut Vec<FinishedEntry>) -> Result<Arc<Image>, String> {
        let image = self
            .image
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| {
                let (ended, image) = run.setup(self.setup, self.teardown.is_some());
                finished.push(ended);
                image.map(Arc::from)
            })
            .clone();
        image.ok_or_else(|| format!("not run: its set-up `{}` did not pass", self.setup.test.name))
    }

    /// How a test with these grants begins.
    ///
    /// # Errors
    /// The test is granted another world than the set-up.
    pub fn after<'i>(&'i self, image: &'i Image, grants: &Arc<Grants>, owns: bool) -> Result<AfterSetUp<'i>, String> {
        let Decision::Run { grants: own, entry, .. } = &self.setup.test.decision else {
            return Err("its set-up is not run".to_owned());
        };
        if let Some(what) = difference(own.policy(), grants.policy()) {
            let name = &self.setup.test.name;
            return Err(format!(
                "{what} is not that of its set-up `{name}`, in whose world it begins: give both the same"
            ));
        }
        let setup =
            SetUp { module: &self.setup.module.module, entry: entry.call(), name: &self.setup.test.name, grants: own };
        Ok(AfterSetUp { setup, image, repeats: false, owns })
    }

    /// Notes that a test has ended or was not run. After the last test of the module, runs the teardown and adds its result
    /// to `finished`.
    pub fn ended(&self, run: &TestRun<'_>, finished: &mut Vec<FinishedEntry>) {
        if self.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        // The image is dropped with the last of the module's tests.
        let made = self.image.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(teardown) = self.teardown {
            let image = made.as_ref().and_then(Option::as_deref);
            let after = image.map(|image| match &teardown.test.decision {
                Decision::Run { grants, .. } => self.after(image, grants, true),
                Decision::Skip(_) | Decision::Refuse(_) => Err("it is not run".to_owned()),
            });
            finished.push(run.teardown(teardown, after));
        }
        if made.is_none() {
            // No test needed the set-up in the end.
            finished.push(run.not_needed(self.setup));
        }
    }

    /// Runs the set-up without a test that needs it.
    pub fn alone(&self, run: &TestRun<'_>, finished: &mut Vec<FinishedEntry>) {
        let _ = self.begin(run, finished);
        self.ended(run, finished);
    }

    /// Whether this entry of the plan is the set-up.
    pub fn is_setup(&self, index: usize) -> bool {
        self.setup.index == index
    }
}

/// What differs between the grants of a set-up and a test, among what both see of the world.
fn difference(setup: &Policy, test: &Policy) -> Option<&'static str> {
    let Policy {
        limits: _,
        leaks: _,
        dirs,
        sockets,
        outbound,
        env,
        args: _,
        stdin,
        clock,
        tracked: _,
        heap_required: _,
        faults: _,
        seed,
    } = setup;
    [
        (*dirs != test.dirs, "what it is granted of directories"),
        (*sockets != test.sockets, "what it is granted of sockets"),
        (*outbound != test.outbound, "what it may connect to"),
        (*env != test.env, "its environment"),
        (*stdin != test.stdin, "its standard input"),
        (*clock != test.clock, "its clock"),
        (*seed != test.seed, "its seed"),
    ]
    .into_iter()
    .find_map(|(differs, what)| differs.then_some(what))
}

#[cfg(test)]
mod tests;
