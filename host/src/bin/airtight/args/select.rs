//! Which tests a command is about.

use super::{RunArgs, foreign};
use crate::failure::Failure;
use airtight::{GoFlags, Harness, Partition, RunIgnored, Selection};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

/// Which tests.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Which tests")]
pub struct TestArgs {
    /// Arguments of Rust's test harness: parts of names, any of which selects a test (`name/case` selects subtests), and
    /// options such as --skip or --nocapture. Where every module is a program, they are the program's; where every module is a
    /// Go test binary, they are its flags, such as -test.run or -test.short.
    #[arg(last = true, value_name = "ARG")]
    pub rest: Vec<String>,
    /// Parts of names that select tests.
    #[arg(skip)]
    pub filters: Vec<String>,
    /// Only tests that this filter expression of nextest's selects, for example 'package(app) & test(/^parse/)'; any of several.
    #[arg(short = 'E', long, visible_alias = "filter-expr", value_name = "EXPRESSION")]
    pub filterset: Vec<String>,
    /// Filters are whole names.
    #[arg(long)]
    pub exact: bool,
    /// Leave out tests whose names contain this; with a slash, subtests.
    #[arg(long, value_name = "FILTER")]
    pub skip: Vec<String>,
    /// Run ignored tests too.
    #[arg(long, conflicts_with = "ignored")]
    pub include_ignored: bool,
    /// Run only ignored tests.
    #[arg(long)]
    pub ignored: bool,
    /// The same in nextest's words.
    #[arg(long, value_enum, value_name = "WHICH", hide = true, conflicts_with_all = ["ignored", "include_ignored"])]
    pub run_ignored: Option<RunIgnoredArg>,
    /// Print the tests, and run none.
    #[arg(long)]
    pub list: bool,
    /// Run one part of the tests: slice:1/3 by their order, hash:1/3 by their names.
    #[arg(long, value_name = "slice:M/N|hash:M/N")]
    pub partition: Option<Partition>,
    /// Run each subtest of the SDK's tests alone, in a fresh instance: the test's code with that subtest and no other. It is told of as a
    /// test `name/case`.
    #[arg(long)]
    pub isolate_subtests: bool,
    /// Take the module for this harness instead of looking.
    #[arg(long, value_parser = harness_names(), value_name = "HARNESS")]
    pub harness: Option<Harness>,
    #[command(flatten)]
    pub foreign: foreign::ForeignArgs,
    /// What Go's test binaries are given.
    #[arg(skip)]
    pub go: GoFlags,
}

/// Which tests `--run-ignored` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunIgnoredArg {
    Default,
    #[value(alias = "ignored-only")]
    Only,
    All,
}

impl TestArgs {
    /// Refuses filter expressions where there are modules alone.
    ///
    /// # Errors
    /// There is one.
    pub fn refuse_filtersets(&self) -> Result<(), Failure> {
        if self.filterset.is_empty() {
            return Ok(());
        }
        let instead = "choose tests by parts of their names: `-- PART --skip PART`";
        Err(Failure::usage(format!(
            "-E: filter expressions are about a workspace's packages, and modules name none; {instead}"
        )))
    }

    /// Takes these arguments for those of Go test binaries.
    ///
    /// # Errors
    /// One of them has no meaning here.
    pub fn settle_go(&mut self, args: &[String], run: &mut RunArgs) -> Result<(), Failure> {
        self.go = GoFlags::parse(args).map_err(Failure::usage)?;
        self.list |= self.go.list.is_some();
        if let Some(listed) = self.go.list.take() {
            self.go.run.get_or_insert(listed);
        }
        run.fail_fast |= self.go.fail_fast;
        Ok(())
    }

    pub fn selection(&self) -> Selection {
        Selection {
            filters: self.filters.clone(),
            exact: self.exact,
            skip: self.skip.clone(),
            ignored: match self.run_ignored {
                Some(RunIgnoredArg::Only) => RunIgnored::Only,
                Some(RunIgnoredArg::All) => RunIgnored::Include,
                Some(RunIgnoredArg::Default) | None => run_ignored(self.ignored, self.include_ignored),
            },
            partition: self.partition,
            isolate_subtests: self.isolate_subtests,
            go: self.go.clone(),
        }
    }
}

/// What libtest's two flags say about ignored tests.
pub fn run_ignored(only: bool, include: bool) -> RunIgnored {
    match (only, include) {
        (true, _) => RunIgnored::Only,
        (_, true) => RunIgnored::Include,
        _ => RunIgnored::No,
    }
}

/// Takes the name of a harness, and lists all of them in the help.
fn harness_names() -> impl TypedValueParser<Value = Harness> {
    let names = PossibleValuesParser::new(Harness::ALL.map(Harness::name));
    names.try_map(|name| name.parse::<Harness>())
}
