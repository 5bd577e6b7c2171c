//! The arguments after `--`. Whose arguments they are is known only when the modules are loaded.

use crate::args::{RunArgs, TestArgs};
use crate::failure::Failure;
use crate::session::Session;
use airtight::config::Config;
use airtight::{Harness, Subject};

/// A command line whose last arguments are taken for those of Rust's harness, as far as they can be.
pub struct SettledArgs {
    pub tests: TestArgs,
    pub run: RunArgs,
    given: (TestArgs, RunArgs),
    ended: Result<(), Failure>,
}

impl SettledArgs {
    pub fn new(tests: &TestArgs, run: &RunArgs) -> Self {
        let given = (tests.clone(), run.clone());
        let (mut tests, mut run) = given.clone();
        let ended = tests.settle(&mut run);
        Self { tests, run, given, ended }
    }

    /// The command line and the session for these modules. If all of them are programs, the arguments are the programs'
    /// own, in whatever form. If all are Go test binaries, the arguments are flags of `testing`, which no other harness
    /// knows.
    ///
    /// # Errors
    /// The arguments are for Rust's harness, and it does not know one of them; or they have no meaning here.
    pub fn with_modules(
        self,
        session: Session,
        subjects: &[Subject],
        config: &Config,
    ) -> Result<(Session, TestArgs, RunArgs), Failure> {
        let Self { tests, run, given, ended } = self;
        let are = |harness| subjects.iter().all(|subject| subject.module().harness() == harness);
        let (is_for_programs, is_for_go) = (are(Harness::Command), are(Harness::Go));
        if given.0.rest.is_empty() || !(is_for_programs || is_for_go) {
            ended?;
            return Ok((session, tests, run));
        }
        let (mut tests, mut run) = given;
        let rest = std::mem::take(&mut tests.rest);
        if is_for_programs {
            run.args = Some(rest);
            tests.settle(&mut run)?;
            let session = session.for_programs(&run, run.streams(), config)?;
            return Ok((session, tests, run));
        }
        tests.settle(&mut run)?;
        tests.settle_go(&rest, &mut run)?;
        let session = session.with_run(&run, config)?;
        Ok((session, tests, run))
    }
}
