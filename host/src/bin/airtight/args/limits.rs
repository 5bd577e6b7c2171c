//! Limits of tests on the command line: an option for each that can be set there, by the table of limits.

use airtight::config::Problem;
use airtight::internals::Quantity;
use airtight::policy::{Limit, LimitValues, PolicyPatch};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// The heading of the options in the help.
const HEADING: &str = "Limits of each test, above the profile's and the overrides' settings";

/// Limits that stand above the configuration's.
#[derive(Debug, Clone, Copy, Default)]
pub struct LimitArgs(LimitValues);

impl LimitArgs {
    /// The policy settings that they are.
    pub fn patch(self) -> PolicyPatch {
        PolicyPatch { limits: self.0, ..PolicyPatch::default() }
    }
}

/// The limits that have an option, in the order of the table.
fn with_option() -> impl Iterator<Item = Limit> {
    Limit::ALL.into_iter().filter(|limit| limit.can_be_set_by(airtight::policy::Source::CommandLine))
}

fn option(limit: Limit) -> Arg {
    let value_name = match limit.row().quantity {
        Quantity::Size => "SIZE",
        Quantity::Fuel => "AMOUNT",
        Quantity::Count => "COUNT",
        Quantity::Duration => "TIME",
    };
    let parse = move |text: &str| limit.parse(text).map_err(Problem::from);
    let help = format!("{} [env: {}]", limit.row().help, limit.variable());
    Arg::new(limit.name())
        .long(limit.name())
        .value_name(value_name)
        .help(help)
        .help_heading(HEADING)
        .value_parser(parse)
}

impl Args for LimitArgs {
    fn augment_args(command: Command) -> Command {
        with_option().fold(command, |command, limit| command.arg(option(limit)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LimitArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut limits = Self::default();
        limits.update_from_arg_matches(matches)?;
        Ok(limits)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for limit in with_option() {
            if let Some(value) = matches.get_one::<u64>(limit.name()) {
                self.0.set(limit, Some(*value));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    #[command(no_binary_name = true)]
    struct Options {
        #[command(flatten)]
        limits: LimitArgs,
    }

    #[test]
    fn every_limit_has_an_option() {
        for limit in Limit::ALL {
            let value = if limit.row().quantity == Quantity::Duration { "1s" } else { "7" };
            let options = Options::try_parse_from([&format!("--{}", limit.name()), value]).unwrap();
            let expected = LimitValues::NONE.with(limit, limit.parse(value).unwrap());
            assert_eq!(options.limits.patch().limits, expected, "{}", limit.name());
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused_in_the_words_of_the_configuration() {
        for (option, value, words) in [
            ("--fuel", "0", "0 is too little; no test can run with it"),
            ("--stack", "2GiB", "2 GiB is too much; each worker thread reserves it"),
            ("--handles", "5G", "5000000000 is not a whole number from 1 to 4294967295"),
            ("--peak-heap", "4k", "write for example \"4KiB\""),
            ("--slow-timeout", "5", "\"5\" is not a duration"),
        ] {
            let error = Options::try_parse_from([option, value]).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
