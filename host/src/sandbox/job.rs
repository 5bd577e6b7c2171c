//! What one run of a test has to do.

use super::fork_base::{Fork, ForkBase};
use super::forked::ForkImage;
use super::image::{AfterSetUp, BeginsReady, Image};
use super::module::LoadedModule;
use super::start::{EntryPoint, SdkCall};
use super::wasi::{CallStacks, Grants, Streams};
use crate::model::trace::TraceOptions;
use crate::model::{Exploration, SubtestFilter};
use crate::policy::Fault;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// One test to run.
#[derive(Clone)]
pub struct Job<'a> {
    /// Its module.
    pub module: &'a LoadedModule,
    /// What it is granted.
    pub grants: &'a Arc<Grants>,
    /// Its name, which also seeds its randomness.
    pub test: &'a Arc<str>,
    /// What to call.
    pub entry: EntryPoint<'a>,
    /// SDK tests that are called before it in the same instance, one after the other as long as they pass.
    pub before: &'a [SdkCall],
    /// The set-up after which the test begins, if its module has one.
    pub after: Option<AfterSetUp<'a>>,
    /// Where its program is ready, for a test of Go that begins there.
    pub ready: Option<BeginsReady<'a>>,
    /// Whether its program, which is Go's, is run until it is ready and captured there.
    pub until_ready: bool,
    /// The forked subtest that is run in place of the test.
    pub fork: Option<Fork<'a>>,
    /// Whether what its instance holds at the end is captured, where it passes: it is a set-up.
    pub captures: bool,
    /// Set when the run is to stop.
    pub interrupted: &'a Arc<AtomicBool>,
    /// Whether the heap of the test is accounted for.
    pub counts_heap: bool,
    /// Whether to note where handles are acquired, for clean-up coverage.
    pub notes_sites: bool,
    /// Whether a Go test has to tell of its heap, which costs it garbage collections.
    pub go_heap: bool,
    /// Calls of the test that are made to fail.
    pub faults: &'a [Fault],
    /// Whether to note the calls of the test that can fail.
    pub notes_calls: bool,
    /// The stacks of a run in which all of these calls fail but the last, if they are known.
    pub call_stacks: Option<&'a Arc<CallStacks>>,
    /// What is kept of all that the test does.
    pub traces: Option<TraceOptions>,
    /// Whether its memory is drawn over its fuel.
    pub draws_timeline: bool,
    /// Whether to note what it asks of the host.
    pub notes_reads: bool,
    /// Whether to tell what of memory is other at the end than where its calls began.
    pub tells_changed: bool,
    /// Which subtests are run; all of them if there is no filter.
    pub subtests: Option<&'a Arc<SubtestFilter>>,
    /// How often an SDK test is called in the one instance, as long as it passes. Other tests are called once.
    pub rounds: u32,
    /// Whether a harness that can be handed a single test is handed it, and a second run may end where it has shown all, and capture
    /// each different stack once.
    pub shortcut: bool,
    /// The schedule of the test's threads; `None` for the schedule of every run.
    pub schedule: Option<Exploration>,
    /// Whether the last turns of the test's threads are kept.
    pub follows_turns: bool,
    /// What the test's standard streams are.
    pub streams: Streams,
    /// Whether to keep what the test changes in overlays, to be written to the host.
    pub keep_changes: bool,
    /// Leaks a host descriptor on purpose: for tests of the check at the end.
    pub inject_host_leak: bool,
    /// Panics on purpose: for tests that a panic of the host is reported and spoils nothing else.
    pub inject_host_panic: bool,
}

impl<'a> Job<'a> {
    /// A plain job: one run with captured output, and nothing else counted or kept.
    pub fn plain(
        module: &'a LoadedModule,
        (grants, test, entry): (&'a Arc<Grants>, &'a Arc<str>, EntryPoint<'a>),
        interrupted: &'a Arc<AtomicBool>,
    ) -> Self {
        Self {
            module,
            grants,
            test,
            entry,
            before: &[],
            after: None,
            ready: None,
            until_ready: false,
            fork: None,
            captures: false,
            interrupted,
            counts_heap: false,
            notes_sites: false,
            go_heap: false,
            faults: &[],
            notes_calls: false,
            call_stacks: None,
            traces: None,
            draws_timeline: false,
            notes_reads: false,
            tells_changed: false,
            subtests: None,
            rounds: 1,
            shortcut: false,
            schedule: None,
            follows_turns: false,
            streams: Streams::Captured,
            keep_changes: false,
            inject_host_leak: false,
            inject_host_panic: false,
        }
    }

    /// The same test with all done again that it would begin from an image of: its set-up, the start of its program, and what came
    /// before a fork. It comes to the same.
    pub(super) fn repeating(self) -> Self {
        let fork = self.repeated_fork();
        match (self.after, self.ready) {
            (Some(after), _) => {
                Self { module: after.setup.module, after: Some(AfterSetUp { repeats: true, ..after }), fork, ..self }
            }
            (None, Some(ready)) => Self { module: ready.module, ready: None, fork, ..self },
            (None, None) => {
                let base = self.fork.and_then(|fork| fork.base);
                Self { module: base.map_or(self.module, ForkBase::own), fork, ..self }
            }
        }
    }

    /// The same test, which begins from another image of its set-up. What came before a fork is done again.
    pub(super) fn beginning_from(self, image: &'a Image) -> Self {
        let (fork, after) = (self.repeated_fork(), self.after.map(|after| AfterSetUp { image, ..after }));
        Self { module: image.module(), after, fork, ..self }
    }

    /// The fork that it is, if its test is run again up to there.
    fn repeated_fork(&self) -> Option<Fork<'a>> {
        self.fork.map(|fork| Fork { base: None, repeats: true, ..fork })
    }

    /// The image of a fork that it begins from.
    pub(super) fn fork_image(&self) -> Option<&'a ForkImage> {
        self.fork.filter(|fork| !fork.repeats).map(|fork| fork.image)
    }

    /// What the fork begins from that it is, if that is not the module of its test.
    pub(super) fn fork_base(&self) -> Option<&'a ForkBase<'a>> {
        self.fork?.base
    }

    /// The set-up that is called in its own instance.
    pub(super) fn repeated_setup(&self) -> Option<AfterSetUp<'a>> {
        self.after.filter(|after| after.repeats)
    }

    /// Where it begins after a set-up, if that is not a fresh instance.
    pub(super) fn image(&self) -> Option<AfterSetUp<'a>> {
        self.after.filter(|after| !after.repeats)
    }

    /// The calls of the run, in order.
    pub(super) fn calls(&self) -> impl Iterator<Item = EntryPoint<'a>> + use<'a> {
        self.before.iter().map(EntryPoint::Sdk).chain(std::iter::repeat_n(self.entry, self.rounds.max(1) as usize))
    }
}
