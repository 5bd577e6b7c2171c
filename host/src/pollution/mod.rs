//! Finds tests whose verdict depends on which tests ran before them in the same process. An ordinary runner lets such tests
//! fail now and then.
//!
//! Every test is first run alone, in an instance of its own: that gives its verdict. Then the tests of each module are run
//! together in one instance, in several orders. If a test's verdict then differs, the search looks for the smallest set of
//! other tests that makes it differ.
//!
//! ```text
//! alone     a b c d   pass
//! together  c a d b   d fails: after c, a
//!                     after c alone: passes; after a alone: fails    -> d is polluted by a
//! together  c a b     without d, to see the others
//! ```

mod minimal;

pub use crate::report::pollution::{
    Dependence, Dependent, LeftOut, ModulePollution, POLLUTION_JSON_SCHEMA, POLLUTION_SCHEMA, Pollution,
};

use crate::model::events::Listener;
use crate::model::{Report, Verdict};
use crate::run::{
    LeftBehind, NotSearched, Plan, PlannedModule, Runner, SearchError, SharedInstance, Together, cannot_share, order,
};
use minimal::minimal;
use std::sync::atomic::Ordering;

/// Runs the tests of a plan alone, and then together in `orders` orders: by name, by name backwards, then shuffled. Returns
/// what was found, and the report of the tests that ran alone.
///
/// ```no_run
/// use airtight::{LoadOptions, Runner, Selection, Subject, config::Config};
///
/// let runner = Runner::builder(&Config::default(), "default")?.build()?;
/// let module = runner.load(std::fs::read("tests.wasm")?, LoadOptions::named("tests"))?;
/// let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
/// let (pollution, _) = airtight::pollution::find(&runner, &plan, 5, &mut ())?;
/// for (module, found) in pollution.found() {
///     println!("{module} {}: after {:?}", found.test, found.after);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// See [`SearchError`].
pub fn find(
    runner: &Runner,
    plan: &Plan,
    orders: usize,
    listener: &mut dyn Listener,
) -> Result<(Pollution, Report), SearchError> {
    let alone = runner.run(plan, listener)?;
    if alone.volatile.interrupted {
        return Err(SearchError::Interrupted);
    }
    let modules = plan.modules().iter().filter(|module| !module.tests.is_empty());
    let modules: Vec<_> = modules.zip(&alone.canonical.modules).collect();
    let seed = plan.policy().seed;
    let found = runner.install_each(&modules, &|(module, record)| {
        let verdicts: Vec<Verdict> = record.tests.iter().map(|test| test.verdict).collect();
        Search { runner, module, verdicts: &verdicts, orders, seed }.run()
    });
    Ok((Pollution { orders, modules: found.into_iter().collect::<Result<_, _>>()? }, alone))
}

/// The search in the tests of one module.
struct Search<'a> {
    runner: &'a Runner,
    module: &'a PlannedModule,
    /// The verdict of each test when it ran alone.
    verdicts: &'a [Verdict],
    orders: usize,
    seed: u64,
}

impl Search<'_> {
    fn run(&self) -> Result<ModulePollution, SearchError> {
        let mut result = ModulePollution { module: self.module.module.name().to_owned(), ..ModulePollution::default() };
        let (mut passing, mut failing) = (Vec::new(), Vec::new());
        for (index, test) in self.module.tests.iter().enumerate() {
            match (cannot_share(test), self.verdicts[index]) {
                (Some(why), _) => result.left_out.push(left_out(&test.name, why)),
                (None, Verdict::Pass | Verdict::Leak) => passing.push(index),
                (None, Verdict::Fail) => failing.push(index),
                (None, _) => result.left_out.push(left_out(&test.name, "alone, it does not come to its end")),
            }
        }
        let all: Vec<usize> = passing.iter().chain(&failing).copied().collect();
        if all.len() < 2 || passing.is_empty() {
            let why = if all.len() < 2 { "there are not two that could be" } else { "none of them passes alone" };
            return Ok(ModulePollution { refused: Some(why.to_owned()), ..result });
        }
        let shared = match self.runner.shared_instance(self.module, &all) {
            Ok(shared) => shared,
            Err(NotSearched::Because(why)) => return Ok(ModulePollution { refused: Some(why), ..result }),
            Err(NotSearched::Bug(bug)) => return Err(bug.end(&result.module)),
        };
        result.looked_at = all.len();
        let passing: Vec<usize> = (0..passing.len()).collect();
        let failing: Vec<usize> = (passing.len()..all.len()).collect();
        let mut look = Look { search: self, shared: &shared, result: &mut result };
        let mut orders = Vec::new();
        for nth in 0..self.orders {
            orders.push(look.one_order(self.order(&passing, nth))?);
        }
        for test in failing {
            look.needs_others(test, &orders)?;
        }
        result.found.sort_by(|a, b| a.test.cmp(&b.test));
        result.left_out.sort_by(|a, b| a.test.cmp(&b.test));
        Ok(result)
    }

    /// By name, by name backwards, and then shuffled.
    fn order(&self, tests: &[usize], nth: usize) -> Vec<usize> {
        match nth {
            0 => tests.to_vec(),
            1 => tests.iter().rev().copied().collect(),
            _ => order(tests.len(), self.seed.wrapping_add(nth as u64)).into_iter().map(|at| tests[at]).collect(),
        }
    }
}

fn left_out(test: &str, why: &str) -> LeftOut {
    LeftOut { test: test.to_owned(), why: why.to_owned() }
}

/// A search that is under way in one module.
struct Look<'a, 's> {
    search: &'a Search<'a>,
    shared: &'a SharedInstance<'s>,
    result: &'a mut ModulePollution,
}

impl Look<'_, '_> {
    /// Runs tests in an order and looks for the cause of each failure. Returns the order without the tests that fail in it.
    fn one_order(&mut self, mut order: Vec<usize>) -> Result<Vec<usize>, SearchError> {
        order.retain(|test| !self.is_known(*test));
        while let Some(at) = self.first_failure(&order)? {
            let victim = order.remove(at);
            self.polluted(victim, &order[..at])?;
        }
        Ok(order)
    }

    /// The index in the order of the first test that fails.
    fn first_failure(&self, order: &[usize]) -> Result<Option<usize>, SearchError> {
        let Some(failed) = self.together(order)?.failed else { return Ok(None) };
        if let Some(at) = failed.at {
            return Ok(Some(at));
        }
        // The shortest beginning of the order that does not pass ends with the first failing test.
        let (mut passes, mut fails) = (0, order.len());
        while fails - passes > 1 {
            let middle = passes.midpoint(fails);
            match self.passes(&order[..middle])? {
                true => passes = middle,
                false => fails = middle,
            }
        }
        Ok(Some(passes))
    }

    /// Looks for the polluters of a test that passes alone and failed after these tests.
    fn polluted(&mut self, victim: usize, before: &[usize]) -> Result<(), SearchError> {
        let fails_after = |look: &Self, part: &[usize]| -> Result<bool, SearchError> {
            Ok(look.passes(part)? && !look.passes(&with(part, victim))?)
        };
        if !self.passes(&[victim])? {
            self.leave_out(victim, "it fails where it is run as one of several, even without another one");
        } else if !fails_after(self, before)? {
            self.leave_out(victim, "it fails after others, and which it is does not only depend on their order");
        } else {
            let polluters = minimal(before, &mut |part| fails_after(self, part))?;
            let failed = self.together(&with(&polluters, victim))?.failed;
            let left = self.left_by(&polluters)?;
            let (message, place) = failed.map(|failed| (failed.message, failed.place)).unwrap_or_default();
            self.add(victim, Dependence::Polluted, &polluters, (message, place, left));
        }
        Ok(())
    }

    /// Finds out whether a test that fails alone passes after others.
    fn needs_others(&mut self, test: usize, orders: &[Vec<usize>]) -> Result<(), SearchError> {
        let passes_after = |look: &Self, part: &[usize]| look.passes(&with(part, test));
        let Some(failed) = self.together(&[test])?.failed else {
            self.leave_out(test, "it passes where it is run as one of several, even without another one");
            return Ok(());
        };
        for order in orders {
            if passes_after(self, order)? {
                let needed = minimal(order, &mut |part| passes_after(self, part))?;
                let left = self.left_by(&needed)?;
                self.add(test, Dependence::NeedsOthers, &needed, (failed.message, failed.place, left));
                break;
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        test: usize,
        dependence: Dependence,
        after: &[usize],
        (message, place, left): (String, Option<String>, LeftBehind),
    ) {
        let name = |test: usize| self.shared.name(test).to_string();
        let after = after.iter().map(|test| name(*test)).collect();
        let LeftBehind { files, statics } = left;
        self.result.found.push(Dependent { test: name(test), dependence, after, message, place, files, statics });
    }

    fn leave_out(&mut self, test: usize, why: &str) {
        self.result.left_out.push(left_out(self.shared.name(test), why));
    }

    /// Whether it is already recorded that this test depends on others, or why it is not looked at.
    fn is_known(&self, test: usize) -> bool {
        let name = &**self.shared.name(test);
        let found = self.result.found.iter().map(|found| &found.test);
        found.chain(self.result.left_out.iter().map(|left| &left.test)).any(|known| known == name)
    }

    fn passes(&self, order: &[usize]) -> Result<bool, SearchError> {
        Ok(self.together(order)?.failed.is_none())
    }

    fn together(&self, order: &[usize]) -> Result<Together, SearchError> {
        self.run(order, false)
    }

    /// What these tests leave or change.
    fn left_by(&self, order: &[usize]) -> Result<LeftBehind, SearchError> {
        Ok(self.run(order, true)?.left)
    }

    fn run(&self, order: &[usize], tells_left: bool) -> Result<Together, SearchError> {
        let together = self.shared.run(order, tells_left);
        if self.search.runner.interrupt().load(Ordering::Relaxed) {
            return Err(SearchError::Interrupted);
        }
        together.map_err(|bug| bug.end(&self.result.module))
    }
}

/// These tests, and then that one.
fn with(before: &[usize], test: usize) -> Vec<usize> {
    before.iter().copied().chain([test]).collect()
}
