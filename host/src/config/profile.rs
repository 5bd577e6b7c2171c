//! A resolved profile, and the policy that it gives to each test.

use super::ask::{Ask, AskError, Refusal};
use super::gate::Gate;
use super::overlay::Overlays;
use super::suggest::nearest;
use super::trust::{Given, Trust, UntrustedGrants};
use crate::model::Limit;
use crate::model::units::format_quantity;
use crate::policy::{DirGrant, Limits, Policy, PolicyPatch, SocketGrant, SocketSource};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A resolved profile: the policy of its tests, and what changes it for some of them.
///
/// ```
/// use airtight::config::{Ask, Config};
/// use airtight::policy::Limit;
///
/// let text = "[[profile.default.overrides]]\nfilter = \"parser::\"\nmemory = \"4MiB\"\n";
/// let profile = Config::from_str(text, "airtight.toml", "/work".as_ref())?.profile("default")?;
/// let policy = profile.policy_for("parser", "parser::empty", &Ask::default())?;
/// assert_eq!(policy.limits.get(Limit::Memory), Some(4 << 20));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Profile {
    name: String,
    base: Arc<Policy>,
    requestable: Requestable,
    overrides: Vec<Override>,
    overlays: Overlays,
    heap_accounting: bool,
    unwinds: bool,
    threads: bool,
    setup_test: Option<Arc<str>>,
    gate: Gate,
    given: Given,
    baseline: Option<PathBuf>,
    /// Policies that were made already: tests with the same policy share one in memory.
    made: Mutex<HashMap<Changes, Arc<Policy>>>,
}

/// Grants on request: a test gets them only if it, or an override for it, asks for them by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Requestable {
    /// Directories, each with a name.
    pub dirs: Vec<DirGrant>,
    /// Sockets.
    pub sockets: Vec<SocketGrant>,
}

/// An override: changes for the tests whose names match.
///
/// If several overrides match a test, the first that sets a setting decides it, as in cargo-nextest. So the narrow overrides
/// are to come first. Each variable of `env` and each key of `leaks` counts as a setting of its own. Grants of several
/// overrides add up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Override {
    /// A part of the names of tests, like a filter of libtest; empty for every test.
    pub filter: String,
    /// A part of the names of modules; empty for every module.
    pub module: String,
    /// The whole name of a package; empty for every package.
    pub package: String,
    /// Whether the package is built so that its tests have threads.
    pub threads: Option<bool>,
    /// The changes.
    pub patch: PolicyPatch,
    /// Names of grants on request that the tests get.
    pub grants: Vec<String>,
}

/// What makes a test's policy differ from the profile's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Changes {
    overrides: Vec<usize>,
    ask: Ask,
}

impl Override {
    /// Whether the override is for this test.
    #[must_use]
    pub fn matches(&self, module: &str, test: &str) -> bool {
        test.contains(&self.filter)
            && module.contains(&self.module)
            && (self.package.is_empty() || module.split('/').next() == Some(&self.package))
    }

    /// What the override is for, in the user's words: its `filter`, or else its `module`, or else its `package`.
    pub(super) fn pattern(&self) -> &str {
        [&self.filter, &self.module, &self.package].into_iter().find(|part| !part.is_empty()).map_or("", String::as_str)
    }
}

impl Clone for Profile {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            base: Arc::clone(&self.base),
            requestable: self.requestable.clone(),
            overrides: self.overrides.clone(),
            overlays: self.overlays.clone(),
            heap_accounting: self.heap_accounting,
            unwinds: self.unwinds,
            threads: self.threads,
            setup_test: self.setup_test.clone(),
            gate: self.gate.clone(),
            given: self.given.clone(),
            baseline: self.baseline.clone(),
            made: Mutex::default(),
        }
    }
}

impl Profile {
    /// A profile whose tests all have this policy, without a configuration.
    #[must_use]
    pub fn for_policy(policy: Policy) -> Self {
        Self::new("policy", policy, Requestable::default(), Vec::new())
    }

    /// A profile from parts that were checked.
    #[must_use]
    pub fn new(name: &str, policy: Policy, requestable: Requestable, overrides: Vec<Override>) -> Self {
        Self {
            name: name.to_owned(),
            base: Arc::new(policy),
            requestable,
            overrides,
            overlays: Overlays::default(),
            heap_accounting: true,
            unwinds: false,
            threads: false,
            setup_test: None,
            gate: Gate::default(),
            given: Given::default(),
            baseline: None,
            made: Mutex::default(),
        }
    }

    /// The same profile under the settings of one run. It is to be called once.
    #[must_use]
    pub fn with_overlays(mut self, overlays: Overlays) -> Self {
        self.overlays = overlays;
        let overlays = self.overlays.clone();
        let policy = self.policy_mut();
        overlays.in_order().iter().for_each(|patch| patch.apply(policy));
        policy.seed = overlays.seed.unwrap_or(policy.seed);
        policy.dirs.retain(|dir| overlays.dirs.iter().all(|instead| instead.guest != dir.guest));
        policy.dirs.extend(overlays.dirs.iter().cloned());
        overlays.dirs.iter().for_each(|instead| self.given.replace(&instead.guest));
        self
    }

    /// The same profile, with heap accounting on or off.
    #[must_use]
    pub fn with_heap_accounting(mut self, on: bool) -> Self {
        self.heap_accounting = on;
        self
    }

    /// Whether heap accounting is on: modules are instrumented so that the host sees the heap of their tests. If it is off, no
    /// limit on the heap is judged. A run has one value: it is compiled into the modules.
    #[must_use]
    pub fn heap_accounting(&self) -> bool {
        self.heap_accounting
    }

    /// The same profile, for tests whose panics unwind (`on`) or end the program.
    #[must_use]
    pub fn with_unwinding(mut self, on: bool) -> Self {
        self.unwinds = on;
        self
    }

    /// Whether tests are to be built so that panics unwind. A run has one value: it is compiled into std.
    #[must_use]
    pub fn unwinds(&self) -> bool {
        self.unwinds
    }

    /// The same profile, for tests with or without threads.
    #[must_use]
    pub fn with_threads(mut self, on: bool) -> Self {
        self.threads = on;
        self
    }

    /// Whether tests are to be built so that they have threads, if no override decides it for their package.
    #[must_use]
    pub fn has_threads(&self) -> bool {
        self.threads
    }

    /// Whether the tests of a package are to be built so that they have threads.
    #[must_use]
    pub fn has_threads_in(&self, package: &str) -> bool {
        let own = self.overrides.iter().filter(|overriding| overriding.package == package);
        own.filter_map(|overriding| overriding.threads).next().unwrap_or(self.threads)
    }

    /// Whether some override decides for its package whether it has threads.
    #[must_use]
    pub fn has_threads_by_package(&self) -> bool {
        self.overrides.iter().any(|overriding| overriding.threads.is_some())
    }

    /// The same profile, in which a test of this name is the set-up of every module that has such a test.
    #[must_use]
    pub fn with_setup_test(mut self, name: Option<&str>) -> Self {
        self.setup_test = name.map(Arc::from);
        self
    }

    /// The name of the set-up test. The other tests of its module begin in the state in which it ended, each in an instance of
    /// its own.
    #[must_use]
    pub fn setup_test(&self) -> Option<&Arc<str>> {
        self.setup_test.as_ref()
    }

    /// The same profile, with this gate.
    #[must_use]
    pub fn with_gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    /// What the profile asks of a whole run, beside the verdicts of its tests.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The same profile, with this file of accepted leaks.
    #[must_use]
    pub fn with_baseline(mut self, file: impl Into<Option<PathBuf>>) -> Self {
        self.baseline = file.into();
        self
    }

    /// The file of accepted leaks, which is read when a run begins; see [`Baseline`](super::Baseline).
    #[must_use]
    pub fn baseline(&self) -> Option<&Path> {
        self.baseline.as_deref()
    }

    /// The same profile, with the grants of its configuration that need the user's word.
    pub(super) fn with_given(mut self, given: Given) -> Self {
        self.given = given;
        self
    }

    /// The grants of its configuration that need the user's word.
    pub(super) fn given(&self) -> &Given {
        &self.given
    }

    /// Whether the user allows everything that the configuration grants of the machine. Grants of the command line are not
    /// checked: they are the user's own word. Nor are changes by [`Profile::policy_mut`]: they are the embedding program's own.
    ///
    /// # Errors
    /// The grants that are not allowed, and how the user can allow them.
    pub fn check_trust(&self, trust: &Trust) -> Result<(), UntrustedGrants> {
        trust.check(&self.given)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy of a test that no override and no ask changes.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.base
    }

    /// The policy of the profile, to be changed for every test: for grants that a run adds, such as the package's directory.
    pub fn policy_mut(&mut self) -> &mut Policy {
        self.made = Mutex::default();
        Arc::make_mut(&mut self.base)
    }

    /// What tests can ask for.
    #[must_use]
    pub fn requestable(&self) -> &Requestable {
        &self.requestable
    }

    /// What its tests are granted of the machine beside their package and `/tmp`, grants on request included. Each is a line,
    /// such as `/work/data as /data, read-only`.
    #[must_use]
    pub fn grants(&self) -> Vec<String> {
        let Requestable { dirs, sockets } = self.requestable.clone();
        let on_request = Policy { dirs, sockets, ..Policy::default() }.grants();
        self.base.grants().into_iter().chain(on_request).collect()
    }

    /// The overrides, the strongest first.
    #[must_use]
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// The policy of one test. Tests with the same policy get the same [`Arc`].
    ///
    /// # Errors
    /// The test asks for more than it may have.
    pub fn policy_for(&self, module: &str, test: &str, ask: &Ask) -> Result<Arc<Policy>, AskError> {
        let matching = self.overrides.iter().enumerate().filter(|(_, overriding)| overriding.matches(module, test));
        let changes = Changes { overrides: matching.map(|(nth, _)| nth).collect(), ask: ask.clone() };
        if changes.overrides.is_empty() && changes.ask == Ask::default() {
            return Ok(Arc::clone(&self.base));
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = made.get(&changes) {
            return Ok(Arc::clone(policy));
        }
        let policy = self.make(&changes).map_err(|refusal| AskError {
            module: module.to_owned(),
            test: test.to_owned(),
            refusal: Box::new(refusal),
        })?;
        Ok(Arc::clone(made.entry(changes).or_insert(Arc::new(policy))))
    }

    fn make(&self, changes: &Changes) -> Result<Policy, Refusal> {
        let mut policy = Policy::clone(&self.base);
        let overrides: Vec<_> = changes.overrides.iter().map(|nth| &self.overrides[*nth]).collect();
        // The first override is the strongest, and is applied last.
        overrides.iter().rev().for_each(|overriding| overriding.patch.apply(&mut policy));
        self.overlays.in_order().iter().for_each(|patch| patch.apply(&mut policy));
        self.lower(&mut policy.limits, &overrides, &changes.ask)?;
        let mut granted: BTreeSet<_> = overrides.iter().flat_map(|overriding| &overriding.grants).collect();
        for grant in &changes.ask.grants {
            self.check_grant(grant)?;
            granted.insert(grant);
        }
        self.requestable.grant(&granted, &mut policy);
        Ok(policy)
    }

    /// Lowers the limits to those that the test asks for.
    fn lower(&self, limits: &mut Limits, overrides: &[&Override], ask: &Ask) -> Result<(), Refusal> {
        for (limit, asked) in ask.limits.iter() {
            if let Some(allowed) = limits.get(limit).filter(|allowed| asked > *allowed) {
                return Err(Refusal::Above {
                    limit,
                    asked: format_quantity(limit.row().quantity, asked),
                    allowed: format_quantity(limit.row().quantity, allowed),
                    allowed_by: self.who_sets(limit, overrides),
                });
            }
            // If there was no limit, every value lowers it.
            limits.set(limit, asked);
        }
        Ok(())
    }

    /// What set a limit, in the user's words.
    fn who_sets(&self, limit: Limit, overrides: &[&Override]) -> String {
        let sets = |patch: &PolicyPatch| patch.limits.get(limit).is_some();
        if sets(&self.overlays.command_line) {
            return "the command line".to_owned();
        }
        if sets(&self.overlays.environment) {
            return format!("the variable {}", limit.variable());
        }
        match overrides.iter().find(|overriding| sets(&overriding.patch)) {
            Some(overriding) => {
                format!("the override for `{}` in profile `{}`", overriding.pattern(), self.name)
            }
            None => format!("profile `{}`", self.name),
        }
    }

    fn check_grant(&self, grant: &str) -> Result<(), Refusal> {
        let given = self.base.sockets.iter().map(|socket| socket.name.as_str());
        let known: Vec<_> = self.requestable.names().chain(given).map(str::to_owned).collect();
        if known.iter().any(|name| name == grant) {
            return Ok(());
        }
        Err(Refusal::UnknownGrant {
            grant: grant.to_owned(),
            profile: self.name.clone(),
            nearest: nearest(grant, known.iter().map(String::as_str)).map(str::to_owned),
            known,
        })
    }
}

impl Requestable {
    /// The names that can be asked for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let dirs = self.dirs.iter().filter_map(|dir| dir.name.as_deref());
        dirs.chain(self.sockets.iter().map(|socket| socket.name.as_str()))
    }

    /// Adds the named grants, in the order of the profile. For a socket that connects to another granted one, the other is
    /// added, too.
    fn grant(&self, names: &BTreeSet<&String>, policy: &mut Policy) {
        let dirs = self.dirs.iter().filter(|dir| dir.name.as_ref().is_some_and(|name| names.contains(name)));
        policy.dirs.extend(dirs.cloned());
        let asked = |socket: &&SocketGrant| names.contains(&socket.name);
        let needed: BTreeSet<_> = (self.sockets.iter().filter(asked))
            .filter_map(|socket| match &socket.source {
                SocketSource::ConnectTo(listener) => Some(listener),
                _ => None,
            })
            .collect();
        let sockets = self.sockets.iter().filter(|socket| asked(socket) || needed.contains(&socket.name));
        policy.sockets.extend(sockets.cloned());
    }
}
