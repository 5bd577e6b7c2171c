//! Options of `cargo test` and `cargo nextest run` that cannot mean here what they mean there: each is refused with what to
//! write instead. Without them here, the nearest option of airtight's own would be suggested, which means something else.

use crate::failure::Failure;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

/// An option that is refused.
struct Foreign {
    long: &'static str,
    has_value: bool,
    instead: &'static str,
}

const fn option(long: &'static str, instead: &'static str) -> Foreign {
    Foreign { long, has_value: true, instead }
}

const fn flag(long: &'static str, instead: &'static str) -> Foreign {
    Foreign { long, has_value: false, instead }
}

const REPORT: &str = "a report for programs is a file here: --report json=PATH";
const CARGO_S: &str = "it is about cargo's build; give it to `cargo build --tests --target wasm32-wasip1`";

const FOREIGN: [Foreign; 8] = [
    option("format", REPORT),
    option("message-format-version", "there is one version of --message-format here, nextest's 0.1"),
    option("junit", "write --report junit=PATH"),
    flag("doc", "documentation tests are not run here; `cargo test --doc` runs them on this machine"),
    option("logfile", REPORT),
    flag("timings", CARGO_S),
    flag("unit-graph", CARGO_S),
    flag("future-incompat-report", CARGO_S),
];

/// The first of these options that was given.
#[derive(Debug, Clone, Default)]
pub struct ForeignArgs(Option<(&'static str, &'static str)>);

impl ForeignArgs {
    /// # Errors
    /// One was given.
    pub fn refuse(&self) -> Result<(), Failure> {
        match self.0 {
            Some((long, instead)) => Err(Failure::usage(format!("--{long}: {instead}"))),
            None => Ok(()),
        }
    }
}

impl Args for ForeignArgs {
    fn augment_args(command: Command) -> Command {
        FOREIGN.iter().fold(command, |command, foreign| {
            let action = if foreign.has_value { ArgAction::Append } else { ArgAction::Count };
            command.arg(Arg::new(foreign.long).long(foreign.long).action(action).hide(true))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ForeignArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut own = Self::default();
        own.update_from_arg_matches(matches)?;
        Ok(own)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given =
            |foreign: &&Foreign| matches.value_source(foreign.long) == Some(clap::parser::ValueSource::CommandLine);
        self.0 = FOREIGN.iter().find(given).map(|foreign| (foreign.long, foreign.instead));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Command, Program};
    use clap::Parser;

    #[test]
    fn each_is_refused_with_what_to_write_instead() {
        for foreign in &FOREIGN {
            let long = format!("--{}", foreign.long);
            let given = ["airtight", "test", &long, "1"];
            let program = Program::try_parse_from(&given[..if foreign.has_value { 4 } else { 3 }]).unwrap();
            let Command::Test(command) = program.command else { panic!("it is `test`") };
            let said = command.tests.foreign.refuse().unwrap_err().to_string();
            assert!(said.starts_with(&long) && said.contains(foreign.instead), "{said}");
        }
    }
}
