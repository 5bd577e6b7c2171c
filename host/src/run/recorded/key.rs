//! The key of a test's results: a sum of all that they depend on and that is known before the test runs.

use crate::catalogue::Role;
use crate::model::{Harness, Verdict};
use crate::run::options::RunOptions;
use crate::run::plan::PlannedModule;
use crate::run::planned::{Decision, PlannedTest};
use crate::sandbox::wasi::Streams;
use sha2::{Digest, Sha256};
use std::fmt::Debug;
use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

/// The name of a test's results.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The key in hexadecimal digits.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Why this run neither records nor takes results; `None` if it does.
pub fn refuses(options: &RunOptions) -> Option<&'static str> {
    [
        (options.keep_output, "output of tests that pass is to be shown, and is not recorded"),
        (options.keep_changes, "changes of overlays are to be kept"),
        (options.heap_profile, "a profile of the heap is wanted"),
        (options.trace.is_some(), "tests are traced"),
        (options.streams != Streams::Captured, "output is shown while tests run"),
        (options.schedules > 0, "several schedules are tried"),
        (options.inject_host_leak || options.inject_host_panic, "faults of the host are injected"),
        (program().is_none(), "this program cannot read its own file"),
    ]
    .into_iter()
    .find_map(|(refuses, why)| refuses.then_some(why))
}

/// The key of a test, or why the test has none.
///
/// # Errors
/// The reason, in words that complete "not cached: …".
pub fn key(
    options: &RunOptions,
    (planned, module): (&PlannedModule, &str),
    test: &PlannedTest,
    tells_setup: bool,
) -> Result<Key, &'static str> {
    let Decision::Run { grants, entry, subtests } = &test.decision else { return Err(Verdict::Skip.name()) };
    if planned.tests.iter().any(|test| test.role == Role::SetUp) {
        return Err("begins where a set-up ended");
    }
    if !test.is_test() {
        return Err("is no test");
    }
    let policy = grants.policy();
    if policy.unrepeatable().is_some() {
        return Err("is granted something of the real world");
    }
    let mut sum = Sum(Sha256::new());
    sum.text("airtight result 1");
    sum.text(program().ok_or("cannot be known to be run by the same program")?);
    sum.text(module);
    sum.debug(&(planned.module.name(), planned.module.harness(), planned.module.traits()));
    sum.debug(policy);
    // In a Go module, the first test tells of the goroutines that were started before it.
    let tells_setup = tells_setup && test.harness == Harness::Go;
    sum.debug(&(&test.name, test.harness, subtests, tells_setup));
    sum.debug(entry);
    let options_of_run = (options.compiler, options.shortcut, options.repeat, options.retries, options.go_heap);
    sum.debug(&(options_of_run, &options.schedule));
    sum.debug(&options.baseline.as_ref().map(|baseline| baseline.digest()));
    Ok(Key(format!("{:x}", sum.0.finalize())))
}

/// A sum of several texts. Each text's length is part of it, so that no text can be taken for part of another.
struct Sum(Sha256);

impl Sum {
    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    fn debug(&mut self, value: &impl Debug) {
        self.text(&format!("{value:?}"));
    }
}

/// The sum of this program's own bytes: another version of it, or of a program that embeds it, may come to other results.
fn program() -> Option<&'static str> {
    static PROGRAM: OnceLock<Option<String>> = OnceLock::new();
    PROGRAM.get_or_init(|| sum_of(&mut File::open(std::env::current_exe().ok()?).ok()?)).as_deref()
}

fn sum_of(file: &mut File) -> Option<String> {
    let (mut sum, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(format!("{:x}", sum.finalize())),
            count => sum.update(&buffer[..count]),
        }
    }
}
