//! Which tests will run, each with its policy made ready: everything that is done once and not per test.

use super::runner::RunError;
use super::selection::{RunIgnored, Selection};
use crate::catalogue::SdkTest;
use crate::config::{Ask, Profile};
use crate::harness::libtest::{self, Listed};
use crate::model::Harness;
use crate::policy::{DirGrant, Limit, Policy};
use crate::sandbox::wasi::Grants;
use crate::sandbox::{Engine, LoadedModule, SdkCall};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What one module's tests get beside the profile's grants: the package's directory and variables.
#[derive(Debug, Clone, Default)]
pub struct ModuleGrants {
    /// Directories, before the profile's.
    pub dirs: Vec<DirGrant>,
    /// Variables that the profile may replace.
    pub env: Vec<(String, String)>,
}

/// A module to run the tests of.
pub struct Subject {
    /// The module.
    pub module: LoadedModule,
    /// What its tests get beside the profile's grants.
    pub grants: ModuleGrants,
}

impl Subject {
    /// What its tests are granted under a policy.
    pub(super) fn grants_for(&self, policy: &Policy) -> Result<Arc<Grants>, RunError> {
        self.grants.clone().for_module(&self.module).with(policy)
    }
}

impl ModuleGrants {
    fn with(&self, policy: &Policy) -> Result<Arc<Grants>, RunError> {
        let mut whole = policy.clone();
        whole.dirs = self.dirs_under(policy).chain(whole.dirs).collect();
        for (name, value) in &self.env {
            whole.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Ok(Arc::new(Grants::new(Arc::new(whole))?))
    }

    /// The module's directories. What a profile grants in the place of one holds for its other name too.
    pub(super) fn dirs_under<'a>(&'a self, policy: &'a Policy) -> impl Iterator<Item = DirGrant> + 'a {
        self.dirs.iter().map(|dir| {
            let same = self.dirs.iter().filter(|other| dir.alias_of.is_some() && other.alias_of == dir.alias_of);
            let mut names = std::iter::once(dir).chain(same).map(|other| &other.guest);
            let instead = names.find_map(|guest| policy.dirs.iter().find(|granted| granted.guest == *guest));
            match instead {
                Some(granted) => DirGrant { host: granted.host.clone(), mode: granted.mode, ..dir.clone() },
                None => dir.clone(),
            }
        })
    }
}

/// A module with the tests that were selected.
pub struct PlannedModule {
    /// The module.
    pub module: LoadedModule,
    /// Its tests, by name.
    pub tests: Vec<PlannedTest>,
    /// How many the selection left out.
    pub filtered_out: usize,
}

/// One test to run.
pub struct PlannedTest {
    /// Its name.
    pub name: Arc<str>,
    /// How it is held.
    pub harness: Harness,
    pub(super) step: Step,
}

impl PlannedTest {
    /// Why it will be skipped, if it will.
    pub fn skipped(&self) -> Option<&str> {
        match &self.step {
            Step::Skip(reason) => Some(reason),
            Step::Run { .. } | Step::Refuse(_) => None,
        }
    }
}

pub(super) enum Step {
    Run {
        grants: Arc<Grants>,
        call: Call,
    },
    /// Not run, for this reason.
    Skip(Arc<str>),
    /// Not run, because it asks for what it may not have.
    Refuse(String),
}

pub(super) enum Call {
    Start(Vec<Arc<str>>),
    Sdk(SdkCall),
}

/// A test as its module names it, before anything was decided.
struct Candidate<'a> {
    name: Arc<str>,
    harness: Harness,
    ignored: Option<Arc<str>>,
    sdk: Option<&'a SdkTest>,
}

/// Room for what a module prints when it lists its tests, in bytes: names of a hundred for each of 600,000.
const LISTING: u64 = 64 << 20;

/// Makes the plans of modules, and the grants that several tests share.
pub(super) struct Planner<'a> {
    pub engine: &'a Engine,
    pub profile: &'a Profile,
    pub selection: &'a Selection,
    pub interrupted: &'a Arc<AtomicBool>,
}

impl Planner<'_> {
    /// Lists and selects a module's tests. `selected` counts over all modules, for partitions.
    pub fn plan(&self, subject: Subject, selected: &mut usize) -> Result<PlannedModule, RunError> {
        let Subject { module, grants } = subject;
        let grants = grants.for_module(&module);
        let mut shared = SharedGrants { extra: &grants, made: Vec::new() };
        let candidates = self.candidates(&module, &mut shared)?;
        let all = candidates.len();
        let mut tests = Vec::new();
        for candidate in candidates {
            if !self.selects(&candidate) {
                continue;
            }
            let index = *selected;
            *selected += 1;
            if self.selection.partition.is_some_and(|partition| !partition.holds(index)) {
                continue;
            }
            let step = self.step(&module, &candidate, &mut shared)?;
            tests.push(PlannedTest { name: candidate.name, harness: candidate.harness, step });
        }
        Ok(PlannedModule { module, filtered_out: all - tests.len(), tests })
    }

    fn selects(&self, candidate: &Candidate<'_>) -> bool {
        let wanted = self.selection.ignored != RunIgnored::Only || candidate.ignored.is_some();
        wanted && self.selection.matches(&candidate.name)
    }

    fn candidates<'m>(
        &self,
        module: &'m LoadedModule,
        shared: &mut SharedGrants<'_>,
    ) -> Result<Vec<Candidate<'m>>, RunError> {
        let catalogue = &module.catalogue;
        let mut candidates: Vec<Candidate<'m>> = catalogue.sdk_tests.iter().map(of_sdk).collect();
        let held: HashSet<Arc<str>> = candidates.iter().map(|test| Arc::clone(&test.name)).collect();
        if catalogue.libtest {
            let grants = shared.for_listing(self.profile.policy())?;
            let listed = libtest::list(self.engine, module, &grants, self.interrupted)?;
            candidates.extend(listed.into_iter().filter(|test| !held.contains(&test.name)).map(of_libtest));
        } else if catalogue.harness == Harness::Command {
            let name = module.name.rsplit('/').next().unwrap_or_default().into();
            candidates.push(Candidate { name, harness: Harness::Command, ignored: None, sdk: None });
        }
        candidates.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(candidates)
    }

    fn step(
        &self,
        module: &LoadedModule,
        candidate: &Candidate<'_>,
        shared: &mut SharedGrants<'_>,
    ) -> Result<Step, RunError> {
        if let (Some(reason), RunIgnored::No) = (&candidate.ignored, self.selection.ignored) {
            return Ok(Step::Skip(Arc::clone(reason)));
        }
        let ask = candidate.sdk.map(ask_of).unwrap_or_default();
        let policy = match self.profile.policy_for(&module.name, &candidate.name, &ask) {
            Ok(policy) => policy,
            Err(refused) => return Ok(Step::Refuse(refused.to_string())),
        };
        let grants = shared.of(&policy)?;
        let call = match candidate.sdk {
            Some(test) => match module.sdk_call(&test.export, test.should_panic.clone()) {
                Some(call) => Call::Sdk(call),
                None => return Ok(Step::Refuse(format!("the module does not export `{}`", test.export))),
            },
            None if candidate.harness == Harness::Libtest => {
                Call::Start(libtest::arguments(&candidate.name, candidate.ignored.is_some()))
            }
            None => Call::Start(policy.args.iter().map(|arg| Arc::from(arg.as_str())).collect()),
        };
        Ok(Step::Run { grants, call })
    }
}

fn of_sdk(test: &SdkTest) -> Candidate<'_> {
    let ignored = test.ignore.as_ref().map(|why| ignored_reason(why));
    Candidate { name: test.libtest_name().into(), harness: Harness::Sdk, ignored, sdk: Some(test) }
}

fn of_libtest<'a>(test: Listed) -> Candidate<'a> {
    let ignored = test.ignored.as_deref().map(ignored_reason);
    Candidate { name: test.name, harness: Harness::Libtest, ignored, sdk: None }
}

fn ignored_reason(why: &str) -> Arc<str> {
    if why.is_empty() { "ignored".into() } else { format!("ignored: {why}").into() }
}

fn ask_of(test: &SdkTest) -> Ask {
    Ask { limits: test.limits, grants: test.grants.clone() }
}

/// The grants of one module's tests: the profile hands out one `Arc` for equal policies, so comparing pointers is enough.
struct SharedGrants<'a> {
    extra: &'a ModuleGrants,
    made: Vec<(Arc<Policy>, Arc<Grants>)>,
}

impl SharedGrants<'_> {
    /// What a module is listed with: no sockets, whose other ends expect a test, and room for the names of its tests, which
    /// are not a test's output.
    fn for_listing(&self, policy: &Arc<Policy>) -> Result<Arc<Grants>, RunError> {
        let mut limits = policy.limits;
        let output = limits.most(Limit::Output).max(LISTING);
        limits.set(Limit::Output, output);
        for limit in [Limit::HostMemory, Limit::Io] {
            limits.set(limit, limits.most(limit).max(output.saturating_mul(2)));
        }
        self.extra.with(&Policy { sockets: Vec::new(), limits, ..Policy::clone(policy) })
    }

    fn of(&mut self, policy: &Arc<Policy>) -> Result<Arc<Grants>, RunError> {
        if let Some((_, grants)) = self.made.iter().find(|(made, _)| Arc::ptr_eq(made, policy)) {
            return Ok(Arc::clone(grants));
        }
        let grants = self.extra.with(policy)?;
        self.made.push((Arc::clone(policy), Arc::clone(&grants)));
        Ok(grants)
    }
}
