//! Which tests will run, each with its policy made ready: everything that is done once, not once for each test.

use super::error::RunError;
use super::isolated::{Isolation, SetUpCall};
use super::module_grants::ModuleGrants;
use super::planned::{Decision, PlannedTest};
use super::selection::{Partition, RunIgnored, Selection};
use crate::catalogue::Role;
use crate::config::Profile;
use crate::harness::{ListError, Lister, Test, harness};
use crate::model::{Harness, LimitValues, RefusedModule};
use crate::policy::{Limit, Policy};
use crate::sandbox::LoadedModule;
use crate::sandbox::wasi::{GrantError, Grants};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A loaded module, and what its tests are granted beside the profile's grants.
pub struct Subject {
    pub(crate) module: LoadedModule,
    pub(crate) grants: ModuleGrants,
    filter: Option<NameFilter>,
    limits: BTreeMap<String, LimitValues>,
}

/// Whether a test of this name is selected.
type NameFilter = Box<dyn Fn(&str) -> bool + Send + Sync>;

impl Subject {
    /// A module whose tests get what the profile grants and nothing else.
    pub fn new(module: LoadedModule) -> Self {
        Self { module, grants: ModuleGrants::default(), filter: None, limits: BTreeMap::new() }
    }

    /// Gives the module's tests these grants beside the profile's.
    #[must_use]
    pub fn with_grants(self, grants: ModuleGrants) -> Self {
        Self { grants, ..self }
    }

    /// Selects only those tests of the module for whose names `filter` is true, and which the run's selection selects, too.
    ///
    /// ```no_run
    /// use airtight::{LoadOptions, Runner, Subject, config::Config};
    ///
    /// let runner = Runner::builder(&Config::default(), "default")?.build()?;
    /// let module = runner.load(std::fs::read("tests.wasm")?, LoadOptions::named("tests"))?;
    /// let subject = Subject::new(module).with_filter(|test| test.starts_with("parser::"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_filter(self, filter: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        let filter: NameFilter = match self.filter {
            Some(earlier) => Box::new(move |name| earlier(name) && filter(name)),
            None => Box::new(filter),
        };
        Self { filter: Some(filter), ..self }
    }

    /// Asks for lower limits for these tests, by name. It does what the SDK's attributes do, for tests whose sources ask in
    /// another way. A test that asks for more than it would have is not run, and says so.
    #[must_use]
    pub fn with_limits(self, limits: BTreeMap<String, LimitValues>) -> Self {
        Self { limits, ..self }
    }

    /// The module.
    pub fn module(&self) -> &LoadedModule {
        &self.module
    }
}

/// The tests that one run will run, in order, each with its policy made ready. [`Runner::plan`](crate::Runner::plan) makes it.
///
/// A plan keeps the policy that it was made under: every runner that runs it gives its tests that policy, and the report states
/// it.
///
/// ```no_run
/// use airtight::{LoadOptions, Runner, Selection, Subject, config::Config};
///
/// let runner = Runner::builder(&Config::default(), "default")?.build()?;
/// let module = runner.load(std::fs::read("tests.wasm")?, LoadOptions::named("tests"))?;
/// let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
/// for module in plan.modules() {
///     println!("{}: {} tests, {} left out", module.module.name(), module.tests.len(), module.filtered_out);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Plan {
    pub(super) policy: Arc<Policy>,
    /// What tests may ask for by name, as the report states it.
    pub(super) requestable: Option<serde_json::Value>,
    pub(super) modules: Vec<PlannedModule>,
    pub(super) refused: Vec<RefusedModule>,
    /// Whether the wall clock is why one of the refused modules is refused.
    pub(super) refused_by_wall_clock: bool,
    /// The test that the profile names as a set-up, if no module has it.
    pub(super) missing_setup: Option<Arc<str>>,
    /// Which part of the tests this plan holds, if it is not all of them.
    pub(super) partition: Option<Partition>,
}

impl Plan {
    /// The plan's modules by name, also those without a selected test.
    #[must_use]
    pub fn modules(&self) -> &[PlannedModule] {
        &self.modules
    }

    /// The modules that do not list their tests, and those of [`Plan::with_refused`], by name. The report names them, and
    /// its status is not that of a run which passed.
    #[must_use]
    pub fn refused(&self) -> &[RefusedModule] {
        &self.refused
    }

    /// Adds modules that the report has to name, too: those that could not be loaded.
    ///
    /// ```
    /// use airtight::{LoadOptions, Runner, Selection, Subject, config::Config, exit_status, report::RefusedModule};
    ///
    /// # let bytes = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#)?;
    /// let runner = Runner::builder(&Config::default(), "default")?.build()?;
    /// let (mut subjects, mut refused) = (Vec::new(), Vec::new());
    /// for (name, bytes) in [("empty", bytes), ("text", b"text".to_vec())] {
    ///     match runner.load(bytes, LoadOptions::named(name)) {
    ///         Ok(module) => subjects.push(Subject::new(module)),
    ///         Err(error) => refused.push(RefusedModule::new(name, error.to_string())),
    ///     }
    /// }
    /// let plan = runner.plan(subjects, &Selection::default())?.with_refused(refused);
    /// let report = runner.run(&plan, &mut ())?;
    /// assert_eq!(report.canonical.refused[0].name, "text");
    /// assert_eq!(report.worst(), exit_status::MODULE_UNUSABLE);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_refused(mut self, refused: impl IntoIterator<Item = RefusedModule>) -> Self {
        self.refused.extend(refused);
        self.refused.sort();
        self
    }

    /// Which part of the tests this plan holds; `None` if it holds all of them.
    #[must_use]
    pub fn partition(&self) -> Option<Partition> {
        self.partition
    }

    /// The policy of the profile that the plan was made under. For some tests, an override or their own attributes change
    /// it.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// What the tests of a plan are granted of the machine, beside their package and `/tmp`: each grant once, in the order of
/// the tests.
pub(super) fn granted(modules: &[PlannedModule]) -> Vec<String> {
    let mut seen: Vec<Arc<Policy>> = Vec::new();
    let mut told: Vec<String> = Vec::new();
    let grants = modules.iter().flat_map(|module| &module.tests).filter_map(|test| test.grants());
    for grants in grants {
        let policy = grants.policy();
        if seen.iter().any(|known| Arc::ptr_eq(known, policy)) {
            continue;
        }
        seen.push(Arc::clone(policy));
        for grant in policy.grants() {
            if !told.contains(&grant) {
                told.push(grant);
            }
        }
    }
    told
}

/// A module with the tests that were selected.
#[non_exhaustive]
pub struct PlannedModule {
    /// The module.
    pub module: LoadedModule,
    /// Its tests, by name.
    pub tests: Vec<PlannedTest>,
    /// How many tests the selection left out.
    pub filtered_out: usize,
    /// The tests whose subtests should have been run alone and are not, with the reasons.
    pub(super) whole: Vec<String>,
}

/// A test as its module lists it, before anything was decided.
struct Candidate {
    test: Test,
    harness: Harness,
    /// Why the test is skipped; `None` if it is not marked as ignored.
    ignored: Option<Arc<str>>,
}

/// Bytes that a module may print when it lists its tests: enough for 600,000 names of a hundred bytes.
const LISTING: u64 = 64 << 20;

/// Makes the plans of modules, and makes grants that several tests share only once.
pub(super) struct Planner<'a> {
    pub profile: &'a Profile,
    pub selection: &'a Selection,
    pub interrupted: &'a Arc<AtomicBool>,
}

impl Planner<'_> {
    /// Lists and selects the tests of a module. `selected` counts the selected tests of all modules, for partitions. Also
    /// returns whether the profile names one of the tests as a set-up.
    pub fn plan(&self, subject: Subject, selected: &mut usize) -> Result<(PlannedModule, bool), RunError> {
        let Subject { module, grants, filter, limits } = subject;
        let grants = grants.for_module(&module);
        let mut shared = SharedGrants { extra: &grants, made: Vec::new() };
        let mut candidates = self.candidates(&module, &shared)?;
        for candidate in &mut candidates {
            if let Some(asked) = limits.get(&*candidate.test.name) {
                candidate.test.ask.limits = candidate.test.ask.limits.or(asked);
            }
        }
        let mut tests = Vec::new();
        let (candidates, others): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| self.role(&module, candidate) == Role::Test);
        let all = candidates.len();
        // A user who names only the set-up wants it to run, and the teardown after it.
        let selects = |name: &str| filter.as_ref().is_none_or(|selects| selects(name));
        let is_named = |name: &str| self.selection.names(name, filter.is_some()) && selects(name);
        let mut is_needed = others.iter().any(|other| is_named(&other.test.name));
        for candidate in candidates {
            if !self.selects(&candidate) || !selects(&candidate.test.name) {
                continue;
            }
            let index = *selected;
            *selected += 1;
            if self.selection.partition.is_some_and(|partition| !partition.holds(index, &candidate.test.name)) {
                continue;
            }
            let decision = self.decision(&module, &candidate, &mut shared)?;
            is_needed |= matches!(decision, Decision::Run { .. });
            let serial = serial(&module, &candidate, &decision);
            let declared = candidate.test.declared.and_then(|index| module.catalogue.declared.get(index));
            let wants_faults = declared.is_some_and(|declared| declared.faults);
            tests.push(PlannedTest {
                name: candidate.test.name,
                part_of: None,
                harness: candidate.harness,
                role: Role::Test,
                serial,
                wants_faults,
                decision,
            });
        }
        let filtered_out = all - tests.len();
        let has_setup = others.iter().any(|other| self.names_as_setup(other));
        for other in others.into_iter().filter(|_| is_needed) {
            let role = self.role(&module, &other);
            let decision = self.decision(&module, &other, &mut shared)?;
            let (name, harness) = (other.test.name, other.harness);
            tests.push(PlannedTest { name, part_of: None, harness, role, serial: None, wants_faults: false, decision });
        }
        let mut whole = Vec::new();
        if self.selection.isolate_subtests {
            let isolation =
                Isolation { module: &module, setup: SetUpCall::from_entries(&tests), interrupted: self.interrupted };
            (tests, whole) = isolation.apart(tests);
        }
        tests.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((PlannedModule { module, filtered_out, tests, whole }, has_setup))
    }

    /// The role of a candidate: the one that its module declares. If the module declares no set-up, the profile may name
    /// one.
    fn role(&self, module: &LoadedModule, candidate: &Candidate) -> Role {
        let declared = candidate.test.declared.and_then(|index| module.catalogue.declared.get(index));
        match declared.map_or(Role::Test, |declared| declared.role) {
            Role::Test if !module.catalogue.has_setup() && self.names_as_setup(candidate) => Role::SetUp,
            role => role,
        }
    }

    fn names_as_setup(&self, candidate: &Candidate) -> bool {
        self.profile.setup_test() == Some(&candidate.test.name)
    }

    fn selects(&self, candidate: &Candidate) -> bool {
        if candidate.test.left_out {
            return false;
        }
        let wanted = self.selection.ignored != RunIgnored::Only || candidate.ignored.is_some();
        let name = &candidate.test.name;
        // Only the SDK's subtests can be selected one by one.
        let is_sdk = candidate.harness == Harness::Sdk;
        wanted && if is_sdk { self.selection.matches_within(name) } else { self.selection.matches(name) }
    }

    /// Every test of a module, by name. A test that two harnesses list is run through the first of them.
    fn candidates(&self, module: &LoadedModule, shared: &SharedGrants<'_>) -> Result<Vec<Candidate>, RunError> {
        let grants = || shared.for_listing(self.profile.policy());
        let lister = Lister { module, grants: &grants, go: &self.selection.go, interrupted: self.interrupted };
        let mut candidates: Vec<Candidate> = Vec::new();
        for word in module.catalogue.harnesses() {
            let listed = harness(word).list(&lister).map_err(|error| match error {
                ListError::Grant(error) => RunError::Grant(error),
                error => RunError::List(error),
            })?;
            let known: HashSet<Arc<str>> = candidates.iter().map(|known| Arc::clone(&known.test.name)).collect();
            let new = listed.into_iter().filter(|test| !known.contains(&test.name));
            candidates.extend(new.map(|test| Candidate {
                ignored: test.ignored.as_deref().map(ignored_reason),
                harness: word,
                test,
            }));
        }
        candidates.sort_by(|a, b| a.test.name.cmp(&b.test.name));
        Ok(candidates)
    }

    fn decision(
        &self,
        module: &LoadedModule,
        candidate: &Candidate,
        shared: &mut SharedGrants<'_>,
    ) -> Result<Decision, RunError> {
        let Candidate { test, harness: word, ignored } = candidate;
        if let (Some(reason), RunIgnored::No) = (ignored, self.selection.ignored) {
            return Ok(Decision::Skip(Arc::clone(reason)));
        }
        if let Some(why) = &test.untold {
            return Ok(Decision::Skip(why.as_str().into()));
        }
        let policy = match self.profile.policy_for(&module.name, &test.name, &test.ask) {
            Ok(policy) => policy,
            Err(refused) => return Ok(Decision::Refuse(refused.to_string())),
        };
        let grants = shared.under(&policy)?;
        Ok(match harness(*word).entry(test, module, &policy) {
            Ok(entry) => {
                let filter = (*word == Harness::Sdk).then(|| self.selection.subtests(&test.name)).flatten();
                Decision::Run { grants, entry, subtests: filter.map(Arc::new) }
            }
            Err(why) => Decision::Refuse(why),
        })
    }
}

/// The group of a test, if no two tests of the group may run at once and this test could meet another one.
fn serial(module: &LoadedModule, candidate: &Candidate, decision: &Decision) -> Option<Arc<str>> {
    let declared = module.catalogue.declared.get(candidate.test.declared?)?;
    let Decision::Run { grants, .. } = decision else { return None };
    declared.serial.as_deref().filter(|_| grants.policy().shares()).map(Arc::from)
}

fn ignored_reason(why: &str) -> Arc<str> {
    if why.is_empty() { "ignored".into() } else { format!("ignored: {why}").into() }
}

/// The grants of one module's tests. The profile returns the same `Arc` for equal policies, so comparing pointers is
/// enough.
struct SharedGrants<'a> {
    extra: &'a ModuleGrants,
    made: Vec<(Arc<Policy>, Arc<Grants>)>,
}

impl SharedGrants<'_> {
    /// What a module is granted while it lists its tests. There are no sockets, because their other ends expect a test.
    /// There is room for the names of the tests, which are not a test's output.
    fn for_listing(&self, policy: &Arc<Policy>) -> Result<Arc<Grants>, GrantError> {
        let mut limits = policy.limits;
        let output = limits.most(Limit::Output).max(LISTING);
        limits.set(Limit::Output, output);
        for limit in [Limit::HostMemory, Limit::Io] {
            limits.set(limit, limits.most(limit).max(output.saturating_mul(2)));
        }
        self.extra.with(&Policy { sockets: Vec::new(), limits, ..Policy::clone(policy) })
    }

    /// What tests under this policy are granted.
    fn under(&mut self, policy: &Arc<Policy>) -> Result<Arc<Grants>, RunError> {
        if let Some((_, grants)) = self.made.iter().find(|(made, _)| Arc::ptr_eq(made, policy)) {
            return Ok(Arc::clone(grants));
        }
        let grants = self.extra.with(policy)?;
        self.made.push((Arc::clone(policy), Arc::clone(&grants)));
        Ok(grants)
    }
}
