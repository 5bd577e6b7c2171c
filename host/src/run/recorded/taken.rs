//! What one run does with recorded results: takes them, proves them, and records new ones.

use super::key::{self, Key};
use super::store::{RecordedResult, Results};
use super::{ResultsUse, TestResult};
use crate::model::doubt::TestId;
use crate::model::{RecordedResults, Verdict};
use crate::policy::Policy;
use crate::run::options::RunOptions;
use crate::run::plan::PlannedModule;
use crate::run::planned::Decision;
use crate::sandbox::wasi::{HostReads, state_of};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The recorded results of one run: those it takes, and those it records.
pub struct RecordedRun {
    results: Results,
    proves: bool,
    /// The key of each test of the plan, or why it has none.
    keys: Vec<Result<Key, &'static str>>,
    told: Mutex<RecordedResults>,
}

/// What is done about a test.
pub enum ResultLookup {
    /// A recorded result is taken.
    Recorded(Box<TestResult>),
    /// The test is not run: no result of it is to be proved.
    NotProved,
    /// The test is run.
    Run,
}

impl RecordedRun {
    /// The recorded results for a run of these modules; `None` if it neither takes nor records results.
    pub fn new(options: &RunOptions, modules: &[PlannedModule]) -> Option<Self> {
        let ResultsUse { results, proves } = options.results.clone()?;
        let refused = key::refuses(options).map(str::to_owned).or_else(|| results.refuses());
        let told = RecordedResults { refused: refused.clone(), ..RecordedResults::default() };
        let mut keys = Vec::new();
        for planned in modules.iter().filter(|_| refused.is_none()) {
            let module = planned.module.sum();
            let mut run = planned.tests.iter().filter(|test| matches!(test.decision, Decision::Run { .. }));
            let first = run.next().map(|test| &test.name);
            let of_test = |test| key::key(options, (planned, &module), test, first == Some(&test.name));
            keys.extend(planned.tests.iter().map(of_test));
        }
        let mut taken = Self { results, proves: proves.is_some(), keys, told: Mutex::new(told) };
        if let Some(most) = proves {
            taken.sample(most);
        }
        Some(taken)
    }

    /// Chooses at most `most` tests that have a recorded result. It chooses by key, so that the choice has nothing to do
    /// with what the tests are.
    fn sample(&mut self, most: usize) {
        let recorded = self.keys.iter().flatten().filter(|key| !self.results.undamaged(key).is_empty());
        let mut chosen: Vec<Key> = recorded.cloned().collect();
        chosen.sort();
        chosen.truncate(most);
        for key in &mut self.keys {
            if key.as_ref().is_ok_and(|key| chosen.binary_search(key).is_err()) {
                *key = Err("is not among those that are proved");
            }
        }
    }

    fn key(&self, index: usize) -> Option<&Key> {
        self.keys.get(index)?.as_ref().ok()
    }

    /// Whether the run has to note what the test at this index reads.
    pub fn wants_reads(&self, index: usize) -> bool {
        self.key(index).is_some() && !self.proves
    }

    /// What to do with the test at this index.
    pub fn take(&self, index: usize, policy: &Policy) -> ResultLookup {
        if self.proves {
            return if self.key(index).is_some() { ResultLookup::Run } else { ResultLookup::NotProved };
        }
        match self.key(index).and_then(|key| self.find(key, policy)) {
            Some(result) => ResultLookup::Recorded(result.into()),
            None => ResultLookup::Run,
        }
    }

    /// The recorded result of a key, if all that the test read is still as it was.
    fn find(&self, key: &Key, policy: &Policy) -> Option<TestResult> {
        let is_same = |recorded: &RecordedResult| {
            recorded.reads.iter().all(|(asked, state)| {
                let host = policy.dirs.get(asked.grant).map(|dir| &dir.host);
                host.and_then(|host| state_of(host, &asked.path, None).ok()).is_some_and(|now| now == *state)
            })
        };
        let found = self.results.undamaged(key).into_iter().find(is_same)?;
        self.results.was_used(key);
        Some(found.result)
    }

    /// Records the result of the test at this index, which ran from `began` on. `reads` is what the test read; `None` if
    /// that cannot be recorded.
    pub fn ran(
        &self,
        (index, policy, id): (usize, &Policy, TestId),
        result: TestResult,
        reads: Option<HostReads>,
        began: SystemTime,
    ) {
        let Some(key) = self.key(index) else {
            if let Some(Err(why)) = self.keys.get(index) {
                self.not_cached((*why).to_owned());
            }
            return;
        };
        if self.proves {
            return self.prove(key, policy, id, &result);
        }
        if result.record.verdict != Verdict::Pass || result.record.is_flaky() {
            return;
        }
        let Some(reads) = reads else { return self.not_cached("did not end by itself".to_owned()) };
        let states = reads.paths().map_err(str::to_owned).and_then(|paths| {
            let state = |asked: &crate::sandbox::wasi::AskedPath| {
                let dir = policy.dirs.get(asked.grant).ok_or("reads below no directory")?;
                state_of(&dir.host, &asked.path, Some(began)).map_err(|why| format!("reads {why}"))
            };
            let states = paths.into_iter().map(|asked| state(&asked).map(|state| (asked, state)));
            states.collect::<Result<Vec<_>, String>>()
        });
        let kept = states.and_then(|reads| {
            let recorded = RecordedResult { key: key.name().to_owned(), reads, result };
            self.results.keep(key, &recorded).map_err(|error| format!("cannot be recorded: {error}"))
        });
        if let Err(why) = kept {
            self.not_cached(why);
        }
    }

    /// Compares a result with the recorded one for the state in which the test ran.
    fn prove(&self, key: &Key, policy: &Policy, id: TestId, result: &TestResult) {
        let Some(recorded) = self.find(key, policy) else {
            return self.not_cached("reads what has changed since its result was recorded".to_owned());
        };
        let bytes = |result: &TestResult| serde_json::to_vec(result).ok();
        let mut told = self.told();
        if bytes(&recorded) == bytes(result) {
            told.proved += 1;
        } else {
            told.differ.push(id);
        }
    }

    /// Notes that a recorded result was taken.
    pub fn taken(&self, id: TestId) {
        self.told().cached.push(id);
    }

    fn not_cached(&self, why: String) {
        *self.told().not_cached.entry(why).or_default() += 1;
    }

    fn told(&self) -> std::sync::MutexGuard<'_, RecordedResults> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was taken, proved and not recorded.
    pub fn finish(self) -> RecordedResults {
        if self.told().refused.is_none() && !self.proves {
            self.results.prune();
        }
        let mut told = self.told.into_inner().unwrap_or_else(PoisonError::into_inner);
        told.cached.sort();
        told.differ.sort();
        told.not_cached.remove(Verdict::Skip.name());
        told
    }
}
