//! In which functions tests spend their fuel. Each is run once more for that, as a module that tells: see
//! [`crate::instrument::count_fuel`]. What it spends then is what it spent before, to the unit, or nothing is told.

use super::host_bug::{HostBug, guarded};
use super::plan::{Plan, PlannedModule};
use super::planned::{Decision, PlannedTest};
use super::runner::Runner;
use super::search::{NotSearched, SharedWorld};
use crate::model::{FuelByFunction, FunctionFuel, Harness, ModuleRecord, Report, TestRecord, Verdict};
use crate::sandbox::{Job, LoadedModule, Run, run};
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// A module that tells where its fuel is spent, and where its tests begin, if that is not a fresh instance.
struct CountingModule<'a> {
    planned: &'a PlannedModule,
    module: LoadedModule,
    world: Option<SharedWorld<'a>>,
}

impl Runner {
    /// Puts into the records of tests in which functions they spent their fuel: of all tests where that was asked for; else of those
    /// that took more fuel than in the report which a gate compares with, where that says so of them. `modules` are those of the plan
    /// that have tests. A bug of ours that such a run shows is one of the run: it is put to the other `bugs`.
    pub(super) fn tell_fuel_by_function(
        &self,
        plan: &Plan,
        policy: &serde_json::Value,
        modules: &mut [ModuleRecord],
        bugs: &mut Vec<String>,
    ) {
        let base = self.base_with_functions(policy);
        if !self.options().fuel_by_function && base.is_empty() {
            return;
        }
        let with_tests = plan.modules().iter().filter(|planned| !planned.tests.is_empty());
        for (planned, record) in with_tests.zip(modules) {
            let name = planned.module.name();
            let tests = planned.tests.iter().zip(&mut record.tests);
            let mut wanted: Vec<_> =
                tests.filter(|(test, record)| test.is_test() && self.wants(name, record, &base)).collect();
            if wanted.is_empty() {
                continue;
            }
            let counting = self.install_each(&[planned], &|planned| self.counting(planned)).pop();
            let told = match counting.unwrap_or_else(|| Err(interrupted())) {
                Err(why) => wanted.iter().map(|_| Err(why.clone())).collect(),
                Ok(counting) => {
                    let each: Vec<(&PlannedTest, &TestRecord)> =
                        wanted.iter().map(|(test, record)| (*test, &**record)).collect();
                    self.install_each(&each, &|(test, record)| self.count(&counting, test, record))
                }
            };
            for ((test, record), told) in wanted.iter_mut().zip(told) {
                let told = told.unwrap_or_else(|why| match why {
                    NotSearched::Because(why) => FuelByFunction::unknown(why),
                    NotSearched::Bug(HostBug(what)) => {
                        bugs.push(format!("{name} {}: {what}", test.name));
                        FuelByFunction::unknown("the run that tells of it showed a bug of airtight's own")
                    }
                });
                record.details.get_or_insert_default().fuel_by_function = Some(Box::new(told));
            }
        }
    }

    /// What the tests of the report spent that a gate on fuel compares with, by module and name: of those whose fuel it tells by
    /// function.
    fn base_with_functions(&self, policy: &serde_json::Value) -> HashMap<(&str, &str), u64> {
        let compares = self.profile().gate().limits.fuel.is_some();
        let base: Option<&Report> = self.options().base.as_deref().filter(|_| compares);
        // Where fuel is counted in another way, nothing is compared.
        let base = base.filter(|base| base.canonical.policy.get("fuel-model") == policy.get("fuel-model"));
        let modules = base.into_iter().flat_map(|base| &base.canonical.modules);
        let tests = modules.flat_map(|module| module.tests.iter().map(move |test| (module, test)));
        let told = tests.filter(|(_, test)| {
            let told = test.details.as_ref().and_then(|details| details.fuel_by_function.as_ref());
            told.is_some_and(|told| told.why.is_none())
        });
        told.filter_map(|(module, test)| Some(((&*module.name, &*test.name), test.usage.as_ref()?.fuel?))).collect()
    }

    fn wants(&self, module: &str, record: &TestRecord, base: &HashMap<(&str, &str), u64>) -> bool {
        let Some(usage) = &record.usage else { return false };
        let grew = || {
            let before = base.get(&(module, &*record.name));
            before.zip(usage.fuel).is_some_and(|(before, fuel)| fuel > *before)
        };
        self.options().fuel_by_function || grew()
    }

    /// A module once more, so that it tells where its fuel is spent.
    ///
    /// # Errors
    /// Why it cannot, or a bug of ours.
    fn counting<'a>(&self, planned: &'a PlannedModule) -> Result<CountingModule<'a>, NotSearched> {
        if self.options().interrupt.load(Ordering::Relaxed) {
            return Err(interrupted());
        }
        if planned.module.has_threads() {
            Err("its module has threads, whose fuel is not told apart by function".to_owned())?;
        }
        let module = self.load_counting(&planned.module).map_err(|error| error.to_string())?;
        let world = self.shared_world(planned)?;
        Ok(CountingModule { planned, module, world })
    }

    /// Runs a test once more, and says in which functions it spends its fuel.
    ///
    /// # Errors
    /// Why that is not known, or a bug of ours.
    fn count(
        &self,
        counting: &CountingModule<'_>,
        test: &PlannedTest,
        record: &TestRecord,
    ) -> Result<FuelByFunction, NotSearched> {
        let options = self.options();
        let Decision::Run { grants, entry, subtests } = &test.decision else { Err("it is not run".to_owned())? };
        let fuel = record.usage.as_ref().and_then(|usage| usage.fuel);
        let fuel = fuel.ok_or_else(|| "it did not come to an end at which its fuel is known".to_owned())?;
        if record.verdict == Verdict::Timeout {
            Err("it used up its fuel".to_owned())?;
        }
        if let Some(grant) = grants.policy().unrepeatable() {
            Err(format!("it is granted {grant}, so that another run of it may be another one"))?;
        }
        let plain = Job::plain(&counting.module, (grants, test.called(), entry.call()), &options.interrupt);
        let job = Job {
            after: counting.world.as_ref().map(|world| world.called_again_in(&counting.module)),
            counts_heap: true,
            faults: &grants.policy().faults,
            subtests: subtests.as_ref(),
            rounds: options.repeat.max(1),
            shortcut: options.shortcut,
            schedule: options.schedule.clone(),
            inject_host_panic: options.inject_host_panic,
            ..plain
        };
        let run: Run = guarded(|| run(&job))?;
        HostBug::of_descriptors(run.host_leak)?;
        if options.interrupt.load(Ordering::Relaxed) {
            return Err(interrupted());
        }
        let is_go = test.harness == Harness::Go && counting.module.tells_goroutines();
        let start = run.remains.go.start_fuel.filter(|_| is_go).unwrap_or(0);
        let spent = run.fuel.saturating_sub(start);
        let functions = run.counts.by_function(spent).filter(|_| spent == fuel);
        let functions =
            functions.ok_or_else(|| "the run that tells of it did not spend what the test had spent".to_owned())?;
        let symbols = &counting.planned.module.symbols;
        let functions =
            functions.into_iter().map(|(function, fuel)| FunctionFuel::new(symbols.function(function), fuel));
        Ok(FuelByFunction::new(functions))
    }
}

fn interrupted() -> NotSearched {
    NotSearched::Because("interrupted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::search::tests::with_setup;
    use super::*;
    use crate::config::Config;
    use crate::run::{Selection, Subject};
    use crate::sandbox::LoadOptions;

    /// What is told of the tests of a module, and the bugs that are met: by a runner that shows one in each run, if so asked, after an
    /// ordinary run of another.
    fn told(module: &[u8], panics: bool) -> (Vec<Option<String>>, Vec<String>) {
        let run = |panics: bool| {
            let builder = Runner::builder(&Config::default(), "default").unwrap();
            let runner = builder.fuel_by_function(true).inject_host_panic(panics).build().unwrap();
            let module = runner.load(module.to_vec(), LoadOptions::named("m")).unwrap();
            let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
            (runner, plan)
        };
        let (runner, plan) = run(false);
        let report = runner.run(&plan, &mut ()).unwrap();
        let (runner, plan) = run(panics);
        let (mut modules, mut bugs) = (report.canonical.modules, Vec::new());
        runner.tell_fuel_by_function(&plan, &report.canonical.policy, &mut modules, &mut bugs);
        let tests = modules[0].tests.iter();
        let why = |test: &TestRecord| test.details.as_ref()?.fuel_by_function.as_ref()?.why.clone();
        (tests.map(why).collect(), bugs)
    }

    #[test]
    fn a_bug_of_ours_is_one_of_the_run() {
        let plain = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
        for (module, test) in [(plain, "m"), (with_setup(), "a")] {
            let (whys, bugs) = told(&module, false);
            assert_eq!((whys.iter().flatten().count(), bugs.len()), (0, 0), "{whys:?} {bugs:?}");
            let (whys, bugs) = told(&module, true);
            assert_eq!(bugs, [format!("m {test}: the host panicked: on purpose")]);
            assert_eq!(whys.iter().flatten().count(), 1, "{whys:?}");
        }
    }
}
